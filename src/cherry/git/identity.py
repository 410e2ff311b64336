"""Who commits, for programs that cannot see the user's own configuration."""

import re

from cherry.domain.errors import CherryError
from cherry.git.command import Git

_IDENT = re.compile(r"(?P<name>.*) <(?P<email>[^<>]*)> \d+ [+-]\d+")


async def identity_variables(git: Git) -> dict[str, str]:
    """`GIT_AUTHOR_NAME` and its like, as git itself would fill them in here; empty when nobody has told git who they are."""
    found: dict[str, str] = {}
    for role in ("AUTHOR", "COMMITTER"):
        try:
            answer = await git.run("var", f"GIT_{role}_IDENT")
        except CherryError:  # no git
            return {}
        ident = _IDENT.fullmatch(answer.stdout.decode("utf-8", "replace").strip())
        if answer.code != 0 or ident is None:
            return {}
        found[f"GIT_{role}_NAME"], found[f"GIT_{role}_EMAIL"] = ident["name"], ident["email"]
    return found
