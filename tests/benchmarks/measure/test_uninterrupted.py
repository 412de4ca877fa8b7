from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import psutil
import pytest

from benchmarks import process as process_module
from benchmarks.measure.server import running
from benchmarks.model import Contender
from benchmarks.process import Child, uninterrupted


class TerminatedError(Exception):
    """SIGTERM came."""


@pytest.fixture
def sigterm_raises() -> Iterator[None]:
    """Let SIGTERM raise, as the lab's command line does."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        raise TerminatedError

    before = signal.signal(signal.SIGTERM, handle)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize(("number", "raised"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, TerminatedError)])
@pytest.mark.usefixtures("sigterm_raises")
def test_an_interruption_comes_at_the_end(number: signal.Signals, raised: type[BaseException]) -> None:
    """The block is done first, and whoever handled the signal before does so again."""
    handler = signal.getsignal(number)
    done = []

    def interrupted() -> None:
        with uninterrupted():
            signal.raise_signal(number)
            done.append("the block")

    with pytest.raises(raised):
        interrupted()

    assert ["the block"] == done
    assert handler is signal.getsignal(number)


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    """As under nohup."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
        assert signal.SIG_IGN == signal.getsignal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


def test_another_thread_is_not_interrupted_anyway() -> None:
    """It must not set handlers, and need not."""
    ran = []

    def block() -> None:
        with uninterrupted():
            ran.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=block)
    thread.start()
    thread.join()

    assert [signal.getsignal(signal.SIGINT)] == ran


def test_an_interruption_while_a_server_is_started_leaves_no_server(
    answering: Callable[..., Contender], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes when the process is there and nobody knows of it yet."""
    before = set(psutil.Process().children())
    started: list[Child] = []

    def start_and_interrupt(*arguments: Any, **options: Any) -> Child:
        started.append(Child(*arguments, **options))
        signal.raise_signal(signal.SIGINT)
        return started[0]

    monkeypatch.setattr(process_module, "Child", start_and_interrupt)
    with pytest.raises(KeyboardInterrupt), running(answering(), "/"):
        pytest.fail("it must not get here")

    assert 1 == len(started)
    assert before == set(psutil.Process().children())
