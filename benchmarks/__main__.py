"""`python -m benchmarks`: measure Cherry, and the other agents found on PATH, with an instant model."""

import argparse
import compileall
import os
import shutil
import subprocess
import sys
from pathlib import Path

import cherry
from benchmarks.agents import CHERRY, PEERS, Agent
from benchmarks.measuring import Figure, Figures, Plan, measure_agent, measure_python
from benchmarks.report import as_json, machine, missed, table, write

_LATEST = Path(".bench") / "latest.json"


def main() -> int:
    options = _parser().parse_args()
    plan = Plan(runs=1, steps=(10,)) if options.quick else Plan(runs=options.runs)
    agents = _chosen(options.only, peers=not options.no_peers)
    _compile()
    _say(f"Measuring on {machine()['cores']} cores, load {machine()['load']} …")
    results: dict[str, Figures] = {"python": measure_python(plan)}
    versions: dict[str, str] = {}
    for agent in agents:
        versions[agent.name] = _version(agent)
        results[agent.name] = _measured(agent, plan)
    print(table(results))
    write(options.output, as_json(results, versions=versions, runs=plan.runs))
    _say(f"Written to {options.output}.")
    return _verdict(results.get("cherry", {}), check=options.check)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="how often each figure is taken; its median counts")
    parser.add_argument("--quick", action="store_true", help="one run and 10 steps: does it work at all?")
    parser.add_argument("--only", default="", help="comma-separated agents instead of all that are found")
    parser.add_argument("--no-peers", action="store_true", help="Cherry alone")
    parser.add_argument("--output", type=Path, default=_LATEST, help=f"where the JSON goes (default {_LATEST})")
    parser.add_argument("--check", action="store_true", help="fail when a target is missed")
    return parser


def _chosen(only: str, *, peers: bool) -> list[Agent]:
    wanted = set(filter(None, only.split(",")))
    if unknown := wanted - {agent.name for agent in (CHERRY, *PEERS)}:
        raise SystemExit(f"python -m benchmarks: no such agent: {', '.join(sorted(unknown))}")
    if wanted:
        return [agent for agent in (CHERRY, *PEERS) if agent.name in wanted]
    return [CHERRY, *(agent for agent in PEERS if peers and agent.located())]


def _measured(agent: Agent, plan: Plan) -> Figures:
    try:
        return measure_agent(agent, plan, _say)
    except (OSError, subprocess.SubprocessError, RuntimeError) as error:
        # One agent that cannot be run must not hide the others' figures.
        return {"version.wall": Figure(trouble=f"{type(error).__name__}: {error}")}


def _version(agent: Agent) -> str:
    program = shutil.which(agent.program)
    if program is None:
        return "not found"
    try:
        done = subprocess.run([program, *agent.version], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    lines = (done.stdout or done.stderr).strip().splitlines()
    return lines[0] if lines else "unknown"


def _compile() -> None:
    """Cherry's bytecode, as a set-up leaves it; some machines forbid writing it at run time."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    compileall.compile_dir(Path(cherry.__file__).parent, quiet=2)


def _verdict(figures: Figures, *, check: bool) -> int:
    if any(figure.trouble for figure in figures.values()):
        return 1
    over = missed(figures)
    if over:
        _say("Over the target: " + "; ".join(over) + ".")
    return 1 if over and check else 0


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
