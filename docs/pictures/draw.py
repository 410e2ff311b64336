"""Draws `demo.svg`: what a terminal shows while `cherry demo` runs. Run by hand: python docs/pictures/draw.py"""

import io
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

COLUMNS = 104
LINES = 46
FOLDER = Path(__file__).parent


def run_in_terminal(command: list[str]) -> str:
    """Everything the command writes to a terminal of `COLUMNS` columns."""
    ours, theirs = pty.openpty()
    environ = {**os.environ, "COLUMNS": str(COLUMNS), "LINES": "50", "TERM": "xterm-256color"}
    process = subprocess.Popen(command, stdout=theirs, stderr=theirs, stdin=subprocess.DEVNULL, env=environ)
    os.close(theirs)
    output = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # the other side is closed
            break
        if not piece:
            break
        output += piece
    process.wait()
    return output.decode("utf-8")


def settled(output: str) -> list[str]:
    """The lines as they stand in the end: what was drawn over with a carriage return is left out."""
    lines = []
    for line in output.replace("\r\n", "\n").split("\n"):
        last = re.split(r"\r|\x1b\[2K|\x1b\[K", line)[-1]
        lines.append(re.sub(r"\x1b\[\?\d+[hl]|\x1b\[\d*[A-HJ]", "", last))
    return [re.sub(r"/\w+/cherry-demo-\w+", "~", line) for line in lines]


def main() -> None:
    cherry = Path(sys.executable).with_name("cherry")
    lines = settled(run_in_terminal([str(cherry), "demo"]))
    start = next(number for number, line in enumerate(lines) if "One test fails" in line)
    console = Console(record=True, width=COLUMNS, file=io.StringIO())
    for line in lines[start : start + LINES]:
        console.print(Text.from_ansi(line))
    svg = console.export_svg(title="cherry demo")
    # Fonts from somebody's server are left out: the reader's own monospaced font will do.
    (FOLDER / "demo.svg").write_text(re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL), encoding="utf-8")


if __name__ == "__main__":
    main()
