"""Which programs a shell script would run: the one question approvals rest on.

`parse` never raises and never guesses: what it cannot tell for certain is named in `Parsed.problem`, and a problem means a
person must be asked. Looks through wrappers (`env`, `sudo`, `timeout`, `xargs`, `sh -c`, `eval`, `find -exec`).
"""

import re
import shlex
from typing import NamedTuple

from cherry.security.shell_grammar import MAX_DEPTH, Script
from cherry.security.shell_syntax import Redirection, Simple, Unparsable, Word
from cherry.security.shell_wrappers import (
    OPAQUE,
    SHELLS,
    SYSTEM_FOLDERS,
    WRAPPERS,
    Wrapper,
)

MAX_PROGRAMS = 2_000


class Program(NamedTuple):
    """One program (or builtin) that would run."""

    name: str
    """As it would be looked up: `ls` for `ls` and `/usr/bin/ls`, but `./ls` stays `./ls`."""
    arguments: tuple[Word, ...]
    assignments: tuple[str, ...] = ()
    redirections: tuple[Redirection, ...] = ()
    piped_from: bool = False
    wrappers: tuple[str, ...] = ()
    """What it was called through, outermost first."""
    open_ended: bool = False
    """True when more arguments come from elsewhere (`xargs`)."""

    @property
    def base(self) -> str:
        """The name without its folder."""
        return self.name.rpartition("/")[2]

    @property
    def words(self) -> tuple[str, ...]:
        return (self.name, *(word.text for word in self.arguments))

    @property
    def text(self) -> str:
        return " ".join(shlex.quote(word) for word in self.words)


class Parsed(NamedTuple):
    programs: tuple[Program, ...]
    """All that were found, also when there is a problem."""
    problem: str = ""
    """Why this may not be all; empty when it certainly is."""


_GLUED = re.compile(r"[^\s;&|(<>][<>]\(|[<>]\([^()]*\)[^\s;&|()<>]")
"""`ls<(a)` and `<(a)ls`: the word is only known when it runs. Found in quotes too: then it is asked once too often."""


def parse(script: str) -> Parsed:
    """Everything the script would run. Never raises."""
    found: list[Program] = []
    if _GLUED.search(script):
        return Parsed((), "it has a process substitution inside a word")
    try:
        problem = _collect(script, found, piped=False, depth=0)
    except (Unparsable, RecursionError) as error:
        problem = f"it has {error}" if isinstance(error, Unparsable) else "it is nested too deeply"
    return Parsed(tuple(found), problem)


def _collect(script: str, found: list[Program], *, piped: bool, depth: int) -> str:
    """Adds to `found`; returns the first problem."""
    if depth > MAX_DEPTH:
        raise Unparsable("commands nested too deeply")
    parsed = Script(script, piped=piped)
    problems = [_look_through(command, found, (), depth) for command in parsed.commands]
    problems += [_collect(inner, found, piped=False, depth=depth + 1) for inner in parsed.substitutions]
    if len(found) > MAX_PROGRAMS:
        raise Unparsable("too many programs")
    return next((problem for problem in problems if problem), "")


def _look_through(command: Simple, found: list[Program], wrappers: tuple[str, ...], depth: int) -> str:
    if depth > MAX_DEPTH:
        raise Unparsable("commands nested too deeply")
    if not command.words:
        if command.assignments or command.redirections:
            found.append(Program("", (), command.assignments, command.redirections, command.piped_from))
        return ""
    first, rest = command.words[0], command.words[1:]
    name = _looked_up(first.text)
    if first.dynamic or (first.glob and first.text not in {"[", "[["}):
        found.append(_program(first.text, rest, command, wrappers))
        return f"which program `{first.text}` is, is known only when it runs"
    if name in SHELLS:
        return _shell(name, rest, command, found, wrappers, depth)
    if name == "eval":
        return _eval(rest, command, found, wrappers, depth)
    if name in {"find", "trap"}:
        return _carrier(name, rest, command, found, wrappers, depth)
    if name in WRAPPERS:
        return _wrapper(name, WRAPPERS[name], rest, command, found, wrappers, depth)
    found.append(_program(name, rest, command, wrappers))
    if name in OPAQUE:
        return f"`{name}` starts other programs in a way that is not followed"
    return ""


def _wrapper(
    name: str,
    wrapper: Wrapper,
    rest: tuple[Word, ...],
    command: Simple,
    found: list[Program],
    wrappers: tuple[str, ...],
    depth: int,
) -> str:
    inner = wrapper.inner(rest)
    if inner is None:
        found.append(_program(name, rest, command, wrappers))
        return f"the options of `{name}` are not understood"
    if not inner.words:
        found.append(_program(name, rest, command, wrappers)._replace(assignments=command.assignments))
        return ""
    before = len(found)
    below = command._replace(words=inner.words, assignments=(*command.assignments, *inner.assignments))
    problem = _look_through(below, found, (*wrappers, name), depth + 1)
    if wrapper.open_ended:
        found[before:] = [program._replace(open_ended=True) for program in found[before:]]
    return problem


def _shell(
    name: str, rest: tuple[Word, ...], command: Simple, found: list[Program], wrappers: tuple[str, ...], depth: int
) -> str:
    """`sh -c script`, a script on standard input, or a script file."""
    at = 0
    takes_script = False
    while at < len(rest) and rest[at].text[:1] in {"-", "+"} and rest[at].text not in {"-", "--"}:
        option = rest[at]
        if option.dynamic:
            break
        if option.text in {"-o", "+o", "-O", "+O", "--rcfile", "--init-file"}:
            at += 1
        elif not option.text.startswith("--"):
            takes_script = takes_script or "c" in option.text[1:]
        at += 1
    if at < len(rest) and rest[at].text in {"-", "--"}:
        at += 1
    found.append(_program(name, rest, command, wrappers))
    if takes_script:
        if at >= len(rest) or rest[at].dynamic or rest[at].glob:
            return f"what `{name} -c` runs is known only when it runs"
        return _collect(rest[at].text, found, piped=command.piped_from, depth=depth + 1)
    if at < len(rest):
        return f"what `{name}` runs is known only when it runs" if rest[at].dynamic else ""
    if command.here_text is not None:
        return _collect(command.here_text, found, piped=False, depth=depth + 1)
    return f"what `{name}` reads and runs is known only when it runs"


def _eval(rest: tuple[Word, ...], command: Simple, found: list[Program], wrappers: tuple[str, ...], depth: int) -> str:
    if any(word.dynamic or word.glob for word in rest):
        found.append(_program("eval", rest, command, wrappers))
        return "what `eval` runs is known only when it runs"
    return _collect(" ".join(word.text for word in rest), found, piped=command.piped_from, depth=depth + 1)


def _carrier(
    name: str, rest: tuple[Word, ...], command: Simple, found: list[Program], wrappers: tuple[str, ...], depth: int
) -> str:
    """Programs that carry whole commands among their arguments."""
    found.append(_program(name, rest, command, wrappers))
    if name == "trap":
        if not rest or rest[0].text in {"-", "-l", "-p", ""}:
            return ""
        if rest[0].dynamic:
            return "what `trap` runs is known only when it runs"
        return _collect(rest[0].text, found, piped=False, depth=depth + 1)
    problem = ""
    for at, word in enumerate(rest):
        if word.text in {"-exec", "-execdir", "-ok", "-okdir"}:
            inner = []
            for following in rest[at + 1 :]:
                if following.text in {";", "+"}:
                    break
                inner.append(following)
            carried = Simple(tuple(inner), (), ())
            before = len(found)
            problem = problem or _look_through(carried, found, (*wrappers, name), depth + 1)
            found[before:] = [program._replace(open_ended=True) for program in found[before:]]
    return problem


def _program(name: str, rest: tuple[Word, ...], command: Simple, wrappers: tuple[str, ...]) -> Program:
    return Program(name, rest, command.assignments, command.redirections, command.piped_from, wrappers)


def _looked_up(name: str) -> str:
    folder, _, base = name.rpartition("/")
    return base if folder in SYSTEM_FOLDERS and base else name
