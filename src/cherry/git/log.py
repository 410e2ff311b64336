"""Commits, newest first."""

from typing import NamedTuple

from cherry.git.command import Git, failure

_FORMAT = "%H%x1f%h%x1f%an%x1f%ae%x1f%aI%x1f%D%x1f%s%x1f%b"


class Commit(NamedTuple):
    id: str
    short: str
    author: str
    email: str
    date: str
    """ISO 8601 with the author's time zone."""
    refs: str
    """`HEAD -> main, tag: v1`."""
    subject: str
    body: str


async def read_log(git: Git, *paths: str, limit: int = 20) -> tuple[Commit, ...]:
    """Empty where nothing was ever committed. Raises CherryError(tools.NO_REPOSITORY, GIT_FAILED)."""
    answer = await git.run(
        "log", "-z", f"--format={_FORMAT}", f"--max-count={limit}", "--no-show-signature", "--no-color", "--encoding=UTF-8",
        "--", *paths,
    )  # fmt: skip
    if answer.code != 0:
        if "does not have any commits yet" in answer.stderr or "bad default revision" in answer.stderr:
            return ()
        raise failure("log", answer)
    records = answer.stdout.decode("utf-8", "backslashreplace").split("\0")
    return tuple(Commit(*fields[:8]) for record in records if len(fields := record.strip("\n").split("\x1f", 7)) == 8)
