"""Several Cherries at once: in one workspace, on one session, on one store. No edit is lost, nobody waits for ever."""

import time

from cherry.testing.program import Program, provider
from cherry.testing.scripts import Hang, Script, SeenRequest, ToolCall, Words, answer


def test_two_in_one_workspace_both_finish_and_no_edit_is_lost(cherry: Program) -> None:
    cherry.write("shared.txt", "# end of first\n# end of second\n")

    def tell(request: SeenRequest) -> Words:
        """An edit that is refused because the file just changed is made again, as a model would."""
        who = next(message.text for message in request.messages if message.role == "user")
        done = sum(message.role == "tool" and "Error" not in message.text for message in request.messages)
        if done == 8:
            return f"{who} is done."
        old, new = f"# end of {who}", f"{who} {done}\n# end of {who}"
        return ToolCall("fs.edit", {"path": "shared.txt", "old": old, "new": new})

    with provider(Script.of(tell)) as double:
        both = {who: cherry.start("run", "--json", who, double=double) for who in ("first", "second")}
        for who, running in both.items():
            ended = running.ended()
            assert (ended.code, ended.end["answer"]) == (0, f"{who} is done.")
        lines = cherry.read("shared.txt").splitlines()
        for who in both:
            assert [line for line in lines if line.startswith(who)] == [f"{who} {turn}" for turn in range(8)]
        assert double.complaints == []


def test_a_session_that_is_worked_on_is_refused_to_another_with_who_holds_it(cherry: Program) -> None:
    with provider(Script(Hang())) as double:
        running = cherry.start("run", "--json", "go", double=double)
        session = running.until(lambda line: line["type"] == "start")["session"]
        running.until("step.started")
        for arguments in (["-c", "more"], ["-r", session], ["-r", session, "more"]):
            started = time.monotonic()
            ended = cherry.run("run", *arguments, double=double)
            assert time.monotonic() - started < 5
            assert ended.code == 1
            assert "storage.session_busy" in ended.err
            assert f"process {running.process.pid}" in ended.err
        assert cherry.run("sessions", "delete", "--yes", session).code == 1
        assert session in cherry.run("sessions", "list").out
        assert session in cherry.run("sessions", "show", session).out
        assert len(double.model_requests) == 1


def test_eight_at_once_on_one_store_lose_nothing(cherry: Program) -> None:
    def tell(request: SeenRequest) -> Words:
        turn = sum(message.role == "assistant" for message in request.messages)
        who = next(message.text for message in request.messages if message.role == "user")
        return answer(f"{who} is done.") if turn == 5 else ToolCall("todo.write", {"items": [f"{who} {turn}"]})

    with provider(Script.of(tell)) as double:
        running = [cherry.start("run", "--json", f"worker {number}", double=double) for number in range(8)]
        ended = [one.ended(seconds=60) for one in running]
        for number, one in enumerate(ended):
            assert (one.code, one.end["answer"]) == (0, f"worker {number} is done."), one.err
            stored = cherry.log(one.lines[0]["session"])
            watched = {line["seq"]: line["id"] for line in one.lines if line["type"] == "event"}
            assert watched == {recorded.seq: recorded.id for recorded in stored if recorded.seq in watched}
            assert [recorded.seq for recorded in stored] == list(range(1, len(stored) + 1))
    assert "8 sessions" in cherry.run("doctor").out
