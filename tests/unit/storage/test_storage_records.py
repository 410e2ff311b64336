"""Writing events down and reading them back."""

import types
from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cherry.domain.base import Value
from cherry.domain.errors import CherryError, ErrorKind, storage
from cherry.domain.events import Event, Notice, SessionStarted, ToolStarted
from cherry.storage.records import KINDS, StoredEvent, decode, encode, event_id

TEXT = st.text(st.characters(codec=None), max_size=12)
"""Lone surrogates too: paths have them."""
NUMBERS = st.integers(-(2**63), 2**63 - 1)
FLOATS = st.floats(allow_nan=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXT,
    int: NUMBERS,
    float: FLOATS,
    bool: st.booleans(),
    bytes: st.binary(max_size=8),
    type(None): st.none(),
    Any: JSON,
    Decimal: st.decimals(allow_nan=False, allow_infinity=False),
}


def of(annotation: Any) -> st.SearchStrategy[Any]:
    """Values of a type as the fields of events have them."""
    if annotation in PLAIN:
        return PLAIN[annotation]
    if isinstance(annotation, type) and issubclass(annotation, Value):
        return st.deferred(lambda: values(annotation))
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return st.sampled_from(annotation)
    return COMPOSED[get_origin(annotation)](*get_args(annotation))


def tuples(first: Any, *rest: Any) -> st.SearchStrategy[Any]:
    if rest == (Ellipsis,):
        return st.lists(of(first), max_size=2).map(tuple)
    return st.tuples(of(first), *map(of, rest))


def one_of(*members: Any) -> st.SearchStrategy[Any]:
    return st.one_of(*map(of, members))


COMPOSED: dict[Any, Callable[..., st.SearchStrategy[Any]]] = {
    Annotated: lambda inner, *_: of(inner),
    Literal: lambda *choices: st.sampled_from(choices),
    Union: one_of,
    types.UnionType: one_of,
    tuple: tuples,
    dict: lambda key, item: st.dictionaries(of(key), of(item), max_size=2),
}


def values(kind: type[Value]) -> st.SearchStrategy[Any]:
    fields = {name: of(field.annotation) for name, field in kind.model_fields.items() if name not in {"v", "kind"}}
    return st.builds(kind, **fields)


def row(event: Event, **changed: Any) -> StoredEvent:
    text, form = encode(event)
    stored = StoredEvent("e_1", "s_1", 7, 2, 1.5, event.kind, form, text.encode())
    return stored._replace(**changed)


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.__name__)
@settings(max_examples=25, deadline=None, database=None)
@given(data=st.data())
def test_every_kind_of_event_comes_back_equal(kind: type[Event], data: st.DataObject) -> None:
    event = data.draw(values(kind))

    record = decode(row(event))

    assert record.event == event
    assert (record.id, record.session, record.seq, record.turn, record.at) == ("e_1", "s_1", 7, 2, 1.5)


def test_an_id_depends_on_what_makes_an_event_the_same_and_on_nothing_else() -> None:
    one = Notice(text="a", nonce="n1")

    assert event_id("s_1", 1, one) == event_id("s_1", 1, Notice(text="b", nonce="n1", level="error"))
    others = {
        event_id("s_2", 1, one),
        event_id("s_1", 2, one),
        event_id("s_1", 1, Notice(text="a", nonce="n2")),
        event_id("s_1", 1, SessionStarted(workspace="n1")),
    }
    assert len(others | {event_id("s_1", 1, one)}) == 5


def test_the_id_of_an_event_never_changes() -> None:
    # A repeat must be recognised by a later Cherry too.
    assert event_id("s_01jd9yk3hm7r2k9x0q", 3, Notice(text="a", nonce="n1")) == "e_vz4n6rqez1byzv7t"


@pytest.mark.parametrize("depth", [200, 250, 300, 5_000])
@pytest.mark.parametrize("leaf", ["x", "\udce9"])
def test_what_could_not_be_read_again_is_refused(depth: int, leaf: str) -> None:
    arguments: dict[str, Any] = {"leaf": leaf}
    for _ in range(depth):
        arguments = {"deeper": arguments}

    with pytest.raises(CherryError) as caught:
        encode(ToolStarted(call_id="c", tool="t", arguments=arguments, title="", effect="read"))

    assert caught.value.kind is storage.BAD_EVENT


BROKEN: dict[str, tuple[dict[str, Any], ErrorKind, str]] = {
    "cut": ({"body": b'{"v":1,"kind":"noti'}, storage.DAMAGED, "Event 7 of s_1 cannot be read; the 6 before it can"),
    "empty": ({"body": b""}, storage.DAMAGED, "Event 7"),
    "not utf-8": ({"body": b'{"v":1,"kind":"notice","text":"\xff"}'}, storage.DAMAGED, "Event 7"),
    "a field missing": ({"body": b'{"v":1,"kind":"notice"}'}, storage.DAMAGED, "text: Field required"),
    "another kind": ({"body": b'{"kind":"turn.finished","outcome":"done"}'}, storage.DAMAGED, "kind"),
    "too deep": ({"body": b'{"text":' + b"[" * 5_000}, storage.DAMAGED, "Event 7"),
    "an unknown kind": ({"kind": "dream.dreamt"}, storage.NEWER_DATABASE, "its kind is 'dream.dreamt'"),
    "a newer version": (
        {"body": b'{"v":2,"kind":"notice","text":"a"}'},
        storage.NEWER_DATABASE,
        "its version of notice is 2",
    ),
    "a newer version of another shape": (
        {"body": b'{"v":3,"kind":"notice","words":["a"]}'},
        storage.NEWER_DATABASE,
        "its version of notice is 3",
    ),
}


@pytest.mark.parametrize(("changed", "kind", "message"), BROKEN.values(), ids=BROKEN)
def test_an_event_that_cannot_be_read_says_which_and_why(
    changed: dict[str, Any], kind: ErrorKind, message: str
) -> None:
    with pytest.raises(CherryError) as caught:
        decode(row(Notice(text="a"), **changed))

    assert caught.value.kind is kind
    assert message in caught.value.message
