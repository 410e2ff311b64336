"""What the settings look like from outside: which keys there are, and what is wrong with values given for them."""

from collections.abc import Iterator, Mapping, Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from cherry.config.settings import SECTIONS, is_secret
from cherry.config.sources import Key, Layer, written
from cherry.domain.base import Value
from cherry.domain.errors import CherryError, config
from cherry.kernel import similar


class Shape(NamedTuple):
    """What a field holds: one value, a nested table, a table of tables by free name, or a list of tables."""

    kind: Literal["value", "table", "named", "list"]
    model: type[Value] | None = None


def shape_of(annotation: Any) -> Shape:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return shape_of(arguments[0])
    if origin in (Union, UnionType):
        rest = [argument for argument in arguments if argument is not NoneType]
        return shape_of(rest[0]) if len(rest) == 1 else Shape("value")
    if isinstance(annotation, type) and issubclass(annotation, Value):
        return Shape("table", annotation)
    if origin is dict and _is_table(arguments[1]):
        return Shape("named", arguments[1])
    if origin is tuple and arguments and _is_table(arguments[0]):
        return Shape("list", arguments[0])
    return Shape("value")


def unknown_keys(layer: Layer) -> Iterator[tuple[Key, list[str]]]:
    """Keys of a layer that no setting has, each with the names that could have stood there."""
    for name, raw in layer.values.items():
        if name not in SECTIONS:
            yield (name,), list(SECTIONS)
        else:
            yield from _unknown_below(SECTIONS[name], raw, (name,))


def unknown_key_error(key: Key, known: Sequence[str], where: str) -> CherryError:
    guess = nearest(key, known)
    return CherryError(
        config.UNKNOWN_KEY,
        f"There is no setting {written(key)}",
        where=where,
        next_step=f"Did you mean {guess}? `cherry config show` lists all settings." if guess else "",
    )


def no_such_setting(text: str) -> CherryError:
    """For a name a person typed: the nearest section or setting is suggested."""
    known = [*SECTIONS, *(written(key) for key in all_keys())]
    guess = similar.nearest(text.strip(), known)
    return CherryError(
        config.UNKNOWN_KEY,
        f"There is no setting {text!r}",
        next_step=f"Did you mean {guess}? `cherry config show` lists all settings." if guess else "",
    )


def nearest(key: Key, known: Sequence[str]) -> str:
    """The key with its last part replaced by the most similar known name; empty when none is similar."""
    if found := similar.nearest(key[-1], known):
        return written((*key[:-1], found))
    elsewhere = [every for every in all_keys() if every[-1] == key[-1]]
    return written(elsewhere[0]) if elsewhere else ""


def all_keys() -> list[Key]:
    """Every setting with a fixed place; those under a free name (providers, prices) are not among them."""
    return [key for name, section in SECTIONS.items() for key in _keys_of(section, (name,))]


class Wrong(NamedTuple):
    """A value that does not fit its setting."""

    key: Key
    given: object
    """None when nothing was given and something has to be."""
    expected: str


def check_section(name: str, raw: object, sources: Layer) -> Value:
    """The section as typed settings. Raises CherryError(config.BAD_VALUE) with place, key, what was given, what was expected."""
    checked = _checked(name, raw)
    if isinstance(checked, Value):
        return checked
    raise bad_value(checked[0], str(sources.source(checked[0].key)))


def wrong_values(name: str, raw: object) -> list[Wrong]:
    """Everything that is wrong with a section."""
    checked = _checked(name, raw)
    return [] if isinstance(checked, Value) else checked


def _checked(name: str, raw: object) -> Value | list[Wrong]:
    if not isinstance(raw, Mapping):
        return [Wrong((name,), raw, "a table of settings")]
    try:
        return SECTIONS[name].model_validate(raw)
    except ValidationError as error:
        return [
            Wrong(
                (name, *(str(part) for part in details["loc"])),
                None if details["type"] == "missing" else details["input"],
                _expected(details),
            )
            for details in error.errors(include_url=False)
        ]


def bad_value(wrong: Wrong, where: str) -> CherryError:
    key, given = wrong.key, wrong.given
    shown = "not given" if given is None else "set to a hidden value" if is_secret(key) else as_toml(given)
    return CherryError(config.BAD_VALUE, f"{written(key)} is {shown}", where=where, why=f"expected {wrong.expected}")


def as_toml(value: object, limit: int = 80) -> str:
    """A value as one would write it in TOML, cut to `limit` characters; for messages and listings."""
    text = _as_toml(value, 0)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _as_toml(value: object, depth: int) -> str:
    if depth > 8:
        return "…"
    if value is True or value is False:
        return str(value).lower()
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    if isinstance(value, Mapping):
        inner = ", ".join(f"{written((str(name),))} = {_as_toml(item, depth + 1)}" for name, item in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, Sequence):
        return "[" + ", ".join(_as_toml(item, depth + 1) for item in value) + "]"
    if isinstance(value, Value):
        return _as_toml({name: item for name, item in value if item not in ("", None)}, depth)
    return str(value)


def _is_table(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Value)


def _keys_of(model: type[Value], above: Key) -> Iterator[Key]:
    for name, field in model.model_fields.items():
        shape = shape_of(field.annotation)
        if shape.kind == "table" and shape.model:
            yield from _keys_of(shape.model, (*above, name))
        else:
            yield (*above, name)


def _unknown_below(model: type[Value], raw: object, above: Key) -> Iterator[tuple[Key, list[str]]]:
    if not isinstance(raw, Mapping):
        return  # a wrong value; told when the section is checked
    for name, value in raw.items():
        field = model.model_fields.get(name)
        key = (*above, name)
        if field is None:
            yield key, list(model.model_fields)
            continue
        shape = shape_of(field.annotation)
        for below, item in _tables_in(shape, value):
            assert shape.model is not None
            yield from _unknown_below(shape.model, item, (*key, *below))


def _tables_in(shape: Shape, value: object) -> Iterator[tuple[Key, object]]:
    if shape.kind == "table":
        yield (), value
    elif shape.kind == "named" and isinstance(value, Mapping):
        yield from (((name,), item) for name, item in value.items())
    elif shape.kind == "list" and isinstance(value, list):
        yield from (((str(number),), item) for number, item in enumerate(value))


_EXPECTED = {
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a smaller number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "text in quotes",
    "tuple_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "missing": "a value",
    "greater_than_equal": "{ge} or more",
    "literal_error": "{expected}",
    "value_error": "{error}",
}


def _expected(details: ErrorDetails) -> str:
    """What pydantic says, in the words of someone who edits a file."""
    template = _EXPECTED.get(details["type"])
    if template is None:
        return details["msg"].removeprefix("Input should be ")
    return template.format(**details.get("ctx", {}))
