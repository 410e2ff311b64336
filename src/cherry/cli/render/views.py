"""Drawing the kinds of views: an excerpt below a finished call, or the whole of it where a person has to decide on it.

Everything in a view comes from models, programs and files. It is made visible (`kernel.text.visible`) before it reaches a terminal.
"""

from typing import assert_never

from cherry.cli.render.style import Style, cut_to_width
from cherry.domain.views import (
    CommandView,
    DiffView,
    FileDiff,
    FileView,
    QuestionView,
    SearchView,
    TextView,
    TodoItem,
    TodoView,
    View,
)
from cherry.kernel.text import plural, visible

EXCERPT_DIFF_LINES = 24
EXCERPT_OUTPUT_LINES = 6
FAILED_OUTPUT_LINES = 15
INDENT = "  "
_TODO_SIGNS = {"open": "○", "active": "◐", "done": "●", "dropped": "–"}


def excerpt(view: View, style: Style, columns: int) -> list[str]:
    """What stands below the line of a finished call. Empty when the line says it all."""
    match view:
        case DiffView():
            return diff_lines(view, style, columns, limit=EXCERPT_DIFF_LINES)
        case CommandView():
            limit = FAILED_OUTPUT_LINES if view.exit_code else EXCERPT_OUTPUT_LINES
            return [style("dim", line) for line in tail(view.output, columns, limit)] + _done_besides(view, columns)
        case TodoView():
            return todo_lines(view.items, style, columns)
        case TextView() | FileView() | SearchView() | QuestionView():
            return []
        case _:
            assert_never(view)


def remark(view: View) -> str:
    """A few words that belong on the line of a finished call: what changed, how it ended, how much was found."""
    match view:
        case DiffView(files=files):
            added, removed = sum(file.added for file in files), sum(file.removed for file in files)
            return f"+{added} −{removed}" if files else "no changes"
        case CommandView():
            if view.background:
                return "in the background"
            return f"exit code {view.exit_code}" if view.exit_code else ""
        case SearchView():
            matches = f"{view.matches:,} match" + ("" if view.matches == 1 else "es")
            return f"{matches} in {plural(view.files, 'file')}"
        case FileView():
            return _span(view)
        case TextView() | TodoView() | QuestionView():
            return ""
        case _:
            assert_never(view)


def whole(view: View, style: Style, columns: int, *, limit: int = 10_000) -> list[str]:
    """Everything a person must see before deciding; lines are wrapped by the terminal, never cut."""
    match view:
        case DiffView():
            return diff_lines(view, style, 0, limit=limit)
        case CommandView():
            lines = [INDENT + style("strong", line) for line in ("$ " + visible(view.command)).split("\n")]
            return [*lines, f"{INDENT}may reach: {visible(', '.join(view.hosts))}"] if view.hosts else lines
        case TextView():
            return [INDENT + line for line in visible(view.text).split("\n")[:limit]]
        case QuestionView():
            return question_lines(view.question, view.options, style)
        case TodoView():
            return todo_lines(view.items, style, columns)
        case FileView():
            return [INDENT + visible(view.path) + " " + _span(view)]
        case SearchView():
            return [INDENT + visible(view.query)]
        case _:
            assert_never(view)


def diff_lines(view: DiffView, style: Style, columns: int, *, limit: int) -> list[str]:
    """A diff with a heading per file where there are several; `columns` 0 means uncut lines."""
    lines: list[str] = []
    left_out = 0
    for file in view.files:
        lines.append(INDENT + _file_heading(file, style))
        body = visible(file.unified).splitlines()
        room = max(0, limit - len(lines))
        lines += [INDENT + _diff_line(line, style, columns) for line in body[:room]]
        left_out += len(body[room:])
    if left_out:
        lines.append(INDENT + style("dim", f"… {plural(left_out, 'more line')}"))
    return lines


def todo_lines(items: tuple[TodoItem, ...], style: Style, columns: int) -> list[str]:
    lines = []
    for item in items:
        text = cut_to_width(" ".join(visible(item.text).split()), max(10, columns - 6))
        line = f"{_TODO_SIGNS[item.status]} {text}"
        meaning = {"open": None, "active": "accent", "done": "dim", "dropped": "dim"}[item.status]
        lines.append(INDENT + (style(meaning, line) if meaning else line))  # type: ignore[arg-type]  # all are meanings
    return lines


def question_lines(question: str, options: tuple[str, ...], style: Style) -> list[str]:
    lines = [style("strong", visible(question))]
    return lines + [f"{INDENT}{number}. {visible(option)}" for number, option in enumerate(options, 1)]


def tail(text: str, columns: int, limit: int) -> list[str]:
    """The last lines of a program's output, each cut to the width."""
    lines = [line.expandtabs(4).rstrip() for line in text.splitlines()]
    while lines and not lines[-1]:
        lines.pop()
    shown = [INDENT + cut_to_width(visible(line), max(10, columns - len(INDENT) - 1)) for line in lines[-limit:]]
    hidden = len(lines) - len(shown)
    return [f"{INDENT}… {plural(hidden, 'line')} above", *shown] if hidden else shown


def _done_besides(view: CommandView, columns: int) -> list[str]:
    """What else a command did: files it changed, hosts it was not let reach."""
    more = view.changed_total - len(view.changed)
    changed = ", ".join(visible(path) for path in view.changed) + (f" and {more:,} more" if more > 0 else "")
    lines = [f"changed: {changed}"] if view.changed else []
    lines += [f"network refused: {visible(target)}" for target in view.refused]
    return [INDENT + cut_to_width(line, max(10, columns - len(INDENT) - 1)) for line in lines]


def _file_heading(file: FileDiff, style: Style) -> str:
    path = visible(file.path)
    if file.old_path:
        path = f"{visible(file.old_path)} → {path}"
    change = "" if file.change == "modified" else f" ({file.change})"
    return style("strong", path) + style("dim", f"{change} +{file.added} −{file.removed}")


def _diff_line(line: str, style: Style, columns: int) -> str:
    line = line.expandtabs(4)
    if columns:
        line = cut_to_width(line, max(10, columns - len(INDENT) - 1))
    if line.startswith("@@"):
        return style("accent", line)
    if line.startswith("+"):
        return style("added", line)
    return style("removed", line) if line.startswith("-") else line


def _span(view: FileView) -> str:
    if not view.lines or view.lines >= view.total_lines:
        return plural(view.total_lines, "line")
    return f"lines {view.first_line}–{view.first_line + view.lines - 1} of {view.total_lines:,}"
