"""Reading times, sizes and sums as people write them: `90`, `90s`, `5m`, `1h30m` · `512M`, `8G` · `0.50`, `$2`.

Every function takes what a file, a variable or a flag gave and raises ValueError with what it expected instead.
"""

import math
import re
from decimal import Decimal, InvalidOperation

# Patterns are compiled when first used: start-up time.
_DURATION = r"(?:([0-9]+(?:\.[0-9]+)?)h)?(?:([0-9]+(?:\.[0-9]+)?)m)?(?:([0-9]+(?:\.[0-9]+)?)s?)?"
_AGE = r"([0-9]+(?:\.[0-9]+)?)([hdw])"
_SIZE = r"([0-9]+(?:\.[0-9]+)?)\s*([kKmMgGtT]?)(?:i?[bB])?"
_SIZE_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}

EXPECTED_SECONDS = "a time such as 90, 90s, 5m or 1h30m (plain numbers are seconds)"
EXPECTED_AGE = "an age with its unit such as 90d, 12w or 36h"
EXPECTED_BYTES = "a size such as 500000, 512M or 8G"
EXPECTED_MONEY = "a sum of US dollars such as 0.50 or 2"


def seconds(given: object) -> float:
    """A positive time in seconds."""
    if isinstance(given, int | float) and not isinstance(given, bool):
        return _positive(float(given), EXPECTED_SECONDS)
    if isinstance(given, str) and (text := given.strip().lower()) and (match := re.fullmatch(_DURATION, text)):
        hours, minutes, rest = (float(part or 0) for part in match.groups())
        return _positive(hours * 3600 + minutes * 60 + rest, EXPECTED_SECONDS)
    raise ValueError(EXPECTED_SECONDS)


def age(given: object) -> float:
    """A positive time in seconds, as days, weeks or hours. A plain number is refused: nobody shall lose data over a missing unit."""
    if isinstance(given, str) and (match := re.fullmatch(_AGE, given.strip().lower())):
        return _positive(float(match[1]) * {"h": 3600, "d": 86_400, "w": 604_800}[match[2]], EXPECTED_AGE)
    raise ValueError(EXPECTED_AGE)


def pause(given: object) -> float:
    """A time in seconds that may be zero."""
    return 0.0 if given in (0, "0") and given is not False else seconds(given)


def size(given: object) -> int:
    """A positive number of bytes; k, M, G and T count in steps of 1024."""
    if isinstance(given, int) and not isinstance(given, bool) and given > 0:
        return given
    if isinstance(given, str) and (match := re.fullmatch(_SIZE, given.strip())):
        number, unit = match.groups()
        return int(_positive(float(number) * _SIZE_UNITS[unit.lower()], EXPECTED_BYTES))
    raise ValueError(EXPECTED_BYTES)


def money(given: object) -> Decimal:
    """A sum that is not negative, exactly as written."""
    if isinstance(given, bool) or not isinstance(given, str | int | float | Decimal):
        raise ValueError(EXPECTED_MONEY)
    try:
        sum_ = Decimal(str(given).strip().removeprefix("$"))
    except InvalidOperation:
        raise ValueError(EXPECTED_MONEY) from None
    if not sum_.is_finite() or sum_ < 0:
        raise ValueError(EXPECTED_MONEY)
    return sum_


def whole(given: object) -> object:
    """Keeps a boolean from being taken for the number 0 or 1."""
    if isinstance(given, bool):
        raise ValueError("a whole number")
    return given


def _positive(value: float, expected: str) -> float:
    if not math.isfinite(value) or value <= 0:
        raise ValueError(expected)
    return value
