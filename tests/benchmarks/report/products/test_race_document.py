from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest

from benchmarks.judge.claims import Claim
from benchmarks.judge.judgement import Comparison, Estimate, Judgement
from benchmarks.measure.schedule import ASKED_FACT
from benchmarks.model import RACE, Run
from benchmarks.report.charts.bars import speed_chart
from benchmarks.report.charts.ratios import narrowing_chart
from benchmarks.report.document import Verdict
from benchmarks.report.formats import render
from benchmarks.report.products.run import run_document
from benchmarks.report.products.verdicts import verdict_of
from benchmarks.report.reproduce import compare_command
from tests.benchmarks.report.made_up_documents import undrawn

RATIO = Estimate(value=0.54, low=0.53, high=0.56, samples=3)
DUEL = Comparison(
    above="flask-async@hypercorn",
    below="flask-sync@hypercorn",
    workload="health",
    rate=RATIO,
    narrowing=(Estimate(value=0.55, low=0.2, high=1.5, samples=2), RATIO),
    standing="slower",
    sentence="flask-async@hypercorn served 0.54 × [0.53, 0.56] the requests of flask-sync@hypercorn: about half.",
    cause="Each async def request starts a thread.",
)


@pytest.fixture
def race(run: Run, judgement: Judgement) -> tuple[Run, Judgement]:
    """A race, as far as a report tells it."""
    return (
        dataclasses.replace(run, plan=dataclasses.replace(run.plan, preset=RACE)),
        dataclasses.replace(judgement, duels=(DUEL,)),
    )


def test_the_race_comes_first_in_every_format(race: tuple[Run, Judgement], claims: Sequence[Claim]) -> None:
    """With its outcome and its cause; a race is measured again on the page."""
    document = run_document(*race, claims)

    first = document.blocks[0]
    assert isinstance(first, Verdict)
    assert ("Flask on Hypercorn, async def against Flask on Hypercorn, def", "Slower, 46 % fewer") == (
        first.subject,
        first.answer,
    )
    for form in ("terminal", "markdown", "html"):
        told = " ".join(render(undrawn(document), form).split())
        assert "slower" in told
        assert "Each async def request starts a thread." in told
    assert '"standing": "slower"' in render(document, "json")
    assert "lab live" == compare_command(race[0].plan, {})
    assert "lab live shop:app --path /items" == compare_command(race[0].plan, {ASKED_FACT: "shop:app --path /items"})


def test_a_comparison_that_is_refused_has_no_figure() -> None:
    """But why."""
    refused = verdict_of(dataclasses.replace(DUEL, standing="refused", refusal="Too few rounds."))

    assert ((), "refused", "Too few rounds.") == (refused.figures, refused.outcome, refused.why)


def test_the_narrowing_chart_says_what_it_shows() -> None:
    """Its text alternative has the first and the last interval; without a duel there is no chart."""
    chart = narrowing_chart("health", [DUEL], margin=0.05, rounds=6)

    assert chart is not None
    assert "after 3 rounds: 0.54 × [0.53, 0.56]; after 2: 0.55 × [0.20, 1.50]" in chart.description
    assert "<svg" in chart.wide
    assert "<svg" in chart.narrow
    assert narrowing_chart("health", [dataclasses.replace(DUEL, narrowing=())], margin=0.05, rounds=6) is None
    assert narrowing_chart("wait", [DUEL], margin=0.05, rounds=6) is None


def test_the_narrowing_chart_survives_an_interval_without_end() -> None:
    """Two rounds that differ wildly have one, and a contender from elsewhere has a colour too."""
    endless = Estimate(value=2.0, low=0.0, high=float("inf"), samples=2)
    duel = dataclasses.replace(DUEL, above="bare-asgi@uvicorn", narrowing=(endless,))

    assert narrowing_chart("health", [DUEL, duel], margin=0.05, rounds=2) is not None


def test_the_speed_chart_says_what_it_shows(judgement: Judgement) -> None:
    """Rate and median latency of every contender; nothing where nothing was measured."""
    chart = speed_chart("health", judgement.summaries)

    assert chart is not None
    assert "Flask on Hypercorn: def 1,952 req/s, median latency 5.02 ms" in chart.description
    assert speed_chart("nothing", judgement.summaries) is None
