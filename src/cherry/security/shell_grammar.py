"""A small parser for POSIX shell with bash's usual additions: a script in, its simple commands out.

Understood: lists, pipelines, subshells, groups, if/while/until/for/case, quotes, expansions, substitutions, redirections,
here-documents. Refused with `Unparsable`: functions, `select`, `coproc`, arrays, extended patterns, and whatever is not
certain. Refusing is safe (it means "ask a person"); misreading is not.
"""

import re

from cherry.security.shell_syntax import BLANK, OPERATOR_CHARS, Quoting, Redirection, Simple, Unparsable, Word

MAX_SCRIPT = 100_000
MAX_DEPTH = 24
MAX_COMMANDS = 2_000

_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\+?=")
_REDIRECTION = re.compile(r"(?:\d+|\{[A-Za-z_]\w*\})?(&>>|&>|<<<|<<-|<<|<&|<>|<|>>|>&|>\||>)")
_NOT_UNDERSTOOD = {"function", "select", "coproc"}
_CLOSERS = {"then", "elif", "else", "fi", "do", "done", "esac", "}"}
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_COMPARES_NUMBERS = {"-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-v"}


class Script:
    """The simple commands of a script, in the order written. `substitutions` holds scripts nested in words."""

    def __init__(self, text: str, *, piped: bool = False) -> None:
        if len(text) > MAX_SCRIPT:
            raise Unparsable("a script that is too long to check")
        if _CONTROL.search(text):
            raise Unparsable("a control character")
        self.commands: list[Simple] = []
        self.substitutions: list[str] = []
        self._text = text
        self._at = 0
        self._depth = 0
        self._piped = piped
        self._documents: list[tuple[int, int, str, bool, bool]] = []  # command, redirection, delimiter, strip, literal
        self._list(closers=frozenset())
        if self._at < len(text):
            raise Unparsable(f"an unexpected `{self._text[self._at]}`")
        self._read_documents()

    # -- lists and pipelines

    def _list(self, *, closers: frozenset[str]) -> None:
        """Commands up to the end, a `)`, or a reserved word of `closers` (left unread)."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise Unparsable("commands nested too deeply")
        while True:
            self._skip_separators()
            if self._at >= len(self._text) or self._text[self._at] == ")" or self._text.startswith(";;", self._at):
                break
            word = self._peek_word()
            if word in closers:
                break
            if word in _CLOSERS:
                raise Unparsable(f"an unexpected `{word}`")
            self._pipeline()
            if not self._end_of_pipeline():
                break
        self._depth -= 1

    def _end_of_pipeline(self) -> bool:
        """Consume what may stand between two pipelines; False when the list ends here."""
        self._skip_blanks()
        text = self._text
        if self._at >= len(text) or text[self._at] == ")" or text.startswith(";;", self._at):
            return False
        for operator in ("&&", "||"):
            if text.startswith(operator, self._at):
                self._at += 2
                self._skip_lines()
                if self._at >= len(text):
                    raise Unparsable(f"nothing after `{operator}`")
                return True
        if text[self._at] in ";&\n":
            if text[self._at] == "\n":
                self._newline()
            else:
                self._at += 1
            return True
        raise Unparsable(f"an unexpected `{text[self._at]}`")

    def _pipeline(self) -> None:
        outer = self._piped
        while self._peek_word() in {"!", "time"}:
            word = self._take_word().text
            if word == "time" and self._peek_word() == "-p":
                self._take_word()
        self._command()
        while True:
            self._skip_blanks()
            if not self._text.startswith("|", self._at) or self._text.startswith("||", self._at):
                break
            self._at += 2 if self._text.startswith("|&", self._at) else 1
            self._skip_lines()
            self._piped = True
            self._command()
        self._piped = outer

    # -- commands

    def _command(self) -> None:
        self._skip_blanks()
        text = self._text
        if text.startswith("((", self._at):
            raise Unparsable("a calculation as a command")
        if text.startswith("(", self._at):
            self._at += 1
            self._list(closers=frozenset())
            self._expect_char(")")
            return self._trailing_redirections()
        word = self._peek_word()
        if word in _NOT_UNDERSTOOD:
            raise Unparsable(f"`{word}`")
        if word == "{":
            self._take_word()
            self._list(closers=frozenset("}"))
            self._expect_word("}")
            return self._trailing_redirections()
        if word == "if":
            return self._if()
        if word in {"while", "until"}:
            self._take_word()
            self._list(closers=frozenset({"do"}))
            return self._do_done()
        if word == "for":
            return self._for()
        if word == "case":
            return self._case()
        if word == "[[":
            return self._double_bracket()
        return self._simple()

    def _if(self) -> None:
        self._take_word()
        self._list(closers=frozenset({"then"}))
        self._expect_word("then")
        self._list(closers=frozenset({"elif", "else", "fi"}))
        while self._peek_word() == "elif":
            self._take_word()
            self._list(closers=frozenset({"then"}))
            self._expect_word("then")
            self._list(closers=frozenset({"elif", "else", "fi"}))
        if self._peek_word() == "else":
            self._take_word()
            self._list(closers=frozenset({"fi"}))
        self._expect_word("fi")
        self._trailing_redirections()

    def _do_done(self) -> None:
        self._expect_word("do")
        self._list(closers=frozenset({"done"}))
        self._expect_word("done")
        self._trailing_redirections()

    def _for(self) -> None:
        self._take_word()
        name = self._take_word()
        if not re.fullmatch(r"[A-Za-z_]\w*", name.text):
            raise Unparsable("a `for` of an unknown kind")
        self._skip_lines()
        if self._peek_word() == "in":
            self._take_word()
            while (word := self._maybe_word()) is not None:
                del word  # its substitutions are collected; as a value it is always dynamic
        self._skip_separators()
        self._do_done()

    def _case(self) -> None:
        self._take_word()
        self._take_word()
        self._skip_lines()
        self._expect_word("in")
        while True:
            self._skip_lines()
            if self._peek_word() == "esac":
                break
            if self._text.startswith("(", self._at):
                self._at += 1
            self._take_word()
            while self._skip_blanks() or self._text.startswith("|", self._at):
                self._at += 1
                self._take_word()
            self._expect_char(")")
            self._list(closers=frozenset({"esac"}))
            self._skip_separators()
            for end in (";;&", ";;", ";&"):
                if self._text.startswith(end, self._at):
                    self._at += len(end)
                    break
        self._expect_word("esac")
        self._trailing_redirections()

    def _double_bracket(self) -> None:
        words = [self._take_word()]
        while True:
            self._skip_blanks()
            if self._at >= len(self._text):
                raise Unparsable("a `[[` that is not closed")
            char = self._text[self._at]
            if char in "()<>&|\n":
                self._at += 1
                continue
            word = self._take_word()
            words.append(word)
            if word.text == "]]" and not word.quoted:
                break
        if any(w.text in _COMPARES_NUMBERS for w in words) and any(w.dynamic or "[" in w.text for w in words[1:-1]):
            raise Unparsable("a comparison of numbers that could run a command")
        self._add(Simple(tuple(words), (), (), self._piped))
        self._trailing_redirections()

    def _simple(self) -> None:
        words: list[Word] = []
        assignments: list[str] = []
        redirections: list[Redirection] = []
        while True:
            self._skip_blanks()
            if self._redirection(redirections):
                continue
            start = self._at
            word = self._maybe_word()
            if word is None:
                break
            raw = self._text[start : self._at]
            if not words and _ASSIGNMENT.match(raw):
                assignments.append(word.text)
            else:
                words.append(word)
        if self._text.startswith("(", self._at):
            raise Unparsable("a function or an array")
        if not (words or assignments or redirections):
            raise Unparsable("a command that is missing")
        self._add(Simple(tuple(words), tuple(assignments), tuple(redirections), self._piped, _here_text(redirections)))

    def _trailing_redirections(self) -> None:
        redirections: list[Redirection] = []
        while self._skip_blanks() or self._redirection(redirections):
            pass
        if redirections:
            self._add(Simple((), (), tuple(redirections), self._piped))

    def _add(self, command: Simple) -> None:
        if len(self.commands) >= MAX_COMMANDS:
            raise Unparsable("too many commands")
        self.commands.append(command)

    # -- redirections and here-documents

    def _redirection(self, into: list[Redirection]) -> bool:
        match = _REDIRECTION.match(self._text, self._at)
        if match is None or self._is_process_substitution(match):
            return False
        self._at = match.end()
        operator = match.group(1)
        self._skip_blanks()
        start = self._at
        target = self._take_word()
        if operator in {"<<", "<<-"}:
            if target.dynamic:
                raise Unparsable("a here-document with a changing end")
            literal = target.quoted or "\\" in self._text[start : self._at]
            self._documents.append((len(self.commands), len(into), target.text, operator == "<<-", literal))
        into.append(Redirection(operator, target))
        return True

    def _is_process_substitution(self, match: re.Match[str]) -> bool:
        return match.group(0) in "<>" and self._text.startswith("(", match.end())

    def _read_documents(self) -> None:
        documents, self._documents = self._documents, []
        for command, index, delimiter, strip, literal in documents:
            body = self._document_body(delimiter, strip=strip, literal=literal)
            word = Word(body, quoted=True) if literal else Quoting(body, 0, self.substitutions).body()
            simple = self.commands[command]
            changed = list(simple.redirections)
            changed[index] = Redirection("<<", word)
            self.commands[command] = simple._replace(redirections=tuple(changed), here_text=_here_text(changed))

    def _document_body(self, delimiter: str, *, strip: bool, literal: bool) -> str:
        lines: list[str] = []
        while self._at < len(self._text):
            stop = self._text.find("\n", self._at)
            stop = len(self._text) if stop == -1 else stop
            line = self._text[self._at : stop]
            self._at = stop + 1
            if strip:
                line = line.lstrip("\t")
            if line == delimiter:
                break
            if not literal and line.endswith("\\"):
                raise Unparsable("a here-document with joined lines")
            lines.append(line + "\n")
        self._at = min(self._at, len(self._text))
        return "".join(lines)

    # -- words and white space

    def _maybe_word(self) -> Word | None:
        self._skip_blanks()
        if self._at >= len(self._text):
            return None
        char = self._text[self._at]
        if char in OPERATOR_CHARS and not (char in "<>" and self._text.startswith("(", self._at + 1)):
            return None
        word, self._at = Quoting(self._text, self._at, self.substitutions).read()
        return word

    def _take_word(self) -> Word:
        word = self._maybe_word()
        if word is None:
            raise Unparsable("a word that is missing")
        return word

    def _peek_word(self) -> str:
        """The next word when it is plain enough to be a reserved one, else nothing."""
        self._skip_blanks()
        match = re.compile(r"[A-Za-z{}!\[\]-]+").match(self._text, self._at)
        if match is None:
            return ""
        following = self._text[match.end() : match.end() + 1]
        return match.group(0) if not following or following in BLANK + OPERATOR_CHARS else ""

    def _expect_word(self, expected: str) -> None:
        self._skip_separators()
        if self._peek_word() != expected:
            raise Unparsable(f"a missing `{expected}`")
        self._take_word()

    def _expect_char(self, expected: str) -> None:
        self._skip_blanks()
        if not self._text.startswith(expected, self._at):
            raise Unparsable(f"a missing `{expected}`")
        self._at += 1

    def _skip_blanks(self) -> bool:
        """Spaces, joined lines and comments. Always False, so that it can stand in a condition."""
        text = self._text
        while self._at < len(text):
            if text[self._at] in BLANK:
                self._at += 1
            elif text.startswith("\\\n", self._at):
                self._at += 2
            elif text[self._at] == "#" and (self._at == 0 or text[self._at - 1] in BLANK + OPERATOR_CHARS):
                stop = text.find("\n", self._at)
                self._at = len(text) if stop == -1 else stop
            else:
                break
        return False

    def _skip_lines(self) -> None:
        self._skip_blanks()
        while self._text.startswith("\n", self._at):
            self._newline()
            self._skip_blanks()

    def _skip_separators(self) -> None:
        """Blank lines and single `;`: more than the grammar allows, which does no harm."""
        self._skip_lines()
        while self._text.startswith(";", self._at) and not self._text.startswith((";;", ";&"), self._at):
            self._at += 1
            self._skip_lines()

    def _newline(self) -> None:
        self._at += 1
        if self._documents:
            self._read_documents()


def _here_text(redirections: list[Redirection]) -> str | None:
    for redirection in reversed(redirections):
        if redirection.operator in {"<<", "<<<"} and not redirection.target.dynamic:
            return redirection.target.text
    return None
