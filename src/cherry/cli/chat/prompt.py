"""The line a person types on: keys, history, completion and what stands around it. The one place that knows prompt_toolkit's widgets."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.styles import Style as PromptStyle

from cherry.cli.chat.slash import SLASH_COMMANDS

_STYLE = {
    "prompt": "bold ansicyan",
    "status": "ansibrightblack",
}
_MONO: dict[str, str] = {}


class ChatPrompt:
    """One prompt after another. The callbacks say what to show; `on_stop` is Ctrl+C."""

    def __init__(
        self,
        *,
        history: History,
        colour: bool,
        label: Callable[[], str],
        open_line: Callable[[], str],
        status: Callable[[], str],
        models: Callable[[], Iterable[str]],
        on_stop: Callable[[], None],
    ) -> None:
        self._label = label
        self._open_line = open_line
        self._status = status
        self._aside = ""
        self.session: PromptSession[str] = PromptSession(
            message=self._message,
            multiline=True,
            history=history,
            completer=SlashCompleter(models),
            complete_while_typing=True,
            complete_in_thread=False,
            key_bindings=_keys(on_stop),
            prompt_continuation="  ",
            erase_when_done=True,
            style=PromptStyle.from_dict(_STYLE if colour else _MONO),
            reserve_space_for_menu=4,
        )

    async def read(self) -> str:
        """What was submitted. Raises EOFError at Ctrl+D, on `leave`, and when the terminal is gone."""
        return (await self.session.prompt_async(handle_sigint=False)).strip()

    def redraw(self) -> None:
        if self.session.app.is_running:
            self.session.app.invalidate()

    def leave(self) -> None:
        if self.session.app.is_running and not self.session.app.is_done:
            self.session.app.exit(exception=EOFError)

    def put_aside(self) -> None:
        """Take away what is half typed, so that it is not taken for the answer to a question that just appeared."""
        buffer = self.session.default_buffer
        if buffer.text:
            self._aside = buffer.text
            buffer.reset()
        self.redraw()

    def bring_back(self) -> None:
        if self._aside:
            text, self._aside = self._aside, ""
            self.session.default_buffer.insert_text(text)
        self.redraw()

    def _message(self) -> StyleAndTextTuples:
        """What is being written, what happens now, and the prompt. Not a bottom toolbar: that needs a terminal that tells its cursor."""
        message: StyleAndTextTuples = []
        if open_line := self._open_line():
            message.append(("", open_line + "\n"))
        if status := self._status():
            message.append(("class:status", status + "\n"))
        label = self._label()
        message.append(("class:prompt", f"{label} › " if label else "› "))
        return message


class SlashCompleter(Completer):
    """Commands after `/`, files after `/attach`, models after `/model`; silent otherwise."""

    def __init__(self, models: Callable[[], Iterable[str]]) -> None:
        self._models = models
        self._paths = PathCompleter(expanduser=True)

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        text = document.text_before_cursor
        if not text.startswith("/") or "\n" in text:
            return
        command, space, argument = text.partition(" ")
        if not space:
            for name, meaning in SLASH_COMMANDS.items():
                if name.startswith(command):
                    yield Completion(name, start_position=-len(command), display_meta=meaning)
        elif command == "/attach":
            yield from self._paths.get_completions(Document(argument), complete_event)
        elif command == "/model":
            for model in self._models():
                if argument in model:
                    yield Completion(model, start_position=-len(argument))


def open_history(folder: Path) -> History:
    """What was typed before, readable by this user only; in memory when the folder cannot be written."""
    path = folder / "chat_history"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600))
    except OSError:
        return InMemoryHistory()
    return FileHistory(str(path))


def _keys(on_stop: Callable[[], None]) -> KeyBindings:
    keys = KeyBindings()

    @keys.add("enter")
    def _submit(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if buffer.complete_state and buffer.complete_state.current_completion:
            buffer.apply_completion(buffer.complete_state.current_completion)
        elif buffer.document.text_before_cursor.endswith("\\"):
            buffer.delete_before_cursor()
            buffer.insert_text("\n")
        else:
            buffer.validate_and_handle()

    @keys.add("escape", "enter")
    @keys.add("c-j")
    def _new_line(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    @keys.add("c-c")
    @keys.add("<sigint>")
    def _stop(event: KeyPressEvent) -> None:
        on_stop()

    return keys
