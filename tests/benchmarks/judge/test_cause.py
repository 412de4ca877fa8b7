from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from benchmarks.judge import cause
from benchmarks.judge.comparison import conclude
from benchmarks.judge.evidence import Evidence
from benchmarks.judge.judgement import Comparison, Estimate, Summary
from benchmarks.model import Observation, Run, Trial


def rated(value: float, low: float, high: float) -> Comparison:
    """Compare two by a ratio of rates."""
    rate = Estimate(value=value, low=low, high=high, samples=5)
    return conclude(Comparison(above="x-async@s", below="x-sync@s", workload="health", rate=rate))


FASTER, SLOWER, NO_DIFFERENCE = rated(2.0, 1.9, 2.1), rated(0.5, 0.48, 0.52), rated(1.0, 0.9, 1.1)


@pytest.fixture
def seen(
    make_run: Callable[..., Run], make_trial: Callable[..., Trial], make_observation: Callable[..., Observation]
) -> Callable[..., Summary]:
    """Summarise one observation of a contender whose name says nothing."""

    def summarise(**observed: float | None) -> Summary:
        (summary,) = Evidence(make_run([make_trial("x-sync@s", observation=make_observation(**observed))])).summaries()
        return summary

    return summarise


def test_a_thread_hop_saved_is_the_gain(seen: Callable[..., Summary]) -> None:
    """Switches and CPU time that only def has; with a wait, I/O is not ruled out."""
    sync, asynchronous = seen(cpu_us=248, switches=4.7, running=11), seen(cpu_us=117, switches=0.0)
    told = (
        "Each def request hops to a worker thread and back: 4.7 voluntary switches and 248 µs of CPU per request, "
        "against "
        "0.0 voluntary switches and 117 µs of CPU with async def: the gain is the thread hop saved"
    )

    assert f"{told}, not I/O: the endpoint does none." == cause.twins(sync, asynchronous, FASTER, 0.0)
    assert f"{told}." == cause.twins(sync, asynchronous, FASTER, 50.0)


def test_a_thread_hop_added_is_the_loss(seen: Callable[..., Summary]) -> None:
    """The same the other way round, as a surprising run would have it."""
    told = cause.twins(seen(cpu_us=117, switches=0.0), seen(cpu_us=248, switches=4.7, running=None), SLOWER, 0.0)

    assert told.startswith("Each async def request hops to a worker thread and back: 4.7")
    assert told.endswith("with def: the loss is the thread hop, not I/O: the endpoint does none.")


def test_a_thread_and_a_loop_a_request_are_the_loss(seen: Callable[..., Summary]) -> None:
    """Threads started, and more epoll descriptors than the other twin has."""
    sync = seen(cpu_us=451, switches=5.8, running=7, epoll=1)

    assert (
        "Each async def request starts a thread and an event loop: 1.0 threads started, 8.7 voluntary switches and "
        "907 µs "
        "of CPU per request, against 5.8 voluntary switches and 451 µs of CPU with def."
        == cause.twins(sync, seen(cpu_us=907, switches=8.7, started=1.0, running=7, epoll=2), SLOWER, 0.0)
    )
    for epoll in (1, None):
        told = cause.twins(sync, seen(cpu_us=907, switches=8.7, started=1.0, epoll=epoll), SLOWER, 0.0)
        assert told.startswith("Each async def request starts a thread: 1.0 threads started")


def test_a_thread_a_request_on_both_sides_explains_nothing_by_itself(seen: Callable[..., Summary]) -> None:
    """What both twins do is not what sets them apart."""
    sync = seen(cpu_us=451, switches=5.8, started=1.0)
    told = cause.twins(sync, seen(cpu_us=907, switches=8.7, started=1.0), SLOWER, 0.0)

    assert told.startswith(
        "Each async def request gives up its core more often: 8.7 voluntary switches and 907 µs of CPU"
    )


@pytest.mark.parametrize(
    ("comparison", "explains"),
    [
        (rated(2.0, 1.9, 2.1), True),
        (rated(1.65, 1.6, 1.7), True),
        (rated(1.5, 1.4, 1.6), False),
        (rated(1.5, 1.1, 2.1), True),
        (rated(0.5, 0.4, 0.6), False),
    ],
)
def test_cpu_time_explains_a_ratio_that_is_like_its_own(
    seen: Callable[..., Summary], comparison: Comparison, explains: bool
) -> None:
    """Half the CPU time makes twice the rate; far from that, and outside the interval, it is no cause."""
    told = cause.best(seen(cpu_us=100), seen(cpu_us=200), comparison)

    assert told.startswith("CPU time per request explains it (2.00 ×)" if explains else "Cause not seen")


@pytest.mark.parametrize(
    ("alone_ms", "told"),
    [
        (70.0, "x-sync@s kept 10 % of a core busy, with 70 requests under way at once"),
        (1.0, "x-sync@s kept 10 % of a core busy and answered one request after another, blocked for 90 % of the time"),
    ],
)
def test_what_waits_is_not_explained_by_cpu_time(alone_ms: float, told: str, seen: Callable[..., Summary]) -> None:
    """A server that was idle for most of the time waited: with many requests under way, or blocked by each in turn."""
    waited, busy = seen(cpu_us=100), seen(cpu_us=900)

    assert f"Waiting decides, not CPU time: {told}." == cause.waiting((waited,), {"x-sync@s": alone_ms})
    assert "" == cause.waiting((busy,), {"x-sync@s": alone_ms})
    assert cause.waiting((busy, waited), {"x-sync@s": 1.0}).startswith("Waiting decides")
    assert "" == cause.waiting((seen(cpu_us=None),), {"x-sync@s": alone_ms})


def test_somebodys_apps_are_told_to_wait(
    make_run: Callable[..., Run], make_trial: Callable[..., Trial], make_observation: Callable[..., Observation]
) -> None:
    """Of these it is known how long each takes alone."""
    run = make_run([make_trial(name, observation=make_observation(cpu_us=100)) for name in ("x-sync@s", "y-sync@s")])
    health = dataclasses.replace(run.plan.workloads[0], alone_ms={"x-sync@s": 1.0, "y-sync@s": 1.0})
    plan = dataclasses.replace(run.plan, workloads=(health,), against="y-sync@s")
    evidence = Evidence(dataclasses.replace(run, plan=plan))
    x, y = plan.contenders
    comparison = dataclasses.replace(FASTER, above=x.id, below=y.id)

    told = cause.of(evidence, x, y, comparison)

    assert told.startswith("Waiting decides, not CPU time: x-sync@s kept 10 % of a core busy and answered one request")


def test_one_shared_worker_thread_is_told(seen: Callable[..., Summary]) -> None:
    """Two threads that ran with either keyword and handed work over: every request passes through one of them."""
    sync, asynchronous = seen(cpu_us=640, switches=8.2, running=2), seen(cpu_us=960, switches=11.1, running=2)

    assert (
        "Each async def request gives up its core more often: 11.1 voluntary switches and 960 µs of CPU, against 8.2 "
        "voluntary switches and 640 µs of CPU with def; two threads ran with either, so every request passes through "
        "the "
        "one beside the event loop's." == cause.twins(sync, asynchronous, SLOWER, 0.0)
    )


@pytest.mark.parametrize(("sync_running", "sync_switches"), [(11, 2.0), (2, 0.9), (None, 2.0)])
def test_a_shared_worker_thread_is_told_of_two_busy_threads_alone(
    seen: Callable[..., Summary], sync_running: int | None, sync_switches: float
) -> None:
    """More threads, or two that hand nothing over, are not one worker beside a loop."""
    sync = seen(cpu_us=640, switches=sync_switches, running=sync_running)

    assert "two threads" not in cause.twins(sync, seen(cpu_us=960, switches=11.1, running=2), SLOWER, 0.0)


def test_a_few_switches_on_both_sides_are_no_cause(seen: Callable[..., Summary]) -> None:
    """It is the difference that must explain the difference."""
    told = cause.twins(seen(cpu_us=100, switches=3.0), seen(cpu_us=200, switches=3.1), SLOWER, 0.0)

    assert told.startswith("Each async def request does more work without more switches")


def test_one_switch_and_two_threads_make_a_hop(seen: Callable[..., Summary]) -> None:
    """Handing work over takes at least a switch; fewer than one a request is chance."""
    hop = cause.twins(seen(cpu_us=248, switches=1.2, running=2), seen(cpu_us=117), FASTER, 0.0)
    none = cause.twins(seen(cpu_us=248, switches=0.9, running=2), seen(cpu_us=117), FASTER, 0.0)

    assert hop.startswith("Each def request hops to a worker thread and back")
    assert none.startswith("Each def request does more work without more switches")


def test_switches_on_one_thread_are_no_hop(seen: Callable[..., Summary]) -> None:
    """A thread that waits with none to hand work to does not hop."""
    told = cause.twins(seen(cpu_us=300, switches=3.0, running=1), seen(cpu_us=100, switches=0.0), FASTER, 0.0)

    assert told.startswith("Each def request gives up its core more often")


def test_more_work_without_switches_is_work(seen: Callable[..., Summary]) -> None:
    """CPU time that differs with the same switches."""
    told = cause.twins(seen(cpu_us=300, switches=0.2), seen(cpu_us=100, switches=0.1), FASTER, 0.0)

    assert told.startswith("Each def request does more work without more switches: 0.2 voluntary switches and 300 µs")


@pytest.mark.parametrize(
    ("sync_us", "async_us", "rate"),
    [(100.0, 100.0, FASTER), (100.0, 200.0, FASTER), (200.0, 100.0, SLOWER), (100.0, 105.0, SLOWER)],
)
def test_figures_that_point_the_other_way_are_no_cause(
    seen: Callable[..., Summary], sync_us: float, async_us: float, rate: Comparison
) -> None:
    """A surprising run gets a true sentence."""
    told = cause.twins(seen(cpu_us=sync_us, switches=4.7), seen(cpu_us=async_us), rate, 0.0)

    assert told.startswith(f"Cause not seen in these figures: 4.7 voluntary switches and {sync_us:.0f} µs of CPU")


def test_no_difference_needs_no_cause(seen: Callable[..., Summary]) -> None:
    """The costs are told, alike or not."""
    alike = cause.twins(seen(cpu_us=100), seen(cpu_us=105), NO_DIFFERENCE, 0.0)
    unlike = cause.twins(seen(cpu_us=100), seen(cpu_us=205), NO_DIFFERENCE, 0.0)

    assert alike.startswith(
        "Both cost about the same: 0.0 voluntary switches and 100 µs of CPU per request with def, 0.0"
    )
    assert unlike.startswith("The costs differ; a difference in rates is not shown: ")


@pytest.mark.parametrize("missing", [{"cpu_us": None}, {"switches": None}])
def test_what_was_not_observed_is_said(seen: Callable[..., Summary], missing: dict[str, None]) -> None:
    """Where a platform tells nothing, no cause is made up."""
    blind, sighted = seen(**missing), seen()

    assert cause.NOT_OBSERVED == cause.twins(blind, sighted, FASTER, 0.0)
    assert cause.NOT_OBSERVED == cause.twins(sighted, blind, FASTER, 0.0)
    assert cause.NOT_OBSERVED == cause.best(blind, sighted, FASTER)
    assert cause.NOT_OBSERVED == cause.best(sighted, blind, FASTER)
    assert cause.NOT_OBSERVED == cause.event_loop(sighted, blind)
    assert cause.NOT_OBSERVED == cause.event_loop(sighted, seen(running=None))


def test_waits_that_hold_no_thread_with_either_keyword(seen: Callable[..., Summary]) -> None:
    """A def that is not blocked either is said so; threads that were not seen to run are left out."""
    told = cause.waits(seen(threads=3), seen(threads=5, running=None), 75.0, 70.0)

    assert "A wait holds no thread: 75 at once on 5 threads; nor does it with def: 70 at once on 3 threads." == told


def test_waits_of_a_twin_that_was_not_seen_are_left_out(seen: Callable[..., Summary]) -> None:
    """Without def's threads its waits mean nothing."""
    told = "A wait holds no thread: 75 at once on 5 threads, of which 1 ran."

    assert told == cause.waits(seen(threads=None), seen(threads=5), 75.0, 70.0)
    assert told == cause.waits(None, seen(threads=5), 75.0, None)


def test_waits_one_after_another_share_a_thread(seen: Callable[..., Summary]) -> None:
    """One wait in progress at a time, with either keyword."""
    told = cause.waits(seen(threads=2), seen(threads=2, running=2), 0.95, 0.96)

    assert (
        "Waits go one after another: 0.9 at once, as if all requests shared one thread; def is blocked just the same "
        "(1.0)." == told
    )


def test_waits_that_def_does_better_are_not_called_the_same(seen: Callable[..., Summary]) -> None:
    """A thread each, and def has more of them."""
    told = cause.waits(seen(threads=40), seen(threads=6, switches=6.0), 5.6, 38.0)

    assert "A wait holds its thread: 5.6 at once on 6 threads." == told
    assert "A wait holds its thread: 1.6 at once on 6 threads." == cause.waits(None, seen(threads=6), 1.6, None)


def test_threads_started_elsewhere_are_not_put_down_to_waits(seen: Callable[..., Summary]) -> None:
    """The count is of the whole machine: where no request waited for a thread, none was started for it."""
    started = {"threads": 6, "started": 3.8}

    assert "besides" not in cause.waits(None, seen(**started, switches=0.1), 5.6, None)
    assert "each request starts another thread besides" in cause.waits(None, seen(**started, switches=None), 5.6, None)


def test_a_loop_beside_a_twin_that_was_not_seen(seen: Callable[..., Summary]) -> None:
    """What def needs is left out where it is not known; a new loop cannot be told without it either."""
    alone = "One thread takes every request from start to end: 0.0 voluntary switches per request."

    assert alone == cause.event_loop(None, seen())
    assert alone == cause.event_loop(seen(cpu_us=None), seen())
    assert alone == cause.event_loop(seen(running=None), seen())
    assert f"{alone[:-1]}; def ran on 2 threads with 4.7." == cause.event_loop(seen(running=2, switches=4.7), seen())
    assert "handed between 2 threads" in cause.event_loop(None, seen(running=2))
    assert "Each request starts a thread: 1.0 started" in cause.event_loop(
        None, seen(started=1.0, switches=8.7, epoll=2)
    )
