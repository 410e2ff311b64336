"""Plain tables: columns as wide as they need, the last one cut where the terminal ends."""

from collections.abc import Sequence

from cherry.cli.render.style import Style, cut_to_width, width_of
from cherry.kernel.text import one_line, visible

GAP = "  "


def table(rows: Sequence[Sequence[str]], *, columns: int, style: Style, head: Sequence[str] = ()) -> str:
    """All cells are made visible and put on one line each; the head is drawn dim.

    Where the terminal is too narrow to tell anything in columns, each row is a line for its first cell and one for the others.
    """
    cells = [[one_line(visible(cell), 2000) for cell in row] for row in rows]
    measured = [list(head), *cells] if head else cells
    widths = [max(width_of(row[index]) for row in measured) for index in range(len(measured[0]))] if measured else []
    if sum(widths[:-1]) + len(GAP) * len(widths) > columns * 3 // 4:
        return "\n".join(_stacked(row, columns) for row in cells)
    lines = [_line(row, widths, columns) for row in measured]
    if head:
        lines[0] = style("dim", lines[0])
    return "\n".join(lines)


def _stacked(row: Sequence[str], columns: int) -> str:
    rest = " · ".join(cell for cell in row[1:] if cell)
    return f"{cut_to_width(row[0], columns - 1)}\n{GAP}{cut_to_width(rest, columns - 1 - len(GAP))}"


def _line(row: Sequence[str], widths: Sequence[int], columns: int) -> str:
    padded = [cell + " " * (width - width_of(cell)) for cell, width in zip(row, widths, strict=True)]
    return cut_to_width(GAP.join(padded).rstrip(), columns - 1)
