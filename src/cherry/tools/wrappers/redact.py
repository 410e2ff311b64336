"""Takes secrets out of what a call gives back, for the model and for people, before anything is kept."""

import asyncio
from collections.abc import Callable
from typing import Any

from pydantic import TypeAdapter

from cherry.domain.calls import Result
from cherry.domain.views import View
from cherry.tools.invocation import Invocation, Proceed, Wrapper

_LONG = 256 << 10
_VIEW: TypeAdapter[View] = TypeAdapter(View, config={"defer_build": True})


def redact(clean: Callable[[str], str]) -> Wrapper:
    """`clean` returns the text without secrets, the same object when it holds none."""

    async def redacted(invocation: Invocation, proceed: Proceed) -> Result:
        result = await proceed(invocation)
        changes: dict[str, Any] = {}
        if (text := await _clean_text(result.text, clean)) != result.text:
            changes["text"] = text
        if result.view is not None and (view := _clean_view(result.view, clean)) is not None:
            changes["view"] = view
        if result.fault is not None and (message := clean(result.fault.message)) != result.fault.message:
            changes["fault"] = result.fault.model_copy(update={"message": message})
        return result.model_copy(update=changes) if changes else result

    return redacted


async def _clean_text(text: str, clean: Callable[[str], str]) -> str:
    return clean(text) if len(text) < _LONG else await asyncio.to_thread(clean, text)


def _clean_view(view: View, clean: Callable[[str], str]) -> View | None:
    """None when nothing had to be taken out."""
    before = view.model_dump()
    after = _clean_value(before, clean)
    return None if after == before else _VIEW.validate_python(after)


def _clean_value(value: Any, clean: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return clean(value) if len(value) > 7 else value
    if isinstance(value, dict):
        return {key: _clean_value(item, clean) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_clean_value(item, clean) for item in value)
    return value
