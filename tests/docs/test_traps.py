"""The traps of the handbook spring as it says, and their cures cure."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

TRAPS = Path(__file__).parents[2] / "docs" / "examples" / "traps"


class Told(NamedTuple):
    """What a line says of one view: how many were in it at once, and the slowest ping meanwhile, in pings alone."""

    at_once: int
    ping: float


def output_of(trap: str) -> str:
    """Run a trap as a reader does."""
    return subprocess.run(
        [sys.executable, str(TRAPS / trap)], capture_output=True, text=True, check=True, timeout=100
    ).stdout


def views_by_framework(output: str) -> list[list[Told]]:
    """Read what a trap says of its views, once for Flask and once for FastAPI."""
    lines = re.findall(r"at once: +(\d+) +the slowest ping took +([\d.]+) ×", output)
    told = [Told(int(at_once), float(ping)) for at_once, ping in lines]
    assert 6 == len(told)
    return [told[:3], told[3:]]


def test_a_pool_across_loops() -> None:
    """One pool for all loops fails some who ask at once; one for each fails nobody."""
    output = output_of("pool_across_loops.py")

    shared, own = (ast.literal_eval(line.partition(":")[2].strip()) for line in output.splitlines())
    assert shared[500] > 0
    assert {200: 24} == own


def test_a_blocking_call_in_async_def() -> None:
    """In both frameworks one waits at a time and whoever else asks is held up; awaited or in a thread nobody is.

    Counted by the server, and by a ping that stands behind half a second of waits.
    """
    for blocking, in_a_thread, awaited in views_by_framework(output_of("blocking_in_async.py")):
        assert 1 == blocking.at_once
        assert min(in_a_thread.at_once, awaited.at_once) > 1
        assert blocking.ping > max(in_a_thread.ping, awaited.ping)


def test_threads_that_all_wait() -> None:
    """As many wait as there are threads, and a view that needs one is held up; awaited, all wait and it is not."""
    for of_all, of_its_own, awaited in views_by_framework(output_of("threads_all_waiting.py")):
        assert 40 >= of_all.at_once
        assert 20 >= of_its_own.at_once
        assert awaited.at_once > of_all.at_once
        assert of_all.ping > max(of_its_own.ping, awaited.ping)


def test_gather_without_a_time_out() -> None:
    """One that never answers is everybody's wait; a time-out for each loses only its part."""
    lines = re.findall(
        r"answered: +(\d+) of 10 +parts in an answer: (\d) of 3 +left working: +(\d+)",
        output_of("gather_without_timeout.py"),
    )

    without, around, each = ("0", "0"), ("10", "0"), ("10", "2")
    assert [without, around, each] * 2 == [(answered, parts) for answered, parts, _ in lines]
    # The bridge ends a view whose client has gone; FastAPI leaves it waiting for ever.
    assert ["0", "0", "0", "10", "0", "0"] == [left for _, _, left in lines]


@pytest.mark.alone
def test_a_loop_starved_by_cpu_work() -> None:
    """A view that computes on the loop is alone there; in a process of its own it holds nobody up."""
    for on_the_loop, _, in_a_process in views_by_framework(output_of("loop_starved_by_cpu.py")):
        assert 1 == on_the_loop.at_once
        assert in_a_process.at_once > 1
        assert on_the_loop.ping > in_a_process.ping
