"""Counting tokens without a network: exactly where a vocabulary is at hand, else by an estimate from the shape of the text.

Exact: OpenAI's families, in prompts of `EXACT_FROM` tokens and more, when `cherry.gateway.vocabularies` has the vocabulary.

The estimate, for all others: counts of words, digits, punctuation, line breaks and so on, weighted per family of models. The weights
were fitted on 470 pieces (6 kB each) of code, prose, JSON, HTML, program output and nine languages against the published
vocabularies of each family. Error for one piece: 5–7 % on average, within −13 % and +17 % for nine in ten; over a whole prompt
1–2 %. Claude's current vocabulary is not published: its weights are those of the last published one with a margin. As soon as a
provider reports what it counted, the count for that model is corrected by the ratio.

A message is counted once and remembered by identity, so a step of a long session costs what is new in it.
"""

import functools
import re
from collections import OrderedDict
from typing import Final, NamedTuple

import orjson

from cherry.domain.content import (
    CallPart,
    FilePart,
    FromAssistant,
    FromTools,
    ImagePart,
    Message,
    ReasoningPart,
    TextPart,
)
from cherry.domain.prompts import ModelRef, OfferedTool, Prompt
from cherry.gateway.images import image_size
from cherry.gateway.vocabularies import Count, Vocabularies

EXACT_FROM: Final = 20_000
"""Tokens. In smaller prompts the estimate is off by no more than a few hundred: not worth a vocabulary of 60 MB."""
_MAX_REMEMBERED: Final = 8192
_MAX_SYSTEMS: Final = 16
_SAMPLED_ABOVE: Final = 400_000
_SAMPLES: Final = 20
_SAMPLE_SIZE: Final = 10_000
_LEAST_REPORTED: Final = 200
"""Smaller prompts say nothing about the text: fixed overhead rules them."""
_RATIO_BOUNDS: Final = (0.5, 2.0)
_UNREADABLE_IMAGE: Final = (1024, 1024)


class _Patterns(NamedTuple):
    """Compiled when first needed, not at every start."""

    word: re.Pattern[str]
    digits: re.Pattern[str]
    marks: re.Pattern[str]
    mark: re.Pattern[str]
    shift: re.Pattern[str]
    line_break: re.Pattern[str]
    gap: re.Pattern[str]
    cjk: re.Pattern[str]
    hangul: re.Pattern[str]
    latin: re.Pattern[str]
    other: re.Pattern[str]


@functools.cache
def _patterns() -> _Patterns:
    return _Patterns(
        word=re.compile(r"[A-Za-z]+"),
        digits=re.compile(r"\d{1,3}"),
        marks=re.compile(r"[^\w\s]+"),
        mark=re.compile(r"[^\w\s]|_"),
        shift=re.compile(r"[a-z][A-Z]|[A-Z]{2}|[0-9][A-Za-z]"),
        line_break=re.compile(r"\n\s*"),
        gap=re.compile(r"(?<=\S)  +"),
        cjk=re.compile(r"[\u3000-\u30ff\u3400-\u9fff\uff00-\uffef]"),
        hangul=re.compile(r"[\uac00-\ud7af]"),
        latin=re.compile(r"[\u0080-\u024f]"),
        other=re.compile(r"[\u0250-\u2fff]"),
    )


class Family(NamedTuple):
    """Tokens per feature, and per thing around the text."""

    word: float
    six_more_letters: float
    digits: float
    """Per group of up to three."""
    marks: float
    """Per run of punctuation."""
    mark: float
    """Per punctuation character, in addition."""
    shift: float
    """Per change of case or from digit to letter inside a word."""
    line_break: float
    gap: float
    cjk: float
    hangul: float
    latin: float
    """Letters with marks of the Latin script."""
    other: float
    per_message: int = 4
    per_call: int = 8
    with_tools: int = 0
    """Once, when any tool is offered."""
    pixels_per_token: int = 0
    """0: images are counted in tiles."""
    vocabulary: str = ""
    """The published one, where there is one that can be had."""
    exact: Count | None = None
    """Counts by the vocabulary, once it is loaded."""


_LIKE_CL100K: Final = Family(0.72, 0.9, 1.21, 0.72, 0.14, 0.42, 1.08, 2.14, 0.86, 1.02, 1.76, 0.5)
_CL100K: Final = _LIKE_CL100K._replace(vocabulary="cl100k_base")
_O200K: Final = Family(0.73, 0.82, 1.2, 0.74, 0.14, 0.44, 1.07, 2.19, 0.63, 0.62, 0.68, 0.26, vocabulary="o200k_base")
_DEEPSEEK: Final = Family(0.83, 0.59, 0.93, 0.9, 0.13, 0.68, 1.02, 2.02, 0.49, 0.79, 1.35, 0.32)
_QWEN: Final = _LIKE_CL100K._replace(digits=2.2)  # the same kind of vocabulary, but every digit by itself
_CLAUDE: Final = Family(
    1.11, 0.3, 0.96, 1.11, 0.14, 0.7, 0.78, 1.6, 0.86, 1.31, 2.39, 0.64, with_tools=346, pixels_per_token=750
)
_FAMILIES: Final[tuple[tuple[str, Family], ...]] = (
    ("claude", _CLAUDE),
    ("gpt-4-", _CL100K),
    ("gpt-3", _CL100K),
    ("gpt-", _O200K),
    ("o1", _O200K),
    ("o3", _O200K),
    ("o4", _O200K),
    ("deepseek", _DEEPSEEK),
    ("qw", _QWEN),
)


def family_of(model: str) -> Family:
    """By the beginning of the model's own name, whoever serves it (`deepseek/deepseek-v4` at a router is a DeepSeek)."""
    name = model.rpartition("/")[2].lower() + "-"
    return next((family for prefix, family in _FAMILIES if name.startswith(prefix)), _LIKE_CL100K)


def text_tokens(text: str, family: Family) -> int:
    """For a piece of text: exactly where the family can, else an estimate. Very long ones are then sampled evenly."""
    if family.exact is not None:
        return family.exact(text)
    if len(text) <= _SAMPLED_ABOVE:
        return round(_weighed(text, family))
    step = len(text) // _SAMPLES
    sampled = sum(_weighed(text[start : start + _SAMPLE_SIZE], family) for start in range(0, _SAMPLES * step, step))
    return round(sampled * len(text) / (_SAMPLES * _SAMPLE_SIZE))


def image_tokens(data: bytes, family: Family) -> int:
    """By the providers' published rules, from the size in the image's head."""
    width, height = image_size(data) or _UNREADABLE_IMAGE
    if family.pixels_per_token:
        scale = min(1.0, 1568 / max(width, height, 1))
        return round(width * scale * height * scale / family.pixels_per_token)
    scale = min(1.0, 2048 / max(width, height, 1))
    scale = min(scale, 768 / max(1, min(width, height)))
    tiles = -(-round(width * scale) // 512) * -(-round(height * scale) // 512)
    return 85 + 170 * tiles


class TokenCounter:
    """Counts prompts, remembering messages; learns each model's ratio from what its provider reports."""

    def __init__(self, vocabularies: Vocabularies | None = None) -> None:
        self._vocabularies = vocabularies or Vocabularies()
        self._exact: dict[str, Family] = {}
        """Vocabulary → the family that counts by it: one object, for caches go by identity."""
        self._messages: OrderedDict[tuple[int, int], tuple[Message, int]] = OrderedDict()
        self._system: OrderedDict[tuple[str, Family], int] = OrderedDict()
        self._tools: tuple[tuple[OfferedTool, ...], Family, int] = ((), _CL100K, 0)
        self._ratios: dict[tuple[ModelRef, bool], float] = {}
        """By model, apart for exact counts and estimates."""
        self._counted: tuple[tuple[Message, ...], Family, int] = ((), _CL100K, 0)
        """The conversation counted last: a step only adds to it."""

    def count(self, prompt: Prompt) -> int:
        """What the provider will count for this prompt, as far as can be told."""
        family = self._family(prompt.model)
        tokens = self._raw(prompt, family)
        if tokens >= EXACT_FROM and family.vocabulary and family.exact is None:
            self._have_exact(family)
        return round(tokens * self._ratios.get((prompt.model, family.exact is not None), 1.0))

    def text(self, text: str, model: ModelRef) -> int:
        family = self._family(model)
        return round(text_tokens(text, family) * self._ratios.get((model, family.exact is not None), 1.0))

    def learn(self, prompt: Prompt, reported: int) -> None:
        """Take note of what the provider counted for this prompt."""
        family = self._family(prompt.model)
        raw = self._raw(prompt, family)
        if reported >= _LEAST_REPORTED and raw >= _LEAST_REPORTED:
            low, high = _RATIO_BOUNDS
            self._ratios[prompt.model, family.exact is not None] = min(high, max(low, reported / raw))

    def _family(self, model: ModelRef) -> Family:
        """The one that counts exactly, once there is one."""
        family = family_of(model.model)
        return self._exact.get(family.vocabulary, family)

    def _have_exact(self, family: Family) -> None:
        """From the next count on, perhaps: loading takes a moment."""
        if count := self._vocabularies.count(family.vocabulary):
            self._exact[family.vocabulary] = family._replace(exact=count)

    def _raw(self, prompt: Prompt, family: Family) -> int:
        return self._stable(prompt, family) + self._conversation(prompt.messages, family)

    def _conversation(self, messages: tuple[Message, ...], family: Family) -> int:
        before, counted_for, total = self._counted
        # Comparing is quick: the messages of a session are the same objects in every prompt.
        if counted_for is not family or messages[: len(before)] != before:
            before, total = (), 0
        total += sum(self._message(message, family) for message in messages[len(before) :])
        self._counted = (messages, family, total)
        return total

    def _stable(self, prompt: Prompt, family: Family) -> int:
        """System prompt and tools: the same in every step of a session."""
        system = self._system.get((prompt.system, family))
        if system is None:
            system = self._system[(prompt.system, family)] = text_tokens(prompt.system, family) + family.per_message
            if len(self._system) > _MAX_SYSTEMS:
                self._system.popitem(last=False)
        if self._tools[:2] != (prompt.tools, family):
            tools = sum(_tool_tokens(tool, family) for tool in prompt.tools)
            self._tools = (prompt.tools, family, tools + (family.with_tools if prompt.tools else 0))
        return system + self._tools[2]

    def _message(self, message: Message, family: Family) -> int:
        key = (id(message), id(family))
        if known := self._messages.get(key):
            return known[1]
        tokens = _message_tokens(message, family)
        self._messages[key] = (message, tokens)
        if len(self._messages) > _MAX_REMEMBERED:
            self._messages.popitem(last=False)
        return tokens


def _weighed(text: str, family: Family) -> float:
    shapes = _patterns()
    words = shapes.word.findall(text)
    total = (
        len(words) * family.word
        + sum((len(word) - 1) // 6 for word in words) * family.six_more_letters
        + len(shapes.digits.findall(text)) * family.digits
        + len(shapes.marks.findall(text)) * family.marks
        + len(shapes.mark.findall(text)) * family.mark
        + len(shapes.shift.findall(text)) * family.shift
        + len(shapes.line_break.findall(text)) * family.line_break
        + len(shapes.gap.findall(text)) * family.gap
    )
    if text.isascii():
        return total
    return (
        total
        + len(shapes.cjk.findall(text)) * family.cjk
        + len(shapes.hangul.findall(text)) * family.hangul
        + len(shapes.latin.findall(text)) * family.latin
        + len(shapes.other.findall(text)) * family.other
    )


def _tool_tokens(tool: OfferedTool, family: Family) -> int:
    schema = orjson.dumps(tool.parameters).decode()
    return text_tokens(f"{tool.name} {tool.description} {schema}", family) + family.per_call


def _message_tokens(message: Message, family: Family) -> int:
    if isinstance(message, FromTools):
        return (
            sum(text_tokens(result.text, family) + family.per_call for result in message.results) + family.per_message
        )
    if isinstance(message, FromAssistant):
        return sum(_said_tokens(part, family) for part in message.parts) + family.per_message
    total = family.per_message
    for part in message.parts:
        if isinstance(part, ImagePart):
            total += image_tokens(part.data, family)
        elif isinstance(part, FilePart):
            total += text_tokens(part.text, family) + family.per_call
        else:
            total += text_tokens(part.text, family)
    return total


def _said_tokens(part: TextPart | ReasoningPart | CallPart, family: Family) -> int:
    if isinstance(part, CallPart):
        arguments = part.call.malformed or orjson.dumps(part.call.arguments, default=str).decode()
        return text_tokens(f"{part.call.tool} {arguments}", family) + family.per_call
    if isinstance(part, ReasoningPart):
        # A sealed thought goes back whole; without its text, its length is the only measure.
        return text_tokens(part.text, family) if part.text else len(part.opaque) // 6
    return text_tokens(part.text, family)
