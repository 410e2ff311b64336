"""Events load for ever: `tests/golden/events` holds at least one of each kind as it was first written, and is never rewritten."""

import json
from pathlib import Path
from typing import Any, get_args

import pytest

from cherry.domain.events import EVENT, Event, EventBase

GOLDEN = sorted((Path(__file__).parents[2] / "golden" / "events").glob("*.json"))
KINDS: tuple[type[EventBase], ...] = get_args(get_args(Event)[0])


def kept(written: Any, loaded: Any, where: str = "") -> list[str]:
    """What was written and is no longer there, or not the same; what was added since does not matter."""
    if isinstance(written, dict) and isinstance(loaded, dict):
        gone = [f"{where}.{name} is gone" for name in written if name not in loaded]
        return gone + [
            x for name in written if name in loaded for x in kept(written[name], loaded[name], f"{where}.{name}")
        ]
    if isinstance(written, list) and isinstance(loaded, list) and len(written) == len(loaded):
        return [
            x for i, (old, new) in enumerate(zip(written, loaded, strict=True)) for x in kept(old, new, f"{where}[{i}]")
        ]
    return [] if written == loaded else [f"{where} was {written!r} and is {loaded!r}"]


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.stem)
def test_an_event_written_by_an_older_cherry_loads_with_all_it_said(file: Path) -> None:
    written = json.loads(file.read_text("utf-8"))

    event = EVENT.validate_json(file.read_bytes())

    assert kept(written, json.loads(EVENT.dump_json(event))) == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_kind_of_event_has_a_golden_file(kind: type[EventBase]) -> None:
    kinds = {json.loads(file.read_text("utf-8"))["kind"] for file in GOLDEN}

    assert kind.model_fields["kind"].default in kinds, "write one to tests/golden/events, as it looks now"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_the_name_of_a_kind_is_its_only_value(kind: type[EventBase]) -> None:
    assert get_args(kind.model_fields["kind"].annotation) == (kind.model_fields["kind"].default,)


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.stem)
def test_an_event_of_a_newer_cherry_with_more_fields_loads(file: Path) -> None:
    written = json.loads(file.read_text("utf-8"))

    assert EVENT.validate_python(written | {"from_the_future": [1]}) == EVENT.validate_python(written)


def test_fields_that_are_not_written_have_defaults() -> None:
    event = EVENT.validate_python({"kind": "turn.finished", "outcome": "done"})

    assert (event.v, event.key()) == (1, "")
