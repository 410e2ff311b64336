"""The project's own words to agents: AGENTS.md and the like.

They come from the repository, so they are shown to the model as the project's wishes within what the user asked, and only as far as
the size allows; they can grant nothing. Whether they are used at all before the workspace is trusted is the caller's decision.
"""

from pathlib import Path

from cherry.kernel.text import cut_middle

NAMES = ("AGENTS.md", ".cherry/AGENTS.md", "CLAUDE.md")
MAX_CHARS = 6_000
MAX_BYTES = 200_000


def project_instructions(workspace: Path) -> str:
    """The first such file that can be read as a regular file inside the workspace; empty when there is none."""
    for name in NAMES:
        path = workspace / name
        try:
            if path.is_symlink() or not path.is_file() or path.stat().st_size > MAX_BYTES:
                continue
            text = path.read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            continue
        if text:
            return f"The project's notes for agents ({name}):\n{cut_middle(text, MAX_CHARS).text}"
    return ""
