"""A git folder of Cherry's own for somebody else's files: what has to stand in it so that git obeys nothing but Cherry.

Attributes of the work tree are overruled (nothing is converted), its configuration and hooks are not read, contents are borrowed from
its repository and never written there.
"""

import fcntl
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from cherry.git.command import Git

MAX_OBJECTS = 20_000
"""With more of its own, it is begun anew."""
_NO_CONVERSION = "* -text -filter -ident -working-tree-encoding\n"
_CONFIG = "[core]\n\trepositoryformatversion = 0\n\tbare = false\n"
_LOCK = "lock"


class Repository(NamedTuple):
    top: Path
    git_folder: Path
    """What all its work trees share."""


async def repository_of(git: Git) -> Repository | None:
    """The one that git's folder lies in. Raises CherryError(tools.GIT_FAILED) when git cannot be run."""
    answer = await git.run("rev-parse", "--show-toplevel", "--git-common-dir")
    lines = os.fsdecode(answer.stdout).splitlines()
    if answer.code != 0 or len(lines) != 2:  # none, or a path with a line break: done without
        return None
    return Repository(Path(lines[0]), (git.folder / lines[1]).resolve())


def try_lock(place: Path) -> int | None:
    """A handle that holds the place until it is closed; None when another process holds it. Raises OSError."""
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(place / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle


def lay_out(place: Path, folder: Path, repository: Repository | None, *, passed_over: Sequence[str]) -> None:
    """Make `place` a git folder for the files of `folder`, or mend what is there. Nobody else may use it. Raises OSError."""
    if sum(1 for _ in (place / "objects").glob("??/*")) > MAX_OBJECTS:
        shutil.rmtree(place / "objects")
        (place / "index").unlink(missing_ok=True)
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in ("objects/info", "refs", "info"):
        (place / name).mkdir(parents=True, exist_ok=True)
    (place / "index.lock").unlink(missing_ok=True)  # of a git that was killed
    _write(place / "HEAD", "ref: refs/heads/none\n")
    _write(place / "config", _CONFIG)
    _write(place / "info/attributes", _NO_CONVERSION)
    _write(place / "info/exclude", "".join(f"{line}\n" for line in [*passed_over, *_ignored(folder, repository)]))
    borrowed = f"{repository.git_folder / 'objects'}\n" if repository and _names_by_sha1(repository) else ""
    _write(place / "objects/info/alternates", borrowed)


def _ignored(folder: Path, repository: Repository | None) -> list[str]:
    """What is said outside the folder of what is ignored in it."""
    if repository is None:
        return []
    lines = _lines(repository.git_folder / "info/exclude")
    above = [above for above in folder.parents if above.is_relative_to(repository.top)]
    for higher in reversed(above):
        below = folder.relative_to(higher).as_posix()
        lines += [line for given in _lines(higher / ".gitignore") if (line := seen_from(below, given))]
    return lines


def seen_from(below: str, line: str) -> str:
    """A line of a `.gitignore` further up, as it has to stand in the folder `below`; empty when it says nothing there."""
    no, pattern = ("!", line[1:]) if line.startswith("!") else ("", line)
    if "/" not in pattern.rstrip("/"):
        return line
    pattern = pattern.removeprefix("/")
    if pattern.startswith("**/"):
        return line
    return f"{no}/{pattern.removeprefix(f'{below}/')}" if pattern.startswith(f"{below}/") else ""


def _names_by_sha1(repository: Repository) -> bool:
    return not any("objectformat" in line.lower() for line in _lines(repository.git_folder / "config"))


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return []


def _write(file: Path, text: str) -> None:
    data = text.encode("utf-8", "surrogateescape")
    if not file.exists() or file.read_bytes() != data:
        file.write_bytes(data)
