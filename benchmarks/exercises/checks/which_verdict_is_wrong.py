"""Checks exercise 4: which verdict of a report does not follow from its figures, by the lab's own rules."""

from __future__ import annotations

import re
from collections.abc import Iterator

from benchmarks.exercises.answer import Answer
from benchmarks.exercises.catalogue import TASKS
from benchmarks.exercises.finding import AnswerError, Finding
from benchmarks.judge import ratio
from benchmarks.judge.comparison import is_equal
from benchmarks.judge.judgement import Estimate
from benchmarks.judge.trials import MAXIMUM_CEILING_FRACTION

_REPORT = TASKS / "04-which-verdict-is-wrong" / "start" / "report.txt"
_CLAIMED = 2.02
_MARGIN = 0.05
_ROUNDS = 10
_LINE = re.compile(
    r"^ +(?P<number>\d)  (?P<what>.+?)  +(?P<value>[\d.]+) x +\[(?P<low>[\d.]+), (?P<high>[\d.]+)\] +(?P<says>\w.*)$"
)
_RATE = re.compile(r"\(([\d,]+) a second\)")
_CEILING = re.compile(r"ceiling is ([\d,]+) requests")
_OUTCOMES = ("replicated", "contradicted", "inconclusive")
_WORDS = (*_OUTCOMES, "equal", "refused", "no difference found")
RIGHT = {1: "smaller-effect", 2: "short-of-half-way", 3: "both-sides", 5: "equal-inside", 6: "loader-bound"}
"""Verdicts that follow from their figures, and the cause of taking each for the wrong one."""


def words() -> dict[int, tuple[str, str]]:
    """Return for each verdict of the report the word that it uses, and the one that follows from its figures."""
    text = _REPORT.read_text(encoding="utf-8")
    ceiling = _CEILING.search(text)
    ceiling_per_s = _number(ceiling[1]) if ceiling else float("inf")
    matches = filter(None, map(_LINE.match, text.splitlines()))
    return {int(match["number"]): (match["says"].strip(), _follows(match, ceiling_per_s)) for match in matches}


def check(answer: Answer) -> Iterator[Finding]:
    """Try the answer."""
    written = answer.written()
    ((wrong, follows),) = [(number, follows) for number, (says, follows) in words().items() if says != follows]
    number = written.get("wrong")
    if isinstance(number, str) and number.strip().isdecimal():
        number = int(number)
    if not isinstance(number, int) or (number != wrong and number not in RIGHT):
        raise AnswerError("not-answered", "answer.toml has no number from 1 to 6 under `wrong` yet.")
    yield answer.found("which", {cause: number == right for right, cause in RIGHT.items()})
    said = written.get("should_say")
    # The word counts, not its spelling.
    word = " ".join(re.findall(r"[a-z]+", said.lower())) if isinstance(said, str) else None
    if word not in _WORDS:
        raise AnswerError("not-answered", f"`should_say` is one of: {', '.join(_WORDS)}.")
    yield answer.found("word", {"wrong-word": word != follows}, word=word)


def _follows(match: re.Match[str], ceiling_per_s: float) -> str:
    value, low, high = (float(match[name]) for name in ("value", "low", "high"))
    estimate = Estimate(value=value, low=low, high=high, samples=_ROUNDS)
    rate = _RATE.search(match["what"])
    if rate is not None and _number(rate[1]) > MAXIMUM_CEILING_FRACTION * ceiling_per_s:
        return "refused"
    if match["says"] in _OUTCOMES:
        return ratio.outcome_of(estimate, _CLAIMED)
    return "equal" if is_equal(estimate, _MARGIN) else "no difference found"


def _number(text: str) -> float:
    return float(text.replace(",", ""))
