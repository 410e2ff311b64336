"""Small files of Cherry's own that only their owner may read, written whole or not at all."""

import os
from pathlib import Path


def write_private(file: Path, content: str) -> None:
    """Replace the file's content: temporary file, fsync, rename; mode 0600, folders 0700. Raises OSError."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = file.with_name(f".{file.name}.{os.getpid()}")
    handle = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        made.replace(file)
    except BaseException:
        made.unlink(missing_ok=True)
        raise
