"""Cutting a byte stream into messages: server-sent events and JSON lines. Pure; any chunking gives the same messages."""

from typing import Final, NamedTuple, Protocol

MAX_EVENT_BYTES: Final = 32 << 20
"""One message; a whole answer in one event (a non-streaming server) must fit."""

_BOM: Final = b"\xef\xbb\xbf"


class TooLarge(Exception):
    """One message is larger than any real one."""


class Frame(NamedTuple):
    name: str
    """The event's name; empty when it has none."""
    data: bytes


class Framing(Protocol):
    def feed(self, data: bytes) -> list[Frame]:
        """Raises TooLarge."""
        ...

    def end(self) -> list[Frame]:
        """What was left when the stream ended."""
        ...


class ServerSentEvents:
    """`text/event-stream` as WHATWG HTML defines it: CR, LF or CRLF, comments, several data lines, a byte order mark.

    Where the standard drops an event that lacks its blank line at the end of a stream, `end` gives it out: some servers
    forget that line after their last event, and whether the event is whole, its content says.
    """

    def __init__(self, limit: int = MAX_EVENT_BYTES) -> None:
        self._limit = limit
        self._rest = b""
        self._size = 0
        self._name = ""
        self._data: list[bytes] = []
        self._started = False
        self._skip_newline = False

    def feed(self, data: bytes) -> list[Frame]:
        if not self._started:
            data = self._without_bom(data)
        if self._skip_newline and data:
            data = data.removeprefix(b"\n")
            self._skip_newline = False
        lines, self._rest = self._split(self._rest + data)
        frames = [frame for line in lines if (frame := self._line(line))]
        if len(self._rest) + self._size > self._limit:
            raise TooLarge
        return frames

    def end(self) -> list[Frame]:
        line, self._rest = self._rest, b""
        frame = (self._line(line) if line else None) or self._dispatch()
        return [frame] if frame else []

    def _without_bom(self, data: bytes) -> bytes:
        whole = self._rest + data
        if len(whole) < len(_BOM) and _BOM.startswith(whole):
            self._rest = whole
            return b""
        self._started, self._rest = True, b""
        return whole.removeprefix(_BOM)

    def _split(self, buffer: bytes) -> tuple[list[bytes], bytes]:
        if b"\r" in buffer:
            # A CR at the very end may be the first half of a CRLF: the LF that follows belongs to it.
            self._skip_newline = buffer.endswith(b"\r")
            buffer = buffer.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *lines, rest = buffer.split(b"\n")
        return lines, rest

    def _line(self, line: bytes) -> Frame | None:
        if not line:
            return self._dispatch()
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._data.append(value)
            self._size += len(value)
            if self._size > self._limit:
                raise TooLarge
        elif field == b"event":
            self._name = value.decode("utf-8", "replace")
        return None

    def _dispatch(self) -> Frame | None:
        name, data = self._name, self._data
        self._name, self._data, self._size = "", [], 0
        return Frame(name, b"\n".join(data)) if data else None


class JsonLines:
    """One JSON value a line. The last line may lack its newline: whether it is whole, its JSON says."""

    def __init__(self, limit: int = MAX_EVENT_BYTES) -> None:
        self._limit = limit
        self._rest = b""

    def feed(self, data: bytes) -> list[Frame]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > self._limit or any(len(line) > self._limit for line in lines):
            raise TooLarge
        return [Frame("", line) for line in map(bytes.strip, lines) if line]

    def end(self) -> list[Frame]:
        rest, self._rest = self._rest.strip(), b""
        return [Frame("", rest)] if rest else []
