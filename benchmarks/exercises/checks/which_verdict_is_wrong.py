"""Checks exercise 4: which verdict of a report does not follow from its figures, by the lab's own rules."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.exercises.answer import load_toml
from benchmarks.exercises.catalogue import TASKS
from benchmarks.exercises.finding import AnswerError, Finding, failed, passed
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
            "async def is faster there, surely: the interval is above 1. But all of it falls short of half-way to the "
            "claim (√2.02 = 1.42): whatever this is, it is not the doubling."
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One verdict of the report.

    Attributes:
        number: Its own.
        says: The word that the report has for it.
        follows: The word that follows from its figures.
    """

    number: int
    says: str
    follows: str


def lines() -> list[Line]:
    """Return the report's verdicts, each with what follows from its figures."""
    text = _REPORT.read_text(encoding="utf-8")
    ceiling = _CEILING.search(text)
    ceiling_per_s = _number(ceiling[1]) if ceiling else float("inf")
    return [_line(match, ceiling_per_s) for match in map(_LINE.match, text.splitlines()) if match]


def check(folder: Path) -> Iterator[Finding]:
    """Try the answer."""
    answer = load_toml(folder, "answer.toml")
    (wrong,) = [line for line in lines() if line.says != line.follows]
    yield _finds_it(answer.get("wrong"), wrong)
    yield _names_it(answer.get("should_say"), wrong)


def _finds_it(number: object, wrong: Line) -> Finding:
    what = "the verdict that does not follow from its figures"
    if isinstance(number, str) and number.strip().isdecimal():
        number = int(number)
    if number == wrong.number:
        return passed(what)
    if isinstance(number, int) and number in _WHY_RIGHT:
        cause, why = _WHY_RIGHT[number]
        return failed(what, cause, f"Verdict {number} is right. {why}")
    raise AnswerError("not-answered", "answer.toml has no number from 1 to 6 under `wrong` yet.")


def _names_it(answered: object, wrong: Line) -> Finding:
    what = "what it should say"
    # The word is what counts, and not how it is written.
    word = " ".join(re.findall(r"[a-z]+", answered.lower())) if isinstance(answered, str) else None
    if word == wrong.follows:
        return passed(what)
    if word not in _WORDS:
        raise AnswerError("not-answered", f"`should_say` is one of: {', '.join(_WORDS)}.")
    return failed(
        what,
        "wrong-word",
        f"Not {word}. Replicated, contradicted and inconclusive are said of a claim, and nobody claimed anything of "
        "this pair; nothing speaks against the measurement either. What may be said of an interval that holds 1 and is "
        "wider than the margin?",
    )


def _line(match: re.Match[str], ceiling_per_s: float) -> Line:
    value, low, high = (float(match[name]) for name in ("value", "low", "high"))
    estimate = Estimate(value=value, low=low, high=high, samples=_ROUNDS)
    rate = _RATE.search(match["what"])
    follows: str
    if rate is not None and _number(rate[1]) > MAXIMUM_CEILING_FRACTION * ceiling_per_s:
        follows = "refused"
    elif match["says"] in _OUTCOMES:
        follows = ratio.outcome_of(estimate, _CLAIMED)
    else:
        follows = "equal" if is_equal(estimate, _MARGIN) else "no difference found"
    return Line(number=int(match["number"]), says=match["says"].strip(), follows=follows)


def _number(text: str) -> float:
    return float(text.replace(",", ""))
