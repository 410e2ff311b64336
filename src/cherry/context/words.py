"""What the user said, kept word for word within a bound when the conversation itself is compacted. Pure.

Sentences that state a rule (never, always, must, only, don't …) come before everything else, the oldest first: no amount of later talk
drops them. Then what was said first and last, then the rest from the newest back. What is left out is counted, and it is all in the
log. Whether a sentence states a rule is told from words of ten languages; taking one for a rule that is none only costs room.
"""

import functools
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from cherry.kernel.text import cut_middle, one_line, plural

MAX_TEXT = 4_000
"""Characters kept of one message besides its rules."""
MAX_RULE = 400
MAX_RULES_CHARS = 2_000
"""Of one message."""
_LOOKED_AT = 200_000
"""Characters of one message, half of them from its end: nobody states rules in the middle of a pasted file."""
_RULE_SIZES = (MAX_RULE, 200, 120, 80)
_BRIEF = 240

_RULE_WORDS = (
    r"never|always|must(?:n['’]?t)?|only|don['’]?t|do not|doesn['’]?t|does not|shall|should(?:n['’]?t)?|avoid|from now on|remember"
    r"|make sure|ensure|forbidden|(?:not )?allowed|required?|no longer|prefer|instead of|without|rules?|unless|at most|at least"
    r"|important|before you|can(?:no|['’])t|may not|no more|stick to|decided|convention",
    r"nie|niemals|immer|muss|müssen|darf|dürfen|nur|kein(?:e[mnrs]?)?|nicht|ohne|stets|verboten|ab jetzt|achte",
    r"jamais|toujours|doi(?:t|vent)|seulement|uniquement|pas|interdit|sans|évite[rz]?",
    r"nunca|siempre|debe[ns]?|s[oó]lo|sin|evita|prohibido|sempre|deve|mai|soltanto|senza|não",
    r"никогда|всегда|только|нельзя|не|долж(?:ен|на|но|ны)|обязательно|запрещено|без",
)
_RULE_SIGNS = (
    "不要|不能|不得|不许|禁止|必须|必須|一定|总是|永远|只能|只用|别|务必|始终|"
    "ないで|必ず|常に|絶対|のみ|だけ|절대|항상|반드시|금지|마세요"
)
_COMMAND = r"(?:please\s+)?(?:use|keep|leave)\b"


class Said(NamedTuple):
    """One message of the user, or one decision of theirs."""

    turn: int
    text: str
    """Shortened in the middle when long."""
    rules: tuple[str, ...] = ()
    """The sentences of the whole that state a rule."""


def said(turn: int, text: str) -> Said:
    """Keep a message; the cost does not depend on what was said before."""
    if len(text) > _LOOKED_AT:
        text = text[: _LOOKED_AT // 2] + "\n… \n" + text[-_LOOKED_AT // 2 :]
    text = text.strip()
    return Said(turn, cut_middle(text, MAX_TEXT).text, tuple(_bounded(_rules(text))))


def answered(turn: int, question: str, answer: str) -> Said:
    """An answer of the user, with the question a model asked; rules are read from the answer alone."""
    kept = said(turn, answer)
    return kept._replace(text=f'{kept.text} (you had asked: "{question.replace(chr(34), chr(39))}")')


def kept_words(everything: Sequence[Said], limit: int) -> str:
    """Lines of at most about `limit` characters, in the order in which it was said; empty when nothing was."""
    lines = _Lines(everything, limit)
    lines.keep_rules()
    ends = [index for index in dict.fromkeys((0, len(everything) - 1)) if everything]
    for index in ends:
        lines.keep_text(index, at_most=limit // 4)
    for index in range(len(everything) - 2, 0, -1):
        lines.keep_text(index, at_most=_BRIEF)
    return lines.text()


class _Lines:
    """What is shown of each message so far, and the room that is left."""

    def __init__(self, everything: Sequence[Said], limit: int) -> None:
        self._said = everything
        self._left = limit
        self._shown: dict[int, str] = {}
        self._lost_rules = 0
        self._repeated = _repeated(everything)

    def keep_rules(self) -> None:
        found = list(_distinct_rules(self._said))
        for size in _RULE_SIZES:
            shown = [(index, one_line(rule, size)) for index, rule in found]
            if _size(shown) <= self._left:
                break
        else:
            shown = _from_both_ends(shown, self._left)
        self._lost_rules = len(found) - len(shown)
        for index, rule in shown:
            self._set(index, f"{self._shown[index]} … {rule}" if index in self._shown else rule)

    def keep_text(self, index: int, *, at_most: int) -> None:
        """Show the text itself, with those of its rules that are not in it, if there is room for more than is shown already."""
        if index in self._repeated:
            return
        before = self._shown.get(index, "")
        text = self._said[index].text
        if len(text) > at_most:
            text = cut_middle(text, at_most, marker=" … ").text if at_most > _BRIEF else one_line(text, at_most)
        missing = [rule for rule in before.split(" … ") if rule and rule not in text]
        whole = " … ".join([text, *missing])
        if len(before) < len(whole) and len(whole) - len(before) + _PREFIX <= self._left:
            self._set(index, whole)

    def text(self) -> str:
        lines = [f"- turn {self._said[index].turn}: {self._shown[index]}" for index in sorted(self._shown)]
        left_out = len(self._said) - len(self._shown) - len(self._repeated - self._shown.keys())
        if self._lost_rules:
            lines.append(f"({plural(self._lost_rules, 'further rule')} had no room here: search the history for them.)")
        if left_out:
            lines.append(f"({plural(left_out, 'further message')} left out.)")
        return "\n".join(lines)

    def _set(self, index: int, shown: str) -> None:
        before = self._shown.get(index)
        self._left -= len(shown) - len(before) if before is not None else len(shown) + _PREFIX
        self._shown[index] = shown


_PREFIX = len("- turn 1234: \n")


@functools.cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """What ends a sentence, what makes it a rule; compiled when first needed."""
    words = "|".join(_RULE_WORDS)
    rule = re.compile(rf"\b(?:{words})\b|{_RULE_SIGNS}|^\W*{_COMMAND}", re.IGNORECASE)
    return re.compile(r"(?<=[.!?;])\s+|(?<=[。！？；])|\n+"), rule


def _rules(text: str) -> Iterator[str]:
    ends, rule = _patterns()
    for sentence in ends.split(text):
        if found := rule.search(sentence):
            start = max(0, found.start() - MAX_RULE // 4)
            yield one_line(("…" if start else "") + sentence[start : start + 2 * MAX_RULE], MAX_RULE)


def _bounded(rules: Iterator[str]) -> Iterator[str]:
    left = MAX_RULES_CHARS
    for rule in dict.fromkeys(rules):
        left -= len(rule)
        if left < 0:
            return
        yield rule


def _distinct_rules(everything: Sequence[Said]) -> Iterator[tuple[int, str]]:
    seen: set[str] = set()
    for index, one in enumerate(everything):
        for rule in one.rules:
            if (folded := rule.casefold()) not in seen:
                seen.add(folded)
                yield index, rule


def _repeated(everything: Sequence[Said]) -> set[int]:
    """Messages said again later in the same words: the last one stands for all; the very first is never one of them."""
    latest = {one.text.casefold(): index for index, one in enumerate(everything)}
    return {index for index, one in enumerate(everything) if index and latest[one.text.casefold()] != index}


def _size(shown: Sequence[tuple[int, str]]) -> int:
    return sum(len(rule) + 3 for _, rule in shown) + _PREFIX * len({index for index, _ in shown})


def _from_both_ends(shown: list[tuple[int, str]], limit: int) -> list[tuple[int, str]]:
    """As many as fit: the oldest and the newest in turn."""
    order = [place for pair in zip(range(len(shown)), range(len(shown) - 1, -1, -1), strict=True) for place in pair]
    kept: set[int] = set()
    for place in dict.fromkeys(order):
        limit -= len(shown[place][1]) + 3 + _PREFIX
        if limit < 0:
            break
        kept.add(place)
    return [shown[place] for place in sorted(kept)]
