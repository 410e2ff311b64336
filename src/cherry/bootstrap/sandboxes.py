"""A sandbox that is looked for when it is first needed: a run that starts no command does not pay for trying one."""

from collections.abc import Callable, Mapping
from pathlib import Path

from cherry.sandbox.choose import Probe, best_of
from cherry.sandbox.port import Command, Process, Sandbox
from cherry.sandbox.processes import end_leftovers


class DeferredSandbox:
    """Implements `cherry.sandbox.port.Sandbox`."""

    def __init__(
        self, probe: Callable[[], Probe], *, required: bool, environ: Mapping[str, str], temporary: Path
    ) -> None:
        """`probe` finds out what this machine offers. `temporary`: holds the commands' private temporary folders; the caller removes it."""
        self._probe = probe
        self._required = required
        self._environ = environ
        self._temporary = temporary
        self._chosen: Sandbox | None = None

    @property
    def name(self) -> str:
        return self._sandbox().name

    @property
    def confines(self) -> bool:
        return self._sandbox().confines

    @property
    def gaps(self) -> tuple[str, ...]:
        return self._sandbox().gaps

    async def start(self, command: Command) -> Process:
        return await self._sandbox().start(command)

    def _sandbox(self) -> Sandbox:
        """Raises CherryError(sandbox.UNAVAILABLE) when one is required and none works."""
        if self._chosen is None:
            found = self._probe()
            if not found.bubblewrap:
                end_leftovers()  # without a process namespace, a killed Cherry may have left commands running
            self._chosen = best_of(found, required=self._required, environ=self._environ, temporary=self._temporary)
        return self._chosen
