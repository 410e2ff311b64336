"""What a failed call means, for every vendor's words."""

from datetime import UTC, datetime
from typing import get_args

import orjson
import pytest

from cherry.domain.errors import gateway as rows
from cherry.domain.errors.base import ErrorKind
from cherry.gateway import errors
from cherry.gateway.errors import Origin
from cherry.gateway.transport import TransportError
from cherry.kernel.deadlines import DeadlineExceeded
from cherry.testing.faults import RefusalKind, Refuse, Vendor
from cherry.testing.wire.refusals import refusal

KEY = "sk-very-secret-0123456789"
ORIGIN = Origin("acme", "m-1", "https://api.acme.test/v1/chat/completions", KEY, "ACME_API_KEY")
MEANINGS: dict[RefusalKind, ErrorKind] = {
    "wrong_key": rows.AUTH,
    "no_credit": rows.QUOTA,
    "no_permission": rows.AUTH,
    "model_not_found": rows.MODEL_NOT_FOUND,
    "context_too_long": rows.CONTEXT_TOO_LONG,
    "content_refused": rows.REFUSED_CONTENT,
    "bad_request": rows.BAD_REQUEST,
    "no_tools": rows.NO_TOOLS,
    "rate_limited": rows.RATE_LIMIT,
    "quota_used_up": rows.QUOTA,
    "server_error": rows.OVERLOADED,
    "unavailable": rows.OVERLOADED,
    "overloaded": rows.OVERLOADED,
}
API_OF: dict[Vendor, Vendor] = {"anthropic": "anthropic", "ollama": "ollama"}


@pytest.mark.parametrize("vendor", get_args(Vendor))
@pytest.mark.parametrize("kind", get_args(RefusalKind))
def test_every_refusal_of_every_vendor_is_the_same_row_of_the_catalogue(vendor: Vendor, kind: RefusalKind) -> None:
    sent = refusal(Refuse(kind, vendor=vendor), api_vendor=API_OF.get(vendor, "openai"), model="m-1")
    error = errors.from_response(sent.status, sent.headers, orjson.dumps(sent.body), ORIGIN)
    assert error.kind is MEANINGS[kind], (sent.status, sent.body)
    assert error.where == ORIGIN.url
    assert error.why


def said(message: str, code: str = "", type_: str = "") -> bytes:
    return orjson.dumps({"error": {"message": message, "type": type_, "code": code}})


@pytest.mark.parametrize(
    "words",
    [
        "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens",
        "prompt is too long: 213462 tokens > 200000 maximum",
        "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000, decrease input length",
        "Your input exceeds the context window of this model. Please adjust your input and try again.",
        "Range of input length should be [1, 30720]",
        "the request exceeds the available context size. try increasing the context size or enable context shift",
        "The number of tokens to keep from the initial prompt is greater than the context length.",
        "Trying to keep the first 5034 tokens when context the overflows. However, the model is loaded with 4096",
        "prompt too long; exceeded max context length by 1204 tokens",
        "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
        "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length",
        "Input is too long for requested model.",
        "This model's maximum prompt length is 131072 but the request contains 200000 tokens.",
        "Request too large for gpt-x in organization o on tokens per min (TPM): Limit 30000, Requested 45000.",
        "Please reduce the length of the messages or completion.",
        "The decoder prompt (length 9000) is longer than the maximum model length of 8192.",
    ],
)
@pytest.mark.parametrize("status", [400, 413, 429, 500])
def test_a_prompt_that_is_too_long_is_known_by_its_words_whatever_the_status(words: str, status: int) -> None:
    assert errors.from_response(status, {}, said(words), ORIGIN).kind is rows.CONTEXT_TOO_LONG


@pytest.mark.parametrize(
    ("status", "body", "kind", "passing"),
    [
        (400, said("Unknown parameter: 'x'."), rows.BAD_REQUEST, False),
        (400, b"Bad Request", rows.BAD_REQUEST, False),
        (401, b"", rows.AUTH, False),
        (402, b"", rows.QUOTA, False),
        (403, said("Country not supported"), rows.AUTH, False),
        (403, b"<html><title>Blocked</title>", rows.GARBAGE, False),
        (404, b"<html><title>404</title>", rows.GARBAGE, False),
        (404, b'{"detail":"Not Found"}', rows.GARBAGE, False),
        (404, said("Invalid URL (POST /chat/completions)"), rows.GARBAGE, False),
        (404, said("The model `x` does not exist"), rows.MODEL_NOT_FOUND, False),
        (405, b"", rows.GARBAGE, False),
        (408, b"", rows.TIMEOUT, True),
        (409, b"", rows.OVERLOADED, True),
        (413, b"<html><title>413 Request Entity Too Large</title>", rows.CONTEXT_TOO_LONG, False),
        (422, b'{"detail":[{"loc":["body"],"msg":"field required"}]}', rows.BAD_REQUEST, False),
        (429, b"", rows.RATE_LIMIT, True),
        (429, said("x", code="insufficient_quota"), rows.QUOTA, False),
        (500, b"", rows.OVERLOADED, True),
        (502, b"<html><title>Bad gateway</title>", rows.OVERLOADED, True),
        (529, b"", rows.OVERLOADED, True),
        (301, b"", rows.GARBAGE, False),
        (407, b"", rows.UNREACHABLE, False),
    ],
)
def test_the_table_of_statuses(status: int, body: bytes, kind: ErrorKind, passing: bool) -> None:
    error = errors.from_response(status, {}, body, ORIGIN)
    assert (error.kind, error.passing) == (kind, passing)


def test_the_providers_own_words_come_on_one_line_and_without_the_key() -> None:
    error = errors.from_response(400, {}, said(f"Wrong\x1b[31m\n  key {KEY} " + "x" * 1000), ORIGIN)
    assert KEY not in str(error)
    assert error.why.startswith("Wrong\\x1b[31m key *** xxx")
    assert len(error.why) <= errors.MAX_WORDS
    assert "\n" not in str(error)


def test_words_are_found_in_every_usual_shape() -> None:
    shapes = [
        b'{"error":"boom"}',
        b'{"message":"boom"}',
        b'{"detail":"boom"}',
        b'[{"error":{"message":"boom"}}]',
        b"boom",
    ]
    shapes += [
        b'{"errors":[{"message":"boom"}]}',
        b"<html><head><title> boom </title></head></html>",
        b'{"detail":[{"msg":"boom"}]}',
    ]
    assert [errors.from_response(500, {}, shape, ORIGIN).why for shape in shapes] == ["boom"] * len(shapes)


def test_a_body_that_says_nothing_leaves_the_status() -> None:
    assert errors.from_response(503, {}, b"{}", ORIGIN).why == "HTTP status 503"


def test_a_redirect_is_told_with_its_target_and_not_followed() -> None:
    error = errors.from_response(308, {"location": "https://elsewhere.test/v1"}, b"", ORIGIN)
    assert "redirects to https://elsewhere.test/v1" in error.why


def test_a_refused_key_names_the_variable_it_came_from() -> None:
    assert "ACME_API_KEY" in errors.from_response(401, {}, b"", ORIGIN).next_step


NOW = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after": "Fri, 20 Nov 2026 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Fri, 20 Nov 2026 11:00:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "Fri, 99 Nov 2026 11:00:00 GMT"}, None),
        ({"retry-after": "inf"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(headers: dict[str, str], seconds: float | None) -> None:
    assert errors.from_response(429, headers, b"", ORIGIN, now=NOW).retry_after == seconds


@pytest.mark.parametrize(
    ("error", "kind", "passing"),
    [
        (TransportError("dns", "no such name", passing=False), rows.UNREACHABLE, False),
        (TransportError("refused", "refused"), rows.UNREACHABLE, True),
        (TransportError("tls", "self-signed certificate", passing=False), rows.TLS, False),
        (TransportError("proxy", "407", passing=False), rows.UNREACHABLE, False),
        (TransportError("cut", "gone"), rows.CUT_STREAM, True),
        (TransportError("garbage", "not HTTP", passing=False), rows.GARBAGE, False),
        (TransportError("bad_url", "x", passing=False), rows.UNREACHABLE, False),
    ],
)
def test_the_table_of_network_failures(error: TransportError, kind: ErrorKind, passing: bool) -> None:
    made = errors.from_transport(error, ORIGIN)
    assert (made.kind, made.passing, made.where) == (kind, passing, ORIGIN.url)


def test_a_deadline_is_told_by_its_name_and_its_setting() -> None:
    error = errors.from_deadline(DeadlineExceeded("model.first_byte", 120), ORIGIN)
    assert error.kind is rows.TIMEOUT
    assert "model.first_byte of 120 s" in error.message
    assert "gateway.deadlines.first_byte" in error.next_step
    assert error.passing
    assert not errors.from_deadline(DeadlineExceeded("model.total", 900), ORIGIN).passing


def test_how_often_a_call_was_made_is_told() -> None:
    assert errors.cut_stream(ORIGIN, "gone").after(3).message.endswith("gone (tried 3 times).")
    assert "tried" not in errors.cut_stream(ORIGIN, "gone").after(1).message


@pytest.mark.parametrize(
    "words",
    [
        "The encrypted content for item rs_1 could not be verified.",
        "messages.1.content.0: Invalid `signature` in `thinking` block",
    ],
)
def test_sealed_thoughts_that_cannot_be_read_are_recognised(words: str) -> None:
    assert errors.refuses_reasoning(errors.from_response(400, {}, said(words), ORIGIN))
    assert not errors.refuses_reasoning(errors.from_response(400, {}, said("Unknown parameter"), ORIGIN))
