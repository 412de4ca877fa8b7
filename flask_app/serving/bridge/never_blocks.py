"""Mark a ``def`` function that never blocks, so that an event loop may run it itself."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])

_ATTRIBUTE = "__never_blocks__"


def never_blocks(function: Function) -> Function:
    """Promise that a ``def`` view, hook or error handler neither waits nor computes for long.

    Under WSGI this changes nothing. On an event loop it saves the hop to a worker thread and back, which costs more
    than such a function. If the promise is false, the function blocks every other request.

    Raises:
        TypeError: This is not a function, or it is a coroutine function, which is awaited anyway.
    """
    plain: Any = getattr(function, "__func__", function)
    if not callable(plain) or inspect.iscoroutinefunction(plain):
        raise TypeError(f"never_blocks takes a def function, and {function!r} is not one.")
    setattr(plain, _ATTRIBUTE, plain)
    return function


def is_promised_not_to_block(function: Callable[..., Any]) -> bool:
    """Return whether a function was marked with ``never_blocks``."""
    # Check the function itself: a wrapper has its attributes too (functools.wraps), and may block.
    return getattr(function, _ATTRIBUTE, None) is getattr(function, "__func__", function)
