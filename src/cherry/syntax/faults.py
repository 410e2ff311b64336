"""Where a text does not follow the grammar of its language.

Boundary: syntax only, nothing is executed or resolved. Grammars are newer than the interpreter Cherry runs on and more forgiving
than compilers, so a finding is a fault to look at, and no finding no proof. Grammars are loaded when a file first needs one.
"""

import ast
import json
import tomllib
import warnings
from collections.abc import Iterator
from functools import lru_cache
from importlib import import_module
from typing import NamedTuple

import tree_sitter
import yaml

from cherry.kernel.text import one_line
from cherry.syntax.languages import Language

MAX_FAULTS = 10
MAX_BYTES = 4_000_000
"""Larger files are generated; parsing them would hold everything up."""


class SyntaxFault(NamedTuple):
    line: int
    """From 1."""
    message: str


def syntax_faults(text: str, language: Language) -> tuple[SyntaxFault, ...]:
    """At most `MAX_FAULTS`, in order of lines; empty when the text parses or is too large to look at."""
    if len(text) > MAX_BYTES:
        return ()
    match language.name:
        case "json":
            return _json_faults(text)
        case "toml":
            return _toml_faults(text)
        case "yaml":
            return _yaml_faults(text)
        case "python":
            return _python_faults(text, language)
        case _:
            return _tree_faults(text, language)


def _json_faults(text: str) -> tuple[SyntaxFault, ...]:
    try:
        json.loads(text.removeprefix("\ufeff"))
    except json.JSONDecodeError as error:
        return (SyntaxFault(error.lineno, error.msg),)
    except RecursionError:
        return ()
    return ()


def _toml_faults(text: str) -> tuple[SyntaxFault, ...]:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        line = message.rpartition("at line ")[2].split(",")[0]
        at_end = text.count("\n") + 1
        return (SyntaxFault(int(line) if line.isdigit() else at_end, message),)
    except RecursionError:
        return ()
    return ()


def _yaml_faults(text: str) -> tuple[SyntaxFault, ...]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        for _ in yaml.parse(text, Loader=loader):
            pass
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        return (SyntaxFault(mark.line + 1 if mark else 1, error.problem or str(error)),)
    except yaml.YAMLError as error:
        return (SyntaxFault(1, one_line(str(error))),)
    return ()


def _python_faults(text: str, language: Language) -> tuple[SyntaxFault, ...]:
    """The interpreter's own words are the best; where only it complains, it may just be older than the text."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape in the text is not our warning
            ast.parse(text)
    except SyntaxError as error:
        older = not isinstance(error, IndentationError) and not _tree_faults(text, language)
        return () if older else (SyntaxFault(error.lineno or 1, error.msg),)
    except (ValueError, RecursionError, MemoryError):  # a NUL byte, or nesting beyond what the parser takes
        return _tree_faults(text, language)
    return ()


def _tree_faults(text: str, language: Language) -> tuple[SyntaxFault, ...]:
    source = text.encode("utf-8", "replace")
    tree = _parser(language).parse(source)
    if not tree.root_node.has_error:
        return ()
    found = sorted({_fault(node, source) for node in _broken(tree.root_node)})
    return tuple(found[:MAX_FAULTS])


def _broken(root: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
    """The innermost broken nodes; the tree is walked without recursion, hostile nesting is deep."""
    waiting = [root]
    count = 0
    while waiting and count < 4 * MAX_FAULTS:
        node = waiting.pop()
        inner = [child for child in node.children if child.has_error or child.is_missing]
        if node.is_missing or (node.is_error and not any(child.is_error or child.has_error for child in inner)):
            count += 1
            yield node
        else:
            waiting.extend(reversed(inner))


def _fault(node: tree_sitter.Node, source: bytes) -> SyntaxFault:
    line = node.start_point.row + 1
    if node.is_missing:
        return SyntaxFault(line, f"missing {node.type!r}")
    piece = source[node.start_byte : min(node.end_byte, node.start_byte + 200)].decode("utf-8", "replace")
    return SyntaxFault(line, f"cannot be parsed near {one_line(piece, 60)!r}")


@lru_cache(maxsize=32)
def _parser(language: Language) -> tree_sitter.Parser:
    grammar = getattr(import_module(language.grammar), language.entry)()
    return tree_sitter.Parser(tree_sitter.Language(grammar))
