"""Takes secrets out of text before it is logged, shown, stored or sent: `[redacted: openai key]`.

Known formats (`key_formats`) and the exact values Cherry was configured with, also as they look in addresses and in base 64.
Redacting twice changes nothing. It is a net, not a fence: a secret of unknown shape passes; what must never be read is refused
by the jail.
"""

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import NamedTuple
from urllib.parse import quote

from cherry.security.key_formats import KEY_FORMATS, KeyFormat

SHORTEST_VALUE = 8
"""Configured values shorter than this are not looked for: they would be found everywhere."""
_BLOCK_BEGIN, _BLOCK_END = "-----BEGIN ", "-----END "
_NAMES_A_SECRET = re.compile(r"(?i)(^|_)(api_?key|key|token|secret|password|passwd|credentials?)(_|$)")


_BAR = re.compile(r"[.\-=#*>|/\\ \[\](),:%0-9\r]*")
_LONGEST_BAR = 400


class Span(NamedTuple):
    start: int
    end: int
    name: str


class Redactor:
    """Immutable and cheap to call. `secrets` maps a name for people (`OPENAI_API_KEY`) to the value."""

    def __init__(self, secrets: Mapping[str, str] | None = None) -> None:
        self._values = {
            form: name
            for name, value in (secrets or {}).items()
            if len(value) >= SHORTEST_VALUE
            for form in _forms(value)
        }
        self.longest = max([*(row.longest for row in KEY_FORMATS), *(len(value) for value in self._values)])
        """No match is longer than this."""

    def redact(self, text: str) -> str:
        """The text with every secret replaced. Time grows with the length of the text only: some 30 ms for a megabyte."""
        spans = self.spans(text)
        if not spans:
            return text
        pieces = []
        done = 0
        for span in spans:
            pieces += [text[done : span.start], f"[redacted: {span.name}]"]
            done = span.end
        return "".join([*pieces, text[done:]])

    def spans(self, text: str) -> list[Span]:
        """Where the secrets stand: in order, not overlapping. Of overlapping ones the first in the tables names the whole."""
        found = [span for value, name in self._values.items() for span in _occurrences(text, value, name)]
        found += [span for row in KEY_FORMATS for span in _matches(text, row)]
        if not found:
            return []
        found.sort(key=lambda span: (span.start, -span.end))
        merged = [found[0]]
        for span in found[1:]:
            last = merged[-1]
            if span.start < last.end:
                merged[-1] = last._replace(end=max(last.end, span.end))
            else:
                merged.append(span)
        return merged

    def may_begin_a_value(self, text: str) -> bool:
        """Whether the end of the text could be the beginning of a configured value."""
        return any(value.startswith(text[at:]) for value in self._values for at in range(len(text)))

    def stream(self) -> "StreamRedactor":
        return StreamRedactor(self)


class StreamRedactor:
    """The same for text that arrives in pieces: holds back what could be the beginning of a secret.

    Whatever the pieces, no part of a secret that `Redactor.redact` would find in the whole is passed on, except one that was
    configured with a line end inside.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._held = ""

    def feed(self, piece: str) -> str:
        """Text that is safe to pass on; may be empty."""
        self._held += piece
        cut = self._safe_length(self._held)
        if not cut:
            return ""
        ready, self._held = self._held[:cut], self._held[cut:]
        return self._redactor.redact(ready)

    def pause(self) -> str:
        """What may be passed on though its line is not whole, because it can be no secret's beginning: dots, bars, percentages."""
        held = self._held
        if not held or len(held) > _LONGEST_BAR or not _BAR.fullmatch(held) or self._redactor.may_begin_a_value(held):
            return ""
        self._held = ""
        return self._redactor.redact(held)

    def finish(self) -> str:
        """The rest. The redactor can be used for another text afterwards."""
        rest, self._held = self._held, ""
        return self._redactor.redact(rest)

    def _safe_length(self, text: str) -> int:
        """Up to the last line end that lies outside a key block; in an endless line, all but the longest possible secret."""
        longest = self._redactor.longest
        begun = text.rfind(_BLOCK_BEGIN)
        ending = text.find(_BLOCK_END, begun)
        ended = ending != -1 and "\n" in text[ending:]
        open_block = begun != -1 and not ended and len(text) - begun < longest
        end = text.rfind("\n", 0, begun if open_block else len(text)) + 1
        if not end and len(text) > 2 * longest:
            end = len(text) - longest
        straddling = (span for span in self._redactor.spans(text) if span.start < end < span.end) if end else ()
        return next((span.start for span in straddling), end)


def names_a_secret(name: str) -> bool:
    """Whether a variable is called as secrets are: `API_KEY`, `db_password`."""
    return _NAMES_A_SECRET.search(name) is not None


def secret_values(environ: Mapping[str, str], names: Iterable[str] = ()) -> dict[str, str]:
    """The values in an environment that are secrets: those named, and those whose name says so."""
    wanted = set(names)
    return {
        name: value
        for name, value in environ.items()
        if len(value) >= SHORTEST_VALUE and (name in wanted or (names_a_secret(name) and value[0] not in "/~"))
    }


def _forms(value: str) -> Iterator[str]:
    yield value
    encoded = value.encode("utf-8", "surrogateescape")
    yield quote(encoded, safe="")
    yield base64.b64encode(encoded).decode("ascii").rstrip("=")


def _occurrences(text: str, value: str, name: str) -> Iterator[Span]:
    start = text.find(value)
    while start != -1:
        yield Span(start, start + len(value), name)
        start = text.find(value, start + len(value))


def _matches(text: str, row: KeyFormat) -> Iterator[Span]:
    pattern = _compiled(row)
    whole = 0 if "secret" not in pattern.groupindex else "secret"
    if not row.anchors:
        for match in pattern.finditer(text):
            yield Span(*match.span(whole), row.name)
    for anchor in row.anchors:
        at = text.find(anchor)
        while at != -1:
            found = pattern.match(text, at)
            if found:
                yield Span(*found.span(whole), row.name)
            at = text.find(anchor, found.end() if found else at + 1)


@cache
def _compiled(row: KeyFormat) -> re.Pattern[str]:
    return re.compile(row.pattern)
