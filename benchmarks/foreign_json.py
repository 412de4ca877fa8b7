"""Reads JSON from outside: from a file, a client or another program. Whatever it is, it is read or refused."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

if TYPE_CHECKING:
    import pydantic

_T = TypeVar("_T")

MOST_LEVELS: Final = 100
"""Of nested arrays and objects: code that walks through a value may recurse at each."""

MOST_DIGITS: Final = 300
"""Of a whole number: Python reads up to 4,300, and a float holds 308."""


class ForeignJSONError(ValueError):
    """The text is not usable JSON; the message says why, and quotes nothing of it."""


def read_json(text: str | bytes) -> Any:
    """Return the value of a JSON text, with limits that make it safe to walk through and to write again as UTF-8.

    Args:
        text: Bytes are UTF-8.
    Raises:
        ForeignJSONError: It is not JSON, is nested more than ``MOST_LEVELS`` deep, or contains a number that is too
            large, NaN, or half of a surrogate pair.
    """
    try:
        decoded = (text.encode() if isinstance(text, str) else text).decode("utf-8-sig")
        value = json.loads(decoded, parse_constant=_refuse, parse_float=_finite, parse_int=_whole)
        _measure(value)
        # No other string of JSON is impossible to write.
        if "\\u" in decoded:
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise ForeignJSONError(_TOO_DEEP) from None
    except UnicodeEncodeError:
        raise ForeignJSONError("a string holds half of a surrogate pair") from None
    except UnicodeDecodeError as error:
        raise ForeignJSONError(f"it is not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise ForeignJSONError(str(error)) from None
    return value


def read_object(text: str | bytes) -> dict[str, Any]:
    """Return the value of a JSON text that is an object.

    Raises:
        ForeignJSONError: It is something else, or ``read_json`` refuses it.
    """
    value = read_json(text)
    if not isinstance(value, dict):
        raise ForeignJSONError("it is no JSON object")
    return value


_ADAPTERS: dict[Any, Any] = {}


def adapter_of(kind: type[_T]) -> pydantic.TypeAdapter[_T]:
    """Return what writes and reads values of a class.

    pydantic is loaded on first use: that takes nearly as long as everything else that `lab` loads, and many commands
    neither write nor read a file.
    """
    import pydantic  # noqa: PLC0415 (slow to import)

    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = pydantic.TypeAdapter(kind)
    found: pydantic.TypeAdapter[_T] = _ADAPTERS[kind]
    return found


def decode(kind: type[_T], value: object) -> _T:
    """Return a value of a class, from what ``read_json`` returned.

    Args:
        kind: For example a dataclass; its annotations define what is allowed.
        value: Of JSON.
    Raises:
        ForeignJSONError: It has another shape; the message says where and how.
    """
    import pydantic  # noqa: PLC0415 (slow to import)

    try:
        return adapter_of(kind).validate_python(value)
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise ForeignJSONError(f"{where}: {first['msg']} ({error.error_count()} faults)") from error


def encode(value: object) -> dict[str, Any]:
    """Return a dataclass as values of JSON."""
    encoded: dict[str, Any] = adapter_of(type(value)).dump_python(value, mode="json")
    return encoded


_TOO_DEEP: Final = f"it is nested more than {MOST_LEVELS} levels deep"


def _measure(value: object) -> None:
    level = [value]
    for _ in range(MOST_LEVELS):
        inner: list[object] = []
        for each in level:
            parts = each.values() if isinstance(each, dict) else each if isinstance(each, list) else ()
            inner.extend(part for part in parts if isinstance(part, dict | list))
        if not inner:
            return
        level = inner
    raise ForeignJSONError(_TOO_DEEP)


def _whole(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise ForeignJSONError(f"a whole number has more than {MOST_DIGITS} digits")
    return int(digits)


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ForeignJSONError("a number is too large")
    return value


def _refuse(constant: str) -> NoReturn:
    raise ForeignJSONError(f"{constant} is no number of JSON's")
