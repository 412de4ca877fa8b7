from __future__ import annotations

import dataclasses
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from benchmarks.measure.observe import Observer
from benchmarks.model import Observation

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="what /proc tells, only Linux tells")


def observe(prepare: str, go_on: str, rate_per_s: float = 100.0) -> Observation:
    """Run a script, let all its threads come to rest, watch its endless second part for a while, then end it."""
    source = f"{prepare}\nprint(flush=True)\ninput()\n{go_on}\n"
    with subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, stdin=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdin is not None
            process.stdout.readline()
            wait_until_asleep(process.pid)
            process.stdin.write(b"\n")
            process.stdin.flush()
            observer = Observer(process.pid)
            observer.begin()
            time.sleep(0.4)
            observer.end()
        finally:
            # Children first: once the parent is gone, nothing tells whose they were.
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
            process.kill()
    observation = observer.observation(rate_per_s)
    assert observation is not None
    return observation


def wait_until_asleep(pid: int) -> None:
    """Wait until no thread of a process has anything to do, which only Linux tells of each.

    A thread that was started may not have come to its sleep when its starter goes on, and one that waits for Python's
    lock sleeps too: all sleep for good when none has run between two looks.
    """
    deadline_s, before = time.monotonic() + 30, None
    while sys.platform == "linux":
        tasks = sorted(Path(f"/proc/{pid}/task").iterdir())
        states = [(task / "stat").read_text("ascii").rpartition(") ")[2][0] for task in tasks]
        now = [(task / "schedstat").read_text("ascii") for task in tasks]
        if now == before and {"S"} == set(states):
            return
        assert time.monotonic() < deadline_s
        before = now
        time.sleep(0.02)


@pytest.fixture(scope="module")
def busy() -> Observation:
    """A process that computes in one thread while three others sleep for good, with one epoll open."""
    return observe(
        "import select, threading\n"
        "epoll = select.epoll() if hasattr(select, 'epoll') else None\n"
        "for _ in range(3): threading.Thread(target=threading.Event().wait, daemon=True).start()",
        "while True: sum(range(1000))",
    )


def test_cpu_time_is_shared_out_over_the_answers(busy: Observation) -> None:
    """CPU per request times requests per second is the share of a core that was used."""
    assert busy.cpu_us_per_request is not None
    assert busy.cpu_fraction is not None

    assert 0.0 < busy.cpu_fraction <= 1.2
    assert busy.cpu_fraction == pytest.approx(busy.cpu_us_per_request * 100.0 / 1e6)
    assert busy.cpu_user_us_per_request is not None
    assert busy.cpu_system_us_per_request is not None
    assert busy.cpu_user_us_per_request > busy.cpu_system_us_per_request


@linux_only
def test_running_threads_are_counted_apart_from_idle_ones(busy: Observation) -> None:
    """Idle helper threads do not make a server multi-threaded."""
    assert 4 == busy.threads
    assert 1 == busy.running_threads


@linux_only
def test_epoll_descriptors_are_counted(busy: Observation) -> None:
    """An event loop has an epoll instance."""
    assert 1 == busy.epoll_descriptors
    assert 1 == busy.processes


@linux_only
def test_a_thread_that_waits_often_shows_voluntary_switches() -> None:
    """Each sleep gives up the core once."""
    sleeping = observe("import time", "while True: time.sleep(0.005)", rate_per_s=100.0)

    assert sleeping.voluntary_switches_per_request is not None
    assert sleeping.involuntary_switches_per_request is not None
    assert sleeping.voluntary_switches_per_request > 0.2
    assert sleeping.cpu_fraction is not None
    assert sleeping.cpu_fraction < 0.5


@linux_only
def test_threads_that_come_and_go_are_counted() -> None:
    """A server that starts a thread per request shows it, though no thread lives long."""
    spawning = observe(
        "import threading, time",
        "while True:\n    thread = threading.Thread(target=int); thread.start(); thread.join(); time.sleep(0.002)",
    )

    assert spawning.threads_started_per_request is not None
    assert spawning.threads_started_per_request > 0.2


@pytest.mark.alone
@linux_only
def test_children_count_with_their_parent() -> None:
    """What is observed is the process tree."""
    tree = observe(
        "import subprocess, sys\nchild = subprocess.Popen([sys.executable, '-c', 'while True: sum(range(1000))'])",
        "child.wait()",
    )

    assert 2 == tree.processes
    assert tree.cpu_fraction is not None
    assert tree.cpu_fraction > 0.2


@pytest.mark.alone
@linux_only
def test_windows_add_up_and_what_lies_between_does_not_count() -> None:
    """Slices are observed one by one, without the work between them."""
    source = "import sys\nprint('ready', flush=True)\nwhile True: sum(range(1000))\n"
    with subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            observer = Observer(process.pid)
            used_s, windows_s = -_cpu_s(process.pid), 0.0
            for _ in range(2):
                observer.begin()
                windows_s -= time.monotonic()
                time.sleep(0.15)
                observer.end()
                windows_s += time.monotonic()
                process.send_signal(signal.SIGSTOP)
                time.sleep(0.3)
                process.send_signal(signal.SIGCONT)
            process.send_signal(signal.SIGSTOP)
            used_s += _cpu_s(process.pid)
        finally:
            process.kill()

    observation = observer.observation(100.0)
    assert observation is not None
    assert observation.cpu_fraction is not None
    # It cannot run between the windows: had they counted, the share would be half of this.
    assert used_s / windows_s == pytest.approx(observation.cpu_fraction, rel=0.4)


def _cpu_s(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def test_a_process_too_young_for_a_tick_has_no_share_of_user_and_system() -> None:
    """The kernel has counted no tick yet: the shares are None, and the rest is known."""
    observer = Observer(psutil.Process().pid)
    observer.begin()
    observer.end()
    observer._windows = [
        (dataclasses.replace(first, ticks_s=0.0, system_s=0.0), dataclasses.replace(last, ticks_s=0.0, system_s=0.0))
        for first, last in observer._windows
    ]

    observation = observer.observation(100.0)

    assert observation is not None
    assert (None, None) == (observation.cpu_user_us_per_request, observation.cpu_us_per_request)
    assert observation.cpu_fraction is not None


def test_a_window_that_never_ended_is_none() -> None:
    """A server that died before the second sample has no observation."""
    observer = Observer(psutil.Process().pid)
    observer.begin()

    assert observer.observation(100.0) is None


def test_no_answers_means_no_cost_a_request() -> None:
    """Missing is None, never 0 or infinity."""
    observer = Observer(psutil.Process().pid)
    observer.begin()
    observer.end()

    assert observer.observation(0.0) is None
