"""What a check found: what it tried, whether that went well, and if not, the cause and a hint that teaches."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was tested.

    Attributes:
        what: In words.
        passed: Whether it went well.
        cause: Short name of what is wrong; ``None`` when it went well.
        hint: What to know for the next try; ``None`` when it went well.
    """

    what: str
    passed: bool
    cause: str | None = None
    hint: str | None = None


def failed(what: str, cause: str, hint: str) -> Finding:
    """Return the finding of something that did not go well; a check ends with it."""
    return Finding(what=what, passed=False, cause=cause, hint=hint)


ENDS = "The check comes to its end"
"""What is tested of every answer."""


class AnswerError(Exception):
    """The folder contains nothing that could be tried.

    Attributes:
        cause: Short name of what is wrong.
        hint: What to do.
    """

    def __init__(self, cause: str, hint: str) -> None:
        super().__init__(hint)
        self.cause = cause
        self.hint = hint
