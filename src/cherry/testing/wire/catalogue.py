"""What a provider answers besides model calls: lists of models, Ollama's small talk, and not-found."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from cherry.testing.wire.apis import Json
from cherry.testing.wire.http import HttpRequest

_JSON = {"content-type": "application/json"}
_MOMENT = "2025-01-01T00:00:00Z"
_SECONDS = 1_735_689_600


class Found(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: Json | str


def catalogue_answer(request: HttpRequest, body: Any, models: tuple[str, ...]) -> Found:
    match (request.method, request.path):
        case ("GET", "/v1/models" | "/deepseek/models" | "/deepseek/v1/models" | "/compatible-mode/v1/models"):
            if "anthropic-version" in request.headers:
                return _ok(_anthropic_models(models))
            return _ok(_openai_models(models))
        case ("GET", "/api/tags"):
            return _ok({"models": [_ollama_model(model) for model in models]})
        case ("GET", "/api/version"):
            return _ok({"version": "0.12.0"})
        case ("POST", "/api/show"):
            return _show(body, models)
        case ("POST", "/v1/messages/count_tokens"):
            return _ok({"input_tokens": -(-len(request.body) // 4)})
        case ("GET" | "HEAD", "/"):
            return Found(200, {"content-type": "text/plain; charset=utf-8"}, "Ollama is running")
    message = f"Invalid URL ({request.method} {request.path})"
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
    return Found(404, _JSON, {"error": error})


def _ok(body: Json) -> Found:
    return Found(200, _JSON, body)


def _openai_models(models: tuple[str, ...]) -> Json:
    listed = [{"id": model, "object": "model", "created": _SECONDS, "owned_by": "double"} for model in models]
    return {"object": "list", "data": listed}


def _anthropic_models(models: tuple[str, ...]) -> Json:
    listed = [{"type": "model", "id": model, "display_name": model, "created_at": _MOMENT} for model in models]
    first, last = (models[0], models[-1]) if models else (None, None)
    return {"data": listed, "has_more": False, "first_id": first, "last_id": last}


def _ollama_model(model: str) -> Json:
    return {
        "name": model,
        "model": model,
        "modified_at": _MOMENT,
        "size": 2_019_393_189,
        "digest": "a" * 64,
        "details": _details(),
    }


def _details() -> Json:
    return {
        "parent_model": "",
        "format": "gguf",
        "family": "llama",
        "families": ["llama"],
        "parameter_size": "3.2B",
        "quantization_level": "Q4_K_M",
    }


def _show(body: Any, models: tuple[str, ...]) -> Found:
    model = str(body.get("model") or body.get("name") or "") if isinstance(body, dict) else ""
    if model not in models:
        return Found(404, _JSON, {"error": f"model '{model}' not found"})
    return _ok(
        {
            "modelfile": "",
            "template": "{{ .Prompt }}",
            "details": _details(),
            "model_info": {"general.architecture": "llama", "llama.context_length": 131_072},
            "capabilities": ["completion", "tools"],
            "modified_at": _MOMENT,
        }
    )
