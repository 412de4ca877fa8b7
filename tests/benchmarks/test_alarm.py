from __future__ import annotations

import asyncio
import ctypes
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.alarm import Alarm, PollingAlarm, TimerFileAlarm, make_alarm
from benchmarks.measure.load.builtin_process import loop_factory

MS = 1_000_000

KINDS = [PollingAlarm, *([TimerFileAlarm] if sys.platform == "linux" else [])]
Make = Callable[[asyncio.AbstractEventLoop, Callable[[], None]], Alarm]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Make:
    """Each kind of alarm that this platform has."""
    made: Make = request.param
    return made


@pytest.fixture(params=[loop_factory(), asyncio.new_event_loop], ids=["the engine's loop", "asyncio's loop"])
def rings(request: pytest.FixtureRequest, kind: Make) -> Callable[..., list[int]]:
    """Set an alarm some milliseconds ahead, the next from its callback, and return when each rang and how early."""

    def run(*ahead_ms: float) -> list[int]:
        rang: list[int] = []
        moments: list[int] = []

        async def wait() -> None:
            loop = asyncio.get_running_loop()
            done = loop.create_future()

            def ring() -> None:
                rang.append(time.monotonic_ns())
                if len(rang) < len(moments):
                    alarm.set(moments[len(rang)])
                else:
                    done.set_result(None)

            alarm = kind(loop, ring)
            began_ns = time.monotonic_ns()
            moments.extend(began_ns + int(ms * MS) for ms in ahead_ms)
            alarm.set(moments[0])
            async with asyncio.timeout(20):
                await done
            # It rings once for each setting, and a closed one never.
            alarm.set(time.monotonic_ns() + 5 * MS)
            alarm.close()
            alarm.close()
            await asyncio.sleep(0.02)

        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(wait())
        return [at - moment for at, moment in zip(rang, moments, strict=True)]

    return run


def test_it_never_rings_early_and_once_for_each_setting(rings: Callable[..., list[int]]) -> None:
    """Near, at once after another, far, and in the past."""
    late_ns = rings(0.3, 0.4, 5.0, 0.0, 8.0)

    assert 5 == len(late_ns)
    assert all(0 <= late for late in late_ns)


def test_a_new_setting_replaces_the_old_one(kind: Make) -> None:
    """The moment set before does not ring."""
    rang: list[int] = []

    async def wait() -> int:
        alarm = kind(asyncio.get_running_loop(), lambda: rang.append(time.monotonic_ns()))
        alarm.set(time.monotonic_ns() + 10 * MS)
        moment = time.monotonic_ns() + 30 * MS
        alarm.set(moment)
        while not rang:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.02)
        alarm.close()
        return moment

    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        moment = runner.run(wait())

    assert 1 == len(rang)
    assert moment <= rang[0]


def test_where_the_kernel_has_no_such_timer_it_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    """And says so, because its CPU time then does not show the work."""

    class NoLibrary:
        def __init__(self, *_: Any, **__: Any) -> None:
            pass

    loop = asyncio.new_event_loop()
    try:
        usual = make_alarm(loop, lambda: None)
        usual.close()
        monkeypatch.setattr(ctypes, "CDLL", NoLibrary)
        other = make_alarm(loop, lambda: None)
    finally:
        loop.close()

    assert (sys.platform != "linux") == usual.polls
    assert other.polls
