"""Checks exercise 4: which verdict of a report does not follow from its figures, by the lab's own rules."""

from __future__ import annotations

import re
from collections.abc import Iterator

from benchmarks.exercises.answer import Answer
from benchmarks.exercises.finding import AnswerError, Finding

WORDS = ("replicated", "contradicted", "inconclusive", "equal", "refused", "no difference found")
WRONG, FOLLOWS = 4, "no difference found"
"""Number of the verdict, and the word that follows from its figures. A test has them from the report and the judge."""

RIGHT = {1: "smaller-effect", 2: "short-of-half-way", 3: "both-sides", 5: "equal-inside", 6: "loader-bound"}
"""Verdicts that follow from their figures, and the cause of taking each for the wrong one."""


def check(answer: Answer) -> Iterator[Finding]:
    """Try the answer."""
    written = answer.written()
    number = written.get("wrong")
    if isinstance(number, str) and number.strip().isdecimal():
        number = int(number)
    if not isinstance(number, int) or number not in {WRONG, *RIGHT}:
        raise AnswerError("not-answered", "answer.toml has no number from 1 to 6 under `wrong` yet.")
    yield answer.found("which", {cause: number == right for right, cause in RIGHT.items()})
    said = written.get("should_say")
    # The word counts, not its spelling.
    word = " ".join(re.findall(r"[a-z]+", said.lower())) if isinstance(said, str) else None
    if word not in WORDS:
        raise AnswerError("not-answered", f"`should_say` is one of: {', '.join(WORDS)}.")
    yield answer.found("word", {"wrong-word": word != FOLLOWS}, word=word)
