"""Every setting there is: its type, its default, what it means. Nothing here reads anything.

The sections mirror the floors they steer; bootstrap maps them to those floors' own settings, so no floor reads configuration.
Descriptions are shown by `cherry config show --long` and make up `docs/guides/configuration.md`.
"""

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from cherry.config import quantities
from cherry.domain.base import Value
from cherry.domain.limits import Allowance, Budgets, TurnLimits


def _yes_no_auto(given: object) -> object:
    if given is True or given is False or given == "auto":
        return given
    if isinstance(given, str) and (word := given.strip().lower()) in ("true", "false"):
        return word == "true"
    raise ValueError("true, false or auto")


Seconds = Annotated[float, BeforeValidator(quantities.seconds)]
Pause = Annotated[float, BeforeValidator(quantities.pause)]
Bytes = Annotated[int, BeforeValidator(quantities.size)]
Money = Annotated[Decimal, BeforeValidator(quantities.money)]
Count = Annotated[int, BeforeValidator(quantities.whole), Field(ge=1)]
CountOrNone = Annotated[int, BeforeValidator(quantities.whole), Field(ge=0)]


class ModelSettings(Value):
    default: str = Field("", description="Model of new sessions as `provider/model`; empty: the first that is set up.")
    provider: str = Field("", description="Preferred provider when `model.default` is empty.")
    small: str = Field("", description="Model for summaries and other small work; empty: the session's own.")
    max_context: Count | None = Field(
        None, description="Tokens of a prompt and its answer together; unset: as many as the model holds."
    )
    compact_at: Annotated[float, Field(ge=0.3, le=0.95)] = Field(
        0.8, description="The share of the room for the conversation at which its older part is summarised."
    )


class DeadlineSettings(Value):
    connect: Seconds = Field(10.0, description="Until the provider accepts the connection.")
    first_byte: Seconds = Field(120.0, description="Until the answer begins.")
    between_bytes: Seconds = Field(60.0, description="Longest silence in the middle of an answer.")
    total: Seconds = Field(900.0, description="A whole answer, retries not counted.")


class RetrySettings(Value):
    attempts: Annotated[Count, Field(le=20)] = Field(5, description="Calls made at most for one answer.")
    first_wait: Pause = Field(1.0, description="Longest first pause; it doubles with each attempt.")
    longest_wait: Pause = Field(60.0, description="Longest pause; a provider that asks for more ends the call.")
    total: Seconds = Field(300.0, description="No attempt starts later than this after the first.")


class ProviderSettings(Value):
    """One model provider. Built-in ones need no entry; an entry changes them or adds a new one."""

    base_url: str = Field("", description="Where it is, for example http://localhost:8080/v1.")
    api_key_env: str = Field(
        "", description="Environment variable that holds the key; the key itself never stands in a file."
    )
    wire: Literal["openai-chat", "openai-responses", "anthropic", "ollama"] | None = Field(
        None, description="Which API it speaks; an added provider speaks openai-chat unless told otherwise."
    )
    auth: Literal["bearer", "x-api-key", "none"] | None = Field(None, description="How the key is sent.")
    models: tuple[str, ...] = Field((), description="Offered besides what it lists; the first is its default.")
    headers: dict[str, str] = Field(default_factory=dict, description="Sent with every request.")
    body: dict[str, Any] = Field(default_factory=dict, description="Added to every request as it is.")
    images: bool | None = Field(None, description="Whether its models take images, where Cherry does not know.")
    context_window: Count | None = Field(None, description="Tokens, where Cherry does not know.")
    prices_of: str = Field("", description="Use the prices of this provider; `free` for a server of your own.")
    end_marker: bool = Field(True, description="false for servers that never send [DONE].")


class PriceSettings(Value):
    """US dollars per million tokens of one model, named `provider/model`."""

    input: Money = Field(description="Tokens sent.")
    output: Money = Field(description="Tokens received.")
    cache_read: Money | None = Field(None, description="Tokens read from the provider's cache; unset: as input.")
    cache_write: Money | None = Field(None, description="Tokens written to the provider's cache; unset: as input.")


class GatewaySettings(Value):
    deadlines: DeadlineSettings = Field(DeadlineSettings.model_construct(), description="How long each wait may take.")
    retries: RetrySettings = Field(
        RetrySettings.model_construct(), description="What happens when a call fails for a passing reason."
    )
    providers: dict[str, ProviderSettings] = Field(default_factory=dict, description="Providers by name.")
    prices: dict[str, PriceSettings] = Field(
        default_factory=dict, description="Prices by provider/model or model; a `*` at the end stands for any ending."
    )
    max_answer_bytes: Annotated[Bytes, Field(ge=1024)] = Field(
        4 << 20, description="Longest answer taken from a model."
    )


class LimitSettings(Value):
    max_steps: Count = Field(100, description="Model calls in one turn.")
    max_seconds: Seconds = Field(3600.0, description="Wall time of one turn; waiting for you does not count.")
    max_cost_usd: Money | None = Field(None, description="US dollars one turn may cost; unset: no bound.")
    max_tokens: Count | None = Field(None, description="Tokens sent and received in one turn; unset: no bound.")
    session_cost_usd: Money | None = Field(None, description="US dollars one session may cost, summaries included.")
    session_tokens: Count | None = Field(None, description="Tokens sent and received in one session.")
    project_cost_usd: Money | None = Field(
        None, description="US dollars all sessions of one workspace may cost together, deleted ones included."
    )
    project_tokens: Count | None = Field(None, description="Tokens sent and received in all sessions of one workspace.")
    day_cost_usd: Money | None = Field(
        None,
        description="US dollars all your sessions may cost together on one day, from midnight to midnight local time.",
    )
    day_tokens: Count | None = Field(None, description="Tokens sent and received in all your sessions on one day.")

    def for_turn(self) -> TurnLimits:
        return TurnLimits(
            max_steps=self.max_steps,
            max_seconds=self.max_seconds,
            max_cost_usd=self.max_cost_usd,
            max_tokens=self.max_tokens,
        )

    def beyond_a_turn(self) -> Budgets:
        return Budgets(
            session=Allowance(usd=self.session_cost_usd, tokens=self.session_tokens),
            project=Allowance(usd=self.project_cost_usd, tokens=self.project_tokens),
            day=Allowance(usd=self.day_cost_usd, tokens=self.day_tokens),
        )


class ApprovalRule(Value):
    """One rule of the approval policy; empty conditions match everything."""

    tool: str = Field("", description="Tool name or pattern: fs.*, shell.run.")
    command: str = Field("", description="Pattern of the shell command: `pytest *`.")
    path: str = Field("", description="Pattern of the path, relative to the workspace: docs/**.")
    action: Literal["allow", "ask", "deny"] = Field(description="What happens.")


class ApprovalSettings(Value):
    mode: Literal["default", "careful", "plan"] = Field(
        "default",
        description="default: edits in the workspace go through, commands that do more than read are asked for · "
        "careful: edits are asked for too · plan: nothing is changed.",
    )
    rules: tuple[ApprovalRule, ...] = Field((), description="List of {tool, command, path, action}.")


class SandboxSettings(Value):
    required: Annotated[bool | Literal["auto"], BeforeValidator(_yes_no_auto)] = Field(
        "auto",
        description="true: commands run in a sandbox or not at all · auto: without a sandbox each command is asked for · "
        "false: commands may run bare.",
    )
    network: bool | tuple[str, ...] = Field(
        False,
        description="What commands may reach through Cherry's proxy · false: nothing · true: every public host · a list such as "
        '["pypi.org", "*.npmjs.org", "192.168.1.5:8000"]: these (ports 80 and 443 unless one is given).',
    )
    memory: Bytes = Field(8 << 30, description="Memory of one command.")
    cpu: Seconds = Field(3600.0, description="Processor time of one command.")
    processes: Count = Field(1024, description="Processes of one command.")


class ToolSettings(Value):
    timeout: Seconds = Field(120.0, description="A command that gives no timeout of its own.")
    max_timeout: Seconds = Field(1800.0, description="The longest timeout a model may choose.")
    output_limit: Count = Field(
        30_000, description="Characters of a tool's output the model reads; the whole is kept on disk."
    )


class ValidationSettings(Value):
    enabled: bool = Field(True, description="Whether changed files are checked after a step.")
    commands: tuple[str, ...] = Field((), description="Commands run after edits, such as `ruff check .`.")
    timeout: Seconds = Field(120.0, description="Each command.")
    tests: Literal["off", "related", "all"] = Field(
        "off",
        description="When the model says it is done · off: no tests are run · related: those that have to do with the changed "
        "files · all: those, then all.",
    )
    test_command: str = Field("", description="Runs the tests; empty: the usual one of what the project is built with.")
    test_timeout: Seconds = Field(300.0, description="Each run of tests.")
    max_repairs: CountOrNone = Field(3, description="Times in a row the model is asked to mend what it broke.")
    on_failure: Literal["keep", "roll_back"] = Field(
        "keep",
        description="What happens to changes that still have problems in the end · keep: they stay and you are told · "
        "roll_back: all changes of the turn are taken back.",
    )


class LogSettings(Value):
    level: Literal["debug", "info", "warning", "error"] = Field("warning", description="What goes to the log file.")
    debug: bool = Field(False, description="Show tracebacks and keep requests in the log.")


class StorageSettings(Value):
    folder: str = Field("", description="Where sessions are kept; empty: the data folder of this user.")
    keep_days: Count | None = Field(
        None, description="Sessions that were not used for so many days are deleted; unset: kept for ever."
    )
    max_bytes: Bytes | None = Field(
        None,
        description="When sessions, contents and logs take more, the oldest sessions are deleted; unset: no bound.",
    )


class UiSettings(Value):
    colour: Literal["auto", "always", "never"] = Field(
        "auto", description="auto: in a terminal, unless NO_COLOR is set."
    )
    theme: Literal["default", "contrast"] = Field("default", description="contrast: no dim text.")


class Settings(Value):
    model: ModelSettings = ModelSettings.model_construct()
    gateway: GatewaySettings = GatewaySettings.model_construct()
    limits: LimitSettings = LimitSettings.model_construct()
    approvals: ApprovalSettings = ApprovalSettings.model_construct()
    sandbox: SandboxSettings = SandboxSettings.model_construct()
    tools: ToolSettings = ToolSettings.model_construct()
    validation: ValidationSettings = ValidationSettings.model_construct()
    log: LogSettings = LogSettings.model_construct()
    storage: StorageSettings = StorageSettings.model_construct()
    ui: UiSettings = UiSettings.model_construct()


SECTIONS: dict[str, type[Value]] = {
    name: field.annotation  # type: ignore[misc]  # every field of Settings is a section
    for name, field in Settings.model_fields.items()
}


def is_secret(path: tuple[str, ...]) -> bool:
    """Whether the value at this path is never shown: headers and request fields may carry keys."""
    return "headers" in path or "body" in path


Raw = dict[str, Any]
"""Settings as a layer gives them: nested dictionaries of plain values, nothing checked."""
