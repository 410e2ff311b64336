"""The one typed form of an edit: every format a model answers in is read into these, and only these are applied.

Boundary: pure values. Paths are as the model wrote them (cleaned of decoration, not resolved); who applies an edit checks them.
"""

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from cherry.domain.base import Value


class Replace(Value):
    """Replace one text of a file by another. Several of one file are applied in order.

    An empty `old` fills a file that is missing or empty (or, with `at_end`, appends); it never overwrites anything.
    """

    kind: Literal["replace"] = "replace"
    path: str
    old: str
    new: str
    all: bool = False
    """Replace every place instead of demanding exactly one."""
    hint_line: int | None = None
    """Where the model believes the place to be, from 1. Used in messages only: models count badly."""
    anchors: tuple[str, ...] = ()
    """Lines said to stand above the place, outermost first (`@@ class Foo`). They only choose between equal places."""
    at_end: bool = False
    """The place is the end of the file."""


class Write(Value):
    """The whole content of a file, created or overwritten."""

    kind: Literal["write"] = "write"
    path: str
    content: str


class Delete(Value):
    kind: Literal["delete"] = "delete"
    path: str


class Rename(Value):
    kind: Literal["rename"] = "rename"
    path: str
    to: str


class SetMode(Value):
    kind: Literal["mode"] = "mode"
    path: str
    executable: bool


Edit = Annotated[Replace | Write | Delete | Rename | SetMode, Field(discriminator="kind")]
EDIT: TypeAdapter[Edit] = TypeAdapter(Edit, config={"defer_build": True})
"""Reads and writes any edit."""
