"""What a check found: what it tried, whether that went well, and where not, the cause and a hint that teaches."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was tried.

    Attributes:
        what: In words.
        passed: Whether it went well.
        cause: Why not, by a short name; ``None`` when it went well.
        hint: What to know, for whoever is to try again; ``None`` when it went well.
    """

    what: str
    passed: bool
    cause: str | None = None
    hint: str | None = None


class AnswerError(Exception):
    """The folder holds nothing that could be tried.

    Attributes:
        cause: By a short name.
        hint: What to do.
    """

    def __init__(self, cause: str, hint: str) -> None:
        super().__init__(hint)
        self.cause = cause
        self.hint = hint


def passed(what: str) -> Finding:
    """Return that something went well."""
    return Finding(what=what, passed=True)


def failed(what: str, cause: str, hint: str) -> Finding:
    """Return that something did not go well; a check ends with it, so that there is one thing to mend at a time."""
    return Finding(what=what, passed=False, cause=cause, hint=hint)
