"""Just enough HTTP/1.1 to stand in for a provider: reading requests, writing heads and chunks, keep-alive.

Boundary: knows nothing of models. Bounds: heads of 64 KiB, bodies of 64 MiB; beyond them the connection is closed.
"""

import asyncio
from collections.abc import Mapping
from typing import NamedTuple

MAX_HEAD = 64 * 1024
MAX_BODY = 64 * 1024 * 1024
_HIGH_WATER = 256 * 1024

_REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Payload Too Large",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
    529: "Overloaded",
}


class BadHttp(Exception):
    """What came is not a request this server reads."""


class HttpRequest(NamedTuple):
    method: str
    path: str
    """Without the query."""
    query: str
    headers: dict[str, str]
    """Names in lower case; of a repeated header the last."""
    body: bytes
    keep_alive: bool


async def read_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> HttpRequest | None:
    """The next request of a connection, None when the client has closed it. Raises BadHttp."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise BadHttp("the head breaks off") from None
        return None
    except asyncio.LimitOverrunError:
        raise BadHttp("the head is too long") from None
    lines = head[:-4].decode("latin-1").split("\r\n")
    method, target, version = _request_line(lines[0])
    headers = _headers(lines[1:])
    if headers.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    path, _, query = _local(target).partition("?")
    keep_alive = version == "HTTP/1.1" and headers.get("connection", "").lower() != "close"
    return HttpRequest(method, path, query, headers, await _read_body(reader, headers), keep_alive)


def head(
    status: int, headers: Mapping[str, str], *, length: int | None, keep_alive: bool = True, reason: str = ""
) -> bytes:
    """The head of an answer; a body of unknown length (None) comes in chunks."""
    lines = [f"HTTP/1.1 {status} {reason or _REASONS.get(status, 'Status')}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines.append("transfer-encoding: chunked" if length is None else f"content-length: {length}")
    lines.append("connection: keep-alive" if keep_alive else "connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


LAST_CHUNK = b"0\r\n\r\n"


async def send(writer: asyncio.StreamWriter, data: bytes) -> None:
    """Write, waiting only when much is buffered. Raises ConnectionError when the client has gone."""
    writer.write(data)
    if writer.is_closing():
        raise ConnectionResetError("the client closed the connection")
    if writer.transport.get_write_buffer_size() > _HIGH_WATER:
        await writer.drain()


async def flush(writer: asyncio.StreamWriter) -> None:
    """Wait until the kernel has everything, so that an abort loses nothing."""
    transport = writer.transport
    transport.set_write_buffer_limits(high=0)
    await writer.drain()
    transport.set_write_buffer_limits(high=_HIGH_WATER)


def _request_line(line: str) -> tuple[str, str, str]:
    parts = line.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise BadHttp(f"not a request line: {line[:80]!r}")
    return parts[0], parts[1], parts[2]


def _local(target: str) -> str:
    """A client that takes this server for its proxy names the whole address; its host does not matter here."""
    if not target.startswith("http://"):
        return target
    return "/" + target[len("http://") :].partition("/")[2]


def _headers(lines: list[str]) -> dict[str, str]:
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise BadHttp(f"not a header: {line[:80]!r}")
        headers[name.strip().lower()] = value.strip()
    return headers


async def _read_body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    try:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return await _read_chunks(reader)
        length = int(headers.get("content-length") or 0)
        if not 0 <= length <= MAX_BODY:
            raise BadHttp("the body is too long")
        return await reader.readexactly(length) if length else b""
    except (asyncio.IncompleteReadError, ValueError):
        raise BadHttp("the body breaks off") from None


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while size := int((await reader.readline()).split(b";")[0], 16):
        if len(body) + size > MAX_BODY:
            raise BadHttp("the body is too long")
        body += await reader.readexactly(size)
        await reader.readline()
    while (await reader.readline()).strip():
        pass
    return bytes(body)
