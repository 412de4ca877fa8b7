from __future__ import annotations

from collections.abc import Callable

import pytest

from benchmarks.judge.crossover import CrossoverMap, judge_map
from benchmarks.judge.keyword_map import Boundary, onset
from benchmarks.model import Run
from benchmarks.report.products.crossover import (
    anomaly_sentence,
    decision_sentence,
    headline,
    keyword_answer,
    parting_sentence,
    winners_sentence,
)
from benchmarks.report.products.onset import boundary_text, onset_text


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
    assert "connections on" in answer or "connection on" in answer
    assert winners_sentence(found).startswith("Of 72 squares, the most is served by FastAPI on uvicorn, async def")


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
        ((1.0, 1.0, 9.4, None, False), "starts to pay somewhere between 1 and 10 connections"),
        ((6.2, 5.0, 7.7, None, False), "starts to pay somewhere between 5 and 8 connections"),
        ((6.2, 5.9, 7.7, None, False), "pays from about 7 connections on"),
        ((6.2, 5.9, 7.7, 190.0, False), "pays from about 7 connections on, up to 190 connections"),
        (
            (6.2, 5.0, None, 190.0, True),
            "may pay from about 7 connections on, up to 190 connections; nowhere with certainty",
        ),
    ],
)
def test_a_boundary_is_told_in_whole_connections(
    boundary: tuple[float | None, float | None, float | None, float | None, bool], told: str
) -> None:
    """With how sure it is: never from a number on, and certainly from another."""
    begins, low, high, ends, costs = boundary

    assert told == boundary_text(Boundary(wait_ms=5, begins=begins, low=low, high=high, ends=ends, costs=costs))


Row = tuple[float | None, float | None, float | None, float | None, bool]

NEVER: Row = (None, None, None, None, False)
COSTS: Row = (None, None, None, None, True)
UNKNOWN: Row = (None, 10.0, None, None, False)
ALWAYS: Row = (1.0, 1.0, 1.0, None, False)
FROM_9: Row = (8.1, 7.2, 9.4, None, False)
FROM_50: Row = (50.0, 48.0, 52.0, None, False)
WIDE: Row = (20.0, 5.0, 47.0, None, False)
PERHAPS: Row = (12.0, 3.0, None, None, False)
ENDS: Row = (1.0, 1.0, 1.0, 20.0, False)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ((NEVER, FROM_9, FROM_9), "pays from about 9 connections once a view waits 10 ms"),
        ((FROM_9, FROM_9, FROM_9), "pays from about 9 connections on, however long a view waits"),
        ((ALWAYS, FROM_9, FROM_9), "pays from about 9 connections on, however long a view waits"),
        ((FROM_50, FROM_9, FROM_9), "pays from about 9 connections once a view waits 10 ms"),
        ((PERHAPS, PERHAPS, WIDE), "starts to pay somewhere between 5 and 47 connections once a view waits 100 ms"),
        ((ALWAYS, ALWAYS, ALWAYS), "always pays: from 1 connection on, however long a view waits"),
        ((NEVER, NEVER, ALWAYS), "pays from 1 connection once a view waits 100 ms"),
        (
            (NEVER, PERHAPS, PERHAPS),
            "may pay from about 12 connections once a view waits 10 ms, but not with certainty",
        ),
        ((ALWAYS, NEVER, NEVER), "pays at some waits only, and not at the longest"),
        ((ALWAYS, ALWAYS, ENDS), "pays at some waits only, and not at the longest"),
        ((NEVER, UNKNOWN, NEVER), "is not shown to pay anywhere: this map is too uncertain to tell"),
        ((NEVER, NEVER, NEVER), "never pays"),
        ((COSTS, NEVER, NEVER), "never pays, and is slower at 1 of 3 waits"),
        ((COSTS, COSTS, COSTS), "never pays, and is slower at every wait"),
    ],
)
def test_a_whole_map_is_told_in_one_piece(rows: tuple[Row, ...], told: str) -> None:
    """What is certain at long waits comes before what is possible at short ones."""
    boundaries = [
        Boundary(wait_ms=wait, begins=begins, low=low, high=high, ends=ends, costs=costs)
        for wait, (begins, low, high, ends, costs) in zip((0.0, 10.0, 100.0), rows, strict=True)
    ]

    assert told == onset_text(onset(boundaries))


def test_the_title_is_the_answer_and_can_be_quoted(found: CrossoverMap) -> None:
    """For each framework once; the quotation says what was measured, and which map it is."""
    decision = decision_sentence(found)

    assert headline(found).startswith("Flask: `async def` ")
    assert decision.startswith(headline(found).replace("`", ""))
    assert "Measured: 25 of the 72 squares of the map. The other 47 are estimated from 25 places that were." in decision
    assert f"map {found.name}, seed {found.seed}" in decision
