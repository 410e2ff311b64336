"""The one shape all layers have."""

from collections.abc import AsyncGenerator, Callable

from cherry.domain.prompts import Prompt, StreamItem

Stream = Callable[[Prompt], AsyncGenerator[StreamItem, None]]
"""Deltas, then exactly one Answer as the last item; raises CherryError when there is none."""
