"""What can go wrong for a person: each error says in its message what happened, why, and what to do."""

from __future__ import annotations


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
