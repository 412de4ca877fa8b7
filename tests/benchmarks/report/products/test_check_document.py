"""What a check tells: the answer, a verdict on each request, and how to measure it again."""

from __future__ import annotations

import dataclasses
import json

import pytest

from benchmarks.judge.check import CheckJudgement, Finding
from benchmarks.judge.comparison import conclude
from benchmarks.judge.judgement import Comparison, Estimate, Standing
from benchmarks.measure import schedule
from benchmarks.model import Run
from benchmarks.report.document import Document, Note, Paragraph, Verdict
from benchmarks.report.formats import FORMATS, render
from benchmarks.report.products.check import Sides, check_document, first_document, has_news, refused_document

SIDES = Sides(
    base="a" * 40,
    found="as asked",
    head="b" * 40,
    is_dirty=True,
    said=("lab.toml was changed.",),
    command="lab check --seed 1",
)
RUN = Run(
    name="a-run",
    state="complete",
    started_at="2026-12-01T00:00:00+00:00",
    finished_at=None,
    plan=dataclasses.replace(schedule.placebo_plan(None, 7, 1)),
    environment={"cpu_model": "A CPU", "logical_cores": 2},
)


def ratio(value: float, reach: float = 0.01) -> Estimate:
    """Return a ratio and its interval."""
    return Estimate(value=value, low=value - reach, high=value + reach, samples=8)


def found(name: str, standing: Standing, value: float = 1.0, **more: object) -> Finding:
    """Return a finding."""
    refusal = "The loader was at its limit." if standing == "refused" else None
    comparison = conclude(Comparison(above="head", below="base", workload=name, rate=ratio(value), refusal=refusal))
    finding = Finding(comparison=dataclasses.replace(comparison, standing=standing, cause="CPU."), basis="Confirmed.")
    return dataclasses.replace(finding, **more)  # type: ignore[arg-type] # fields of a finding


def judged(*findings: Finding, **more: object) -> CheckJudgement:
    """Return a judgement of these."""
    judgement = CheckJudgement(
        findings=findings,
        latency=None,
        lags=False,
        placebo=ratio(1.0),
        placebo_failed=None,
        margin=0.05,
        summaries=(),
        notes=("Something to know.",),
    )
    return dataclasses.replace(judgement, **more)  # type: ignore[arg-type] # fields of a judgement


def document_of(judgement: CheckJudgement) -> Document:
    """Return its document."""
    return check_document(judgement, RUN, SIDES)


@pytest.mark.parametrize(
    ("judgement", "outcome", "answer"),
    [
        (judged(found("a", "equal"), found("b", "faster", 1.2)), "fine", "No: no request is slower by more than 5 %."),
        (judged(found("a", "slower", 0.8), found("b", "equal")), "regression", "Yes: `a` is slower beyond the margin."),
        (
            judged(found("a", "slower", 0.8), found("b", "slower", 0.8)),
            "regression",
            "Yes: `a`, `b` are slower beyond the margin.",
        ),
        (judged(found("a", "equal", grows=True, memory=ratio(1.5))), "regression", "Yes: memory grows under `a`."),
        (judged(found("a", "equal"), lags=True), "regression", "Yes: p95 latency at an equal rate is longer."),
        (judged(found("a", "undecided"), found("b", "equal")), "undecided", "Not shown: `a` may be slower"),
        (judged(found("a", "refused")), "refused", "Not known: `a` could not be judged."),
    ],
)
def test_the_answer_comes_first(judgement: CheckJudgement, outcome: str, answer: str) -> None:
    """In one sentence; a program reads the same in a word."""
    document = document_of(judgement)
    (first, *_) = document.blocks

    assert isinstance(first, Paragraph)
    assert (outcome, True) == (document.data["outcome"], first.text.startswith(answer))


def test_a_placebo_that_failed_is_read_before_anything_else() -> None:
    """It withholds all."""
    (first, *_) = document_of(judged(found("a", "refused"), placebo_failed="A/A failed.")).blocks

    assert Note("Refused, so nothing is known. A/A failed.", "alert") == first


def test_each_request_has_a_verdict_with_its_cause() -> None:
    """What is refused has a reason instead of a figure; memory and latency have verdicts where they are something."""
    latency = Comparison(above="head", below="base", workload="latency", latency_p95=ratio(1.3), decides="latency_p95")
    judgement = judged(
        found("a", "slower", 0.8),
        found("b", "refused"),
        found("c", "equal", grows=True, memory=ratio(1.5)),
        latency=conclude(latency),
        lags=True,
    )
    verdicts = [block for block in document_of(judgement).blocks if isinstance(block, Verdict)]

    assert [
        ("`a`", "slower", 1, "Confirmed. CPU."),
        ("`b`", "refused", 0, "The loader was at its limit. CPU."),
        ("`c`", "equal", 1, "Confirmed. CPU."),
        ("p95 latency at an equal rate", "slower", 1, ""),
        ("`c`, memory", "grown", 1, ""),
    ] == [(each.subject, each.outcome, len(each.figures), each.why) for each in verdicts]
    (told, *_) = [
        block
        for block in document_of(dataclasses.replace(judgement, lags=False)).blocks
        if isinstance(block, Verdict) and block.subject.startswith("p95")
    ]
    assert "undecided" == told.outcome


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_tells_it(form: str) -> None:
    """With the commits and the command, or the figures alone."""
    told = render(document_of(judged(found("a", "slower", 0.8))), form)

    assert "slower" in told
    if form != "csv":
        assert "aaaaaaaaaaaa" in told
        assert "lab check --seed 1" in told


def test_a_summary_fits_a_screen() -> None:
    """Of two requests, in Markdown."""
    told = render(document_of(judged(found("a", "slower", 0.8), found("b", "equal"))), "markdown")

    assert 40 >= len(told.splitlines())


def test_what_was_not_measured_is_told_too() -> None:
    """A refusal, and that there is nothing to compare with."""
    assert ("refused", "answers differ") == (
        (document := refused_document("answers differ")).data["outcome"],
        document.data["refusal"],
    )
    assert "no commit. A first run passes" in render(first_document("no commit"), "markdown")
    assert "fine" == json.loads(render(first_document("no commit"), "json"))["outcome"]


@pytest.mark.parametrize(
    ("standing", "news"),
    [("slower", True), ("faster", True), ("refused", True), ("equal", False), ("undecided", False)],
)
def test_there_is_something_to_say_of_a_difference(standing: Standing, news: bool) -> None:
    """And of what is not known at all."""
    assert news == has_news(judged(found("a", standing)))
