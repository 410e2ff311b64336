"""The files of a workspace as git sees them: what it knows and what it does not ignore."""

import os

from cherry.git.command import Git


async def list_files(git: Git, path: str = ".", *, seconds: float = 10.0) -> tuple[str, ...] | None:
    """Relative to git's folder, unsorted; may name files that are gone by now. None when there is no repository or it ignores the path.

    Raises CherryError(tools.GIT_FAILED) when git cannot be run.
    """
    answer = await git.run("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", path, seconds=seconds)
    if answer.code != 0 and not answer.cut:
        return None
    names = os.fsdecode(answer.stdout).split("\0")
    # A file in conflict is listed once per side.
    return tuple(dict.fromkeys(name for name in names[:-1] if name)) or None
