"""The seam between the server and the APIs it speaks: each is one module that reads, judges and writes one wire shape."""

import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Protocol

import orjson

from cherry.testing.faults import RefusalKind, Vendor
from cherry.testing.replies import Reply, Tokens
from cherry.testing.scripts import SeenRequest

TOOL_NAME = r"^[a-zA-Z0-9_-]{1,64}$"

Json = dict[str, Any]


class Complaint(NamedTuple):
    """Why a request is refused, in the words of the real server."""

    message: str
    status: int = 400
    type: str = "invalid_request_error"
    param: str | None = None
    code: str | None = None


class Job(NamedTuple):
    """One answer to be written down."""

    number: int
    model: str
    body: Mapping[str, Any]
    reply: Reply
    tokens: Tokens
    created: int

    @classmethod
    def of(cls, number: int, body: Mapping[str, Any], raw: bytes, reply: Reply) -> "Job":
        return cls(number, str(body.get("model", "")), body, reply, reply.counted(len(raw)), int(time.time()))


class Api(Protocol):
    """One wire shape. `body` is the parsed JSON object of the request, already through `complaint`."""

    @property
    def name(self) -> str:
        """`chat`, `responses`, `messages` or `ollama`."""
        ...

    @property
    def vendor(self) -> Vendor:
        """Whose words errors have when a script names nobody."""
        ...

    @property
    def stream_type(self) -> str:
        """The content type of a stream."""
        ...

    def key(self, headers: Mapping[str, str]) -> str | None:
        """The API key sent along; None when there is none. An API without keys gives an empty one."""
        ...

    def keyless(self) -> Complaint: ...

    def complaint(self, body: Json, headers: Mapping[str, str]) -> Complaint | None:
        """What the real server would refuse the request for."""
        ...

    def complain(self, complaint: Complaint) -> Json: ...

    def seen(self, number: int, body: Json) -> SeenRequest: ...

    def wants_stream(self, body: Json) -> bool: ...

    def whole(self, job: Job) -> Json:
        """The answer in one piece. An object with the single key `error` is sent with status 500."""
        ...

    def events(self, job: Job) -> Iterator[bytes]:
        """The answer as a stream, one complete event each."""
        ...

    def error_events(self, job: Job, kind: RefusalKind, message: str) -> Iterator[bytes]:
        """What comes instead of the end when a stream fails inside."""
        ...

    def ping(self) -> bytes:
        """A sign of life that says nothing."""
        ...

    def broken_event(self) -> bytes:
        """An event whose content is not JSON."""
        ...


def data_event(payload: Json) -> bytes:
    """A server-sent event without a name."""
    return b"data: " + orjson.dumps(payload) + b"\n\n"


def named_event(payload: Json) -> bytes:
    """A server-sent event named after its type."""
    return b"event: " + str(payload["type"]).encode() + b"\n" + data_event(payload)


def bearer(headers: Mapping[str, str]) -> str | None:
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" and key.strip() else None
