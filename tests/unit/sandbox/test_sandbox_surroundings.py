"""What commands see: toolchains, placeholders, control groups."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cherry.sandbox.cgroups import ControlGroups
from cherry.sandbox.port import Bounds
from cherry.sandbox.processes import descendants, end_leftovers, is_alive, marked, new_mark
from cherry.sandbox.protection import Protection
from cherry.sandbox.toolchains import find_tools, outermost
from cherry.sandbox.view import Identity


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    for name in (".pyenv/shims", ".cargo/bin", ".ssh", ".local/bin", "bin", "tools/lib", "tools/bin", ".config/gh"):
        (folder / name).mkdir(parents=True)
    (folder / ".cargo/credentials.toml").write_text("secret")
    return folder


def test_toolchains_of_the_home_are_shown_and_nothing_else_of_it(home: Path) -> None:
    tools = find_tools({"HOME": str(home), "PATH": f"{home}/.pyenv/shims:{home}/.cargo/bin:/usr/bin"})
    assert set(tools.folders) == {home / ".pyenv", home / ".cargo/bin", home / ".local/bin"}
    assert tools.path == f"{home}/.pyenv/shims:{home}/.cargo/bin:/usr/bin"
    assert tools.variables["PYENV_ROOT"] == str(home / ".pyenv")


def test_a_folder_of_path_shows_the_installation_it_belongs_to(home: Path) -> None:
    tools = find_tools({"HOME": str(home), "PATH": f"{home}/tools/bin:{home}/bin"})
    assert {home / "tools", home / "bin"} <= set(tools.folders)
    assert home not in tools.folders


@pytest.mark.parametrize("entry", ["", ".", "relative/bin", "/does/not/exist", "{home}", "/", "/etc/../home"])
def test_an_odd_entry_of_path_never_shows_the_home(home: Path, entry: str) -> None:
    tools = find_tools({"HOME": str(home), "PATH": entry.format(home=home)})
    assert not [folder for folder in tools.folders if home.is_relative_to(folder)]
    assert tools.path


def test_only_harmless_variables_are_kept(home: Path) -> None:
    environ = {
        "HOME": str(home),
        "PATH": "/usr/bin",
        "OPENAI_API_KEY": "x",
        "LANG": "C",
        "LD_LIBRARY_PATH": "/x",
        "NODE_OPTIONS": "x",
    }
    assert set(find_tools(environ).variables) == {"LANG", "PYENV_ROOT"}


def test_what_another_user_cannot_reach_is_not_shown(home: Path) -> None:
    tools = find_tools({"HOME": str(home), "PATH": f"{home}/bin:/usr/bin"}, reaches=lambda _path: False)
    assert tools.folders == ()
    assert tools.path == "/usr/bin"


def test_reaching_a_path_needs_every_folder_on_the_way(tmp_path: Path) -> None:
    inner = tmp_path / "a/b"
    inner.mkdir(parents=True)
    stranger = Identity(uid=54321, gid=54321, dropped=True)
    for folder in (inner, *inner.parents):
        if folder.stat().st_uid == os.geteuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o011)
    assert stranger.reaches(inner)
    (tmp_path / "a").chmod(0o700)
    assert not stranger.reaches(inner)
    assert Identity(os.geteuid(), os.getegid(), dropped=False).reaches(inner)


def test_of_nested_folders_the_outermost_are_kept() -> None:
    folders = {Path("/a/b/c"), Path("/a/b"), Path("/a/bc"), Path("/usr/local/x")}
    assert set(outermost(folders)) == {Path("/a/b"), Path("/a/bc")}


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_placeholders_stand_for_what_is_missing_and_go_again(tmp_path: Path) -> None:
    (tmp_path / ".git/hooks").mkdir(parents=True)
    before = names(tmp_path)
    protection = Protection(
        tmp_path, [Path(".git/hooks"), Path(".git/config"), Path(".cherry"), Path(".vscode/tasks.json")]
    )
    assert protection.mounts.readonly == (tmp_path / ".git/hooks",)
    assert set(protection.mounts.empty) == {tmp_path / ".git/config", tmp_path / ".cherry", tmp_path / ".vscode"}
    assert protection.mounts.pinned == (tmp_path / ".git",)
    protection.close()
    assert names(tmp_path) == before


def test_the_last_of_several_commands_removes_the_placeholders(tmp_path: Path) -> None:
    first, second = (Protection(tmp_path, [Path(".cherry")]) for _ in range(2))
    first.close()
    assert names(tmp_path) == [".cherry"]
    second.close()
    assert names(tmp_path) == []


def test_an_empty_folder_of_the_users_own_is_kept(tmp_path: Path) -> None:
    (tmp_path / ".cherry").mkdir()
    protection = Protection(tmp_path, [Path(".cherry")])
    assert protection.mounts.readonly == (tmp_path / ".cherry",)
    protection.close()
    assert names(tmp_path) == [".cherry"]


def test_a_placeholder_a_killed_cherry_left_is_removed(tmp_path: Path) -> None:
    program = "import os, sys; from pathlib import Path; from cherry.sandbox.protection import Protection\n"
    program += "kept = Protection(Path(sys.argv[1]), [Path('.cherry/x')]); os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False)
    assert names(tmp_path) == [".cherry"]
    Protection(tmp_path, [Path(".cherry/x")]).close()
    assert names(tmp_path) == []


@pytest.mark.parametrize("path", ["../outside", "/etc/passwd", ".", ""])
def test_paths_outside_are_passed_over(tmp_path: Path, path: str) -> None:
    protection = Protection(tmp_path, [Path(path)])
    assert protection.mounts == ((), (), ())
    protection.close()


def test_where_a_protected_link_leads_is_protected(tmp_path: Path) -> None:
    (tmp_path / "real/hooks").mkdir(parents=True)
    (tmp_path / ".git").symlink_to("real")
    (tmp_path / ".cherry").symlink_to("missing")
    (tmp_path / ".claude").symlink_to("/etc")
    protection = Protection(tmp_path, [Path(".git/hooks"), Path(".cherry"), Path(".claude/x")])
    assert protection.mounts == ((tmp_path / "real",), (tmp_path / "real/hooks",), (tmp_path / "missing",))
    protection.close()
    assert names(tmp_path) == [".cherry", ".claude", ".git", "real", "real/hooks"]


def test_descendants_are_found_and_marks_read() -> None:
    mark = new_mark(1)
    script = "sleep 60 & sleep 60 & echo up; wait"
    with subprocess.Popen(
        ["sh", "-c", script], stdout=subprocess.PIPE, env={"CHERRY_COMMAND": mark, "PATH": "/usr/bin:/bin"}
    ) as child:
        assert child.stdout
        child.stdout.readline()
        below = descendants(child.pid)
        assert len(below) == 2
        assert set(marked(mark, younger_than=child.pid)) == set(below)
        for pid in (*below, child.pid):
            os.kill(pid, 9)
    give_up = time.monotonic() + 10
    while any(is_alive(pid) for pid in below):  # a process that was ended takes a moment to be gone
        assert time.monotonic() < give_up


def test_leftovers_of_a_dead_cherry_are_ended_and_those_of_a_living_one_are_not() -> None:
    dead = subprocess.Popen(["sleep", "600"], env={"CHERRY_COMMAND": "999999.1.1"})
    living = subprocess.Popen(["sleep", "600"], env={"CHERRY_COMMAND": new_mark(2)})
    try:
        assert end_leftovers() >= 1
        assert dead.wait(5) == -9
        assert living.poll() is None
    finally:
        for child in (dead, living):
            child.kill()
            child.wait()


def test_where_no_groups_can_be_made_there_are_none(tmp_path: Path) -> None:
    groups = ControlGroups(tmp_path)
    assert not groups.available
    assert groups.make(Bounds()) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make control groups")
def test_groups_carry_the_limits_and_are_removed() -> None:
    groups = ControlGroups()
    if not groups.available:
        pytest.skip("this machine gives root no control groups")
    group = groups.make(Bounds(processes=7, memory_bytes=64 << 20))
    assert group
    limits = [(folder / "pids.max").read_text().strip() for folder in group.folders if (folder / "pids.max").exists()]
    assert limits == ["7"]
    groups.give_back(group)
    assert not [folder for folder in group.folders if folder.exists()]
