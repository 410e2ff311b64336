"""What can go wrong between a client and a model provider, as values a script can hold.

A fault takes the place of an answer and is used up like one. Faults that break a stream carry the answer they break.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from cherry.testing.replies import Reply, Say

RefusalKind = Literal[
    "wrong_key",
    "no_credit",
    "no_permission",
    "model_not_found",
    "context_too_long",
    "content_refused",
    "bad_request",
    "no_tools",
    "rate_limited",
    "quota_used_up",
    "server_error",
    "unavailable",
    "overloaded",
]

Vendor = Literal["", "openai", "anthropic", "ollama", "deepseek", "qwen", "openrouter", "llama.cpp", "lmstudio", "vllm"]

_SOME_TEXT = Reply((Say("The answer begins well, goes on for a while, and would end with this sentence."),))


@dataclass(frozen=True, slots=True)
class Refuse:
    """The provider answers with an error, in the status, headers and words of `vendor`."""

    kind: RefusalKind
    vendor: Vendor = ""
    """Empty: the vendor whose API was called."""
    retry_after: float | datetime | None = None
    """The Retry-After header: seconds, or a moment (an aware datetime) written as an HTTP date."""


@dataclass(frozen=True, slots=True)
class Status:
    """A bare HTTP answer: any status, headers and body."""

    code: int
    body: str | bytes = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ErrorInStream:
    """The stream starts with status 200 and then brings an error event instead of its end."""

    kind: RefusalKind = "overloaded"
    after: int = 3
    """Events that come before."""
    reply: Reply = _SOME_TEXT


@dataclass(frozen=True, slots=True)
class Hang:
    """The request is read and never answered."""


@dataclass(frozen=True, slots=True)
class HangMidStream:
    """The answer stops coming; the connection stays open."""

    after: int = 3
    reply: Reply = _SOME_TEXT


@dataclass(frozen=True, slots=True)
class PingForever:
    """The stream starts and then brings nothing but signs of life."""

    interval: float = 0.01
    """Seconds between two."""


@dataclass(frozen=True, slots=True)
class CutMidStream:
    """The connection breaks in the middle of the answer."""

    after: int = 3
    inside_event: bool = False
    """True: half of the next event still comes."""
    reset: bool = False
    """True: broken with a TCP reset instead of a plain close."""
    reply: Reply = _SOME_TEXT


@dataclass(frozen=True, slots=True)
class Drop:
    """The connection closes without an answer."""

    reset: bool = False


@dataclass(frozen=True, slots=True)
class Garbage:
    """Something that is not an answer of the API.

    `html` is a proxy's page with status 200 · `bytes` random bytes · `not_http` not even a status line · `broken_json` a
    stream whose third event is not JSON · `other_json` valid JSON of another shape · `empty_body` status 200 and nothing.
    """

    kind: Literal["html", "bytes", "not_http", "broken_json", "other_json", "empty_body"] = "html"


@dataclass(frozen=True, slots=True)
class SlowDrip:
    """The answer comes whole, but only `size` bytes at a time with `interval` seconds between."""

    size: int = 16
    interval: float = 0.005
    reply: Reply = _SOME_TEXT


Fault = Refuse | Status | ErrorInStream | Hang | HangMidStream | PingForever | CutMidStream | Drop | Garbage | SlowDrip
