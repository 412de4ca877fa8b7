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


Fault = tuple[bool, str, str]
"""Whether something is wrong, its cause, and its hint."""


def tried(what: str, *faults: Fault) -> Finding:
    """Return the finding of something that was tested. A check ends with the first that did not go well.

    Args:
        what: In words.
        *faults: The first one that is wrong is reported; if none is, it went well.
    """
    for is_wrong, cause, hint in faults:
        if is_wrong:
            return Finding(what=what, passed=False, cause=cause, hint=hint)
    return Finding(what=what, passed=True)


def when(is_wrong: bool, cause: str, hint: str) -> Fault:
    """Return a fault."""
    return is_wrong, cause, hint
