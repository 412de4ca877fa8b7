"""Replace a step of Flask in each of the ways that apps and the tools that watch them have."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import FunctionType
from typing import Any

import pytest
import wrapt

Function = Callable[..., Any]


def plain(original: Function, note: Callable[[], None]) -> Function:
    """Return a wrapper that bears its own name."""

    def wrapper(*arguments: Any, **named: Any) -> Any:
        note()
        return original(*arguments, **named)

    return wrapper


def with_wraps(original: Function, note: Callable[[], None]) -> Function:
    """Return a wrapper that bears the original's name, module and attributes."""
    return functools.wraps(original)(plain(original, note))


def with_wrapt(original: Function, note: Callable[[], None]) -> Function:
    """Return a proxy that shows the original's code, class and everything else as its own."""

    def wrapper(wrapped: Function, _instance: object, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        note()
        return wrapped(*arguments, **named)

    return wrapt.FunctionWrapper(original, wrapper)


WRAPPERS = {"plain": plain, "wraps": with_wraps, "wrapt": with_wrapt}

# What code put in the place of other code calls, by the name that it bears: it can bring no variables of its own along.
in_place: dict[str, Function] = {}


def replace_code(patch: pytest.MonkeyPatch, function: Any, note: Callable[[], None]) -> None:
    """Put other code into a function, which stays the same object, and calls what it did before."""
    name = function.__qualname__
    before = FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    before.__kwdefaults__ = function.__kwdefaults__
    patch.setitem(in_place, name, plain(before, note))
    patch.setattr(function, "__code__", _other_code.__code__.replace(co_name=name))


def _other_code(*arguments: Any, **named: Any) -> Any:
    # Run with the globals of Flask's module.
    import sys  # noqa: PLC0415 - as above

    from tests.flask_app.serving.replacing import in_place  # noqa: PLC0415 - as above

    return in_place[sys._getframe().f_code.co_name](*arguments, **named)
