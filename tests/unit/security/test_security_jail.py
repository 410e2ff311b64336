"""The path jail: what leads out, what is protected, and what is merely odd."""

import os
import socket
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cherry.domain.errors import CherryError, tools
from cherry.security.jail import Jail


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "work space"
    (folder / "src" / "deep").mkdir(parents=True)
    (folder / "src" / "a.py").write_text("a = 1\n")
    (tmp_path / "secret.txt").write_text("outside")
    return folder


def refused(jail: Jail, path: str, *, for_write: bool = False) -> CherryError:
    with pytest.raises(CherryError) as caught:
        jail.resolve(path, for_write=for_write)
    return caught.value


@pytest.mark.parametrize(
    "path",
    [
        "../secret.txt",
        "src/../../secret.txt",
        "src/deep/../../../secret.txt",
        "./../secret.txt",
        "/etc/passwd",
        "/",
        "//etc/passwd",
        "..",
        "src/\0/../../secret.txt",
        "a\0b",
        "/proc/self/environ",
        "/proc/self/root/etc/passwd",
        "/proc/self/cwd",
        "/dev/null",
        "/sys/kernel",
        "\ud800",
    ],
)
@pytest.mark.parametrize("for_write", [False, True])
def test_a_path_that_leads_out_is_refused(root: Path, path: str, for_write: bool) -> None:
    assert refused(Jail(root), path, for_write=for_write).kind is tools.OUTSIDE_WORKSPACE


@pytest.mark.parametrize(
    "name",
    ["a b", "ümläut.py", "🍒.txt", "-rf", "--help", "~", "~root", "$HOME", "%2e%2e", "a\\b", "new\nline", "...", "..a",
     "a..", "*", "'quoted'", '"', ";rm -rf", "con", "NUL", "x" * 255, "\udcff\udcfe", " ", "a:b", "file:", "#x", "&"],
)  # fmt: skip
def test_an_odd_but_valid_name_is_accepted(root: Path, name: str) -> None:
    (root / name).write_text("fine")
    for path in (name, f"./{name}", f"src/../{name}", str(root / name)):
        found = Jail(root).resolve(path)
        assert found.relative == name
        assert found.absolute.read_text() == "fine"


def test_an_absolute_path_inside_is_accepted_also_through_a_link_to_the_root(root: Path, tmp_path: Path) -> None:
    alias = tmp_path / "alias"
    alias.symlink_to(root)
    assert Jail(alias).resolve(str(alias / "src/a.py")).relative == "src/a.py"
    assert Jail(alias).resolve(str(root / "src/a.py")).relative == "src/a.py"
    assert Jail(root).resolve(str(alias / "src/a.py")).relative == "src/a.py"


@pytest.mark.parametrize("path", ["", ".", "./", "src/.."])
def test_the_root_itself_is_a_dot(root: Path, path: str) -> None:
    assert Jail(root).resolve(path) == (root, ".")


def test_a_sibling_whose_name_begins_like_the_root_is_outside(root: Path) -> None:
    sibling = root.with_name(root.name + "-other")
    sibling.mkdir()
    assert refused(Jail(root), str(sibling)).kind is tools.OUTSIDE_WORKSPACE
    assert refused(Jail(root), f"../{sibling.name}").kind is tools.OUTSIDE_WORKSPACE


def test_what_does_not_exist_yet_is_resolved(root: Path) -> None:
    assert Jail(root).resolve("new/deeper/file.py", for_write=True).absolute == root / "new/deeper/file.py"


@pytest.mark.parametrize("target", ["../secret.txt", "/etc/passwd", "..", "/"])
def test_a_link_that_leads_out_is_refused_wherever_it_stands(root: Path, tmp_path: Path, target: str) -> None:
    (root / "link").symlink_to(target)
    (root / "src" / "deep" / "chain").symlink_to("../../link")
    (root / "folder").symlink_to(tmp_path)
    jail = Jail(root)
    for path in ("link", "src/deep/chain", "folder/secret.txt", "folder/new.txt", "src/../folder/secret.txt"):
        assert refused(jail, path, for_write=True).kind is tools.OUTSIDE_WORKSPACE


def test_a_dangling_link_out_is_refused(root: Path, tmp_path: Path) -> None:
    (root / "link").symlink_to(tmp_path / "not there yet")
    assert refused(Jail(root), "link", for_write=True).kind is tools.OUTSIDE_WORKSPACE


def test_a_link_inside_is_followed_to_the_real_file(root: Path) -> None:
    (root / "link.py").symlink_to("src/a.py")
    assert Jail(root).resolve("link.py").relative == "src/a.py"


def test_a_parent_after_a_link_is_the_parent_of_where_it_leads(root: Path) -> None:
    (root / "link").symlink_to("src/deep")
    assert Jail(root).resolve("link/../a.py").relative == "src/a.py"


def test_links_in_a_circle_are_refused(root: Path) -> None:
    (root / "one").symlink_to("two")
    (root / "two").symlink_to("one")
    assert "circle" in refused(Jail(root), "one").message


def test_pipes_and_sockets_are_refused_without_opening_them(root: Path) -> None:
    os.mkfifo(root / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        folder = os.open(root, os.O_RDONLY)
        try:
            server.bind(f"/proc/self/fd/{folder}/sock")
        finally:
            os.close(folder)
    for name in ("pipe", "sock"):
        assert refused(Jail(root), name).kind is tools.NOT_A_FILE


@pytest.mark.parametrize(
    "path",
    [
        ".git", ".git/config", ".git/hooks/pre-commit", "sub/.git/config", ".GIT/config", ".git./config", ".git /config",
        "git~1/config", ".g\u200cit/config", ".git::$INDEX_ALLOCATION/config", ".cherry/config.toml", ".claude/settings.json",
        ".codex/config.toml", ".cursor/rules", ".vscode/tasks.json", ".VSCode/Tasks.json", ".mcp.json", "sub/.claude/x",
        "src/../.git/config", ".idea/workspace.xml", "src/deep/../../.claude/hooks.json",
    ],
)  # fmt: skip
def test_configuration_that_starts_programs_is_not_written(root: Path, path: str) -> None:
    error = refused(Jail(root), path, for_write=True)
    assert error.kind is tools.PROTECTED_PATH


def test_a_link_to_protected_configuration_is_not_written(root: Path) -> None:
    (root / ".git").mkdir()
    (root / ".git" / "config").write_text("")
    (root / "innocent").symlink_to(".git/config")
    (root / "folder").symlink_to(".git")
    assert refused(Jail(root), "innocent", for_write=True).kind is tools.PROTECTED_PATH
    assert refused(Jail(root), "folder/config", for_write=True).kind is tools.PROTECTED_PATH


def test_protected_configuration_may_be_read(root: Path) -> None:
    assert Jail(root).resolve(".git/config").relative == ".git/config"


@pytest.mark.parametrize(
    "path", [".github/workflows/ci.yml", ".gitignore", ".gitattributes", "git/x", ".vscode/notes.md", "src/.gitkeep"]
)
def test_names_that_only_resemble_protected_ones_are_written(root: Path, path: str) -> None:
    assert Jail(root).resolve(path, for_write=True).relative == path


@pytest.mark.parametrize(
    "path",
    [
        ".env",
        ".env.local",
        "sub/.env",
        ".ENV",
        "id_rsa",
        "keys/id_ed25519",
        "a.p12",
        ".aws/credentials",
        ".config/cherry/secrets.key",
        ".netrc",
        "x.kdbx",
    ],
)
def test_files_that_hold_secrets_are_not_read(root: Path, path: str) -> None:
    error = refused(Jail(root), path)
    assert error.kind is tools.PROTECTED_PATH
    assert "secret" in error.message


def test_a_secret_that_exists_is_not_written_either_but_a_new_one_may_be_made(root: Path) -> None:
    assert Jail(root).resolve(".env", for_write=True).relative == ".env"
    (root / ".env").write_text("KEY=1")
    assert refused(Jail(root), ".env", for_write=True).kind is tools.PROTECTED_PATH


@pytest.mark.parametrize("path", [".env.example", ".env.sample", "env.py", "id_rsa.pub", "environment", ".envy"])
def test_examples_and_public_halves_are_read(root: Path, path: str) -> None:
    assert Jail(root).resolve(path).relative == path


def test_a_link_to_a_secret_is_not_read(root: Path) -> None:
    (root / ".env").write_text("KEY=1")
    (root / "notes.txt").symlink_to(".env")
    assert refused(Jail(root), "notes.txt").kind is tools.PROTECTED_PATH


def test_a_certificate_is_read_and_a_private_key_is_not(root: Path) -> None:
    (root / "cert.pem").write_text("-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n")
    (root / "server.pem").write_text("-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----\n")
    assert Jail(root).resolve("cert.pem").relative == "cert.pem"
    assert refused(Jail(root), "server.pem").kind is tools.PROTECTED_PATH


def test_a_refusal_shows_control_characters(root: Path) -> None:
    assert "\x1b" not in refused(Jail(root), "../\x1b[2Jx").message


PART = st.one_of(
    st.sampled_from(["..", ".", "", "src", "deep", "out", "in", "loop", "a.py", "~", "/", "...", "abs"]),
    st.text(alphabet=st.characters(codec="utf-8"), max_size=4),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(PART, max_size=8), st.booleans())
def test_whatever_the_path_what_is_returned_lies_inside(
    tmp_path_factory: pytest.TempPathFactory, parts: list[str], for_write: bool
) -> None:
    root = tmp_path_factory.getbasetemp() / "jail-game"
    if not root.exists():
        (root / "src" / "deep").mkdir(parents=True)
        (root / "out").symlink_to("..")
        (root / "src" / "in").symlink_to("../src/deep")
        (root / "loop").symlink_to("loop")
        (root / "abs").symlink_to("/etc")
    try:
        found = Jail(root).resolve("/".join(parts), for_write=for_write)
    except CherryError:
        return
    real = os.path.realpath(found.absolute)
    assert real == os.path.realpath(root) or real.startswith(os.path.realpath(root) + "/")
    assert os.path.normpath(root / found.relative) == real
