"""File names as models write them around their edits: in backticks, in bold, as a heading, after `File:`."""

import re

from cherry.edits.reading.file_names import BARE_NAMES, EXTENSIONS, NOT_FILES

_DECORATION = re.compile(r"^(?:#{1,6}\s+|[-*+]\s+|\d{1,3}[.)]\s+|>\s+)+")
_KEY = re.compile(
    r"^\**(?:(?:new|updated|modified|full|complete|create|update|edit|modify)\s+)?(?:file ?name|file ?path|file|path)\**\s*[:=]\**\s*",
    re.IGNORECASE,
)
_REMARK = re.compile(
    r"\s*\((?:new|new file|updated|modified|created|unchanged parts omitted|full file|full)\)\s*$", re.IGNORECASE
)
_QUOTES = (
    ("`", "`"),
    ("**", "**"),
    ('"', '"'),
    ("'", "'"),
    ("*", "*"),
    ("__", "__"),
    ("[", "]"),
    ("(", ")"),
    ("<", ">"),
)
_EXTENSION = re.compile(r"\.([A-Za-z0-9_+-]{1,15})$")
_FORBIDDEN = re.compile(r"[\x00-\x1f<>|\"*?\ud800-\udfff]")
_BACKTICKED = re.compile(r"`([^`\n]{1,300})`")
_LONGEST = 400


def path_in(line: str) -> str | None:
    """The path when the line is a file name and nothing else, whatever its decoration."""
    text = _DECORATION.sub("", line.strip())
    text = _REMARK.sub("", text.removesuffix(":").rstrip())
    keyed = _KEY.match(text)
    if keyed:
        text = text[keyed.end() :]
    bare, quoted = _unquoted(_REMARK.sub("", text.removesuffix(":").strip()))
    return as_path(bare, spaces=quoted, marked=bool(keyed))


def path_mentioned(line: str) -> str | None:
    """The one path a sentence names, in backticks or with a `/`; None when there is none or more than one."""
    found = {path for text in _BACKTICKED.findall(line) if (path := as_path(text.strip()))}
    if not found:
        found = {path for word in line.split() if "/" in word and (path := as_path(word.strip("*_(),:;\"'")))}
    return found.pop() if len(found) == 1 else None


def as_path(text: str, *, spaces: bool = False, marked: bool = False) -> str | None:
    """A cleaned path, or None for what does not look like one.

    `spaces`: it stands in quotes, so it may have some. `marked`: something says that it is a file, so any name will do.
    """
    text = text.strip().removeprefix("./")
    if not text or len(text) > _LONGEST or _FORBIDDEN.search(text) or "://" in text or text.endswith(("/", ".", ",")):
        return None
    if not spaces and re.search(r"\s", text):
        return None
    if "\\" in text and "/" not in text:
        text = text.replace("\\", "/")
    name = text.rpartition("/")[2]
    if text.lower() in NOT_FILES:
        return None
    extension = _EXTENSION.search(name)
    known = bool(extension and extension[1].lower() in EXTENSIONS)
    known = known or name.lower() in BARE_NAMES or bool(re.fullmatch(r"\.[A-Za-z][\w.-]+", name))
    return text if known or marked else None


def given_path(text: str) -> str | None:
    """A path from a field that can be nothing else (`path:`, `*** Update File:`): any name that could be a file's."""
    bare, _ = _unquoted(text.strip())
    bare = bare.strip().removeprefix("./")
    if not bare or len(bare) > _LONGEST * 10 or re.search(r"[\x00-\x1f\ud800-\udfff]", bare) or bare.endswith("/"):
        return None
    return bare.replace("\\", "/") if "\\" in bare and "/" not in bare else bare


def _unquoted(text: str) -> tuple[str, bool]:
    """Without quotes and emphasis around it, and whether there were any."""
    quoted = False
    for _ in range(4):
        for opening, closing in _QUOTES:
            if len(text) > len(opening) + len(closing) and text.startswith(opening) and text.endswith(closing):
                text, quoted = text[len(opening) : -len(closing)].strip().removesuffix(":"), True
                break
        else:
            break
    return text, quoted
