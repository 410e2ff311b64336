"""Output of programs as plain text: bytes decoded as they come, escape sequences dropped, progress bars folded.

Nothing that moves a cursor, sets a title or hides text is left, so neither a model nor a terminal can be led astray by it.
"""

import codecs
import re

_SEQUENCE = re.compile(
    r"\x1b(?:"
    r"\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    r"|[\]PX^_][^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"  # OSC, DCS, SOS, PM, APC: titles, links
    r"|[ -/]+[0-~]"  # character sets
    r"|[0-Z\\`-~]"  # everything with one letter
    r")"
    r"|\x9b[0-?]*[ -/]*[@-~]"
)
_UNFINISHED = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|[\]PX^_][^\x07\x1b\x9c]*\x1b?|[ -/]*)?\Z|\x9b[0-?]*[ -/]*\Z")
_BROKEN_OFF = re.compile(r"(?:\x1b\[|\x9b)[0-?]*[ -/]*\Z")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_ERASED = re.compile(r"[^\n\x08]\x08")
_MAX_PENDING = 4096
"""A sequence longer than this is none: it is let through without its escape character."""


class PlainText:
    """Decodes a stream of bytes piece by piece; what a piece breaks off waits for the next."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._pending = ""

    def feed(self, data: bytes, *, final: bool = False) -> str:
        """Carriage returns stay: `folded` treats them once whole lines are there."""
        text = self._pending + self._decoder.decode(data, final)
        self._pending = ""
        if "\x1b" in text or "\x9b" in text:
            if final:
                text = _BROKEN_OFF.sub("", text)
            elif unfinished := _UNFINISHED.search(text, max(0, len(text) - _MAX_PENDING)):
                text, self._pending = text[: unfinished.start()], unfinished.group()
            text = _SEQUENCE.sub("", text)
        return _without_controls(text)


def plain(data: bytes) -> str:
    """The whole output of a program as a model should read it."""
    return folded(PlainText().feed(data, final=True))


def folded(text: str) -> str:
    """What a terminal would show of each line at the end: a progress bar becomes its last state."""
    text = text.replace("\r\n", "\n")
    if "\r" not in text:
        return text
    return "\n".join(_last_state(line) for line in text.split("\n"))


def _last_state(line: str) -> str:
    states = [state for state in line.split("\r") if state]
    return states[-1] if states else ""


def _without_controls(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    for _ in range(3):  # `a\x08a` is how man pages print bold
        if "\x08" not in text:
            break
        text = _ERASED.sub("", text)
    return _CONTROL.sub("", text)
