"""Running tools without an agent: a context that allows everything and writes down what each call asked, told and recorded.

    async with tools_on(folder) as bench:
        result = await bench.run("fs.read", path="a.py")
        assert bench.intents[0].reads == ("a.py",)

Everything behind it is real (files, git, processes in the sandbox of this machine) but for the store, which is memory.
"""

import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from cherry.domain.calls import Call, Result
from cherry.domain.errors import CherryError
from cherry.domain.events import Event
from cherry.domain.live import Live, OutputStreamed
from cherry.edits.editor import Editor
from cherry.git.shadow import ShadowIndex
from cherry.kernel.clock import SystemClock
from cherry.sandbox.choose import choose_sandbox
from cherry.sandbox.port import Sandbox
from cherry.security.jail import Jail
from cherry.storage.ports import Blobs
from cherry.testing.store import MemoryStore
from cherry.tools.context import Intent, ToolContext
from cherry.tools.processes import Processes
from cherry.tools.side_effects import PASSED_OVER, SideEffects
from cherry.tools.standard import Standard, Workplace, standard_toolbox
from cherry.tools.toolbox import Toolbox


class CallRecorder:
    """Runs calls one after another or side by side; call ids count up from `call_1`."""

    def __init__(self, toolbox: Toolbox, *, answer: str = "yes", refuse: CherryError | None = None) -> None:
        """`answer`: what the user says to questions. `refuse`: raised when a call asks leave."""
        self.toolbox = toolbox
        self.intents: list[Intent] = []
        self.events: list[Event] = []
        self.live: list[Live] = []
        self.questions: list[tuple[str, tuple[str, ...]]] = []
        self.seen: dict[str, str] = {}
        self.refuse = refuse
        self.before_proceeding: Callable[[Intent], None] = lambda _intent: None
        """Called while a call waits for leave: the moment in which a person does something else."""
        self._answer = answer
        self._count = 0

    async def run(self, name: str, /, **arguments: Any) -> Result:
        self._count += 1
        return await self.execute(Call(id=f"call_{self._count}", tool=name, arguments=arguments))

    async def execute(self, call: Call) -> Result:
        return await self.toolbox.execute(call, self.context(call))

    def context(self, call: Call) -> ToolContext:
        async def proceed(intent: Intent) -> None:
            self.intents.append(intent)
            self.before_proceeding(intent)
            if self.refuse:
                raise self.refuse

        async def record(event: Event) -> None:
            self.events.append(event)

        async def ask(question: str, options: tuple[str, ...]) -> str:
            self.questions.append((question, options))
            return self._answer

        return ToolContext(call=call, proceed=proceed, record=record, ask=ask, emit=self.live.append, seen=self.seen)

    @property
    def streamed(self) -> str:
        """All output watchers were told of."""
        return "".join(item.text for item in self.live if isinstance(item, OutputStreamed))


class ToolBench(CallRecorder):
    """The standard tools on a real folder."""

    def __init__(self, workspace: Path, standard: Standard, blobs: Blobs, editor: Editor) -> None:
        super().__init__(standard.toolbox)
        self.workspace = workspace
        self.blobs = blobs
        self.editor = editor
        self.processes: Processes = standard.processes


@asynccontextmanager
async def tools_on(
    workspace: Path,
    *,
    environ: Mapping[str, str] | None = None,
    sandbox: Sandbox | None = None,
    side_effects: bool = False,
    **options: Any,
) -> AsyncIterator[ToolBench]:
    """`workspace` must exist; beside it folders are made for Cherry's own files. `options` go to `Workplace`.

    `side_effects`: what commands change is kept.
    """
    state, spool, temporary = (workspace.parent / f"cherry-{name}" for name in ("state", "spool", "tmp"))
    spool.mkdir(exist_ok=True)
    variables = dict(os.environ) if environ is None else environ
    blobs, jail = MemoryStore().blobs, Jail(workspace)
    editor = Editor(jail, blobs, state)
    index = ShadowIndex(
        jail.root, variables, place=state / "shadow", spare=temporary / "shadow", passed_over=PASSED_OVER
    )
    kept = SideEffects(index, editor, blobs) if side_effects else None
    settings: dict[str, Any] = {"clean": lambda text: text, "framed": lambda text, _source: text, **options}
    place = Workplace(
        jail=jail,
        editor=editor,
        sandbox=sandbox or choose_sandbox(required=False, environ=variables, temporary=temporary),
        blobs=blobs,
        clock=SystemClock(),
        environ=variables,
        spool_folder=spool,
        side_effects=kept,
        **settings,
    )
    standard = standard_toolbox(place)
    try:
        yield ToolBench(workspace, standard, blobs, editor)
    finally:
        index.close()
        await standard.processes.close()
