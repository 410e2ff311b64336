"""Errors of model calls."""

from cherry.domain.errors.base import ErrorKind

NO_PROVIDER = ErrorKind(
    "gateway.no_provider",
    "No model provider is set up",
    "Run `cherry secrets set OPENAI_API_KEY` (or ANTHROPIC_API_KEY, DEEPSEEK_API_KEY, DASHSCOPE_API_KEY), set one in the environment, "
    "or start Ollama; `cherry demo` works without any.",
    exit_code=5,
)
UNKNOWN_MODEL = ErrorKind(
    "gateway.unknown_model",
    "The model is not known here",
    "Run `cherry models` and choose one as provider/model.",
    exit_code=2,
)
AUTH = ErrorKind(
    "gateway.auth",
    "The provider refused the key",
    "Check the provider's API key in the environment, or set it again with `cherry secrets set`, then `cherry test-model`.",
    exit_code=5,
)
QUOTA = ErrorKind(
    "gateway.quota",
    "The account has no quota or credit left",
    "Add credit at the provider, or choose another model with --model.",
    exit_code=5,
)
RATE_LIMIT = ErrorKind(
    "gateway.rate_limit",
    "The provider asks to slow down",
    "Wait and run `cherry --continue`, or choose another model with --model.",
    effect="retry",
    exit_code=5,
)
MODEL_NOT_FOUND = ErrorKind(
    "gateway.model_not_found",
    "The provider does not have this model",
    "Run `cherry models` to see what it offers; check the spelling.",
    exit_code=5,
)
CONTEXT_TOO_LONG = ErrorKind(
    "gateway.context_too_long",
    "The conversation is longer than the model can read",
    "Use /compact, start a new session, or choose a model with a larger window.",
    effect="ask",
)
BAD_REQUEST = ErrorKind(
    "gateway.bad_request",
    "The provider refused the request",
    "See the provider's words above; `--debug` shows the request.",
    audience="developer",
)
NO_TOOLS = ErrorKind(
    "gateway.no_tools",
    "The model cannot call tools",
    "Choose another model with --model; for a local one, `cherry models` tells which can.",
)
REFUSED_CONTENT = ErrorKind(
    "gateway.refused_content",
    "The provider's content filter refused the request",
    "Say it differently, or choose another model.",
)
OVERLOADED = ErrorKind(
    "gateway.overloaded",
    "The provider is overloaded or failing",
    "Wait and run `cherry --continue`, or choose another model with --model.",
    effect="retry",
    exit_code=5,
)
UNREACHABLE = ErrorKind(
    "gateway.unreachable",
    "The provider could not be reached",
    "Check the network, the proxy settings and the base URL (`cherry config show`).",
    effect="retry",
    exit_code=5,
)
TLS = ErrorKind(
    "gateway.tls",
    "The provider's certificate could not be verified",
    "If a company proxy re-signs traffic, point SSL_CERT_FILE at its certificate; otherwise someone may be listening.",
    exit_code=5,
)
TIMEOUT = ErrorKind(
    "gateway.timeout",
    "The provider did not answer in time",
    "Try again, choose another model, or raise the deadline named above under `gateway.deadlines`.",
    effect="retry",
    exit_code=5,
)
CUT_STREAM = ErrorKind(
    "gateway.cut_stream",
    "The answer broke off in the middle",
    "Run `cherry --continue`: nothing of the half answer was used.",
    effect="retry",
    exit_code=5,
)
GARBAGE = ErrorKind(
    "gateway.garbage",
    "The server's answer is not in the shape of the API",
    "Check that the base URL points at an API of this kind (it often ends in /v1).",
    effect="retry",
    exit_code=5,
)
EMPTY_ANSWER = ErrorKind(
    "gateway.empty_answer",
    "The model answered nothing",
    "Try again or choose another model.",
    effect="retry",
)
ANSWER_TOO_LONG = ErrorKind(
    "gateway.answer_too_long",
    "The model's answer passed the size limit and was stopped",
    "Ask for something smaller, or raise `gateway.max_answer_bytes`.",
)
NO_RECORDING = ErrorKind(
    "gateway.no_recording",
    "The recording has no answer for this request",
    "Record the session again with --record.",
    audience="developer",
)

ALL = (
    NO_PROVIDER,
    UNKNOWN_MODEL,
    AUTH,
    QUOTA,
    RATE_LIMIT,
    MODEL_NOT_FOUND,
    CONTEXT_TOO_LONG,
    BAD_REQUEST,
    NO_TOOLS,
    REFUSED_CONTENT,
    OVERLOADED,
    UNREACHABLE,
    TLS,
    TIMEOUT,
    CUT_STREAM,
    GARBAGE,
    EMPTY_ANSWER,
    ANSWER_TOO_LONG,
    NO_RECORDING,
)
