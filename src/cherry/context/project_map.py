"""A map of the workspace within a budget: what a newcomer would look at first.

Folders with their file counts, then single files by importance, as far as the budget goes. Works from a list of paths; reads nothing.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

KEY_NAMES = (
    "README.md", "README.rst", "README", "AGENTS.md", "CLAUDE.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "pyproject.toml", "setup.py",
    "package.json", "tsconfig.json", "Cargo.toml", "go.mod", "pom.xml", "build.gradle", "Gemfile", "composer.json", "CMakeLists.txt",
    "Makefile", "justfile", "Dockerfile", "tox.ini", "pytest.ini",
)  # fmt: skip
ENTRY_STEMS = ("main", "__main__", "app", "cli", "index", "server", "manage", "lib", "mod")
MAX_PATHS = 200_000
MAX_NAME = 120
FIRST_OF_FOLDER = 4


def project_map(paths: Sequence[str], *, budget: int = 1_800) -> str:
    """Text of at most about `budget` characters from workspace-relative paths with `/`."""
    if not paths:
        return "The workspace is empty."
    shown = paths[:MAX_PATHS]
    lines = [f"Workspace map ({len(paths):,} files):", *_folders(shown, budget // 2)]
    used = sum(len(line) + 1 for line in lines)
    for path in _by_importance(shown):
        if used + len(path) + 3 > budget:
            lines.append("  …")
            break
        lines.append(f"  {path}")
        used += len(path) + 3
    return "\n".join(lines)


def _folders(paths: Iterable[str], budget: int) -> list[str]:
    counts: Counter[str] = Counter()
    for path in paths:
        parents = PurePosixPath(path).parent.parts
        for depth in range(1, min(len(parents), 2) + 1):
            counts["/".join(parents[:depth])] += 1
    lines: list[str] = []
    used = 0
    for folder in sorted(folder for folder, _ in counts.most_common(40)):
        line = f"  {_shortened(folder)}/ ({counts[folder]:,})"
        used += len(line) + 1
        if used > budget:
            break
        lines.append(line)
    return lines


def _by_importance(paths: Iterable[str]) -> list[str]:
    """The first few of each folder before the rest of any: a map shows what kinds of things there are."""
    shown: Counter[str] = Counter()
    first: list[str] = []
    rest: list[str] = []
    for path in sorted(paths, key=_rank):
        folder = path.rpartition("/")[0]
        shown[folder] += 1
        (first if shown[folder] <= FIRST_OF_FOLDER or not folder else rest).append(_shortened(path))
    return first + rest


def _rank(path: str) -> tuple[int, int, str]:
    pure = PurePosixPath(path)
    depth = len(pure.parts)
    if depth == 1 and pure.name in KEY_NAMES:
        return (0, KEY_NAMES.index(pure.name), path)
    if pure.name.startswith("."):
        return (4, depth, path)
    if pure.stem in ENTRY_STEMS:
        return (1, depth, path)
    is_test = "test" in pure.name.lower() or any("test" in part.lower() for part in pure.parts[:-1])
    return (3 if is_test else 2, depth, path)


def _shortened(path: str) -> str:
    plain = path.encode("utf-8", "replace").decode("utf-8").replace("\n", "\\n")
    return plain if len(plain) <= MAX_NAME else "…" + plain[-MAX_NAME + 1 :]
