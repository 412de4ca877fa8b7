"""Many contenders beside one reference: what is separated, what is tied, and what is left where views work."""

from __future__ import annotations

import dataclasses
import math
import random
import statistics
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.judge.field import WORK_MS, left, pooled_error, separating, spans
from benchmarks.judge.judge import judge
from benchmarks.judge.judgement import Estimate, Field
from benchmarks.model import Observation, Run, Trial

REFERENCE = "fastapi-async@uvicorn"


@pytest.fixture
def field_of(make_trial: Callable[..., Trial], make_run: Callable[..., Run]) -> Callable[..., tuple[Field, ...]]:
    """Judge a run of contenders with these rates, 1 % of noise and a machine that drifts from round to round."""

    def make(
        rates: Mapping[str, float],
        *,
        reference: float = 1_000.0,
        rounds: int = 6,
        workload: str = "health",
        ceilings: tuple[str, ...] = (),
    ) -> tuple[Field, ...]:
        chance = random.Random(1)  # noqa: S311 # not for secrets
        trials = [
            make_trial(
                name, rate * (1 + number / 10) * math.exp(chance.gauss(0, 0.01)), number, workload=workload, vus=100
            )
            for number in range(1, rounds + 1)
            for name, rate in {REFERENCE: reference, **rates}.items()
        ]
        run = make_run(trials)
        plan = dataclasses.replace(run.plan, against=REFERENCE, ceilings=ceilings)
        return judge(dataclasses.replace(run, plan=plan), ()).fields

    return make


def test_a_field_is_sorted_and_brackets_what_is_not_separated(field_of: Callable[..., tuple[Field, ...]]) -> None:
    """Two that differ by ten times the noise are separated; two that are alike are tied; the reference is at 1."""
    (field,) = field_of({"a-async@x": 2_000, "b-async@x": 2_002, "c-async@x": 500, "d-sync@y": 1_500})

    assert ("health", REFERENCE) == (field.workload, field.reference)
    assert {"a-async@x", "b-async@x"} == {entry.contender for entry in field.entries[:2]}
    assert ["d-sync@y", REFERENCE, "c-async@x"] == [entry.contender for entry in field.entries[2:]]
    assert ((0, 1),) == field.ties
    assert 0.01 < field.resolution < 0.05
    assert 1.0 == field.entries[3].rate.value
    assert pytest.approx(0.5, rel=0.02) == field.entries[4].rate.value


def test_no_app_serves_more_than_the_bare_server_beneath_it(field_of: Callable[..., tuple[Field, ...]]) -> None:
    """Who does was not served as the bare one was; one on another server may."""
    rates = {"bare-asgi@x": 2_000, "a-async@x": 3_000, "b-async@x": 1_900, "c-async@y": 4_000}
    (field,) = field_of(rates, ceilings=("bare-asgi@x",))

    assert ["a-async@x"] == [sentence.split()[0] for sentence in field.impossible]


def test_a_few_are_told_one_by_one(field_of: Callable[..., tuple[Field, ...]]) -> None:
    """With three contenders there is no field."""
    assert () == field_of({"a-async@x": 2_000, "b-async@x": 1_000})


def test_one_round_separates_nothing(field_of: Callable[..., tuple[Field, ...]]) -> None:
    """A comparison of one round is refused, and what is refused has no place."""
    assert () == field_of({"a-async@x": 9_000, "b-async@x": 4_000, "c-async@x": 2_000}, rounds=1)


def test_a_request_that_waits_leaves_nothing_to_compute(field_of: Callable[..., tuple[Field, ...]]) -> None:
    """What a request takes is then its wait."""
    (field,) = field_of({"a-async@x": 180, "b-async@x": 80, "c-async@x": 40}, reference=100.0, workload="wait")

    assert {()} == {entry.with_work for entry in field.entries}


def test_connections_and_waits_limit_every_contender_alike(field_of: Callable[..., tuple[Field, ...]]) -> None:
    """100 connections that wait 50 ms are served 2,000 times a second at most: what is more was not measured."""
    rates = {"a-async@x": 180.0, "b-async@x": 80.0, "c-async@x": 9_000.0}
    (field,) = field_of(rates, reference=100.0, workload="wait")
    served_per_s = 100.0 * statistics.geometric_mean(1 + number / 10 for number in range(1, 7))

    (limit,) = {entry.limit for entry in field.entries}
    assert 2_000 / served_per_s == pytest.approx(limit, rel=0.02)
    assert ["c-async@x"] == [sentence.split()[0] for sentence in field.impossible]


def test_the_cores_of_the_server_limit_each_by_its_cpu_time(
    make_trial: Callable[..., Trial], make_run: Callable[..., Run], make_observation: Callable[..., Observation]
) -> None:
    """Half the CPU time per request allows twice the requests; of one whose CPU time is unknown nothing is said."""
    seen_of = {
        name: make_observation(cpu_us=cpu_us)
        for name, cpu_us in ((REFERENCE, 500.0), ("a-async@x", 250.0), ("b-async@x", 1_000.0))
    }
    trials = [
        make_trial(name, 1_000 + 10 * (number * place % 4), number, observation=seen)
        for number in (1, 2, 3)
        for place, (name, seen) in enumerate((*seen_of.items(), ("c-async@x", None)), start=1)
    ]
    run = make_run(trials)
    run = dataclasses.replace(
        run, plan=dataclasses.replace(run.plan, against=REFERENCE), environment={**run.environment, "server_cpus": "1"}
    )
    limits = {entry.contender: entry.limit for entry in judge(run, ()).fields[0].entries}

    assert None is limits["c-async@x"]
    assert [2.0, 4.0, 1.0] == [pytest.approx(limits[name], rel=0.02) for name in (REFERENCE, "a-async@x", "b-async@x")]


@pytest.mark.parametrize(
    ("ratio", "takes_us", "work_ms", "expected"),
    [(2.0, 1_000, 0.0, 2.0), (2.0, 1_000, 1.0, 2 / 1.5), (0.5, 100, 1.0, 1.1 / 1.2), (3.0, 300, 20.0, 20.3 / 20.1)],
)
def test_what_is_left_of_a_ratio_is_of_both_times_together(
    ratio: float, takes_us: float, work_ms: float, expected: float
) -> None:
    """A request of half the time, with as much work added to both: the work soon decides."""
    rate = Estimate(value=ratio, low=ratio / 1.1, high=ratio * 1.1, samples=5)

    found = left(rate, takes_us, work_ms)

    assert pytest.approx(expected) == found.value
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.value < found.high


def test_work_is_given_in_milliseconds_from_little_to_much() -> None:
    """The more a view works, the less is left."""
    rate = Estimate(value=4.0, low=None, high=None, samples=5)
    ratios = [left(rate, 500, work_ms).value for work_ms in (0.0, *WORK_MS)]

    assert sorted(ratios, reverse=True) == ratios
    assert None is left(rate, 500, 1.0).low


def test_in_95_of_100_fields_of_equals_nothing_is_separated() -> None:
    """However many pairs there are: that is what the studentized range is for."""
    chance = random.Random(3)  # noqa: S311 # not for secrets
    wrong = 0
    for _ in range(200):
        noise = [{f"c{place}": chance.gauss(0, 1) for place in range(8)} for _ in range(5)]
        logarithms = {name: {number: each[name] for number, each in enumerate(noise)} for name in noise[0]}
        separated, _ = separating(logarithms, "reference")
        wrong += any(separated(one, other) for one in logarithms for other in logarithms)

    assert 2 <= wrong <= 18


def test_the_error_is_what_is_left_beside_contenders_and_rounds() -> None:
    """Rounds that slow all alike, and contenders that differ, are no error; a gap in the table is no matter."""
    whole = {name: {number: own + number for number in range(4)} for name, own in (("a", 0.0), ("b", 5.0), ("c", 9.0))}
    gap = {**whole, "b": {number: value for number, value in whole["b"].items() if number != 2}}

    assert [0.0, 6.0] == pytest.approx(pooled_error(whole))
    assert [0.0, 5.0] == pytest.approx(pooled_error(gap), abs=1e-9)
    assert (math.inf, 0) == pooled_error({"a": {1: 1.0}})
    separated, resolution = separating({"a": {1: 1.0}}, "reference")
    assert (False, math.inf) == (separated("a", "reference"), resolution)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.integers(0, 12), min_size=1, max_size=9), st.integers(0, 4))
def test_spans_are_the_longest_without_a_separated_pair(places: Sequence[int], reach: int) -> None:
    """Each tied pair of neighbours is in one, none holds a separated pair, and none lies in another."""
    names = [f"{place}:{number}" for number, place in enumerate(sorted(places))]

    def separated(one: str, other: str) -> bool:
        return abs(int(one.partition(":")[0]) - int(other.partition(":")[0])) > reach

    found = list(spans(names, separated))

    assert all(not separated(names[first], names[last]) for first, last in found)
    assert all(one[0] < other[0] and one[1] < other[1] for one, other in pairwise(found))
    for number in range(len(names) - 1):
        tied = any(first <= number and number + 1 <= last for first, last in found)
        assert tied != separated(names[number], names[number + 1])
