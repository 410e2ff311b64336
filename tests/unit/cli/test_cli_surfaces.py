"""Lines, streams and the one changing line."""

import asyncio
import errno
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cherry.cli.chat.surface import ChatSurface
from cherry.cli.render.output import Abilities, Output, ReaderGone, abilities_of
from cherry.cli.render.style import Style, cut_to_width, to_ascii, width_of
from cherry.cli.render.surface import PlainSurface, TerminalSurface, ticking
from cherry.cli.render.table import table
from cherry.testing.clock import FakeClock

TERMINAL = Abilities(terminal=True, colour=False, cursor=True)


class Gone(io.StringIO):
    """A stream whose reader went away."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = number

    def write(self, text: str) -> int:
        raise OSError(self._number, "gone")


def test_the_status_is_overwritten_in_place_and_gives_way_to_lines() -> None:
    stream, clock = io.StringIO(), FakeClock()
    surface = TerminalSurface(Output(stream, TERMINAL), Style(), clock)
    surface.status("Waiting for a model")
    surface.beat()
    surface.lines("a line")
    surface.beat()
    surface.status("")
    assert stream.getvalue() == (
        "\r\x1b[K⠋ Waiting for a model"
        "\r\x1b[Ka line\n"
        "\r\x1b[K⠋ Waiting for a model"
        "\r\x1b[K"
    )  # fmt: skip


def test_nothing_is_drawn_into_a_line_that_is_still_being_written() -> None:
    stream, clock = io.StringIO(), FakeClock()
    surface = TerminalSurface(Output(stream, TERMINAL), Style(), clock)
    surface.status("Writing the answer")
    surface.stream("half a li")
    surface.beat()
    surface.stream("ne\n")
    surface.beat()
    surface.status("")
    assert stream.getvalue() == "half a line\n\r\x1b[K⠋ Writing the answer\r\x1b[K"


async def test_the_time_something_takes_is_shown_beside_it() -> None:
    stream, clock = io.StringIO(), FakeClock()
    surface = TerminalSurface(Output(stream, TERMINAL), Style(), clock)
    surface.status("Running pytest")
    await clock.advance(12.3)
    surface.beat()
    assert "Running pytest 12 s" in stream.getvalue()


async def test_without_a_cursor_one_is_reminded_every_half_minute() -> None:
    stream, clock = io.StringIO(), FakeClock()
    surface = PlainSurface(Output(stream, Abilities()), Style(), clock)
    surface.status("Running pytest")
    for _ in range(65):
        await clock.advance(1)
        surface.beat()
    assert stream.getvalue() == "… Running pytest (30 s)\n… Running pytest (1 min 00 s)\n"


async def test_the_status_goes_when_the_work_ends_and_no_task_stays() -> None:
    stream, clock = io.StringIO(), FakeClock()
    surface = TerminalSurface(Output(stream, TERMINAL), Style(), clock)
    async with ticking(surface, clock):
        surface.status("Working")
        await clock.advance(0.5)
        assert "Working" in stream.getvalue()
    assert stream.getvalue().endswith("\r\x1b[K")
    assert asyncio.all_tasks() == {asyncio.current_task()}


def test_a_terminal_that_shows_only_ascii_gets_look_alikes() -> None:
    stream = io.StringIO()
    Output(stream, Abilities(unicode=False)).write("✓ Done · 1 → 2 … 漢\n")
    assert stream.getvalue() == "+ Done - 1 -> 2 ... ?\n"
    assert to_ascii("✗ −3") == "x -3"


def test_a_stream_that_cannot_encode_a_character_still_shows_the_rest() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="latin-1", write_through=True)
    Output(stream, Abilities(unicode=True)).write("a漢b\n")
    assert stream.buffer.getvalue() == b"a\\u6f22b\n"  # type: ignore[attr-defined]


@pytest.mark.parametrize("number", [errno.EPIPE, errno.EIO])
def test_a_reader_that_went_away_is_noticed_where_it_matters(number: int) -> None:
    with pytest.raises(ReaderGone):
        Output(Gone(number), Abilities()).write("x")
    Output(Gone(number), Abilities(), essential=False).write("x")


def test_a_full_disk_is_not_taken_for_a_reader_that_went_away() -> None:
    with pytest.raises(OSError, match="gone"):
        Output(Gone(errno.ENOSPC), Abilities()).write("x")


@pytest.mark.parametrize(
    ("environ", "setting", "colour"),
    [
        ({"TERM": "xterm"}, "auto", False),  # not a terminal
        ({"TERM": "xterm"}, "always", True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, "always", True),
        ({"TERM": "xterm"}, "never", False),
    ],
)
def test_colour_outside_a_terminal_is_only_what_was_asked_for(environ, setting, colour) -> None:  # type: ignore[no-untyped-def]
    assert abilities_of(io.StringIO(), environ, colour=setting).colour is colour


WIDE = st.text(alphabet="ab漢字é\u0301 🍒", max_size=60)


@given(WIDE, st.integers(1, 40))
def test_a_cut_text_is_never_wider_than_it_may_be(text: str, columns: int) -> None:
    cut = cut_to_width(text, columns)
    assert width_of(cut) <= columns
    assert cut == text or cut.endswith("…")


@given(st.lists(st.text(alphabet="ab 漢\n", max_size=30), max_size=8), st.integers(20, 60))
def test_streamed_text_above_a_prompt_loses_nothing_but_the_blanks_it_is_broken_at(
    pieces: list[str], columns: int
) -> None:
    stream = io.StringIO()
    surface = ChatSurface(_Columns(stream, columns), Style(), FakeClock(), redraw=lambda: None)
    for piece in pieces:
        surface.stream(piece)
        assert width_of(surface.open_line) < columns
    surface.end_stream()
    lines = stream.getvalue().splitlines()
    assert all(width_of(line) < columns for line in lines)
    assert "".join("".join(lines).split()) == "".join("".join(pieces).split())


class _Columns(Output):
    def __init__(self, stream: io.StringIO, columns: int) -> None:
        super().__init__(stream, TERMINAL)
        self._columns = columns

    @property
    def columns(self) -> int:
        return self._columns


def test_tables_line_up_and_end_where_the_terminal_ends() -> None:
    drawn = table([("a", "1", "x" * 30), ("漢字", "22", "y\x1b")], columns=24, style=Style(), head=("n", "no", "text"))
    stacked = table([("a" * 15, "1", "x" * 30)], columns=20, style=Style())
    assert stacked.splitlines() == ["a" * 15, "  1 · " + "x" * 12 + "…"]
    assert drawn.splitlines() == ["n     no  text", "a     1   " + "x" * 12 + "…", "漢字  22  y\\x1b"]
