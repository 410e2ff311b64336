"""What is measured, of one agent: each figure with all its samples, or the reason why there is none."""

import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from benchmarks.agents import Agent, environment_of
from benchmarks.processes import Run, run
from benchmarks.provider import ANSWER, EDITED
from benchmarks.workshop import Provider, Request, Workshop, provider, workshop

_ANSWER_SECONDS = 60.0
_STEP_SECONDS = 2.0
"""Allowance per step, besides the start."""
_ENDS = 100
"""How many steps at each end are compared for flatness."""


@dataclass(slots=True)
class Figure:
    samples: list[float] = field(default_factory=list)
    trouble: str = ""
    """Why the figure is missing or incomplete."""

    @property
    def median(self) -> float | None:
        return statistics.median(self.samples) if self.samples else None


Figures = dict[str, Figure]
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    runs: int = 5
    steps: tuple[int, ...] = (50, 500)


def measure_python(plan: Plan) -> Figures:
    """The bare interpreter: what no program in Python can be below."""
    with tempfile.TemporaryDirectory(prefix="cherry-bench-") as name:
        folder = Path(name) / "folder"
        folder.mkdir()
        command = [sys.executable, "-c", "pass"]
        runs = [run(command, folder=folder, environment={}) for _ in range(plan.runs + 1)][1:]
        # The bare interpreter is gone before its memory is seen, so there it waits a little.
        waiting = [sys.executable, "-c", "import time; time.sleep(0.05)"]
        heavy = [run(waiting, folder=folder, environment={}, memory=True) for _ in range(plan.runs)]
    return {
        "version.wall": Figure([one.wall for one in runs]),
        "answer.cpu": Figure([one.cpu for one in runs]),
        **_memory(heavy),
    }


def measure_agent(agent: Agent, plan: Plan, say: Say) -> Figures:
    say(f"{agent.name}: start")
    figures = _version(agent, plan)
    say(f"{agent.name}: one answer")
    with provider() as model, workshop(agent, model) as place:
        figures |= _answers(place, model, plan)
    if not agent.can_step:
        return figures
    for steps in plan.steps:
        say(f"{agent.name}: {steps} steps")
        with provider("--steps", str(steps)) as model, workshop(agent, model) as place:
            figures |= _steps(place, model, steps, runs=plan.runs if steps <= 100 else 1)
    say(f"{agent.name}: one edit")
    with provider("--edit") as model, workshop(agent, model) as place:
        figures |= _edit(place, model)
    return figures


def _version(agent: Agent, plan: Plan) -> Figures:
    figure = Figure()
    with tempfile.TemporaryDirectory(prefix="cherry-bench-") as name:
        folder = Path(name) / "folder"
        folder.mkdir()
        environment = environment_of(agent, root="http://127.0.0.1:9", home=folder)
        for number in range(plan.runs + 1):
            one = run([agent.located() or agent.program, *agent.version], folder=folder, environment=environment)
            figure.trouble = figure.trouble or one.trouble
            # The first run is a rehearsal: it may compile and cache.
            if number and not one.trouble:
                figure.samples.append(one.wall)
    return {"version.wall": figure}


def _answers(place: Workshop, model: Provider, plan: Plan) -> Figures:
    rehearsal = place.run("What is the answer?", model, seconds=_ANSWER_SECONDS)
    if trouble := _answer_trouble(rehearsal, model.requests()):
        return {
            name: Figure(trouble=trouble) for name in ("answer.wall", "answer.cpu", "answer.memory", "prompt.bytes")
        }
    figures = {"prompt.bytes": Figure([max(request.stable_bytes for request in model.requests())])}
    light = [place.run("What is the answer?", model, seconds=_ANSWER_SECONDS) for _ in range(plan.runs)]
    heavy = [place.run("What is the answer?", model, seconds=_ANSWER_SECONDS, memory=True) for _ in range(plan.runs)]
    figures["answer.wall"] = _figure(light, lambda one: one.wall)
    figures["answer.cpu"] = _figure(light, lambda one: one.cpu)
    return figures | _memory(heavy)


def _answer_trouble(one: Run, requests: list[Request]) -> str:
    if one.trouble:
        return one.trouble
    if refused := [request.complaint for request in requests if request.complaint]:
        return f"the provider refused: {refused[0][:120]}"
    return "" if ANSWER in one.output else "the answer did not reach standard output"


def _steps(place: Workshop, model: Provider, steps: int, *, runs: int) -> Figures:
    added, flat = Figure(), Figure()
    for _ in range(runs):
        one = place.run("Count.", model, seconds=_ANSWER_SECONDS + steps * _STEP_SECONDS, many_steps=True)
        requests = [request for request in model.requests() if request.tools]
        # From the end of one answer to the next request: the provider's own time is not the agent's.
        gaps = [after.at - before.ended for before, after in pairwise(requests)]
        trouble = _answer_trouble(one, requests) or (
            "" if len(gaps) == steps else f"{len(gaps)} of {steps} steps were made"
        )
        if trouble:
            added.trouble = flat.trouble = trouble
            break
        added.samples.append(statistics.mean(gaps))
        if steps >= 2 * _ENDS:
            flat.samples.append(statistics.median(gaps[-_ENDS:]) / statistics.median(gaps[:_ENDS]))
    figures = {f"step.{steps}": added}
    return {**figures, f"flat.{steps}": flat} if steps >= 2 * _ENDS else figures


def _edit(place: Workshop, model: Provider) -> Figures:
    one = place.run("Make the greeting a good morning.", model, seconds=_ANSWER_SECONDS)
    requests = model.requests()
    path, _, new = EDITED
    trouble = _answer_trouble(one, requests)
    if not trouble and new not in (place.repository / path).read_text():
        trouble = "the edit was not made"
    return {"edit.requests": Figure([] if trouble else [len(requests)], trouble)}


def _memory(runs: list[Run]) -> Figures:
    return {
        "answer.rss": _figure(runs, lambda one: one.memory.resident),
        "answer.pss": _figure(runs, lambda one: one.memory.proportional),
    }


def _figure(runs: list[Run], value: Callable[[Run], float]) -> Figure:
    good = [one for one in runs if not one.trouble]
    failed = next((one.trouble for one in runs if one.trouble), "")
    return Figure([value(one) for one in good], failed)
