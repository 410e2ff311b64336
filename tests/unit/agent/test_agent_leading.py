"""Change sets of commands that are still to be taken back: told from the log alone, so that a crash in between changes nothing."""

from cherry.agent.state import LED, SessionState
from cherry.domain.events import ChangesApplied, ChangesRedone, ChangesUndone, Event, FileChange, Recorded

FILES = (FileChange(path="AGENTS.md", before="", after="b2:1"),)
ID = f"{LED}_1"
APPLIED = ChangesApplied(change_id=ID, call_id="c", files=FILES, by="command")
UNDONE = ChangesUndone(undone_turn=1, change_ids=(ID,), nonce="n", by="cherry", why="It was taken back.")


def folded(*events: Event) -> SessionState:
    state = SessionState()
    for seq, event in enumerate(events, 1):
        state.apply(Recorded(id=f"e_{seq}", session="s_1", seq=seq, turn=1, at=0.0, event=event))
    return state


def test_it_is_due_from_its_record_until_it_was_taken_back() -> None:
    assert folded(APPLIED).led == {ID}
    assert folded(APPLIED, UNDONE).led == set()


def test_what_a_person_made_again_is_not_taken_back_again() -> None:
    state = folded(APPLIED, UNDONE, ChangesRedone(redone_turn=1, change_ids=(ID,), nonce="m"))
    assert state.led == set()
    assert [change.undone for change in state.changes] == [False]


def test_other_changes_of_commands_are_never_due() -> None:
    assert folded(APPLIED.model_copy(update={"change_id": "c_1"})).led == set()


def test_the_model_is_told_why_and_not_that_its_work_is_gone() -> None:
    told = str(folded(APPLIED, UNDONE).messages[-1])
    assert "It was taken back." in told
    assert "undid the file changes" not in told
