"""Providers that refuse, break off, answer rubbish or never answer: told once, by name, with what to do, and the way on stays open."""

import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cherry.testing.program import Ended, Program, provider
from cherry.testing.scripts import (
    CutMidStream,
    Drop,
    ErrorInStream,
    Garbage,
    Hang,
    HangMidStream,
    PingForever,
    Refuse,
    Script,
    SlowDrip,
    ToolCall,
    Words,
)
from cherry.testing.wire import refused_address

QUICK = {
    "CHERRY_GATEWAY__RETRIES__FIRST_WAIT": "0.01",
    "CHERRY_GATEWAY__RETRIES__ATTEMPTS": "2",
    "CHERRY_GATEWAY__DEADLINES__CONNECT": "0.5",
    "CHERRY_GATEWAY__DEADLINES__FIRST_BYTE": "0.5",
    "CHERRY_GATEWAY__DEADLINES__BETWEEN_BYTES": "0.5",
    "CHERRY_GATEWAY__DEADLINES__TOTAL": "1.2",
}


def told_once(ended: Ended, code: str) -> str:
    """The error as a person reads it on standard error; nothing is on standard output."""
    assert ended.out == ""
    assert ended.err.count(code) == 1, ended.err
    assert "Traceback" not in ended.err
    assert "→ " in ended.err
    return ended.err


@pytest.mark.parametrize(
    ("answer", "exit_code", "code", "words", "calls"),
    [
        (Refuse("wrong_key"), 5, "gateway.auth", "Check the key in OPENAI_API_KEY", 1),
        (Refuse("no_credit"), 5, "gateway.quota", "Add credit", 1),
        (Refuse("quota_used_up"), 5, "gateway.quota", "Add credit", 1),
        (Refuse("rate_limited"), 5, "gateway.rate_limit", "tried 2 times", 2),
        (Refuse("rate_limited", retry_after=1000), 5, "gateway.rate_limit", "slow down", 1),
        (Refuse("model_not_found"), 5, "gateway.model_not_found", "has no model test", 1),
        (Refuse("context_too_long"), 1, "gateway.context_too_long", "longer than the model can read", 3),
        (Refuse("unavailable"), 5, "gateway.overloaded", "tried 2 times", 2),
        (Garbage("html"), 5, "gateway.garbage", "a web page came instead", 1),
        (Garbage("broken_json"), 5, "gateway.garbage", "not a JSON object", 2),
        (Garbage("not_http"), 5, "gateway.cut_stream", "", 2),
        (CutMidStream(), 5, "gateway.cut_stream", "broke off", 2),
        (ErrorInStream(), 5, "gateway.overloaded", "tried 2 times", 2),
        (Drop(), 5, "gateway.unreachable", "without answering", 2),
        (Hang(), 5, "gateway.timeout", "the deadline model.first_byte of 0.5 s passed", 2),
        (HangMidStream(), 5, "gateway.timeout", "the deadline model.between_bytes of 0.5 s passed", 2),
        (PingForever(), 5, "gateway.timeout", "the deadline model.total of 1.2 s passed", 1),
        (SlowDrip(size=8, interval=0.2), 5, "gateway.timeout", "the deadline model.total of 1.2 s passed", 1),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value else "",
)
def test_what_a_provider_does_wrong_is_told_once_and_by_name(
    cherry: Program, answer: Words, exit_code: int, code: str, words: str, calls: int
) -> None:
    with provider(Script(answer, then="repeat_last")) as double:
        ended = cherry.run("run", "go", double=double, environ=QUICK)
        assert words in told_once(ended, code)
        assert ended.code == exit_code
        assert ended.seconds < 6
        assert len(double.model_requests) == calls
        assert double.complaints == []


def test_a_short_wait_the_provider_asks_for_is_kept_and_the_turn_goes_on(cherry: Program) -> None:
    with provider(Script(Refuse("rate_limited", retry_after=1), "Here it is.")) as double:
        ended = cherry.run("run", "go", double=double, environ=QUICK)
        assert (ended.code, ended.out) == (0, "Here it is.\n")
        first, second = double.model_requests
        assert second.at - first.ended >= 0.9


def test_after_a_provider_failed_the_same_turn_goes_on_without_doing_anything_twice(cherry: Program) -> None:
    step = ToolCall("shell.run", {"command": "echo once >> ledger"})
    with provider(Script(step, Refuse("wrong_key"), "Back again.")) as double:
        assert cherry.run("run", "--yes", "go", double=double, environ=QUICK).code == 5
        ended = cherry.run("run", "--yes", "-c", double=double, environ=QUICK)
        assert (ended.code, ended.out) == (0, "Back again.\n")
        assert cherry.read("ledger") == "once\n"


def test_the_time_limit_of_a_turn_ends_a_wait_that_no_deadline_has_ended_yet(cherry: Program) -> None:
    with provider(Script(Hang(), "Now.")) as double:
        ended = cherry.run("run", "--max-time", "1", "go", double=double)
        assert ended.code == 3
        assert "1.0 s, its time limit" in told_once(ended, "run.time_limit")
        assert ended.seconds < 4
        assert cherry.run("run", "-c", double=double).out == "Now.\n"


@pytest.fixture
def silent_server() -> Iterator[int]:
    """Takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_an_address_that_is_no_provider_is_told_by_what_is_wrong_with_it(cherry: Program, silent_server: int) -> None:
    def at(url: str, **more: str) -> str:
        environ = {**QUICK, "OPENAI_BASE_URL": url, "OPENAI_API_KEY": "sk-nobody-home", **more}
        ended = cherry.run("run", "go", environ=environ)
        assert ended.code == 5
        assert ended.seconds < 6
        return ended.err

    with refused_address() as closed:
        assert "connection refused" in at(f"{closed}/v1")
    assert "the deadline model.first_byte" in at(f"http://127.0.0.1:{silent_server}/v1")
    assert "the deadline model.connect" in at(f"https://127.0.0.1:{silent_server}/v1")
    assert "could not be found" in at("http://no.such.host.invalid/v1")
    assert "proxy" in at("http://no.such.host.invalid/v1", HTTP_PROXY="http://127.0.0.1:1")
    assert "gateway." in at("not a url at all")


def test_a_certificate_nobody_vouches_for_is_refused_and_one_that_is_given_is_taken(
    cherry: Program, tmp_path: Path
) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    words = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(["openssl", *words, *name, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    with provider("Hello.", tls=context) as double:
        ended = cherry.run("run", "go", double=double, environ=QUICK)
        assert ended.code == 5
        assert "SSL_CERT_FILE" in told_once(ended, "gateway.tls")
        assert double.requests == []
        ended = cherry.run("run", "go", double=double, environ={**QUICK, "SSL_CERT_FILE": str(certificate)})
        assert ended.out == "Hello.\n"


def test_a_key_of_one_letter_does_not_blot_out_every_such_letter(cherry: Program) -> None:
    environ = {**QUICK, "OPENAI_BASE_URL": "http://no.such.host.invalid/v1", "OPENAI_API_KEY": "e"}
    assert "***" not in cherry.run("run", "go", environ=environ).err


def test_a_key_never_shows_even_if_the_provider_repeats_it(cherry: Program) -> None:
    key = "local-key-4711-abcdefgh"
    with provider(Script(Refuse("wrong_key"), then="repeat_last"), keys={"another"}) as double:
        environ = {**QUICK, **double.environment("openai"), "OPENAI_API_KEY": key}
        ended = cherry.run("run", "--json", "--debug", "go", environ=environ)
        assert ended.code == 5
        assert key not in ended.out + ended.err
    kept = [path for path in cherry.home.rglob("*") if path.is_file() and key.encode() in path.read_bytes()]
    assert kept == []


def test_without_any_provider_it_says_how_to_get_going(cherry: Program) -> None:
    started = time.monotonic()
    ended = cherry.run("run", "go", environ={"CHERRY_MODEL": ""})
    assert ended.code == 5
    assert time.monotonic() - started < 5
    for words in (
        "OPENAI_API_KEY",
        "ANTHROPIC_API_KEY",
        "DEEPSEEK_API_KEY",
        "DASHSCOPE_API_KEY",
        "Ollama",
        "cherry demo",
    ):
        assert words in ended.err
    assert cherry.run("run", "go", "--model", "nobody/nothing").code == 2
