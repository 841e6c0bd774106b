"""Reads numbers of all kinds: counts, shares, durations, rates and windows."""

from __future__ import annotations

import math
import re
from typing import Final

from resilience.core.admission.rate import MOST_CALLS, Rate, meant_rate, parsed
from resilience.core.grammar.durations import meant, seconds, written
from resilience.policyfile.format.rows import Key
from resilience.policyfile.format.unfit import UnfitError, elements
from resilience.policyfile.messages import ids
from resilience.policyfile.messages.lookalikes import lookalike, plain
from resilience.policyfile.messages.wording import shown

_PERCENT: Final = 100
_LEAST_PERCENT: Final = 2  # 1.5 is no share in percent
_NO_CALLS: Final = re.compile(r"-|0+(?:\.0+)?\s*/")
_TOO_MANY: Final = re.compile(r"[0-9]{7,}/[smh]")
MOST: Final = 1_000_000_000  # far over any count that a call can reach, and small for any other reader
LONGEST: Final = 365 * 24 * 3600.0  # no script runs for a year; also far below what clocks and timers take
_MILLISECONDS: Final = 1000


def read_count(key: Key, value: object) -> int:
    """Return a whole number."""
    if type(value) is not int:
        raise UnfitError(ids.WRONG_TYPE, f"expected a whole number, got {shown(value)}")
    if key.least is not None and value < key.least:
        reason = "; the first attempt counts, so 1 means no retry" if key.least == 1 and "first" in key.meaning else ""
        raise UnfitError(ids.OUT_OF_RANGE, f"expected {key.least:g} or more, got {shown(value)}{reason}")
    if value > MOST:
        raise UnfitError(ids.OUT_OF_RANGE, f"expected at most {MOST}, got {shown(value)}")
    return value


def read_number(_key: Key, value: object) -> float:
    """Return a finite number."""
    if type(value) is not int and type(value) is not float:
        raise UnfitError(ids.WRONG_TYPE, f"expected a number, got {shown(value)}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise UnfitError(ids.OUT_OF_RANGE, f"expected a finite number, got {shown(value)}")
    return number


def read_share(key: Key, value: object) -> float:
    """Return a number from 0 to 1."""
    number = read_number(key, value)
    if not 0 <= number <= 1 or (key.above is not None and number <= key.above):
        expected = "a number from 0 to 1" if key.above is None else f"a number above {key.above:g}, at most 1"
        hint = f"; did you mean {number / 100:g}?" if _LEAST_PERCENT <= number <= _PERCENT else ""
        raise UnfitError(ids.OUT_OF_RANGE, f"expected {expected}, got {shown(value)}{hint}")
    return number


def read_amount(key: Key, value: object) -> float:
    """Return a number that is not below the least one of its row."""
    number = read_number(key, value)
    if key.above is not None and number <= key.above:
        raise UnfitError(ids.OUT_OF_RANGE, f"expected more than {key.above:g}, got {shown(value)}")
    if key.least is not None and number < key.least:
        raise UnfitError(ids.OUT_OF_RANGE, f"expected {key.least:g} or more, got {shown(value)}")
    if number > MOST:
        raise UnfitError(ids.OUT_OF_RANGE, f"expected at most {MOST}, got {shown(value)}")
    return number


def read_rate(_key: Key, value: object) -> Rate:
    """Return a rate such as ``10/s``."""
    found = parsed(value) if type(value) is str else None
    if found is not None:
        return found
    expected = 'a rate such as "10/s", "60/m" or "1000/h"'
    if type(value) is int and 0 < value <= MOST_CALLS:
        raise UnfitError(
            ids.UNKNOWN_KEY, f'expected a rate with its unit, such as "10/s", got {value}; did you mean "{value}/s"?'
        )
    text = plain(value).strip() if type(value) is str else ""
    if _NO_CALLS.match(text):
        raise UnfitError(ids.OUT_OF_RANGE, f"expected {expected}, one call or more, got {shown(value)}")
    near = meant_rate(text)
    hint = "" if near is None or type(value) is not str else lookalike(value, near) or f'; did you mean "{near}"?'
    if _TOO_MANY.match(text):
        raise UnfitError(ids.OUT_OF_RANGE, f"expected at most {MOST_CALLS} calls, got {shown(value)}{hint}")
    raise UnfitError(ids.WRONG_TYPE, f"expected {expected}, got {shown(value)}{hint}")


def read_window(key: Key, value: object) -> float | int | None:
    """Return a duration in seconds as a float, or a number of calls as a whole number."""
    if type(value) is int:
        if not 1 <= value <= MOST:
            raise UnfitError(ids.OUT_OF_RANGE, f"expected from 1 to {MOST} calls, got {shown(value)}")
        return value
    if type(value) is not str:
        expected = 'a duration such as "30s", or a whole number of calls such as 100'
        raise UnfitError(ids.WRONG_TYPE, f"expected {expected}, got {shown(value)}")
    return read_duration(key, value)


def read_duration(key: Key, value: object) -> float | None:
    """Return a duration in seconds; None for ``"none"``."""
    if type(value) is not str:
        raise UnfitError(*_not_a_duration(value))
    if key.none and value == "none":
        return None
    length = seconds(value)
    if length is None:
        choice = ' or "none"' if key.none else ""
        hint = "; a duration cannot be negative" if value.startswith("-") else ""
        if key.none and value.strip().lower() in {"none", "never", "unlimited", "infinite", "inf", "off"}:
            hint = '; did you mean "none"?'
        letters = plain(value)
        if near := meant(letters) or meant(letters.replace("O", "0").replace("o", "0").replace("l", "1")):
            hint = lookalike(value, near) or f'; did you mean "{near}"?'
        raise UnfitError(
            ids.WRONG_TYPE, f'expected a duration such as "30s" or "1m30s"{choice}, got {shown(value)}{hint}'
        )
    if key.above is not None and length <= key.above:
        hint = '; "none" is the way to have no limit' if key.none else ""
        raise UnfitError(ids.OUT_OF_RANGE, f"expected more than {written(key.above)}, got {shown(value)}{hint}")
    if key.least is not None and length < key.least:
        raise UnfitError(ids.OUT_OF_RANGE, f"expected at least {written(key.least)}, got {shown(value)}")
    if length > LONGEST:
        hint = '; "none" is the way to have no limit' if key.none else ""
        raise UnfitError(ids.OUT_OF_RANGE, f'expected at most 365 days, "8760h", got {shown(value)}{hint}')
    return length


def _not_a_duration(value: object) -> tuple[str, str]:
    if type(value) is bool or not isinstance(value, int | float):
        return ids.WRONG_TYPE, f'expected a duration such as "30s", got {shown(value)}'
    message = f'expected a duration with its unit, such as "30s", got {shown(value)}'
    if not 0 <= value < 10 * _MILLISECONDS**2:
        return ids.UNKNOWN_KEY, message
    as_seconds = f'"{written(float(value))}"'
    if isinstance(value, int) and value >= _MILLISECONDS:
        return ids.UNKNOWN_KEY, f'{message}; did you mean "{value}ms" or {as_seconds}?'
    return ids.UNKNOWN_KEY, f"{message}; did you mean {as_seconds}?"


def read_durations(key: Key, value: object) -> tuple[float, ...]:
    """Return an array of durations, in seconds."""
    if type(value) is not list:
        raise UnfitError(ids.WRONG_TYPE, f'expected an array of durations such as ["1s", "5s"], got {shown(value)}')
    if not value:
        raise UnfitError(ids.OUT_OF_RANGE, "expected at least one duration, got none")
    # Only "none" is read as None, and no array allows it.
    return elements(value, lambda _, each: read_duration(key, each) or 0.0)
