"""Reading an answer while it comes in, and reading one that is there."""

from cherry.edits.edit import Edit
from cherry.edits.reading.answer import Scanner
from cherry.edits.reading.reading import Collector, Reading

_END = None
"""What a reader is sent after the last line."""


class EditStream:
    """Edits of an answer as soon as each is whole. What is given is final: no later text takes it back or changes it."""

    def __init__(self, *, whole: bool = False) -> None:
        """`whole`: what is fed is known not to be cut off in the end."""
        self._into = Collector()
        self._reader = Scanner(self._into, whole=whole).run()
        self._rest: list[str] = []
        self._given = 0
        self._done = False
        next(self._reader)

    def feed(self, chunk: str) -> list[Edit]:
        """The edits that became whole with this chunk. The answer may be cut anywhere."""
        first, *more = chunk.split("\n")
        self._rest.append(first)
        for piece in more:
            self._send("".join(self._rest).removesuffix("\r"))
            self._rest = [piece]
        return self._news()

    def close(self) -> Reading:
        """The whole reading, once the answer is known to have ended. Nothing may be fed afterwards."""
        if not self._done:
            last = "".join(self._rest).removesuffix("\r")
            if last:
                self._send(last)
            self._send(_END)
        self._news()
        return self._into.reading()

    def _send(self, line: str | None) -> None:
        while not self._done:
            try:
                self._reader.send(line)
            except StopIteration:
                self._done = True
            if line is not _END:
                return

    def _news(self) -> list[Edit]:
        news = self._into.edits[self._given :]
        self._given = len(self._into.edits)
        return news


def read_edits(answer: str) -> Reading:
    """The edits in a whole answer, whatever format it uses."""
    stream = EditStream()
    stream.feed(answer)
    return stream.close()


def read_patch(patch: str) -> Reading:
    """The edits in a text that is known to be whole and to be meant as edits (an argument of a tool call), in whatever format.

    So the end of an apply-patch text may lack its marker, and a text without any edit is a fault.
    """
    stream = EditStream(whole=True)
    stream.feed(patch)
    reading = stream.close()
    if reading.edits or reading.faults:
        return reading
    into = Collector()
    into.fault(
        "The patch has no `*** Begin Patch`", next_step="Start with `*** Begin Patch`, end with `*** End Patch`."
    )
    return into.reading()
