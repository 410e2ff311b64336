"""The seam between model calls and the network: values and protocols only, so that importing it costs nothing.

Not here: what bytes mean (wire/), what a failure means to a user (errors). The real transport is `cherry.gateway.http`; it is
loaded with the first call, because a start that makes no call must not pay for it.
"""

import importlib
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Literal, NamedTuple, Protocol, cast

from cherry.gateway.settings import Deadlines


class Request(NamedTuple):
    method: Literal["GET", "POST"]
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


class Response(Protocol):
    """An answer whose head has come; the body is read once, as it comes."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]:
        """Names in lower case; of a repeated header the last one."""
        ...

    async def read(self) -> bytes:
        """The next piece of the body; empty at its proper end. Raises TransportError(`cut`) when it breaks off, DeadlineExceeded."""
        ...


class Transport(Protocol):
    def open(self, request: Request, deadlines: Deadlines) -> AbstractAsyncContextManager[Response]:
        """Send and wait for the head. Leaving the context before the body's end gives the call up.

        Raises TransportError and `DeadlineExceeded` (`model.connect`, `model.first_byte`, `model.between_bytes`, `model.total`).
        Never follows a redirect: a key goes nowhere but where it was meant for.
        """
        ...

    async def close(self) -> None: ...


Failure = Literal["bad_url", "dns", "refused", "connect", "tls", "proxy", "cut", "garbage"]


class TransportError(Exception):
    """The network's side of a failure, in the system's own words. `passing`: it may be different a moment later."""

    def __init__(self, failure: Failure, words: str, *, passing: bool = True) -> None:
        super().__init__(words)
        self.failure = failure
        self.words = words
        self.passing = passing


class LazyTransport:
    """Stands for the real transport and loads it with the first call."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._real: Transport | None = None

    def open(self, request: Request, deadlines: Deadlines) -> AbstractAsyncContextManager[Response]:
        return self._loaded().open(request, deadlines)

    async def close(self) -> None:
        if self._real:
            await self._real.close()

    def _loaded(self) -> Transport:
        if self._real is None:
            module = importlib.import_module("cherry.gateway.http")
            self._real = cast(Transport, module.HttpTransport(self._environ))
        return self._real
