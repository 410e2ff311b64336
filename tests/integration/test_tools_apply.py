"""`fs.apply`: one text that changes several files, all of them or none, on a real folder."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cherry.domain.calls import Result
from cherry.domain.errors import CherryError, edits, tools
from cherry.domain.errors.base import ErrorKind
from cherry.domain.events import ChangesApplied
from cherry.domain.views import DiffView
from cherry.testing.calls import ToolBench, tools_on

MANY = """\
*** Begin Patch
*** Add File: new/made.py
+print("made")
*** Update File: app.py
@@ def f():
-    return 1
+    return 2
*** Update File: old.py
*** Move to: moved.py
@@
-x = 1
+x = 2
*** Delete File: gone.py
*** End Patch
"""


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[ToolBench]:
    (tmp_path / "work").mkdir()
    async with tools_on(tmp_path / "work") as running:
        yield running


@pytest.fixture
def project(bench: ToolBench) -> Path:
    for name, text in {"app.py": "def f():\n    return 1\n", "old.py": "x = 1\ny = 1\n", "gone.py": "gone\n"}.items():
        (bench.workspace / name).write_text(text)
    return bench.workspace


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()}


def refused(result: Result, kind: ErrorKind, *words: str) -> None:
    assert result.fault, result.text
    assert result.fault.code == kind.code, result.text
    for word in words:
        assert word in result.text, result.text


async def test_a_patch_creates_changes_renames_and_deletes_in_one_change_set(bench: ToolBench, project: Path) -> None:
    result = await bench.run("fs.apply", patch=MANY)
    assert result.ok, result.text
    assert contents(project) == {
        "app.py": "def f():\n    return 2\n",
        "moved.py": "x = 2\ny = 1\n",
        "new/made.py": 'print("made")\n',
    }
    (applied,) = bench.events
    assert isinstance(applied, ChangesApplied)
    assert sorted(file.path for file in applied.files) == ["app.py", "gone.py", "moved.py", "new/made.py"]


async def test_leave_is_asked_once_with_every_path_and_what_happens_to_it(bench: ToolBench, project: Path) -> None:
    await bench.run("fs.apply", patch=MANY)
    (intent,) = bench.intents
    assert sorted(intent.writes) == ["app.py", "gone.py", "moved.py", "new/made.py", "old.py"]
    assert set(intent.expects) == set(intent.writes)
    assert isinstance(intent.view, DiffView)
    shown = {file.path: (file.change, file.old_path) for file in intent.view.files}
    assert shown == {
        "app.py": ("modified", ""),
        "gone.py": ("deleted", ""),
        "moved.py": ("renamed", "old.py"),
        "new/made.py": ("created", ""),
    }
    assert intent.title == "Change new/made.py, app.py and 3 more files"


async def test_a_mode_change_is_shown_beside_the_change_of_content(bench: ToolBench, project: Path) -> None:
    mode = "diff --git a/app.py b/app.py\nold mode 100644\nnew mode 100755\n"
    patch = mode + "--- a/app.py\n+++ b/app.py\n@@ -2 +2 @@\n-    return 1\n+    return 2\n"
    result = await bench.run("fs.apply", patch=patch)
    assert os.access(project / "app.py", os.X_OK)
    (intent,) = bench.intents
    assert isinstance(intent.view, DiffView)
    assert "new mode 755\n@@" in intent.view.files[0].unified
    assert "can be run now" in result.text


async def test_when_one_edit_has_no_place_nothing_is_changed_and_it_is_said(bench: ToolBench, project: Path) -> None:
    before = contents(project)
    result = await bench.run("fs.apply", patch=MANY.replace("-x = 1", "-x = 7"))
    refused(result, edits.NOT_FOUND, "moved.py", "Nothing was changed: all 5 edits")
    assert contents(project) == before
    assert bench.intents == []


async def test_when_leave_is_refused_nothing_is_changed(bench: ToolBench, project: Path) -> None:
    before = contents(project)
    bench.refuse = CherryError(tools.REJECTED)
    refused(await bench.run("fs.apply", patch=MANY), tools.REJECTED)
    assert contents(project) == before


@pytest.mark.parametrize(
    "patch",
    [
        "--- a/app.py\n+++ b/app.py\n@@ -1,2 +1,2 @@\n def f():\n-    return 1\n+    return 2\n",
        "app.py\n<<<<<<< SEARCH\n    return 1\n=======\n    return 2\n>>>>>>> REPLACE\n",
        '{"edits": [{"path": "app.py", "old": "return 1", "new": "return 2"}]}',
        "*** Begin Patch\n*** Update File: app.py\n-    return 1\n+    return 2\n",
        "apply_patch <<'EOF'\n*** Begin Patch\n*** Update File: app.py\n-    return 1\n+    return 2\n*** End Patch\nEOF\n",
        "```\n*** Begin Patch\n*** Update File: app.py\n-    return 1\n+    return 2\n*** End Patch\n```\n",
    ],
)
async def test_any_format_that_names_its_files_is_applied(bench: ToolBench, project: Path, patch: str) -> None:
    result = await bench.run("fs.apply", patch=patch)
    assert result.ok, result.text
    assert (project / "app.py").read_text() == "def f():\n    return 2\n"


async def test_formats_may_be_mixed_and_none_is_passed_over(bench: ToolBench, project: Path) -> None:
    patch = (
        "*** Begin Patch\n*** Delete File: gone.py\n*** End Patch\n"
        "app.py\n<<<<<<< SEARCH\n    return 1\n=======\n    return 2\n>>>>>>> REPLACE\n"
    )
    assert (await bench.run("fs.apply", patch=patch)).ok
    assert contents(project) == {"app.py": "def f():\n    return 2\n", "old.py": "x = 1\ny = 1\n"}


@pytest.mark.parametrize(
    ("patch", "words"),
    [
        ("make it better", ["no `*** Begin Patch`"]),
        ("", ["no `*** Begin Patch`"]),
        ("*** Begin Patch\n*** Update File: app.py\n*** End Patch\n", ["app.py, line 2 of", "without saying how"]),
        ("*** Begin Patch\n*** Add File: a\n+x\ny\n*** End Patch\n", ["a, line 2 of", "its line 2"]),
        ("app.py\n<<<<<<< SEARCH\na\n>>>>>>> REPLACE\n", ["app.py, line 2 of", "no `=======` line"]),
        ("@@ -1 +1 @@\n-a\n+b\n", ["line 1 of", "which file"]),
        (
            "app.py\n<<<<<<< SEARCH\n    return 1\n=======\n    return 2\n>>>>>>> REPLACE\n\nold.py\n<<<<<<< SEARCH\nx\n",
            ["old.py, line 9 of", "the answer ends inside it"],
        ),
    ],
)
async def test_what_cannot_be_read_is_refused_with_the_fault_and_its_line(
    bench: ToolBench, project: Path, patch: str, words: list[str]
) -> None:
    before = contents(project)
    refused(await bench.run("fs.apply", patch=patch), edits.MALFORMED, "Nothing was changed", *words)
    assert contents(project) == before


async def test_a_file_that_was_not_read_is_not_overwritten(bench: ToolBench, project: Path) -> None:
    patch = "*** Begin Patch\n*** Add File: app.py\n+mine\n*** End Patch\n"
    refused(await bench.run("fs.apply", patch=patch), edits.STALE, "app.py")
    await bench.run("fs.read", path="app.py")
    assert (await bench.run("fs.apply", patch=patch)).ok
    assert (project / "app.py").read_text() == "mine\n"


@pytest.mark.parametrize("path", ["../outside.py", "/etc/passwd", ".git/config"])
async def test_no_part_of_a_patch_leaves_the_workspace(bench: ToolBench, project: Path, path: str) -> None:
    before = contents(project)
    patch = f"*** Begin Patch\n*** Delete File: gone.py\n*** Add File: {path}\n+x\n*** End Patch\n"
    assert not (await bench.run("fs.apply", patch=patch)).ok
    assert contents(project) == before


async def test_a_title_names_the_files_and_is_given_for_odd_arguments_too(bench: ToolBench) -> None:
    title = bench.toolbox.find("fs.apply").title
    assert title({"patch": MANY}) == "Change new/made.py, app.py and 3 more files"
    assert title({"patch": "*** Begin Patch\n*** Delete File: a.py\n*** End Patch"}) == "Change a.py"
    for odd in ({}, {"patch": None}, {"patch": "no patch"}, {"patch": "x" * 10_000_000}):
        assert title(odd) == "Apply changes"


async def test_the_description_is_short(bench: ToolBench) -> None:
    assert len(bench.toolbox.find("fs.apply").definition.description) <= 350
