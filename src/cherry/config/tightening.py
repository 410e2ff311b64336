"""What a project's own file may say about money, time and steps: less than the user allows, never more.

Trusting a project means that its instructions and rules count; how much is spent stays the user's decision. A looser limit of a
project is passed over and that is said. Options and variables of the user's are not touched: they come later and win.
"""

from collections.abc import Callable
from typing import Any

from cherry.config.settings import LimitSettings
from cherry.config.sources import Layer

_SECTION = "limits"


def tightened(project: Layer, users: Layer, check: Callable[[Layer], LimitSettings]) -> tuple[Layer, list[str]]:
    """The project's layer without limits looser than the user's, and a sentence for each that was dropped.

    `users`: all layers below. `check` gives a layer's limits as values. Raises CherryError(config.BAD_VALUE).
    """
    given = project.values.get(_SECTION)
    if not isinstance(given, dict) or not given:
        return project, []
    wanted, allowed = check(project), check(users)
    dropped = [name for name in given if _is_looser(getattr(wanted, name, None), getattr(allowed, name, None))]
    kept = {name: value for name, value in given.items() if name not in dropped}
    told = [
        f"{_SECTION}.{name} = {getattr(wanted, name)} in {project.source((_SECTION, name))} is passed over: "
        f"a project may only lower your limits, and yours is {getattr(allowed, name)}. "
        f"To allow more: `cherry config set {_SECTION}.{name} {getattr(wanted, name)}`."
        for name in dropped
    ]
    return project._replace(values={**project.values, _SECTION: kept}), told


def _is_looser(wanted: Any, allowed: Any) -> bool:
    """None is no bound at all."""
    return allowed is not None and (wanted is None or wanted > allowed)
