"""Headline word, badge, sentence and figure of a comparison say the same, in every format, whatever a run was like."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from benchmarks.judge.claims import Claim
from benchmarks.judge.judge import judge
from benchmarks.measure.journal import read_run
from benchmarks.model import Run
from benchmarks.report.document import Verdict
from benchmarks.report.figures import amount
from benchmarks.report.formats import render
from benchmarks.report.products.run import run_document
from tests.benchmarks.cli.kept_runs import keep_run
from tests.benchmarks.report.parsed_page import Page

Alter = Callable[[Run], Run]


def complete(run: Run) -> Run:
    """Leave a run as it is."""
    return run


def killed(run: Run) -> Run:
    """Take away its end, and the last third of its trials."""
    return dataclasses.replace(run, state="running", finished_at=None, trials=run.trials[: 2 * len(run.trials) // 3])


def of_one_round(run: Run) -> Run:
    """Keep one round."""
    return dataclasses.replace(run, trials=tuple(trial for trial in run.trials if trial.round == 1))


def noisy(run: Run) -> Run:
    """Make rounds differ wildly, one way and the other."""
    factors = {1: 0.25, 2: 1.0, 3: 4.0}
    trials = []
    for trial in run.trials:
        assert trial.result is not None
        factor = factors[trial.round] if "-async" in trial.contender else 1.0
        result = dataclasses.replace(trial.result, completed=round(trial.result.completed * factor))
        trials.append(dataclasses.replace(trial, result=result))
    return dataclasses.replace(run, trials=tuple(trials))


def void(run: Run) -> Run:
    """Make every trial of def fail."""
    trials = (
        dataclasses.replace(trial, failure="it died") if "-sync" in trial.contender else trial for trial in run.trials
    )
    return dataclasses.replace(run, trials=tuple(trials))


def answers_of(run: Run, claims: Sequence[Claim]) -> tuple[tuple[Verdict, ...], dict[str, str]]:
    """Return the answers of a run, and its text in each format."""
    document = run_document(run, judge(run, tuple(claims)), claims)
    told = {form: " ".join(render(document, form).split()) for form in ("terminal", "markdown")}
    told["html"] = Page(render(document, "html")).text
    return (
        tuple(block for block in document.blocks if isinstance(block, Verdict) and block.word),
        told,
    )


@pytest.mark.parametrize(
    ("ratio", "placebo", "patterns", "alter"),
    [
        (2.0, 1.0, ("fastapi-*@uvicorn", "flask-*@hypercorn"), complete),
        (0.5, 1.0, ("fastapi-*@uvicorn", "flask-*@hypercorn"), complete),
        (1.0, 1.0, ("fastapi-*@uvicorn", "flask-*@hypercorn"), complete),
        (1.3, 1.0, ("fastapi-*@uvicorn", "flask-*@hypercorn"), complete),
        (2.0, 1.5, ("fastapi-*@uvicorn",), complete),
        (2.0, 1.0, ("flask-*@uvicorn+eventloop",), complete),
        (0.7, 1.0, ("flask-*@hypercorn+asgiref", "fastapi-*@hypercorn"), complete),
        (2.0, 1.0, ("fastapi-*@uvicorn",), killed),
        (2.0, 1.0, ("fastapi-*@uvicorn",), of_one_round),
        (1.0, 1.0, ("fastapi-*@uvicorn",), noisy),
        (2.0, 1.0, ("fastapi-*@uvicorn",), void),
    ],
)
def test_no_two_statements_contradict_each_other(  # noqa: PLR0917 (pytest passes them by name)
    tmp_path: Path,
    claims: Sequence[Claim],
    ratio: float,
    placebo: float,
    patterns: tuple[str, ...],
    alter: Alter,
) -> None:
    """The word follows from the interval, the badge allows it, and the figure beside it is the one of the sentence."""
    run = alter(read_run(keep_run(tmp_path / "run", ratio, patterns=patterns, placebo=placebo)))

    verdicts, told = answers_of(run, claims)

    assert verdicts
    for verdict in verdicts:
        estimate = verdict.figures[0].estimate if verdict.figures else None
        low, high = (None, None) if estimate is None else (estimate.low, estimate.high)
        allowed = {
            "Yes": {"replicated", "inconclusive", "contradicted"},
            "No, slower": {"contradicted"},
            "No difference": {"contradicted"},
            "Undecided": {"inconclusive", "contradicted"},
            "Withheld": {"refused"},
        }
        assert verdict.outcome in allowed[verdict.word]
        if verdict.word == "Yes":
            assert low is not None
            assert low > 1
        if verdict.word == "No, slower":
            assert high is not None
            assert high < 1
        if estimate is not None and verdict.outcome != "refused":
            assert amount(estimate.value, "×") in verdict.sentence
        assert ("equal within" in verdict.sentence) == (verdict.word == "No difference")
        for text in told.values():
            assert verdict.word in text
            assert " ".join(verdict.sentence.split()) in text
