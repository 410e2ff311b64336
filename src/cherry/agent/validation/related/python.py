"""Python: the test modules that import a changed module, straight or through others, or name it.

A module is known by every dotted name it may be imported by. That errs on the side of too many tests: a name that fits several
modules counts for each.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath

from cherry.agent.validation.related.project import Project, texts

_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+(?P<module>\.*[\w.]*)[ \t]+import[ \t]*(?:\((?P<many>[^)]*)\)|(?P<names>[^#\n;]*))"
    r"|import[ \t]+(?P<modules>[^#\n;]+))",
    re.MULTILINE,
)
_NAME = re.compile(r"[A-Za-z_]\w*")
_LONGEST_MANY = 20_000


def related_test_files(changed: Sequence[str], project: Project) -> tuple[str, ...]:
    """Existing test modules, sorted. Raises TooLarge."""
    modules = [path for path in project.files if path.endswith(".py")]
    tests = {path for path in modules if is_test_file(path)}
    importers: dict[str, set[str]] = defaultdict(set)
    named: set[str] = set()
    present: set[str] = set()
    """A listing may name files that are gone."""
    by_name = _by_name(modules)
    words = _words(changed)

    def read(path: str, text: str) -> None:
        if text:
            present.add(path)
        for name in _imported(text, path):
            for module in by_name.get(name, ()):
                importers[module].add(path)
        if path in tests and words and words.search(text):
            named.add(path)

    texts(project, modules, read)
    reached = _closure(changed, importers)
    conftests = [PurePosixPath(path).parent for path in reached if PurePosixPath(path).name == "conftest.py"]
    below = {path for path in tests if any(_is_below(path, folder) for folder in conftests)}
    return tuple(sorted((reached | named | below) & tests & present))


def is_test_file(path: str) -> bool:
    name = PurePosixPath(path).name
    return name.endswith(".py") and (
        name.startswith("test_") or name.endswith(("_test.py", "_tests.py")) or name in ("test.py", "tests.py")
    )


def _by_name(modules: Iterable[str]) -> dict[str, list[str]]:
    """Dotted name → modules. The last word alone only where the folder is no package."""
    packages = {str(PurePosixPath(path).parent) for path in modules if PurePosixPath(path).name == "__init__.py"}
    found: dict[str, list[str]] = defaultdict(list)
    for path in modules:
        parts = _dotted(path)
        in_package = str(PurePosixPath(path).parent) in packages and PurePosixPath(path).name != "__init__.py"
        for start in range(len(parts)):
            if start < len(parts) - 1 or not in_package or len(parts) == 1:
                found[".".join(parts[start:])].append(path)
    return found


def _dotted(path: str) -> tuple[str, ...]:
    parts = PurePosixPath(path).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts


def _imported(text: str, path: str) -> Iterator[str]:
    """Each dotted name that may be a module."""
    package = _dotted(path) if PurePosixPath(path).name == "__init__.py" else _dotted(path)[:-1]
    for found in _IMPORT.finditer(text):
        if found["modules"] is not None:
            for piece in found["modules"].split(","):
                yield from _prefixes(piece.split(" as ")[0].strip())
            continue
        base = _absolute(found["module"], package)
        yield from _prefixes(base)
        names = (found["many"] or found["names"] or "")[:_LONGEST_MANY]
        for piece in names.split(","):
            if name := _NAME.match(piece.strip()):
                yield f"{base}.{name[0]}" if base else name[0]


def _absolute(module: str, package: tuple[str, ...]) -> str:
    level = len(module) - len(module.lstrip("."))
    if not level:
        return module
    outer = package[: len(package) - (level - 1)] if level - 1 <= len(package) else ()
    return ".".join([*outer, *([rest] if (rest := module.lstrip(".")) else [])])


def _prefixes(name: str) -> Iterator[str]:
    """Importing `a.b.c` runs `a` and `a.b` too."""
    parts = [part for part in name.split(".") if part]
    for end in range(1, len(parts) + 1):
        yield ".".join(parts[:end])


def _words(changed: Sequence[str]) -> "re.Pattern[str] | None":
    """What names a changed file in a text: a module in a string to be patched, a data file by its name."""
    words = []
    for path in changed:
        if path.endswith(".py"):
            parts = _dotted(path)
            words += [r"\.".join(re.escape(part) for part in parts[-2:])] if len(parts) > 1 else []
        elif len(name := PurePosixPath(path).name) > 3:
            words.append(re.escape(name))
    return re.compile(rf"(?<![\w.])(?:[\w.]+\.)?(?:{'|'.join(words)})(?!\w)") if words else None


def _closure(changed: Iterable[str], importers: dict[str, set[str]]) -> set[str]:
    reached = set(changed)
    waiting = list(reached)
    while waiting:
        for importer in importers.get(waiting.pop(), ()):
            if importer not in reached:
                reached.add(importer)
                waiting.append(importer)
    return reached


def _is_below(path: str, folder: PurePosixPath) -> bool:
    return str(folder) == "." or path.startswith(f"{folder}/")
