"""The line a person types on: keys, history, completion and what stands around it. The one place that knows prompt_toolkit's widgets."""

import io
import os
import sys
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
from cherry.cli.render.output import GONE

_STYLE = {
    "prompt": "bold ansicyan",
    "status": "ansibrightblack",
}
_MONO: dict[str, str] = {}


class ChatPrompt:
    """One prompt for the whole conversation: it stays while lines are taken from it, so nothing typed in between is lost.

    The callbacks say what to show; `on_line` gets what is sent, `on_stop` is Ctrl+C.
    """

    def __init__(
        self,
        *,
        history: History,
        colour: bool,
        label: Callable[[], str],
        models: Callable[[], Iterable[str]],
        on_line: Callable[[str], None],
        on_stop: Callable[[], None],
    ) -> None:
        self._label = label
        self._above: Callable[[], tuple[str, str]] = lambda: ("", "")
        self._aside = ""
        self.session: PromptSession[str] = PromptSession(
            message=self._message,
            multiline=True,
            history=history,
            completer=SlashCompleter(models),
            complete_while_typing=True,
            complete_in_thread=False,
            key_bindings=_keys(on_line, on_stop),
            prompt_continuation="  ",
            erase_when_done=True,
            style=PromptStyle.from_dict(_STYLE if colour else _MONO),
            reserve_space_for_menu=4,
        )

    def show_above(self, above: Callable[[], tuple[str, str]]) -> None:
        """Asked at every drawing: a line that is still being written, and what happens now; each may be empty."""
        self._above = above

    async def run(self) -> None:
        """Until Ctrl+D, `leave`, or the end of the terminal."""
        try:
            await self.session.prompt_async(handle_sigint=False)
        except EOFError:
            return
        except OSError as error:
            if error.errno not in GONE:
                raise

    def redraw(self) -> None:
        if self.session.app.is_running:
            self.session.app.invalidate()

    def leave(self) -> None:
        if self.session.app.is_running and not self.session.app.is_done:
            self.session.app.exit(exception=EOFError)

    def clear(self) -> bool:
        """Empty the line; False when it was empty."""
        buffer = self.session.default_buffer
        had_text = bool(buffer.text)
        buffer.reset()
        return had_text

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
        open_line, status = self._above()
        message: StyleAndTextTuples = []
        if open_line:
            message.append(("", open_line + "\n"))
        if status:
            message.append(("class:status", status + "\n"))
        label = self._label()
        message.append(("class:prompt", f"{label} › " if label else "› "))
        return message


class AbovePrompt(io.TextIOBase):
    """A stream whose text appears above the prompt. Whole lines only.

    prompt_toolkit's own way (`patch_stdout`) hands the terminal back to the shell's line discipline for every piece of text: a Ctrl+D
    typed in such a moment is swallowed. Here the terminal stays in its mode, and text appears in the order and the moment it is written.
    """

    def __init__(self, prompt: ChatPrompt) -> None:
        self._app = prompt.session.app

    def write(self, text: str) -> int:
        if self._app.is_running:
            self._app.renderer.erase()
            self._app.output.write_raw(text)
            self._app.output.flush()
            self._app.invalidate()
        else:
            sys.stdout.write(text)
            sys.stdout.flush()
        return len(text)


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


def _keys(on_line: Callable[[str], None], on_stop: Callable[[], None]) -> KeyBindings:
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
            line = buffer.text.strip()
            buffer.append_to_history()
            buffer.reset()
            on_line(line)

    @keys.add("escape", "enter")
    def _new_line(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    @keys.add("c-c")
    @keys.add("<sigint>")
    def _stop(event: KeyPressEvent) -> None:
        on_stop()

    return keys
