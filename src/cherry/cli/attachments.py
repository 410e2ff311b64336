"""Files a person attaches to a request: images by their first bytes, everything else must be text."""

import os
import stat
from pathlib import Path
from typing import Literal

from cherry.domain.content import FilePart, ImagePart, UserPart
from cherry.domain.errors import CherryError, run
from cherry.kernel.text import human_bytes

MAX_IMAGE_BYTES = 10 << 20
MAX_TEXT_BYTES = 2 << 20

ImageType = Literal["image/png", "image/jpeg", "image/gif", "image/webp"]


def attachment(path: Path) -> UserPart:
    """Raises CherryError(run.BAD_ATTACHMENT)."""
    data = _read(path.expanduser())
    if media_type := image_type(data):
        return ImagePart(media_type=media_type, data=data, name=path.name)
    if len(data) > MAX_TEXT_BYTES:
        raise _bad(path, f"it has {human_bytes(len(data))}, text may have {human_bytes(MAX_TEXT_BYTES)}")
    try:
        return FilePart(name=path.name, text=data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise _bad(path, "it is neither an image nor UTF-8 text") from None


def image_type(data: bytes) -> ImageType | None:
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    return "image/webp" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else None


def _read(path: Path) -> bytes:
    """Never waits: a pipe or device is refused before it is opened for reading."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise _bad(path, error.strerror or str(error)) from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise _bad(path, "it is not a regular file")
        if status.st_size > MAX_IMAGE_BYTES:
            raise _bad(path, f"it has {human_bytes(status.st_size)}, at most {human_bytes(MAX_IMAGE_BYTES)} are taken")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(MAX_IMAGE_BYTES)
    finally:
        os.close(descriptor)


def _bad(path: Path, why: str) -> CherryError:
    return CherryError(run.BAD_ATTACHMENT, where=str(path), why=why)
