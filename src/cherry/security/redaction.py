"""Takes secrets out of text before it is logged, shown, stored or sent: `[redacted: openai key]`.

Known formats (`key_formats`) and the exact values Cherry was configured with. Redacting twice changes nothing. It is a net, not a
fence: a secret of unknown shape passes; what must never be read is refused by the jail.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache

from cherry.security.key_formats import KEY_FORMATS, KeyFormat

SHORTEST_VALUE = 8
"""Configured values shorter than this are not looked for: they would be found everywhere."""


class Redactor:
    """Immutable and cheap to call. `secrets` maps a name for people (`OPENAI_API_KEY`) to the value."""

    def __init__(self, secrets: Mapping[str, str] | None = None) -> None:
        values = {value: name for name, value in (secrets or {}).items() if len(value) >= SHORTEST_VALUE}
        self._values = dict(sorted(values.items(), key=lambda item: -len(item[0])))
        self.longest = max([*(f.longest for f in KEY_FORMATS), *(len(value) for value in self._values)])
        """No match is longer than this."""

    def redact(self, text: str) -> str:
        """The text with every secret replaced. Linear in the text; about 10 ms for a megabyte of ordinary text."""
        for value, name in self._values.items():
            if value in text:
                text = text.replace(value, _replacement(name))
        for row in KEY_FORMATS:
            if any(hint in text for hint in row.hints):
                text = _compiled(row).sub(lambda match, row=row: _replaced(match, row), text)  # type: ignore[misc]
        return text

    def stream(self) -> "StreamRedactor":
        return StreamRedactor(self)


class StreamRedactor:
    """The same for text that arrives in pieces: holds back what could be the beginning of a secret.

    What `feed` and `finish` return, joined, is what `redact` makes of the whole text as long as no line end lies within a secret.
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

    def finish(self) -> str:
        """The rest. The redactor can be used for another text afterwards."""
        rest, self._held = self._held, ""
        return self._redactor.redact(rest)

    def _safe_length(self, text: str) -> int:
        """Up to the last white space outside a key block; without any, all but the longest possible secret."""
        begun = text.rfind("-----BEGIN ")
        if begun != -1 and "-----END " not in text[begun:] and len(text) - begun < self._redactor.longest:
            text = text[:begun]
        end = text.rfind("\n") + 1
        if not end and len(text) > 2 * self._redactor.longest:
            end = max(text.rfind(" ") + 1, len(text) - self._redactor.longest)
        return end


def secret_values(environ: Mapping[str, str], names: Iterable[str] = ()) -> dict[str, str]:
    """The values in an environment that are secrets: those named, and those whose name says so."""
    wanted = set(names)
    sign = re.compile(r"(?i)(^|_)(api_?key|key|token|secret|password|passwd|credentials?)(_|$)")
    return {
        name: value
        for name, value in environ.items()
        if len(value) >= SHORTEST_VALUE and (name in wanted or sign.search(name)) and not value.startswith("/")
    }


def _replacement(name: str) -> str:
    return f"[redacted: {name}]"


def _replaced(match: re.Match[str], row: KeyFormat) -> str:
    whole = match.group(0)
    if "secret" not in match.re.groupindex:
        return _replacement(row.name)
    secret = match.group("secret")
    if secret.startswith("[redacted"):
        return whole
    start = match.start("secret") - match.start(0)
    return whole[:start] + _replacement(row.name) + whole[start + len(secret) :]


@cache
def _compiled(row: KeyFormat) -> re.Pattern[str]:
    return re.compile(row.pattern)
