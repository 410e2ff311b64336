"""Finds the one place an edit means, and nothing else: text in, text out."""

from cherry.edits.placing.place import Placed, Span, apply, place

__all__ = ["Placed", "Span", "apply", "place"]
