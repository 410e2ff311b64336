"""Cutting byte streams into messages."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cherry.gateway.wire.framing import Frame, JsonLines, ServerSentEvents, TooLarge


def events(*chunks: bytes) -> list[Frame]:
    parser = ServerSentEvents()
    frames = [frame for chunk in chunks for frame in parser.feed(chunk)]
    return frames + parser.end()


def test_an_event_has_its_name_and_data() -> None:
    assert events(b'event: ping\ndata: {"a":1}\n\n') == [Frame("ping", b'{"a":1}')]


def test_lines_may_end_in_any_of_the_three_ways() -> None:
    expected = [Frame("x", b"1"), Frame("", b"2")]
    for end in (b"\n", b"\r", b"\r\n"):
        assert events(b"event: x\ndata: 1\n\ndata: 2\n\n".replace(b"\n", end)) == expected


def test_several_data_lines_are_joined_by_newlines() -> None:
    assert events(b"data: a\ndata:b\ndata\n\n") == [Frame("", b"a\nb\n")]


def test_comments_unknown_fields_and_empty_events_are_passed_over() -> None:
    assert events(b": keep-alive\n\nid: 7\nretry: 10\n\nevent: nothing\n\ndata: x\n\n") == [Frame("", b"x")]


def test_a_byte_order_mark_at_the_start_is_dropped() -> None:
    assert events(b"\xef", b"\xbb", b"\xbfdata: x\n\n") == [Frame("", b"x")]


def test_an_event_without_its_blank_line_is_given_out_only_when_the_stream_ends() -> None:
    parser = ServerSentEvents()
    assert parser.feed(b"data: one\n\ndata: two\ndata: th") == [Frame("", b"one")]
    assert parser.end() == [Frame("", b"two\nth")]
    assert parser.end() == []


def test_an_event_larger_than_the_bound_is_refused() -> None:
    one_line, many_lines = ServerSentEvents(limit=100), ServerSentEvents(limit=100)
    with pytest.raises(TooLarge):
        one_line.feed(b"data: " + b"x" * 200)
    with pytest.raises(TooLarge):
        many_lines.feed(b"data: 0123456789\n" * 20)


def test_many_small_events_are_no_large_one() -> None:
    parser = ServerSentEvents(limit=100)
    assert len(parser.feed(b"data: 0123456789\n\n" * 100)) == 100


@given(
    st.lists(
        st.sampled_from([b"data: a", b"data:b", b"event: e", b": c", b"", b"id: 1", b"\xc3\xa9", b"data: \xc3\xa9"])
    ),
    st.sampled_from([b"\n", b"\r", b"\r\n"]),
    st.lists(st.integers(0, 200)),
)
def test_every_chunking_gives_the_same_events(lines: list[bytes], end: bytes, cuts: list[int]) -> None:
    stream = end.join(lines) + end + end
    places = sorted({0, *(min(cut, len(stream)) for cut in cuts), len(stream)})
    chunks = [stream[a:b] for a, b in pairwise(places)]
    assert events(*chunks) == events(stream)


def test_json_lines_are_cut_at_newlines_and_the_last_may_lack_its_own() -> None:
    parser = JsonLines()
    assert parser.feed(b'{"a"') == []
    assert parser.feed(b':1}\r\n\n{"b":2}\n{"c"') == [Frame("", b'{"a":1}'), Frame("", b'{"b":2}')]
    assert parser.feed(b":3}") == []
    assert parser.end() == [Frame("", b'{"c":3}')]


def test_a_json_line_larger_than_the_bound_is_refused() -> None:
    with pytest.raises(TooLarge):
        JsonLines(limit=10).feed(b"x" * 11)
