"""The first screen of a run: one picture whose title says what it shows, its causes, and where it is from."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from benchmarks.judge.claims import Claim
from benchmarks.judge.judgement import Comparison, Estimate, Judgement
from benchmarks.model import Run
from benchmarks.report.charts.canvas import Drawing
from benchmarks.report.document import Chart, Note, Paragraph, lead
from benchmarks.report.products.poster import costs_title, source_of, twins_title
from benchmarks.report.products.run import run_document

DUEL = Comparison(
    above="flask-async@hypercorn",
    below="flask-sync@hypercorn",
    workload="health",
    rate=Estimate(value=0.5, low=0.48, high=0.52, samples=5),
    standing="slower",
    sentence="So.",
    cause="Because.",
    rounds=(0.49, 0.51),
)


def pictures(run: Run, judgement: Judgement, claims: Sequence[Claim]) -> list[Drawing]:
    """Return the drawings of the first screen."""
    blocks = lead(run_document(run, judgement, claims).blocks)
    drawn = (block.draw() for block in blocks if isinstance(block, Chart))
    return [drawing for drawing in drawn if drawing is not None]


def test_titles_say_what_the_pictures_show(run: Run, judgement: Judgement, claims: Sequence[Claim]) -> None:
    """Of the arrangements that the claim is judged on; the frameworks suffice where there is one of each."""
    ratios, costs = pictures(run, judgement, claims)

    assert "async def serves twice the requests of def on FastAPI, half on Flask" == ratios.title
    assert "Why: with async def a request takes half the CPU time on FastAPI, twice on Flask" == costs.title


def test_a_title_names_whole_arrangements_where_two_share_a_framework(judgement: Judgement) -> None:
    """And says that there is no difference, or that nothing was decided."""
    first, second = [twin for twin in judgement.twins if twin.framework == "fastapi"][:2]
    equal, open_ = dataclasses.replace(first, standing="equal"), dataclasses.replace(first, standing="undecided")

    assert "async def serves as many requests as def on FastAPI on Hypercorn, twice on FastAPI on uvicorn" == (
        twins_title([equal, second])
    )
    assert "Undecided: async def over def on FastAPI" == twins_title([open_])
    assert "Why: what a request costs the server" == costs_title([dataclasses.replace(first, cpu=None)])
    same = Estimate(value=1.01, low=1.0, high=1.02, samples=5)
    assert "Why: with async def a request takes as much CPU time on FastAPI" == (
        costs_title([dataclasses.replace(first, cpu=same)])
    )


def test_another_comparison_has_a_first_screen_of_its_own(
    run: Run, judgement: Judgement, claims: Sequence[Claim]
) -> None:
    """Its ratio, its rounds and what its requests cost."""
    ratio, costs = pictures(run, dataclasses.replace(judgement, duels=(DUEL,)), claims)

    assert "Flask on Hypercorn, async def serves half the requests of Flask on Hypercorn, def" == ratio.title
    assert "in its rounds 0.49 ×, 0.51 ×" in ratio.wide
    assert "Flask on Hypercorn, def: 451 µs of CPU" in costs.description


def test_what_could_not_be_judged_is_shown_as_that(run: Run, judgement: Judgement, claims: Sequence[Claim]) -> None:
    """Why comes first, and one round has no interval."""
    lone = dataclasses.replace(
        DUEL,
        rate=Estimate(value=0.5, low=None, high=None, samples=1),
        standing="refused",
        refusal="One round, and it takes 2.",
    )
    refused = dataclasses.replace(judgement, duels=(lone,))
    (ratio,) = pictures(run, refused, claims)

    assert Note("One round, and it takes 2.", "warning") == run_document(run, refused, claims).blocks[0]
    assert "Not judged: Flask on Hypercorn, async def over Flask on Hypercorn, def" == ratio.title
    assert "0.50 × (no interval)" in ratio.wide
    assert "opacity" in ratio.wide


def test_the_first_screen_ends_with_where_it_is_from(run: Run, judgement: Judgement, claims: Sequence[Claim]) -> None:
    """Day, machine, versions, rounds, seed."""
    last = lead(run_document(run, judgement, claims).blocks)[-1]

    assert isinstance(last, Paragraph)
    assert "source" == last.kind
    assert (
        "Measured 2026-03-01 09:30 on Example CPU @ 2.10GHz, 2 cores, 7.8 GiB, Linux 6.8.0. Python 3.11.9, "
    ) in last.text
    assert "7 rounds; seed 20260301; A/A" in last.text
    unknown = dataclasses.replace(run, environment={})
    assert "on processor not known. Seed 20260301" in source_of(unknown, judgement)
