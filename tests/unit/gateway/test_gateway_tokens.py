"""Counting tokens: against vectors of the published vocabularies, and what a long session costs."""

import struct
import time
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cherry.domain.calls import Call, Result, Status
from cherry.domain.content import (
    CallPart,
    FilePart,
    FromAssistant,
    FromTools,
    FromUser,
    ImagePart,
    Message,
    ReasoningPart,
    TextPart,
)
from cherry.domain.prompts import ModelRef, OfferedTool, Prompt
from cherry.gateway.images import image_size
from cherry.gateway.tokens import TokenCounter, family_of, image_tokens, text_tokens

# Pieces of text that were not among those the weights were fitted on, with exact counts of four published vocabularies.
VECTORS: list[dict[str, Any]] = orjson.loads((Path(__file__).parent / "token_vectors.json").read_bytes())
MODELS = {"o200k": "gpt-5", "cl100k": "gpt-4-turbo", "deepseek": "deepseek-v4-pro", "claude2": "claude-opus-5-5"}
NOT_LATIN = ("russian", "chinese")


def deviation(vector: dict[str, Any], vocabulary: str) -> float:
    exact: int = vector["tokens"][vocabulary]
    return text_tokens(vector["text"], family_of(MODELS[vocabulary])) / exact - 1


@pytest.mark.parametrize("vocabulary", ["o200k", "cl100k", "deepseek"])
@pytest.mark.parametrize("vector", VECTORS, ids=[vector["kind"] for vector in VECTORS])
def test_an_estimate_is_near_the_exact_count(vector: dict[str, Any], vocabulary: str) -> None:
    assert abs(deviation(vector, vocabulary)) <= (0.25 if vector["kind"] in NOT_LATIN else 0.15)


@pytest.mark.parametrize("vocabulary", ["o200k", "cl100k", "deepseek"])
def test_over_many_pieces_the_errors_cancel_out(vocabulary: str) -> None:
    exact = sum(vector["tokens"][vocabulary] for vector in VECTORS)
    estimated = sum(text_tokens(vector["text"], family_of(MODELS[vocabulary])) for vector in VECTORS)
    assert abs(estimated / exact - 1) <= 0.05


def test_claude_is_counted_with_a_margin_above_its_last_published_vocabulary() -> None:
    assert all(-0.02 <= deviation(vector, "claude2") <= 0.35 for vector in VECTORS)


def test_a_family_is_told_by_the_models_own_name_whoever_serves_it() -> None:
    assert family_of("deepseek/deepseek-v4-pro") is family_of("deepseek-chat")
    assert family_of("Claude-Opus-5-5") is family_of("claude-haiku-5-5")
    assert family_of("something-new") == family_of("gpt-4-turbo")._replace(vocabulary="")


@given(st.text(max_size=300))
def test_any_text_has_a_count(text: str) -> None:
    assert 0 <= text_tokens(text, family_of("gpt-5")) <= 4 * len(text) + 4


def test_a_very_long_text_is_sampled() -> None:
    text = VECTORS[0]["text"] * 2000
    started = time.process_time()
    estimate = text_tokens(text, family_of("gpt-5"))
    assert time.process_time() - started < 15
    assert abs(estimate / (text_tokens(VECTORS[0]["text"], family_of("gpt-5")) * 2000) - 1) < 0.1


def user(text: str) -> FromUser:
    return FromUser(parts=(TextPart(text=text),))


def prompt(*messages: Message, tools: tuple[OfferedTool, ...] = (), model: str = "gpt-5") -> Prompt:
    return Prompt(ModelRef("openai", model), "Be good.", messages, tools)


def test_everything_that_is_sent_counts() -> None:
    counter = TokenCounter()
    plain = counter.count(prompt(user("hello")))
    call = FromAssistant(
        parts=(
            ReasoningPart(text="a thought", provider="p"),
            TextPart(text="words"),
            CallPart(call=Call(id="a", tool="fs.read", arguments={"path": "some/file.py"})),
        )
    )
    result = FromTools(results=(Result(call_id="a", status=Status.SUCCESS, text="content " * 50),))
    file = FromUser(parts=(FilePart(name="n", text="content " * 50),))
    tool = OfferedTool("fs.read", "Read a file.", {"type": "object", "properties": {"path": {"type": "string"}}})
    assert counter.count(prompt(user("hello"), call)) > plain + 10
    assert counter.count(prompt(user("hello"), result)) > plain + 45
    assert counter.count(prompt(file)) > 45
    assert counter.count(prompt(user("hello"), tools=(tool,))) > plain + 15


def test_a_sealed_thought_counts_by_its_length() -> None:
    sealed = FromAssistant(parts=(ReasoningPart(opaque="x" * 6000, provider="p"),))
    assert TokenCounter().count(prompt(sealed)) > 900


def test_what_the_provider_reports_corrects_the_next_count() -> None:
    counter, asked = TokenCounter(), prompt(user("some words of a request " * 100))
    before = counter.count(asked)
    counter.learn(asked, round(before * 1.3))
    assert counter.count(asked) == pytest.approx(before * 1.3, rel=0.01)
    assert counter.count(asked._replace(model=ModelRef("openai", "gpt-4o"))) == before
    counter.learn(asked, before * 100)
    assert counter.count(asked) <= before * 2 + 1
    counter.learn(asked, 3)
    assert counter.count(asked) > before


def test_counting_a_long_session_again_costs_only_what_is_new() -> None:
    counter = TokenCounter()
    history: list[Message] = [user("word " * 400) for _ in range(500)]
    counter.count(prompt(*history))
    started = time.process_time()
    for _ in range(20):
        history.append(user("new"))
        counter.count(prompt(*history))
    assert (time.process_time() - started) / 20 < 0.2


def png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + struct.pack(">II", width, height)


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (png(640, 480), (640, 480)),
        (b"GIF89a" + struct.pack("<HH", 10, 20), (10, 20)),
        (b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc0\x00\x11\x08" + struct.pack(">HH", 30, 40) + b"\x03" * 10, (40, 30)),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 " + b"\x00" * 10 + struct.pack("<HH", 7, 9), (7, 9)),
        (b"RIFF\x00\x00\x00\x00WEBPVP8L" + b"\x00" * 5 + struct.pack("<I", 6 | 8 << 14), (7, 9)),
        (b"RIFF\x00\x00\x00\x00WEBPVP8X" + b"\x00" * 8 + b"\x06\x00\x00\x08\x00\x00", (7, 9)),
        (b"", None),
        (b"\x89PNG\r\n\x1a\n", None),
        (b"\xff\xd8\xff", None),
        (b"what is this", None),
    ],
)
def test_the_size_of_an_image_is_read_from_its_head(data: bytes, size: tuple[int, int] | None) -> None:
    assert image_size(data) == size


@given(st.binary(max_size=64))
def test_rubbish_has_no_size_and_does_no_harm(data: bytes) -> None:
    for head in (b"", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"\xff\xd8", b"RIFF0000WEBPVP8X", b"RIFF0000WEBPVP8L"):
        image_size(head + data)


def test_images_are_counted_by_the_rules_of_their_provider() -> None:
    assert image_tokens(png(1024, 1024), family_of("gpt-5")) == 85 + 170 * 4
    assert image_tokens(png(750, 1000), family_of("claude-opus-5-5")) == 1000
    assert image_tokens(b"unreadable", family_of("gpt-5")) == 85 + 170 * 4
    image = FromUser(parts=(ImagePart(media_type="image/png", data=png(1024, 1024)),))
    assert TokenCounter().count(prompt(image)) >= 765
