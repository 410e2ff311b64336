"""The last words of a turn: how it ended, and what it took. Also how errors look, wherever they come from."""

from collections.abc import Iterable
from decimal import Decimal

from cherry.cli.render.style import BAD, OK, STOPPED, Style
from cherry.domain.calls import Fault
from cherry.domain.events import TurnFinished
from cherry.domain.usage import Cost, Usage
from cherry.kernel.text import human_seconds, plural, visible


def outcome_line(finished: TurnFinished, style: Style) -> str:
    sign, word = _verdict(finished)
    parts = [
        plural(finished.steps, "step"),
        tokens(finished.usage),
        money(finished.cost),
        human_seconds(finished.seconds),
    ]
    meaning = "good" if finished.outcome == "done" else "warn" if finished.outcome == "interrupted" else "bad"
    return style(meaning, f"{sign} {word}") + style("dim", " · " + " · ".join(parts))  # type: ignore[arg-type]


def fault_lines(fault: Fault, style: Style) -> list[str]:
    """What, where and why · what to do · the code to look it up by."""
    lines = [style("bad", f"{BAD} {visible(fault.message)}")]
    if fault.next_step:
        lines.append(f"→ {visible(fault.next_step)}")
    return [*lines, style("dim", f"  {fault.code}")]


def tokens(usage: Usage) -> str:
    sign = "~" if usage.estimated else ""
    cached = f" ({usage.cache_read_tokens:,} cached)" if usage.cache_read_tokens else ""
    return f"{sign}{plural(usage.total_tokens, 'token')}{cached}"


def money(cost: Cost) -> str:
    if not cost.known:
        return f"≥ ${dollars(cost.usd)}" if cost.usd else "price unknown"
    return f"${dollars(cost.usd)}"


def dollars(sum_: Decimal) -> str:
    """Cents from ten cents up, otherwise as many digits as say something."""
    if sum_ == 0:
        return "0"
    if sum_ >= Decimal("0.10"):
        return f"{sum_:,.2f}"
    return f"{sum_:.4f}" if sum_ >= Decimal("0.001") else f"{sum_:.6f}"


def total(usages: Iterable[Usage]) -> Usage:
    return sum(usages, start=Usage())


def _verdict(finished: TurnFinished) -> tuple[str, str]:
    match finished.outcome:
        case "done":
            return OK, "Done"
        case "failed":
            return BAD, "Failed"
        case "limit":
            return STOPPED, "Stopped at a limit"
        case "approval":
            return STOPPED, "Stopped: somebody must decide"
        case "no_provider":
            return BAD, "No provider answered"
        case "interrupted":
            return STOPPED, "Interrupted"
