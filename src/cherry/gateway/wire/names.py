"""Names and ids that survive the trip: providers allow fewer characters than tools and other providers use."""

import re
from collections.abc import Sequence
from typing import Final

from cherry.domain.prompts import OfferedTool
from cherry.kernel.ids import derived_id
from cherry.toon.definition import wire_name

_MAX_NAME: Final = 64
_ALLOWED_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,40}", re.ASCII)
_NOT_ALLOWED: Final = re.compile(r"[^A-Za-z0-9_-]", re.ASCII)


class ToolNames:
    """Dotted names to names on the wire and back, for the tools offered in one request."""

    def __init__(self, tools: Sequence[OfferedTool]) -> None:
        self._wire: dict[str, str] = {}
        self._dotted: dict[str, str] = {}
        for tool in tools:
            name = self._free(allowed_name(tool.name))
            self._wire[tool.name] = name
            self._dotted[name] = tool.name

    def to_wire(self, name: str) -> str:
        """Also for tools that are no longer offered, or never were: their calls are part of the history."""
        return self._wire.get(name) or allowed_name(name)

    def from_wire(self, name: str) -> str:
        """Unknown names stay as written: the answer to them must name what the model wrote."""
        return self._dotted.get(name, name)

    def _free(self, name: str) -> str:
        number, candidate = 2, name
        while candidate in self._dotted:
            candidate = f"{name[: _MAX_NAME - 4]}_{number}"
            number += 1
        return candidate


def allowed_name(name: str) -> str:
    return _NOT_ALLOWED.sub("_", wire_name(name))[:_MAX_NAME] or "unnamed"


def allowed_id(call_id: str) -> str:
    """A call's id in a form every provider takes; always the same for the same id."""
    return call_id if _ALLOWED_ID.fullmatch(call_id) else derived_id("call", call_id)
