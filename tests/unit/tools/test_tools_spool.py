"""What is held of a program's output."""

import os
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cherry.tools.spool import MEMORY_BYTES, Spool


def test_everything_small_comes_back(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "not made")
    spool.write(b"one ")
    spool.write(b"two")
    assert spool.read().data == b"one two"
    assert spool.read(4).data == b"two"
    assert spool.read(7).data == b""


def test_more_than_memory_goes_to_a_file_without_a_name(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    data = os.urandom(MEMORY_BYTES)
    for _ in range(3):
        spool.write(data)
    assert spool.read().data == data * 3
    assert spool.read(2 * len(data)).data == data
    assert list(tmp_path.iterdir()) == []
    spool.close()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(
    st.lists(st.binary(min_size=1, max_size=30), max_size=30),
    st.integers(0, 100),
    st.integers(1, 40),
    st.integers(0, 500),
)
def test_beginning_and_end_are_held_and_the_gap_is_counted(
    tmp_path: Path, pieces: list[bytes], held: int, ring: int, start: int
) -> None:
    spool = Spool(tmp_path, held_bytes=held, ring_bytes=ring)
    whole = b"".join(pieces)
    for piece in pieces:
        spool.write(piece)
    start = min(start, len(whole))
    found = spool.read(start)
    assert found.end == len(whole)
    if found.skipped == 0:
        assert found.data == whole[start:]
    else:
        beginning, gap, rest = found.data.partition(b"\n[... %d bytes of output were not kept ...]\n" % found.skipped)
        assert gap
        assert beginning == whole[start:held] or (start >= held and beginning == b"")
        assert rest == whole[-ring:]
        assert len(beginning) + found.skipped + len(rest) == len(whole) - start


def test_where_the_disk_is_full_the_newest_is_still_held(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "missing", ring_bytes=100)
    spool.write(b"a" * 1000)
    spool.write(b"b" * MEMORY_BYTES)
    spool.write(b"the end")
    found = spool.read()
    assert found.data.startswith(b"a" * 1000)
    assert found.data.endswith(b"bbb" + b"the end")
    assert found.skipped == MEMORY_BYTES + 7 - 100
