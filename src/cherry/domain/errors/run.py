"""Errors that end a turn."""

from cherry.domain.errors.base import ErrorKind

STEP_LIMIT = ErrorKind(
    "run.step_limit",
    "The step limit was reached",
    "Run `cherry --continue` to go on, or raise --max-steps.",
    exit_code=3,
)
TIME_LIMIT = ErrorKind(
    "run.time_limit",
    "The time limit was reached",
    "Run `cherry --continue` to go on, or raise --max-time.",
    exit_code=3,
)
COST_LIMIT = ErrorKind(
    "run.cost_limit",
    "The cost limit would be exceeded",
    "Run `cherry --continue --max-cost` with a higher sum to go on.",
    exit_code=3,
)
TOKEN_LIMIT = ErrorKind(
    "run.token_limit",
    "The token limit would be exceeded",
    "Run `cherry --continue` to go on, or raise --max-tokens.",
    exit_code=3,
)
SESSION_BUDGET = ErrorKind(
    "run.session_budget",
    "The budget of the session would be exceeded",
    "Raise limits.session_cost_usd or limits.session_tokens with `cherry config set`, or start a new session.",
    exit_code=3,
)
PROJECT_BUDGET = ErrorKind(
    "run.project_budget",
    "The budget of the project would be exceeded",
    "Raise limits.project_cost_usd or limits.project_tokens with `cherry config set`.",
    exit_code=3,
)
DAY_BUDGET = ErrorKind(
    "run.day_budget",
    "The budget of the day would be exceeded",
    "Raise limits.day_cost_usd or limits.day_tokens with `cherry config set`, or go on tomorrow.",
    exit_code=3,
)
UNPRICED = ErrorKind(
    "run.unpriced",
    "A cost limit was set but the model has no known price",
    "Give its price under `gateway.prices` in the configuration, or drop the limit (--max-cost, limits.*_cost_usd).",
    exit_code=3,
)
NO_PROGRESS = ErrorKind(
    "run.no_progress",
    "The model repeats itself without getting on",
    "Say what to do differently, or choose another model.",
    exit_code=3,
)
NOTHING_TO_CONTINUE = ErrorKind(
    "run.nothing_to_continue",
    "There is no earlier session in this workspace",
    'Start one: cherry "request".',
    exit_code=2,
)
INTERRUPTED = ErrorKind(
    "run.interrupted", "Interrupted", "Run `cherry --continue` to go on: all that was done is kept.", exit_code=130
)
BAD_ATTACHMENT = ErrorKind(
    "run.bad_attachment",
    "The attachment cannot be used",
    "Attach a PNG, JPEG, GIF or WebP image or a text file.",
    exit_code=2,
)
NO_REQUEST = ErrorKind(
    "run.no_request", "The request is empty", 'Say what to do: cherry "add a --verbose flag".', exit_code=2
)
INTERNAL = ErrorKind(
    "run.internal",
    "Something in Cherry went wrong",
    "Run again with --debug and report what it prints.",
    audience="developer",
)
VALIDATION_FAILED = ErrorKind(
    "run.validation_failed",
    "The changes did not pass validation and were taken back",
    "Look at what was found, then ask again; `cherry redo` brings the changes back.",
)

ALL = (
    VALIDATION_FAILED,
    STEP_LIMIT,
    TIME_LIMIT,
    COST_LIMIT,
    TOKEN_LIMIT,
    SESSION_BUDGET,
    PROJECT_BUDGET,
    DAY_BUDGET,
    UNPRICED,
    NO_PROGRESS,
    NOTHING_TO_CONTINUE,
    INTERRUPTED,
    BAD_ATTACHMENT,
    NO_REQUEST,
    INTERNAL,
)
