from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest

from benchmarks.judge.claims import Claim
from benchmarks.judge.judgement import Estimate, Judgement, Standing, Verdict
from benchmarks.model import Run
from benchmarks.report.telling import HEADLINE_CLAIM, tell

WAITS = (4, "fastapi@uvicorn")


def test_the_ledger_has_the_claim_that_the_report_opens_with(claims: Sequence[Claim]) -> None:
    """Were it renamed there, no report would have an answer."""
    assert HEADLINE_CLAIM in {claim.id for claim in claims}


def test_the_answers_have_opposite_signs(run: Run, judgement: Judgement, claims: Sequence[Claim]) -> None:
    """FastAPI and Flask each get one, on the arrangement that the claim is judged on."""
    answers = tell(run, judgement, claims).answers

    assert [("FastAPI on uvicorn", "Yes"), ("Flask on Hypercorn", "No, slower")] == [
        (answer.verdict.tried_on, answer.word) for answer in answers
    ]


@pytest.mark.parametrize(
    ("expected", "standing"),
    [
        ("Yes", "faster"),
        ("No, slower", "slower"),
        ("No difference", "equal"),
        ("Undecided", "undecided"),
        ("Withheld", "refused"),
        ("Undecided", None),
    ],
)
def test_an_answer_is_what_its_comparison_stands_at(
    run: Run, judgement: Judgement, claims: Sequence[Claim], expected: str, standing: Standing | None
) -> None:
    """The headline's word and the verdict rest on one standing."""
    verdicts = tuple(dataclasses.replace(verdict, standing=standing) for verdict in judgement.verdicts)

    answers = tell(run, dataclasses.replace(judgement, verdicts=verdicts), claims).answers
    assert {expected} == {answer.word for answer in answers}


def test_a_refused_verdict_withholds_the_answer(run: Run, judgement: Judgement, claims: Sequence[Claim]) -> None:
    """A figure may be there, but nothing is concluded from it."""
    refused = dataclasses.replace(
        judgement, verdicts=tuple(dataclasses.replace(verdict, outcome="refused") for verdict in judgement.verdicts)
    )

    assert ["Withheld", "Withheld"] == [answer.word for answer in tell(run, refused, claims).answers]


def test_alerts_come_for_what_must_be_read_first(run: Run, judgement: Judgement, claims: Sequence[Claim]) -> None:
    """A failed placebo, a run cut short and an empty run each have one; a clean run has none."""
    empty = dataclasses.replace(
        judgement,
        placebo_failed="The A/A comparison failed: 1.20 × [1.15, 1.25].",
        summaries=tuple(dataclasses.replace(summary, used=0) for summary in judgement.summaries),
    )
    alerts = tell(dataclasses.replace(run, state="interrupted"), empty, claims).alerts

    assert () == tell(run, judgement, claims).alerts
    assert 3 == len(alerts)
    assert "1.20 × [1.15, 1.25]" in alerts[0]
    assert "interrupted" in alerts[1]
    assert "No valid trial" in alerts[2]
    assert "did not come to its end" in tell(dataclasses.replace(run, state="running"), judgement, claims).alerts[0]


def test_an_equal_placebo_is_told_and_any_other_is_left_to_the_notes(
    run: Run, judgement: Judgement, claims: Sequence[Claim]
) -> None:
    """The judge's note on a doubtful one says more than the figure."""
    doubtful = dataclasses.replace(judgement, placebo=Estimate(value=1.0, low=0.8, high=1.2, samples=3))

    assert "A/A: fastapi-async@uvicorn against itself came out equal, 1.00 × [0.99, 1.01]." == (
        tell(run, judgement, claims).placebo
    )
    assert "" == tell(run, doubtful, claims).placebo
    assert "" == tell(run, dataclasses.replace(judgement, placebo=None), claims).placebo


def test_a_claim_keeps_its_verdicts_apart_from_those_beside(
    run: Run, judgement: Judgement, claims: Sequence[Claim]
) -> None:
    """Headlines are judged; the other arrangements stand beside."""
    story = {claim.number: claim for claim in tell(run, judgement, claims).claims}[2]

    assert ["FastAPI on uvicorn", "Flask on Hypercorn"] == [verdict.arrangement for verdict in story.verdicts]
    assert ["FastAPI on Hypercorn", "Flask on Hypercorn + asgiref"] == [verdict.arrangement for verdict in story.beside]


def test_a_count_is_labelled_and_a_ratio_is_not(run: Run, judgement: Judgement, claims: Sequence[Claim]) -> None:
    """A bare 11 says nothing; 2.00 × does."""
    story = {claim.number: claim for claim in tell(run, judgement, claims).claims}

    assert "threads that ran" == story[5].verdicts[0].figures[0].label
    assert "" == story[2].verdicts[0].figures[0].label
    assert "2.02 ×" == story[2].verdicts[0].figures[0].tutorial


def test_void_trials_are_counted_and_named(run: Run, judgement: Judgement, claims: Sequence[Claim]) -> None:
    """A contender with a void trial shows how many count, and why the other does not."""
    first, *others = judgement.summaries
    partial = dataclasses.replace(first, used=4, void=("round 3: the server died\x07",))
    story = tell(run, dataclasses.replace(judgement, summaries=(partial, *others)), claims)
    row = story.workloads[0].contenders[0]

    assert "4 of 5" == row.trials
    assert ("round 3: the server died\ufffd",) == row.void


def test_a_claim_that_is_tried_under_several_workloads_says_which(
    run: Run, judgement: Judgement, claims: Sequence[Claim]
) -> None:
    """Or two verdicts on one arrangement would contradict each other; where there is one, nothing need be said."""
    (waits,) = [verdict for verdict in judgement.verdicts if (verdict.number, verdict.arrangement) == WAITS]
    both = [dataclasses.replace(waits, workload=workload) for workload in ("wait", "ready-100")]

    def tried_on(*verdicts: Verdict) -> list[str]:
        told = tell(run, dataclasses.replace(judgement, verdicts=verdicts), claims)
        return [verdict.tried_on for claim in told.claims for verdict in claim.verdicts]

    assert ["FastAPI on uvicorn, wait", "FastAPI on uvicorn, ready-100"] == tried_on(*both)
    assert ["FastAPI on uvicorn"] == tried_on(both[1])
