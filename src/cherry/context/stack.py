"""What a project is built with, told from the files at its root. Nothing is run and no file of the project is executed.

A detector is a row: the file that gives it away, and the commands usual with it. Conditions look only at file names and at plain text
inside the marker file.
"""

import re
from pathlib import Path
from typing import NamedTuple

MAX_MARKER_BYTES = 1_000_000


class Stack(NamedTuple):
    languages: tuple[str, ...] = ()
    package_manager: str = ""
    test: str = ""
    """Command that runs the tests; empty when none was recognised."""
    lint: str = ""
    format: str = ""
    format_check: str = ""
    """Says what is not formatted and changes nothing."""


class Detector(NamedTuple):
    marker: str
    language: str = ""
    package_manager: str = ""
    contains: str = ""
    """Regular expression that must be found in the marker file."""
    test: str = ""
    lint: str = ""
    format: str = ""
    format_check: str = ""


DETECTORS = (
    Detector("uv.lock", "Python", "uv"),
    Detector("poetry.lock", "Python", "poetry"),
    Detector("pdm.lock", "Python", "pdm"),
    Detector("Pipfile", "Python", "pipenv"),
    Detector("pyproject.toml", "Python", "pip"),
    Detector("setup.py", "Python", "pip"),
    Detector("requirements.txt", "Python", "pip"),
    Detector("pyproject.toml", contains=r"(?m)^\[tool\.pytest|\"pytest\b", test="python3 -m pytest -q"),
    Detector("pytest.ini", test="python3 -m pytest -q"),
    Detector("tox.ini", contains=r"(?m)^\[pytest\]", test="python3 -m pytest -q"),
    Detector("setup.cfg", contains=r"(?m)^\[tool:pytest\]", test="python3 -m pytest -q"),
    Detector("pyproject.toml", contains=r"(?m)^\[tool\.ruff", lint="ruff check .", format="ruff format ."),
    Detector("ruff.toml", lint="ruff check .", format="ruff format ."),
    Detector(".ruff.toml", lint="ruff check .", format="ruff format ."),
    Detector("pyproject.toml", contains=r"(?m)^\[tool\.ruff\.format\]", format_check="ruff format --check ."),
    Detector("ruff.toml", contains=r"(?m)^\[format\]", format_check="ruff format --check ."),
    Detector(".ruff.toml", contains=r"(?m)^\[format\]", format_check="ruff format --check ."),
    Detector(".flake8", lint="flake8"),
    Detector("pnpm-lock.yaml", "JavaScript", "pnpm"),
    Detector("yarn.lock", "JavaScript", "yarn"),
    Detector("bun.lock", "JavaScript", "bun"),
    Detector("package.json", "JavaScript", "npm"),
    Detector("tsconfig.json", "TypeScript"),
    Detector("package.json", contains=r'"test"\s*:', test="npm test --silent"),
    Detector("package.json", contains=r'"lint"\s*:', lint="npm run --silent lint"),
    Detector(
        "Cargo.toml",
        "Rust",
        "cargo",
        test="cargo test",
        lint="cargo clippy",
        format="cargo fmt",
        format_check="cargo fmt --check",
    ),
    Detector(
        "go.mod", "Go", "go", test="go test ./...", lint="go vet ./...", format="gofmt -w .", format_check="gofmt -l ."
    ),
    Detector("pom.xml", "Java", "maven", test="mvn -q test"),
    Detector("build.gradle", "Java", "gradle", test="gradle test"),
    Detector("build.gradle.kts", "Kotlin", "gradle", test="gradle test"),
    Detector("Gemfile", "Ruby", "bundler"),
    Detector(".rspec", "Ruby", test="bundle exec rspec"),
    Detector("composer.json", "PHP", "composer"),
    Detector("mix.exs", "Elixir", "mix", test="mix test", format="mix format"),
    Detector("CMakeLists.txt", "C/C++", "cmake"),
    Detector("Makefile", contains=r"(?m)^test:", test="make test"),
    Detector("Makefile", contains=r"(?m)^lint:", lint="make lint"),
)
"""In order of preference: the first row that gives a value wins."""


def detect_stack(workspace: Path) -> Stack:
    """Looks at the root only; unreadable files count as absent."""
    languages: list[str] = []
    found: dict[str, str] = {}
    for row in DETECTORS:
        if not _fits(workspace / row.marker, row.contains):
            continue
        if row.language and row.language not in languages:
            languages.append(row.language)
        for name in ("package_manager", "test", "lint", "format", "format_check"):
            if value := getattr(row, name):
                found.setdefault(name, value)
    if "Python" in languages and "test" not in found and _has_python_tests(workspace):
        found["test"] = "python3 -m unittest"
    return Stack(languages=tuple(languages), **found)


def describe(stack: Stack) -> str:
    """One line for the model; empty when nothing was recognised."""
    parts = [", ".join(stack.languages)] if stack.languages else []
    parts += [f"{name}: `{value}`" for name, value in (("tests", stack.test), ("lint", stack.lint)) if value]
    return f"Project: {'; '.join(parts)}." if parts else ""


def _fits(marker: Path, contains: str) -> bool:
    try:
        if not marker.is_file():
            return False
        if not contains:
            return True
        if marker.stat().st_size > MAX_MARKER_BYTES:
            return False
        return re.search(contains, marker.read_text(encoding="utf-8", errors="replace")) is not None
    except OSError:
        return False


def _has_python_tests(workspace: Path) -> bool:
    for folder in (workspace, workspace / "tests", workspace / "test"):
        try:
            if any(path.name.startswith("test") and path.suffix == ".py" for path in folder.iterdir()):
                return True
        except OSError:
            continue
    return False
