"""Mark a ``def`` function that never blocks, so that an event loop may run it itself."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])

_ATTRIBUTE = "__never_blocks__"


def never_blocks(function: Function) -> Function:
    """Promise that a ``def`` view, hook or error handler neither waits nor computes for long.

    Under WSGI that changes nothing. On an event loop it saves the hop to a worker thread and back, which costs more
    than such a function does; a false promise stops every other request meanwhile.

    Raises:
        TypeError: This is no function, or one that is awaited there anyway.
    """
    plain: Any = getattr(function, "__func__", function)
    if not callable(plain) or inspect.iscoroutinefunction(plain):
        raise TypeError(f"never_blocks takes a def function, and {function!r} is none.")
    setattr(plain, _ATTRIBUTE, plain)
    return function


def is_promised_not_to_block(function: Callable[..., Any]) -> bool:
    """Return whether ``never_blocks`` was said of a function."""
    # Of the function itself: what wraps it has its attributes too (functools.wraps), and may well block.
    return getattr(function, _ATTRIBUTE, None) is getattr(function, "__func__", function)
