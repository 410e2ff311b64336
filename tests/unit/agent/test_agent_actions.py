"""Actions in text: the corpus of answers, and what holds for any answer."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from cherry.agent.actions import APPLY, read_actions
from cherry.domain.calls import Call
from cherry.domain.content import CallPart, FromAssistant, ReasoningPart, TextPart
from cherry.edits.answers import may_hold_edits
from cherry.edits.edit import Rename
from cherry.edits.reading import read_edits, read_patch

CORPUS = Path(__file__).parents[2] / "corpus"
TOOLS = (
    *("fs.read", "fs.write", "fs.edit", "fs.apply", "fs.list", "search.grep", "shell.run"),
    *("git.status", "git.diff", "todo.write"),
)


def cases(name: str) -> list[Any]:
    """Each case once for every kind of model it holds for."""
    found = yaml.safe_load((CORPUS / "answers" / f"{name}.yaml").read_text("utf-8"))
    return [
        pytest.param(case, native, id=f"{case['name']}{'' if native else ', without calls'}")
        for case in found
        for native in ([case["native"]] if "native" in case else [True, False])
    ]


def said(text: str) -> FromAssistant:
    return FromAssistant(parts=(TextPart(text=text),))


def read(answer: str, native: bool) -> tuple[FromAssistant, tuple[str, ...]]:
    return read_actions(said(answer), native=native, tools=TOOLS)


@pytest.mark.parametrize(("case", "native"), cases("acting"))
def test_an_action_in_text_becomes_a_call(case: dict[str, Any], native: bool) -> None:
    message, faults = read(case["answer"], native)
    assert not faults
    assert [call.tool for call in message.calls] == case["calls"]
    others = [call.arguments for call in message.calls if call.tool != APPLY]
    assert others == case.get("arguments", [])
    patches = [call.arguments["patch"] for call in message.calls if call.tool == APPLY]
    edits = [edit for patch in patches for edit in read_patch(patch).edits]
    assert list(dict.fromkeys(edit.path for edit in edits)) == case.get("edits", [])
    if "prose" in case:
        assert message.text == case["prose"]


@pytest.mark.parametrize(("case", "native"), cases("acting"))
def test_what_became_a_call_is_no_longer_in_the_text(case: dict[str, Any], native: bool) -> None:
    message, _ = read(case["answer"], native)
    again = read(message.text, native)
    assert not again[0].calls
    assert not again[1]
    for call in message.calls:
        if call.tool == APPLY and call.id == "":
            assert call.arguments["patch"].strip() not in message.text


@pytest.mark.parametrize(("case", "native"), cases("shown"))
def test_what_is_only_shown_stays_text(case: dict[str, Any], native: bool) -> None:
    message = said(case["answer"])
    assert read_actions(message, native=native, tools=TOOLS) == (message, ())


@pytest.mark.parametrize(("case", "native"), cases("broken"))
def test_a_broken_action_is_told_and_nothing_of_the_answer_is_done(case: dict[str, Any], native: bool) -> None:
    message, faults = read(case["answer"], native)
    assert message.text == case["answer"]
    assert not message.calls
    for words in case["fault"]:
        assert words in "\n".join(faults)


def test_the_corpus_holds_both_directions() -> None:
    assert len(cases("acting")) >= 60
    assert len(cases("shown")) >= 60
    assert len(cases("broken")) >= 30


def test_a_message_with_calls_is_left_alone() -> None:
    patch = "*** Begin Patch\n*** Delete File: a.py\n*** End Patch\n"
    call = Call(id="call_1", tool="fs.read", arguments={})
    message = FromAssistant(parts=(TextPart(text=patch), CallPart(call=call)))
    assert read_actions(message, native=False, tools=TOOLS).message is message


def test_without_the_tool_that_applies_them_edits_stay_text() -> None:
    message = said("*** Begin Patch\n*** Delete File: a.py\n*** End Patch\n")
    assert read_actions(message, native=True, tools=("fs.read",)).message is message


def test_what_was_thought_stays_where_it_was() -> None:
    thought = ReasoningPart(text="hm", opaque="{}", provider="p")
    parts = (
        thought,
        TextPart(text="Look.\n"),
        TextPart(text="*** Begin Patch\n*** Delete File: a.py\n*** End Patch\n"),
    )
    message = read_actions(FromAssistant(parts=parts), native=True, tools=TOOLS).message
    assert [part.type for part in message.parts] == ["reasoning", "text", "call"]
    assert message.text == "Look."


@pytest.mark.parametrize(
    "answer",
    [
        case["answer"]
        for file in sorted((CORPUS / "edits").glob("answer_*.yaml"))
        for case in yaml.safe_load(file.read_text("utf-8"))
        if not case.get("patch")
    ],
)
def test_no_answer_with_edits_is_passed_over_unread_and_its_edits_are_the_same_as_a_patch(answer: str) -> None:
    reading = read_edits(answer)
    assert may_hold_edits(answer) or not (reading.edits or reading.faults)
    message, faults = read(answer, False)
    if reading.faults or not message.calls:
        return
    patches = [call.arguments["patch"] for call in message.calls if call.tool == APPLY]
    assert not faults
    assert read_patch(patches[0]).edits == reading.edits


_LINES = st.sampled_from(
    [
        *("<<<<<<< SEARCH", "=======", ">>>>>>> REPLACE", "*** Begin Patch", "*** End Patch", "*** Update File: a.py"),
        *(
            "*** Delete File: b.py",
            "--- a/a.py",
            "+++ b/a.py",
            "@@ -1 +1 @@",
            "-x",
            "+y",
            " z",
            "```",
            "```python",
            "```json",
        ),
        *("a.py", "`b.py`", "FILE: a.py", "ACTION: delete", "I'll fix it:", "For example:", "", "Done.", "[", "]"),
        '{"type": "tool_call", "tool": "fs.list", "arguments": {}}',
        '{"type": "tool_call", "tool": "fs.read"',
        '{"edits": [{"path": "a.py", "old": "x", "new": "y"}]}',
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(_LINES, max_size=14).map("\n".join), st.booleans())
def test_any_text_gives_calls_or_faults_or_stays_and_edits_are_never_others_than_were_read(
    text: str, native: bool
) -> None:
    message, faults = read(text, native)
    assert not (message.calls and faults)
    if not message.calls:
        assert message == said(text)
    applied = [call for call in message.calls if call.tool == APPLY]
    assert len(applied) <= 1
    for call in applied:
        patch = read_patch(call.arguments["patch"])
        assert not patch.faults
        whole = read_edits(text).edits
        assert all(edit in whole for edit in patch.edits)
        assert all(not isinstance(edit, Rename) for edit in patch.edits)


def test_ten_megabytes_of_text_are_read_in_bounded_time() -> None:
    line = "I'll fix it: `src/app.py` and so on, word after word after word until the end\n"
    assert not read(line * (10_000_000 // len(line)), True)[0].calls
