"""Files that lead others and that a command wrote without saying so: taken back, for nobody was asked.

What a program will write is not known when it is allowed to run. Where foreign content was read before, a change it made to such files
(`cherry.security.leading_files`) is recorded as a change set of its own and taken back at once; a person who wants it makes it again
with `cherry redo`. Nothing is lost: both contents are kept like those of any change.
"""

from cherry.agent.journal import Journal
from cherry.agent.state import LED
from cherry.domain.calls import Call
from cherry.domain.errors import CherryError
from cherry.domain.events import ChangesApplied, ChangesUndone, Event, Notice
from cherry.edits.editor import Editor
from cherry.kernel.ids import derived_id
from cherry.kernel.text import one_line, visible
from cherry.security.framing import frame
from cherry.security.leading_files import leading_reason
from cherry.security.outside import moves_work_tree, names_leading


class Leading:
    def __init__(self, journal: Journal, editor: Editor) -> None:
        self._journal = journal
        self._state = journal.state
        self._editor = editor

    def parted(self, call: Call, event: Event) -> tuple[Event, ...]:
        """The event as it is to be recorded: what leads others apart from the rest."""
        if not isinstance(event, ChangesApplied) or event.by != "command" or not self._state.foreign.words:
            return (event,)
        command = str(call.arguments.get("command", ""))
        leading = tuple(file for file in event.files if leading_reason(file.path))
        if not leading or names_leading(command) or moves_work_tree(command):
            return (event,)
        apart = event.model_copy(update={"change_id": derived_id(LED, event.change_id), "files": leading})
        others = tuple(file for file in event.files if file not in leading)
        return (event.model_copy(update={"files": others}), apart) if others else (apart,)

    async def take_back(self) -> None:
        """Once the calls of an answer have ended; also what was recorded right before a crash."""
        for change_id in tuple(self._state.led):
            await self._take_back(change_id)

    async def _take_back(self, change_id: str) -> None:
        change = next(change for change in self._state.changes if change.change_id == change_id)
        names = one_line(visible(", ".join(file.path for file in change.files[:5])), 200)
        nonce = derived_id("c", change_id, "taken back")
        try:
            revert = await self._editor.plan_revert([change.files])
            await self._editor.revert(revert, change_id=nonce)
        except CherryError as error:
            self._state.led.discard(change_id)
            text = f"A command changed {names}, which leads others, and it could not be taken back: {error.message} Look at it."
            await self._journal.append(Notice(level="warning", code="leading.kept", text=text, nonce=nonce))
            return
        why = (
            "A command changed files that others take orders from, without naming them; that was taken back. To write them use "
            f"fs_write or fs_edit, which ask the user.\n{frame(names, source='file names')}"
        )
        text = f"A command changed {names}, which leads others. Nobody was asked, so it was taken back; `cherry redo` makes it again."
        undone = ChangesUndone(undone_turn=change.turn, change_ids=(change_id,), nonce=nonce, by="cherry", why=why)
        await self._journal.append(undone, Notice(level="warning", code="leading.taken_back", text=text, nonce=nonce))
