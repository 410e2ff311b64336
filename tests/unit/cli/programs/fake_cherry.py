"""`cherry` with a client that plays a script, as a program of its own: fake_cherry.py SCENARIO REPORT [ARGUMENT…].

Writes what the client was told to REPORT as JSON when it ends.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

from cherry.cli.main import run_cli
from cherry.domain.content import TextPart
from cherry.domain.events import ApprovalRequested, QuestionAsked, StepStarted
from cherry.domain.live import TextStreamed, Working
from cherry.domain.sessions import SessionInfo
from cherry.domain.views import CommandView
from cherry.testing.client import (
    FakeClient,
    Step,
    UntilAnswered,
    UntilDecided,
    UntilInterrupted,
    UntilSteered,
    ended,
    finished,
    said,
    started,
)
from cherry.testing.wiring import FakeWiring

WORDS = "This paragraph has no newline of its own and is longer than any terminal these tests open is wide. " * 2
APPROVAL = ApprovalRequested(
    approval_id="a1",
    call_id="c1",
    tool="shell.run",
    title="Run pytest -q",
    reason="pytest does more than read.",
    view=CommandView(command="pytest -q\x1b[2K"),
    rule="pytest *",
)
DANGER = APPROVAL.model_copy(
    update={"approval_id": "a2", "confirm": "rm build", "title": "Run rm -r build", "rule": ""}
)
QUESTION = QuestionAsked(question_id="q1", call_id="c2", question="Which colour?", options=("red", "blue"))
RAN = ended("c1", "Run pytest -q", view=CommandView(command="pytest -q", output="3 passed\n", exit_code=0), seconds=2.0)
SIMPLE: list[Step] = [
    StepStarted(step=1, model="fake/model"),
    TextStreamed(1, "All done."),
    said("All done."),
    finished(),
]
HANGS: list[Step] = [TextStreamed(1, "Half an ans"), Working("Waiting for fake/model"), UntilInterrupted()]

SCENARIOS: dict[str, list[list[Step]]] = {
    "simple": [SIMPLE, SIMPLE],
    "long": [[TextStreamed(1, WORDS), said(WORDS), started("c1", "Run " + "x" * 200), RAN, finished()]],
    "asks": [[APPROVAL, UntilDecided("a1"), RAN, said("All passed."), finished()]],
    "stuck": [],
    "danger": [[DANGER, UntilDecided("a2"), finished()]],
    "question": [[QUESTION, UntilAnswered("q1"), finished()]],
    "hangs": [HANGS, SIMPLE],
    "steered": [
        [Working("Waiting for fake/model"), UntilSteered(), TextStreamed(1, "Heard."), said("Heard."), finished()]
    ],
    "chatter": [[*(TextStreamed(1, f"line {number}\n") for number in range(2000)), UntilInterrupted()]],
    "late": [[Working("Waiting for fake/model"), UntilSteered(), APPROVAL, UntilDecided("a1"), finished()]],
}


class Stuck(FakeClient):
    """Never gets as far as a session."""

    async def create_session(self, workspace: Path, *, model: str = "", title: str = "") -> SessionInfo:
        sys.stderr.write("opening\n")
        sys.stderr.flush()
        await asyncio.Event().wait()
        raise AssertionError("unreachable")


def main() -> int:
    scenario, report, *arguments = sys.argv[1:]
    client = Stuck() if scenario == "stuck" else FakeClient(SCENARIOS[scenario])
    home = Path(report).parent / "home"
    code = run_cli(arguments, FakeWiring(home=home, client=client, environ=dict(os.environ)).wiring())
    texts = [part.text for steering in client.steered for part in steering if isinstance(part, TextPart)]
    requests = [part.text for request in client.requests for part in request.parts if isinstance(part, TextPart)]
    told = {
        "requests": requests,
        "decisions": [one._asdict() for one in client.decisions],
        "answers": client.answers,
        "steered": texts,
        "interrupts": client.interrupts,
        "closed": client.closed,
    }
    Path(report).write_text(json.dumps(told))
    return code


if __name__ == "__main__":
    sys.exit(main())
