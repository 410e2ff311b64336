"""The transport of model calls: HTTP/1.1 by h11 on asyncio streams, with kept connections and named deadlines.

Why not the HTTP client library: for a first call it costs 100 ms of CPU and 11 MB more than this (asyncio and h11 alone:
10 ms, 0.6 MB), against a budget of 450 ms and 90 MB for a whole answer.

Boundary: bytes in, bytes out. It knows nothing of models, follows no redirects, keeps no cookies, decompresses nothing
(it asks for `identity`). Imported with the first call only.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from typing import Final

import h11

import cherry
from cherry.gateway.dial import Connection, Dialler, Target, target
from cherry.gateway.settings import Deadlines
from cherry.gateway.transport import Request, TransportError
from cherry.kernel.deadlines import DeadlineExceeded, within

_READ_SIZE: Final = 1 << 16
_HEAD_LIMIT: Final = 1 << 16
_IDLE_SECONDS: Final = 120.0
_MAX_IDLE: Final = 8
_FINISH_SECONDS: Final = 0.02
"""How long a kept connection may take to bring the rest of an answer whose end was known before."""
_AGENT: Final = f"cherry/{cherry.__version__}"


class HttpTransport:
    """See `cherry.gateway.transport.Transport`."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._dialler = Dialler(environ)
        self._idle: list[_Link] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    @asynccontextmanager
    async def open(self, request: Request, deadlines: Deadlines) -> AsyncIterator["HttpResponse"]:
        to = target(request.url)
        waits = _Waits(deadlines, to.authority)
        link = await self._take(to)
        response = None
        if link is not None:
            response = await self._ask(link, request, waits)
        if response is None:
            # None kept, or the kept one closed without a byte: the server had most likely given it up before the request.
            link = _Link(to, await waits.connecting(self._dialler.connect(to)))
            response = await self._ask(link, request, waits, fresh=True)
        if response is None:
            raise TransportError("connect", "the server closed the connection without answering")
        try:
            yield response
        except BaseException:
            response.link.abort()
            raise
        self._give_back(response.link)

    async def close(self) -> None:
        links, self._idle = self._idle, []
        for link in links:
            link.writer.close()
        for link in links:
            with contextlib.suppress(OSError, DeadlineExceeded):
                await within("model.close", 1.0, link.writer.wait_closed())

    async def _ask(
        self, link: "_Link", request: Request, waits: "_Waits", *, fresh: bool = False
    ) -> "HttpResponse | None":
        """Send, and wait for the head. None when the other side closed without a byte."""
        try:
            link.send(request)
            return await link.head(waits)
        except BaseException as error:
            link.abort()
            if isinstance(error, _ClosedUnused):
                return None
            raise

    async def _take(self, to: Target) -> "_Link | None":
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._idle, self._loop = [], loop  # connections of an earlier event loop are dead
        self._drop_stale(loop.time())
        for link in [link for link in reversed(self._idle) if link.serves(to)]:
            self._idle.remove(link)
            if await link.finished_soon():
                return link
            link.abort()
        return None

    def _drop_stale(self, now: float) -> None:
        for link in [link for link in self._idle if now - link.idle_since > _IDLE_SECONDS or link.dead]:
            self._idle.remove(link)
            link.abort()

    def _give_back(self, link: "_Link") -> None:
        if link.dead or not link.reusable():
            link.abort()
            return
        link.idle_since = asyncio.get_running_loop().time()
        self._idle.append(link)
        if len(self._idle) > _MAX_IDLE:
            self._idle.pop(0).abort()


class HttpResponse:
    """See `cherry.gateway.transport.Response`."""

    def __init__(self, link: "_Link", head: h11.Response, waits: "_Waits") -> None:
        self.link = link
        self.status = head.status_code
        self.headers: Mapping[str, str] = {name.decode(): value.decode("latin-1") for name, value in head.headers}
        self._waits = waits

    async def read(self) -> bytes:
        while True:
            event = self.link.next_event()
            if event is h11.NEED_DATA:
                await self.link.receive(self._waits, "model.between_bytes")
            elif isinstance(event, h11.Data):
                if event.data:
                    return bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                return b""
            else:
                raise TransportError("cut", "the connection ended before the answer did")


class _ClosedUnused(Exception):
    """The other side closed before it sent a byte."""


class _Waits:
    """The deadlines of one call, counted from its start."""

    def __init__(self, deadlines: Deadlines, whom: str) -> None:
        self._deadlines = deadlines
        self._whom = whom
        self._ends = asyncio.get_running_loop().time() + deadlines.total

    async def connecting(self, connecting: Awaitable[Connection]) -> Connection:
        return await within("model.connect", self._deadlines.connect, connecting, self._whom)

    async def reading(self, reader: asyncio.StreamReader, name: str) -> bytes:
        allowed = self._deadlines.first_byte if name == "model.first_byte" else self._deadlines.between_bytes
        left = self._ends - asyncio.get_running_loop().time()
        try:
            return await within(name, max(0.0, min(allowed, left)), reader.read(_READ_SIZE), self._whom)
        except DeadlineExceeded:
            if left < allowed:
                raise DeadlineExceeded("model.total", self._deadlines.total) from None
            raise DeadlineExceeded(name, allowed) from None


class _Link:
    """One connection and where its HTTP stands."""

    def __init__(self, to: Target, connection: Connection) -> None:
        self.writer = connection.writer
        self.idle_since = 0.0
        self._to = to
        self._reader = connection.reader
        self._proxied = connection.proxied
        self._extra = connection.proxy_headers
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_HEAD_LIMIT)
        self._ended = False
        self._unused = True

    @property
    def dead(self) -> bool:
        return self._reader.at_eof() or self.writer.is_closing()

    def serves(self, to: Target) -> bool:
        return (to.secure, to.host, to.port) == (self._to.secure, self._to.host, self._to.port)

    def abort(self) -> None:
        self.writer.transport.abort()

    def send(self, request: Request) -> None:
        """Hand the whole request to the socket's buffer: an answer that comes before all is sent is still read."""
        to = target(request.url)
        self._unused = True
        headers = [
            ("host", to.authority),
            ("user-agent", _AGENT),
            ("accept-encoding", "identity"),
            *request.headers,
            *self._extra,
        ]
        if request.method == "POST":
            headers.append(("content-length", str(len(request.body))))
        line = f"http://{to.authority}{to.path}" if self._proxied else to.path
        try:
            head = self._http.send(h11.Request(method=request.method, target=line, headers=headers))
            body = self._http.send(h11.Data(data=request.body)) if request.body else b""
            self._http.send(h11.EndOfMessage())
        except (h11.LocalProtocolError, UnicodeEncodeError) as error:
            why = f"the address or a header holds characters that HTTP does not allow: {error}"
            raise TransportError("bad_url", why, passing=False) from None
        self.writer.write((head or b"") + (body or b""))

    async def head(self, waits: _Waits) -> HttpResponse:
        while True:
            event = self.next_event()
            if event is h11.NEED_DATA:
                await self.receive(waits, "model.first_byte")
            elif isinstance(event, h11.Response):
                return HttpResponse(self, event, waits)
            elif not isinstance(event, h11.InformationalResponse):
                raise TransportError("cut", "the connection ended before the answer began")

    def next_event(self) -> object:
        try:
            return self._http.next_event()
        except h11.RemoteProtocolError as error:
            if self._ended:
                raise TransportError("cut", "the connection ended before the answer did") from None
            raise TransportError("garbage", f"not HTTP: {error}", passing=False) from None

    async def receive(self, waits: _Waits, name: str) -> None:
        try:
            data = await waits.reading(self._reader, name)
        except DeadlineExceeded:  # which is an OSError, as every TimeoutError
            raise
        except OSError as error:
            if self._unused:
                raise _ClosedUnused from None
            raise TransportError("cut", error.strerror or str(error) or "the connection broke") from None
        self._take_in(data)

    async def finished_soon(self) -> bool:
        """Whether the connection is ready for another request, reading what was left of the last answer."""
        try:
            while not self._ready():
                data = await within("model.finish", _FINISH_SECONDS, self._reader.read(_READ_SIZE))
                if not data or self._http.their_state is not h11.SEND_BODY:
                    return False
                self._take_in(data)
        except (DeadlineExceeded, OSError, TransportError):
            return False
        return not self.dead

    def reusable(self) -> bool:
        """Whether it is ready for another request, or may be after a little more reading."""
        try:
            self._ready()
        except TransportError:
            return False
        return self._http.our_state in (h11.DONE, h11.IDLE) and self._http.their_state in (
            h11.SEND_BODY,
            h11.IDLE,
        )

    def _ready(self) -> bool:
        while self._http.their_state is h11.SEND_BODY:
            if self.next_event() is h11.NEED_DATA:
                return False
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
        return self._http.our_state is h11.IDLE

    def _take_in(self, data: bytes) -> None:
        if not data and self._unused:
            raise _ClosedUnused
        self._unused = False
        self._ended = not data
        self._http.receive_data(data)
