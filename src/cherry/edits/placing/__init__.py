"""Finds the one place an edit means, and nothing else: text in, text out."""

from cherry.edits.placing.place import place
from cherry.edits.placing.placed import Placed, Span, apply
from cherry.edits.placing.whole import complete

__all__ = ["Placed", "Span", "apply", "complete", "place"]
