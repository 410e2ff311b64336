"""Plain tables: columns as wide as they need, the last one cut where the terminal ends."""

from collections.abc import Sequence

from cherry.cli.render.style import Style, cut_to_width, width_of
from cherry.kernel.text import one_line, visible

GAP = "  "


def table(rows: Sequence[Sequence[str]], *, columns: int, style: Style, head: Sequence[str] = ()) -> str:
    """All cells are made visible and put on one line each; the head is drawn dim."""
    cells = [[one_line(visible(cell), 2000) for cell in row] for row in rows]
    measured = [list(head), *cells] if head else cells
    widths = [max(width_of(row[index]) for row in measured) for index in range(len(measured[0]))] if measured else []
    lines = [_line(row, widths, columns) for row in measured]
    if head:
        lines[0] = style("dim", lines[0])
    return "\n".join(lines)


def _line(row: Sequence[str], widths: Sequence[int], columns: int) -> str:
    padded = [cell + " " * (width - width_of(cell)) for cell, width in zip(row, widths, strict=True)]
    return cut_to_width(GAP.join(padded).rstrip(), columns - 1)
