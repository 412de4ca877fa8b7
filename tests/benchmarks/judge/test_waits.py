from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from benchmarks.judge.claims import Claim
from benchmarks.judge.evidence import Evidence, RefusedError
from benchmarks.judge.judgement import Verdict
from benchmarks.judge.threads import find_waits
from benchmarks.model import Observation, Run, Trial, Workload


@pytest.fixture
def find(
    make_run: Callable[..., Run],
    make_trial: Callable[..., Trial],
    make_observation: Callable[..., Observation],
    make_evidence: Callable[..., Evidence],
    claim: Callable[[str], Claim],
) -> Callable[..., Verdict]:
    """Judge rates under the wait of 50 ms; the observation is async def's, for def has 44 threads."""
    five_threads, many_threads = make_observation(threads=5), make_observation(threads=44, running=41)

    def judge(
        asynchronous: Sequence[float],
        sync: Sequence[float] = (),
        vus: int = 100,
        seen: Observation | None = five_threads,
        **planned: Any,
    ) -> Verdict:
        trials = [
            make_trial(f"flask-{variant}@hypercorn", rate, number, workload="wait", vus=vus, observation=observation)
            for variant, rates, observation in (("async", asynchronous, seen), ("sync", sync, many_threads))
            for number, rate in enumerate(rates)
        ]
        ledger = claim("waits-do-not-block")
        return find_waits(make_evidence(make_run(trials, **planned)), ledger, ledger.tests[1])

    return judge


def test_more_waits_than_threads_bear_the_claim_out(find: Callable[..., Verdict]) -> None:
    """1,499 requests a second of 50 ms each are 75 waits in progress, which five threads cannot hold."""
    finding = find([1490, 1499, 1508], [750, 755, 760])

    assert "replicated" == finding.outcome
    assert (
        "With 100 connections and a wait of 50 ms, async def kept 74.9 [73.8, 76.1] waits in progress on 5 threads, "
        "def "
        "kept 37.7 [37.1, 38.4], and async def served 1.99 × [1.98, 1.99] the requests of def." == finding.sentence
    )
    assert (
        "A wait holds no thread: 74.9 at once on 5 threads, of which 1 ran; with def each wait holds one: 37.7 at "
        "once on "
        "44 threads." == finding.why
    )
    assert [
        ("waits in progress, async", ""),
        ("threads alive, async (range)", ""),
        ("waits in progress, sync", ""),
        ("rate async/sync", "×"),
    ] == [(figure.name, figure.unit) for figure in finding.figures]
    assert all(figure.estimate is not None for figure in finding.figures)


def test_no_more_waits_than_threads_contradict(
    find: Callable[..., Verdict], make_observation: Callable[..., Observation]
) -> None:
    """112 requests a second are 5.6 waits in progress, whichever keyword, while 94 connections queue."""
    seen = make_observation(threads=13, running=7, started=1.0, switches=10.0, cpu_fraction=0.2)
    finding = find([111, 112, 113], [111, 112, 113], seen=seen)

    assert "contradicted" == finding.outcome
    assert finding.sentence.startswith("With 100 connections and a wait of 50 ms, async def kept 5.6 [")
    assert (
        "A wait holds its thread: 5.6 at once on 13 threads, and each request starts another thread besides; def is "
        "blocked just the same (5.6)." == finding.why
    )


def test_without_the_sync_twin_the_waits_still_decide(find: Callable[..., Verdict]) -> None:
    """The ratio is missing, not the verdict."""
    finding = find([1490, 1499, 1508])

    assert "replicated" == finding.outcome
    assert "threads." in finding.sentence
    assert [True, True, False, False] == [figure.estimate is not None for figure in finding.figures]


def test_a_twin_without_a_round_in_common_gives_no_ratio(find: Callable[..., Verdict]) -> None:
    """The waits of def are told all the same."""
    planned = {"wait": ["flask-async@hypercorn", "flask-sync@hypercorn"]}

    assert find([1490, 1499], [], planned=planned).figures[2].estimate is None


def test_threads_that_were_not_seen_leave_the_claim_undecided(
    find: Callable[..., Verdict], make_observation: Callable[..., Observation]
) -> None:
    """Without the number of threads there is nothing to hold the waits against."""
    for seen in (None, make_observation(threads=None)):
        finding = find([1490, 1499], seen=seen)

        assert "inconclusive" == finding.outcome
        assert "how many threads it had was not observed" in finding.sentence
        assert "threads were not observed" in finding.why


def test_an_interval_across_the_threads_is_undecided(find: Callable[..., Verdict]) -> None:
    """It says how many rounds to try."""
    finding = find([90, 130])

    assert "inconclusive" == finding.outcome
    assert "reaches to both sides of the number of threads: run more rounds (--rounds 4)" in finding.sentence


def test_connections_that_never_queue_prove_nothing(
    find: Callable[..., Verdict], make_observation: Callable[..., Observation]
) -> None:
    """Ten connections on twelve threads all wait at once, and none had to wait for another."""
    finding = find([190, 191], vus=10, seen=make_observation(threads=12))

    assert "inconclusive" == finding.outcome
    assert "it takes more connections" in finding.sentence


def test_a_busy_server_proves_nothing(
    find: Callable[..., Verdict], make_observation: Callable[..., Observation]
) -> None:
    """Its work may be what holds requests up; a server whose CPU was not seen gets no such excuse."""
    busy = find([400, 401], seen=make_observation(threads=40, cpu_fraction=0.97))
    unseen = find([400, 401], seen=make_observation(threads=40, cpu_fraction=None))

    assert "inconclusive" == busy.outcome
    assert "the server used 97 % of a core" in busy.sentence
    assert "contradicted" == unseen.outcome


def test_the_most_threads_that_any_trial_saw_count(
    make_run: Callable[..., Run],
    make_trial: Callable[..., Trial],
    make_observation: Callable[..., Observation],
    make_evidence: Callable[..., Evidence],
    claim: Callable[[str], Claim],
) -> None:
    """A server that had 30 threads once may have held 30 waits."""
    trials = [
        make_trial(
            "flask-async@hypercorn",
            400.0,
            number,
            workload="wait",
            vus=100,
            observation=make_observation(threads=threads),
        )
        for number, threads in enumerate((6, 30))
    ]
    ledger = claim("waits-do-not-block")

    finding = find_waits(make_evidence(make_run(trials)), ledger, ledger.tests[1])

    assert "contradicted" == finding.outcome
    assert "on 6 to 30 threads" in finding.sentence


def test_one_observation_is_enough_for_the_threads(
    make_run: Callable[..., Run],
    make_trial: Callable[..., Trial],
    make_observation: Callable[..., Observation],
    make_evidence: Callable[..., Evidence],
    claim: Callable[[str], Claim],
) -> None:
    """A count needs no interval; the rate has one from the trials that were not observed, too."""
    trials = [
        make_trial("flask-async@hypercorn", 1000.0, number, workload="wait", vus=100, observation=observation)
        for number, observation in enumerate((make_observation(threads=5), None))
    ]
    ledger = claim("waits-do-not-block")

    assert "replicated" == find_waits(make_evidence(make_run(trials)), ledger, ledger.tests[1]).outcome


def test_a_workload_that_waits_for_nothing_is_refused(
    make_run: Callable[..., Run],
    make_trial: Callable[..., Trial],
    make_evidence: Callable[..., Evidence],
    claim: Callable[[str], Claim],
) -> None:
    """There is nothing that could block."""
    ledger = claim("waits-do-not-block")
    test = ledger.tests[1]
    evidence = make_evidence(make_run([make_trial("flask-async@hypercorn")]))

    with pytest.raises(RefusedError, match="workload health waits for nothing"):
        find_waits(evidence, ledger, dataclasses.replace(test, workload="health"))


def test_one_valid_trial_is_refused(find: Callable[..., Verdict]) -> None:
    """A rate without an interval cannot be held against anything."""
    with pytest.raises(RefusedError, match="1 round with a valid trial of flask-async@hypercorn under wait"):
        find([1499])


READY = tuple(
    Workload(name=f"ready-{connections}", path="/health/ready/{variant}", wait_ms=20.0, waits=2, answer="ready")
    for connections in (1, 10, 100)
)


@pytest.fixture
def find_ready(
    make_run: Callable[..., Run],
    make_trial: Callable[..., Trial],
    make_observation: Callable[..., Observation],
    make_evidence: Callable[..., Evidence],
    claim: Callable[[str], Claim],
) -> Callable[..., Verdict]:
    """Judge readiness on Hypercorn: rates of ``async def`` by connections, and of ``def`` by a hundred."""

    def judge(asynchronous: Mapping[int, Sequence[float]], sync: Sequence[float], threads: int) -> Verdict:
        seen, many = make_observation(threads=threads), make_observation(threads=8, running=7)
        asked = [(f"ready-{vus}", vus, "async", rates, seen) for vus, rates in asynchronous.items()]
        asked.append(("ready-100", 100, "sync", sync, many))
        trials = [
            make_trial(f"flask-{variant}@hypercorn", rate, number, workload=workload, vus=vus, observation=observation)
            for workload, vus, variant, rates, observation in asked
            for number, rate in enumerate(rates)
        ]
        names = ["flask-async@hypercorn", "flask-sync@hypercorn"]
        run = make_run(trials, planned=dict.fromkeys((workload.name for workload in READY), names))
        run = dataclasses.replace(run, plan=dataclasses.replace(run.plan, workloads=READY))
        ledger = claim("waits-do-not-block")
        (test,) = [test for test in ledger.tests if (test.framework, test.workload) == ("flask", "ready-100")]
        return find_waits(make_evidence(run), ledger, test)

    return judge


def test_two_dependencies_are_one_wait_for_async_and_two_for_def(find_ready: Callable[..., Verdict]) -> None:
    """Requests count, not dependencies: 900 a second of 20 ms are 18 waits, 140 of twice 20 ms are 5.6."""
    finding = find_ready({100: [898, 900, 902]}, [139, 140, 141], threads=5)

    assert "replicated" == finding.outcome
    assert finding.sentence.startswith(
        "With 100 connections and 2 waits of 20 ms each, for all of which async def waits at once, "
        "async def kept 18.0 ["
    )
    in_progress = [figure.estimate.value for figure in finding.figures[:3] if figure.estimate is not None]
    assert [18.0, 5.0, 5.6] == pytest.approx(in_progress, rel=1e-4)


def test_what_fewer_connections_keep_in_progress_is_told_beside(find_ready: Callable[..., Verdict]) -> None:
    """Without a verdict: where nothing queues, nothing can be blocked."""
    finding = find_ready({1: [45, 46], 10: [400, 401], 100: [898, 900]}, [139, 140], threads=5)

    assert "replicated" == finding.outcome
    assert "; with 1 connection it kept 0.9 [" in finding.sentence
    assert "; with 10 connections it kept 8.0 [" in finding.sentence
    assert [
        "waits in progress, async, of 1 connection",
        "waits in progress, async, of 10 connections",
    ] == [figure.name for figure in finding.figures[4:]]


def test_threads_that_hold_two_waits_each_still_hold_a_request(find_ready: Callable[..., Verdict]) -> None:
    """Six threads that each wait for both upstreams at once keep six requests in their wait: others are blocked."""
    finding = find_ready({100: [238, 240]}, [139, 140], threads=13)

    assert "contradicted" == finding.outcome
