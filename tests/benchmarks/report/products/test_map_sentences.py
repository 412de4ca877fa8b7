from __future__ import annotations

from collections.abc import Callable

import pytest

from benchmarks.judge.crossover import CrossoverMap, judge_map
from benchmarks.judge.keyword_map import Boundary
from benchmarks.model import Run
from benchmarks.report.products.crossover import (
    anomaly_sentence,
    boundary_text,
    keyword_answer,
    parting_sentence,
    winners_sentence,
)


@pytest.fixture(scope="module")
def found(make_sweep: Callable[..., Run]) -> CrossoverMap:
    """A map with something of everything: a parting, a break, and noise."""
    return judge_map(
        make_sweep(
            visits=2,
            noise=0.01,
            factor=lambda name, _wait, number: 0.5 if name == "flask-async@hypercorn" and number == 500 else 1.0,
        )
    )


def test_where_async_def_pays_is_told_wait_by_wait(found: CrossoverMap) -> None:
    """Neighbouring waits with the same answer are told together."""
    answer = keyword_answer(found.keywords[0])

    assert answer.startswith("Flask: its best async def over its best def: with a wait of 0 to")
    assert "on (certainly from" in answer or "connection on" in answer
    assert winners_sentence(found).startswith("Of 72 places, the most is served by FastAPI on uvicorn, async def")


def test_where_theory_parts_is_told_with_place_and_factor(found: CrossoverMap) -> None:
    """Both rates, and which bound; and a rate that does what it should not."""
    parted = " ".join(map(parting_sentence, found.partings))

    assert "flask-async@hypercorn at 0 ms, 500 connections: 0." in parted
    assert "the CPU allows 1,111 req/s" in parted
    assert anomaly_sentence(found.breaks[0]).startswith("flask-async@hypercorn falls with more connections: 0.5") or (
        anomaly_sentence(found.breaks[0]).startswith("flask-async@hypercorn falls with more connections: 0.4")
    )


@pytest.mark.parametrize(
    ("boundary", "told"),
    [
        ((None, None, None, None, True), "never pays, and is slower"),
        ((None, None, None, None, False), "never pays"),
        ((None, 10.0, None, None, False), "does not pay, as far as this sweep can tell"),
        ((1.0, 1.0, 1.0, None, False), "pays from 1 connection on"),
        ((1.0, 1.0, 5.2, None, False), "pays from 1 connection on (certainly from 6)"),
        ((6.2, 5.0, 7.7, None, False), "pays from about 7 connections on (certainly from 8)"),
        (
            (6.2, 5.0, None, 190.0, True),
            "may pay from about 7 connections on, up to 190 connections; nowhere with certainty",
        ),
    ],
)
def test_a_boundary_is_told_in_whole_connections(
    boundary: tuple[float | None, float | None, float | None, float | None, bool], told: str
) -> None:
    """With how sure it is."""
    begins, low, high, ends, costs = boundary

    assert told == boundary_text(Boundary(wait_ms=5, begins=begins, low=low, high=high, ends=ends, costs=costs))
