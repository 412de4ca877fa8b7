from __future__ import annotations

import io

from rich.console import Console

from benchmarks.measure import schedule
from benchmarks.model import Trial
from benchmarks.report.progress import RunProgress


def test_a_run_that_is_gone_on_with_counts_on() -> None:
    """What there is already is done."""
    plan = schedule.plan("quick", [], seed=1)
    screen = io.StringIO()
    console = Console(file=screen, width=200, force_terminal=True, color_system=None)

    console.print(RunProgress(console, plan, done=7)._progress.get_renderable())

    assert f"7/{len([*schedule.calibration(plan), *schedule.trials(plan)])}" in screen.getvalue()


def test_a_block_is_shown_whole_and_then_what_is_left_of_it() -> None:
    """Trials that go on side by side are counted; the last of them has its name."""
    plan = schedule.plan("quick", [], seed=1)
    block = next(block for block in schedule.blocks(plan) if len(block) == 5)
    screen = io.StringIO()
    console = Console(file=screen, width=200, force_terminal=True, color_system=None)
    progress = RunProgress(console, plan)

    def shown() -> str:
        console.print(progress._progress.get_renderable())
        return screen.getvalue().splitlines()[-1]

    for number, scheduled in enumerate(block, start=1):
        progress.started(scheduled)
        told = scheduled.contender.id if number == 1 else f"{number} trials on uvicorn"
        assert f"round 1  {told}  health" in shown()
    for scheduled in block:
        progress.ended(
            scheduled,
            Trial(
                round=1,
                position=scheduled.position,
                contender=scheduled.contender.id,
                workload="health",
                placebo=scheduled.placebo,
                started_at="t",
                load=scheduled.load,
                result=None,
                observation=None,
                failure="it died",
            ),
        )

    assert "5/" in shown()
    progress.started(block[0])
    assert block[0].contender.id in shown()
