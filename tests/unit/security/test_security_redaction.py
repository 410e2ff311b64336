"""Secrets leave no text."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cherry.security.redaction import Redactor, secret_values

A = "abcdEFGH1234ijklMNOP5678qrstUVWX90abcdEFGH1234ijkl"
KEYS = {
    "anthropic key": f"sk-ant-api03-{A}",
    "openai key": f"sk-proj-{A}",
    "openrouter key": f"sk-or-v1-{A}",
    "google key": "AIza" + A[:35],
    "aws key id": "AKIAIOSFODNN7EXAMPLE",
    "github token": "ghp_" + A[:36],
    "gitlab token": "glpat-" + A[:20],
    "slack token": "xoxb-" + "1234567890-" + A[:24],
    "stripe key": "sk_live_" + A[:24],
    "npm token": "npm_" + A[:36],
    "hugging face token": "hf_" + A[:34],
    "sendgrid key": f"SG.{A[:22]}.{A[:43]}",
    "json web token": f"eyJ{A}.eyJ{A}.{A}",
    "age key": "AGE-SECRET-KEY-1" + "A1B2" * 14 + "CD",
    "telegram token": "1234567890:AA" + A[:33],
    "pypi token": "pypi-" + A + A,
}
CONTEXTS = [
    "{}",
    "key={}",
    'x = "{}"',
    "--key {} --y",
    "({})",
    "{}\n",
    "line\n{}\nline",
    '{{"k": "{}"}}',
    "https://h/?k={}&x=1",
    "a:{},b",
]
PRIVATE_KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\n" + "\n".join([A] * 20) + "\n-----END OPENSSH PRIVATE KEY-----"


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("name", KEYS)
def test_a_known_key_is_taken_out_wherever_it_stands(name: str, context: str) -> None:
    redacted = Redactor().redact(context.format(KEYS[name]))
    assert KEYS[name] not in redacted
    assert "[redacted: " in redacted
    assert A[10:20] not in redacted


@pytest.mark.parametrize("name", KEYS)
def test_a_replacement_names_the_kind(name: str) -> None:
    assert f"[redacted: {name}]" in Redactor().redact(f"x {KEYS[name]} y") or name == "telegram token"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("postgres://user:pa55word@db/x", "postgres://user:[redacted: password in an address]@db/x"),
        ("Authorization: Bearer abcdefghijklmnopqrstuv", "Authorization: Bearer [redacted: bearer token]"),
        ("authorization: Basic dXNlcjpwYXNzd29yZA==", "authorization: Basic [redacted: authorization header]"),
        ("API_KEY=abcdef1234567890", "API_KEY=[redacted: key]"),
        ("export DB_PASSWORD=abcdef1234567890", "export DB_PASSWORD=[redacted: key]"),
        ('"client_secret": "abcdef1234567890"', '"client_secret": "[redacted: key]"'),
        ("aws_secret_access_key = " + "a1B/" * 10, "aws_secret_access_key = [redacted: aws secret]"),
    ],
)
def test_only_the_secret_part_of_a_line_is_taken_out(text: str, expected: str) -> None:
    assert Redactor().redact(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "password = settings.database1_password_value", 'key = os.environ["API_KEY_1234567890"]', "token: str", "sk-learn", "risk-free",
        "api_key = get_secret_from_vault_2(name)", "https://example.com/a:b@c", "def tokenize(secret_key_name_1234): ...", "eyJ",
        "see sk-... in the docs", "API_KEY=${API_KEY_FROM_CI_1}", "PASSWORD=", "git@github.com:user/repo.git", "a" * 400,
        "https://user@host/path", "http://localhost:8080/x@y", "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----",
    ],
)  # fmt: skip
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert Redactor().redact(text) == text


def test_a_private_key_is_taken_out_whole() -> None:
    assert Redactor().redact(f"a\n{PRIVATE_KEY}\nb") == "a\n[redacted: private key]\nb"


def test_configured_values_are_taken_out_in_every_form() -> None:
    redactor = Redactor({"MY_KEY": "s3cr3t/value+more"})
    for text in ("s3cr3t/value+more", "k=s3cr3t%2Fvalue%2Bmore", "czNjcjN0L3ZhbHVlK21vcmU="):
        assert "[redacted: MY_KEY]" in redactor.redact(f"x {text} y")
    assert Redactor({"SHORT": "abc"}).redact("abc") == "abc"


def test_values_that_lie_in_each_other_are_taken_out_whole() -> None:
    redactor = Redactor({"A": "password1", "B": "password1-and-more", "C": "1-and-more-still"})
    assert redactor.redact("password1-and-more-still") == "[redacted: B]"


def test_secrets_of_an_environment_are_found_by_name() -> None:
    environ = {
        "OPENAI_API_KEY": "sk-12345678", "GITHUB_TOKEN": "abcdefghij", "PATH": "/usr/bin:/bin", "SSH_KEY_FILE": "/home/u/.ssh/id",
        "HOME": "/home/user1", "KEYBOARD": "qwerty-long", "X": "short", "MY_SETTING": "a-secret-value",
    }  # fmt: skip
    assert set(secret_values(environ)) == {"OPENAI_API_KEY", "GITHUB_TOKEN"}
    assert "MY_SETTING" in secret_values(environ, ["MY_SETTING"])


FRAGMENT = st.one_of(
    st.sampled_from(
        [*KEYS.values(), PRIVATE_KEY, "configured-secret-1", "sk-", "\n", " ", "-----BEGIN ", "eyJ", "api_key = '"]
    ),
    st.text(max_size=12),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(FRAGMENT, max_size=12), st.lists(st.integers(1, 60), min_size=1, max_size=30))
def test_in_pieces_or_whole_no_secret_passes(fragments: list[str], sizes: list[int]) -> None:
    text = "\n".join(fragments)
    redactor = Redactor({"MINE": "configured-secret-1"})
    stream = redactor.stream()
    out, at, turn = "", 0, 0
    while at < len(text):
        size = sizes[turn % len(sizes)]
        out += stream.feed(text[at : at + size])
        at, turn = at + size, turn + 1
    out += stream.finish()
    assert out == redactor.redact(text)


@settings(max_examples=200, deadline=None)
@given(st.lists(FRAGMENT, max_size=8))
def test_redacting_twice_changes_nothing(fragments: list[str]) -> None:
    redactor = Redactor({"MINE": "configured-secret-1"})
    once = redactor.redact(" ".join(fragments))
    assert redactor.redact(once) == once


def test_an_endless_line_is_passed_on_and_still_clean() -> None:
    redactor = Redactor()
    stream = redactor.stream()
    line = ("x" * 3_000 + "," + KEYS["openai key"] + ",") * 30
    out = "".join(stream.feed(line[at : at + 1000]) for at in range(0, len(line), 1000))
    assert len(out) > len(line) // 2
    assert KEYS["openai key"][:20] not in out + stream.finish()


@pytest.mark.parametrize(
    "text",
    ["sk-" * 330_000, "eyJ" * 330_000, "eyJaaaaaaaaaaaa." * 60_000, "-----BEGIN PRIVATE KEY-----" * 37_000, "://" * 330_000,
        "a://:" * 200_000,
     "KEY=" * 250_000,
     "password='" * 100_000, "a" * 1_000_000, "aws_secret" * 100_000, "earer " * 160_000],
    ids=lambda text: text[:12],
)  # fmt: skip
def test_a_megabyte_of_anything_is_redacted_soon(text: str) -> None:
    began = time.process_time()
    Redactor().redact(text)
    assert time.process_time() - began < 3
