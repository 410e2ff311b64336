"""Changes as git shows them, per file. Works before the first commit too."""

import asyncio
import os
import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from cherry.domain.views import DiffView, FileDiff
from cherry.git.command import Answer, Git

_STATES: dict[str, Literal["created", "modified", "deleted", "renamed"]] = {
    "A": "created", "C": "created", "M": "modified", "T": "modified", "U": "modified", "D": "deleted", "R": "renamed",
}  # fmt: skip
_SECTION = re.compile(rb"^diff --git ", re.MULTILINE)
_FORMAT = (
    "--raw",
    "--numstat",
    "-p",
    "-z",
    "--find-renames",
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--relative",
)
_SUBMODULES = ("--ignore-submodules=dirty", "--submodule=short")


class Diff(NamedTuple):
    view: DiffView
    text: str
    """As git writes it, bytes that are not UTF-8 written out."""
    cut: bool = False


async def read_diff(git: Git, *paths: str, staged: bool = False) -> Diff:
    """From the last commit to the working tree, or to what is staged. Raises CherryError(tools.NO_REPOSITORY, GIT_FAILED)."""
    filters, against = await asyncio.gather(git.neutral_filters(), _last_commit(git))
    answer = await git.ask(
        "diff", *_FORMAT, *_SUBMODULES, *(["--cached"] if staged else []), against, "--", *paths, filters=filters
    )
    return _parsed(answer)


async def _last_commit(git: Git) -> str:
    """`HEAD`, or the empty tree where nothing was ever committed."""
    if (await git.run("rev-parse", "--verify", "--quiet", "HEAD^{commit}")).code == 0:
        return "HEAD"
    empty = await git.run("hash-object", "-t", "tree", "--stdin", stdin=b"")
    return empty.stdout.decode("ascii").strip()


def _parsed(answer: Answer) -> Diff:
    head, _, patch = answer.stdout.partition(b"\0\0")
    fields = os.fsdecode(head).split("\0")
    raw, counts = _split_fields(fields)
    sections = _sections(patch)
    files: list[FileDiff] = []
    for (letter, path, old_path), (added, removed) in zip(raw, counts, strict=False):
        texts = [next(sections, b"") for _ in range({"T": 2, "U": 0}.get(letter, 1))]
        files.append(
            FileDiff(
                path=_text(os.fsencode(path)),
                change=_STATES.get(letter, "modified"),
                unified="".join(_hunks(text) for text in texts),
                added=added,
                removed=removed,
                old_path=_text(os.fsencode(old_path)),
            )
        )
    return Diff(DiffView(files=tuple(files)), _text(patch), answer.cut)


def _split_fields(fields: list[str]) -> tuple[list[tuple[str, str, str]], list[tuple[int, int]]]:
    """The raw records (letter, path, old path), then the counts, in the same order."""
    raw: list[tuple[str, str, str]] = []
    counts: list[tuple[int, int]] = []
    rest = iter(fields)
    for field in rest:
        if field.startswith(":"):
            letter = field.rpartition(" ")[2][:1]
            first = next(rest, "")
            raw.append((letter, next(rest, ""), first) if letter in "RC" else (letter, first, ""))
            continue
        numbers = field.split("\t", 2)
        if len(numbers) == 3:
            counts.append((_count(numbers[0]), _count(numbers[1])))
            if not numbers[2]:  # a rename: old and new path follow
                next(rest, "")
                next(rest, "")
    return raw, counts


def _count(text: str) -> int:
    return int(text) if text.isdigit() else 0


def _sections(patch: bytes) -> Iterator[bytes]:
    starts = [match.start() for match in _SECTION.finditer(patch)]
    for start, end in zip(starts, [*starts[1:], len(patch)], strict=True):
        yield patch[start:end]


def _hunks(section: bytes) -> str:
    start = section.find(b"\n@@ ")
    return _text(section[start + 1 :]) if start != -1 else ""


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")
