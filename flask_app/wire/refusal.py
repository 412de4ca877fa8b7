"""Say of what a marshmallow schema does that no document could: the reason, and the cure."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Literal

from marshmallow import Schema

# Which way a field goes. Of an answer it is loaded, so that it is validated, and dumped; of a query it is loaded.
Direction = Literal["answer", "query"]

# What an instance of a subclass may have of its own without doing anything else than marshmallow's class.
_INERT = {"default_error_messages", "default_message", "_abc_impl"}
_ACTIVE_DUNDERS = {"__call__", "__getattribute__", "__getattr__", "__setattr__"}


class UndocumentableError(TypeError):
    """A field, validator or schema of which no document can say exactly what it sends and accepts."""


@contextlib.contextmanager
def named(schema: Schema, name: str) -> Iterator[None]:
    """Say of which field of a schema it is that no document can be made."""
    try:
        yield
    except UndocumentableError as error:
        raise UndocumentableError(f"{type(schema).__name__}.{name}: {error}") from None


def known_class(instance: object, known: frozenset[type]) -> type | None:
    """Return which of marshmallow's classes an instance behaves as.

    Args:
        instance: A field or a validator.
        known: The classes that are understood.
    Returns:
        Its own class, or the nearest base of which it overrides nothing; ``None`` when there is no such base.
    Raises:
        UndocumentableError: A class between overrides something.
    """
    lineage = type(instance).__mro__
    base = next((each for each in lineage if each in known), None)
    if base is None:
        return None
    for own in lineage[: lineage.index(base)]:
        overridden = sorted(
            name
            for name in vars(own)
            if hasattr(base, name) and name not in _INERT and (not name.startswith("__") or name in _ACTIVE_DUNDERS)
        )
        if overridden:
            raise UndocumentableError(
                f"{type(instance).__name__} does more than marshmallow's own class, in {', '.join(overridden)}, and "
                "nobody else knows what; use marshmallow's as it is, and do the rest in the view"
            )
    return base
