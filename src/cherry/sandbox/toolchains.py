"""Where languages and their tools live under a home folder, as data, and which of it commands on PATH need.

A home folder itself is never shown to a command: beside the tools lie keys, tokens and other projects.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

SYSTEM_FOLDERS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store")
PACKAGE_FOLDERS = ("/opt", "/snap", "/home/linuxbrew")
"""Each folder directly below is one package; shown when PATH leads into it."""


class Toolchain(NamedTuple):
    folders: tuple[str, ...]
    """Below the home folder, shown read-only when they exist."""
    variable: str = ""
    """Set to the first folder, because the command's home is another one."""


TOOLCHAINS: tuple[Toolchain, ...] = (
    Toolchain((".pyenv",), "PYENV_ROOT"),
    Toolchain((".rbenv",), "RBENV_ROOT"),
    Toolchain((".nodenv",), "NODENV_ROOT"),
    Toolchain((".nvm",), "NVM_DIR"),
    Toolchain((".volta",), "VOLTA_HOME"),
    Toolchain((".sdkman",), "SDKMAN_DIR"),
    Toolchain((".asdf",), "ASDF_DATA_DIR"),
    Toolchain((".rustup",), "RUSTUP_HOME"),
    Toolchain((".cargo/bin",)),
    Toolchain((".local/bin", ".local/lib", ".local/pipx", ".local/share/pipx/venvs")),
    Toolchain((".local/share/uv/python", ".local/share/uv/tools")),
    Toolchain((".local/share/mise/installs", ".local/share/mise/shims")),
    Toolchain((".local/share/fnm", ".local/share/pnpm", ".local/share/rtx/installs")),
    Toolchain((".local/share/hatch/pythons", ".local/share/pypoetry/venv")),
    Toolchain((".bun/bin",)),
    Toolchain((".deno/bin",)),
    Toolchain((".dotnet",), "DOTNET_ROOT"),
    Toolchain((".ghcup/bin", ".ghcup/ghc")),
    Toolchain((".juliaup", ".julia/juliaup")),
    Toolchain((".opam",), "OPAMROOT"),
    Toolchain((".rye/shims", ".rye/py", ".rye/self")),
    Toolchain((".gvm/gos", ".gvm/bin")),
    Toolchain(("go/bin",)),
    Toolchain(("go/pkg/mod",), "GOMODCACHE"),
    Toolchain(("miniconda3",)),
    Toolchain(("anaconda3",)),
    Toolchain(("miniforge3",)),
    Toolchain((".npm-global", ".yarn/bin")),
)
"""Chosen so that what keeps credentials beside the tools (`.cargo/credentials.toml`, `.m2/settings.xml`) stays out."""

KEPT_VARIABLES = frozenset(
    {
        *(
            "LANG",
            "LC_ALL",
            "LC_CTYPE",
            "TERM",
            "COLORTERM",
            "TZ",
            "NO_COLOR",
            "JAVA_HOME",
            "GOROOT",
            "RUSTUP_TOOLCHAIN",
        ),
        *(
            "PYENV_VERSION",
            "NODE_VERSION",
            "SSL_CERT_FILE",
            "SSL_CERT_DIR",
            "NODE_EXTRA_CA_CERTS",
            "REQUESTS_CA_BUNDLE",
        ),
        *("PYTHONDONTWRITEBYTECODE", "SOURCE_DATE_EPOCH", "CONDA_PREFIX", "VIRTUAL_ENV"),
    }
)
"""Taken over from Cherry's own environment: none of them ever holds a secret."""


class Tools(NamedTuple):
    """What a command needs besides the system folders."""

    folders: tuple[Path, ...]
    """Shown read-only; real paths, none inside another."""
    path: str
    """PATH, without the folders that are not shown."""
    variables: dict[str, str]


def find_tools(
    environ: Mapping[str, str], *, extra: tuple[Path, ...] = (), reaches: Callable[[Path], bool] = lambda _path: True
) -> Tools:
    """Looks at PATH and the home folder named in `environ`; `extra` is shown besides; what is not reached is left out."""
    home = Path(environ.get("HOME") or "/nonexistent")
    folders: set[Path] = {Path(os.path.realpath(path)) for path in extra if _is_there(path)}
    variables = {name: environ[name] for name in KEPT_VARIABLES if name in environ}
    for toolchain in TOOLCHAINS:
        candidates = [home / folder for folder in toolchain.folders]
        present = [folder for folder in candidates if _is_folder(folder) and reaches(folder)]
        folders |= {Path(os.path.realpath(folder)) for folder in present}
        if present and toolchain.variable:
            variables[toolchain.variable] = str(present[0])
    entries = [entry for entry in environ.get("PATH", "").split(":") if entry.startswith("/") and _is_folder(entry)]
    for entry in entries:
        if (found := _package_of(Path(os.path.realpath(entry)), home)) is not None:
            folders.add(found)
    shown = outermost({folder for folder in folders if reaches(folder)})
    kept = [entry for entry in dict.fromkeys(entries) if is_shown(Path(os.path.realpath(entry)), shown)]
    return Tools(shown, ":".join(kept) or "/usr/local/bin:/usr/bin:/bin", variables)


def _package_of(folder: Path, home: Path) -> Path | None:
    """The installation a folder of PATH belongs to: the smallest one that holds its libraries, never a home folder."""
    if is_below(folder, SYSTEM_FOLDERS):
        return None
    for place in PACKAGE_FOLDERS:
        if is_below(folder, (place,)) and str(folder) != place:
            return Path(place, folder.relative_to(place).parts[0])
    prefix = folder.parent
    holds_libraries = any(_is_there(prefix / name) for name in ("pyvenv.cfg", "lib", "lib64"))
    if folder.name == "bin" and holds_libraries and not home.is_relative_to(prefix):
        return prefix
    return folder if not home.is_relative_to(folder) else None


def _is_folder(path: Path | str) -> bool:
    """What may not be looked at is not there for us; `Path.is_dir` would raise."""
    return os.path.isdir(path)  # noqa: PTH112


def _is_there(path: Path) -> bool:
    return os.path.exists(path)  # noqa: PTH110


def is_below(path: Path, places: tuple[str, ...]) -> bool:
    return any(path == Path(place) or path.is_relative_to(place) for place in places)


def is_shown(path: Path, shown: tuple[Path, ...]) -> bool:
    return is_below(path, SYSTEM_FOLDERS) or any(path == folder or path.is_relative_to(folder) for folder in shown)


def outermost(folders: set[Path]) -> tuple[Path, ...]:
    """Without those that lie inside another or inside a system folder."""
    kept: list[Path] = []
    for folder in sorted(folders, key=lambda path: len(path.parts)):
        if not is_below(folder, SYSTEM_FOLDERS) and not any(folder.is_relative_to(outer) for outer in kept):
            kept.append(folder)
    return tuple(kept)
