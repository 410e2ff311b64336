"""YAML as data. The only module that imports PyYAML; loaded when an answer holds a YAML change list.

Refused: aliases (a few lines can stand for gigabytes) and texts over several lines that are not literal (`|`), which YAML would fold.
"""

from collections.abc import Callable
from typing import Any

import yaml

_LONGEST = 2_000_000


class _Loader(yaml.SafeLoader):
    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise ValueError("it uses an alias")
        peek: Callable[[], Any] = self.peek_event  # its stub has no types
        event = peek()
        if isinstance(event, yaml.ScalarEvent) and event.start_mark and event.end_mark:
            first, last = event.start_mark.line, event.end_mark.line
            if event.style == ">" or (last > first and event.style != "|"):
                raise ValueError(f"the text at line {first + 1} would be folded; use `|`")
        return super().compose_node(parent, index)


def loads(text: str) -> Any:
    """Raises ValueError."""
    if len(text) > _LONGEST:
        raise ValueError("it is too long")
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 — a SafeLoader that allows less
    except yaml.YAMLError as error:
        raise ValueError(str(error).replace("\n", " ")) from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
