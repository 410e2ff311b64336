"""The log: whole lines, redacted, rotated, and never in the way."""

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from cherry.observability.log import Log, LogFile, Nowhere, StandardError


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_a_line_has_time_level_event_and_fields(tmp_path: Path) -> None:
    log = Log(LogFile(tmp_path / "logs/cherry.log"), now=lambda: 1_700_000_000.5)
    log.bind(session="s_1").info("turn.started", model="openai/x", steps=3)
    assert lines(tmp_path / "logs/cherry.log") == [
        {
            "time": "2023-11-14T22:13:20.500Z",
            "level": "info",
            "event": "turn.started",
            "session": "s_1",
            "model": "openai/x",
            "steps": 3,
        }
    ]


def test_lines_below_the_level_are_dropped(tmp_path: Path) -> None:
    log = Log(LogFile(tmp_path / "l"), level="warning")
    log.debug("a")
    log.info("b")
    log.warning("c")
    log.error("d")
    assert [line["event"] for line in lines(tmp_path / "l")] == ["c", "d"]


def test_every_line_is_redacted_also_in_its_traceback(tmp_path: Path) -> None:
    log = Log(LogFile(tmp_path / "l"), redact=lambda text: text.replace("hunter2", "[redacted]"))
    try:
        raise ValueError("wrong: hunter2")
    except ValueError as error:
        log.error("failed", error=error, key="hunter2")
    text = (tmp_path / "l").read_text()
    assert "hunter2" not in text
    assert "ValueError" in text


def test_the_file_is_the_owners_alone(tmp_path: Path) -> None:
    Log(LogFile(tmp_path / "d/l")).info("x")
    assert stat.S_IMODE((tmp_path / "d/l").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "d").stat().st_mode) == 0o700


def test_files_rotate_by_size_and_only_so_many_are_kept(tmp_path: Path) -> None:
    log = Log(LogFile(tmp_path / "l", max_bytes=2_000, kept=3))
    for number in range(200):
        log.info("event", number=number)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["l", "l.1", "l.2", "l.3"]
    kept = [line["number"] for name in ("l.3", "l.2", "l.1", "l") for line in lines(tmp_path / name)]
    assert kept == list(range(kept[0], 200))  # type: ignore[call-overload]


def test_processes_share_a_file_without_mixing_lines(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom pathlib import Path\nfrom cherry.observability.log import Log, LogFile\n"
        "log = Log(LogFile(Path(sys.argv[1]), max_bytes=20_000, kept=50))\n"
        "for n in range(200): log.info('e', who=sys.argv[2], n=n, pad='x' * 100)\n"
    )
    children = [subprocess.Popen([sys.executable, "-c", program, str(tmp_path / "l"), str(who)]) for who in range(3)]
    assert [child.wait(60) for child in children] == [0, 0, 0]
    written = [line for path in tmp_path.iterdir() for line in lines(path)]
    assert len(written) == 600


def test_a_log_that_cannot_be_written_disturbs_nobody(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    sink = LogFile(tmp_path / "file/below/l")
    Log(sink).info("x")
    Log(sink).info("y")
    assert sink.failures == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device")
def test_a_full_disk_is_counted_and_work_goes_on_when_there_is_space(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("")
    sink = LogFile(tmp_path / "l")
    (tmp_path / "l").mkdir()
    Log(sink).info("lost")
    (tmp_path / "l").rmdir()
    Log(sink).info("kept")
    assert sink.failures == 1
    assert [line["event"] for line in lines(tmp_path / "l")] == ["kept"]


def test_a_log_removed_by_another_is_made_again(tmp_path: Path) -> None:
    log = Log(LogFile(tmp_path / "l"))
    log.info("one")
    (tmp_path / "l").unlink()
    log.info("two")
    assert [line["event"] for line in lines(tmp_path / "l")] == ["two"]


def test_odd_values_and_huge_ones_are_written_somehow(tmp_path: Path) -> None:
    log = Log(LogFile(tmp_path / "l"))
    log.info("odd", path=tmp_path, surrogate="\udcff", raw=b"\xff", nan=float("nan"))
    log.info("huge", text="x" * 1_000_000)
    for line in (tmp_path / "l").read_text("utf-8").splitlines():
        assert json.loads(line)
        assert len(line) < 70_000


def test_a_link_in_place_of_the_log_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "l").symlink_to("precious")
    Log(LogFile(tmp_path / "l")).info("x")
    assert (tmp_path / "precious").read_text() == "mine"


def test_debugging_goes_to_standard_error_and_nothing_to_standard_output(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    Log(StandardError(), LogFile(tmp_path / "l"), level="debug").debug("x")
    Log(Nowhere()).error("y")
    out, err = capsys.readouterr()
    assert out == ""
    assert json.loads(err)["event"] == "x"


def test_no_descriptor_is_left_open_after_close(tmp_path: Path) -> None:
    sink = LogFile(tmp_path / "l", max_bytes=100)
    for _ in range(20):
        Log(sink).info("x" * 50)
    sink.close()
    targets = [str(path.readlink()) for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
    assert not [target for target in targets if target.startswith(str(tmp_path))]
