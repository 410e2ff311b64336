"""Which tests have to do with changed files."""

import threading
from pathlib import Path

import pytest

from cherry.agent.validation.related.project import Project
from cherry.agent.validation.runners import EVERYTHING, command_for, runner_of, units_of
from cherry.agent.validation.sources import Sources
from cherry.security.jail import Jail


@pytest.fixture
def project(tmp_path: Path):
    def make(files: dict[str, str]) -> Project:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return Project(tuple(sorted(files)), Sources(Jail(tmp_path)), threading.Event())

    return make


def related(project: Project, *changed: str, command: str = "pytest -q") -> tuple[str, ...]:
    return units_of(runner_of(command, project), changed, project)


@pytest.mark.parametrize(
    "line",
    [
        "import pkg.shop",
        "import pkg.shop as s, os",
        "from pkg import shop",
        "from pkg import (\n    basket,\n    shop,\n)",
        "from pkg.shop import total",
        "    from pkg.shop import total  # inside a function",
        "from ..pkg.shop import total",
        "def f():\n    patch('pkg.shop.total')",
    ],
)
def test_a_test_that_imports_or_names_the_module_is_related(project, line):
    made = project(
        {"pkg/__init__.py": "", "pkg/shop.py": "x", "tests/test_a.py": f"{line}\n", "tests/test_b.py": "import pkg\n"}
    )
    assert related(made, "pkg/shop.py") == ("tests/test_a.py",)


def test_a_test_is_related_through_the_modules_between(project):
    made = project(
        {
            "src/pkg/__init__.py": "",
            "src/pkg/low.py": "x",
            "src/pkg/middle.py": "from . import low\n",
            "src/pkg/high.py": "from .middle import y\n",
            "tests/test_high.py": "from pkg.high import z\n",
            "tests/test_other.py": "from pkg.elsewhere import z\n",
        }
    )
    assert related(made, "src/pkg/low.py") == ("tests/test_high.py",)


def test_a_changed_package_reaches_everything_that_imports_from_it(project):
    made = project({"pkg/__init__.py": "x", "pkg/shop.py": "y", "tests/test_a.py": "from pkg.shop import y\n"})
    assert related(made, "pkg/__init__.py") == ("tests/test_a.py",)


def test_a_changed_test_runs_itself_and_a_conftest_all_below_it(project):
    made = project(
        {"tests/conftest.py": "x", "tests/unit/test_a.py": "1", "tests/test_b.py": "2", "other/test_c.py": "3"}
    )
    assert related(made, "tests/test_b.py") == ("tests/test_b.py",)
    assert related(made, "tests/conftest.py") == ("tests/test_b.py", "tests/unit/test_a.py")


def test_a_data_file_is_related_by_its_name(project):
    made = project({"tests/test_a.py": "open('data/prices.csv')", "tests/test_b.py": "1", "data/prices.csv": "1"})
    assert related(made, "data/prices.csv") == ("tests/test_a.py",)
    assert related(made, "README.md") == ()


def test_a_module_of_the_same_last_name_in_a_package_is_another(project):
    made = project({"pkg/__init__.py": "", "pkg/types.py": "x", "tests/test_a.py": "import types\n"})
    assert related(made, "pkg/types.py") == ()


def test_a_test_that_is_gone_is_not_run(project, tmp_path):
    made = project({"a.py": "x", "test_a.py": "import a\n"})
    (tmp_path / "test_a.py").unlink()
    assert related(made, "a.py") == ()


def test_modules_that_import_each_other_end_somewhere(project):
    made = project({"a.py": "import b\n", "b.py": "import a\n", "test_a.py": "import a\n"})
    assert related(made, "b.py") == ("test_a.py",)


def test_a_project_too_large_to_look_at_runs_everything(project):
    made = project({"a.py": "x", "test_a.py": "import a\n"})
    assert related(made._replace(files=tuple(f"m{n}.py" for n in range(30_000))), "a.py") == (EVERYTHING,)


def test_nobody_waiting_stops_the_reading(project):
    made = project({"a.py": "x", "test_a.py": "import a\n"})
    made.stop.set()
    assert related(made, "a.py") == (EVERYTHING,)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("pytest -q", "pytest -q tests/test_a.py 'tests/test b.py'"),
        ("python3 -m pytest -q tests", "python3 -m pytest -q tests/test_a.py 'tests/test b.py'"),
        ("pytest -m tests tests/", "pytest -m tests tests/test_a.py 'tests/test b.py'"),
        ("python3 -m unittest", "python3 -m unittest tests/test_a.py 'tests/test b.py'"),
    ],
)
def test_python_runners_are_given_files(project, command, expected):
    made = project({"a.py": "x", "tests/test_a.py": "import a", "tests/test b.py": "import a"})
    runner = runner_of(command, made)
    assert command_for(command, runner, ("tests/test_a.py", "tests/test b.py"), made) == expected


@pytest.mark.parametrize(
    "command", ["make test", "pytest && ruff check", "python3 -m unittest discover -s tests", "pytest 'a"]
)
def test_a_command_that_cannot_be_told_to_run_less_runs_everything(project, command):
    made = project({"a.py": "x", "test_a.py": "import a\n"})
    assert related(made, "a.py", command=command) == (EVERYTHING,)
    assert command_for(command, runner_of(command, made), (EVERYTHING,), made) == command


def test_jest_and_vitest_follow_imports_themselves(project):
    made = project({"package.json": '{"scripts": {"test": "jest --ci"}}', "src/a.ts": "x", "src/b.css": "y"})
    runner = runner_of("npm test --silent", made)
    units = units_of(runner, ["src/a.ts", "src/b.css", "src/gone.ts"], made)
    assert units == ("src/a.ts",)
    assert (
        command_for("npm test --silent", runner, units, made)
        == "npm test --silent -- --passWithNoTests --findRelatedTests src/a.ts"
    )
    assert units_of(runner, ["package.json"], made) == (EVERYTHING,)
    assert runner_of("npx vitest run", made).name == "vitest"
    assert command_for("npx vitest run", runner_of("npx vitest run", made), units, made).endswith(
        "related --run --passWithNoTests src/a.ts"
    )


def test_cargo_and_go_run_the_package_of_the_file(project):
    made = project(
        {
            "Cargo.toml": '[workspace]\nmembers = ["core"]\n',
            "core/Cargo.toml": '[package]\nname = "my-core"\nversion = "1"\n',
            "core/src/lib.rs": "x",
            "go.mod": "module m\n",
            "shop/shop.go": "x",
            "shop/testdata/a.txt": "y",
        }
    )
    cargo = runner_of("cargo test", made)
    assert units_of(cargo, ["core/src/lib.rs"], made) == ("my-core",)
    assert command_for("cargo test -- --nocapture", cargo, ("my-core",), made) == "cargo test -p my-core -- --nocapture"
    assert units_of(cargo, ["Cargo.toml"], made) == (EVERYTHING,)
    go = runner_of("go test ./...", made)
    assert units_of(go, ["shop/testdata/a.txt"], made) == ("shop",)
    assert command_for("go test -race ./...", go, ("shop",), made) == "go test -race ./shop"
    assert units_of(go, ["go.mod"], made) == (EVERYTHING,)


def test_a_file_name_cannot_become_an_option_or_a_command(project):
    made = project({"a.py": "x", "test_a.py": "import a\n"})
    runner = runner_of("pytest", made)
    assert command_for("pytest", runner, ("--help.py", "x; rm -rf y.py"), made) == "pytest ./--help.py 'x; rm -rf y.py'"
