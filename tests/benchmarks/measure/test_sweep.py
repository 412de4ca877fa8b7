from __future__ import annotations

import dataclasses
import os
import signal
from collections.abc import Callable, Iterable
from pathlib import Path

import psutil
import pytest

from benchmarks.contenders import catalogue
from benchmarks.measure import sweep
from benchmarks.measure.environment import Cores
from benchmarks.measure.journal import Journal, RunFileError, read_run
from benchmarks.measure.load.builtin import BuiltinEngine
from benchmarks.measure.runner import Runner
from benchmarks.measure.schedule import ScheduledTrial
from benchmarks.measure.server import ServerError
from benchmarks.measure.sweep import Visits, has_given_up, plan_sweep, sweep_route
from benchmarks.model import Contender, LoadProfile, Place, Run, Trial, Workload

NO_PINNING = Cores((), ())
SHORT = LoadProfile(vus=1, duration_s=0.2, warmup_s=0.05, timeout_s=1.0)


class Recorder:
    """A listener that keeps what it is told, and does something when a trial begins."""

    def __init__(self, on_start: Callable[[int], None] = lambda _number: None) -> None:
        self.events: list[str] = []
        self.trials: list[ScheduledTrial] = []
        self._on_start = on_start

    def checking(self, contenders: int) -> None:
        """Keep it."""
        self.events.append(f"checking {contenders}")

    def visiting(self, place: Place, elapsed_s: float) -> None:
        """Keep it."""
        assert elapsed_s >= 0
        self.events.append(f"visiting {place.wait_ms:g} {place.connections:g}")

    def started(self, trial: ScheduledTrial) -> None:
        """Keep it."""
        self.trials.append(trial)
        self._on_start(len(self.trials))

    def ended(self, scheduled: ScheduledTrial, trial: Trial) -> None:
        """Keep it."""
        assert scheduled.contender.id == trial.contender
        self.events.append(f"ended {trial.round}.{trial.position}")


def itinerary(*places: Place) -> Callable[[Run, float, Visits], Place | None]:
    """Choose the places of a list, one after another."""

    def choose(_run: Run, elapsed_s: float, visits: Visits) -> Place | None:
        assert all(took_s > 0 for _, took_s in visits)
        assert elapsed_s >= sum(took_s for _, took_s in visits)
        return places[len(visits)] if len(visits) < len(places) else None

    return choose


def begin(folder: Path, contenders: Iterable[Contender], ceilings: tuple[str, ...] = ()) -> Journal:
    """Begin the record of a sweep."""
    plan = dataclasses.replace(plan_sweep(tuple(contenders), (0, 5), 60.0, seed=1), ceilings=ceilings)
    return Journal.create(
        folder, Run(name="map", state="running", started_at="t", finished_at=None, plan=plan, environment={})
    )


def sweep_of(*places: Place, listener: Recorder | None = None) -> Runner:
    """Return what runs a sweep of these places."""
    listener = listener or Recorder()
    route = sweep_route(listener, itinerary(*places), SHORT)
    return Runner(engine=BuiltinEngine(), cores=NO_PINNING, listener=listener, route=route)


def test_every_contender_takes_its_turn_at_each_place(tmp_path: Path, answering: Callable[..., Contender]) -> None:
    """With the connections asked for, in an order drawn for the visit, each trial kept as it ends."""
    first, second = answering(), answering()
    listener = Recorder()

    run = sweep_of(Place(0, 2), Place(5, 3), Place(0, 2), listener=listener).run(begin(tmp_path, (first, second)))

    assert ["checking 2", "visiting 0 2", "ended 1.1", "ended 1.2", "visiting 5 3"] == listener.events[:5]
    assert [(1, 2), (1, 2), (2, 3), (2, 3), (3, 2), (3, 2)] == [(t.round, t.load.vus) for t in run.trials]
    assert ["wait-0ms", "wait-0ms", "wait-5ms", "wait-5ms"] == [trial.workload for trial in run.trials[:4]]
    for visit in (1, 2, 3):
        assert {first.id, second.id} == {trial.contender for trial in run.trials if trial.round == visit}
    assert all(trial.failure is None and trial.result is not None for trial in run.trials)
    assert "complete" == run.state
    assert run == read_run(tmp_path / "map")


def test_the_plan_keeps_seed_budget_and_waits() -> None:
    """All that is needed to do it again; every wait is a workload of its own."""
    plan = plan_sweep(catalogue.select(catalogue.MAPPED), (5, 0, 5), 600.0, seed=7)

    assert ("crossover", 7, 600.0) == (plan.preset, plan.seed, plan.budget_s)
    assert [("wait-0ms", 0), ("wait-5ms", 5)] == [(workload.name, workload.wait_ms) for workload in plan.workloads]
    assert "/wait/async?ms=5" == plan.workloads[1].path_for(catalogue.find("fastapi-async@uvicorn"))
    assert 4 == len(plan.contenders)


def test_the_loader_is_calibrated_first(tmp_path: Path, answering: Callable[..., Contender]) -> None:
    """On the bare servers of the plan."""
    run = sweep_of(Place(0, 1)).run(begin(tmp_path, (answering(),), ceilings=("bare-asgi@uvicorn",)))

    assert ["bare-asgi@uvicorn"] == [trial.contender for trial in run.calibration]
    assert sweep.CALIBRATION_CONNECTIONS == run.calibration[0].load.vus


def test_a_loader_that_cannot_be_calibrated_ends_the_sweep(
    tmp_path: Path, answering: Callable[..., Contender], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing was measured; the message says why."""
    dead = answering(extra="raise SystemExit(3)\n")
    monkeypatch.setattr(catalogue, "find", lambda _name: dead)

    with pytest.raises(ServerError, match=r"(?s)status 3.*could not be calibrated"):
        sweep_of(Place(0, 1)).run(begin(tmp_path, (answering(),), ceilings=("bare-asgi@uvicorn",)))

    assert ("interrupted", ()) == (read_run(tmp_path / "map").state, read_run(tmp_path / "map").trials)


def test_contenders_that_differ_stop_the_sweep(tmp_path: Path, answering: Callable[..., Contender]) -> None:
    """Nothing is timed, and the journal says that it was cut short."""
    with pytest.raises(ServerError):
        sweep_of(Place(0, 1)).run(begin(tmp_path, (answering(), answering(body=b"{}"))))

    assert "interrupted" == read_run(tmp_path / "map").state


def test_who_leaves_its_clients_without_an_answer_is_not_asked_at_a_harder_place(
    tmp_path: Path, answering: Callable[..., Contender]
) -> None:
    """One that answers nobody when two ask at once is left out from there on; the other goes on."""
    quick = answering()
    slow = answering(
        extra="import threading, time\n"
        "lock, asking = threading.Lock(), [0]\n"
        "get = Handler.do_GET\n"
        "def do_GET(self):\n"
        "    with lock: asking[0] += 1\n"
        "    time.sleep(0.01)\n"
        "    if asking[0] > 1: time.sleep(60)\n"
        "    with lock: asking[0] -= 1\n"
        "    get(self)\n"
        "Handler.do_GET = do_GET\n"
    )
    run = sweep_of(Place(0, 1), Place(0, 3), Place(5, 3), Place(0, 1)).run(begin(tmp_path, (quick, slow)))

    assert [2, 2, 1, 2] == [sum(trial.round == visit for trial in run.trials) for visit in (1, 2, 3, 4)]
    assert has_given_up(run, slow.id, Place(5, 100))
    assert not has_given_up(run, slow.id, Place(5, 1))
    assert not has_given_up(run, quick.id, Place(5, 100))


def test_ctrl_c_keeps_what_has_ended_and_leaves_no_process(tmp_path: Path, answering: Callable[..., Contender]) -> None:
    """An interrupt as the second trial begins: the first is kept."""
    listener = Recorder(lambda number: os.kill(os.getpid(), signal.SIGINT) if number == 2 else None)
    before = set(psutil.Process().children(recursive=True))

    with pytest.raises(KeyboardInterrupt):
        sweep_of(Place(0, 1), Place(5, 1), listener=listener).run(begin(tmp_path, (answering(), answering())))

    kept = read_run(tmp_path / "map")
    assert ("interrupted", 1) == (kept.state, len(kept.trials))
    assert before == set(psutil.Process().children(recursive=True))


def test_a_journal_that_cannot_be_finished_hides_nothing(
    tmp_path: Path, answering: Callable[..., Contender], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What came first is what is told; the trials stay in the journal."""
    record = begin(tmp_path, (answering(),))

    def full(*_: object) -> Run:
        raise RunFileError("the disk is full")

    monkeypatch.setattr(record, "finish", full)
    listener = Recorder(lambda number: os.kill(os.getpid(), signal.SIGINT) if number == 2 else None)

    with pytest.raises(KeyboardInterrupt):
        sweep_of(Place(0, 1), Place(5, 1), listener=listener).run(record)

    assert 1 == len(read_run(tmp_path / "map").trials)


def test_a_bad_moment_is_no_giving_up(tmp_path: Path, answering: Callable[..., Contender]) -> None:
    """Who did well where more is asked is asked again."""
    contender = answering()
    run = sweep_of(Place(0, 1), Place(5, 2)).run(begin(tmp_path, (contender,)))
    easier, harder = run.trials
    assert easier.result is not None
    failed = dataclasses.replace(easier, result=dataclasses.replace(easier.result, completed=0))

    assert has_given_up(dataclasses.replace(run, trials=(failed,)), contender.id, Place(5, 2))
    assert not has_given_up(dataclasses.replace(run, trials=(failed, harder)), contender.id, Place(5, 2))


def test_a_users_request_has_the_wait_in_its_path() -> None:
    """Filled in for each place, also in a contender's own path."""
    app = Contender(
        framework="shop:app", variant=None, server="uvicorn", arguments=(), description="", program="python"
    )
    other = dataclasses.replace(app, name="other", path="/slow/{wait_ms}")
    request = Workload(name="report", path="/report?ms={wait_ms}", answer="alike", method="POST")
    plan = plan_sweep((app, other), [0.0, 2.5], 60.0, 1, request)
    assert [("POST", "/report?ms=0"), ("POST", "/report?ms=2.5")] == [
        (each.method, each.path_for(app)) for each in plan.workloads
    ]
    assert ["/slow/0", "/slow/2.5"] == [each.path_for(other) for each in plan.workloads]
