from __future__ import annotations

import dataclasses
import json
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from benchmarks.errors import LabError
from benchmarks.measure.dependencies import Dependencies
from benchmarks.measure.environment import Cores
from benchmarks.measure.journal import Journal, read_run
from benchmarks.measure.load.builtin import PROCESS, BuiltinEngine
from benchmarks.measure.load.engine import Limits, LoadEngineError, LoadOrder
from benchmarks.measure.load.session import LoadSession
from benchmarks.measure.runner import Runner
from benchmarks.measure.schedule import ScheduledTrial
from benchmarks.measure.server import ServerError
from benchmarks.model import Contender, Plan, Run, Trial, Workload
from tests.benchmarks.measure.children import children_with

NO_PINNING = Cores((), ())


class Recorder:
    """A listener that keeps what it is told."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def checking(self, contenders: int) -> None:
        """Keep it."""
        self.events.append(f"checking {contenders}")

    def started(self, trial: ScheduledTrial) -> None:
        """Keep it."""
        self.events.append(f"started {trial.round}.{trial.position}")

    def ended(self, scheduled: ScheduledTrial, trial: Trial) -> None:
        """Keep it."""
        self.events.append(f"ended {trial.round}.{trial.position}")


class BrokenEngine:
    """A load engine that cannot start."""

    name = "broken"
    limits = Limits()
    uses_every_core = False
    startup_s = 0.0
    method = "It does not ask."
    host = "127.0.0.1"

    def start(self, order: LoadOrder) -> LoadSession:
        """Fail."""
        raise LoadEngineError("the loader is out of order")

    def facts(self) -> dict[str, str | int]:
        """Say nothing."""
        return {}


class MeddlingEngine(BuiltinEngine):
    """The real engine, with something done to the world once the interval has begun."""

    def __init__(self, meddle: Callable[[LoadOrder], None]) -> None:
        self._meddle = meddle

    def start(self, order: LoadOrder) -> LoadSession:
        """Start the real session and arm the meddler."""
        session = super().start(order)
        real_wait = session.wait_until_measuring

        def wait_until_measuring(timeout_s: float) -> float:
            began_s = real_wait(timeout_s)
            self._meddle(order)
            return began_s

        session.wait_until_measuring = wait_until_measuring  # type: ignore[method-assign]  # the seam of this test
        return session


def journal_of(folder: Path, plan: Plan) -> Journal:
    """Begin a record of the plan."""
    return Journal.create(
        folder, Run(name="run", state="running", started_at="t", finished_at=None, plan=plan, environment={})
    )


def server_listening_on(port: int) -> psutil.Process:
    """Find the contender's process by the port in its command line."""
    (process,) = children_with(str(port))
    return process


def test_a_run_keeps_every_trial_in_the_order_it_ran(
    tmp_path: Path, answering: Callable[..., Contender], small_plan: Callable[..., Plan]
) -> None:
    """Two contenders and a placebo over two rounds: six trials with results and observations."""
    first, second = answering(), answering()
    plan = small_plan(first, second, rounds=2, placebo=first.id)
    listener = Recorder()

    run = Runner(engine=BuiltinEngine(), cores=NO_PINNING, listener=listener).run(journal_of(tmp_path, plan))

    assert "complete" == run.state
    assert ["checking 2", "started 1.1", "ended 1.1", "started 1.2"] == listener.events[:4]
    assert [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3)] == [(trial.round, trial.position) for trial in run.trials]
    assert 2 == sum(trial.placebo for trial in run.trials)
    for trial in run.trials:
        assert trial.failure is None
        assert trial.result is not None
        assert trial.result.completed > 0
        assert {} == trial.result.errors
        assert trial.observation is not None
    assert run == read_run(tmp_path / "run")


def test_a_server_killed_during_a_trial_makes_that_trial_void_and_the_run_goes_on(
    tmp_path: Path, answering: Callable[..., Contender], small_plan: Callable[..., Plan]
) -> None:
    """The kill -9 of one trial costs one trial."""
    kills = [1]

    def kill_first(order: LoadOrder) -> None:
        if kills:
            kills.pop()
            server_listening_on(order.port).kill()

    run = Runner(engine=MeddlingEngine(kill_first), cores=NO_PINNING, listener=Recorder()).run(
        journal_of(tmp_path, small_plan(answering(), rounds=2))
    )

    assert "complete" == run.state
    assert ["the server was killed by SIGKILL", None] == [trial.failure for trial in run.trials]


def test_a_server_that_dies_in_the_warm_up_makes_the_trial_void(
    tmp_path: Path, answering: Callable[..., Contender], small_plan: Callable[..., Plan]
) -> None:
    """Even before the interval begins, nothing hangs."""
    dying = answering(
        extra="import os\n"
        "asked = [0]\n"
        "get = Handler.do_GET\n"
        "def do_GET(self):\n"
        "    asked[0] += 1\n"
        "    if asked[0] > 8: os._exit(3)\n"
        "    get(self)\n"
        "Handler.do_GET = do_GET\n"
    )

    run = Runner(engine=BuiltinEngine(), cores=NO_PINNING, listener=Recorder()).run(
        journal_of(tmp_path, small_plan(dying))
    )

    (trial,) = run.trials
    assert trial.failure is not None
    assert "exited with status 3" in trial.failure


def test_a_loader_killed_during_a_trial_makes_that_trial_void(
    tmp_path: Path, answering: Callable[..., Contender], small_plan: Callable[..., Plan]
) -> None:
    """The loader is not more precious than the server."""
    kills = [1]

    def kill_loader(order: LoadOrder) -> None:
        if kills:
            kills.pop()
            (loader,) = children_with(PROCESS)
            loader.kill()

    run = Runner(engine=MeddlingEngine(kill_loader), cores=NO_PINNING, listener=Recorder()).run(
        journal_of(tmp_path, small_plan(answering(), rounds=2))
    )

    first, second = run.trials
    assert first.failure is not None
    assert "SIGKILL" in first.failure
    assert second.failure is None


def test_a_contender_whose_answer_changes_later_makes_its_trials_void(
    tmp_path: Path, answering: Callable[..., Contender], small_plan: Callable[..., Plan]
) -> None:
    """Parity holds before every trial, not only once."""
    marker = tmp_path / "asked-before"
    fickle = answering(
        extra=f"import os\nif os.path.exists({str(marker)!r}): BODY = b'{{}}'\nopen({str(marker)!r}, 'w').close()\n"
    )

    run = Runner(engine=BuiltinEngine(), cores=NO_PINNING, listener=Recorder()).run(
        journal_of(tmp_path, small_plan(fickle))
    )

    assert "instead of" in str(run.trials[0].failure)


def test_contenders_that_differ_stop_the_run_with_nothing_timed(
    tmp_path: Path, answering: Callable[..., Contender], small_plan: Callable[..., Plan]
) -> None:
    """The journal is finished as interrupted and holds no trial."""
    plan = small_plan(answering(), answering(body=b"{}"))

    with pytest.raises(ServerError):
        Runner(engine=BuiltinEngine(), cores=NO_PINNING, listener=Recorder()).run(journal_of(tmp_path, plan))

    assert ("interrupted", ()) == (read_run(tmp_path / "run").state, read_run(tmp_path / "run").trials)


def test_ctrl_c_keeps_what_has_ended_and_leaves_no_process(
    tmp_path: Path, answering: Callable[..., Contender], small_plan: Callable[..., Plan]
) -> None:
    """An interrupt in the middle of the second trial: the first is kept, server and loader are gone."""
    asked = []

    def interrupt_second(order: LoadOrder) -> None:
        asked.append(order)
        if len(asked) == 2:
            os.kill(os.getpid(), signal.SIGINT)

    assert threading.current_thread() is threading.main_thread()
    before = set(psutil.Process().children(recursive=True))
    with pytest.raises(KeyboardInterrupt):
        Runner(engine=MeddlingEngine(interrupt_second), cores=NO_PINNING, listener=Recorder()).run(
            journal_of(tmp_path, small_plan(answering(), rounds=3))
        )

    kept = read_run(tmp_path / "run")
    assert ("interrupted", 1) == (kept.state, len(kept.trials))
    assert before == set(psutil.Process().children(recursive=True))


def test_a_loader_that_never_works_makes_every_trial_void_not_a_crash(
    tmp_path: Path, answering: Callable[..., Contender], small_plan: Callable[..., Plan]
) -> None:
    """Each trial says why."""
    run = Runner(engine=BrokenEngine(), cores=NO_PINNING, listener=Recorder()).run(
        journal_of(tmp_path, small_plan(answering(), rounds=2))
    )

    assert ["the loader is out of order"] * 2 == [trial.failure for trial in run.trials]
    assert json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))["state"] == "complete"


def test_a_dependency_that_ends_ends_the_run_and_what_it_was_asked_for_is_not_kept(
    tmp_path: Path, answering: Callable[..., Contender], small_plan: Callable[..., Plan]
) -> None:
    """Trials without it say nothing of their contenders; those of before stand, and the run can be gone on with."""
    deaths = iter([None, "the upstream exited"])
    dependencies = Dependencies(settings={}, facts={}, death=lambda: next(deaths))

    with pytest.raises(LabError, match="the upstream exited"):
        Runner(engine=BuiltinEngine(), cores=NO_PINNING, listener=Recorder(), dependencies=dependencies).run(
            journal_of(tmp_path, small_plan(answering(), rounds=3))
        )

    kept = read_run(tmp_path / "run")
    assert ("interrupted", 1) == (kept.state, len(kept.trials))


def test_a_contender_that_is_not_ready_is_not_blamed_for_a_dependency(
    tmp_path: Path, answering: Callable[..., Contender], small_plan: Callable[..., Plan]
) -> None:
    """What has ended is the error, not who was asked first."""
    dependencies = Dependencies(settings={}, facts={}, death=lambda: "PostgreSQL ended with status 2")

    with pytest.raises(LabError, match="PostgreSQL ended with status 2"):
        Runner(engine=BuiltinEngine(), cores=NO_PINNING, listener=Recorder(), dependencies=dependencies).run(
            journal_of(tmp_path, small_plan(answering(status=503)))
        )


def test_servers_are_told_of_dependencies_where_they_are_asked_for_readiness(
    tmp_path: Path, answering: Callable[..., Contender], small_plan: Callable[..., Plan]
) -> None:
    """In the check of all answers and in each trial."""
    ready = answering(
        body=b'{"status": "pass"}',
        content_type="application/health+json",
        extra="import os\nassert os.environ['LAB_UPSTREAM_URLS'] == 'http://there'",
    )
    plan = small_plan(ready)
    workload = dataclasses.replace(plan.workloads[0], answer="ready")
    dependencies = Dependencies(settings={"LAB_UPSTREAM_URLS": "http://there"}, facts={}, death=lambda: None)

    run = Runner(engine=BuiltinEngine(), cores=NO_PINNING, listener=Recorder(), dependencies=dependencies).run(
        journal_of(tmp_path, dataclasses.replace(plan, workloads=(workload,)))
    )

    assert [None] == [trial.failure for trial in run.trials]


def test_how_contenders_behave_is_looked_at_before_anything_is_timed(
    tmp_path: Path, answering: Callable[..., Contender], small_plan: Callable[..., Plan]
) -> None:
    """Where that is wanted; what each fails is kept, and that it fails nothing is too."""
    listener = Recorder()
    looked: list[str] = []

    def look(_server: object, contender: Contender, workload: Workload) -> dict[str, str]:
        looked.append(f"{contender.id} {workload.name} after {listener.events}")
        return {"head": "It hangs."}

    plan = small_plan(answering())
    run = Runner(engine=BuiltinEngine(), cores=NO_PINNING, listener=listener, look=look).run(journal_of(tmp_path, plan))
    (contender,) = plan.contenders

    assert {contender.id: {"head": "It hangs."}} == run.failing
    assert [f"{contender.id} health after ['checking 1']"] == looked
