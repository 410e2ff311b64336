"""Configuration files: whatever stands in them, the answer is settings or an error that names the place."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cherry.config.files import MAX_FILE_BYTES, parse_toml, parse_yaml, read
from cherry.config.loader import load
from cherry.config.settings import SECTIONS
from cherry.config.sources import LayerKind, written
from cherry.config.toml_lines import statements
from cherry.domain.errors import CherryError, config
from cherry.kernel.paths import HomeFolders, home_folders

USER = LayerKind.USER_FILE


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("config.toml", "[limits]\nmax_steps == 3\n", "line 2, column 12"),
        ("config.toml", "[limits\n", "line 1, column 8"),
        ("config.toml", 'a = "unfinished', ""),
        ("config.yaml", "limits:\n  max_steps: [3\n", "line 3, column 1"),
        ("config.yaml", "limits:\n\tmax_steps: 3\n", "line 2, column 1"),
        ("config.yaml", "- a\n- b\n", "line 1"),
        ("config.yaml", "limits:\n  max_steps: 3\n  max_steps: 4\n", "line 3: max_steps is given twice"),
        ("config.yaml", "when: 2001-99-99\n", ""),
        ("config.yaml", "a: &a [*a]\n", "too many values"),
    ],
)
def test_a_broken_file_names_line_and_column(tmp_path: Path, name: str, text: str, place: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(CherryError) as caught:
        read(path, USER)
    assert caught.value.kind is config.BAD_FILE
    assert name in caught.value.message
    assert place in caught.value.message


def test_bytes_that_are_not_text_name_their_line(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"# one\n# tw\xff\n")
    with pytest.raises(CherryError) as caught:
        read(path, USER)
    assert "config.toml:2" in caught.value.message


def test_a_huge_file_is_not_parsed(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(b"#" * (MAX_FILE_BYTES + 1))
    with pytest.raises(CherryError) as caught:
        read(path, USER)
    assert "larger than 1 MiB" in caught.value.message


def test_yaml_that_unfolds_into_billions_is_refused_at_once(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    with pytest.raises(CherryError) as caught:
        parse_yaml("\n".join(lines), tmp_path / "config.yaml", USER)
    assert "too many values" in caught.value.message


def test_a_byte_order_mark_is_no_problem(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xef\xbb\xbf[limits]\r\nmax_steps = 3\r\n")
    layer = read(path, USER)
    assert layer.values == {"limits": {"max_steps": 3}}
    assert layer.source(("limits", "max_steps")).line == 2


def test_every_kind_of_toml_key_has_its_line() -> None:
    text = """\
title = "x" # first
"quoted key" = 1
[table]
one.two = '''
[not a table]
'''
'lit.eral' = [ # comment with ]
  "]",
  3,
]
[[list]]
a = { b = 1, c = "}" }
[[list]]
a = 2
[list.sub]
x = 1
"""
    assert tomllib.loads(text)
    found = {written(statement.key): statement.line for statement in statements(text)}
    assert found == {
        "title": 1,
        '"quoted key"': 2,
        "table": 3,
        "table.one.two": 4,
        'table."lit.eral"': 7,
        "list.0": 11,
        "list.0.a": 12,
        "list.1": 13,
        "list.1.a": 14,
        "list.1.sub": 15,
        "list.1.sub.x": 16,
    }


# -- whatever stands in a file

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["5m", "8G", "$2", "auto", "ask", "1e999", "-1", "0"]),
)
NAMES = st.sampled_from(sorted({*SECTIONS, *(name for section in SECTIONS.values() for name in section.model_fields)}))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
DOCUMENTS = st.dictionaries(st.sampled_from(list(SECTIONS)) | st.text(max_size=6), VALUES, max_size=4)
CALM = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def check_loads_or_names_the_place(tmp_path: Path, name: str, text: str) -> None:
    folders = home_folders({"CHERRY_HOME": str(tmp_path)})
    folders.config.mkdir(parents=True, exist_ok=True)
    path = folders.config / name
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    error = failure_of(folders)
    path.unlink()
    assert error is None or error.kind in (config.BAD_FILE, config.BAD_VALUE, config.UNKNOWN_KEY)
    assert error is None or str(path) in error.message


def failure_of(folders: HomeFolders) -> CherryError | None:
    try:
        load(folders=folders, environ={})
    except CherryError as error:
        return error
    return None


def toml_of(value: object) -> str:
    """Any value as TOML, the way a careless person might write it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{toml_of(str(key))} = {toml_of(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(toml_of(item) for item in value) + "]"
    if isinstance(value, str):
        return '"' + "".join(f"\\U{ord(char):08x}" if not char.isalnum() else char for char in value) + '"'
    return str(value) if value is not None else '""'


@CALM
@given(DOCUMENTS)
def test_no_toml_value_anywhere_makes_loading_crash(tmp_path: Path, document: dict[str, object]) -> None:
    text = "\n".join(f"{toml_of(name)} = {toml_of(value)}" for name, value in document.items())
    check_loads_or_names_the_place(tmp_path, "config.toml", text)


@CALM
@given(st.text(alphabet="ab[]{}=.,\"'#\n\r\t \\1-:&*!|>%@`?", max_size=60))
def test_no_text_makes_loading_toml_crash(tmp_path: Path, text: str) -> None:
    check_loads_or_names_the_place(tmp_path, "config.toml", text)


@CALM
@given(st.text(alphabet="ab[]{}=.,\"'#\n\r\t \\1-:&*!|>%@`?~<", max_size=60) | st.text(max_size=40))
def test_no_text_makes_loading_yaml_crash(tmp_path: Path, text: str) -> None:
    check_loads_or_names_the_place(tmp_path, "config.yaml", text)


@CALM
@given(DOCUMENTS)
def test_in_toml_every_top_level_key_has_a_line(tmp_path: Path, document: dict[str, object]) -> None:
    text = "\n".join(f"{toml_of(name)} = {toml_of(value)}" for name, value in document.items())
    try:
        layer = parse_toml(text, tmp_path / "config.toml", USER)
    except CherryError:
        return
    assert [layer.source((name,)).line for name in document] == list(range(1, len(document) + 1))
