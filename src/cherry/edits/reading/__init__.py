"""Reads edits out of what a model writes: one reader per format, one result for all."""

from cherry.edits.reading.reading import Reading
from cherry.edits.reading.stream import EditStream, read_edits, read_patch

__all__ = ["EditStream", "Reading", "read_edits", "read_patch"]
