"""Languages whose tests run by package: the package a changed file belongs to."""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from cherry.agent.validation.related.project import Project

_PACKAGE_NAME = re.compile(r'^\[package\][^\[]*?^name\s*=\s*"([\w-]+)"', re.MULTILINE)
_JAVASCRIPT = (".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts", ".vue", ".svelte")


def cargo_packages(changed: Sequence[str], project: Project) -> tuple[str, ...] | None:
    """Names of the packages that hold the files. None when a file belongs to none: the workspace itself has changed."""
    manifests = {path for path in project.files if PurePosixPath(path).name == "Cargo.toml"}
    names = []
    for path in changed:
        folder = next(
            (folder for folder in PurePosixPath(path).parents if str(folder / "Cargo.toml") in manifests), None
        )
        name = _PACKAGE_NAME.search(project.text(str(folder / "Cargo.toml"))) if folder is not None else None
        if name is None or PurePosixPath(path).name == "Cargo.lock":
            return None
        names.append(name[1])
    return tuple(sorted(set(names)))


def go_packages(changed: Sequence[str], project: Project) -> tuple[str, ...] | None:
    """Folders with Go files in them; None when the module itself has changed."""
    if any(PurePosixPath(path).name in ("go.mod", "go.sum", "go.work") for path in changed):
        return None
    holding = {str(PurePosixPath(path).parent) for path in project.files if path.endswith(".go")}
    folders = set()
    for path in changed:
        # Data below a package belongs to it: `testdata`, embedded files.
        own = next((str(folder) for folder in PurePosixPath(path).parents if str(folder) in holding), None)
        if own is not None:
            folders.add(own)
    return tuple(sorted(folders))


def javascript_sources(changed: Sequence[str], project: Project) -> tuple[str, ...] | None:
    """The runner itself follows imports from these; None when what is changed steers all tests."""
    if any(
        PurePosixPath(path).name in ("package.json", "tsconfig.json") or ".config." in PurePosixPath(path).name
        for path in changed
    ):
        return None
    present = set(project.files)
    return tuple(sorted(path for path in changed if path.endswith((*_JAVASCRIPT, ".json")) and path in present))
