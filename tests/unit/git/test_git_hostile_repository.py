"""Nothing a repository's own configuration names is ever run."""

import os
import subprocess
from pathlib import Path

import pytest

from cherry.git.command import Git
from cherry.git.commit import commit, plan_commit
from cherry.git.diff import read_diff
from cherry.git.listing import list_files
from cherry.git.log import read_log
from cherry.git.status import read_status


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "repo"
    root.mkdir()
    run(root, "init", "-q", "-b", "main")
    (root / "a.txt").write_text("one\n")
    (root / "b.bin").write_text("x\n")
    run(root, "add", "-A")
    run(root, "commit", "-qm", "first")
    return root


def run(root: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
    return subprocess.run(["git", *identity, *arguments], cwd=root, check=True, capture_output=True, text=True).stdout


def environ(tmp_path: Path) -> dict[str, str]:
    who = {
        f"GIT_{role}_{what}": value
        for role in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "T"), ("EMAIL", "t@e"))
    }
    return {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **who}


CONFIGURATION = (
    *("core.fsmonitor", "core.pager", "pager.log", "pager.diff", "pager.status", "core.editor", "sequence.editor"),
    *("diff.external", "diff.mine.command", "diff.mine.textconv", "filter.mine.clean", "filter.mine.smudge"),
    *(
        "filter.long.process",
        "gpg.program",
        "core.askPass",
        "core.sshCommand",
        "gc.recentObjectsHook",
        "credential.helper",
    ),
)
SWITCHES = {
    "filter.mine.required": "true",
    "filter.long.required": "true",
    "commit.gpgSign": "true",
    "log.showSignature": "true",
    "commit.verbose": "true",
    "gc.auto": "1",
    "remote.origin.promisor": "true",
    "extensions.partialClone": "origin",
}
HOOKS = ("pre-commit", "commit-msg", "post-commit", "prepare-commit-msg", "post-index-change", "reference-transaction")


@pytest.mark.parametrize("where", ["config", "included", "worktree"])
async def test_no_program_named_in_the_configuration_runs(folder: Path, tmp_path: Path, where: str) -> None:
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for hook in HOOKS:
        make_trap(hooks / hook, tmp_path)
        make_trap(folder / ".git/hooks" / hook, tmp_path)
    traps = {key: str(make_trap(tmp_path / f"trap-{key}", tmp_path)) for key in CONFIGURATION}
    transport = make_trap(tmp_path / "trap-transport", tmp_path)
    more = {"core.hooksPath": str(hooks), "remote.origin.url": f"ext::{transport}"}
    write_configuration(folder, {**traps, **SWITCHES, **more}, where)
    (folder / ".gitattributes").write_text("* filter=mine diff=mine\nb.bin filter=long\n")
    (folder / "a.txt").write_text("two\n")
    (folder / "b.bin").write_text("two\n")
    git = Git(folder, environ(tmp_path))
    await read_status(git)
    await read_diff(git)
    await read_log(git)
    await list_files(git)
    await commit(git, await plan_commit(git, ["a.txt", "b.bin", ".gitattributes"]), "second")
    (folder / "a.txt").write_text("three\n")
    await read_diff(git, staged=True)
    await read_diff(git)
    assert sorted(path.name for path in tmp_path.glob("ran-*")) == []
    assert run(folder, "cat-file", "-p", "HEAD:a.txt") == "two\n"


def make_trap(path: Path, traces: Path) -> Path:
    """A program that leaves a trace of its own name when it is run."""
    path.write_text(f'#!/bin/sh\ntouch "{traces}/ran-{path.name}"\ncat\n')
    path.chmod(0o755)
    return path


def write_configuration(folder: Path, values: dict[str, str], where: str) -> None:
    file = {"config": ".git/config", "included": ".git/more", "worktree": ".git/config.worktree"}[where]
    if where == "worktree":
        run(folder, "config", "extensions.worktreeConfig", "true")
    if where == "included":
        run(folder, "config", "include.path", "more")
    text = ""
    for key, value in values.items():
        section, _, name = key.rpartition(".")
        head, _, sub = section.partition(".")
        quoted = f' "{sub}"' if sub else ""
        text += f'[{head}{quoted}]\n\t{name} = "{value}"\n'
    with (folder / file).open("a") as configuration:
        configuration.write(text)


async def test_a_submodule_is_not_entered(folder: Path, tmp_path: Path) -> None:
    inner = folder / "inner"
    inner.mkdir()
    run(inner, "init", "-q")
    run(inner, "commit", "-qm", "inner", "--allow-empty")
    run(folder, "-c", "advice.addEmbeddedRepo=false", "add", "inner")
    trap = make_trap(tmp_path / "trap", tmp_path)
    write_configuration(inner, {"core.fsmonitor": str(trap), "filter.x.clean": str(trap)}, "config")
    (inner / ".gitattributes").write_text("* filter=x\n")
    (folder / "a.txt").write_text("two\n")
    git = Git(folder, environ(tmp_path))
    await read_status(git)
    await read_diff(git)
    await commit(git, await plan_commit(git, ["a.txt", "inner"]), "second")
    assert not (tmp_path / "ran-trap").exists()


async def test_the_traps_do_spring_for_an_unguarded_git(folder: Path, tmp_path: Path) -> None:
    trap = make_trap(tmp_path / "trap", tmp_path)
    write_configuration(folder, {"filter.mine.clean": str(trap)}, "included")
    (folder / ".gitattributes").write_text("* filter=mine\n")
    (folder / "a.txt").write_text("two\n")
    run(folder, "diff")
    assert (tmp_path / "ran-trap").exists()


async def test_filters_of_the_users_own_configuration_stay(folder: Path, tmp_path: Path) -> None:
    (tmp_path / ".gitconfig").write_text('[filter "upper"]\n\tclean = tr a-z A-Z\n')
    (folder / ".gitattributes").write_text("a.txt filter=upper\n")
    (folder / "a.txt").write_text("shout\n")
    git = Git(folder, environ(tmp_path))
    await commit(git, await plan_commit(git, ["a.txt"]), "second")
    assert run(folder, "cat-file", "-p", "HEAD:a.txt") == "SHOUT\n"


async def test_the_large_file_extension_is_not_taken_for_hostile(folder: Path, tmp_path: Path) -> None:
    run(folder, "config", "filter.lfs.clean", "git-lfs clean -- %f")
    run(folder, "config", "filter.lfs.process", "git-lfs filter-process")
    assert await Git(folder, environ(tmp_path)).neutral_filters() == ()


async def test_a_git_below_the_repository_is_not_run(folder: Path, tmp_path: Path) -> None:
    make_trap(folder / "git", tmp_path)
    variables = {**environ(tmp_path), "PATH": f".::{folder.name}:{os.environ['PATH']}"}
    await read_status(Git(folder, variables))
    assert not (tmp_path / "ran-git").exists()


async def test_variables_of_an_outer_git_do_not_lead_elsewhere(folder: Path, tmp_path: Path) -> None:
    variables = {
        **environ(tmp_path),
        "GIT_DIR": "/nonexistent",
        "GIT_INDEX_FILE": "/nonexistent",
        "GIT_CONFIG_COUNT": "x",
    }
    assert (await read_status(Git(folder, variables))).branch == "main"
