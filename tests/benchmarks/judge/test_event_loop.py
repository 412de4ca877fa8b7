from __future__ import annotations

from collections.abc import Callable

import pytest

from benchmarks.judge import threads
from benchmarks.judge.claims import Claim
from benchmarks.judge.evidence import Evidence, RefusedError
from benchmarks.judge.judgement import Verdict
from benchmarks.model import Observation, Run, Trial


@pytest.fixture
def find(
    make_run: Callable[..., Run],
    make_trial: Callable[..., Trial],
    make_evidence: Callable[..., Evidence],
    claim: Callable[[str], Claim],
) -> Callable[..., Verdict]:
    """Judge observations of async def, one a round, beside one of def where it is given."""

    def judge(*seen: Observation | None, sync: Observation | None = None) -> Verdict:
        trials = [
            make_trial("flask-async@hypercorn", round=number, observation=observation)
            for number, observation in enumerate(seen)
        ]
        if sync is not None:
            trials.append(make_trial("flask-sync@hypercorn", observation=sync))
        ledger = claim("single-thread-event-loop")
        return threads.find_event_loop(make_evidence(make_run(trials)), ledger, ledger.tests[1])

    return judge


def test_one_thread_on_epoll_bears_the_claim_out(
    find: Callable[..., Verdict], make_observation: Callable[..., Observation]
) -> None:
    """Four idle threads of uvloop do not count, for they never run; what def needs is told beside."""
    one = make_observation(cpu_us=117, threads=5, running=1, epoll=1)
    finding = find(one, one, one, sync=make_observation(cpu_us=248, switches=4.7, threads=15, running=11))

    assert "replicated" == finding.outcome
    assert (
        "async def ran on 1 thread, with 1 epoll descriptor open and no threads started per request; def ran on 11 "
        "threads." == finding.sentence
    )
    assert (
        "One thread takes every request from start to end: 0.0 voluntary switches per request; def ran on 11 threads "
        "with "
        "4.7." == finding.why
    )
    assert [
        ("threads that ran, async (range)", 1.0, 1.0),
        ("epoll descriptors, async (range)", 1.0, None),
        ("threads started per request, async (range)", 0.0, None),
        ("threads that ran, sync (range)", 11.0, None),
    ] == [(figure.name, figure.estimate and figure.estimate.value, figure.tutorial_value) for figure in finding.figures]


def test_one_trial_is_evidence(find: Callable[..., Verdict], make_observation: Callable[..., Observation]) -> None:
    """Threads are counted, not sampled; without the sync twin its figure is missing."""
    finding = find(make_observation())

    assert "replicated" == finding.outcome
    assert finding.figures[3].estimate is None
    assert "One thread takes every request from start to end: 0.0 voluntary switches per request." == finding.why


def test_several_threads_that_run_contradict(
    find: Callable[..., Verdict], make_observation: Callable[..., Observation]
) -> None:
    """Work that is handed to another thread is not one loop in one thread."""
    finding = find(make_observation(switches=11.1, threads=2, running=2))

    assert "contradicted" == finding.outcome
    assert "Requests are handed between 2 threads: 11.1 voluntary switches per request." == finding.why


def test_a_thread_a_request_contradicts(
    find: Callable[..., Verdict], make_observation: Callable[..., Observation]
) -> None:
    """Threads that came and went are not among those that ran, but they were started, and waited for."""
    seen = make_observation(cpu_us=907, switches=8.7, started=1.0, running=1, epoll=2)
    finding = find(seen, seen, sync=make_observation(cpu_us=451, switches=5.8, running=7))

    assert "contradicted" == finding.outcome
    assert "and 1.0 threads started per request; def ran on 7 threads." in finding.sentence
    assert (
        "Each request starts a thread and an event loop: 1.0 started, 8.7 voluntary switches and 907 µs of CPU per "
        "request." == finding.why
    )


def test_threads_that_others_start_are_not_the_servers(
    find: Callable[..., Verdict], make_observation: Callable[..., Observation]
) -> None:
    """The count is of the whole machine: the least of the trials counts, and only if requests wait for something."""
    noisy, quiet = make_observation(started=1.135, switches=4.0), make_observation(started=0.0, switches=4.0)
    unwaited = make_observation(started=1.135, switches=0.04)

    assert "replicated" == find(noisy, quiet).outcome
    assert "replicated" == find(unwaited).outcome


def test_started_threads_that_may_be_anyones_leave_it_undecided(
    find: Callable[..., Verdict], make_observation: Callable[..., Observation]
) -> None:
    """Neither none nor one a request, where requests do wait for something."""
    finding = find(make_observation(started=0.1, switches=4.0))

    assert "inconclusive" == finding.outcome
    assert "something starts threads, which may not be the server" in finding.sentence


def test_switches_that_were_not_seen_excuse_nothing(
    find: Callable[..., Verdict], make_observation: Callable[..., Observation]
) -> None:
    """Without them a thread started a request is taken for the requests'."""
    assert "contradicted" == find(make_observation(started=1.0, switches=None)).outcome


def test_no_epoll_contradicts(find: Callable[..., Verdict], make_observation: Callable[..., Observation]) -> None:
    """A single thread alone is no event loop on epoll."""
    finding = find(make_observation(epoll=0))

    assert "contradicted" == finding.outcome
    assert "with 0 epoll descriptors open" in finding.sentence
    assert "no epoll descriptor was open" in finding.why


def test_trials_that_disagree_leave_it_undecided(
    find: Callable[..., Verdict], make_observation: Callable[..., Observation]
) -> None:
    """Counts are the same every time, or something is wrong with the counting."""
    finding = find(make_observation(), make_observation(running=2), make_observation())

    assert "inconclusive" == finding.outcome
    assert "the trials disagree" in finding.sentence
    assert "ran on 1 to 2 threads" in finding.sentence


def test_what_the_platform_does_not_tell_leaves_it_undecided(
    find: Callable[..., Verdict], make_observation: Callable[..., Observation]
) -> None:
    """Missing is said to be missing, and where it is told."""
    silent = (
        make_observation(cpu_us=None, switches=None, started=None, running=None, epoll=None),
        make_observation(running=0),
        make_observation(epoll=None),
        None,
    )
    for seen in silent:
        finding = find(seen)

        assert "inconclusive" == finding.outcome
        assert "only Linux reports these" in finding.sentence
    assert "async def ran on threads that were not observed; only Linux reports" in find(None).sentence
    assert "not observed" in find(None).why


def test_started_threads_that_are_not_told_are_no_objection(
    find: Callable[..., Verdict], make_observation: Callable[..., Observation]
) -> None:
    """The threads that ran decide alone."""
    finding = find(make_observation(started=None))

    assert "replicated" == finding.outcome
    assert "started" not in finding.sentence


def test_without_a_valid_trial_it_is_refused(
    make_run: Callable[..., Run],
    make_trial: Callable[..., Trial],
    make_evidence: Callable[..., Evidence],
    claim: Callable[[str], Claim],
) -> None:
    """A void trial is no evidence of anything."""
    ledger = claim("single-thread-event-loop")
    run = make_run([make_trial("flask-async@hypercorn", failure="the server died")])

    with pytest.raises(RefusedError, match=r"No round with a valid trial .* and it takes 1.*the server died"):
        threads.find_event_loop(make_evidence(run), ledger, ledger.tests[1])
