from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import pytest

from benchmarks.judge import cause
from benchmarks.judge import judge as judging
from benchmarks.judge.evidence import Evidence
from benchmarks.judge.judgement import Comparison, RequestCost
from benchmarks.model import LatencySummary, LoadResult, Observation, Run, Trial

OWN_WAY, BRIDGED, ELSEWHERE = "flask-async@hypercorn", "flask-async@hypercorn+eventloop", "fastapi-async@hypercorn"
ASGIREF = "flask-async@hypercorn+asgiref"

Bridges = tuple[tuple[Comparison, ...], tuple[RequestCost, ...]]
Compared = Callable[..., Bridges]


@pytest.fixture
def compared(
    first_trials: Callable[..., list[Trial]], make_run: Callable[..., Run], make_evidence: Callable[..., Evidence]
) -> Compared:
    """Compare the first measurements, with a bridge that makes of Flask what FastAPI is, a little slower or faster."""

    def compare(*, speed: float = 0.98, observed: bool = True, rounds: Sequence[int] = (1, 2, 3, 4, 5)) -> Bridges:
        trials = [trial for trial in first_trials(observed=observed) if trial.round in rounds]
        bridged = [
            dataclasses.replace(
                trial,
                contender=trial.contender.replace("fastapi", "flask") + "+eventloop",
                result=_faster(trial.result, speed * (1 + trial.round / 10_000)),
            )
            for trial in trials
            if trial.contender.endswith("@hypercorn") and "fastapi" in trial.contender and trial.result is not None
        ]
        return judging.bridges(make_evidence(make_run([*trials, *bridged])))

    return compare


def _faster(result: LoadResult, speed: float) -> LoadResult:
    """Make as many requests take as much less time."""
    assert result.latency is not None
    latency = {name: value / speed for name, value in dataclasses.asdict(result.latency).items()}
    return dataclasses.replace(result, completed=round(speed * result.completed), latency=LatencySummary(**latency))


def ratio_of(compared: Bridges, contender: str, other: str, workload: str) -> Comparison:
    """Find a ratio."""
    (found,) = [each for each in compared[0] if (each.above, each.below, each.workload) == (contender, other, workload)]
    return found


def cost_of(compared: Bridges, contender: str, workload: str) -> RequestCost:
    """Find what a request costs."""
    (found,) = [cost for cost in compared[1] if (cost.contender, cost.workload) == (contender, workload)]
    return found


def test_a_bridge_is_compared_with_all_that_stand_on_its_server_without_one(compared: Compared) -> None:
    """The framework's own way, and the other framework, under each workload and keyword; never another server's."""
    comparisons, costs = compared()

    assert [
        ("hypercorn", "async", "health"),
        ("hypercorn", "sync", "health"),
        ("hypercorn", "async", "wait"),
        ("hypercorn", "sync", "wait"),
    ] == list(dict.fromkeys((cost.server, cost.variant, cost.workload) for cost in costs))
    assert [OWN_WAY, ASGIREF, ELSEWHERE, BRIDGED] == [cost.contender for cost in costs[:4]]
    assert [
        (ASGIREF, OWN_WAY, "flask"),
        (ASGIREF, ELSEWHERE, ""),
        (BRIDGED, OWN_WAY, "flask"),
        (BRIDGED, ELSEWHERE, ""),
    ] == [(each.above, each.below, each.framework) for each in comparisons[:4]]


def test_without_a_bridge_there_is_nothing_to_compare(
    make_run: Callable[..., Run], make_trial: Callable[..., Trial], make_evidence: Callable[..., Evidence]
) -> None:
    """Nor is there with bridges alone."""
    without = [make_trial(OWN_WAY), make_trial(ELSEWHERE)]

    assert ((), ()) == judging.bridges(make_evidence(make_run(without)))
    assert ((), ()) == judging.bridges(make_evidence(make_run([make_trial(ASGIREF), make_trial(BRIDGED)])))


def test_what_went_is_the_cause(compared: Compared) -> None:
    """The ratio has an interval, and the cause names what a request no longer does: threads, loops, switches, CPU."""
    ratio = ratio_of(compared(), BRIDGED, OWN_WAY, "health")

    assert ratio.rate is not None
    assert ratio.rate.low is not None
    assert 2.4 < ratio.rate.low < ratio.rate.value < 2.8
    assert ratio.sentence.startswith(f"{BRIDGED} served 2.")
    assert ratio.sentence.endswith(f"the requests of {OWN_WAY}: 2.6 times.")
    assert (
        "Each request, without → behind the bridge: threads and event loops started 1.0 → none, voluntary switches 8.7 "
        "→ none, CPU 907 → 320 µs; CPU time per request explains it (2.83 ×)." == ratio.cause
    )


def test_what_cpu_time_does_not_account_for_is_told_as_such(compared: Compared) -> None:
    """A bridge three times as fast as its CPU time would make it."""
    told = ratio_of(compared(speed=3.0), BRIDGED, ELSEWHERE, "health")

    assert told.sentence.endswith(f"the requests of {ELSEWHERE}: 3.0 times.")
    assert (
        "Each request, without → behind the bridge: no thread started either way, voluntary switches none → none, CPU "
        "320 → 320 µs; CPU time per request alone would make it 1.00 ×." == told.cause
    )


@pytest.mark.parametrize(
    ("rates", "found"),
    [
        ((1_000.0, 1_001.0, 1_002.0), "equal within ±5 %"),
        ((900.0, 1_000.0, 1_100.0), "no difference found, which is not the same as equal"),
        ((790.0, 800.0, 810.0), "20 % fewer"),
    ],
)
def test_equal_is_more_than_no_difference(
    make_run: Callable[..., Run],
    make_trial: Callable[..., Trial],
    make_evidence: Callable[..., Evidence],
    rates: Sequence[float],
    found: str,
) -> None:
    """And what is no difference has no cause."""
    trials = [
        make_trial(contender, rate, number)
        for number, bridged in enumerate(rates, start=1)
        for contender, rate in ((OWN_WAY, 1_000.0), (BRIDGED, bridged))
    ]

    (ratio,), _ = judging.bridges(make_evidence(make_run(trials)))

    assert found == ratio.finding
    assert f"the requests of {OWN_WAY}: {found}" in ratio.sentence
    assert ("CPU time" in ratio.cause) == ("fewer" in found)


def test_a_request_costs_what_was_seen(compared: Compared) -> None:
    """A thread counts where requests start it, and a loop where more epoll descriptors were open than elsewhere."""
    comparisons = compared()

    own_way, bridged = (cost_of(comparisons, contender, "health") for contender in (OWN_WAY, BRIDGED))
    assert (1.0, 1.0, 8.7, None) == (
        own_way.threads_started,
        own_way.loops_started,
        own_way.voluntary_switches,
        own_way.waits,
    )
    assert (0.0, 0.0, 0.0) == (bridged.threads_started, bridged.loops_started, bridged.voluntary_switches)
    assert pytest.approx(320.0) == bridged.cpu_us
    waiting = cost_of(comparisons, OWN_WAY, "wait")
    assert waiting.waits is not None
    assert 5.5 < waiting.waits < 5.7
    assert 7 == waiting.running_threads


@pytest.mark.parametrize(
    ("contender", "other", "told"),
    [
        (BRIDGED, OWN_WAY, "; that is more than the 1 thread that ran: a wait holds none."),
        (ASGIREF, OWN_WAY, "waits at once 5.6 → 1.0; fewer wait at once."),
        (
            "flask-sync@hypercorn+eventloop",
            "flask-sync@hypercorn",
            "; each holds one of the 41 threads that ran.",
        ),
    ],
)
def test_waits_are_told_where_views_wait(compared: Compared, contender: str, other: str, told: str) -> None:
    """How many waited at once, and whether each held a thread."""
    assert ratio_of(compared(), contender, other, "wait").cause.endswith(told)


def test_what_was_not_observed_gives_no_cause(compared: Compared) -> None:
    """The ratio stands without one, and so do the waits, which the rate alone tells."""
    comparisons = compared(observed=False)
    ratio, cost = ratio_of(comparisons, BRIDGED, OWN_WAY, "wait"), cost_of(comparisons, BRIDGED, "wait")

    assert ratio.rate is not None
    assert cause.NOT_OBSERVED == ratio.cause
    assert (None, None, None, None) == (
        cost.threads_started,
        cost.loops_started,
        cost.voluntary_switches,
        cost.cpu_us,
    )
    assert cost.waits is not None


def test_too_few_rounds_refuse_and_the_figure_stands(compared: Compared) -> None:
    """One round has no interval; the reason says what to do."""
    ratio = ratio_of(compared(rounds=[1]), BRIDGED, OWN_WAY, "health")

    assert ratio.rate is not None
    assert ratio.rate.low is None
    assert ("refused", "") == (ratio.standing, ratio.cause)
    assert ratio.refusal is not None
    assert "run again with more --rounds" in ratio.refusal


def test_a_platform_that_does_not_tell_all_gets_what_it_tells(
    make_run: Callable[..., Run],
    make_trial: Callable[..., Trial],
    make_observation: Callable[..., Observation],
    make_evidence: Callable[..., Evidence],
) -> None:
    """Without the count of threads started nothing is said of them; without descriptors nothing of loops."""

    def told(workload: str, **observed: float | None) -> tuple[Comparison, RequestCost]:
        seen = make_observation(cpu_us=900, switches=8.0, **observed)
        trials = [
            make_trial(
                contender, 1_000.0 + 0.1 * number * (contender == BRIDGED), number, workload=workload, observation=seen
            )
            for contender in (OWN_WAY, BRIDGED)
            for number in (1, 2)
        ]
        (comparison,), costs = judging.bridges(make_evidence(make_run(trials)))
        return comparison, costs[1]

    ratio, cost = told("health", started=None)
    assert ratio.cause.startswith("Each request, without → behind the bridge: voluntary switches 8.0 → 8.0, CPU")
    assert (None, None) == (cost.threads_started, cost.loops_started)
    ratio, cost = told("wait", started=1.0, epoll=None, running=None)
    assert ": threads started 1.0 → 1.0, voluntary" in ratio.cause
    assert ratio.cause.endswith("waits at once 50.0 → 50.0.")
    assert (1.0, None) == (cost.threads_started, cost.loops_started)
