"""The base of every value: frozen, compared by content, tolerant of fields a newer Cherry added."""

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """An immutable value. Unknown fields are ignored on loading, so data written by a newer minor version still loads.

    `defer_build` delays pydantic's schema work until a class is first used: start-up pays only for what it touches.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        defer_build=True,
        ser_json_bytes="base64",
        val_json_bytes="base64",
        ser_json_inf_nan="strings",  # the default writes null, which does not load as a number again
    )
