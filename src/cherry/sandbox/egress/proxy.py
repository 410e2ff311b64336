"""An HTTP proxy for one command: passes on what is granted, refuses the rest and remembers it.

    CONNECT host:port             for TLS and anything else: bytes both ways, once the connection stands
    GET http://host[:port]/path   plain HTTP: read as one request and written anew, so that nothing rides along with it

A name is resolved here, once, and the very address that was looked at is connected to. Every wait has a deadline, every connection
and every head a bound. What is said inside a tunnel is not looked at: a granted host that serves others too (a content network) can
be used to reach those.
"""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

import h11

from cherry.kernel.deadlines import DeadlineExceeded, within
from cherry.kernel.tasks import cancel_and_wait
from cherry.security.egress import Grant, as_address, granting, is_metadata, normal_host, not_public, split_port

HEAD_SECONDS, RESOLVE_SECONDS, CONNECT_SECONDS, IDLE_SECONDS = 30.0, 10.0, 15.0, 300.0
MAX_CONNECTIONS = 128
MAX_HEAD = 32 << 10
MAX_REFUSALS = 20
_CHUNK = 1 << 16
_PIECE_OF_HEAD = 4 << 10
"""A head that comes in one piece would be taken however long it is."""
_ADDRESSES_TRIED = 4
_HOP_BY_HOP = frozenset({b"connection", b"proxy-connection", b"keep-alive", b"te", b"trailer", b"upgrade", b"host"})

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host and port → addresses as text. Raises OSError."""
Connect = Callable[[str, int], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


class _Refused(Exception):
    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status, self.why = status, why


class _Upstream(NamedTuple):
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class EgressProxy:
    """Serves one listening socket until it is closed."""

    def __init__(
        self, grants: Sequence[Grant], *, resolve: Resolve | None = None, connect: Connect | None = None
    ) -> None:
        self._grants = tuple(grants)
        self._resolve = resolve or _resolve
        self._connect = connect or _connect
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._refused: dict[str, str] = {}

    @property
    def refused(self) -> tuple[str, ...]:
        """What was asked for and not given: `host:port (why)`, each once, the first few."""
        return tuple(f"{target} ({why})" for target, why in self._refused.items())

    async def serve(self, listening: socket.socket) -> None:
        """Begin; returns at once. The socket is the proxy's from now on."""
        self._server = await asyncio.start_server(self._welcome, sock=listening, limit=_CHUNK)

    def close(self) -> None:
        """Nothing gets through any more. May be called more than once."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in self._tasks:
            task.cancel()

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            if len(self._tasks) > MAX_CONNECTIONS:
                await _answer(writer, 503, f"more than {MAX_CONNECTIONS} connections at once")
            else:
                await self._serve(reader, writer)
        except (OSError, DeadlineExceeded, h11.ProtocolError, asyncio.CancelledError):
            pass  # one side is gone or silent: there is nobody to tell
        finally:
            self._tasks.discard(task)
            _hang_up(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)
        try:
            request = await within("egress.request", HEAD_SECONDS, _head(asked, reader))
            if request is None:
                return
            host, port = _target(request)
            upstream = await self._reach(host, port)
        except _Refused as refusal:
            await _answer(writer, refusal.status, refusal.why)
            return
        except h11.RemoteProtocolError as error:
            await _answer(writer, 400, f"this is no HTTP request: {error}")
            return
        try:
            if request.method == b"CONNECT":
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                early, _ = asked.trailing_data
                upstream.writer.write(early)
                await _relay(_Upstream(reader, writer), upstream)
            else:
                await _pass_on(asked, request, reader, upstream.writer)
                await _copy(upstream.reader, writer, _Activity())
        finally:
            _hang_up(upstream.writer)

    async def _reach(self, host: str, port: int) -> _Upstream:
        """Raises _Refused."""
        grant = granting(self._grants, host, port)
        if grant is None:
            raise self._refusal(host, port, "not granted")
        given = as_address(host)
        try:
            texts = (
                [host] if given else await within("egress.resolve", RESOLVE_SECONDS, self._resolve(host, port), host)
            )
        except (OSError, DeadlineExceeded) as error:
            raise _Refused(502, f"{host} cannot be found: {error}") from None
        addresses = [address for text in dict.fromkeys(texts) if (address := as_address(text.partition("%")[0]))]
        allowed, why = [], "it has no address"
        for address in addresses:
            reason = not_public(address)
            if not reason or (grant.private and not is_metadata(address)):
                allowed.append(address)
            else:
                why = f"its address is {address}: {reason}"
        if not allowed:
            raise self._refusal(host, port, why)
        return await self._connected(host, port, [str(address) for address in allowed[:_ADDRESSES_TRIED]])

    async def _connected(self, host: str, port: int, addresses: Sequence[str]) -> _Upstream:
        trouble = ""
        for address in addresses:
            try:
                opened = await within("egress.connect", CONNECT_SECONDS, self._connect(address, port), host)
                return _Upstream(*opened)
            except (OSError, DeadlineExceeded) as error:
                trouble = str(error)
        raise _Refused(502, f"{host}:{port} cannot be reached: {trouble}")

    def _refusal(self, host: str, port: int, why: str) -> _Refused:
        target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        if len(self._refused) < MAX_REFUSALS:
            self._refused.setdefault(target, why)
        return _Refused(403, f"Cherry refused {target}: {why}")


async def _head(asked: h11.Connection, reader: asyncio.StreamReader) -> h11.Request | None:
    """None when nothing is asked."""
    while True:
        event = asked.next_event()
        if event is h11.NEED_DATA:
            asked.receive_data(await reader.read(_PIECE_OF_HEAD))
        elif isinstance(event, h11.Request):
            return event
        else:
            return None


def _target(request: h11.Request) -> tuple[str, int]:
    """Where the request is to go, in normal form. Raises _Refused."""
    target = request.target.decode("latin-1")
    if request.method == b"CONNECT":
        host, port = split_port(target)
    else:
        try:
            parts = urlsplit(target)
            host, port = parts.hostname or "", str(parts.port or 80)
        except ValueError:
            raise _Refused(400, "the address in the request cannot be read") from None
        if parts.scheme != "http" or "@" in parts.netloc:
            raise _Refused(400, "only http:// addresses are taken here; for https a client says CONNECT")
    normal = normal_host(host)
    if not normal or not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise _Refused(400, "the host in the request cannot be read")
    return normal, int(port)


async def _pass_on(
    asked: h11.Connection, request: h11.Request, reader: asyncio.StreamReader, upstream: asyncio.StreamWriter
) -> None:
    """One request, written anew for the host it names: the head without what speaks of this connection, then its body."""
    parts = urlsplit(request.target.decode("latin-1"))
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    kept = [
        (name, value) for name, value in request.headers if name not in _HOP_BY_HOP and not name.startswith(b"proxy-")
    ]
    host = parts.netloc.encode("latin-1")
    told = h11.Connection(h11.CLIENT)
    headers = [(b"Host", host), (b"Connection", b"close"), *kept]
    head = h11.Request(method=request.method, target=path.encode("latin-1"), headers=headers)
    upstream.write(told.send(head) or b"")
    while True:
        event = asked.next_event()
        if event is h11.NEED_DATA:
            data = await within("egress.body", IDLE_SECONDS, reader.read(_CHUNK))
            asked.receive_data(data)
        elif isinstance(event, h11.Data):
            upstream.write(told.send(h11.Data(data=bytes(event.data))) or b"")
            await upstream.drain()
        elif isinstance(event, h11.EndOfMessage):
            upstream.write(told.send(h11.EndOfMessage()) or b"")
            await upstream.drain()
            return
        else:
            raise ConnectionError("the request broke off")


class _Activity:
    """When bytes last went either way: a long download is not idle because its client has nothing to say."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._last = self._loop.time()

    def seen(self) -> None:
        self._last = self._loop.time()

    @property
    def idle_seconds(self) -> float:
        return self._loop.time() - self._last


async def _relay(one: _Upstream, other: _Upstream) -> None:
    """Bytes both ways until both directions have ended or either is broken."""
    activity = _Activity()
    ways = [
        asyncio.create_task(_copy(one.reader, other.writer, activity, half=True)),
        asyncio.create_task(_copy(other.reader, one.writer, activity, half=True)),
    ]
    try:
        await asyncio.gather(*ways)
    finally:
        await cancel_and_wait(ways)


async def _copy(
    source: asyncio.StreamReader, sink: asyncio.StreamWriter, activity: _Activity, *, half: bool = False
) -> None:
    while data := await _read(source, activity):
        sink.write(data)
        await within("egress.idle", IDLE_SECONDS, sink.drain())
    if half and sink.can_write_eof():
        with contextlib.suppress(OSError):
            sink.write_eof()


async def _read(source: asyncio.StreamReader, activity: _Activity) -> bytes:
    while True:
        left = IDLE_SECONDS - activity.idle_seconds
        try:
            data = await within("egress.idle", max(0.1, left), source.read(_CHUNK))
        except DeadlineExceeded:
            if activity.idle_seconds >= IDLE_SECONDS:
                raise
            continue
        activity.seen()
        return data


async def _answer(writer: asyncio.StreamWriter, status: int, why: str) -> None:
    body = f"{why}\n".encode()
    reason = {400: "Bad Request", 403: "Forbidden", 502: "Bad Gateway", 503: "Service Unavailable"}[status]
    head = f"HTTP/1.1 {status} {reason}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
    writer.write(f"{head}Connection: close\r\n\r\n".encode() + body)
    await within("egress.answer", HEAD_SECONDS, writer.drain())


def _hang_up(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, RuntimeError):
        writer.close()


async def _resolve(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


async def _connect(address: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(address, port, limit=_CHUNK)
