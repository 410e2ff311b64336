"""Scripts say what a model answers."""

import json
from pathlib import Path

import pytest

from cherry.testing.faults import CutMidStream, Garbage, Refuse
from cherry.testing.replies import Reason, Reply, Say, Tokens, ToolCall, answer, huge_text, pieces
from cherry.testing.script_files import BadScript, load_script, read_script
from cherry.testing.scripts import Script, ScriptUsedUp, SeenMessage, SeenRequest


def _request(text: str = "hi", *, tools: tuple[str, ...] = ("fs_read",)) -> SeenRequest:
    return SeenRequest(1, "test", "", (SeenMessage("user", text),), tools, stream=True)


def _texts(script: Script, count: int) -> list[str]:
    player = script.play()
    replies = [player.next(_request()) for _ in range(count)]
    return [reply.text for reply in replies if isinstance(reply, Reply)]


def test_answers_come_in_order_and_then_the_script_is_used_up() -> None:
    player = Script("one", Say("two")).play()
    assert player.next(_request()) == answer("one")
    assert player.left == 1
    assert player.next(_request()) == answer("two")
    with pytest.raises(ScriptUsedUp, match="2 answers"):
        player.next(_request())


def test_the_last_answer_can_repeat() -> None:
    assert _texts(Script("a", "b", then="repeat_last"), 4) == ["a", "b", "b", "b"]


def test_a_loop_starts_again() -> None:
    assert _texts(Script.forever("a", "b"), 5) == ["a", "b", "a", "b", "a"]


def test_two_players_of_one_script_do_not_disturb_each_other() -> None:
    script = Script("a", "b")
    assert _texts(script, 2) == _texts(script, 2) == ["a", "b"]


def test_a_function_answers_what_the_request_deserves() -> None:
    player = Script.of(lambda request: f"You said {request.last_text}").play()
    assert player.next(_request("moo")) == answer("You said moo")


def test_requests_without_tools_can_be_answered_aside() -> None:
    player = Script("work", aside="a title").play()
    assert player.next(_request(tools=())) == answer("a title")
    assert player.next(_request()) == answer("work")


def test_several_parts_make_one_answer() -> None:
    reply = Script([Reason("hm"), ToolCall("fs.read"), ToolCall("fs.list")], "x").steps[0]
    assert isinstance(reply, Reply)
    assert reply.finished_as == "calls"
    assert len(reply.parts) == 3


def test_tokens_are_counted_from_bytes_unless_they_are_given() -> None:
    counted = answer("12345678", Reason("1234")).counted(400)
    assert counted == Tokens(100, 3, reasoning=1)
    assert answer("x", tokens=Tokens(7, 1)).counted(400) == Tokens(7, 1)


def test_raw_argument_text_stays_as_the_model_wrote_it() -> None:
    assert ToolCall("a", raw='{"x": ').argument_text == '{"x": '
    assert ToolCall("a", raw='{"x": ').argument_object() is None
    assert ToolCall("a", raw="[1]").argument_object() is None
    assert ToolCall("a", {"x": 1}).argument_object() == {"x": 1}


def test_huge_text_has_the_size_asked_for_in_few_pieces() -> None:
    text = huge_text(1_000_001).text
    assert len(text) == 1_000_001
    assert len(list(pieces(text))) <= 200
    assert "".join(pieces(text)) == text


def test_the_results_at_the_end_of_a_conversation_are_found() -> None:
    said = (
        SeenMessage("user", "go"),
        SeenMessage("tool", "old"),
        SeenMessage("assistant"),
        SeenMessage("tool", "a"),
        SeenMessage("tool", "b"),
    )
    request = SeenRequest(1, "test", "", said, ("fs_read",), stream=True)
    assert [result.text for result in request.results] == ["a", "b"]
    assert request.offers("fs.read")
    assert not request.offers("fs.write")


def test_a_script_can_be_written_as_json(tmp_path: Path) -> None:
    file = tmp_path / "script.json"
    file.write_text(
        json.dumps(
            {
                "answers": [
                    "plain",
                    {"say": "hi", "tokens": {"input": 3, "output": 1}, "finish": "length"},
                    {
                        "parts": [
                            {"reason": "hm"},
                            {"call": "fs.read", "arguments": {"path": "a"}},
                            {"call": "x", "raw": "{"},
                        ]
                    },
                    {"call": "todo.write", "arguments": {}},
                    {"fault": "refuse", "kind": "rate_limited", "retry_after": 1},
                    {"fault": "cut_mid_stream", "after": 2, "reply": {"say": "half"}},
                    {"fault": "garbage"},
                    {"huge_text": 100},
                    {},
                ],
                "then": "repeat_last",
                "aside": {"say": "title"},
            }
        )
    )
    script = load_script(file)
    assert script.steps == (
        answer("plain"),
        answer("hi", tokens=Tokens(3, 1), finish="length"),
        answer(Reason("hm"), ToolCall("fs.read", {"path": "a"}), ToolCall("x", raw="{")),
        answer(ToolCall("todo.write")),
        Refuse("rate_limited", retry_after=1),
        CutMidStream(2, reply=answer("half")),
        Garbage(),
        huge_text(100),
        Reply(),
    )
    assert script.then == "repeat_last"
    assert script.aside == answer("title")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"answer": []}, "unknown answer"),
        ({"answers": 3}, "answers: expected a list"),
        ({"answers": [3]}, r"answers\[0\]: expected an object"),
        ({"answers": [{"fault": "explode"}]}, r"answers\[0\].fault: expected one of"),
        ({"answers": [{"fault": "hang", "after": 3}]}, r"answers\[0\]"),
        ({"answers": [{"parts": [{"shout": "x"}]}]}, r"answers\[0\].parts\[0\]: expected say"),
        ({"answers": [{"say": "x", "tokens": {"in": 3}}]}, r"answers\[0\]"),
        ({"answers": [], "then": "stop"}, "then: expected one of"),
        ("no", "script: expected an object"),
    ],
)
def test_a_mistake_in_a_script_file_is_named_with_its_place(data: object, message: str) -> None:
    with pytest.raises(BadScript, match=message):
        read_script(data)


def test_a_script_file_that_is_not_json_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "script.json"
    file.write_text("{")
    with pytest.raises(BadScript, match="not JSON"):
        load_script(file)
