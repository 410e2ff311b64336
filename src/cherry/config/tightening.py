"""What a project's own file may say about money, time and steps: less than the user allows, never more.

Trusting a project means that its instructions and rules count; how much is spent stays the user's decision. A looser limit of a
project is passed over and that is said; so is what it says of prices, for a limit in dollars holds only as far as they are true. Options
and variables of the user's are not touched: they come later and win.
"""

from collections.abc import Callable
from typing import Any

from cherry.config.settings import LimitSettings
from cherry.config.sources import Layer, leaves

_SECTION = "limits"


def tightened(project: Layer, users: Layer, check: Callable[[Layer], LimitSettings]) -> tuple[Layer, list[str]]:
    """The project's layer without limits looser than the user's, and a sentence for each that was dropped.

    `users`: all layers below. `check` gives a layer's limits as values. Raises CherryError(config.BAD_VALUE).
    """
    project, told = _without_prices(project)
    given = project.values.get(_SECTION)
    if not isinstance(given, dict) or not given:
        return project, told
    wanted, allowed = check(project), check(users)
    dropped = [name for name in given if _is_looser(getattr(wanted, name, None), getattr(allowed, name, None))]
    kept = {name: value for name, value in given.items() if name not in dropped}
    told += [
        f"{_SECTION}.{name} = {getattr(wanted, name)} in {project.source((_SECTION, name))} is passed over: "
        f"a project may only lower your limits, and yours is {getattr(allowed, name)}. "
        f"To allow more: `cherry config set {_SECTION}.{name} {getattr(wanted, name)}`."
        for name in dropped
    ]
    return project._replace(values={**project.values, _SECTION: kept}), told


def _without_prices(project: Layer) -> tuple[Layer, list[str]]:
    gateway = project.values.get("gateway")
    if not isinstance(gateway, dict):
        return project, []
    dropped = [key for key, _ in leaves({"gateway": gateway}) if key[1] == "prices" or key[3:] == ("prices_of",)]
    providers = gateway.get("providers")
    kept = {name: value for name, value in gateway.items() if name != "prices"}
    if isinstance(providers, dict):
        kept["providers"] = {name: _priceless(one) for name, one in providers.items()}
    places = dict.fromkeys(str(project.source(key).file) for key in dropped)
    told = [f"What {place} says of prices is passed over: prices are yours to set." for place in places]
    return project._replace(values={**project.values, "gateway": kept}), told


def _priceless(provider: Any) -> Any:
    return (
        {name: one for name, one in provider.items() if name != "prices_of"} if isinstance(provider, dict) else provider
    )


def _is_looser(wanted: Any, allowed: Any) -> bool:
    """None is no bound at all."""
    return allowed is not None and (wanted is None or wanted > allowed)
