"""File names as a model can read and write them.

Names on disk are bytes: what is no UTF-8 is written `\\xe9`, and a newline in a name `\\x0a`, so that each name stays on its line.
"""

from typing import Annotated

from pydantic import AfterValidator

from cherry.kernel.text import visible

MAX_PATH = 4_096


def _short(path: str) -> str:
    if len(path) > MAX_PATH:
        raise ValueError(f"is longer than {MAX_PATH:,} characters")
    return path


PathText = Annotated[str, AfterValidator(_short)]
"""A path as a model gives it."""


def shown(name: str) -> str:
    """Printable, on one line, without lone surrogates: safe for any log, terminal or model."""
    text = storable(name[:MAX_PATH])
    return (
        text if text.isascii() and text.isprintable() else visible(text).replace("\n", "\\x0a").replace("\t", "\\x09")
    )


def storable(text: str) -> str:
    """Bytes that came in as lone surrogates written out as `\\xe9`; everything else unchanged."""
    if text.isascii():
        return text
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
