"""From bytes to stream items, whatever the wire. Pure; every chunking of the same bytes gives the same items.

A cut stream is never taken for whole: an answer exists only when the wire's reader saw the end mark and the finish reason.
"""

from collections.abc import Iterator
from typing import Final, Literal

import orjson

from cherry.domain.prompts import Delta
from cherry.gateway import errors
from cherry.gateway.errors import Origin, ProviderError
from cherry.gateway.wire.base import Reader, WholeAnswer
from cherry.gateway.wire.framing import Frame, Framing, ServerSentEvents, TooLarge
from cherry.gateway.wire.json import Json
from cherry.gateway.wire.parts import AnswerTooLong

_BLANK: Final = b" \t\r\n\xef\xbb\xbf"


class Decoder:
    """Feed it chunks until `done`, tell it when the bytes end, then take the answer."""

    def __init__(self, reader: Reader, framing: Framing, origin: Origin, limit: int) -> None:
        self.reader = reader
        self._framing = framing
        self._origin = origin
        self._limit = limit
        self._shape: Literal["unknown", "stream", "object", "page"] = "unknown"
        self._head = b""
        self._object: list[bytes] = []
        """Chunks of an answer that comes as one JSON object, from a server that does not stream."""
        self._size = 0
        self._answer: WholeAnswer | None = None
        self._understood = False
        """An event in the shape of JSON came."""
        self._broken_off = False
        """It was one JSON object, and its end is missing."""

    @property
    def done(self) -> bool:
        return self._answer is not None

    def feed(self, data: bytes) -> Iterator[Delta]:
        """Raises ProviderError; what was yielded before is then void."""
        if self.done:
            return
        if self._shape == "unknown":
            data = self._sniff(data)
        match self._shape:
            case "stream":
                yield from self._streamed(self._framed(data))
            case "object" | "page":
                self._collect(data)

    def end(self) -> Iterator[Delta]:
        """The bytes are at their end. Yields what they still held."""
        if self.done:
            return
        if self._shape == "object":
            yield from self._whole()
        elif self._shape == "stream":
            yield from self._streamed(self._framing.end(), last=True)

    def answer(self) -> WholeAnswer:
        """Raises ProviderError(CUT_STREAM, GARBAGE) when there is none."""
        if self._answer is not None:
            return self._answer
        if self._shape == "page":
            raise errors.page_instead_of_api(self._origin, b"".join(self._object))
        if self._shape == "unknown" or self._understood or self._broken_off:
            raise errors.cut_stream(self._origin, spent=self.reader.usage)
        raise errors.garbage(self._origin, "nothing in the answer is in the shape of this API")

    def _sniff(self, data: bytes) -> bytes:
        """Decide by the first byte that is not blank. An object is the shape of a stream where streams are JSON lines."""
        self._head += data
        start = self._head.lstrip(_BLANK)[:1]
        if not start:
            self._head = self._head[-len(_BLANK) :]
            return b""
        head, self._head = self._head, b""
        if start == b"<":
            self._shape = "page"
        elif start in b"{[" and isinstance(self._framing, ServerSentEvents):
            self._shape = "object"
        else:
            self._shape = "stream"
        return head

    def _framed(self, data: bytes) -> list[Frame]:
        try:
            return self._framing.feed(data)
        except TooLarge:
            raise errors.too_long(self._origin, self._limit) from None

    def _streamed(self, frames: list[Frame], *, last: bool = False) -> Iterator[Delta]:
        for frame in frames:
            if not self.reader.marker(frame.data):
                payload = self._parsed(frame.data, last=last)
                if payload is None:
                    continue
                self._understood = True
                yield from self._bounded(payload, frame.name)
            self._answer = self.reader.answer()
            if self._answer:
                return

    def _bounded(self, payload: Json, name: str) -> Iterator[Delta]:
        if payload.get("error"):
            raise errors.from_payload(payload, self._origin, spent=self.reader.usage)
        try:
            yield from self.reader.event(name, payload)
        except AnswerTooLong:
            raise errors.too_long(self._origin, self._limit) from None

    def _parsed(self, data: bytes, *, last: bool) -> Json | None:
        """None for what may be skipped: nothing, or a last line that broke off."""
        if not data.strip():
            return None
        try:
            value = orjson.loads(data)
        except orjson.JSONDecodeError:
            if last:
                return None
            raise self._not_json(data) from None
        if not isinstance(value, dict):
            raise self._not_json(data)
        return value

    def _not_json(self, data: bytes) -> ProviderError:
        words = data[:120].decode("utf-8", "replace")
        return errors.garbage(self._origin, f"an event is not a JSON object: {words}", spent=self.reader.usage)

    def _collect(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > 2 * self._limit:
            raise errors.too_long(self._origin, self._limit)
        self._object.append(data)

    def _whole(self) -> Iterator[Delta]:
        try:
            value = orjson.loads(b"".join(self._object).lstrip(_BLANK))
        except orjson.JSONDecodeError:
            self._broken_off = True
            return
        if isinstance(value, list) or value.get("error"):
            raise errors.from_payload(value, self._origin)
        try:
            yield from self.reader.whole(value)
        except AnswerTooLong:
            raise errors.too_long(self._origin, self._limit) from None
        self._answer = self.reader.answer()
