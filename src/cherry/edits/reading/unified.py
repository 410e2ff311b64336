"""Unified diffs: git's and plain ones. Line numbers and counts are hints; what counts is the lines.

Every hunk becomes a `Replace`, a new file a `Replace` of nothing, so an existing file is never overwritten.
"""

import re
from typing import NamedTuple

from cherry.edits.edit import Delete, Rename, SetMode
from cherry.edits.reading.hunks import Hunk, is_hunk, read_hunk
from cherry.edits.reading.lines import Lines, Step
from cherry.edits.reading.paths import as_path, given_path
from cherry.edits.reading.reading import Collector

FORM = "unified diff"

_GIT = re.compile(r"^diff --git (?P<names>.+)$")
_EXTENDED = (
    *(
        "old mode",
        "new mode",
        "deleted file mode",
        "new file mode",
        "rename ",
        "copy ",
        "similarity ",
        "dissimilarity ",
    ),
    *("index ", "GIT binary", "Binary files ", "Index: ", "======="),
)
_NULL = "/dev/null"
_ESCAPE = re.compile(r"\\(?:([0-7]{3})|([abtnvfr\"\\]))")
_CHARACTERS = {"a": 7, "b": 8, "t": 9, "n": 10, "v": 11, "f": 12, "r": 13, '"': 34, "\\": 92}
_BACKUP = re.compile(r"(?:\.orig|\.bak|\.old|\.original|~)$")
_PREFIX = re.compile(r"^[abciow]/")


class _Header(NamedTuple):
    """What stands before the hunks of one file, names without `a/` and `b/`."""

    old: str = ""
    new: str = ""
    git_old: str = ""
    git_new: str = ""
    rename_from: str = ""
    rename_to: str = ""
    mode: str = ""
    binary: bool = False
    deleted: bool = False
    created: bool = False


def starts_diff(line: str, after: str | None, second: str | None) -> bool:
    """Whether the diff of a file begins at `line`, seeing the two lines after it."""
    if _GIT.match(line):
        return True
    is_pair = line.startswith("--- ") and after is not None and after.startswith("+++ ")
    return is_pair and (second is None or is_hunk(second) or not second.strip())


def is_header(line: str, after: str | None) -> bool:
    """Like `starts_diff` where nothing but a diff can be."""
    return bool(_GIT.match(line)) or (line.startswith("--- ") and after is not None and after.startswith("+++ "))


def read_file(lines: Lines, into: Collector, *, fence: str = "", path: str = "") -> Step[None]:
    """The diff of one file, standing at its first line. `path` is what the file is called around it, if it is."""
    header = yield from _header(lines)
    hunks = yield from _hunks(lines, into, header, fence=fence, path=path)
    if hunks or header.binary or header.deleted or header.rename_to or header.mode:
        return
    target = _target(header, path)
    if header.created and target:
        into.write(target, "", FORM)
    else:
        into.fault("A diff has no hunks", path=target, next_step="Start each hunk with a line `@@ … @@`.")


def read_bare_hunks(lines: Lines, into: Collector, path: str, *, fence: str = "") -> Step[None]:
    """Hunks without a header, of a file named around them, if it is."""
    into.explicit = False
    yield from _hunks(lines, into, _Header(old=path, new=path), fence=fence, path=path)


def _hunks(lines: Lines, into: Collector, header: _Header, *, fence: str, path: str) -> Step[int]:
    """Reads the hunks as they come in and returns how many there were."""
    target = _target(header, path)
    usable = _started(into, header, target)
    count = 0
    while True:
        line = yield from lines.peek_text()
        if line is None or not is_hunk(line):
            return count
        while not is_hunk((yield from lines.peek()) or ""):
            yield from lines.next()
        count += 1
        into.line = lines.taken + 1
        hunk = yield from read_hunk(lines, starts_diff, fence=fence)
        if usable:
            _add(into, target, hunk)


def _started(into: Collector, header: _Header, target: str) -> bool:
    """What the header alone says is done; False when hunks would have nothing to apply to."""
    if header.binary:
        into.fault("A diff of a binary file cannot be applied", path=target)
        return False
    if not target:
        why = f"it names {header.old!r} and {header.new!r}" if header.old or header.new else ""
        into.fault(
            "A diff does not say for certain which file it is of",
            why=why,
            next_step="Use `--- a/path` and `+++ b/path`.",
        )
        return False
    source, to = given_path(header.rename_from), given_path(header.rename_to)
    if source and to:
        into.add(Rename(path=source, to=to), FORM)
    if header.deleted:
        into.add(Delete(path=target), FORM)
    elif header.mode:
        into.add(SetMode(path=target, executable=header.mode.endswith("755")), FORM)
    return not header.deleted


def _add(into: Collector, target: str, hunk: Hunk) -> None:
    if hunk.cut:
        into.fault(
            "A hunk is cut off", path=target, why=f"it has fewer lines than `{hunk.head}` says and then the answer ends"
        )
        return
    into.replace(
        target,
        hunk.old,
        hunk.new,
        FORM,
        hint_line=hunk.line,
        anchors=(hunk.heading,) if hunk.heading else (),
        at_end=hunk.at_end,
    )


def _header(lines: Lines) -> Step[_Header]:
    header = _Header()
    while True:
        line = yield from lines.peek()
        found = None if line is None else _with_line(header, line)
        if found is None:
            return _with_bare_names(header)
        yield from lines.next()
        header = found


def _with_line(header: _Header, line: str) -> _Header | None:
    """The header with one more line read; None when the line is not of this header."""
    if header.new:
        return None
    if found := _GIT.match(line):
        old, new = _git_names(found["names"])
        return None if header != _Header() else header._replace(git_old=old, git_new=new)
    if line.startswith("--- "):
        return None if header.old else header._replace(old=_name(line[4:]))
    if line.startswith("+++ "):
        return header._replace(new=_name(line[4:]))
    if line.startswith("rename from "):
        return header._replace(rename_from=_name(line[12:]))
    if line.startswith("rename to "):
        return header._replace(rename_to=_name(line[10:]))
    if line.startswith("new mode "):
        return header._replace(mode=line[9:].strip())
    if line.startswith("new file mode "):
        executable = line.strip().endswith("755")
        return header._replace(mode="755" if executable else "", created=True)
    if line.startswith("deleted file mode "):
        return header._replace(deleted=True)
    if line.startswith(("GIT binary patch", "Binary files ")):
        return header._replace(binary=True)
    return header if line.startswith(_EXTENDED) else None


def _with_bare_names(header: _Header) -> _Header:
    """The two names without the prefixes that tell the sides apart, and what a missing side means."""
    old, new = header.old or header.git_old, header.new or header.git_new
    deleted, created = header.deleted or new == _NULL, header.created or old == _NULL
    if _PREFIX.match(old) and ((_PREFIX.match(new) and old[:2] != new[:2]) or new == _NULL):
        old, new = old[2:], new if new == _NULL else new[2:]
    elif old == _NULL and _PREFIX.match(new):
        new = new[2:]
    return header._replace(old=old, new=new, deleted=deleted, created=created)


def _target(header: _Header, path: str) -> str:
    """The file the hunks are of; empty when the names do not say it for certain."""
    old, new = header.old, header.new
    if header.rename_to:
        return given_path(header.rename_to) or ""
    if header.deleted or new == _NULL:
        return given_path(old) or path
    if header.created or old in (_NULL, new):
        return given_path(new) or path
    if path and path in (old, new):
        return path
    if _BACKUP.sub("", old) == new:
        return given_path(new) or ""
    if not new or as_path(new) is None:
        return given_path(old) or "" if as_path(old) else path
    return (given_path(new) or "") if as_path(old) is None else ""


def _name(text: str) -> str:
    text = text.partition("\t")[0].strip()
    return _unquoted(text) if len(text) > 1 and text.startswith('"') and text.endswith('"') else text


def _unquoted(text: str) -> str:
    """A name as git quotes it: in double quotes, other bytes as octal escapes."""
    data = bytearray()
    position = 1
    for found in _ESCAPE.finditer(text[:-1]):
        data += text[position : found.start()].encode()
        data.append(int(found[1], 8) & 0xFF if found[1] else _CHARACTERS[found[2]])
        position = found.end()
    data += text[position:-1].encode()
    return data.decode("utf-8", "replace")


def _git_names(names: str) -> tuple[str, str]:
    """The two names of a `diff --git` line; empty where spaces make them impossible to tell apart."""
    if names.startswith('"') or names.endswith('"'):
        found = re.fullmatch(r'("(?:[^"\\]|\\.)*"|\S+) ("(?:[^"\\]|\\.)*"|\S+)', names)
        return (_name(found[1]), _name(found[2])) if found else ("", "")
    half = len(names) // 2
    if names[half : half + 1] == " " and names[:half][2:] == names[half + 1 :][2:]:
        return names[:half], names[half + 1 :]
    parts = names.split(" ")
    return (parts[0], parts[1]) if len(parts) == 2 else ("", "")
