"""What the model gets to see of one workspace."""

import asyncio
import platform
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from cherry.context.instructions import project_instructions
from cherry.context.memory import project_memory
from cherry.context.project_map import project_map
from cherry.context.system import system_prompt
from cherry.kernel.text import one_line, visible
from cherry.security.framing import frame


class WorkspacePrompts:
    def __init__(
        self,
        workspace: Path,
        *,
        list_files: Callable[[], Awaitable[Sequence[str]]],
        git_summary: Callable[[], Awaitable[str]],
        facts: Sequence[str] = (),
        trusted: Callable[[], bool] = lambda: False,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`list_files` gives workspace-relative paths, ignored ones left out; `git_summary` one line or nothing.

        `trusted` is asked when a session begins: whether the project's own notes may be used.
        `facts` are further lines the model should know, such as that there is no sandbox.
        """
        self._workspace = workspace
        self._list_files = list_files
        self._git_summary = git_summary
        self._facts = tuple(facts)
        self._trusted = trusted
        self._now = now

    async def prepare(self) -> str:
        """The session's fixed context. It goes into the log once and is the same for every later prompt."""
        files, git = await asyncio.gather(self._list_files(), self._git_summary())
        names = frame("\n".join([*([git] if git else []), project_map(files)]), source="workspace")
        day = time.strftime("%Y-%m-%d", time.gmtime(self._now()))
        lines = [f"Today is {day}. System: {platform.system()}. Workspace: {one_line(visible(self._workspace.name))}."]
        lines.extend(self._facts)
        lines.append(names if files or git else project_map(files))
        if self._trusted():
            lines += filter(None, (project_instructions(self._workspace), project_memory(self._workspace)))
        return "\n".join(lines)

    def system(self, context: str) -> str:
        return system_prompt(context)
