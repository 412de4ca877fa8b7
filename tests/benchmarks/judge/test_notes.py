from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from benchmarks.judge.evidence import Evidence
from benchmarks.judge.notes import notes
from benchmarks.model import Resumption, Run, Trial, Workload


@pytest.fixture
def told(
    make_run: Callable[..., Run], make_evidence: Callable[..., Evidence], make_trial: Callable[..., Trial]
) -> Callable[..., tuple[str, ...]]:
    """Note what there is to say of a run, whose loader was calibrated."""

    def tell(trials: list[Trial], **of_run: object) -> tuple[str, ...]:
        calibration = [make_trial("bare-asgi@uvicorn", 10_000.0, 0)]
        return notes(make_evidence(make_run(trials, **{"calibration": calibration, **of_run})))

    return tell


def test_a_run_without_a_blemish_needs_no_note(
    told: Callable[..., tuple[str, ...]], make_trial: Callable[..., Trial]
) -> None:
    """Complete, valid, quiet and pinned."""
    assert () == told([make_trial()])


def test_bodies_that_were_sampled_are_counted(
    make_run: Callable[..., Run], make_trial: Callable[..., Trial], make_evidence: Callable[..., Evidence]
) -> None:
    """How many were compared is said where it was not every one."""

    def told(compared: int | None) -> list[str]:
        trial = make_trial()
        assert trial.result is not None
        trial = dataclasses.replace(trial, result=dataclasses.replace(trial.result, bodies_compared=compared))
        return [note for note in notes(make_evidence(make_run([trial]))) if "bodies" in note]

    assert [] == told(None) == told(10_000)
    assert ["Of 10,000 valid answers the bodies of 11 were compared with the one from before the timing"] == [
        note.partition(";")[0] for note in told(11)
    ]


@pytest.mark.parametrize(
    ("state", "ended"), [("interrupted", "was interrupted"), ("running", "did not finish, or has not yet")]
)
def test_an_unfinished_run_says_how_far_it_came(
    told: Callable[..., tuple[str, ...]], make_trial: Callable[..., Trial], state: str, ended: str
) -> None:
    """Trials that ran, of those planned; the placebo's are in neither."""
    trials = [make_trial(), make_trial(round=2), make_trial(placebo=True)]

    assert (f"The run {ended}: it is judged on the 2 trials that it has of 5.",) == told(trials, state=state)


@pytest.mark.parametrize(
    ("times", "superseded", "expected"),
    [(1, 0, "resumed once, last at t1: "), (2, 1, "resumed 2 times, last at t2: ")],
)
def test_a_run_that_was_gone_on_with_says_so(  # noqa: PLR0917 (pytest passes them by name)
    make_run: Callable[..., Run],
    make_evidence: Callable[..., Evidence],
    make_trial: Callable[..., Trial],
    times: int,
    superseded: int,
    expected: str,
) -> None:
    """When, and what was measured again; its pairs are of one time each."""
    run = dataclasses.replace(
        make_run([make_trial()], calibration=[make_trial("bare-asgi@uvicorn", 10_000.0, 0)]),
        superseded=(make_trial(),) * superseded,
        resumptions=tuple(
            Resumption(resumed_at=f"t{number}", trials_kept=1, trials_superseded=0) for number in range(1, times + 1)
        ),
    )

    (note,) = notes(make_evidence(run))

    assert expected in note
    assert bool(superseded) == ("1 trials of an interrupted block were measured again" in note)


def test_rounds_that_a_contender_sits_out_were_not_planned(
    make_run: Callable[..., Run], make_evidence: Callable[..., Evidence], make_trial: Callable[..., Trial]
) -> None:
    """One in three of five rounds are two."""
    run = make_run([make_trial()], state="interrupted", calibration=[make_trial("bare-asgi@uvicorn", 10_000.0, 0)])
    run = dataclasses.replace(run, plan=dataclasses.replace(run.plan, every={"flask-sync@hypercorn": 3}))

    assert ("The run was interrupted: it is judged on the 1 trials that it has of 2.",) == notes(make_evidence(run))


def test_void_trials_are_counted_with_their_reasons(
    told: Callable[..., tuple[str, ...]], make_trial: Callable[..., Trial]
) -> None:
    """The commonest first, and no more than three."""
    trials = [make_trial(failure=reason) for reason in ("died", "hung", "died", "lost", "late")]

    assert ("Void, so not counted: 5 of 6 trials. died (2 times); hung; lost; and 1 more.",) == told(
        [*trials, make_trial()]
    )
    assert ("Void, so not counted: 4 of 4 trials. died (2 times); hung; lost.",) == told(trials[:4])
    assert ("Void, so not counted: 1 of 2 trials. hung.",) == told([trials[1], make_trial()])


def test_loader_bound_trials_are_counted(
    told: Callable[..., tuple[str, ...]], make_trial: Callable[..., Trial]
) -> None:
    """Their verdicts are refused; the note tells how many there are."""
    (note,) = told([make_trial(rate=8000.0), make_trial(rate=100.0)])

    assert note.startswith("Loader-bound: 1 of 2 valid trials")


def test_a_loader_without_calibration_is_noted(
    told: Callable[..., tuple[str, ...]], make_trial: Callable[..., Trial]
) -> None:
    """Its head-room is known from its CPU alone."""
    (note,) = told([make_trial()], calibration=[])

    assert note.startswith("The loader was not calibrated on a bare server")


@pytest.mark.parametrize(
    ("environment", "begins"),
    [
        (
            {"logical_cores": 2, "load_average_1m": 1.1},
            "The load average before the start was 1.10 on 2 cores: something",
        ),
        (
            {"logical_cores": None, "load_average_1m": 0.6},
            "The load average before the start was 0.60 on 1 core: something",
        ),
        ({"load_average_1m": 5, "logical_cores": 0}, "The load average before the start was 5.00 on 1 core: something"),
        ({"server_cpus": None}, "Server and loader were not kept on cores of their own"),
        ({"loader_cpus": None}, "Server and loader were not kept on cores of their own"),
        ({"loader_cpus": "1"}, "Server and loader were not kept on cores of their own"),
        (
            {"logical_cores": 1, "server_cpus": None, "load_average_1m": 0.1},
            "There is one core, which server and loader shared",
        ),
    ],
)
def test_a_machine_that_is_not_quiet_or_not_pinned_is_noted(
    told: Callable[..., tuple[str, ...]], make_trial: Callable[..., Trial], environment: dict[str, object], begins: str
) -> None:
    """Each with what it does to the figures."""
    quiet = {"logical_cores": 2, "load_average_1m": 1.0, "server_cpus": "1", "loader_cpus": "0"}
    (note,) = told([make_trial()], environment={**quiet, **environment})

    assert note.startswith(begins)


def test_an_environment_that_tells_nothing_is_no_error(
    told: Callable[..., tuple[str, ...]], make_trial: Callable[..., Trial]
) -> None:
    """A foreign run may hold other facts; without the cores it is not known to be pinned."""
    (note,) = told([make_trial()], environment={"load_average_1m": "low"})

    assert note.startswith("Server and loader were not kept")


def test_load_from_workers_has_cores_of_its_own_and_a_network_between(
    told: Callable[..., tuple[str, ...]], make_trial: Callable[..., Trial]
) -> None:
    """Nothing is said of cores that they do not share."""
    (note,) = told([make_trial()], environment={"load_workers": 3, "server_cpus": "1", "loader_cpus": None})

    assert note.startswith("The load came from 3 load workers")


READY = Workload(name="ready-1", path="/health/ready/{variant}", wait_ms=20.0, waits=2, answer="ready")


def test_what_readiness_asked_is_told(
    make_run: Callable[..., Run], make_evidence: Callable[..., Evidence], make_trial: Callable[..., Trial]
) -> None:
    """Which database, how many upstreams, and why it was not PostgreSQL where it was not."""
    run = make_run([make_trial()], calibration=[make_trial("bare-asgi@uvicorn", 10_000.0, 0)])
    run = dataclasses.replace(run, plan=dataclasses.replace(run.plan, workloads=(*run.plan.workloads, READY)))

    def told(**facts: str) -> tuple[str, ...]:
        return notes(make_evidence(dataclasses.replace(run, environment={**run.environment, **facts})))

    (asked,) = told(ready_database="PostgreSQL 17.6")
    assert asked.startswith("Readiness asked PostgreSQL 17.6 and 2 upstreams of 20 ms each")
    _, reason = told(ready_database="SQLite 3.40", ready_database_reason="its server is not installed")
    assert reason.startswith("The database was not PostgreSQL: its server is not installed. SQLite has no way")
    (unknown,) = told()
    assert unknown.startswith("Readiness asked a database and 2 upstreams")


@pytest.mark.parametrize(
    ("method", "rates", "said"),
    [
        ("POST", (1000.0, 900.0, 811.0, 729.0, 656.0), "falls by 10.0 %"),
        ("POST", (1000.0, 1102.0, 1210.0, 1331.0), "rises by 10.0 %"),
        ("POST", (1000.0, 1010.0, 990.0, 1005.0), None),
        ("POST", (1000.0, 900.0, 810.0), None),
        ("GET", (1000.0, 900.0, 811.0, 729.0, 656.0), None),
    ],
)
def test_what_requests_leave_behind_is_noted(
    *,
    make_run: Callable[..., Run],
    make_trial: Callable[..., Trial],
    make_evidence: Callable[..., Evidence],
    method: str,
    rates: tuple[float, ...],
    said: str | None,
) -> None:
    """A rate that moves from round to round, of requests that may change a state; not one that only scatters."""
    run = make_run([make_trial(rate=rate, round=number) for number, rate in enumerate(rates, 1)])
    asked = tuple(dataclasses.replace(each, answer="alike", method=method) for each in run.plan.workloads)
    run = dataclasses.replace(run, plan=dataclasses.replace(run.plan, workloads=asked))
    found = [note for note in notes(make_evidence(run)) if "before_trial" in note]
    assert [said is not None] * len(found) == [said is not None and said in note for note in found]
    assert (said is not None) == bool(found)
