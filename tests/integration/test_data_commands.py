"""`cherry data` and `cherry sessions import` as a person uses them: the real program on real files."""

import json
import os
import shutil
import sqlite3
import stat
import tarfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cherry.testing.program import Program, provider
from cherry.testing.scripts import Script, ToolCall

KEY = "sk-ant-api03-" + "k" * 80
HEADER = "Bearer a-private-token-of-a-proxy"
DAY = 86_400.0


@pytest.fixture
def cherry(tmp_path: Path) -> Iterator[Program]:
    with Program(tmp_path / "first") as program:
        yield program


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Program]:
    """Another machine."""
    with Program(tmp_path / "second") as program:
        yield program


def work(cherry: Program, name: str = "notes.txt") -> str:
    """One session that changed a file; its id."""
    cherry.write(name, "before\n")
    script = Script(
        ToolCall("fs.read", {"path": name}), ToolCall("fs.write", {"path": name, "content": "after\n"}), "Done."
    )
    with provider(script) as double:
        ended = cherry.run("run", "--json", "--yes", f"change {name}", double=double)
    assert ended.code == 0, ended.err
    return str(ended.lines[0]["session"])


def speech(words: int) -> str:
    """Long, and nowhere the same."""
    return " ".join(map(str, range(words)))


def backed_up(cherry: Program, name: str = "cherry.tar.gz") -> Path:
    file = cherry.root / name
    ended = cherry.run("data", "backup", str(file))
    assert ended.code == 0, ended.err
    return file


def refused(cherry: Program, *words: str, code: str, stdin: bytes = b"") -> str:
    ended = cherry.run(*words, stdin=stdin)
    assert ended.code != 0
    assert f"[{code}]" in ended.err or code in ended.err, ended.err
    return ended.err


def titles(cherry: Program) -> list[str]:
    return [info["title"] for info in json.loads(cherry.run("sessions", "list", "--all", "--json").out)]


def grow_old(cherry: Program, session: str, *, days: float) -> None:
    """As if the session was last used then."""
    with closing(sqlite3.connect(cherry.home / "data" / "cherry.db")) as connection, connection:
        changed = connection.execute(
            "UPDATE sessions SET updated_at = updated_at - :by, info = json_set(info, '$.updated_at', updated_at - :by) "
            "WHERE session = :session",
            {"by": days * DAY, "session": session},
        )
        assert changed.rowcount == 1
    for blob in (cherry.home / "data" / "blobs").glob("*/*"):
        then = blob.stat().st_mtime - days * DAY
        os.utime(blob, (then, then))


def damage(cherry: Program, text: bytes) -> None:
    """Overwrite the page of the database on which this stands."""
    cherry.run("sessions", "list")
    file = cherry.home / "data" / "cherry.db"
    content = bytearray(file.read_bytes())
    place = content.index(text) // 4096 * 4096
    content[place : place + 4096] = b"\xff" * 4096
    file.write_bytes(content)


def test_a_backup_holds_everything_but_keys_and_only_its_owner_may_read_it(cherry: Program) -> None:
    work(cherry)
    config = cherry.home / "config"
    config.mkdir()
    (config / ".env").write_text(f"ANTHROPIC_API_KEY={KEY}\n")
    settings = f'# {KEY}\n[limits]\nmax_steps = 7\n[gateway.providers.mine]\nbase_url = "http://localhost:1/v1"\n'
    (config / "config.toml").write_text(f'{settings}headers = {{ Authorization = "{HEADER}" }}\n')
    cherry.write(".cherry/config.toml", "[limits]\nmax_steps = 3\n")
    assert cherry.run("trust", "--yes").code == 0

    ended = cherry.run("data", "backup", str(cherry.root))

    [file] = cherry.root.glob("cherry-*.tar.gz")
    assert ended.code == 0
    assert "is in it without the keys" in ended.out
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with tarfile.open(file) as archive:
        names = archive.getnames()
        everything = b"".join(archive.extractfile(name).read() for name in names)  # type: ignore[union-attr]
    assert {"config/config.toml", "data/trust.json", "data/cherry.db"} <= {*names}
    assert sum(name.startswith("data/blobs/") for name in names) >= 2
    assert not any(".env" in name for name in names)
    for secret in (KEY, HEADER):
        assert secret.encode() not in everything
    assert b"max_steps = 7" in everything
    assert not list(cherry.root.glob(".cherry-backup-*"))


def test_a_backup_restored_elsewhere_has_the_sessions_and_can_undo(cherry: Program, other: Program) -> None:
    session = work(cherry)
    before = cherry.log(session)
    file = backed_up(cherry)

    ended = other.run("data", "restore", str(file))

    assert ended.code == 0, ended.err
    assert "Restored 1 session" in ended.out
    assert other.log(session) == before
    assert other.run("data", "check").code == 0
    undone = other.run("undo", "--session", session, "--yes", folder=cherry.workspace)
    assert undone.code == 0, undone.err
    assert cherry.read("notes.txt") == "before\n"


def test_a_backup_can_be_looked_at_in_a_folder_of_its_own(cherry: Program) -> None:
    session = work(cherry)
    file = backed_up(cherry)
    folder = cherry.root / "look" / "at"

    ended = cherry.run("data", "restore", str(file), "--into", str(folder))

    assert ended.code == 0, ended.err
    listed = cherry.run("sessions", "list", "--all", "--json", environ={"CHERRY_HOME": str(folder)})
    assert [info["id"] for info in json.loads(listed.out)] == [session]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    refused(cherry, "data", "restore", str(file), "--into", str(folder), code="storage.not_empty")
    refused(cherry, "data", "restore", str(file), "--into", str(folder), "--replace", code="config.bad_usage")


def test_sessions_that_are_there_are_only_replaced_when_asked_and_kept_aside(cherry: Program, other: Program) -> None:
    work(cherry)
    file = backed_up(cherry)
    kept = work(other, "other.txt")
    (other.home / "config").mkdir()
    (other.home / "config" / "config.yaml").write_text("limits: {max_steps: 5}\n")

    refused(other, "data", "restore", str(file), code="storage.not_empty")
    assert titles(other) == ["change other.txt"]
    ended = other.run("data", "restore", str(file), "--replace")

    assert ended.code == 0, ended.err
    assert titles(other) == ["change notes.txt"]
    [aside] = (other.home / "data").glob("before-restore-*")
    assert str(aside) in ended.out
    (aside / "data").mkdir()
    (aside / "cherry.db").rename(aside / "data" / "cherry.db")
    listed = other.run("sessions", "list", "--all", "--json", environ={"CHERRY_HOME": str(aside)})
    assert [info["id"] for info in json.loads(listed.out)] == [kept]


def test_settings_that_are_there_stay_unless_replaced(cherry: Program, other: Program) -> None:
    for program, steps in ((cherry, 7), (other, 5)):
        (program.home / "config").mkdir(parents=True)
        (program.home / "config" / "config.toml").write_text(f"[limits]\nmax_steps = {steps}\n")
    file = backed_up(cherry)

    assert "Left as it is" in other.run("data", "restore", str(file)).out
    assert other.run("config", "show", "limits.max_steps", "--json").out.count("5") == 1
    (other.home / "config" / "config.toml").rename(other.home / "config" / "config.yaml")
    (other.home / "config" / "config.yaml").write_text("limits: {max_steps: 5}\n")
    other.run("data", "restore", str(file), "--replace")

    assert [path.name for path in (other.home / "config").iterdir()] == ["config.toml"]
    assert "max_steps = 7" in (other.home / "config" / "config.toml").read_text()


def test_a_backup_never_takes_the_place_of_a_file(cherry: Program) -> None:
    work(cherry)
    file = backed_up(cherry)
    content = file.read_bytes()

    refused(cherry, "data", "backup", str(file), code="config.bad_usage")
    refused(cherry, "data", "backup", str(cherry.root / "no" / "such.tar.gz"), code="storage.io")

    assert file.read_bytes() == content


def test_a_session_that_is_being_worked_on_is_not_replaced(cherry: Program) -> None:
    work(cherry)
    file = backed_up(cherry)
    with provider(Script(ToolCall("shell.run", {"command": "sleep 60"}), "Done.")) as double:
        running = cherry.start("run", "--json", "--yes", "wait", double=double)
        running.until("tool.started")

        told = refused(cherry, "data", "restore", str(file), "--replace", code="storage.in_use")

        assert f"process {running.process.pid}" in told
        assert cherry.run("data", "backup", str(cherry.root / "meanwhile.tar.gz")).code == 0
        assert sorted(titles(cherry)) == ["change notes.txt", "wait"]


def test_a_check_finds_nothing_in_sound_data(cherry: Program) -> None:
    work(cherry)

    ended = cherry.run("data", "check")
    asked = cherry.run("data", "check", "--repair", "--json")

    assert ended.code == 0
    assert "all is well" in ended.out
    assert json.loads(asked.out)["findings"] == []
    assert json.loads(asked.out)["done"] == []


def test_a_damaged_database_is_told_and_what_can_be_read_is_saved(cherry: Program) -> None:
    sound = work(cherry, "one.txt")
    log = cherry.log(sound)
    with provider(Script(f"{speech(3_000)} the damaged place {speech(3_000)}")) as double:
        cherry.run("run", "--yes", "speak at length", double=double)
    damage(cherry, b"the damaged place")

    found = cherry.run("data", "check")
    mended = cherry.run("data", "check", "--repair")

    assert found.code == 1
    assert "--repair" in found.out
    assert mended.code == 0, mended.out
    assert "Saved 2 sessions" in mended.out
    assert "could not be saved" in mended.out
    assert cherry.log(sound) == log
    [aside] = (cherry.home / "data").glob("damaged-*")
    assert sorted(path.name for path in aside.iterdir())[:1] == ["cherry.db"]
    assert cherry.run("data", "check").code == 0
    work(cherry, "two.txt")  # and on it goes


def test_an_index_that_lies_is_drawn_anew(cherry: Program) -> None:
    work(cherry)
    with closing(sqlite3.connect(cherry.home / "data" / "cherry.db")) as connection, connection:
        connection.execute("UPDATE sessions SET info = '{}'")

    assert cherry.run("data", "check").code == 1
    mended = cherry.run("data", "check", "--repair")

    assert (mended.code, "Drew the index" in mended.out) == (0, True)
    assert titles(cherry) == ["change notes.txt"]
    assert not list((cherry.home / "data").glob("damaged-*"))


def test_damaged_and_missing_contents_are_told_and_damaged_ones_put_aside(cherry: Program) -> None:
    work(cherry)
    [first, *_] = sorted((cherry.home / "data" / "blobs").glob("*/*"))
    first.write_bytes(b"something else")

    assert "is damaged" in cherry.run("data", "check").out
    mended = cherry.run("data", "check", "--repair")

    assert "Put 1 damaged content aside" in mended.out
    assert "missing" in mended.out
    assert mended.code == 1  # what is lost is lost, and said
    assert not first.exists()


def test_a_database_of_which_nothing_can_be_read_is_left_alone(cherry: Program) -> None:
    work(cherry)
    file = cherry.home / "data" / "cherry.db"
    cherry.run("sessions", "list")
    file.write_bytes(b"\xff" * file.stat().st_size)

    refused(cherry, "data", "check", "--repair", code="storage.damaged")

    assert set(file.read_bytes()) == {0xFF}


def test_old_sessions_and_what_only_they_need_are_pruned_and_the_rest_can_still_be_undone(cherry: Program) -> None:
    old = work(cherry, "old.txt")
    young = work(cherry, "young.txt")
    grow_old(cherry, old, days=91)
    contents = len(list((cherry.home / "data" / "blobs").glob("*/*")))

    shown = cherry.run("data", "prune", "--older-than", "90d", "--dry-run")
    assert old in shown.out
    assert young not in shown.out
    assert len(titles(cherry)) == 2
    refused(cherry, "data", "prune", "--older-than", "90d", code="tools.nobody_to_ask")
    refused(cherry, "data", "prune", "--older-than", "90", code="config.bad_usage")
    pruned = cherry.run("data", "prune", "--older-than", "90d", "--yes")

    assert pruned.code == 0, pruned.err
    assert titles(cherry) == ["change young.txt"]
    # Both sessions wrote the same contents: they are the younger one's too.
    assert len(list((cherry.home / "data" / "blobs").glob("*/*"))) == contents
    assert cherry.run("undo", "--session", young, "--yes").code == 0
    assert cherry.read("young.txt") == "before\n"
    grow_old(cherry, young, days=100)
    assert cherry.run("data", "prune", "--older-than", "90d", "--yes").code == 0
    assert list((cherry.home / "data" / "blobs").glob("*/*")) == []
    assert "Nothing to delete" in cherry.run("data", "prune", "--older-than", "90d", "--yes").out


def test_the_oldest_sessions_go_until_the_rest_is_small_enough(cherry: Program) -> None:
    with provider(Script(*[speech(30_000)] * 3)) as double:
        for number in range(3):
            cherry.run("run", "--yes", f"speak {number}", double=double)
    size = (cherry.home / "data" / "cherry.db").stat().st_size

    ended = cherry.run("data", "prune", "--max-size", str(size // 2), "--yes", "--json")

    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["pruned"]["sessions"] == 2
    assert titles(cherry) == ["speak 2"]
    assert (cherry.home / "data" / "cherry.db").stat().st_size < size / 2  # the space is given back


def test_settings_prune_quietly_once_a_day(cherry: Program) -> None:
    old = work(cherry, "old.txt")
    grow_old(cherry, old, days=31)
    (cherry.home / "config").mkdir()
    (cherry.home / "config" / "config.toml").write_text("[storage]\nkeep_days = 30\n")

    ended = cherry.run("sessions", "list", "--all")
    assert old in ended.out
    assert titles(cherry) == []
    again = work(cherry, "old.txt")
    grow_old(cherry, again, days=31)
    cherry.run("sessions", "list", "--all")
    assert len(titles(cherry)) == 1  # not twice on one day


def test_a_projects_settings_prune_nothing(cherry: Program) -> None:
    old = work(cherry, "old.txt")
    grow_old(cherry, old, days=31)
    cherry.write(".cherry/config.toml", "[storage]\nkeep_days = 30\n")
    assert cherry.run("trust", "--yes").code == 0

    cherry.run("sessions", "list")

    assert titles(cherry) == ["change old.txt"]
    assert "Nothing to delete" in cherry.run("data", "prune", "--yes").out


def test_looking_after_data_where_there_are_none_does_no_harm(cherry: Program) -> None:
    assert cherry.run("data", "check").code == 0
    assert cherry.run("data", "prune", "--yes", "--older-than", "1d").code == 0
    file = backed_up(cherry)
    assert cherry.run("data", "restore", str(file)).code == 0
    shutil.rmtree(cherry.home)
    assert cherry.run("data", "restore", str(file)).code == 0
    work(cherry)


def test_a_session_goes_to_another_machine_through_a_pipe_and_can_be_undone_there(
    cherry: Program, other: Program
) -> None:
    session = work(cherry)
    lines = cherry.run("sessions", "export", "--all", "--contents").raw

    ended = other.run("sessions", "import", "-", "--here", stdin=lines)

    assert ended.code == 0, ended.err
    assert f"{session} taken in" in ended.out
    other.write("notes.txt", "after\n")
    assert other.run("undo", "--yes").code == 0
    assert other.read("notes.txt") == "before\n"
    assert "is here already" in cherry.run("sessions", "import", "-", stdin=lines).out
    refused(cherry, "sessions", "import", "-", code="storage.bad_import", stdin=lines[:-200])
    assert "no session" in cherry.run("sessions", "import", "-", stdin="\n").out
