"""Exact token counts for OpenAI's vocabularies, without a network, where the package `toktok` is installed.

Loading a vocabulary takes most of a second of processor time and 60 MB, so it happens in a thread, once, and only when somebody asks;
until then, and where the package is missing, there is no count and the caller estimates. Never raises.
"""

import threading
from collections.abc import Callable
from importlib import import_module
from typing import Final

Count = Callable[[str], int]
"""Tokens of a text; any text, lone surrogates too."""

PACKAGE: Final = "toktok"


class Vocabularies:
    def __init__(self, load: Callable[[str], Count | None] | None = None) -> None:
        """`load` gives the count for a vocabulary's name, or None; it runs in a thread."""
        self._load = load or load_count
        self._counts: dict[str, Count | None] = {}
        self._threads: dict[str, threading.Thread] = {}

    def count(self, name: str) -> Count | None:
        """The count for `o200k_base` or `cl100k_base` if it is there; asking for the first time has it loaded."""
        if name not in self._threads:
            # Not a daemon: a native library that is torn out of its work at exit brings the process down.
            thread = self._threads[name] = threading.Thread(target=self._run, args=(name,), name=f"vocabulary {name}")
            thread.start()
        return self._counts.get(name)

    def wait(self, seconds: float) -> None:
        """Until everything asked for is there, or not to be had; for tests and tools."""
        for thread in self._threads.values():
            thread.join(seconds)

    def _run(self, name: str) -> None:
        self._counts[name] = self._load(name)


def load_count(name: str) -> Count | None:
    """None when the package is not installed or does not know the vocabulary."""
    try:
        count_batch: Callable[[list[str], str, int], list[int]] = import_module(PACKAGE).batch_count
        count_batch([""], name, 1)
    except Exception:  # whatever a foreign package fails with, the estimate serves
        return None

    def count(text: str) -> int:
        return count_batch([text.encode("utf-8", "replace").decode()], name, 1)[0]

    return count
