"""Changing one setting in a file leaves everything else in it alone."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cherry.config.edit import parse_key, set_value
from cherry.domain.errors import CherryError, config

FILE = """\
# My settings.

[limits]   # mine
max_steps = 5   # few
max_tokens = 1_000

[[approvals.rules]]
tool = "shell.run" # never
action = "deny"

[gateway.prices."openai/gpt-5"]
input = 1.25
output = 10
"""


def changed(tmp_path: Path, text: str, key: str, value: str) -> str:
    path = tmp_path / "config.toml"
    path.write_bytes(text.encode())
    set_value(path, parse_key(key), value)
    return path.read_bytes().decode()


@pytest.mark.parametrize(
    ("key", "value", "old", "new"),
    [
        ("limits.max_steps", "7", "max_steps = 5   # few", "max_steps = 7   # few"),
        ("limits.max_seconds", "5m", "max_tokens = 1_000\n", 'max_tokens = 1_000\nmax_seconds = "5m"\n'),
        ('gateway.prices."openai/gpt-5".output', "12.5", "output = 10", "output = 12.5"),
        ("limits.max_cost_usd", "2", "max_tokens = 1_000\n", "max_tokens = 1_000\nmax_cost_usd = 2\n"),
        ("model.default", "openai/gpt-5", "output = 10\n", 'output = 10\n\n[model]\ndefault = "openai/gpt-5"\n'),
        ("sandbox.network", "true", "output = 10\n", "output = 10\n\n[sandbox]\nnetwork = true\n"),
        (
            "gateway.deadlines.total",
            "300",
            "output = 10\n",
            "output = 10\n\n[gateway.deadlines]\ntotal = 300\n",
        ),
        (
            "validation.commands",
            '["ruff check ."]',
            "output = 10\n",
            'output = 10\n\n[validation]\ncommands = ["ruff check ."]\n',
        ),
    ],
)
def test_only_the_one_setting_changes(tmp_path: Path, key: str, value: str, old: str, new: str) -> None:
    assert changed(tmp_path, FILE, key, value) == FILE.replace(old, new)


def test_a_file_that_is_not_there_yet_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "config" / "config.toml"
    change = set_value(path, parse_key("limits.max_steps"), "3")
    assert path.read_text() == "[limits]\nmax_steps = 3\n"
    assert (change.before, change.after, change.line) == ("", "3", 2)
    assert path.stat().st_mode & 0o777 == 0o600


def test_line_ends_mode_and_symbolic_links_survive(tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.toml"
    real.write_bytes(b"[limits]\r\nmax_steps = 1 # x\r\n")
    real.chmod(0o640)
    link = tmp_path / "config.toml"
    link.symlink_to(real)
    set_value(link, parse_key("limits.max_steps"), "2")
    set_value(link, parse_key("limits.max_tokens"), "9")
    assert link.is_symlink()
    assert real.read_bytes() == b"[limits]\r\nmax_steps = 2 # x\r\nmax_tokens = 9\r\n"
    assert real.stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.toml", "dotfiles.toml"]


def test_a_value_that_does_not_fit_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(FILE)
    with pytest.raises(CherryError) as caught:
        set_value(path, parse_key("limits.max_steps"), "many")
    assert caught.value.kind is config.BAD_VALUE
    assert path.read_text() == FILE


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("limits = { max_steps = 3 }\n", "limits.max_steps"),
        ("[limits]\nmax_steps = {", "limits.max_steps"),
        ('[model]\ndefault.x = "y"\n', "model.default"),
    ],
)
def test_a_file_that_cannot_be_changed_safely_is_left_alone(tmp_path: Path, text: str, key: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(CherryError) as caught:
        set_value(path, parse_key(key), "3")
    assert caught.value.kind is config.BAD_FILE
    assert path.read_text() == text


def test_dotted_keys_get_their_neighbour_in_the_same_table(tmp_path: Path) -> None:
    assert changed(tmp_path, "limits.max_steps = 3\n", "limits.max_tokens", "4") == (
        "limits.max_steps = 3\nlimits.max_tokens = 4\n"
    )


def test_a_change_that_would_leave_a_table_half_said_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    with pytest.raises(CherryError) as caught:
        set_value(path, parse_key('gateway.prices."a/b".input'), "1")
    assert "output is not given" in caught.value.message
    set_value(path, parse_key('gateway.prices."a/b"'), "{ input = 1, output = 2 }")
    assert path.read_text() == '[gateway.prices]\n"a/b" = { input = 1, output = 2 }\n'


def test_what_was_wrong_before_does_not_keep_anyone_from_mending_it(tmp_path: Path) -> None:
    text = "[limits]\nmax_steps = 0\nmax_tokens = -1\n"
    assert changed(tmp_path, text, "limits.max_steps", "3") == text.replace("= 0", "= 3")


def test_yaml_is_left_to_an_editor(tmp_path: Path) -> None:
    with pytest.raises(CherryError) as caught:
        set_value(tmp_path / "config.yaml", parse_key("limits.max_steps"), "3")
    assert "only TOML" in caught.value.message


@pytest.mark.parametrize("key", ["", "limits", "limits.", ".x", "limits.max_steps extra", "a..b", '"'])
def test_what_is_no_setting_is_refused(key: str) -> None:
    with pytest.raises(CherryError) as caught:
        parse_key(key)
    assert caught.value.kind is config.UNKNOWN_KEY


def test_a_mistyped_setting_gets_a_suggestion(tmp_path: Path) -> None:
    with pytest.raises(CherryError) as caught:
        set_value(tmp_path / "config.toml", parse_key("limits.max_step"), "3")
    assert "limits.max_steps" in caught.value.next_step


COMMENTS = st.sampled_from(["", " # note", "   # a = 3 [x]"])
BLANKS = st.sampled_from(["", "\n", "# between\n", "\n\n"])


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    tables=st.permutations(["limits", "log", "tools", "sandbox"]),
    comment=COMMENTS,
    blank=BLANKS,
    value=st.text(max_size=12),
    newline=st.booleans(),
)
def test_whatever_the_file_looks_like_only_the_setting_changes(
    tmp_path: Path, tables: list[str], comment: str, blank: str, value: str, newline: bool
) -> None:
    given_values = {
        "limits": "max_steps = 3",
        "log": 'level = "info"',
        "tools": "timeout = 30.5",
        "sandbox": "network = false",
    }
    text = blank + "\n".join(f"[{table}]{comment}\n{given_values[table]}{comment}\n{blank}" for table in tables)
    text = text if newline else text.rstrip("\n")
    path = tmp_path / "config.toml"
    path.write_text(text)
    before = tomllib.loads(text)
    set_value(path, parse_key("storage.folder"), value)
    set_value(path, parse_key("limits.max_tokens"), "77")
    after = tomllib.loads(path.read_text())
    assert after == {
        **before,
        "limits": {**before["limits"], "max_tokens": 77},
        "storage": {"folder": after["storage"]["folder"]},
    }
    for line in text.splitlines():
        assert line in path.read_text()
