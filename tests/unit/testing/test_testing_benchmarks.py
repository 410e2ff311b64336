"""The benchmarks measure whatever agent is on PATH, and hide no failure. They are run here on small stand-ins."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

_ROOT = Path(__file__).resolve().parents[3]

_TOOLS = ",".join(
    f'{{"type":"function","function":{{"name":"{name}","parameters":{{"type":"object"}}}}}}'
    for name in ("run_shell_command", "fs_edit")
).join("[]")

_AGENT = '''\
#!{python}
"""An agent of the smallest kind: one shell tool, chat completions, no streaming."""
import http.client, json, os, subprocess, sys, urllib.parse
if "--version" in sys.argv:
    print("tiny 1.0")
    sys.exit()
base = urllib.parse.urlsplit(os.environ["OPENAI_BASE_URL"])
tools = [
    {{"type": "function", "function": {{"name": name, "parameters": {{"type": "object"}}}}}}
    for name in ("run_shell_command", "fs_edit")
]
messages = [{{"role": "system", "content": "Be brief."}}, {{"role": "user", "content": sys.argv[-1]}}]
connection = http.client.HTTPConnection(base.netloc)
while True:
    body = json.dumps({{"model": "test", "messages": messages, "tools": tools}})
    connection.request("POST", base.path + "/chat/completions", body, {{"authorization": "Bearer x"}})
    said = json.load(connection.getresponse())["choices"][0]["message"]
    messages.append(said)
    if not said.get("tool_calls"):
        print(said["content"])
        break
    for call in said["tool_calls"]:
        asked = json.loads(call["function"]["arguments"])
        if call["function"]["name"] == "fs_edit":
            text = open(asked["path"]).read()
            open(asked["path"], "w").write(text.replace(asked["old"], asked["new"]))
            output = "edited"
        else:
            output = subprocess.run(asked["command"], shell=True, capture_output=True, text=True).stdout
        messages.append({{"role": "tool", "tool_call_id": call["id"], "content": output}})
'''


def _measure(folder: Path, program: str) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    """Run the benchmarks with this program in the place of the agent `qwen`."""
    agent = folder / "bin" / "qwen"
    agent.parent.mkdir()
    agent.write_text(program)
    agent.chmod(0o755)
    output = folder / "figures.json"
    command = [sys.executable, "-m", "benchmarks", "--quick", "--only", "qwen", "--output", str(output)]
    environment = {**os.environ, "PATH": f"{agent.parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(command, cwd=_ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert output.exists(), done.stdout + done.stderr
    return done, json.loads(output.read_text())


def test_an_agent_on_path_is_measured_in_every_row(tmp_path: Path) -> None:
    done, written = _measure(tmp_path, _AGENT.format(python=sys.executable))
    assert done.returncode == 0, done.stderr
    figures = written["agents"]["qwen"]
    assert {name for name, figure in figures.items() if figure["trouble"]} == set()
    assert figures["version.wall"]["median"] > 0
    assert figures["answer.cpu"]["median"] > 0
    assert figures["answer.rss"]["median"] >= figures["answer.pss"]["median"] > 2_000_000
    assert 0 < figures["step.10"]["median"] < 1
    assert figures["prompt.bytes"]["median"] == len("Be brief.") + len(_TOOLS)
    assert figures["edit.requests"]["median"] == 2
    assert written["versions"]["qwen"] == "tiny 1.0"
    assert "added per shell step, 10 steps" in done.stdout


@pytest.mark.parametrize(
    ("program", "trouble"),
    [
        ("#!/bin/sh\necho sorry >&2\nexit 3\n", "exit 3: sorry"),
        ("#!/bin/sh\necho I do not care\n", "the answer did not reach standard output"),
    ],
)
def test_a_failing_agent_is_reported_with_the_reason(tmp_path: Path, program: str, trouble: str) -> None:
    done, written = _measure(tmp_path, program)
    assert written["agents"]["qwen"]["answer.wall"]["trouble"] == trouble
    assert written["agents"]["qwen"]["answer.wall"]["median"] is None
    assert "failed" in done.stdout
    assert trouble in done.stdout


def test_an_unknown_agent_is_wrong_use() -> None:
    command = [sys.executable, "-m", "benchmarks", "--only", "nobody"]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode != 0
    assert "no such agent: nobody" in done.stderr
