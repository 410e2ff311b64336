"""Commands that begin with a slash: which there are, and how a typed line is told from a request."""

from typing import NamedTuple

from cherry.cli.lazy import nearest_command

SLASH_COMMANDS: dict[str, str] = {
    "/help": "what can be typed here",
    "/undo": "[TURN] take back the file changes of the last turn",
    "/redo": "do again what was undone last",
    "/diff": "[TURN] what was changed and still stands",
    "/cost": "tokens and money of this session",
    "/model": "[PROVIDER/MODEL] list models, or choose one",
    "/compact": "summarise what was said, to make room",
    "/sessions": "[ID] list sessions, or go on in one",
    "/attach": "FILE add an image or a text file to the next request",
    "/quit": "leave",
}
WHILE_WORKING = frozenset({"/help", "/diff", "/cost", "/attach", "/quit"})
"""May be used while a turn runs."""

KEYS_HELP = """\
Enter sends · Alt+Enter or a \\ at the end starts a new line · what you send while it works reaches the model at its next step
Ctrl+C stops the turn and keeps what is done, a second one leaves · Ctrl+D leaves"""


class Slash(NamedTuple):
    name: str
    argument: str


class Unknown(NamedTuple):
    word: str
    nearest: str


def parse_slash(line: str) -> Slash | Unknown | None:
    """None when the line is a request: no slash in front, or a path such as `/etc/hosts is wrong`."""
    if not line.startswith("/") or line.startswith("//"):
        return None
    word, _, argument = line.partition(" ")
    if word in SLASH_COMMANDS:
        return Slash(word, argument.strip())
    if word == "/exit":
        return Slash("/quit", "")
    if "/" in word[1:] or "\n" in word:
        return None
    return Unknown(word, nearest_command(word, list(SLASH_COMMANDS)))
