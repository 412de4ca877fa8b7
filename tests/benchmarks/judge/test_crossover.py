from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import pytest

from benchmarks.calibration.crossover_map import Truth
from benchmarks.judge.atlas import Atlas, EmptyMapError
from benchmarks.judge.crossover import CONNECTIONS, WAITS_MS, CrossoverMap, cells_at, judge_map
from benchmarks.judge.judgement import Estimate
from benchmarks.judge.keyword_map import boundary, pairings, pays
from benchmarks.model import Place, Run, Trial

DEF, ASYNC, LOOP, FASTAPI = (
    "flask-sync@hypercorn",
    "flask-async@hypercorn",
    "flask-async@hypercorn+eventloop",
    "fastapi-async@uvicorn",
)
Sweep = Callable[..., Run]


def gives_up(trial: Trial) -> Trial:
    """Let one contender fail its clients from 100 connections and 20 ms on."""
    assert trial.result is not None
    if trial.contender != DEF or trial.load.vus < 100 or trial.workload not in ("wait-20ms", "wait-100ms"):
        return trial
    return dataclasses.replace(trial, result=dataclasses.replace(trial.result, completed=0, errors={"timeout": 9}))


@pytest.fixture(scope="module")
def found(make_sweep: Sweep) -> CrossoverMap:
    """The map of servers that do what the theory allows, with 1 % of noise."""
    return judge_map(make_sweep(visits=2, noise=0.01))


@pytest.fixture(scope="module")
def exact(make_sweep: Sweep) -> CrossoverMap:
    """The map of such servers without noise."""
    return judge_map(make_sweep(visits=2))


def test_a_map_has_a_cell_for_each_wait_and_number_of_connections(found: CrossoverMap) -> None:
    """In rows, measured or not."""
    assert [[Place(wait, number) for number in CONNECTIONS] for wait in WAITS_MS] == [
        [cell.place for cell in row] for row in found.cells
    ]
    assert (25, 50) == (found.measured, found.visits)
    assert {0, 2} == {cell.visits for row in found.cells for cell in row}


def test_the_winner_is_who_serves_the_most(found: CrossoverMap) -> None:
    """By how much is what the servers are made of."""
    cell = found.cells[WAITS_MS.index(0)][CONNECTIONS.index(500)]

    assert cell.comparison is not None
    assert (FASTAPI, LOOP, "faster") == (cell.winner, cell.comparison.below, cell.comparison.standing)
    assert cell.comparison.rate is not None
    assert 290 / 120 == pytest.approx(cell.comparison.rate.value, rel=0.05)
    assert {"cpu"} == {choice.bound for choice in cell.rates}


def test_a_place_between_measured_ones_is_estimated_by_the_theory_that_holds_around_it(found: CrossoverMap) -> None:
    """The knee at 20 ms and 10 connections lies between the grid's 5 and 20, and is met."""
    cell = found.cells[WAITS_MS.index(50)][CONNECTIONS.index(10)]
    rates = {choice.contender: choice for choice in cell.rates}

    assert 0 == cell.visits
    assert 120.0 == pytest.approx(rates[DEF].rate.value, rel=0.05)
    assert ("threads", "connections") == (rates[DEF].bound, rates[LOOP].bound)
    assert 10 / 0.0504 == pytest.approx(rates[LOOP].rate.value, rel=0.05)


def test_equal_servers_are_equal(make_sweep: Sweep) -> None:
    """At one connection and 100 ms all wait alike: no winner is made of that."""
    (cell,) = cells_at(Atlas(make_sweep(visits=6, noise=0.005)), [Place(100, 1)])

    assert cell.comparison is not None
    assert "equal" == cell.comparison.standing


def test_the_boundary_is_where_theory_has_it(found: CrossoverMap) -> None:
    """Six threads and a wait of 100 ms: from the seventh connection on, async def waits for more at once."""
    best, twins = found.keywords

    assert ("best", "flask", (ASYNC, LOOP), (DEF,)) == dataclasses.astuple(best.pairing)
    assert ("twins", "flask@hypercorn", (ASYNC,), (DEF,)) == dataclasses.astuple(twins.pairing)
    long = best.boundaries[-1]
    assert long.begins is not None
    assert 5 < long.begins < 8
    assert (long.low or math.inf) <= long.begins <= (long.high or 0)
    assert long.ends is None
    # With nothing to wait for, the loop's cheaper request pays from the first connection on.
    assert 1.0 == best.boundaries[0].begins


def test_a_keyword_that_never_pays_has_no_boundary(found: CrossoverMap) -> None:
    """A thread and a loop a request: async def on Flask's own way costs where the CPU binds."""
    _, twins = found.keywords

    assert (None, None, True) == (twins.boundaries[0].begins, twins.boundaries[0].between, twins.boundaries[0].costs)
    assert (None, False) == (twins.boundaries[-1].begins, twins.boundaries[-1].costs)
    cell = twins.cells[0][-1]
    assert ("slower", ASYNC, DEF, Place(0, 500)) == (cell.standing, cell.above, cell.below, cell.place)
    assert cell.rate is not None
    assert 0.5 == pytest.approx(cell.rate.value, rel=0.05)
    assert twins.overall.low is not None
    assert twins.overall.low < twins.overall.value < 1.0 <= (twins.overall.high or 0) * 1.05


def test_a_keyword_pays_where_its_estimate_is_beyond_the_margin(found: CrossoverMap) -> None:
    """Whether that is certain or not; so the line of a map runs where its boundary is."""
    best, twins = found.keywords

    assert not any(map(pays, twins.cells[0]))
    assert all(map(pays, best.cells[0]))
    assert [False, True] == [pays(best.cells[-1][CONNECTIONS.index(number)]) for number in (1, 20)]


def test_a_keyword_may_pay_only_up_to_a_number(make_sweep: Sweep) -> None:
    """Where it breaks down under many connections, the boundary has an end."""
    run = make_sweep(
        visits=2, factor=lambda name, _wait, number: 0.1 if name in (ASYNC, LOOP) and number >= 500 else 1.0
    )
    atlas = Atlas(run)
    pairing, _ = pairings(atlas.contenders)

    found = boundary(atlas, pairing, 0, (1.0, 500.0))

    assert found.ends is not None
    assert 100 < found.ends < 500
    assert found.costs


def test_a_lucky_place_is_no_boundary(make_sweep: Sweep) -> None:
    """Where one connection seems to pay by chance and five do not, it starts to pay after these."""
    run = make_sweep(visits=2, factor=lambda name, wait, number: 1.2 if (name, wait, number) == (LOOP, 100, 1) else 1.0)
    atlas = Atlas(run)
    found = boundary(atlas, pairings(atlas.contenders)[0], 100, (1.0, 500.0))

    assert found.begins is not None
    assert 5 < found.begins < 9


def test_questions_about_the_keyword_follow_from_the_contenders(make_sweep: Sweep) -> None:
    """Without def there is nothing to compare async def with."""
    atlas = Atlas(make_sweep())

    assert ["flask", "flask@hypercorn"] == [each.subject for each in pairings(atlas.contenders)]
    assert () == pairings([each for each in atlas.contenders if each.variant == "async"])
    assert ["flask@hypercorn"] == [each.subject for each in pairings(atlas.contenders[:2])]


def test_where_theory_and_measurement_part_is_named(make_sweep: Sweep, exact: CrossoverMap) -> None:
    """A server that does half of what the theory allows at one place is found there, with the factor."""
    odd = make_sweep(visits=2, factor=lambda name, *at: 0.5 if (name, *at) == (DEF, 5, 100) else 1.0)
    (parting,) = judge_map(odd).partings

    assert (DEF, Place(5, 100), "threads") == (parting.contender, parting.place, parting.bound)
    assert 0.5 == pytest.approx(parting.factor, rel=0.02)
    assert 1200.0 == pytest.approx(parting.theory_per_s)
    assert parting.knee
    assert () == exact.partings


def test_a_rate_that_falls_with_connections_or_rises_with_the_wait_is_named(make_sweep: Sweep) -> None:
    """The worst of each line of the map; noise is not named."""
    odd = make_sweep(
        visits=2, factor=lambda name, wait, number: 0.5 if (name, wait) == (FASTAPI, 0) and number >= 100 else 1.0
    )
    breaks = judge_map(odd).breaks

    assert {FASTAPI} == {each.contender for each in breaks}
    falls = [each for each in breaks if each.along == "connections"]
    assert [(Place(0, 5), 0.0)] == [(falls[0].start, falls[0].start.wait_ms)]
    assert 0.5 == pytest.approx(falls[0].factor, rel=0.02)
    assert {"connections", "wait"} == {each.along for each in breaks}
    assert all(each.factor > 1 for each in breaks if each.along == "wait")
    assert () == judge_map(make_sweep(visits=2, noise=0.02)).breaks


def test_who_gave_up_does_not_win_there_or_at_harder_places(make_sweep: Sweep) -> None:
    """What is left are estimates, and the reader is told."""
    quick = {DEF: Truth(6, 100.0, 0.5), LOOP: Truth(None, 400.0, 0.5)}
    run = make_sweep(truths=quick, change=gives_up)
    atlas = Atlas(run)
    harder, easier = cells_at(atlas, [Place(50, 200), Place(5, 200)])

    assert [True, False] == [choice.gave_up for choice in harder.rates]
    assert [False, False] == [choice.gave_up for choice in easier.rates]
    assert LOOP == harder.winner
    (note,) = [note for note in judge_map(run).notes if "failed its clients" in note]
    assert "from a wait of 20 ms and 100 connections on" in note


def test_one_contender_wins_alone(make_sweep: Sweep) -> None:
    """A map of one has nobody to compare it with, and says so by leaving it out."""
    only = make_sweep(change=lambda trial: trial if trial.contender == FASTAPI else _failed(trial))
    found = judge_map(only)

    assert {(FASTAPI, None)} == {(c.winner, c.comparison) for row in found.cells for c in row}
    assert () == found.keywords
    assert any(f"No point of {DEF}, {ASYNC}, {LOOP} counts" in note for note in found.notes)
    assert any("75 trials; the first: the server died" in note for note in found.notes)


def _failed(trial: Trial) -> Trial:
    return dataclasses.replace(trial, failure="the server died\nwith a long log")


def test_no_point_is_no_map(make_sweep: Sweep) -> None:
    """The message says why, and what to do."""
    with pytest.raises(EmptyMapError, match=r"The first of 100 that do not: the server died.*lab crossover"):
        judge_map(make_sweep(change=_failed))
    with pytest.raises(EmptyMapError, match=r"there is no map\. Measure one"):
        judge_map(dataclasses.replace(make_sweep(), trials=()))


def test_a_close_race_is_decided_by_the_visits_of_both(make_sweep: Sweep) -> None:
    """Rates from all visits may rank two otherwise than their paired ratio: the ratio holds, and is above 1."""
    run = make_sweep(visits=3, noise=0.08)
    atlas = Atlas(run)

    for cell in cells_at(atlas, [Place(wait, number) for wait in WAITS_MS for number in CONNECTIONS]):
        assert cell.comparison is not None
        assert cell.comparison.rate is not None
        assert cell.comparison.rate.value >= 1


def ratio(atlas: Atlas, above: str, below: str, place: Place) -> Estimate:
    """Return the ratio of two contenders' rates at a place."""
    rate = atlas.compare([(above, below)], [place])[0].rate
    assert rate is not None
    return rate


def test_ratios_are_reciprocal(make_sweep: Sweep) -> None:
    """Which one is asked about first does not matter; one over itself is 1, for sure."""
    atlas = Atlas(make_sweep(visits=2, noise=0.03))
    place = Place(7, 33)

    there, back = ratio(atlas, DEF, LOOP, place), ratio(atlas, LOOP, DEF, place)
    assert there.value == pytest.approx(1 / back.value)
    assert there.low == pytest.approx(1 / (back.high or 0))
    assert (1.0, 1.0) == (ratio(atlas, DEF, DEF, place).low, ratio(atlas, DEF, DEF, place).high)


def test_two_that_were_never_at_one_visit_are_compared_by_their_rates(make_sweep: Sweep) -> None:
    """With the uncertainty of both."""
    paired = make_sweep(visits=2, noise=0.02)
    parted = dataclasses.replace(
        paired, trials=tuple(t for t in paired.trials if (t.contender == DEF) == (t.round % 2 == 0))
    )
    together, apart = (ratio(Atlas(run), LOOP, DEF, Place(100, 500)) for run in (paired, parted))

    assert together.value == pytest.approx(apart.value, rel=0.2)
    assert (apart.high or 0) / (apart.low or 1) > (together.high or 0) / (together.low or 1)
    assert 0 == apart.samples


def test_what_the_reader_must_know_is_noted(make_sweep: Sweep, exact: CrossoverMap) -> None:
    """A sweep cut short, a noise that is assumed, a loader at its limit, a machine that was busy."""

    def at_its_limit(trial: Trial) -> Trial:
        assert trial.result is not None
        return dataclasses.replace(trial, result=dataclasses.replace(trial.result, loader_cpu_s=0.5))

    found = judge_map(
        make_sweep(
            state="interrupted",
            change=at_its_limit,
            environment={"logical_cores": 2, "load_average_1m": 4.0, "server_cpus": "1", "loader_cpus": "0"},
        )
    )
    told = " ".join(found.notes)

    assert found.noise_assumed
    for words in ("cut short after 25 visits", "No place was measured twice", "Loader-bound: 100 of 100", "4.00 on 2"):
        assert words in told
    assert () == exact.notes


def test_the_rates_as_measured_are_kept_beside_the_estimates(found: CrossoverMap) -> None:
    """Of every contender at every place, with the number of visits."""
    assert 100 == len(found.rates)
    (rate,) = [each for each in found.rates if (each.contender, each.place) == (DEF, Place(100, 500))]
    assert 2 == rate.visits
    assert 60.0 == pytest.approx(rate.rate_per_s, rel=0.03)


def test_a_keyword_cell_compares_the_fastest_of_each_there(found: CrossoverMap) -> None:
    """Flask's best async def is behind the bridge, everywhere on this map."""
    cells = [cell for row in found.keywords[0].cells for cell in row if cell.standing == "faster"]

    assert {(LOOP, DEF)} == {(cell.above, cell.below) for cell in cells}
    assert len(cells) > 30


def test_precision_is_what_repeats_and_left_out_places_show(make_sweep: Sweep) -> None:
    """More noise, less precision; one place alone cannot be left out."""
    quiet, loud = (judge_map(make_sweep(visits=2, noise=noise)) for noise in (0.005, 0.1))

    assert quiet.noise < 0.03 < loud.noise
    assert any("Measured again, a rate varied by 1" in note for note in loud.notes)
    assert quiet.left_out is not None
    assert quiet.left_out < 0.1
    assert judge_map(make_sweep([(5, 20)])).left_out is None
