"""Reads an answer from its first line to its last: knows which format starts where and hands over to its reader.

What is not certainly meant as an edit is prose. A fence is a file's content only when a line beside it, its info string or its first
line names the file and says nothing else.
"""

import re
from typing import NamedTuple

from cherry.edits.reading import apply_patch, change_lists, file_blocks, search_replace, unified
from cherry.edits.reading.fences import Fence, opening, path_in_comment
from cherry.edits.reading.hunks import is_hunk, is_numbered_hunk
from cherry.edits.reading.lines import Lines, Step
from cherry.edits.reading.paths import path_in, path_mentioned
from cherry.edits.reading.reading import Collector

FORM = "whole files"

_CREATE = re.compile(
    r"^\W*(?:create|add)\s+(?:a\s+|the\s+)?(?:new\s+)?(?:file\s+)?(?:called\s+|named\s+)?`(?P<path>[^`]+)`"
    r"(?:\s+with(?:\s+the)?(?:\s+following)?(?:\s+contents?)?)?\s*:?\W*$",
    re.IGNORECASE,
)
_MARKDOWN = (".md", ".mdx", ".markdown", ".rst", ".qmd", ".adoc")
_YAML_START = re.compile(r"^(?:changes|edits|files|operations|modifications|file_changes)\s*:\s*$")
_NEAR = 1
"""Blank lines that may stand between a file's name and its fence."""


class _Content(NamedTuple):
    """What a fence holds."""

    lines: list[str]
    closed: bool

    @property
    def text(self) -> str:
        return "".join(line + "\n" for line in self.lines)


class _Pending(NamedTuple):
    """A whole file whose end is certain only when it is seen what follows: it may hold fences itself."""

    path: str
    content: str
    form: str
    first: int
    """Its lines in the answer."""
    last: int


class Scanner:
    """Reads one answer. `run` is the reader; the lines are those it is sent."""

    def __init__(self, into: Collector, *, whole: bool = False) -> None:
        """`whole`: the text is known not to be cut off."""
        self._into = into
        self._whole = whole
        self._lines = Lines()
        self._above = ""
        self._distance = 0
        self._start = 0
        """The line where that which is being read begins, from 1, with a line above that does nothing but name its file."""
        self._above_at = 0
        """The number of the line above."""
        self._pending: _Pending | None = None
        self._at_start = True
        self._wrapper = ""
        """The mark of a fence that is only around the answer."""

    def run(self) -> Step[None]:
        while True:
            line = yield from self._lines.next()
            if line is None:
                break
            if not line.strip():
                self._distance += 1
                continue
            yield from self._line(line)
            self._at_start = False
        self._settle()

    def _line(self, line: str) -> Step[None]:
        lines, into = self._lines, self._into
        self._start, into.line = lines.taken, lines.taken
        label = self._label_line()
        after = yield from lines.peek()
        if start := search_replace.start_of(line):
            self._settle()
            into.path = start.path or self._label(loose=True) or into.path
            yield from search_replace.read_block(lines, into, start, into.path)
        elif apply_patch.starts_patch(line):
            self._settle()
            lines.back(line)
            yield from apply_patch.read_sections(lines, into, whole=self._whole)
        elif line.startswith(("--- ", "diff --git ")) and unified.starts_diff(line, after, (yield from lines.peek(1))):
            self._settle()
            lines.back(line)
            yield from unified.read_file(lines, into, path=self._label(loose=True))
        elif is_numbered_hunk(line):
            self._settle()
            lines.back(line)
            yield from unified.read_bare_hunks(lines, into, self._label(loose=True))
        elif file_blocks.may_start_block(line) and file_blocks.starts_block(line, (yield from lines.peek_text())):
            self._settle()
            lines.back(line)
            yield from self._file_block()
        elif fence := opening(line):
            yield from self._fence(fence)
        elif self._at_start and line.lstrip()[:1] in ("{", "["):
            yield from self._raw_data(line, change_lists.read_json)
        elif self._at_start and _YAML_START.match(line):
            yield from self._raw_data(line, change_lists.read_yaml)
        else:
            self._above, self._distance, self._above_at = line, 0, lines.taken
            return
        into.piece(self._start, lines.taken, label=label)
        self._above, self._distance = "", 0

    def _label_line(self) -> int:
        """The number of the sentence above when it names a file; a line that is only a name becomes the start."""
        if self._distance > _NEAR or not self._above:
            return 0
        if path_in(self._above):
            self._start = self._above_at
            return 0
        return self._above_at if path_mentioned(self._above) else 0

    def _label(self, *, loose: bool = False) -> str:
        """The file the line above names; empty for none. `loose`: a sentence that names one will do."""
        if self._distance > _NEAR or not self._above:
            return ""
        return path_in(self._above) or (path_mentioned(self._above) if loose else None) or ""

    def _settle(self) -> None:
        """What was pending is certain: nothing that follows belongs to it."""
        if pending := self._pending:
            self._into.write(pending.path, pending.content, pending.form)
            self._place_pending(pending)
        self._pending = None

    def _place_pending(self, pending: _Pending) -> None:
        self._into.explicit = pending.form != FORM
        self._into.piece(pending.first, pending.last)

    def _fence(self, fence: Fence) -> Step[None]:
        lines = self._lines
        if self._wrapper == fence.mark and not fence.language:
            self._wrapper = ""
            self._settle()
            return
        self._judge_pending(fence)
        lines.indent = fence.indent
        first = [*(yield from lines.peek_texts(1)), ""][0]
        second = third = ""
        if path_in(first) or first.startswith("--- ") or file_blocks.may_start_block(first):
            _, second, third = [*(yield from lines.peek_texts(3)), "", "", ""][:3]
        if search_replace.start_of(first) or (path_in(first) and search_replace.start_of(second)):
            yield from self._blocks_in(fence)
        elif apply_patch.starts_patch(first):
            yield from lines.skip_to(first)
            yield from apply_patch.read_sections(lines, self._into, fence=fence.mark, whole=self._whole)
            yield from self._rest_of(fence)
        elif fence.is_diff or unified.starts_diff(first, second, third) or (is_hunk(first) and self._label(loose=True)):
            yield from self._diffs_in(fence)
        elif file_blocks.starts_block(first, second):
            self._wrapper = fence.mark
        else:
            yield from self._content_of(fence)
        lines.indent = ""

    def _rest_of(self, fence: Fence) -> Step[None]:
        """Take what is left of a fence, its closing line included."""
        while True:
            line = yield from self._lines.next()
            if line is None or fence.closes(line):
                return

    def _blocks_in(self, fence: Fence) -> Step[None]:
        """Search/replace blocks, with file names between them."""
        lines, into = self._lines, self._into
        path = fence.path or self._label(loose=True) or into.path
        while True:
            line = yield from lines.next()
            if line is None or fence.closes(line):
                return
            if start := search_replace.start_of(line):
                into.path = path = start.path or path
                yield from search_replace.read_block(lines, into, start, path, fence=fence.mark)
            else:
                path = path_in(line) or path

    def _diffs_in(self, fence: Fence) -> Step[None]:
        lines, into = self._lines, self._into
        path = fence.path or self._label(loose=True)
        found = len(into.edits) + len(into.faults)
        into.explicit = False
        while True:
            line = yield from lines.peek()
            if line is None or fence.closes(line):
                break
            if unified.is_header(line, (yield from lines.peek(1))):
                into.explicit = True
                yield from unified.read_file(lines, into, fence=fence.mark, path=path)
            elif is_numbered_hunk(line) or (is_hunk(line) and path):
                yield from unified.read_bare_hunks(lines, into, path, fence=fence.mark)
            else:
                yield from lines.next()
        yield from lines.next()
        if path and len(into.edits) + len(into.faults) == found:
            into.fault("A diff has no hunks", path=path, next_step="Start each hunk with a line `@@ … @@`.")

    def _content_of(self, fence: Fence) -> Step[None]:
        """A fence with code: a file, a list of changes, or an example."""
        self._into.explicit = False
        created = _CREATE.match(self._above) if self._distance <= _NEAR else None
        path = fence.path or self._label()
        content = yield from self._content(fence)
        self._lines.indent = ""
        if created and not path:
            self._created(created["path"], content)
        elif path and not fence.cited and (fence.path or fence.may_hold(path)):
            yield from self._file(path, content, FORM)
        elif not content.closed:
            self._unclosed(fence, content)
        elif len(content.lines) == 1 and path_in(content.lines[0]):
            self._lines.back(content.lines[0])  # a fence with nothing but the name of the next one's file
        elif not self._change_list(fence, content) and not fence.cited:
            yield from self._unnamed(fence, content)

    def _content(self, fence: Fence) -> Step[_Content]:
        """The lines up to the closing fence; fences inside it are told by their language."""
        body: list[str] = []
        depth = 0
        while True:
            line = yield from self._lines.next()
            if line is None:
                return _Content(body, False)
            near = len(line) - len(line.lstrip()) <= 3
            inner = opening(line)
            if near and fence.closes(line):
                if not depth:
                    return _Content(body, True)
                depth -= 1
            elif near and inner and inner.language and inner.mark.startswith(fence.mark):
                depth += 1
            body.append(line)

    def _file(self, path: str, content: _Content, form: str) -> Step[None]:
        if not content.closed:
            why = "the answer ends inside its fence"
            self._into.fault("The content of a file is cut off", path=path, why=why)
            return
        self._into.path = path
        self._pending = _Pending(path, content.text, form, self._start, self._lines.taken)
        after = yield from self._lines.peek()
        if not path.lower().endswith(_MARKDOWN) and (after is None or not after.strip()):
            self._settle()

    def _judge_pending(self, fence: Fence) -> None:
        """A fence without language or name right after a file's: perhaps it was inside that file, and the file goes on."""
        if self._pending and not fence.language and not fence.path and not self._label():
            self._into.fault(
                "Where the content of a file ends is not certain",
                path=self._pending.path,
                why="it seems to hold fences itself",
                next_step="Put it in a longer fence (````) than those inside it.",
            )
            self._place_pending(self._pending)
            self._pending = None
        self._settle()

    def _created(self, name: str, content: _Content) -> None:
        path = path_in(f"`{name}`")
        if path and content.closed and content.lines:
            self._into.replace(path, "", content.text, FORM)
        elif path:
            self._into.fault("The content of a new file is cut off or empty", path=path)

    def _unclosed(self, fence: Fence, content: _Content) -> None:
        """Nothing says that it is a file, but an answer that stops in its first line's file was cut off."""
        path = path_in_comment(content.lines[0]) if content.lines and not fence.is_shown_only else None
        if path:
            self._into.fault("The content of a file is cut off", path=path, why="the answer ends inside its fence")
        else:
            self._change_list(fence, content)

    def _change_list(self, fence: Fence, content: _Content) -> bool:
        text = content.text.strip()
        if fence.language in ("json", "jsonc", "json5") or (not fence.language and text[:1] in ("{", "[")):
            return change_lists.read_json(text, self._into, demanded=False)
        return fence.language in ("yaml", "yml") and change_lists.read_yaml(content.text, self._into, demanded=False)

    def _unnamed(self, fence: Fence, content: _Content) -> Step[None]:
        """Code that names its file in its first line or in the line after it."""
        if fence.is_shown_only and not content.lines[:1]:
            return
        inside = path_in_comment(content.lines[0]) if content.lines else None
        if inside and len(content.lines) > 1:
            rest = content.lines[1:]
            while rest and not rest[0].strip():
                rest = rest[1:]
            yield from self._file(inside, _Content(rest, True), FORM)
            return
        after, then = [*(yield from self._lines.peek_texts(2)), "", ""][:2]
        path = path_in(after) if not after.lstrip().startswith("#") else None  # a heading is of what follows it
        if not path or fence.is_shown_only or search_replace.start_of(then) or apply_patch.starts_patch(then):
            return
        yield from self._lines.skip_to(after)
        if opening(then):
            self._into.fault(
                "It is not certain which code a file name belongs to",
                path=path,
                why="it stands between two fences",
                next_step="Put each name before its fence, and none after.",
            )
            yield from self._lines.next()
            yield from self._skip_fence()
        else:
            yield from self._lines.next()
            yield from self._file(path, content, FORM)

    def _skip_fence(self) -> Step[None]:
        """Pass over a fence whose file is not certain."""
        while True:
            line = yield from self._lines.next()
            fence = opening(line) if line else None
            if line is None or fence:
                break
        if fence:
            yield from self._content(fence)

    def _file_block(self) -> Step[None]:
        lines, into = self._lines, self._into
        fields = yield from file_blocks.read_head(lines, into)
        if fields.action != "write":
            return
        into.path = fields.path
        first = [*(yield from lines.peek_texts(1)), ""][0]
        fence = opening(first)
        if fence is None or fields.inline:
            why = "it is not in a fence, so where it ends is not certain"
            into.fault("The content of a file block cannot be read", path=fields.path, why=why)
            return
        yield from lines.skip_to(first)
        yield from lines.next()
        inner = [*(yield from lines.peek_texts(3)), "", "", ""]
        self._above, self._distance = f"`{fields.path}`", 0
        if search_replace.start_of(inner[0]):
            yield from self._blocks_in(fence)
        elif fence.is_diff or unified.starts_diff(*inner[:3]):
            yield from self._diffs_in(fence)
        else:
            lines.indent = fence.indent
            content = yield from self._content(fence)
            lines.indent = ""
            yield from self._file(fields.path, content, file_blocks.FORM)

    def _raw_data(self, first: str, read: change_lists.Reader) -> Step[None]:
        """An answer that is data as a whole, or only begins like it."""
        body = [first]
        while True:
            line = yield from self._lines.next()
            if line is None:
                break
            body.append(line)
        if not read("\n".join(body), self._into, demanded=False):
            self._lines.back(*body[1:])
