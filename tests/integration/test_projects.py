"""`cherry init`: works in an empty folder and in an existing project, as often as one likes, without harm."""

import subprocess
from pathlib import Path

import pytest

from cherry.bootstrap.program import make_wiring
from cherry.config.loader import load
from cherry.kernel.paths import home_folders


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"CHERRY_HOME": str(tmp_path / "home"), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    return folder


async def prepare(environ: dict[str, str], folder: Path, *, git: bool = False) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for step in await make_wiring(environ).set_up_project(folder, name=folder.name, git=git):
        found.setdefault(step.state, []).append(step.text)
    return found


async def test_an_empty_folder_gets_settings_that_load(environ: dict[str, str], project: Path):
    await prepare(environ, project)
    assert "shop" in (project / ".cherry/config.toml").read_text()
    loaded = load(folders=home_folders(environ), environ=environ, workspace=project, project_trusted=True)
    assert loaded.project_file == project / ".cherry/config.toml"


async def test_a_folder_that_is_not_there_is_made(environ: dict[str, str], tmp_path: Path):
    await prepare(environ, tmp_path / "new")
    assert (tmp_path / "new/.cherry/config.toml").exists()


async def test_a_second_time_changes_nothing(environ: dict[str, str], project: Path):
    (project / "pyproject.toml").write_text("[tool.ruff]\n")
    await prepare(environ, project)
    (project / ".cherry/config.toml").write_text("# mine\n")
    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    again = await prepare(environ, project)
    assert {path: path.read_bytes() for path in project.rglob("*") if path.is_file()} == before
    assert "made" not in again


async def test_what_the_user_just_made_is_trusted_and_a_later_change_is_not(environ: dict[str, str], project: Path):
    wiring = make_wiring(environ)
    await prepare(environ, project)
    assert not wiring.load_settings(project, ()).notices
    (project / ".cherry/config.toml").write_text('[approvals]\nmode = "plan"\n')
    loaded = wiring.load_settings(project, ())
    assert loaded.settings.approvals.mode == "default", "a changed file does nothing before it is trusted"
    assert any("trust" in notice for notice in loaded.notices)


async def test_the_stack_is_told_and_its_test_command_allowed(environ: dict[str, str], project: Path):
    (project / "pyproject.toml").write_text("[tool.pytest.ini_options]\n[tool.ruff]\n")
    found = await prepare(environ, project)
    assert any("Python" in text and "pytest" in text for text in found["found"])
    rules = make_wiring(environ).load_settings(project, ()).settings.approvals.rules
    assert [(rule.tool, rule.command, rule.action) for rule in rules] == [
        ("shell.run", "python3 -m pytest -q", "allow")
    ]


async def test_a_repository_is_made_when_asked_and_kept_when_there(environ: dict[str, str], project: Path):
    assert any("git repository" in text for text in (await prepare(environ, project, git=True))["made"])
    inside = project / "part"
    inside.mkdir()
    assert any("git repository" in text for text in (await prepare(environ, inside, git=True))["kept"])
    top = subprocess.run(
        ["git", "rev-parse", "--show-toplevel"], cwd=inside, capture_output=True, text=True, check=True
    )
    assert Path(top.stdout.strip()) == project.resolve()


async def test_a_link_in_place_of_the_settings_is_not_written_through(
    environ: dict[str, str], project: Path, tmp_path: Path
):
    (project / ".cherry").mkdir()
    outside = tmp_path / "outside.toml"
    (project / ".cherry/config.toml").symlink_to(outside)
    await prepare(environ, project)
    assert not outside.exists()
