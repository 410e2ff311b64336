"""Nothing waits without a deadline: what could wait for ever is found in the source, and each exception says what bounds it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import cherry

SOURCE = Path(cherry.__file__).parent

BOUNDED = {
    "kernel/deadlines.py deadline": "this is the deadline",
    "kernel/tasks.py finish": "short work by contract",
    "sandbox/running.py _ended": "the command has ended already",
    "sandbox/running.py _readable": "has its own seconds; without them its callers bound the command",
    "sandbox/running.py _ready": "under the deadline sandbox.input",
    "app/watching.py __aiter__": "a face waits for its turn, which has a time limit and a watchdog",
    "agent/calling.py _run_after": "other calls of the answer, each under the time limit of its tool",
    "agent/journal.py until": "a person is waited for; declared as the wait `approval`",
    "agent/validation/running.py run": "under the deadline validation.command",
    "engine/inline.py run": "the turn, which has a time limit, and the heartbeat beside it",
    "edits/editor.py _ended": "a thread that was told to stop and looks for that",
    "git/command.py _communicate": "under the deadline of `run`",
    "git/command.py _emptied": "under the deadline git.ending",
    "kernel/locks.py __aenter__": "nobody holds it",
    "kernel/locks.py _wait": "under the deadline of its rank",
    "tools/processes.py ended": "its callers bound the command",
    "tools/processes.py stop": "`kill` is bounded by POLITE_SECONDS and CERTAIN_SECONDS",
    "tools/processes.py wait_for_news": "at most the seconds given, and no error",
    "tools/processes.py _follow": "the command itself; whoever started it bounds it",
    "tools/shell.py _in_foreground": "the argument timeout; the tool's own limit is declared around it",
    "tools/shell.py _in_background": "a first look of a fraction of a second",
    "tools/searching/programs.py code": "under the seconds of its query",
    "tools/searching/programs.py _emptied": "under the deadline search.ending",
    "tools/searching/python.py search": "the seconds of the query; the tool's own limit is declared around it",
    "tools/searching/ripgrep.py search": "the seconds of the query; the tool's own limit is declared around it",
    "tools/wrappers/time_limit.py limit_time": "declares its wait beside it",
    "bootstrap/demonstration.py _run_tests": "under the deadline demo.tests",
}
"""File and function of what may look as if it waited for ever → what bounds it."""


def unbounded(tree: ast.AST, function: str = "") -> Iterator[tuple[str, int, str]]:
    for node in ast.iter_child_nodes(tree):
        inside = node.name if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else function
        if isinstance(node, ast.Call) and (what := waits_for_ever(node)):
            yield inside, node.lineno, what
        yield from unbounded(node, inside)


def waits_for_ever(call: ast.Call) -> str:
    """What this call is when nothing in it says for how long; empty for all others."""
    name = ast.unparse(call.func)
    keywords = {keyword.arg for keyword in call.keywords}
    last = name.rpartition(".")[2]
    if name == "asyncio.timeout":
        return "a deadline without a name: use cherry.kernel.deadlines"
    if name in {"asyncio.wait", "asyncio.wait_for", "subprocess.run", "subprocess.check_output", "select.select"}:
        bounded = "timeout" in keywords or (
            name != "subprocess.run" and len(call.args) > (3 if "select" in name else 1)
        )
        return "" if bounded else f"{name} without a timeout"
    if last == "urlopen":
        return "" if "timeout" in keywords else "urlopen without a timeout"
    if last in {"wait", "communicate", "acquire"} and not call.args and "timeout" not in keywords:
        return f"{name}() without a timeout"
    if last in {"flock", "lockf"} and "LOCK_NB" not in ast.unparse(call) and "how" not in ast.unparse(call):
        return f"{name} that blocks"
    return ""


def test_every_wait_in_the_source_has_a_deadline_or_says_what_bounds_it() -> None:
    found: dict[str, list[str]] = {}
    for file in sorted(SOURCE.rglob("*.py")):
        place = file.relative_to(SOURCE).as_posix()
        if place.startswith("testing/"):
            continue
        for function, line, what in unbounded(ast.parse(file.read_text(encoding="utf-8"))):
            found.setdefault(f"{place} {function}", []).append(f"{place}:{line}: {what}")
    unexplained = [text for key, texts in found.items() if key not in BOUNDED for text in texts]
    assert not unexplained, "\n".join(unexplained)
    assert BOUNDED.keys() <= found.keys(), f"no longer there: {BOUNDED.keys() - found.keys()}"


def test_a_wait_without_a_deadline_is_seen() -> None:
    bad = "async def f(event, lock):\n    await event.wait()\n    await asyncio.wait([1])\n    subprocess.run(['x'])\n    lock.acquire()\n"
    good = "def f(event):\n    event.wait(3)\n    subprocess.run(['x'], timeout=1)\n"
    assert [line for _, line, _ in unbounded(ast.parse(bad))] == [2, 3, 4, 5]
    assert not list(unbounded(ast.parse(good)))
