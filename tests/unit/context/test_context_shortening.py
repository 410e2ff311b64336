"""Messages cut in the prompt: within their cap, in their order, the same way every time."""

from hypothesis import given
from hypothesis import strategies as st

from cherry.context.shortening import Shortener
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


def measure(message: Message) -> int:
    """Four bytes a token, images 800."""
    images = sum(isinstance(part, ImagePart) for part in message.parts) if isinstance(message, FromUser) else 0
    dumped = message.model_dump_json(exclude={"parts": {"__all__": {"data"}}, "results": {"__all__": {"view"}}})
    return len(dumped.encode()) // 4 + 800 * images


def shown(message: Message, cap: int) -> Message:
    return Shortener(measure).shown(message, cap)


def result(id: str, text: str, kept: str = "") -> Result:
    return Result(call_id=id, status=Status.SUCCESS, text=text, kept=kept)


def call(id: str, **arguments: object) -> CallPart:
    return CallPart(call=Call(id=id, tool="fs.write", arguments=arguments))


def test_what_fits_is_the_same_object() -> None:
    message = FromUser(parts=(TextPart(text="hello"),))
    assert shown(message, 1_000) is message


def test_the_same_message_is_cut_once_and_stays_the_same_object() -> None:
    counted = 0

    def counting(message: Message) -> int:
        nonlocal counted
        counted += 1
        return measure(message)

    shortener = Shortener(counting)
    message = FromUser(parts=(TextPart(text="word " * 10_000),))
    first = shortener.shown(message, 500)
    before = counted
    assert shortener.shown(message, 500) is first
    assert counted == before
    assert measure(first) <= 500
    assert "characters left out here" in str(first)


def test_of_several_results_the_longest_lose_most_and_each_keeps_its_call() -> None:
    message = FromTools(
        results=(result("a", "short"), result("b", "long " * 9_000, kept="b2:1"), result("c", "mid " * 50))
    )
    cut = shown(message, 600)
    assert isinstance(cut, FromTools)
    assert [one.call_id for one in cut.results] == ["a", "b", "c"]
    assert cut.results[0].text == "short"
    assert cut.results[2].text == "mid " * 50
    assert 'fs_read path "output:b2:1"' in cut.results[1].text
    assert measure(cut) <= 600


def test_a_call_keeps_its_shape_and_its_id() -> None:
    message = FromAssistant(
        parts=(TextPart(text="Writing."), call("a", path="x.py", content="y" * 50_000, deep=[{"k": "z" * 9_000}, 7]))
    )
    cut = shown(message, 800)
    assert isinstance(cut, FromAssistant)
    (made,) = cut.calls
    assert (made.id, made.tool, made.arguments["path"], made.arguments["deep"][1]) == ("a", "fs.write", "x.py", 7)
    assert measure(cut) <= 800


def test_a_sealed_thought_is_whole_or_not_there() -> None:
    message = FromAssistant(
        parts=(ReasoningPart(opaque="s" * 40_000, provider="p"), TextPart(text="Yes."), call("a", path="x"))
    )
    cut = shown(message, 300)
    assert isinstance(cut, FromAssistant)
    assert not any(isinstance(part, ReasoningPart) for part in cut.parts)
    assert cut.text == "Yes."


def test_images_without_room_are_named() -> None:
    image = ImagePart(media_type="image/png", data=b"x", name="shot.png")
    cut = shown(FromUser(parts=(TextPart(text="Look"), image)), 400)
    assert "[Image shot.png left out for lack of room.]" in str(cut)
    assert shown(FromUser(parts=(image,)), 2_000) == FromUser(parts=(image,))


texts = st.text(max_size=400).flatmap(lambda text: st.integers(1, 60).map(lambda times: text * times))
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 9), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=9), inner, max_size=4)),
    max_leaves=12,
)
parts = st.one_of(
    texts.map(lambda text: TextPart(text=text)),
    texts.map(lambda text: ReasoningPart(text=text)),
    st.tuples(st.integers(0, 99), values).map(lambda given_: call(f"c{given_[0]}", value=given_[1])),
)
messages = st.one_of(
    st.lists(texts.map(lambda text: TextPart(text=text)), min_size=1, max_size=4).map(
        lambda made: FromUser(parts=tuple(made))
    ),
    texts.map(lambda text: FromUser(parts=(FilePart(name="n", text=text),))),
    st.lists(parts, min_size=1, max_size=6).map(lambda made: FromAssistant(parts=tuple(made))),
    st.lists(texts, min_size=1, max_size=8).map(
        lambda made: FromTools(results=tuple(result(str(n), text) for n, text in enumerate(made)))
    ),
)


@given(messages, st.integers(250, 3_000))
def test_whatever_it_is_it_fits_and_calls_and_results_keep_their_ids(message: Message, cap: int) -> None:
    cut = shown(message, cap)
    assert measure(cut) <= max(cap, 60 * _items(message))
    if isinstance(message, FromAssistant):
        assert isinstance(cut, FromAssistant)
        assert [one.id for one in cut.calls] == [one.id for one in message.calls]
    if isinstance(message, FromTools):
        assert isinstance(cut, FromTools)
        assert [one.call_id for one in cut.results] == [one.call_id for one in message.results]


def _items(message: Message) -> int:
    return len(message.results) if isinstance(message, FromTools) else len(message.parts)


LENGTHS = st.lists(st.sampled_from([0, 10, 5_000, 40_000]), max_size=6)


@given(st.lists(st.tuples(LENGTHS, st.sampled_from([50, 2_000])), min_size=1, max_size=6))
def test_a_whole_conversation_is_shown_as_its_messages_are_however_it_changed_since(
    conversations: list[tuple[list[int], int]],
) -> None:
    kept = [FromUser(parts=(TextPart(text="x" * length),)) for length in range(0, 60_000, 10_000)]
    shortener = Shortener(measure)
    for lengths, cap in conversations:
        grown = tuple(FromUser(parts=(TextPart(text="y" * length),)) for length in lengths)
        messages = (*kept[: len(lengths)], *grown)
        assert shortener.all_shown(messages, cap) == tuple(shown(message, cap) for message in messages)
        again = shortener.all_shown((*messages, *grown), cap)
        assert all(before is now for before, now in zip(shortener.all_shown(messages, cap), again, strict=False))
