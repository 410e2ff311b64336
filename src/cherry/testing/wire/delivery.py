"""Putting one step of a script on a connection: whole answers, broken streams, silence and rubbish."""

import asyncio
import random
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from typing import assert_never

import orjson

from cherry.testing.faults import (
    CutMidStream,
    Drop,
    ErrorInStream,
    Garbage,
    Hang,
    HangMidStream,
    PingForever,
    Refuse,
    SlowDrip,
    Status,
)
from cherry.testing.replies import Reply, Say
from cherry.testing.scripts import Step
from cherry.testing.wire.apis import Api, Job, Json
from cherry.testing.wire.http import LAST_CHUNK, HttpRequest, chunk, flush, head, send
from cherry.testing.wire.refusals import refusal, refusal_message

_JSON = "application/json"
_HTML = (
    "<!DOCTYPE html><html><head><title>Welcome</title></head>"
    "<body><h1>Sign in to continue</h1><p>This network needs you to log in.</p></body></html>"
)
_PIECES_OF_A_WHOLE = 8


class Closed(Exception):
    """The connection must not be used any more; what was to be sent has been sent."""


class Delivery:
    """One answer to one request. `number` counts model requests and makes ids."""

    def __init__(
        self,
        api: Api,
        request: HttpRequest,
        body: Json,
        number: int,
        *,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.api = api
        self.request = request
        self.body = body
        self.number = number
        self.reader = reader
        self.writer = writer
        self.streaming = api.wants_stream(body)

    async def perform(self, step: Step) -> int:
        """Send it; returns the status sent, 0 when there was none.

        Raises Closed when the connection is over, ConnectionError when the client has gone.
        """
        match step:
            case Reply():
                return await self._reply(step)
            case Refuse():
                said = refusal(step, api_vendor=self.api.vendor, model=str(self.body.get("model", "")))
                return await self.send_json(said.status, said.body, said.headers)
            case Status():
                data = step.body.encode() if isinstance(step.body, str) else step.body
                await self._send_whole(step.code, {"content-type": _JSON, **step.headers}, data)
                return step.code
            case Hang():
                await self._wait_for_the_client_to_leave()
                raise Closed
            case Drop():
                await self._break(reset=step.reset)
                raise Closed
            case Garbage():
                return await self._garbage(step)
            case PingForever():
                await self._ping_forever(step)
            case ErrorInStream():
                return await self._error_in_stream(step)
            case SlowDrip():
                return await self._drip(step)
            case HangMidStream():
                await self._part_of(step.reply, step.after)
                await self._wait_for_the_client_to_leave()
            case CutMidStream():
                await self._part_of(step.reply, step.after, half_more=step.inside_event)
                await self._break(reset=step.reset)
            case _:
                assert_never(step)
        raise Closed

    async def send_json(self, status: int, body: Json, headers: dict[str, str] | None = None) -> int:
        await self._send_whole(status, {"content-type": _JSON, **(headers or {})}, orjson.dumps(body))
        return status

    async def _send(self, data: bytes) -> None:
        if self.reader.at_eof():
            raise ConnectionResetError("the client closed its side")
        await send(self.writer, data)

    async def _send_whole(self, status: int, headers: dict[str, str], data: bytes) -> None:
        opening = head(status, {**headers, **self._ids()}, length=len(data), keep_alive=self.request.keep_alive)
        await self._send(opening + data)

    def _ids(self) -> dict[str, str]:
        name = "request-id" if self.api.vendor == "anthropic" else "x-request-id"
        return {name: f"req_{self.number:08d}"}

    def _job(self, reply: Reply) -> Job:
        return Job.of(self.number, self.body, self.request.body, reply)

    async def _reply(self, reply: Reply) -> int:
        if reply.delay:
            await asyncio.sleep(reply.delay)
        if not self.streaming:
            body = self.api.whole(self._job(reply))
            return await self.send_json(500 if set(body) == {"error"} else 200, body)
        await self._send(self._stream_head())
        async for event in self._paced(self.api.events(self._job(reply)), reply.pause):
            await self._send(chunk(event))
        await self._send(LAST_CHUNK)
        return 200

    async def _paced(self, events: Iterator[bytes], pause: float) -> AsyncIterator[bytes]:
        for number, event in enumerate(events):
            if pause and number:
                await asyncio.sleep(pause)
            yield event

    def _stream_head(self) -> bytes:
        headers = {"content-type": self.api.stream_type, "cache-control": "no-cache", **self._ids()}
        return head(200, headers, length=None, keep_alive=self.request.keep_alive)

    def _frames(self, reply: Reply) -> tuple[bytes, list[bytes]]:
        """Head and pieces of an answer as they go on the wire, streamed or not."""
        job = self._job(reply)
        if self.streaming:
            return self._stream_head(), [chunk(event) for event in self.api.events(job)]
        data = orjson.dumps(self.api.whole(job))
        size = -(-len(data) // _PIECES_OF_A_WHOLE)
        opening = head(200, {"content-type": _JSON, **self._ids()}, length=len(data))
        return opening, [data[start : start + size] for start in range(0, len(data), size)]

    async def _part_of(self, reply: Reply, after: int, *, half_more: bool = False) -> None:
        opening, frames = self._frames(reply)
        # The last piece never goes out whole: the answer must stay unfinished.
        sent = frames[: min(after, len(frames) - 1)]
        rest = frames[len(sent)]
        await self._send(opening + b"".join(sent) + (rest[: len(rest) // 2] if half_more else b""))
        await flush(self.writer)

    async def _drip(self, step: SlowDrip) -> int:
        opening, frames = self._frames(step.reply)
        data = opening + b"".join(frames) + (LAST_CHUNK if self.streaming else b"")
        for start in range(0, len(data), step.size):
            await self._send(data[start : start + step.size])
            await asyncio.sleep(step.interval)
        return 200

    async def _error_in_stream(self, step: ErrorInStream) -> int:
        message = refusal_message(step.kind, api_vendor=self.api.vendor, model=str(self.body.get("model", "")))
        if not self.streaming:
            return await self.perform(Refuse(step.kind))
        job = self._job(step.reply)
        events = list(self.api.events(job))[: step.after]
        events += self.api.error_events(job, step.kind, message)
        await self._send(self._stream_head() + b"".join(map(chunk, events)) + LAST_CHUNK)
        return 200

    async def _ping_forever(self, step: PingForever) -> None:
        await self._send(self._stream_head())
        if self.streaming:
            await self._send(chunk(next(self.api.events(self._job(Reply((Say("…"),)))))))
        while not self.reader.at_eof():
            await self._send(chunk(self.api.ping()))
            await asyncio.sleep(step.interval)

    async def _garbage(self, step: Garbage) -> int:
        match step.kind:
            case "html":
                await self._send_whole(200, {"content-type": "text/html; charset=utf-8"}, _HTML.encode())
            case "bytes":
                rubbish = random.Random(0).randbytes(2048)
                await self._send_whole(200, {"content-type": "application/octet-stream"}, rubbish)
            case "empty_body":
                await self._send_whole(200, {"content-type": _JSON}, b"")
            case "other_json":
                return await self.send_json(200, {"status": "ok", "items": [1, 2, 3]})
            case "broken_json":
                await self._broken_json()
            case "not_http":
                await self._send(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")
                await self._break(reset=False)
                raise Closed
            case _:
                assert_never(step.kind)
        return 200

    async def _broken_json(self) -> None:
        reply = Reply((Say("All is well until here."),))
        if not self.streaming:
            data = orjson.dumps(self.api.whole(self._job(reply)))
            return await self._send_whole(200, {"content-type": _JSON}, data[: len(data) // 2])
        events = list(self.api.events(self._job(reply)))
        broken = [*events[:2], self.api.broken_event(), *events[2:]]
        return await self._send(self._stream_head() + b"".join(map(chunk, broken)) + LAST_CHUNK)

    async def _wait_for_the_client_to_leave(self) -> None:
        # Bounded by the double's own end: closing it cancels every connection.
        while await self.reader.read(4096):
            pass

    async def _break(self, *, reset: bool) -> None:
        await flush(self.writer)
        if reset:
            raw: socket.socket = self.writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()
