"""What a project is built with is told from its files; nothing of it is run."""

from pathlib import Path

import pytest

from cherry.context.instructions import project_instructions
from cherry.context.stack import Stack, describe, detect_stack


def files(folder: Path, **contents: str) -> Path:
    for name, text in contents.items():
        path = folder / name.replace("__", "/").replace("_toml", ".toml").replace("_json", ".json").replace(
            "_lock", ".lock"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.mark.parametrize(
    ("contents", "expected"),
    [
        ({}, Stack()),
        (
            {"pyproject_toml": "[tool.pytest.ini_options]\n[tool.ruff]\n", "uv_lock": ""},
            Stack(("Python",), "uv", "python3 -m pytest -q", "ruff check .", "ruff format ."),
        ),
        (
            {"pyproject_toml": "[project]\n", "tests__test_a.py": ""},
            Stack(("Python",), "pip", "python3 -m unittest"),
        ),
        (
            {"package_json": '{"scripts": {"test": "vitest"}}', "tsconfig_json": "{}"},
            Stack(("JavaScript", "TypeScript"), "npm", "npm test --silent"),
        ),
        ({"Cargo_toml": ""}, Stack(("Rust",), "cargo", "cargo test", "cargo clippy", "cargo fmt")),
        ({"Makefile": "test:\n\ttrue\n"}, Stack((), "", "make test")),
    ],
)
def test_the_stack_is_told_from_marker_files(tmp_path: Path, contents: dict[str, str], expected: Stack):
    assert detect_stack(files(tmp_path, **contents))[:5] == expected[:5]


def test_what_cannot_be_read_counts_as_absent(tmp_path: Path):
    (tmp_path / "pyproject.toml").mkdir()
    (tmp_path / "package.json").symlink_to(tmp_path / "package.json")
    assert detect_stack(tmp_path) == Stack()


def test_the_description_names_languages_and_commands():
    assert describe(Stack(("Go",), "go", "go test ./...")) == "Project: Go; tests: `go test ./...`."
    assert describe(Stack()) == ""


def test_the_projects_notes_are_read_from_a_regular_file_only(tmp_path: Path):
    outside = tmp_path / "secret"
    outside.write_text("key")
    workspace = tmp_path / "work"
    workspace.mkdir()
    (workspace / "AGENTS.md").symlink_to(outside)
    assert project_instructions(workspace) == ""
    (workspace / "CLAUDE.md").write_text("Use tabs.\n")
    assert "Use tabs." in project_instructions(workspace)


def test_long_notes_are_cut(tmp_path: Path):
    (tmp_path / "AGENTS.md").write_text("x" * 100_000)
    assert len(project_instructions(tmp_path)) < 7_000
