"""What a failed model call means: the only place where providers' codes and phrases are known.

    answer with a status ─┐
    error inside a stream ┼→ ProviderError: a row of `cherry.domain.errors.gateway`, the provider's own words, and whether
    failure of the network┘  calling again may help

The words are brought to one line, made visible and stripped of the key before anybody sees them.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import orjson

from cherry.domain.errors import gateway as rows
from cherry.domain.errors.base import CherryError, ErrorKind
from cherry.domain.usage import Usage
from cherry.gateway.transport import TransportError
from cherry.kernel.deadlines import DeadlineExceeded
from cherry.kernel.text import one_line, visible
from cherry.security.redaction import SHORTEST_VALUE

MAX_WORDS: Final = 300


class Origin(NamedTuple):
    """Where a call went, for messages."""

    provider: str
    model: str
    url: str
    secret: str = ""
    """Taken out of everything that is shown."""
    key_env: str = ""


class ProviderError(CherryError):
    """A call that gave no whole answer, with what the layers around it need to decide on another attempt."""

    def __init__(
        self,
        kind: ErrorKind,
        what: str = "",
        *,
        where: str = "",
        why: str = "",
        next_step: str = "",
        passing: bool | None = None,
        retry_after: float | None = None,
        spent: Usage | None = None,
    ) -> None:
        super().__init__(kind, what, where=where, why=why, next_step=next_step)
        self.passing = kind.effect == "retry" if passing is None else passing
        """Whether the same call may succeed a moment later."""
        self.retry_after = retry_after
        """Seconds the provider asks to wait, as it said."""
        self.spent = spent or Usage()
        """Tokens the provider reported before it failed: they are paid for all the same."""

    def after(self, attempts: int) -> "ProviderError":
        """The same error, saying how often the call was made."""
        if attempts < 2:
            return self
        why = f"{self.why} (tried {attempts} times)" if self.why else f"tried {attempts} times"
        return ProviderError(
            self.kind,
            self.what,
            where=self.where,
            why=why,
            next_step=self.next_step,
            passing=self.passing,
            retry_after=self.retry_after,
            spent=self.spent,
        )


class _Said(NamedTuple):
    """What an error body says, in no vendor's shape."""

    words: str = ""
    codes: frozenset[str] = frozenset()
    """Every type, code and status the body gave, in lower case."""
    html: bool = False
    structured: bool = False


# Written as text: they are compiled when the first error comes, not at every start.
_TOO_LONG: Final = (
    r"context.length.exceeded|exceed_context_size|maximum context length|max(imum)? prompt length|context window"
    r"|prompt is too long|prompt too long|input is too long|context size|exceeds? (the )?(available )?context"
    r"|exceed context limit|longer than the (maximum )?model|maximum model length|range of input length"
    r"|input (token count|length).{0,30} exceeds|too large for model with|reduce the length of the (messages|prompt|input)"
    r"|tokens to keep from the initial prompt|context the overflows|context length (of|is) only|request_too_large"
    r"|request too large for"
)
_NO_QUOTA: Final = (
    r"insufficient.(quota|balance|funds|credit)|exceeded your current quota|credit balance is too low|arrearage"
    r"|billing.(hard.limit|error|not.active)|payment required|out of credits|usage limits?\b|account .{0,20}overdue"
)
_FILTERED: Final = (
    r"content.?(filter|management|policy)|invalid_prompt|policy_violation|data.?inspection.?failed|flagged as"
    r"|inappropriate content|moderation|content exists risk"
)
_FOREIGN_THOUGHT: Final = (
    r"encrypted.content|(invalid|missing).{0,20}signature|signature.{0,40}thinking|thinking.{0,40}(signature|blocks?)"
)
_NO_TOOLS: Final = (
    r"does not support (tools|tool (use|call)|function)|no endpoints found that support tool use|enable-auto-tool-choice"
    r"|tools? (param|parameter) requires|(tools|tool_choice|tool calling|tool use|function calling)['`\"]?( (is|are))? not supported"
)
_NO_MODEL: Final = (
    r"model_not_found|model[^.]{0,80}(not found|not exist|does not exist|isn't available|not available|not supported|no such)"
    r"|(no such|unknown|invalid|unsupported|not a valid) model|model not exist|try pulling it|^model: "
)
_HTTP_DATE: Final = (
    r"(?P<day>\d{1,2}) (?P<month>\w{3}) (?P<year>\d{4}) (?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"
)
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_CODE_STATUS: Final[Mapping[str, int]] = {
    "overloaded_error": 529,
    "api_error": 500,
    "server_error": 500,
    "internal_server_error": 500,
    "internal_error": 500,
    "service_unavailable": 503,
    "timeout_error": 504,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "rate_limit_reached": 429,
    "too_many_requests": 429,
    "insufficient_quota": 429,
    "billing_error": 402,
    "authentication_error": 401,
    "invalid_api_key": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "model_not_found": 404,
    "request_too_large": 413,
    "invalid_request_error": 400,
    "exceed_context_size_error": 400,
}


def from_response(
    status: int, headers: Mapping[str, str], body: bytes, origin: Origin, *, now: float = 0.0
) -> ProviderError:
    """The error an HTTP answer with this status stands for. `now`: seconds since 1970, to read a Retry-After date."""
    said = _read(body)
    return _classified(
        status, said, origin, retry_after=_retry_after(headers, now), location=headers.get("location", "")
    )


def from_payload(payload: object, origin: Origin, *, spent: Usage | None = None) -> ProviderError:
    """The error object a provider put into a stream that had begun well."""
    said = _from_json(payload)
    numeric = next((int(code) for code in said.codes if re.fullmatch(r"[45]\d\d", code)), None)
    status = numeric or next((_CODE_STATUS[code] for code in sorted(said.codes) if code in _CODE_STATUS), 500)
    error = _classified(status, said, origin, retry_after=None, location="")
    error.spent = spent or Usage()
    return error


def from_transport(error: TransportError, origin: Origin) -> ProviderError:
    words = _clean(error.words, origin)
    where = origin.url
    match error.failure:
        case "bad_url":
            return ProviderError(rows.UNREACHABLE, "The base URL cannot be used", where=where, why=words, passing=False)
        case "tls":
            return ProviderError(rows.TLS, where=where, why=words)
        case "cut":
            return cut_stream(origin, words)
        case "garbage":
            return garbage(origin, words, passing=error.passing)
        case "proxy":
            what = "The proxy did not let the call through"
        case "dns":
            what = f"The address of {origin.provider} could not be found"
        case "refused":
            what = f"Nothing answers at the address of {origin.provider}"
        case _:
            what = f"{origin.provider} could not be reached"
    return ProviderError(rows.UNREACHABLE, what, where=where, why=words, passing=error.passing)


def from_deadline(error: DeadlineExceeded, origin: Origin, *, spent: Usage | None = None) -> ProviderError:
    setting = error.name.removeprefix("model.")
    return ProviderError(
        rows.TIMEOUT,
        f"{origin.provider} did not answer in time",
        where=origin.url,
        why=f"the deadline {error.name} of {error.seconds:g} s passed",
        next_step=f"Try again, choose another model, or raise `gateway.deadlines.{setting}`.",
        # A call that used up its whole time would do so again.
        passing=error.name != "model.total",
        spent=spent,
    )


def cut_stream(origin: Origin, why: str = "", *, spent: Usage | None = None) -> ProviderError:
    why = why or "the connection ended before the answer did"
    return ProviderError(rows.CUT_STREAM, where=origin.url, why=why, spent=spent)


def garbage(origin: Origin, why: str, *, passing: bool = True, spent: Usage | None = None) -> ProviderError:
    return ProviderError(rows.GARBAGE, where=origin.url, why=_clean(why, origin), passing=passing, spent=spent)


def page_instead_of_api(origin: Origin, body: bytes) -> ProviderError:
    """The address answers, but with a web page."""
    said = _read(body)
    return garbage(origin, f"a web page came instead: {said.words}" if said.words else "a web page came", passing=False)


def too_long(origin: Origin, limit: int) -> ProviderError:
    why = f"more than {limit:,} bytes (`gateway.max_answer_bytes`)"
    return ProviderError(rows.ANSWER_TOO_LONG, where=f"{origin.provider}/{origin.model}", why=why)


def refused(origin: Origin, words: str, *, spent: Usage | None = None) -> ProviderError:
    """The model or its provider would not answer, and said nothing else."""
    return ProviderError(rows.REFUSED_CONTENT, where=origin.url, why=_clean(words, origin), spent=spent)


def refuses_reasoning(error: ProviderError) -> bool:
    """Whether the provider cannot read the sealed thoughts that went back to it."""
    return error.kind is rows.BAD_REQUEST and _says(error.why, _FOREIGN_THOUGHT)


def _classified(status: int, said: _Said, origin: Origin, *, retry_after: float | None, location: str) -> ProviderError:
    words = _clean(said.words, origin) or f"HTTP status {status}"
    kind, what, next_step, passing = _row(status, said, origin)
    if location and 300 <= status < 400:
        words = f"it redirects to {_clean(location, origin)}"
    return ProviderError(
        kind, what, where=origin.url, why=words, next_step=next_step, passing=passing, retry_after=retry_after
    )


class _Row(NamedTuple):
    kind: ErrorKind
    what: str = ""
    next_step: str = ""
    passing: bool | None = None


def _row(status: int, said: _Said, origin: Origin) -> _Row:
    text = " ".join((said.words, *sorted(said.codes)))
    if status >= 400 and said.structured:
        # Phrases before numbers: vendors report a prompt that is too long as 400, 413, 429 and 500, no credit as 400 to 429.
        if _says(text, _TOO_LONG):
            return _Row(rows.CONTEXT_TOO_LONG)
        if status < 500 and _says(text, _NO_QUOTA):
            return _Row(rows.QUOTA)
        if _says(text, _NO_TOOLS):
            return _Row(rows.NO_TOOLS, f"{origin.provider}/{origin.model} cannot call tools")
    return _by_status(status, said, text, origin)


def _says(text: str, pattern: str) -> bool:
    return re.search(pattern, text, re.IGNORECASE) is not None


def _by_status(status: int, said: _Said, text: str, origin: Origin) -> _Row:
    model = f"{origin.provider} has no model {origin.model}"
    match status:
        case 400 | 403 | 422 if _says(text, _FILTERED):
            return _Row(rows.REFUSED_CONTENT)
        case 400 if _says(text, _NO_MODEL):
            return _Row(rows.MODEL_NOT_FOUND, model)
        case 401:
            return _Row(rows.AUTH, f"{origin.provider} refused the key", _key_step(origin))
        case 402:
            return _Row(rows.QUOTA)
        case 403 if not said.html:
            return _Row(rows.AUTH, f"{origin.provider} does not allow this", _key_step(origin))
        case 404 if said.structured and _says(text, _NO_MODEL):
            return _Row(rows.MODEL_NOT_FOUND, model)
        case 407:
            what = "The proxy wants a user name and a password"
            return _Row(rows.UNREACHABLE, what, "Put them into the proxy's URL: http://user:password@host:port.", False)
        case 408:
            return _Row(rows.TIMEOUT)
        case 409:
            return _Row(rows.OVERLOADED)
        case 413:
            return _Row(rows.CONTEXT_TOO_LONG)
        case 429:
            return _Row(rows.RATE_LIMIT)
        case 501 | 505:
            return _Row(rows.BAD_REQUEST)
    if status >= 500:
        return _Row(rows.OVERLOADED)
    if status in (403, 404, 405, 406, 410) or status < 400:
        return _Row(rows.GARBAGE, "The address does not answer like this API", passing=False)
    return _Row(rows.BAD_REQUEST)


def _key_step(origin: Origin) -> str:
    if not origin.key_env:
        return ""
    return f"Check the key in {origin.key_env} (the environment comes before `cherry secrets`), then run `cherry test-model`."


def _read(body: bytes) -> _Said:
    text = body[:65_536].decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    if text.startswith("<"):
        return _Said(words=_page_words(text), html=True)
    try:
        return _from_json(orjson.loads(text))
    except orjson.JSONDecodeError:
        return _Said(words=text)


def _page_words(page: str) -> str:
    title = re.search(r"<title[^>]*>(.*?)</title>", page, re.IGNORECASE | re.DOTALL)
    return re.sub(r"<[^>]*>", " ", title.group(1) if title else page[:2000])


def _from_json(payload: object) -> _Said:
    """The words and codes of `{"error": {...}}`, `{"error": "…"}`, `{"message": …}`, `{"detail": …}`, lists of those."""
    if isinstance(payload, list):
        payload = payload[0] if payload else {}
    if not isinstance(payload, dict):
        return _Said(words=str(payload))
    inner = payload.get("error") or payload.get("errors") or payload
    if isinstance(inner, list):
        inner = inner[0] if inner else {}
    if not isinstance(inner, dict):
        return _Said(words=str(inner), codes=_codes(payload), structured=True)
    words = inner.get("message") or inner.get("detail") or inner.get("msg") or inner.get("error")
    codes = _codes(payload) | _codes(inner)
    generic = payload.get("detail") == "Not Found"
    return _Said(
        words=_detail_words(words) if words else "", codes=codes, structured=bool(words or codes) and not generic
    )


def _detail_words(words: object) -> str:
    """Validation errors of FastAPI servers are a list of `{loc, msg}`."""
    if not isinstance(words, list):
        return str(words)
    return "; ".join(str(entry.get("msg", entry)) if isinstance(entry, dict) else str(entry) for entry in words[:5])


def _codes(part: Mapping[str, Any]) -> frozenset[str]:
    found = (part.get(name) for name in ("type", "code", "status"))
    return frozenset(str(code).lower() for code in found if isinstance(code, (str, int)) and not isinstance(code, bool))


def _clean(words: str, origin: Origin) -> str:
    if len(origin.secret) >= SHORTEST_VALUE:
        words = words.replace(origin.secret, "***")
    return one_line(visible(words), MAX_WORDS)


def _retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """`retry-after-ms`, or `Retry-After` as seconds or as a date; None when absent, unreadable or in the past."""
    if (milliseconds := _number(headers.get("retry-after-ms", ""))) is not None:
        return milliseconds / 1000
    value = headers.get("retry-after", "").strip()
    if (seconds := _number(value)) is not None:
        return seconds
    moment = _http_date(value)
    return None if moment is None else max(0.0, moment - now)


def _http_date(text: str) -> float | None:
    """Seconds since 1970 of `Wed, 21 Oct 2026 07:28:00 GMT`. By hand: `email.utils` takes 25 ms to import."""
    found = re.search(_HTTP_DATE, text)
    if not found or found["month"] not in _MONTHS:
        return None
    month = _MONTHS.index(found["month"]) + 1
    day, year, hour, minute, second = (int(found[part]) for part in ("day", "year", "hour", "minute", "second"))
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
    except ValueError:
        return None


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value < float("inf") else None
