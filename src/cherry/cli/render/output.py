"""A stream to write to, and what it can show: colours, cursor movement, characters beyond ASCII.

A reader that went away (`cherry … | head`, a closed terminal) is noticed here: an essential stream raises `ReaderGone`, a merely
informative one falls silent.
"""

import errno
import shutil
from collections.abc import Mapping
from io import TextIOBase
from typing import Literal, NamedTuple, TextIO

from cherry.cli.render.style import to_ascii

GONE = frozenset({errno.EPIPE, errno.EIO, errno.EBADF, errno.ECONNRESET})
"""What the system says when the other end of a stream is closed."""


class ReaderGone(Exception):
    """Nobody reads our standard output any more."""


class Abilities(NamedTuple):
    terminal: bool = False
    colour: bool = False
    cursor: bool = False
    """A line may be overwritten."""
    unicode: bool = True


def abilities_of(
    stream: TextIO, environ: Mapping[str, str], *, colour: Literal["auto", "always", "never"] = "auto"
) -> Abilities:
    """NO_COLOR (any value) and TERM=dumb are honoured; `always` wins over NO_COLOR because it was said to Cherry itself."""
    terminal = _is_terminal(stream)
    dumb = environ.get("TERM", "") in ("dumb", "")
    wanted = terminal and not dumb and not environ.get("NO_COLOR")
    return Abilities(
        terminal=terminal,
        colour=colour == "always" or (colour == "auto" and wanted),
        cursor=terminal and not dumb,
        unicode=_is_unicode(stream),
    )


class Output:
    """Text to one stream, flushed at once."""

    def __init__(self, stream: TextIO | TextIOBase, abilities: Abilities, *, essential: bool = True) -> None:
        self.abilities = abilities
        self._stream = stream
        self._essential = essential
        self._gone = False

    def write(self, text: str) -> None:
        """Raises ReaderGone when the stream is essential and closed."""
        if self._gone or not text:
            return
        if not self.abilities.unicode:
            text = to_ascii(text)
        try:
            self._stream.write(text)
            self._stream.flush()
        except UnicodeEncodeError:
            self._stream.write(text.encode("ascii", "backslashreplace").decode("ascii"))
            self._stream.flush()
        except (OSError, ValueError) as error:  # ValueError: the stream object itself was closed
            if isinstance(error, OSError) and error.errno not in GONE:
                raise
            self._gone = True
            if self._essential:
                raise ReaderGone from error

    @property
    def columns(self) -> int:
        """Width of the terminal; wide enough for anything when it is none."""
        return max(20, shutil.get_terminal_size((80, 24)).columns) if self.abilities.terminal else 10_000


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except (ValueError, OSError):
        return False


def _is_unicode(stream: TextIO) -> bool:
    encoding = (getattr(stream, "encoding", None) or "ascii").lower().replace("-", "").replace("_", "")
    return encoding.startswith(("utf", "gb18030"))
