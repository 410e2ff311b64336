"""What can be set about model calls, with defaults. The configuration room maps files and flags onto these values.

All of them load from plain dicts: `GatewaySettings.model_validate({...})`; a wrong value raises pydantic's ValidationError
with the path of the key in it.
"""

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from cherry.domain.base import Value

WireName = Literal["openai-chat", "openai-responses", "anthropic", "ollama"]
AuthStyle = Literal["bearer", "x-api-key", "none"]

Seconds = Annotated[float, Field(gt=0)]
Dollars = Annotated[Decimal, Field(ge=0)]


class Deadlines(Value):
    """How long a model call may wait, in seconds. Each is hit under its own name: `model.connect` and so on."""

    connect: Seconds = 10.0
    """Until the connection stands, TLS and proxy included."""
    first_byte: Seconds = 120.0
    """From there until the answer begins; a large prompt on a slow local machine needs more."""
    between_bytes: Seconds = 60.0
    """Longest silence inside an answer."""
    total: Seconds = 900.0
    """The whole call, retries not included."""


class Retries(Value):
    """When a call that failed for a passing reason is made again."""

    attempts: Annotated[int, Field(ge=1, le=20)] = 5
    """Calls in all, the first included."""
    first_wait: Annotated[float, Field(ge=0)] = 1.0
    """Upper bound of the first pause; it doubles with each attempt (the pause itself is drawn between 0 and the bound)."""
    longest_wait: Annotated[float, Field(ge=0)] = 60.0
    """Upper bound of any pause. A provider that asks for more (Retry-After) ends the call instead."""
    total: Seconds = 300.0
    """No further attempt starts later than this after the first began."""


class ProviderSettings(Value):
    """One entry of `gateway.providers`: changes a built-in provider of that name, or adds one."""

    base_url: str = ""
    api_key_env: str = ""
    """Name of the environment variable that holds the key. The key itself is never written into a configuration."""
    wire: WireName | None = None
    """Which API the server speaks; an added provider speaks `openai-chat` unless told otherwise."""
    auth: AuthStyle | None = None
    models: tuple[str, ...] = ()
    """Offered in addition to what the server lists; the first is the provider's default."""
    headers: dict[str, str] = Field(default_factory=dict)
    body: dict[str, Any] = Field(default_factory=dict)
    """Added to every request as it is, for example `{"reasoning_effort": "high"}`."""
    images: bool | None = None
    """Whether its models take images, where the facts do not know."""
    context_window: Annotated[int, Field(gt=0)] | None = None
    """Tokens, where the facts do not know. For Ollama: the window asked for (`num_ctx`)."""
    prices_of: str = ""
    """Use the price list of this built-in provider; `free` for a server of your own."""
    end_marker: bool = True
    """False for servers that never send `[DONE]`: an answer is then whole when its finish reason came."""


class PriceSetting(Value):
    """US dollars per million tokens. What is left out of the cache prices costs like input."""

    input: Dollars
    output: Dollars
    cache_read: Dollars | None = None
    cache_write: Dollars | None = None


class GatewaySettings(Value):
    model: str = ""
    """`provider/model`, or a model name that fits one provider; empty: the first provider found decides."""
    providers: dict[str, ProviderSettings] = Field(default_factory=dict)
    deadlines: Deadlines = Deadlines.model_construct()
    retries: Retries = Retries.model_construct()
    prices: dict[str, PriceSetting] = Field(default_factory=dict)
    """By `provider/model` or by model name; a `*` at the end stands for any ending."""
    max_answer_bytes: Annotated[int, Field(ge=1024)] = 4 << 20
    """Text, reasoning and tool arguments of one answer together."""
    record: Path | None = None
    """Write every answer to this file, for replaying."""
    replay: Path | None = None
    """Answer from this recording instead of a provider."""
    replay_pace: Annotated[float, Field(ge=0)] = 0.0
    """Characters a second a replay types at; 0 is as fast as possible."""
