"""What a tool is, in the Tool-Oriented Object Notation: version 1 of the definition object."""

from typing import Any, Literal

from pydantic import Field

from cherry.domain.base import Value

TOON_VERSION = "1.0"

Effect = Literal["read", "edit", "run", "ask"]
"""read: changes nothing · edit: writes files through a change set · run: anything a program can do · ask: waits for a person"""


class ToolExample(Value):
    description: str
    input: dict[str, Any]
    output: Any = None


class ErrorCode(Value):
    description: str
    recovery: str = ""


class ToolMetadata(Value):
    category: str = "general"
    tags: tuple[str, ...] = ()
    cost: float = 0.0
    """US dollars a call costs by itself."""
    timeout: int = 120_000
    """Milliseconds."""
    requires_approval: bool = False
    """True: the policy's answer is at least `ask`."""
    side_effects: bool = False
    security_level: Literal["low", "medium", "high"] = "low"


class ToolDefinition(Value):
    """A tool as it is published: to models, to other agents, to people."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$")
    description: str
    input_schema: dict[str, Any]
    output_schema: dict[str, Any] | None = None
    metadata: ToolMetadata = ToolMetadata()
    examples: tuple[ToolExample, ...] = ()
    error_codes: dict[str, ErrorCode] = Field(default_factory=dict)


def wire_name(name: str) -> str:
    """`fs.read` → `fs_read`: providers allow letters, digits, `_` and `-` only."""
    return name.replace(".", "_")
