"""A disk that answers with errors under the database: told, nothing acknowledged is lost, and it goes on when they are over."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cherry.domain.events import Notice
from cherry.storage.sqlite.store import SqliteStore

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def failing_disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = tmp_path_factory.mktemp("disk") / "failing_disk.so"
    source = HERE / "failing_disk.c"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True, timeout=120)
    return library


@pytest.mark.skipif(sys.platform != "linux", reason="faults are put under the program with Linux's loader")
@pytest.mark.parametrize("what", ["read", "write", "sync"])
async def test_errors_of_the_disk_are_told_and_forgotten_when_they_are_over(
    failing_disk: Path, tmp_path: Path, what: str
) -> None:
    faulty = {**os.environ, "LD_PRELOAD": str(failing_disk), "DISK_FAULTS": str(tmp_path)}
    words = [sys.executable, str(HERE / "failing_disk_child.py"), str(tmp_path), what]
    done = subprocess.run(words, env=faulty, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    refused, *acknowledged = done.stdout.splitlines()
    assert refused == "storage.io"
    assert acknowledged == ["before", "meanwhile", "after"]

    store = SqliteStore(tmp_path / "data")
    kept = [one.event.text.rstrip("x") async for one in store.log.read("s_1") if isinstance(one.event, Notice)]
    assert kept == acknowledged  # each once: what was refused and tried again is not there twice
    assert (await store.check()).findings == ()
    assert not (await store.index.find("s_1")).damaged
    await store.close()
