"""The figures as a table for people and as JSON for machines."""

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.measuring import Figure, Figures


class Row(NamedTuple):
    """One line of the table."""

    name: str
    title: str
    unit: str
    scale: float
    """The figure times this is in `unit`."""
    target: float | None
    """In `unit`: not more than this."""


_START = (
    Row("version.wall", "--version, wall", "s", 1, 0.08),
    Row("answer.wall", "one answer, wall", "s", 1, None),
    Row("answer.cpu", "one answer, CPU", "s", 1, 0.45),
    Row("answer.rss", "one answer, peak memory of the tree (RSS)", "MB", 1e-6, 90),
    Row("answer.pss", "one answer, peak memory of the tree (PSS)", "MB", 1e-6, 90),
)
_END = (
    Row("prompt.bytes", "system prompt and tools", "kB", 1e-3, 10),
    Row("edit.requests", "requests for one edit", "", 1, 2),
)


def rows(figures: Figures) -> list[Row]:
    """The lines for these figures; those for steps depend on how many were made."""
    found = list(_START)
    for name in figures:
        kind, _, steps = name.partition(".")
        if kind == "step":
            found.append(Row(name, f"added per shell step, {steps} steps", "ms", 1000, 25))
        if kind == "flat":
            found.append(Row(name, f"last 100 of {steps} steps against the first 100", "×", 1, 1.2))
    return [row for row in (*found, *_END) if row.name in figures]


def missed(figures: Figures) -> list[str]:
    """Titles of the rows whose target is not met."""
    return [row.title for row in rows(figures) if row.target is not None and _is_over(row, figures.get(row.name))]


def table(results: Mapping[str, Figures]) -> str:
    """One column an agent, in the order given; the target stands beside the first row's titles."""
    lines = [["", "target", *results]]
    for row in rows(_merged(results)):
        target = "" if row.target is None else f"≤ {_number(row.target)} {row.unit}".rstrip()
        lines.append([row.title, target, *(_cell(row, figures.get(row.name)) for figures in results.values())])
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    drawn = ["  ".join(_aligned(line, widths)).rstrip() for line in lines]
    return "\n".join([drawn[0], "─" * sum(widths, 2 * (len(widths) - 1)), *drawn[1:], *_troubles(results)])


def as_json(results: Mapping[str, Figures], *, versions: Mapping[str, str], runs: int) -> dict[str, Any]:
    """Version 1 of the form: figures in seconds, bytes, counts and ratios, with every sample."""
    agents = {
        agent: {name: {**asdict(figure), "median": figure.median} for name, figure in figures.items()}
        for agent, figures in results.items()
    }
    targets = {row.name: row.target / row.scale for row in rows(_merged(results)) if row.target is not None}
    return {
        "v": 1,
        "machine": machine(),
        "runs": runs,
        "versions": dict(versions),
        "targets": targets,
        "agents": agents,
    }


def write(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def machine() -> dict[str, Any]:
    return {
        "system": platform.platform(),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
    }


def _merged(results: Mapping[str, Figures]) -> Figures:
    return {name: figure for figures in results.values() for name, figure in figures.items()}


def _cell(row: Row, figure: Figure | None) -> str:
    if figure is None:
        return "–"
    if figure.median is None:
        return "failed"
    mark = " ✗" if _is_over(row, figure) else ""
    return f"{_number(figure.median * row.scale)} {row.unit}".rstrip() + mark


def _is_over(row: Row, figure: Figure | None) -> bool:
    if row.target is None or figure is None or figure.median is None:
        return False
    return figure.median * row.scale > row.target


def _number(value: float) -> str:
    if value >= 100 or value == int(value):
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 1 else f"{value:.3f}"


def _aligned(line: list[str], widths: list[int]) -> list[str]:
    first, *others = zip(line, widths, strict=True)
    return [first[0].ljust(first[1]), *(text.rjust(width) for text, width in others)]


def _troubles(results: Mapping[str, Figures]) -> list[str]:
    found = []
    for agent, figures in results.items():
        for name, figure in figures.items():
            if figure.trouble:
                found.append(f"{agent}, {name}: {figure.trouble}")
    return ["", *found] if found else []
