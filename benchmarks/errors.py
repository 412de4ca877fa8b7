"""What can go wrong for a person: each error says in its message what happened, why, and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class LabError(Exception):
    """Something could not be done."""


class InvalidValueError(LabError):
    """What was asked for is not there, or cannot be; the message says what can.

    Args:
        message: For a person.
        option: Where a command line says it, such as ``--contender``; empty where it is not one option's fault.
    """

    def __init__(self, message: str, option: str = "") -> None:
        super().__init__(message)
        self.option = option


class RefusedError(LabError):
    """What was asked for would mislead, so it is not done; a command ends with an exit status of its own."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the end of a message about an unknown word: `` Did you mean compare?``, or nothing.

    Args:
        word: As it was written.
        known: Words of which it may be one.
    """
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.4)
    return f" Did you mean {near[0]}?" if near else ""
