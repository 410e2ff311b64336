"""ANSI colours and text widths, by hand: a rich text library costs more start-up time than a whole command.

Colours are meanings (`good`, `dim`, `added`), so a theme is one table and a terminal without colour gets plain text.
"""

import re
import unicodedata
from typing import Literal, NamedTuple

Meaning = Literal["strong", "dim", "good", "bad", "warn", "added", "removed", "accent", "heading"]

_DEFAULT: dict[Meaning, str] = {
    "strong": "1",
    "dim": "2",
    "good": "32",
    "bad": "31",
    "warn": "33",
    "added": "32",
    "removed": "31",
    "accent": "36",
    "heading": "1;36",
}
# For people who cannot read dim or plain coloured text well.
_CONTRAST: dict[Meaning, str] = {
    **_DEFAULT,
    "dim": "0",
    "good": "1;32",
    "bad": "1;31",
    "warn": "1;33",
    "added": "1;32",
    "removed": "1;31",
    "accent": "1;36",
}
_THEMES = {"default": _DEFAULT, "contrast": _CONTRAST}

OK, BAD, PARTLY, STOPPED = "✓", "✗", "◐", "■"
SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
SPINNER_ASCII = "|/-\\"
_ASCII = str.maketrans(
    {
        OK: "+",
        BAD: "x",
        PARTLY: "~",
        STOPPED: "#",
        "…": "...",
        "·": "-",
        "→": "->",
        "−": "-",
        "–": "-",
        "—": "-",
        "↺": "<-",
        "›": ">",
        "•": "*",
        "○": "o",
        "●": "*",
        "“": '"',
        "”": '"',
        "‘": "'",
        "’": "'",
        "≥": ">=",
        "│": "|",
    }
)


class Style(NamedTuple):
    colour: bool = False
    theme: Literal["default", "contrast"] = "default"

    def __call__(self, meaning: Meaning, text: str) -> str:
        """The text in this meaning's colour; each line for itself, so cutting between lines leaves no colour behind."""
        if not self.colour or not text:
            return text
        code = _THEMES[self.theme][meaning]
        return "\n".join(f"\x1b[{code}m{line}\x1b[0m" if line else line for line in text.split("\n"))


PLAIN = Style()


def to_ascii(text: str) -> str:
    """For terminals that cannot show more: signs of ours become look-alikes, everything else `?`."""
    return text.translate(_ASCII).encode("ascii", "replace").decode("ascii")


def without_ansi(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)


def width_of(text: str) -> int:
    """Columns the text takes in a terminal: wide characters two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(_columns(char) for char in text)


def cut_to_width(text: str, columns: int) -> str:
    """One line of plain text (no ANSI), ended with `…` where it does not fit."""
    if width_of(text) <= columns:
        return text
    kept, used = [], 1
    for char in text:
        used += _columns(char)
        if used > columns:
            break
        kept.append(char)
    return "".join(kept) + "…" if columns > 0 else ""


def _columns(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1
