"""Looking after Cherry's data on this machine. Not part of `Client`: it needs no session and no model, and works when little else does."""

from pathlib import Path
from typing import Protocol

from cherry.app.data.outcomes import Bounds, Checked, Plan, Pruned, Restored, Saved


class DataClient(Protocol):
    """All methods block until it is done, and raise CherryError. An interruption leaves everything as it was."""

    def backup(self, file: Path) -> Saved:
        """Everything into one new file; into a folder, it is named by the time."""
        ...

    def restore(self, file: Path, *, into: Path | None = None, replace: bool = False) -> Restored: ...
    def check(self, *, mend: bool = False) -> Checked: ...
    def plan_prune(self, bounds: Bounds | None = None) -> Plan:
        """What would go; by the settings when no bounds are given."""
        ...

    def prune(self, plan: Plan) -> Pruned: ...


__all__ = ["Bounds", "Checked", "DataClient", "Plan", "Pruned", "Restored", "Saved"]
