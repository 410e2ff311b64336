"""`cherry secrets` as a program: keys go in, are used where the environment has none, and come out nowhere."""

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cherry.testing.program import Program, command, provider
from cherry.testing.scripts import Script, ToolCall
from cherry.testing.terminal import Terminal

KEY = "stored-key-of-no-known-shape-4711"
UNSET = {"OPENAI_API_KEY": ""}
HEAVY = ("cryptography", "keyring", "cherry.storage.secrets.vault", "cherry.storage.secrets.document")


@pytest.fixture
def cherry(tmp_path: Path) -> Iterator[Program]:
    with Program(tmp_path) as program:
        yield program


def files(cherry: Program) -> tuple[Path, Path]:
    return cherry.home / "data" / "secrets.json", cherry.home / "config" / "secrets.key"


def keep(cherry: Program, name: str = "OPENAI_API_KEY", value: str = KEY) -> None:
    ended = cherry.run("secrets", "set", name, stdin=value + "\n")
    assert ended.code == 0, ended.err
    assert value not in ended.out + ended.err


def sent_keys(double: object) -> set[str]:
    requests = double.model_requests  # type: ignore[attr-defined]
    return {request.headers["authorization"].removeprefix("Bearer ") for request in requests}


def test_a_key_that_is_kept_is_used_and_one_of_the_environment_comes_first(cherry: Program) -> None:
    keep(cherry)
    with provider(Script("Hello.", "Hello.")) as double:
        assert cherry.run("hi", double=double, environ=UNSET).out == "Hello.\n"
        assert sent_keys(double) == {KEY}
        assert cherry.run("run", "hi", double=double, environ={"OPENAI_API_KEY": "other"}).code == 0
        assert sent_keys(double) == {KEY, "other"}


def test_a_key_that_is_kept_shows_nowhere(cherry: Program) -> None:
    keep(cherry)
    keep(cherry, "ANTHROPIC_API_KEY", KEY[::-1])
    shell_key = "key-of-the-shell-of-no-shape-0815"
    cherry.write("notes.txt", f"the keys are {KEY}, {KEY[::-1]} and {shell_key}!\n")
    script = Script(ToolCall("fs.read", {"path": "notes.txt"}), f"It is {KEY}.")
    with provider(script) as double:
        ended = cherry.run("run", "--json", "look into the notes", double=double, environ={"OPENAI_API_KEY": shell_key})
        assert ended.code == 0, ended.err
        [result] = double.model_requests[-1].seen.results
        assert not [key for key in (KEY, KEY[::-1], shell_key) if key in result.text]
        assert "[redacted: OPENAI_API_KEY]" in result.text
    assert cherry.run("data", "backup", "saved.tar.gz").code == 0
    with tarfile.open(cherry.workspace / "saved.tar.gz") as saved:
        assert not [name for name in saved.getnames() if "secret" in name]
    for file in cherry.home.rglob("*"):
        if file.suffix in (".log", ".json", ".key"):
            assert KEY.encode() not in file.read_bytes(), file


def test_the_list_tells_names_and_users_and_never_a_value(cherry: Program) -> None:
    keep(cherry)
    keep(cherry, "OWN_KEY")
    ended = cherry.run("secrets", "list", "--json", environ={"OWN_KEY": "set here"})
    assert json.loads(ended.out) == {
        "kept_in": "file",
        "secrets": [
            {"name": "OPENAI_API_KEY", "used_by": ["OpenAI"], "in_environment": False},
            {"name": "OWN_KEY", "used_by": [], "in_environment": True},
        ],
    }
    shown = cherry.run("secrets", "list").out
    assert "OpenAI" in shown
    assert KEY not in shown + ended.out


def test_a_key_given_as_a_word_is_refused_and_not_told_again(cherry: Program) -> None:
    for words in (["OPENAI_API_KEY", KEY], [f"OPENAI_API_KEY={KEY}"], [KEY]):
        ended = cherry.run("secrets", "set", *words)
        assert (ended.code, ended.out) == (2, "")
        assert KEY not in ended.err
    assert not files(cherry)[0].exists()


def test_what_is_no_text_is_not_kept(cherry: Program) -> None:
    ended = cherry.run("secrets", "set", "OPENAI_API_KEY", stdin=b"\xff\xfe")
    assert (ended.code, files(cherry)[0].exists()) == (2, False)
    assert "secrets.bad_value" in ended.err


def test_in_a_terminal_the_key_is_asked_for_and_not_shown(cherry: Program) -> None:
    words = [*command(), "secrets", "set", "OPENAI_API_KEY"]
    with Terminal(words, environ=cherry.environ) as terminal:
        terminal.expect("OPENAI_API_KEY (not shown)")
        terminal.keys(KEY + "\r")
        terminal.expect("is kept")
        assert terminal.wait() == 0
        assert KEY not in terminal.text
    assert "OPENAI_API_KEY" in files(cherry)[0].read_text()


def test_a_key_is_forgotten_only_after_a_yes(cherry: Program) -> None:
    keep(cherry)
    assert "secrets.unknown" in cherry.run("secrets", "remove", "OTHER_KEY").err
    assert cherry.run("secrets", "remove", "OPENAI_API_KEY").code != 0
    assert cherry.run("secrets", "remove", "--yes", "OPENAI_API_KEY").code == 0
    assert "No keys are kept" in cherry.run("secrets", "list").out
    assert "cherry secrets set OPENAI_API_KEY" in cherry.run("hi", environ=UNSET).err


@pytest.mark.parametrize("how", ["damaged", "no key file"])
def test_whoever_needs_a_key_that_cannot_be_read_is_told_why(cherry: Program, how: str) -> None:
    keep(cherry)
    store, key = files(cherry)
    if how == "damaged":
        store.write_bytes(store.read_bytes()[:-9])
    else:
        key.unlink()
    before = store.read_bytes()
    wanted = "secrets.damaged" if how == "damaged" else "secrets.no_key"
    ended = cherry.run("hi", environ=UNSET)
    assert (ended.code, ended.out) == (5, "")
    assert wanted in ended.err
    assert cherry.run("sessions", "list").code == 0
    doctor = json.loads(cherry.run("doctor", "--json", environ={**UNSET, "CHERRY_MODEL": ""}).out)
    assert {check["name"] for check in doctor if check["state"] == "problem"} == {"keys", "model"}
    with provider("Hello.") as double:
        assert cherry.run("hi", double=double).out == "Hello.\n"  # with a key of the environment nothing is missing
    assert wanted in cherry.run("secrets", "set", "OTHER_KEY", stdin=KEY).err
    assert store.read_bytes() == before


def test_a_passphrase_is_no_setting_and_opens_the_store(cherry: Program) -> None:
    phrase = {"CHERRY_SECRETS_PASSPHRASE": "four words nobody guesses"}
    assert cherry.run("secrets", "set", "OPENAI_API_KEY", stdin=KEY, environ=phrase).code == 0
    assert not files(cherry)[1].exists()
    with provider("Hello.") as double:
        assert cherry.run("hi", double=double, environ={**UNSET, **phrase}).out == "Hello.\n"
        assert sent_keys(double) == {KEY}
    assert "secrets.no_passphrase" in cherry.run("hi", environ=UNSET).err


def imported(cherry: Program, **environ: str) -> str:
    with provider("Hello.") as double:
        ended = cherry.run("hi", double=double, environ={**environ, "PYTHONPROFILEIMPORTTIME": "1"})
    assert ended.code == 0
    return ended.err


def test_what_opens_the_store_is_loaded_only_when_a_key_is_missing(cherry: Program) -> None:
    nothing_kept = imported(cherry)
    assert "cherry.gateway" in nothing_kept
    assert not [name for name in HEAVY if name in nothing_kept]
    keep(cherry)
    assert "cryptography" not in imported(cherry)
    assert "cryptography" in imported(cherry, **UNSET)


def test_an_unsafe_keyring_is_not_used(cherry: Program) -> None:
    ended = cherry.run(
        "secrets", "set", "A_KEY", stdin=KEY, environ={"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
    )
    assert "in an encrypted file" in ended.out
