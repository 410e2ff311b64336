"""What a parsed shell script is made of, and the reading of words: quotes, expansions, globs.

Boundary: syntax only. Nothing here knows a program's name. Nothing is ever expanded; a word that would be is marked.
"""

from typing import NamedTuple

BLANK = " \t"
OPERATOR_CHARS = "|&;<>()\n"
GLOB_CHARS = "*?["


class Unparsable(Exception):
    """The script is not understood; the text says why. Never leaves `cherry.security.commands`."""


class Word(NamedTuple):
    """One word after quote removal."""

    text: str
    """Expansions stand in it as they were written."""
    dynamic: bool = False
    """True when the shell would put something else in its place: a variable, a substitution, a brace list."""
    glob: bool = False
    """True when it holds an unquoted pattern that may become several file names."""
    quoted: bool = False
    """True when any part was quoted: such a word is no reserved word."""


class Redirection(NamedTuple):
    operator: str
    """`>`, `>>`, `>|`, `<`, `<>`, `>&`, `<&`, `&>`, `&>>`, `<<`, `<<-`, `<<<`."""
    target: Word
    """File, descriptor or here-string; for a here-document its body."""

    @property
    def writes(self) -> bool:
        """True when it may create or change a file."""
        if self.operator in {">&", "<&"}:
            return not (self.target.text == "-" or self.target.text.rstrip("-").isdigit())
        return self.operator in {">", ">>", ">|", "<>", "&>", "&>>"} and self.target.text != "/dev/null"


class Simple(NamedTuple):
    """A simple command as written, before wrappers such as `env` are looked through."""

    words: tuple[Word, ...]
    assignments: tuple[str, ...]
    """`NAME=value` before it, or alone."""
    redirections: tuple[Redirection, ...]
    piped_from: bool = False
    """Its standard input is another command's output."""
    here_text: str | None = None
    """Its standard input when that is a here-document or here-string without expansions."""


class Quoting:
    """Reads one word from a script. `substitutions` collects the scripts inside `$(…)`, backticks, `<(…)`."""

    def __init__(self, text: str, position: int, substitutions: list[str]) -> None:
        self._text = text
        self._at = position
        self._substitutions = substitutions
        self._chars: list[str] = []
        self._dynamic = self._glob = self._quoted = self._brace = False

    def read(self) -> tuple[Word, int]:
        text = self._text
        while self._at < len(text):
            char = text[self._at]
            if char in "<>" and text[self._at + 1 : self._at + 2] == "(" and not self._chars:
                self._substitution(2)
            elif char in BLANK or char in OPERATOR_CHARS:
                break
            else:
                self._piece(char)
        plain = "".join(self._chars)
        if self._brace and ("," in plain or ".." in plain):
            self._dynamic = True
        if not self._quoted and plain.startswith("~") and plain != "~" and not plain.startswith("~/"):
            self._dynamic = True
        return Word(plain, self._dynamic, self._glob, self._quoted), self._at

    def _piece(self, char: str) -> None:
        if char == "\\":
            self._backslash()
        elif char == "'":
            self._quoted = True
            self._chars.append(self._until("'"))
        elif char == '"':
            self._quoted = True
            self._at += 1
            self.double_quoted(end='"')
        elif char == "$":
            self._dollar()
        elif char == "`":
            self._backtick()
        else:
            self._glob = self._glob or char in GLOB_CHARS
            self._brace = self._brace or char == "{"
            if char in "@!+?*" and self._peek(1) == "(":
                raise Unparsable("an extended pattern")
            self._chars.append(char)
            self._at += 1

    def double_quoted(self, end: str) -> None:
        """Up to `end` (or the end of the text when it is empty, as in a here-document)."""
        while self._at < len(self._text):
            char = self._text[self._at]
            if end and char == end:
                self._at += 1
                return
            if char == "\\":
                following = self._peek(1)
                if following == "\n":
                    self._at += 2
                    continue
                taken = following if following and following in '$`"\\' else char + following
                self._chars.append(taken)
                self._at += 2
            elif char == "$":
                self._dollar(quoted=True)
            elif char == "`":
                self._backtick()
            else:
                self._chars.append(char)
                self._at += 1
        if end:
            raise Unparsable("a quotation that is not closed")

    def body(self) -> Word:
        """A here-document with expansions."""
        self.double_quoted(end="")
        return Word("".join(self._chars), self._dynamic, quoted=True)

    def _peek(self, ahead: int) -> str:
        return self._text[self._at + ahead : self._at + ahead + 1]

    def _backslash(self) -> None:
        following = self._peek(1)
        if following == "\n":
            self._at += 2
            return
        if not following:
            raise Unparsable("a backslash at the end")
        self._quoted = True
        self._chars.append(following)
        self._at += 2

    def _until(self, end: str) -> str:
        stop = self._text.find(end, self._at + 1)
        if stop == -1:
            raise Unparsable("a quotation that is not closed")
        inner = self._text[self._at + 1 : stop]
        self._at = stop + 1
        return inner

    def _dollar(self, *, quoted: bool = False) -> None:
        following = self._peek(1)
        if following == "(":
            if self._peek(2) == "(":
                self._arithmetic()
            else:
                self._substitution(2)
        elif following == "{":
            self._dynamic = True
            self._parameter()
        elif following == "'" and not quoted:
            self._ansi_quoted()
        elif following == '"' and not quoted:
            self._dynamic = True
            self._at += 1
        elif following and (following.isalnum() or following in "_@*#?$!-"):
            self._dynamic = True
            self._take_name()
        else:
            self._chars.append("$")
            self._at += 1

    def _take_name(self) -> None:
        start = self._at
        self._at += 2
        if self._text[start + 1].isalpha() or self._text[start + 1] == "_":
            while self._peek(0).isalnum() or self._peek(0) == "_":
                self._at += 1
        self._chars.append(self._text[start : self._at])

    def _substitution(self, opening: int) -> None:
        self._dynamic = True
        start = self._at
        stop = closing(self._text, self._at + opening)
        self._substitutions.append(self._text[start + opening : stop])
        self._chars.append(self._text[start : stop + 1])
        self._at = stop + 1

    def _arithmetic(self) -> None:
        self._dynamic = True
        start = self._at
        stop = closing(self._text, self._at + 2)
        inner = self._text[start : stop + 1]
        if "`" in inner or "$(" in inner[2:] or "[" in inner:
            raise Unparsable("a calculation that runs commands or reads an array")
        self._chars.append(inner)
        self._at = stop + 1

    def _parameter(self) -> None:
        """`${…}`: plain forms only; whatever could run or hide something is not understood."""
        stop = self._text.find("}", self._at)
        if stop == -1:
            raise Unparsable("an expansion that is not closed")
        inner = self._text[self._at : stop + 1]
        if any(char in inner[2:] for char in "`$'\"\\{@"):
            raise Unparsable("an expansion within an expansion")
        self._chars.append(inner)
        self._at = stop + 1

    def _backtick(self) -> None:
        self._dynamic = True
        start = self._at
        inner = self._until("`")
        if "\\" in inner:
            raise Unparsable("an escape within backticks")
        self._substitutions.append(inner)
        self._chars.append(self._text[start : self._at])

    def _ansi_quoted(self) -> None:
        self._at += 1
        stop = self._text.find("'", self._at + 1)
        inner = self._text[self._at + 1 : stop] if stop != -1 else ""
        if stop == -1 or "\\" in inner:
            raise Unparsable("an escape in $'…'")
        self._quoted = True
        self._chars.append(inner)
        self._at = stop + 1


def closing(text: str, position: int) -> int:
    """Where the parenthesis opened just before `position` closes, quotes and nesting regarded."""
    depth = 1
    at = position
    while at < len(text):
        char = text[at]
        if char == "\\":
            at += 1
        elif char == "'":
            at = _skip_to(text, at + 1, "'")
        elif char == '"':
            at = _skip_double(text, at + 1)
        elif char == "`":
            at = _skip_to(text, at + 1, "`")
        elif char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
            if depth == 0:
                return at
        elif char == "#" and at > position and text[at - 1] in " \t\n;":
            raise Unparsable("a comment within a substitution")
        elif text.startswith("<<", at) and not text.startswith("<<<", at):
            raise Unparsable("a here-document within a substitution")
        elif char == "c" and text[at : at + 5] in {"case ", "case\t", "case\n"}:
            raise Unparsable("a case within a substitution")
        at += 1
    raise Unparsable("a parenthesis that is not closed")


def _skip_to(text: str, position: int, end: str) -> int:
    stop = text.find(end, position)
    if stop == -1:
        raise Unparsable("a quotation that is not closed")
    return stop


def _skip_double(text: str, position: int) -> int:
    at = position
    while at < len(text):
        char = text[at]
        if char == "\\":
            at += 1
        elif char == '"':
            return at
        elif text.startswith("$(", at):
            at = closing(text, at + 2)
        elif char == "`":
            at = _skip_to(text, at + 1, "`")
        at += 1
    raise Unparsable("a quotation that is not closed")
