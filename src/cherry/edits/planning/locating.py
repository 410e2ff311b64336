"""Where the path of an edit leads: through the jail, never into git's own files, and with what a person should know about it."""

import stat

from cherry.domain.errors import CherryError, edits, tools
from cherry.edits.files.folders import Folders, split
from cherry.edits.filesystem import Filesystem
from cherry.edits.ports import PathJail, Placement

_LONGEST_NAME = 255


def target_of(jail: PathJail, path: str) -> Placement:
    """The file an edit of `path` changes: of a symbolic link what it points to. Raises like `PathJail.resolve`, NOT_A_FILE."""
    found = _checked(jail.resolve(path, for_write=True).relative, path)
    lexical = _lexical(path)
    note = (
        f"{lexical} is a symbolic link or lies behind one: {found} is what changes." if _differs(lexical, found) else ""
    )
    return Placement(found, note)


def name_of(jail: PathJail, filesystem: Filesystem, folders: Folders, path: str) -> Placement:
    """The name itself, for removing and renaming: a symbolic link is moved or removed, not what it points to."""
    folder, name = split(_lexical(path).rstrip("/"))
    if name in ("", ".", ".."):
        return target_of(jail, path)
    above = jail.resolve(folder or ".", for_write=bool(folder)).relative
    relative = _checked(name if above == "." else f"{above}/{name}", path)
    try:
        is_link = stat.S_ISLNK(filesystem.stat(*folders.entry(relative)).st_mode)
    except OSError:
        is_link = False
    try:
        jail.resolve(path, for_write=True)
    except CherryError as error:
        # A link that leads outside may be removed itself; nothing outside is touched by that.
        if not is_link or error.kind is tools.PROTECTED_PATH:
            raise
    return Placement(
        relative, f"{relative} is a symbolic link: the link itself is meant, not what it points to." if is_link else ""
    )


def check_recorded(jail: PathJail, path: str) -> str:
    """For a path out of a log: a sentence why it is protected now, empty when it is not. Raises when it must not be touched at all.

    What Cherry made may be protected afterwards (a new `.env`); taking back exactly that is still right.
    """
    _checked(path, path)
    folder, name = split(path)
    above = jail.resolve(folder or ".").relative
    if path != (name if above == "." else f"{above}/{name}"):
        raise CherryError(edits.STALE, "A folder on the way became a link", where=path)
    try:
        jail.resolve(path, for_write=True)
    except CherryError as error:
        return error.message if error.kind is tools.PROTECTED_PATH else ""
    return ""


def _checked(relative: str, given: str) -> str:
    if relative == ".":
        raise CherryError(tools.NOT_A_FILE, where=given, why="it is the workspace itself")
    if given.endswith("/"):
        raise CherryError(tools.NOT_A_FILE, where=given, why="a path that ends with / names a folder")
    if any(part.casefold() == ".git" for part in relative.split("/")):
        raise CherryError(tools.PROTECTED_PATH, where=given, why="it belongs to git itself")
    try:
        longest = max(len(part.encode("utf-8")) for part in relative.split("/"))
    except UnicodeEncodeError:
        what = "A file whose name is not UTF-8 is not edited"
        raise CherryError(tools.PROTECTED_PATH, what, where=repr(given)) from None
    if longest > _LONGEST_NAME:
        raise CherryError(edits.UNWRITABLE, where=given, why=f"a name in it is longer than {_LONGEST_NAME} bytes")
    return relative


def _lexical(path: str) -> str:
    while path.startswith("./"):
        path = path[2:].lstrip("/")
    return path


def _differs(lexical: str, found: str) -> bool:
    """Whether more than the way of writing differs: an absolute path or `a/../b` is not worth a word."""
    return (
        not lexical.startswith("/")
        and ".." not in lexical.split("/")
        and "//" not in lexical
        and lexical.rstrip("/") != found
    )
