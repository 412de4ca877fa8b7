"""Checks exercise 4: which verdict of a report does not follow from its figures, by the lab's own rules."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks.exercises.answer import load_toml
from benchmarks.exercises.catalogue import TASKS
from benchmarks.exercises.finding import AnswerError, Finding, tried, when
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
_WHY_RIGHT: Mapping[int, tuple[str, str]] = {
    1: (
        "smaller-effect",
        (
            "1.62 is less than the claimed 2.02, but the whole interval lies beyond half-way to the claim (√2.02 = "
            "1.42): the effect is there, and smaller. That replicates it."
        ),
    ),
    2: (
        "short-of-half-way",
        (
            "async def is certainly faster there: the interval is above 1. But all of it falls short of half-way to "
            "the claim (√2.02 = 1.42): whatever this is, it is not the doubling."
        ),
    ),
    3: (
        "both-sides",
        (
            "Its interval reaches to both sides of half-way to the claim (√2.02 = 1.42), so the run allows both: that "
            "is what inconclusive means, however large the estimate is."
        ),
    ),
    5: (
        "equal-inside",
        (
            "Its interval leaves 1 out, so there is a difference; and all of it lies inside 1 ± 5 %, so it is too "
            "small to matter. Equal is about the margin, not about 1."
        ),
    ),
    6: (
        "loader-bound",
        (
            "17,000 a second is 85 % of what the loader can do at all, and above 70 % the figure may be the loader's. "
            "A narrow interval around the wrong quantity is no evidence."
        ),
    ),
}


def words() -> dict[int, tuple[str, str]]:
    """Return for each verdict of the report the word that it uses, and the one that follows from its figures."""
    text = _REPORT.read_text(encoding="utf-8")
    ceiling = _CEILING.search(text)
    ceiling_per_s = _number(ceiling[1]) if ceiling else float("inf")
    matches = filter(None, map(_LINE.match, text.splitlines()))
    return {int(match["number"]): (match["says"].strip(), _follows(match, ceiling_per_s)) for match in matches}


def check(folder: Path) -> Iterator[Finding]:
    """Try the answer."""
    answer = load_toml(folder, "answer.toml")
    ((wrong, follows),) = [(number, follows) for number, (says, follows) in words().items() if says != follows]
    number = answer.get("wrong")
    if isinstance(number, str) and number.strip().isdecimal():
        number = int(number)
    if not isinstance(number, int) or (number != wrong and number not in _WHY_RIGHT):
        raise AnswerError("not-answered", "answer.toml has no number from 1 to 6 under `wrong` yet.")
    cause, why = _WHY_RIGHT.get(number, ("", ""))
    yield tried(
        "the verdict that does not follow from its figures",
        (number != wrong, cause, f"Verdict {number} is right. {why}"),
    )
    said = answer.get("should_say")
    # The word counts, not its spelling.
    word = " ".join(re.findall(r"[a-z]+", said.lower())) if isinstance(said, str) else None
    if word not in _WORDS:
        raise AnswerError("not-answered", f"`should_say` is one of: {', '.join(_WORDS)}.")
    yield tried(
        "what it should say",
        when(
            word != follows,
            "wrong-word",
            f"Not {word}. Replicated, contradicted and inconclusive are verdicts on a claim, and there is no claim "
            "about this pair; nothing speaks against the measurement either. Which word is for an interval that "
            "contains 1 and is wider than the margin?",
        ),
    )


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
