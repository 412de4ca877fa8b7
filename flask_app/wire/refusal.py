"""Refuse parts of a marshmallow schema that cannot be documented, with the reason and the remedy."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Literal

from marshmallow import Schema

# The direction of a field. In an answer it is loaded, for validation, and dumped; in a query it is loaded.
Direction = Literal["answer", "query"]

# The attributes that a subclass may have without behaving differently from marshmallow's class.
_INERT = {"default_error_messages", "default_message", "_abc_impl"}
_ACTIVE_DUNDERS = {"__call__", "__getattribute__", "__getattr__", "__setattr__"}


class UndocumentableError(TypeError):
    """What a field, validator or schema sends and accepts cannot be documented exactly."""


@contextlib.contextmanager
def named(schema: Schema, name: str) -> Iterator[None]:
    """Add the field's name to an ``UndocumentableError``."""
    try:
        yield
    except UndocumentableError as error:
        raise UndocumentableError(f"{type(schema).__name__}.{name}: {error}") from None


def known_class(instance: object, known: frozenset[type]) -> type | None:
    """Return the marshmallow class that an instance behaves like.

    Args:
        instance: A field or a validator.
        known: The supported classes.
    Returns:
        Its own class, or the nearest base of which it overrides nothing; ``None`` if there is no such base.
    Raises:
        UndocumentableError: A class in between overrides something.
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
                f"{type(instance).__name__} overrides {', '.join(overridden)} of marshmallow's class, with unknown "
                "effect; use marshmallow's class itself, and do the rest in the view"
            )
    return base
