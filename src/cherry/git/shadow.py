"""What a program did to the files of a folder: a git index of Cherry's own, beside any repository that may be there.

`remember` takes the files as they are into the index and keeps their contents; `touched` names those that are different now, and
`contents` gives what was in them. Neither the folder's repository nor its index is touched, nothing in it is obeyed: no attribute
converts a content, no filter or hook is run. Contents that the repository has already are borrowed from it.

Not covered: what is ignored, repositories within the folder, files over `MAX_BYTES`, names that are not UTF-8.
"""

import asyncio
import os
import shutil
import stat
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from cherry.domain.errors import CherryError, tools
from cherry.git.apart import Repository, lay_out, repository_of, try_lock
from cherry.git.command import Answer, Git, failure

MAX_BYTES = 8 << 20
"""Of one file."""
MAX_TOTAL_BYTES = 1 << 30
"""Of all files that have to be read at one time; the largest are left out."""
FIRST_SECONDS, NEXT_SECONDS = 30.0, 10.0
_FEW = 200
_SETTINGS = (
    "core.autocrlf=false",
    "core.fileMode=true",
    "core.symlinks=true",
    "core.ignoreCase=false",
    "core.fsync=none",
    "core.looseCompression=0",
)


class Touched(NamedTuple):
    path: str
    """Relative to the folder."""
    content: str
    """Names what was in it, for `contents`; empty: there was no file."""
    mode: int | None
    """As git keeps it (0o100644, 0o100755, 0o120000); None: there was no file."""


class ShadowIndex:
    """One folder's. Kept in `place` between processes; a process that finds it in use makes one of its own in `spare`."""

    def __init__(
        self, folder: Path, environ: Mapping[str, str], *, place: Path, spare: Path, passed_over: Sequence[str] = ()
    ) -> None:
        """`passed_over`: lines as in a `.gitignore`, besides what is ignored anyway. Nothing is made before it is needed."""
        self._folder = folder
        self._environ = environ
        self._place, self._spare = place, spare
        self._passed_over = tuple(passed_over)
        self._git: Git | None = None
        self._lock: int | None = None
        self._seconds = FIRST_SECONDS
        self._spoiled = False
        self._left_out: dict[str, tuple[int, int]] = {}
        """Path → size and time of a file that is not covered."""

    @property
    def left_out(self) -> Sequence[str]:
        """Files that are not covered, for they are too large or cannot be read."""
        return tuple(self._left_out)

    async def remember(self) -> None:
        """From now on `touched` compares with how the files are at this moment. Raises CherryError(tools.GIT_FAILED)."""
        try:
            if self._spoiled:
                await self._begin_anew()
            await self._take_in()
        except CherryError:  # a power cut may have left it damaged
            await self._begin_anew()
            await self._take_in()
        self._seconds = NEXT_SECONDS

    async def touched(self) -> tuple[Touched, ...]:
        """What was made, changed or removed since, in the order of paths. Raises CherryError(tools.GIT_FAILED)."""
        git = await self._opened()
        paths = [path for path in await self._listed(git) if self._is_news(path)]
        if not paths:
            return ()
        known = await self._known(git, paths)
        return tuple(Touched(path, *known.get(path, ("", None))) for path in sorted(paths))

    async def contents(self, names: Sequence[str]) -> dict[str, bytes]:
        """Name → content, of those that can be had. Raises CherryError(tools.GIT_FAILED)."""
        git = await self._opened()
        wanted = "".join(f"{name}\n" for name in dict.fromkeys(names)).encode()
        if not wanted:
            return {}
        answer = await git.run("cat-file", "--batch", stdin=wanted, filters=_SETTINGS)
        _expect_success("cat-file", answer)
        found = dict(_batch(answer.stdout))
        self._spoiled = self._spoiled or any(name not in found for name in names)
        return found

    def close(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    # -- reading

    async def _take_in(self) -> None:
        git = await self._opened()
        taken = await asyncio.to_thread(self._choose, await self._listed(git))
        if taken:
            words = ("update-index", "-z", "--add", "--remove", "--replace", "--stdin")
            stdin = b"".join(os.fsencode(path) + b"\0" for path in taken)
            answer = await git.run(*words, stdin=stdin, writes=True, filters=_SETTINGS, seconds=self._seconds)
            _expect_success("update-index", answer)

    async def _listed(self, git: Git) -> list[str]:
        """Paths whose files differ from the index, and those it does not know."""
        words = ("ls-files", "-z", "--others", "--modified", "--deleted", "--exclude-standard")
        answer = await git.run(*words, filters=_SETTINGS, seconds=self._seconds)
        _expect_success("ls-files", answer)
        names = dict.fromkeys(answer.stdout.split(b"\0")[:-1])
        return [os.fsdecode(name) for name in names if not name.endswith(b"/") and _is_utf8(name)]

    async def _known(self, git: Git, paths: Sequence[str]) -> dict[str, tuple[str, int]]:
        asked = paths if len(paths) <= _FEW else ()
        answer = await git.run("ls-files", "-z", "--stage", "--", *asked, filters=_SETTINGS, seconds=self._seconds)
        _expect_success("ls-files", answer)
        known = {}
        for entry in answer.stdout.split(b"\0")[:-1]:
            facts, _, name = entry.partition(b"\t")
            mode, content, _stage = facts.split()
            known[os.fsdecode(name)] = (content.decode(), int(mode, 8))
        return known

    def _choose(self, paths: Sequence[str]) -> list[str]:
        """Those of the paths that are taken into the index, gone ones included."""
        self._left_out = {path: sign for path, sign in self._left_out.items() if path not in set(paths)}
        taken, files = [], []
        for path in paths:
            found = self._look(path)
            if found is None or stat.S_ISLNK(found.st_mode):
                taken.append(path)
            elif stat.S_ISREG(found.st_mode):
                files.append((found.st_size, path, found))
        total = 0
        for size, path, found in sorted(files, key=lambda file: file[:2]):
            total += size
            if size > MAX_BYTES or total > MAX_TOTAL_BYTES or not os.access(self._folder / path, os.R_OK):
                self._left_out[path] = _sign(found)
            else:
                taken.append(path)
        return taken

    def _is_news(self, path: str) -> bool:
        if path not in self._left_out:
            return True
        found = self._look(path)
        return found is None or _sign(found) != self._left_out[path]

    def _look(self, path: str) -> os.stat_result | None:
        try:
            return (self._folder / path).lstat()
        except OSError:
            return None

    async def _opened(self) -> Git:
        if self._git is None:
            repository = await repository_of(Git(self._folder, self._environ))
            try:
                place = await asyncio.to_thread(self._make, repository)
            except OSError as error:
                raise CherryError(
                    tools.GIT_FAILED, "No notes can be kept of how the files are", why=str(error)
                ) from error
            self._git = Git(self._folder, self._environ, apart=place)
        return self._git

    async def _begin_anew(self) -> None:
        self._git, self._seconds, self._spoiled = None, FIRST_SECONDS, False
        self.close()
        for place in (self._place, self._spare):
            if (lock := try_lock(place)) is not None:
                await asyncio.to_thread(shutil.rmtree, place, ignore_errors=True)
                os.close(lock)

    def _make(self, repository: Repository | None) -> Path:
        self._lock = try_lock(self._place)
        place = self._spare if self._lock is None else self._place
        lay_out(place, self._folder, repository, passed_over=self._passed_over)
        return place


def _expect_success(what: str, answer: Answer) -> None:
    if answer.cut:
        raise failure(what, answer._replace(stderr="there are too many files"))
    if answer.code != 0:
        raise failure(what, answer)


def _batch(output: bytes) -> Iterable[tuple[str, bytes]]:
    """Of `cat-file --batch`: `<name> blob <size>`, content, line end; `<name> missing`."""
    at = 0
    while at < len(output):
        end = output.index(b"\n", at)
        name, *facts = output[at:end].decode().split()
        at = end + 1
        if len(facts) == 2:
            size = int(facts[1])
            yield name, output[at : at + size]
            at += size + 1


def _sign(found: os.stat_result) -> tuple[int, int]:
    return found.st_size, found.st_mtime_ns


def _is_utf8(name: bytes) -> bool:
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True
