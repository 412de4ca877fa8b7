from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from benchmarks.contenders import catalogue
from benchmarks.errors import InvalidValueError
from benchmarks.measure import schedule
from benchmarks.measure.environment import Cores
from benchmarks.measure.journal import JOURNAL_NAME, Journal, read_run
from benchmarks.measure.load.builtin import BuiltinEngine
from benchmarks.measure.runner import Runner, at_equal_rate, equal_rate_per_s
from benchmarks.measure.schedule import ScheduledTrial
from benchmarks.measure.workloads import HEALTH, LATENCY
from benchmarks.model import EQUAL_RATE, Contender, LatencySummary, LoadProfile, LoadResult, Plan, Run, Trial

LOAD = LoadProfile(vus=2, duration_s=1.0, warmup_s=0.1)


class Silence:
    """A listener that shows nothing."""

    def checking(self, contenders: int) -> None:
        """Show nothing."""

    def started(self, trial: ScheduledTrial) -> None:
        """Show nothing."""

    def ended(self, scheduled: ScheduledTrial, trial: Trial) -> None:
        """Show nothing."""


LATENCIES = ("average_ms", "minimum_ms", "median_ms", "maximum_ms", "p90_ms", "p95_ms", "p99_ms")


def trial(rate: float, *, workload: str = "health", errors: int = 0, rate_per_s: float | None = None) -> Trial:
    """Make a trial of one second."""
    result = LoadResult(
        completed=round(rate),
        duration_s=1.0,
        errors={"status": errors} if errors else {},
        statuses={},
        unfinished=0,
        sent_bytes=0,
        received_bytes=0,
        loader_cpu_s=0.1,
        latency=LatencySummary(**dict.fromkeys(LATENCIES, 1_000 * LOAD.vus / rate)) if rate else None,
        histogram=None,
    )
    return Trial(
        round=1,
        position=1,
        contender="flask-sync@hypercorn",
        workload=workload,
        started_at="t",
        load=dataclasses.replace(LOAD, rate_per_s=rate_per_s),
        result=result,
        observation=None,
    )


def run_of(*trials: Trial, latency_at: float | None = 0.7) -> Run:
    """Make a run of trials."""
    plan = schedule.plan("quick", catalogue.select(["flask-*@hypercorn"]), seed=1, latency_at=latency_at)
    return Run(
        name="run",
        state="running",
        started_at="t",
        finished_at=None,
        plan=plan,
        environment={},
        trials=trials,
    )


def test_it_is_the_share_of_the_slowest_round_of_the_slowest() -> None:
    """In whole requests, rounded down: all are to sustain it."""
    assert 700.0 == equal_rate_per_s(run_of(trial(2_000), trial(1_001), trial(1_500)))


def test_what_does_not_count_does_not_set_it() -> None:
    """A trial with failures, without a result, of another workload, or of the placebo's."""
    slow = trial(100)

    assert 700.0 == equal_rate_per_s(
        run_of(
            trial(1_000),
            trial(100, errors=1),
            dataclasses.replace(slow, failure="died"),
            dataclasses.replace(slow, result=None),
            dataclasses.replace(slow, placebo=True),
            trial(0),
            trial(100, workload="wait"),
        )
    )


def test_a_run_goes_on_with_the_rate_that_it_has_begun_with() -> None:
    """Whatever the other trials say now: a resumed run asks all at one rate."""
    assert 650.0 == equal_rate_per_s(run_of(trial(1_000), trial(640, workload=EQUAL_RATE, rate_per_s=650.0)))


@pytest.mark.parametrize(("rates", "expected"), [([], None), ([1.0], 0.7)])
def test_where_nothing_was_fast_there_is_little_or_none(rates: list[float], expected: float | None) -> None:
    """No valid trial, no rate; one below a request a second is not rounded to none."""
    assert expected == equal_rate_per_s(run_of(*map(trial, rates)))


def test_only_what_waits_for_the_rate_gets_it() -> None:
    """Other blocks are left as they are; without a rate there is nothing to ask."""
    run = run_of(trial(1_000))
    blocks = list(schedule.blocks(run.plan))

    assert blocks[0] == at_equal_rate(blocks[0], run)
    assert {700.0} == {scheduled.load.rate_per_s for scheduled in at_equal_rate(blocks[-1], run)}
    assert [] == at_equal_rate(blocks[-1], run_of())


def test_the_equal_rate_has_rounds_of_its_own_after_all_others() -> None:
    """Interleaved like them, in the order of the same seed, which leaves the others' order alone."""
    without = list(schedule.trials(schedule.plan("quick", [], seed=5)))
    plan = schedule.plan("quick", [], seed=5, latency_at=0.7)
    trials = list(schedule.trials(plan))

    assert without == trials[: len(without)]
    after = trials[len(without) :]
    assert {EQUAL_RATE} == {scheduled.workload.name for scheduled in after}
    assert sorted(scheduled.round for scheduled in after) == [scheduled.round for scheduled in after]
    assert plan.workload_contenders["health"] == plan.workload_contenders[EQUAL_RATE]
    assert not any(scheduled.placebo for scheduled in after)
    assert (None, 2.0) == (after[0].load.rate_per_s, after[0].load.timeout_s)
    assert plan.is_open(EQUAL_RATE)
    assert not plan.is_open("health")


def test_a_rate_for_health_leaves_the_loaders_ceiling_closed() -> None:
    """At the rate that was asked for, the bare servers would show no ceiling."""
    plan = schedule.plan("quick", [], seed=1, rate_per_s=2_000)

    assert plan.is_open("health")
    assert {2_000} == {s.load.rate_per_s for s in schedule.trials(plan) if s.workload.name == "health"}
    assert {None} == {s.load.rate_per_s for s in schedule.trials(plan) if s.workload.name == "wait"}
    assert {None} == {s.load.rate_per_s for s in schedule.calibration(plan)}


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"rate_per_s": 10}, r"At 10/s 6 requests are due in a trial of 0.6 s, too few .* trials of 2 s"),
        ({"rate_per_s": 1_000, "latency_at": 0.7}, "one of --rate and --latency-at"),
    ],
)
def test_a_rate_that_cannot_be_measured_is_refused(asked: dict[str, float], told: str) -> None:
    """The message says what would do."""
    with pytest.raises(InvalidValueError, match=told):
        schedule.plan("quick", [], seed=1, **asked)  # type: ignore[arg-type]  # each is a number


def plan_of(contenders: Sequence[Contender]) -> Plan:
    """Plan one short round of health and two at the equal rate, in slices."""
    ids = tuple(contender.id for contender in contenders)
    return Plan(
        preset="test",
        seed=1,
        contenders=tuple(contenders),
        workloads=(HEALTH, LATENCY),
        loads={
            "health": LoadProfile(vus=2, duration_s=0.2, warmup_s=0.05, timeout_s=2.0),
            EQUAL_RATE: LoadProfile(vus=2, duration_s=0.4, warmup_s=0.05, timeout_s=2.0, slices=2),
        },
        rounds={"health": 1, EQUAL_RATE: 2},
        workload_contenders={"health": ids, EQUAL_RATE: ids},
        placebo=None,
        ceilings=(),
        latency_at=0.2,
    )


def test_a_run_asks_all_at_one_rate_and_keeps_it(tmp_path: Path, answering: Callable[..., Contender]) -> None:
    """Each trial has the rate that was really asked, in the journal too, and what became of its requests."""
    record = Journal.create(
        tmp_path,
        Run(
            name="run",
            state="running",
            started_at="t",
            finished_at=None,
            plan=plan_of((answering(), answering())),
            environment={},
        ),
    )

    run = Runner(engine=BuiltinEngine(), cores=Cores((), ()), listener=Silence()).run(record)

    closed, asked = run.trials[:2], run.trials[2:]
    slowest = min(trial.result.rate_per_s for trial in closed if trial.result is not None)
    assert {float(int(0.2 * slowest))} == {trial.load.rate_per_s for trial in asked}
    assert 4 == len(asked)
    for trial in asked:
        assert trial.failure is None
        assert trial.result is not None
        assert trial.result.lateness is not None
        assert trial.load.rate_per_s is not None
        due = trial.load.rate_per_s * trial.load.duration_s
        assert pytest.approx(due, abs=1) == sum((trial.result.statuses or {}).values()) + (trial.result.dropped or 0)
    assert run == read_run(tmp_path / "run")
    lines = (tmp_path / "run" / JOURNAL_NAME).read_text(encoding="utf-8").splitlines()
    kept = [entry["value"]["load"]["rate_per_s"] for entry in map(json.loads, lines) if entry["kind"] == "trial"]
    assert [None, None, *[asked[0].load.rate_per_s] * 4] == kept


def test_a_run_in_which_nothing_was_valid_ends_without_a_rate(
    tmp_path: Path, answering: Callable[..., Contender]
) -> None:
    """There is nothing to ask at, and that is no crash."""
    dying = answering(
        extra="import os\n"
        "asked = [0]\n"
        "get = Handler.do_GET\n"
        "def do_GET(self):\n"
        "    asked[0] += 1\n"
        "    if asked[0] > 10: os._exit(3)\n"
        "    get(self)\n"
        "Handler.do_GET = do_GET\n"
    )
    record = Journal.create(
        tmp_path,
        Run(name="run", state="running", started_at="t", finished_at=None, plan=plan_of((dying,)), environment={}),
    )

    run = Runner(engine=BuiltinEngine(), cores=Cores((), ()), listener=Silence()).run(record)

    assert ("complete", ["health"]) == (run.state, [trial.workload for trial in run.trials])
