from __future__ import annotations

from collections.abc import Callable

import psutil
import pytest

from benchmarks.measure import block as block_module
from benchmarks.measure.block import run_block
from benchmarks.measure.environment import Cores
from benchmarks.measure.load.builtin import BuiltinEngine
from benchmarks.measure.schedule import ScheduledTrial
from benchmarks.measure.workloads import HEALTH
from benchmarks.model import Contender, LoadProfile, Trial, Workload

LOAD = LoadProfile(vus=2, duration_s=0.3, warmup_s=0.05, timeout_s=5.0, slices=3)


def run(*contenders: Contender) -> list[Trial]:
    """Run the contenders as one block."""
    block = [
        ScheduledTrial(1, position, contender, HEALTH, LOAD) for position, contender in enumerate(contenders, start=1)
    ]
    return run_block(block, BuiltinEngine(), Cores((), ()))


def test_slices_take_turns_and_each_trial_is_whole(
    answering: Callable[..., Contender], monkeypatch: pytest.MonkeyPatch
) -> None:
    """There and back again: A B, B A, A B; every trial has all its slices and its own observation."""
    turns: list[str] = []
    real_go = block_module._Lane.go

    def go(lane: block_module._Lane) -> None:
        turns.append(lane._scheduled.contender.id)
        real_go(lane)

    monkeypatch.setattr(block_module._Lane, "go", go)
    first, second = answering(), answering()

    trials = run(first, second)

    assert [first.id, second.id, second.id, first.id, first.id, second.id] == turns
    for trial in trials:
        assert trial.failure is None
        assert trial.result is not None
        assert 0.29 < trial.result.duration_s
        assert {} == trial.result.errors
        assert trial.observation is not None
        assert 1 == trial.observation.processes


def test_the_death_of_one_server_leaves_its_block_mate_whole(answering: Callable[..., Contender]) -> None:
    """A trial is void alone."""
    dying = answering(
        extra="import os\n"
        "asked = [0]\n"
        "get = Handler.do_GET\n"
        "def do_GET(self):\n"
        "    asked[0] += 1\n"
        "    if asked[0] > 6: os._exit(3)\n"
        "    get(self)\n"
        "Handler.do_GET = do_GET\n"
    )

    dead, alive = run(dying, answering())

    assert dead.failure is not None
    assert "exited with status 3" in dead.failure
    assert alive.failure is None
    assert alive.result is not None
    assert alive.result.completed > 0


def test_a_server_that_does_not_start_leaves_its_block_mate_whole(
    answering: Callable[..., Contender], scripted: Callable[[str], Contender]
) -> None:
    """And its own record shows the end of its log."""
    absent, alive = run(scripted("raise SystemExit('broken on purpose')"), answering())

    assert "broken on purpose" in str(absent.failure)
    assert (None, None) == (absent.result, absent.observation)
    assert alive.failure is None


def test_a_block_leaves_no_process(answering: Callable[..., Contender]) -> None:
    """Servers and loaders of all lanes are reaped."""
    before = set(psutil.Process().children(recursive=True))

    run(answering(), answering())

    assert before == set(psutil.Process().children(recursive=True))


def test_more_answers_than_users_who_wait_can_have_had_are_no_result(answering: Callable[..., Contender]) -> None:
    """A view that waits is known for how long, so an engine that counts too many is not believed, whichever it is."""
    waiting = Workload(name="wait", path="/health", wait_ms=250.0)
    block = [ScheduledTrial(1, 1, answering(), waiting, LOAD)]

    (trial,) = run_block(block, BuiltinEngine(), Cores((), ()))

    assert trial.result is not None
    most = 2 * (trial.result.duration_s / 0.25 + LOAD.slices)
    told = f"{trial.result.completed:,} answers, and 2 users who wait 0.25 s for each can have had {most:.0f}"
    assert f"cannot be true: {told}" in str(trial.failure)
