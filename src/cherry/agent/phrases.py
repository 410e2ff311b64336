"""Turns of phrase that are looked for in what a model says: rows of patterns, compiled when first needed."""

import re
from functools import cached_property


class Phrases:
    """Any of several patterns, case ignored. A space stands for any white space, `{name}` for one of the words given by that name."""

    def __init__(self, *rows: str, **words: str) -> None:
        self._rows = rows
        self._words = {name: f"(?:{'|'.join(group.split())})" for name, group in words.items()}

    def stand_in(self, text: str) -> bool:
        return self._pattern.search(text) is not None

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        rows = []
        for row in self._rows:
            for name, group in self._words.items():
                row = row.replace("{" + name + "}", group)
            rows.append(row.replace(" ", r"\s+"))
        return re.compile("|".join(rows), re.IGNORECASE)
