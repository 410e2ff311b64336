"""Prompts for models without calls: what they are told, and that it stays the same as the conversation grows."""

import json
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cherry.context.in_words import InWords, told
from cherry.domain.calls import Call, Result, Status
from cherry.domain.content import (
    CallPart,
    FromAssistant,
    FromTools,
    FromUser,
    ImagePart,
    Message,
    ReasoningPart,
    TextPart,
)
from cherry.domain.prompts import ModelRef, OfferedTool, Prompt
from cherry.toon.parser import parse_calls

READ = OfferedTool(
    "fs.read",
    "Read a text file.\nWith numbers.",
    {"type": "object", "properties": {"path": {"type": "string"}, "limit": {"type": "integer"}}, "required": ["path"]},
)
CALL = Call(id="call_1", tool="fs.read", arguments={"path": "größe.py", "limit": 3})
PATCH = "*** Begin Patch\n*** Delete File: a.py\n*** End Patch\n"


def user(text: str) -> FromUser:
    return FromUser(parts=(TextPart(text=text),))


def said(text: str, *calls: Call) -> FromAssistant:
    words = (TextPart(text=text),) if text else ()
    return FromAssistant(parts=(*words, *(CallPart(call=call) for call in calls)))


def result(call: Call, text: str, status: Status = Status.SUCCESS) -> Result:
    return Result(call_id=call.id, status=status, text=text)


def rewritten(*messages: Message) -> tuple[Message, ...]:
    prompt = Prompt(ModelRef("p", "m"), "Be brief.", messages, (READ,), max_output_tokens=7, cache_key="s")
    return InWords().rewrite(prompt).messages


def text_of(message: Message) -> str:
    assert not isinstance(message, FromTools)
    return "\n".join(part.text for part in message.parts if isinstance(part, TextPart))


def test_the_tools_stand_in_the_system_prompt_and_no_longer_beside_it() -> None:
    prompt = Prompt(ModelRef("p", "m"), "Be brief.", (user("Hi"),), (READ,), max_output_tokens=7, cache_key="s")
    new = InWords().rewrite(prompt)
    assert new.system.startswith("Be brief.\n\n")
    assert "- fs_read(path: string, limit?: integer): Read a text file. With numbers." in new.system
    assert new.tools == ()
    assert (new.max_output_tokens, new.cache_key, new.messages) == (7, "s", prompt.messages)


def test_without_tools_nothing_is_told() -> None:
    prompt = Prompt(ModelRef("p", "m"), "Be brief.", (user("Hi"),))
    assert InWords().rewrite(prompt) == prompt


def test_types_are_told_in_few_characters() -> None:
    def signature(schema: dict[str, Any], **definitions: Any) -> str:
        tool = OfferedTool("a.b", "Do.", {"properties": {"x": schema}, "required": ["x"], "$defs": definitions})
        return told([tool]).splitlines()[-1].removeprefix("- a_b(x: ").removesuffix("): Do.")

    assert signature({"type": "array", "items": {"type": "string"}}) == "[string]"
    assert signature({"enum": ["a", "b"]}) == '"a"|"b"'
    assert signature({"anyOf": [{"type": "string"}, {"type": "null"}]}) == "string"
    assert (
        signature({"$ref": "#/$defs/Item"}, Item={"type": "object", "properties": {"t": {"type": "string"}}})
        == "{t?: string}"
    )
    assert signature({}) == "any"


def test_a_call_is_written_in_the_form_that_is_read() -> None:
    _, answer = rewritten(user("Hi"), said("Let me look.", CALL))
    assert not answer.calls if isinstance(answer, FromAssistant) else False
    (found,) = parse_calls(text_of(answer))
    assert (found.call.tool, found.call.arguments) == ("fs_read", CALL.arguments)
    assert text_of(answer).startswith("Let me look.\n\n")


def test_edits_are_written_as_the_text_they_are() -> None:
    call = Call(id="c", tool="fs.apply", arguments={"patch": PATCH})
    assert text_of(rewritten(said("So:", call))[0]) == f"So:\n\n{PATCH.strip()}"


def test_results_and_what_is_said_after_them_become_one_message() -> None:
    other = Call(id="call_2", tool="git.status", arguments={})
    results = FromTools(results=(result(CALL, "one\ntwo"), result(other, "", Status.ERROR)))
    messages = rewritten(user("Hi"), said("", CALL, other), results, user("and hurry"))
    assert [message.role for message in messages] == ["user", "assistant", "user"]
    assert text_of(messages[-1]) == (
        '[Result of fs_read {"path": "größe.py", "limit": 3}: success]\none\ntwo\n\n'
        "[Result of git_status {}: error]\n(nothing)\nand hurry"
    )


def test_thoughts_and_pictures_stay() -> None:
    thought = ReasoningPart(text="hm", opaque="{}", provider="p")
    picture = ImagePart(media_type="image/png", data=b"x")
    answer = FromAssistant(parts=(thought, TextPart(text="So."), CallPart(call=CALL)))
    messages = rewritten(FromUser(parts=(picture,)), answer)
    assert messages[0].parts == (picture,) if isinstance(messages[0], FromUser) else False
    assert isinstance(messages[1], FromAssistant)
    assert [part.type for part in messages[1].parts] == ["reasoning", "text"]


_STEPS = st.lists(st.sampled_from(["user", "call", "edit", "words"]), max_size=20)


@given(_STEPS)
def test_two_of_one_role_never_follow_each_other_and_what_was_sent_stays_the_same_object(steps: list[str]) -> None:
    words, conversation, before = InWords(), [user("Begin.")], ()
    for number, step in enumerate(steps):
        if step == "user":
            conversation.append(user(f"word {number}"))
            continue
        call = Call(id=f"call_{number}", tool="fs.apply" if step == "edit" else "fs.read", arguments={"patch": PATCH})
        conversation.append(said(f"answer {number}", *([] if step == "words" else [call])))
        if step != "words":
            conversation.append(FromTools(results=(result(call, "done"),)))
        elif number % 2:
            conversation.append(user("go on"))
        sent = words.rewrite(Prompt(ModelRef("p", "m"), "s", tuple(conversation), (READ,))).messages
        roles = [message.role for message in sent]
        assert all(one != other for one, other in pairwise(roles) if "user" in (one, other))
        assert "tools" not in roles
        assert all(one is other for one, other in zip(before[:-1], sent, strict=False))
        before = sent


def test_what_is_told_is_stable() -> None:
    tools = [OfferedTool(f"a.t{number}", "Do.", READ.parameters) for number in range(20)]
    assert told(tools) == told(
        [OfferedTool(tool.name, tool.description, json.loads(json.dumps(tool.parameters))) for tool in tools]
    )
