"""The examples in the guides run.

Each ```python block of docs/guides/*.md is complete: it is run in a namespace and a folder of its own, then its functions
called `test_…` are run, coroutines included. A block that must not be run is marked ```python no-run.
"""

import asyncio
import inspect
import json
import re
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

from cherry.testing.script_files import read_script
from cherry.testing.scripts import Script

_GUIDES = Path(__file__).resolve().parents[3] / "docs" / "guides"
_BLOCK = re.compile(r"^```(?P<language>\w+)(?P<marks>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


class Example(NamedTuple):
    guide: Path
    line: int
    language: str
    text: str


def examples(language: str, guides: Path = _GUIDES) -> list[Example]:
    """The blocks of one language in all guides that are not marked `no-run`."""
    found = []
    for guide in sorted(guides.glob("*.md")):
        whole = guide.read_text(encoding="utf-8")
        for block in _BLOCK.finditer(whole):
            if block["language"] == language and "no-run" not in block["marks"]:
                line = whole.count("\n", 0, block.start("text")) + 1
                found.append(Example(guide, line, language, block["text"]))
    return found


def run_example(example: Example) -> None:
    """Errors point at the line of the guide."""
    code = compile("\n" * (example.line - 1) + example.text, str(example.guide), "exec", dont_inherit=True)
    module = ModuleType("example")
    exec(code, module.__dict__)
    for name, value in list(vars(module).items()):
        if name.startswith("test_") and inspect.isfunction(value):
            outcome = value()
            if inspect.iscoroutine(outcome):
                asyncio.run(outcome)


def _name(example: Example) -> str:
    return f"{example.guide.stem}-line-{example.line}"


@pytest.mark.parametrize("example", examples("python"), ids=_name)
def test_the_example_runs(example: Example, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run_example(example)


@pytest.mark.parametrize("example", [e for e in examples("json") if e.guide.name == "testing.md"], ids=_name)
def test_the_script_of_the_testing_guide_can_be_read(example: Example) -> None:
    assert isinstance(read_script(json.loads(example.text)), Script)


def test_an_example_that_is_wrong_fails_at_its_line(tmp_path: Path) -> None:
    guide = tmp_path / "guide.md"
    guide.write_text("# A guide\n\n```python\nx = 1\nassert x == 2\n```\n\n```python no-run\nboom\n```\n")
    [example] = examples("python", tmp_path)
    with pytest.raises(AssertionError) as raised:
        run_example(example)
    assert raised.traceback[-1].path == guide
    assert raised.traceback[-1].lineno == 4


def test_the_tests_of_an_example_are_run_too(tmp_path: Path) -> None:
    guide = tmp_path / "guide.md"
    guide.write_text("```python\nasync def test_it() -> None:\n    raise LookupError('run')\n```\n")
    [example] = examples("python", tmp_path)
    with pytest.raises(LookupError, match="run"):
        run_example(example)
