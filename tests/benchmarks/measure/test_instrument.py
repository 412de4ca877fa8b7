from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from benchmarks.errors import LabError
from benchmarks.measure import environment
from benchmarks.measure.alone import alone
from benchmarks.measure.environment import Cores, Fact
from benchmarks.measure.journal import Journal, read_run
from benchmarks.measure.load.builtin import BuiltinEngine
from benchmarks.measure.runner import Instrument, RunListener
from benchmarks.measure.schedule import ScheduledTrial
from benchmarks.model import Contender, Plan, Run, Trial

NO_PINNING = Cores((), ())


class Silence:
    """A listener that keeps nothing."""

    def checking(self, contenders: int) -> None:
        """Ignore it."""

    def started(self, trial: ScheduledTrial) -> None:
        """Ignore it."""

    def ended(self, scheduled: ScheduledTrial, trial: Trial) -> None:
        """Ignore it."""


class GreedyEngine(BuiltinEngine):
    """One that takes every core that the server leaves."""

    uses_every_core = True


class DistributedEngine(BuiltinEngine):
    """One whose workers are on machines of their own."""

    def facts(self) -> dict[str, str | int]:
        """Say how many."""
        return {"load_workers": 3}


def follow(_run: Run) -> contextlib.AbstractContextManager[RunListener]:
    """Follow in silence."""
    return contextlib.nullcontext(Silence())


@pytest.fixture
def four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Share out a machine of four cores."""
    monkeypatch.setattr(environment, "share_cores", lambda: Cores((3,), (2,)))
    monkeypatch.setattr(environment, "give_every_core", lambda cores: Cores(cores.server, (0, 1, 2)))


@pytest.mark.parametrize(
    ("engine", "loader"),
    [(BuiltinEngine(), (2,)), (GreedyEngine(), (0, 1, 2)), (DistributedEngine(), ())],
    ids=["one core", "every core", "workers"],
)
def test_a_machine_is_shared_out_as_the_engine_needs(
    four_cores: None, engine: BuiltinEngine, loader: tuple[int, ...]
) -> None:
    """The server keeps its core; workers on machines of their own need none of this one's."""
    instrument = Instrument.of(engine)

    assert Cores((3,), loader) == instrument.cores
    assert engine.facts() == instrument.facts


def test_a_run_is_put_together_and_measured(
    tmp_path: Path, answering: Callable[..., Contender], small_plan: Callable[..., Plan]
) -> None:
    """Its record has its plan and its facts, and others are told where it is."""
    instrument = Instrument(engine=BuiltinEngine(), cores=NO_PINNING, facts={"load_engine_version": "1"})
    plan = small_plan(answering())

    with alone(wait=False, say=pytest.fail) as instrument.lock:
        run = instrument.measure(lambda facts: instrument.begin(tmp_path, plan, facts), follow)

    assert instrument.record is not None
    assert run == read_run(instrument.record.folder)
    assert ("complete", 1, "1") == (run.state, len(run.trials), run.environment["load_engine_version"])
    assert run.name.endswith("-test")


def test_a_complete_run_is_only_read(
    tmp_path: Path, answering: Callable[..., Contender], small_plan: Callable[..., Plan]
) -> None:
    """Nothing is started for it, and nobody follows."""
    instrument = Instrument(engine=BuiltinEngine(), cores=NO_PINNING)
    record = instrument.begin(tmp_path, small_plan(answering()), {})
    finished = record.finish("complete", "t")

    def reopened(_facts: Mapping[str, Fact]) -> Journal:
        return record

    assert finished == instrument.measure(reopened, lambda _run: pytest.fail("it follows"))


def test_what_fails_leaves_its_record_to_be_told(
    tmp_path: Path, answering: Callable[..., Contender], small_plan: Callable[..., Plan]
) -> None:
    """Whoever asked knows where it is."""
    instrument = Instrument(engine=BuiltinEngine(), cores=NO_PINNING)
    plan = small_plan(answering(body=b"{}"))

    with pytest.raises(LabError, match="instead of"):
        instrument.measure(lambda facts: instrument.begin(tmp_path, plan, facts), follow)

    assert instrument.record is not None
    assert "interrupted" == read_run(instrument.record.folder).state
