"""Opening below a folder without following links."""

import errno
import os
from pathlib import Path

import pytest

from cherry.security.beneath import folder_beneath, open_beneath, parent_beneath


def test_a_file_is_opened_from_the_root_down(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/c").write_text("here")
    with os.fdopen(open_beneath(tmp_path, "a/b/c", os.O_RDONLY)) as file:
        assert file.read() == "here"


@pytest.mark.parametrize("path", ["link", "folder/file"])
def test_a_link_is_not_followed_wherever_it_stands(tmp_path: Path, path: str) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/file").write_text("x")
    (tmp_path / "link").symlink_to("real/file")
    (tmp_path / "folder").symlink_to("real")
    with pytest.raises(OSError) as caught:
        open_beneath(tmp_path, path, os.O_RDONLY)
    assert caught.value.errno in {errno.ELOOP, errno.ENOTDIR}


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/passwd"])
def test_a_path_that_goes_up_or_is_absolute_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(OSError, match="path"):
        open_beneath(tmp_path, path, os.O_RDONLY)


def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="regular"):
        open_beneath(tmp_path, "pipe", os.O_RDONLY)


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    before = sum(1 for _ in Path("/proc/self/fd").iterdir())
    for path in ("a/none", "none/x", "a"):
        with pytest.raises(OSError):
            open_beneath(tmp_path, path, os.O_RDONLY)
    with folder_beneath(tmp_path, "a"), parent_beneath(tmp_path, "a/new") as (folder, name):
        os.mkdir(name, dir_fd=folder)
    assert (tmp_path / "a/new").is_dir()
    assert sum(1 for _ in Path("/proc/self/fd").iterdir()) == before


def test_a_folder_swapped_for_a_link_while_writing_never_writes_outside(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    root = tmp_path / "root"
    (root / "dir").mkdir(parents=True)
    for _ in range(100):
        (root / "dir").rename(root / "away")
        (root / "dir").symlink_to(outside)
        with pytest.raises(OSError):
            open_beneath(root, "dir/file", os.O_WRONLY | os.O_CREAT)
        (root / "dir").unlink()
        (root / "away").rename(root / "dir")
    assert not list(outside.iterdir())
