"""A sandbox that is looked for when it is first needed: a run that starts no command does not pay for trying one."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from cherry.sandbox.choose import choose_sandbox
from cherry.sandbox.port import Command, Process, Sandbox


class DeferredSandbox:
    """Implements `cherry.sandbox.port.Sandbox`."""

    def __init__(self, *, required: bool, environ: Mapping[str, str], temporary: Path) -> None:
        """`temporary`: holds the commands' private temporary folders; the caller removes it."""
        self._required = required
        self._temporary = temporary
        self._environ = environ
        self._chosen: Sandbox | None = None
        self.expected = shutil.which("bwrap", path=environ.get("PATH")) is not None
        """False when there is certainly no sandbox; True does not prove that it works."""

    @property
    def name(self) -> str:
        return self._sandbox().name

    @property
    def confines(self) -> bool:
        return self._sandbox().confines

    async def start(self, command: Command) -> Process:
        return await self._sandbox().start(command)

    def _sandbox(self) -> Sandbox:
        """Raises CherryError(sandbox.UNAVAILABLE) when one is required and none works."""
        if self._chosen is None:
            self._chosen = choose_sandbox(required=self._required, environ=self._environ, temporary=self._temporary)
        return self._chosen
