from __future__ import annotations

import io

import pytest
from rich.console import Console

from benchmarks.measure import schedule
from benchmarks.measure.schedule import ScheduledTrial
from benchmarks.model import Trial
from benchmarks.report.progress import RunProgress


def test_a_run_that_is_gone_on_with_counts_on() -> None:
    """What there is already is done."""
    plan = schedule.plan("quick", [], seed=1)
    screen = io.StringIO()
    console = Console(file=screen, width=200, force_terminal=True, color_system=None)

    console.print(RunProgress(console, plan, done=7).get_renderable())

    assert f"7/{len([*schedule.calibration(plan), *schedule.trials(plan)])}" in screen.getvalue()


@pytest.mark.parametrize(
    ("contenders", "told"),
    [(1, "checking the answer of 1 contender"), (2, "checking that 2 contenders give the same answer")],
)
def test_what_is_checked_before_anything_is_timed_is_shown(contenders: int, told: str) -> None:
    """One contender alone has no other answer to be like."""
    screen = io.StringIO()

    RunProgress(Console(file=screen, width=200), schedule.plan("quick", [], seed=1)).checking(contenders)

    assert f"{told}\n" == screen.getvalue()


def test_a_block_is_shown_whole_and_then_what_is_left_of_it() -> None:
    """Trials that go on side by side are counted; the last of them has its name."""
    plan = schedule.plan("quick", [], seed=1)
    block = next(block for block in schedule.blocks(plan) if len(block) == 5)
    screen = io.StringIO()
    console = Console(file=screen, width=200, force_terminal=True, color_system=None)
    progress = RunProgress(console, plan)

    def shown() -> str:
        console.print(progress.get_renderable())
        return screen.getvalue().splitlines()[-1]

    for number, scheduled in enumerate(block, start=1):
        progress.started(scheduled)
        told = scheduled.contender.id if number == 1 else f"{number} trials on uvicorn"
        assert f"round 1  {told}  health" in shown()
    for scheduled in block:
        progress.ended(scheduled, _failed(scheduled))

    assert "5/" in shown()
    progress.started(block[0])
    assert block[0].contender.id in shown()


@pytest.mark.parametrize("width", [100, 72])
def test_the_lines_of_trials_are_columns_within_the_terminal(width: int) -> None:
    """Whatever the names of workloads and contenders are; what has no room is shortened, but for the mark of A/A."""
    plan = schedule.plan("quick", [], seed=1, workloads=("health", "ready"))
    screen = io.StringIO()
    progress = RunProgress(Console(file=screen, width=width, force_terminal=True, color_system=None), plan)

    trials = [*schedule.calibration(plan), *schedule.trials(plan)]
    for scheduled in trials:
        progress.started(scheduled)
        progress.ended(scheduled, _failed(scheduled))
    lines = screen.getvalue().splitlines()

    assert len(trials) == len(lines)
    assert 1 == len({line.index("void") for line in lines})
    assert {"health", "ready-1", "ready-10", "ready-100"} == {line[line.index("  ", 8) :].split()[0] for line in lines}
    assert max(len(line.partition("  void: ")[0]) for line in lines) <= width
    assert sum(trial.placebo for trial in trials) == sum("(again: A/A) " in line for line in lines)


def test_where_there_is_no_terminal_every_name_is_whole() -> None:
    """A log may be as wide as it likes."""
    plan = schedule.plan("quick", [], seed=1, workloads=("health", "ready"))
    log = io.StringIO()
    progress = RunProgress(Console(file=log, width=40), plan)

    for scheduled in schedule.trials(plan):
        progress.started(scheduled)
        progress.ended(scheduled, _failed(scheduled))

    assert "\u2026" not in log.getvalue()
    assert 1 == len({line.index("void") for line in log.getvalue().splitlines()})


def _failed(scheduled: ScheduledTrial) -> Trial:
    return Trial(
        round=scheduled.round,
        position=scheduled.position,
        contender=scheduled.contender.id,
        workload=scheduled.workload.name,
        placebo=scheduled.placebo,
        started_at="t",
        load=scheduled.load,
        result=None,
        observation=None,
        failure="it died",
    )
