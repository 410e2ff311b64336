"""8.2 The agent's libraries and those of the user's project get into each other's way."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from cherry.testing.program import Program, provider
from cherry.testing.scripts import Script, ToolCall

OWN = ("click", "pydantic", "orjson", "httpx2", "json", "asyncio")
BOOM = "raise RuntimeError('the project of the user was imported')\n"


def test_naively_a_module_of_the_project_takes_the_place_of_a_library(cherry: Program) -> None:
    cherry.write("json.py", BOOM)
    words = [sys.executable, "-c", "import json"]
    assert subprocess.run(words, cwd=cherry.workspace, capture_output=True, check=False).returncode != 0


def test_modules_of_the_project_are_never_imported_by_cherry(cherry: Program) -> None:
    for name in OWN:
        cherry.write(f"{name}.py", BOOM)
    with provider(Script([ToolCall("fs.list"), ToolCall("git.status")], "Done.")) as double:
        ended = cherry.run("run", "go", double=double)
        assert (ended.code, ended.out) == (0, "Done.\n")


def test_the_project_runs_with_its_own_python_and_its_own_libraries(cherry: Program) -> None:
    cherry.write("library/click.py", "version = 'of the project'\n")
    run = ToolCall("shell.run", {"command": "cd library && python3 -c 'import click; print(click.version)'"})
    with provider(Script(run, "Done.")) as double:
        assert cherry.run("run", "--yes", "go", double=double).code == 0
        assert "of the project" in double.model_requests[-1].seen.results[0].text


def test_no_dependency_is_pinned() -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
    for dependency in project["dependencies"]:
        assert re.search(r">=[\d.]+,<", dependency), f"{dependency} is no range"
        assert "==" not in dependency
