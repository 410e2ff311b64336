"""A listing's row folded event by event, and texts that are found."""

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from cherry.domain.events import TurnFinished, TurnStarted
from cherry.domain.limits import TurnLimits
from cherry.storage import projection
from cherry.storage.records import recorded
from cherry.storage.searching import Wanted

TEXT = st.text(st.characters(codec=None), max_size=30)


@settings(max_examples=200, deadline=None, database=None)
@given(before=TEXT, word=TEXT, after=TEXT)
def test_a_text_is_found_by_any_part_of_it_and_shown_on_one_line(before: str, word: str, after: str) -> None:
    wanted = Wanted.parse(word)
    text = before + word + after

    assert wanted.found_in(text) == bool(wanted.words)
    assert len(wanted.excerpt(text)) <= 160
    assert wanted.excerpt(text).splitlines() in ([], [wanted.excerpt(text)])


def test_an_older_turn_that_ends_late_does_not_close_the_open_one() -> None:
    info = projection.unknown("s_1")
    limits = TurnLimits(max_cost_usd=Decimal(1))
    events = [
        (1, TurnStarted(model="a/b", limits=limits)),
        (2, TurnStarted(model="", limits=limits)),
        (1, TurnFinished(outcome="done")),
    ]
    for seq, (turn, event) in enumerate(events, 1):
        info = projection.fold(info, recorded(event, id="e", session="s_1", seq=seq, turn=turn, at=float(seq)))

    assert (info.open_turn, info.turns, info.model) == (2, 2, "a/b")
    assert (info.created_at, info.updated_at, info.last_seq) == (1.0, 3.0, 3)
