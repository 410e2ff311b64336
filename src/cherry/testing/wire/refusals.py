"""How each vendor says no: status, headers and body, as its users report them.

One table, `vendor → kind → (status, body)`. `{model}` stands for the model asked for. A vendor without words of its own
for a kind uses those of the API it speaks.
"""

import email.utils
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from cherry.testing.faults import RefusalKind, Refuse, Vendor
from cherry.testing.wire.apis import Json


class Refusal(NamedTuple):
    status: int
    headers: dict[str, str]
    body: Json


class _Row(NamedTuple):
    status: int
    body: Json


def refusal(fault: Refuse, *, api_vendor: Vendor, model: str) -> Refusal:
    """What to send for a fault on an API that is `api_vendor`'s own."""
    row = _TABLE.get(fault.vendor, {}).get(fault.kind) or _TABLE[api_vendor][fault.kind]
    headers = {} if fault.retry_after is None else {"retry-after": _retry_after(fault.retry_after)}
    return Refusal(row.status, headers, _filled(row.body, model))


def refusal_message(kind: RefusalKind, *, api_vendor: Vendor, model: str) -> str:
    """The sentence in it, for errors inside a stream."""
    body = refusal(Refuse(kind), api_vendor=api_vendor, model=model).body
    error = body["error"]
    return str(error["message"] if isinstance(error, dict) else error)


def _retry_after(value: float | datetime) -> str:
    return email.utils.format_datetime(value, usegmt=True) if isinstance(value, datetime) else f"{value:g}"


def _filled(value: Any, model: str) -> Any:
    if isinstance(value, dict):
        return {key: _filled(inner, model) for key, inner in value.items()}
    return value.replace("{model}", model) if isinstance(value, str) else value


def _openai(status: int, message: str, kind: str, code: str | None = None, param: str | None = None) -> _Row:
    return _Row(status, {"error": {"message": message, "type": kind, "param": param, "code": code}})


def _anthropic(status: int, kind: str, message: str) -> _Row:
    error = {"type": kind, "message": message}
    return _Row(status, {"type": "error", "error": error, "request_id": "req_double"})


def _numbered(status: int, message: str, **more: Any) -> _Row:
    """The shape of OpenRouter and llama.cpp: the status again as the code."""
    return _Row(status, {"error": {"code": status, "message": message, **more}})


_QUOTA = (
    "You exceeded your current quota, please check your plan and billing details. For more information on this error, "
    "read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors."
)

_OPENAI: dict[RefusalKind, _Row] = {
    "wrong_key": _openai(
        401,
        "Incorrect API key provided: sk-wrong. You can find your API key at https://platform.openai.com/account/api-keys.",
        "invalid_request_error",
        "invalid_api_key",
    ),
    "no_credit": _openai(402, "Insufficient Balance", "unknown_error", "invalid_request_error"),
    "no_permission": _openai(
        403, "You are not allowed to sample from this model", "invalid_request_error", "insufficient_permissions"
    ),
    "model_not_found": _openai(
        404,
        "The model `{model}` does not exist or you do not have access to it.",
        "invalid_request_error",
        "model_not_found",
    ),
    "context_too_long": _openai(
        400,
        "This model's maximum context length is 128000 tokens. However, your messages resulted in 143210 tokens. "
        "Please reduce the length of the messages.",
        "invalid_request_error",
        "context_length_exceeded",
        "messages",
    ),
    "content_refused": _openai(
        400,
        "Invalid prompt: your prompt was flagged as potentially violating our usage policy. Please try again with a "
        "different prompt: https://platform.openai.com/docs/guides/reasoning#advice-on-prompting",
        "invalid_request_error",
        "invalid_prompt",
    ),
    "bad_request": _openai(400, "Unknown parameter: 'wish'.", "invalid_request_error", "unknown_parameter", "wish"),
    "no_tools": _openai(
        400, "'tools' is not supported with this model.", "invalid_request_error", "unsupported_parameter", "tools"
    ),
    "rate_limited": _openai(
        429,
        "Rate limit reached for {model} in organization org-double on tokens per min (TPM): Limit 30000, Used 29000, "
        "Requested 2000. Please try again in 2s. Visit https://platform.openai.com/account/rate-limits to learn more.",
        "tokens",
        "rate_limit_exceeded",
    ),
    "quota_used_up": _openai(429, _QUOTA, "insufficient_quota", "insufficient_quota"),
    "server_error": _openai(
        500, "The server had an error while processing your request. Sorry about that!", "server_error"
    ),
    "unavailable": _openai(503, "The engine is currently overloaded, please try again later", "server_error"),
    "overloaded": _openai(503, "The engine is currently overloaded, please try again later", "server_error"),
}

_ANTHROPIC: dict[RefusalKind, _Row] = {
    "wrong_key": _anthropic(401, "authentication_error", "invalid x-api-key"),
    "no_credit": _anthropic(
        400,
        "invalid_request_error",
        "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or "
        "purchase credits.",
    ),
    "no_permission": _anthropic(
        403, "permission_error", "Your API key does not have permission to use the specified resource."
    ),
    "model_not_found": _anthropic(404, "not_found_error", "model: {model}"),
    "context_too_long": _anthropic(400, "invalid_request_error", "prompt is too long: 214312 tokens > 200000 maximum"),
    "content_refused": _anthropic(400, "invalid_request_error", "Output blocked by content filtering policy"),
    "bad_request": _anthropic(400, "invalid_request_error", "wish: Extra inputs are not permitted"),
    "no_tools": _anthropic(400, "invalid_request_error", "'{model}' does not support tool use"),
    "rate_limited": _anthropic(
        429,
        "rate_limit_error",
        "This request would exceed your organization's rate limit of 50,000 input tokens per minute. For details, refer "
        "to: https://docs.claude.com/en/api/rate-limits.",
    ),
    "quota_used_up": _anthropic(
        400,
        "invalid_request_error",
        "You have reached your specified API usage limits. You will regain access on 2099-01-01 at 00:00 UTC.",
    ),
    "server_error": _anthropic(500, "api_error", "Internal server error"),
    "unavailable": _anthropic(503, "api_error", "upstream connect error or disconnect/reset before headers"),
    "overloaded": _anthropic(529, "overloaded_error", "Overloaded"),
}

_OLLAMA: dict[RefusalKind, _Row] = {
    "wrong_key": _Row(401, {"error": "unauthorized"}),
    "no_credit": _Row(402, {"error": "this model requires a subscription, upgrade for access"}),
    "no_permission": _Row(403, {"error": "forbidden"}),
    "model_not_found": _Row(404, {"error": "model '{model}' not found"}),
    "context_too_long": _Row(400, {"error": "prompt too long; exceeded max context length by 1204 tokens"}),
    "content_refused": _Row(400, {"error": "the request was refused by a content filter"}),
    "bad_request": _Row(400, {"error": "invalid options: wish"}),
    "no_tools": _Row(400, {"error": "registry.ollama.ai/library/{model} does not support tools"}),
    "rate_limited": _Row(429, {"error": "too many concurrent requests"}),
    "quota_used_up": _Row(429, {"error": "you've reached your hourly usage limit, please upgrade to continue"}),
    "server_error": _Row(
        500,
        {
            "error": "model runner has unexpectedly stopped, this may be due to resource limitations or an internal "
            "error, check ollama server logs for details"
        },
    ),
    "unavailable": _Row(503, {"error": "server busy, please try again.  maximum pending requests exceeded"}),
    "overloaded": _Row(503, {"error": "server busy, please try again.  maximum pending requests exceeded"}),
}

_DEEPSEEK: dict[RefusalKind, _Row] = {
    "wrong_key": _openai(
        401,
        "Authentication Fails, Your api key: ****rong is invalid",
        "authentication_error",
        "invalid_request_error",
    ),
    "no_credit": _openai(402, "Insufficient Balance", "unknown_error", "invalid_request_error"),
    "model_not_found": _openai(400, "Model Not Exist", "invalid_request_error", "invalid_request_error"),
    "context_too_long": _openai(
        400,
        "This model's maximum context length is 131072 tokens. However, you requested 131134 tokens (122942 in the "
        "messages, 8192 in the completion). Please reduce the length of the messages or completion.",
        "invalid_request_error",
        "invalid_request_error",
    ),
    "content_refused": _openai(400, "Content Exists Risk", "invalid_request_error", "invalid_request_error"),
    "unavailable": _openai(
        503,
        "Service is too busy. We advise users to temporarily switch to alternative LLM API service providers.",
        "service_unavailable_error",
        "service_unavailable_error",
    ),
}

_QWEN: dict[RefusalKind, _Row] = {
    "wrong_key": _openai(401, "Incorrect API key provided. ", "invalid_request_error", "invalid_api_key"),
    "no_credit": _openai(
        400, "Access denied, please make sure your account is in good standing.", "Arrearage", "Arrearage"
    ),
    "context_too_long": _openai(
        400,
        "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 129024]",
        "invalid_request_error",
        "invalid_parameter_error",
    ),
    "content_refused": _openai(
        400,
        "<400> InternalError.Algo.DataInspectionFailed: Input data may contain inappropriate content.",
        "data_inspection_failed",
        "data_inspection_failed",
    ),
    "rate_limited": _openai(429, "You have exceeded your current request limit.", "limit_requests", "limit_requests"),
    "quota_used_up": _openai(429, _QUOTA, "insufficient_quota", "insufficient_quota"),
}

_OPENROUTER: dict[RefusalKind, _Row] = {
    "wrong_key": _numbered(401, "No auth credentials found"),
    "no_credit": _numbered(402, "Insufficient credits. Add more using https://openrouter.ai/settings/credits"),
    "model_not_found": _numbered(400, "{model} is not a valid model ID"),
    "context_too_long": _numbered(
        400,
        "This endpoint's maximum context length is 131072 tokens. However, you requested about 150321 tokens (148021 of "
        'text input, 2300 of tool input). Please reduce the length of either one, or use the "middle-out" transform to '
        "compress your prompt automatically.",
        metadata={"provider_name": None},
    ),
    "content_refused": _numbered(
        403, "{model} requires moderation on Double. Your input was flagged", metadata={"reasons": ["violence"]}
    ),
    "rate_limited": _numbered(
        429,
        "Provider returned error",
        metadata={"raw": "{model} is temporarily rate-limited upstream. Please retry shortly."},
    ),
    "no_tools": _numbered(404, "No endpoints found that support tool use. To learn more, visit the documentation."),
    "unavailable": _numbered(503, "No instances available"),
    "overloaded": _numbered(502, "Provider returned error", metadata={"raw": "upstream overloaded"}),
}

_LLAMA_CPP: dict[RefusalKind, _Row] = {
    "wrong_key": _numbered(401, "Invalid API Key", type="authentication_error"),
    "context_too_long": _numbered(
        400,
        "the request exceeds the available context size, try increasing it",
        type="exceed_context_size_error",
        n_prompt_tokens=14429,
        n_ctx=8192,
    ),
    "no_tools": _numbered(500, "tools param requires --jinja flag", type="server_error"),
    "unavailable": _numbered(503, "Loading model", type="unavailable_error"),
}

_LM_STUDIO: dict[RefusalKind, _Row] = {
    "model_not_found": _openai(
        404,
        'Failed to load model "{model}". Error: Model not found.',
        "invalid_request_error",
        "model_not_found",
        "model",
    ),
    "context_too_long": _Row(
        400,
        {
            "error": "The number of tokens to keep from the initial prompt is greater than the context length. Try to "
            "load the model with a larger context length, or provide a shorter input"
        },
    ),
}

_VLLM: dict[RefusalKind, _Row] = {
    "wrong_key": _Row(401, {"error": "Unauthorized"}),
    "model_not_found": _numbered(404, "The model `{model}` does not exist.", type="NotFoundError", param="model"),
    "context_too_long": _numbered(
        400,
        "This model's maximum context length is 8192 tokens. However, your request has 9013 input tokens. Please reduce "
        "the length of the input messages.",
        type="BadRequestError",
        param=None,
    ),
    "no_tools": _numbered(
        400,
        '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set',
        type="BadRequestError",
        param=None,
    ),
}

_TABLE: Mapping[Vendor, Mapping[RefusalKind, _Row]] = {
    "openai": _OPENAI,
    "anthropic": _ANTHROPIC,
    "ollama": _OLLAMA,
    "deepseek": _DEEPSEEK,
    "qwen": _QWEN,
    "openrouter": _OPENROUTER,
    "llama.cpp": _LLAMA_CPP,
    "lmstudio": _LM_STUDIO,
    "vllm": _VLLM,
}
