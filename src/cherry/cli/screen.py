"""Which stream shows what. In a terminal everything goes to standard output; in a pipe standard output carries the answer alone."""

import sys
from collections.abc import Mapping
from io import StringIO
from typing import Literal, NamedTuple

from cherry.cli.render.output import Abilities, Output, abilities_of
from cherry.cli.render.style import Style
from cherry.cli.render.surface import PlainSurface, Surface, TerminalSurface
from cherry.config.settings import UiSettings
from cherry.kernel.clock import Clock

_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"}


class Screen(NamedTuple):
    out: Output
    """Standard output: what was asked for."""
    progress: Output
    """What happens on the way: standard output in a terminal, standard error in a pipe."""
    err: Output
    style: Style
    """Of `out`."""
    progress_style: Style
    err_style: Style
    piped: bool
    """Standard output is no terminal: only the answer may go there."""
    person: bool
    """Somebody sits at standard input."""

    def surface(self, clock: Clock) -> Surface:
        kind = TerminalSurface if self.progress.abilities.cursor else PlainSurface
        return kind(self.progress, self.progress_style, clock)


def open_screen(environ: Mapping[str, str], ui: UiSettings | None = None) -> Screen:
    colour: Literal["auto", "always", "never"] = ui.colour if ui else "auto"
    theme = ui.theme if ui else "default"
    out = Output(sys.stdout, abilities_of(sys.stdout, environ, colour=colour))
    err = Output(sys.stderr, abilities_of(sys.stderr, environ, colour=colour), essential=False)
    piped = not out.abilities.terminal
    progress = err if piped else out
    return Screen(
        out=out,
        progress=progress,
        err=err,
        style=Style(out.abilities.colour, theme),
        progress_style=Style(progress.abilities.colour, theme),
        err_style=Style(err.abilities.colour, theme),
        piped=piped,
        person=_is_terminal_input(),
    )


def silent() -> Output:
    """An output nobody sees, for `--quiet`."""
    return Output(_Nowhere(), Abilities(), essential=False)


def for_pipe(text: str) -> str:
    """An answer for a file or program: as the model wrote it, but without characters that would command a terminal further on."""
    return text.translate(_CONTROLS).encode("utf-8", "backslashreplace").decode("utf-8")


def _is_terminal_input() -> bool:
    try:
        return sys.stdin is not None and sys.stdin.isatty()
    except ValueError:  # closed
        return False


class _Nowhere(StringIO):
    """Takes text and keeps none of it."""

    def write(self, text: str) -> int:
        return len(text)
