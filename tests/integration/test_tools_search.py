"""Searching file contents, with ripgrep and without: the same questions, the same answers."""

import os
import shutil
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cherry.domain.errors import tools
from cherry.domain.views import SearchView
from cherry.testing.calls import ToolBench, tools_on

HAS_RIPGREP = shutil.which("rg") is not None


@pytest.fixture(params=["ripgrep", "python"])
async def bench(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[ToolBench]:
    if request.param == "ripgrep" and not HAS_RIPGREP:
        pytest.skip("no ripgrep here")
    (tmp_path / "work").mkdir()
    async with tools_on(tmp_path / "work", environ=environment(tmp_path, request.param)) as running:
        yield running


def environment(tmp_path: Path, kind: str) -> dict[str, str]:
    """With a PATH that has git, and ripgrep only if wanted."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("git", "rg") if kind == "ripgrep" else ("git",):
        (programs / name).symlink_to(shutil.which(name) or "")
    return {"PATH": str(programs), "HOME": str(tmp_path)}


async def test_matches_are_given_by_file_with_line_numbers(bench: ToolBench) -> None:
    (bench.workspace / "b.py").write_text("x\ndef two(): pass\n")
    (bench.workspace / "a.py").write_text("def one(): pass\n\ndef three(): pass\r\n")
    result = await bench.run("search.grep", pattern=r"^def \w+")
    assert result.text.startswith(
        "a.py\n1: def one(): pass\n3: def three(): pass\n\nb.py\n2: def two(): pass\n\n3 matches in 2 files."
    )
    assert result.view == SearchView(query=r"^def \w+", matches=3, files=2)
    assert result.untrusted


async def test_nothing_found_says_what_was_left_out(bench: ToolBench) -> None:
    (bench.workspace / "a").write_text("x\n")
    result = await bench.run("search.grep", pattern="nowhere")
    assert result.ok
    assert result.text.startswith("0 matches in 0 files.")


async def test_a_path_and_a_glob_narrow_the_search(bench: ToolBench) -> None:
    for name in ("a.py", "src/b.py", "src/deep/c.py", "src/d.js", "-odd/e.py"):
        (bench.workspace / name).parent.mkdir(parents=True, exist_ok=True)
        (bench.workspace / name).write_text("word\n")

    async def found(**arguments: str) -> list[str]:
        lines = (await bench.run("search.grep", pattern="word", **arguments)).text.split("\n")
        return [line for line in lines if (bench.workspace / line).is_file()]

    assert await found() == ["-odd/e.py", "a.py", "src/b.py", "src/d.js", "src/deep/c.py"]
    assert await found(path="src") == ["src/b.py", "src/d.js", "src/deep/c.py"]
    assert await found(path="src/b.py") == ["src/b.py"]
    assert await found(path="-odd") == ["-odd/e.py"]
    assert await found(glob="*.js") == ["src/d.js"]
    assert await found(glob="src/**/*.py") == ["src/b.py", "src/deep/c.py"]
    assert await found(path="src", glob="deep/*") == ["src/deep/c.py"]


async def test_what_git_ignores_is_left_out_unless_named(bench: ToolBench) -> None:
    subprocess.run(["git", "init", "-q"], cwd=bench.workspace, check=True)
    (bench.workspace / ".gitignore").write_text("build/\n*.log\n")
    for name in ("a.log", "build/b.txt", ".github/c.yml", "src/d.txt"):
        (bench.workspace / name).parent.mkdir(parents=True, exist_ok=True)
        (bench.workspace / name).write_text("word\n")
    text = (await bench.run("search.grep", pattern="word")).text
    assert "2 matches in 2 files" in text
    assert ".github/c.yml\n" in text
    assert "1 match in 1 file" in (await bench.run("search.grep", pattern="word", path="build")).text
    assert "0 matches" in (await bench.run("search.grep", pattern="word", glob="*.log")).text


async def test_secrets_are_neither_searched_nor_shown(bench: ToolBench) -> None:
    (bench.workspace / ".env").write_text("TOKEN=word\n")
    (bench.workspace / "key.pem").write_text("-----BEGIN RSA PRIVATE KEY-----\nword\n")
    (bench.workspace / "cert.pem").write_text("-----BEGIN CERTIFICATE-----\nword\n")
    result = await bench.run("search.grep", pattern="word|TOKEN")
    assert "1 match in 1 file" in result.text
    assert result.text.startswith("cert.pem\n")
    assert (await bench.run("search.grep", pattern="TOKEN", path=".env")).fault


async def test_pipes_links_binaries_and_odd_names_do_no_harm(bench: ToolBench, tmp_path: Path) -> None:
    (tmp_path / "outside.txt").write_text("word\n")
    (bench.workspace / "link").symlink_to(tmp_path / "outside.txt")
    (bench.workspace / "folder").symlink_to(tmp_path)
    (bench.workspace / "bin").write_bytes(b"word\0word\n")
    (bench.workspace / "two\nlines").write_text("word\n")
    (bench.workspace / "latin").write_bytes(b"word \xe4\n")
    os.mkfifo(bench.workspace / "pipe")
    result = await bench.run("search.grep", pattern="word")
    assert "2 matches in 2 files" in result.text
    assert "two\\x0alines\n1: word" in result.text
    assert "latin\n1: word \\xe4" in result.text


@pytest.mark.parametrize("pattern", ["(", "[a", "a{2,1}", "(?P<x", "*a"])
async def test_a_bad_pattern_is_explained(bench: ToolBench, pattern: str) -> None:
    (bench.workspace / "a").write_text("x\n")
    result = await bench.run("search.grep", pattern=pattern)
    assert result.fault, result.text
    assert result.fault.code == tools.BAD_PATTERN.code
    assert len(result.text) < 500


async def test_a_pattern_over_several_lines_is_refused(bench: ToolBench) -> None:
    for pattern in ("a\nb", r"a\nb"):
        result = await bench.run("search.grep", pattern=pattern)
        assert result.fault
        assert "one by one" in result.text


async def test_look_around_works(bench: ToolBench) -> None:
    (bench.workspace / "a").write_text("foobar\nfoobaz\nabab\n")
    assert "1 match " in (await bench.run("search.grep", pattern="foo(?!bar)")).text
    assert "1 match " in (await bench.run("search.grep", pattern=r"(ab)\1")).text


async def test_a_pattern_like_an_option_is_a_pattern(bench: ToolBench) -> None:
    (bench.workspace / "a").write_text("--version\n")
    assert "1 match " in (await bench.run("search.grep", pattern="--version")).text


async def test_long_lines_show_the_match(bench: ToolBench) -> None:
    (bench.workspace / "min.js").write_text("x" * 50_000 + "needle" + "y" * 50_000 + "\n")
    result = await bench.run("search.grep", pattern="needle")
    assert "xneedley" in result.text
    assert len(result.text) < 600


async def test_matches_are_bounded(bench: ToolBench) -> None:
    for number in range(10):
        (bench.workspace / f"f{number}").write_text("word\n" * 1000)
    result = await bench.run("search.grep", pattern="word")
    assert "300 matches" in result.text
    assert "Stopped at 300 matches" in result.text


async def test_a_missing_path_is_told(bench: ToolBench) -> None:
    result = await bench.run("search.grep", pattern="x", path="nope")
    assert result.fault
    assert result.fault.code == tools.NO_SUCH_PATH.code


async def test_an_empty_workspace_has_no_matches(bench: ToolBench) -> None:
    assert "0 matches" in (await bench.run("search.grep", pattern="x")).text


async def test_a_pattern_that_would_take_for_ever_is_ended(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "a").write_text("first needle\n" + "a" * 100 + "!\n")
    async with tools_on(tmp_path / "work", environ=environment(tmp_path, "python"), search_seconds=1.0) as bench:
        started = time.monotonic()
        result = await bench.run("search.grep", pattern="needle|(a+)+$")
        assert time.monotonic() - started < 10
        assert "first needle" in result.text
        assert "deadline search.grep" in result.text
