"""Observes a server's process tree from outside, by what the operating system counts anyway.

A window is two samples under steady load; its rates divide by the rate of valid answers, so the window need not
coincide with the load's interval. Linux's /proc gives everything; elsewhere psutil gives what it can and the rest is
``None``.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.model import Observation
from benchmarks.process import tree

_PROC = Path("/proc")
_LINUX = sys.platform == "linux" and _PROC.is_dir()


@dataclass(frozen=True, slots=True)
class _Sample:
    """What was counted at one moment; what only Linux counts is 0 or empty elsewhere.

    Attributes:
        cpu_s: CPU time of the tree, as finely as the platform counts it, seconds.
        ticks_s: The same in ticks of 10 ms, in which only the kernel's part of it, ``system_s``, is known.
        threads: By id, nanoseconds on a core, and voluntary and involuntary switches.
        started: Threads and processes begun on the whole machine since it was started.
    """

    at_s: float
    cpu_s: float
    ticks_s: float
    system_s: float
    processes: int
    thread_count: int
    threads: Mapping[int, tuple[int, int, int]]
    started: int
    epoll_descriptors: int
    resident_bytes: int


class Observer:
    """Watches one process tree during one trial, in one window or, where the interval is cut into slices, several.

    Args:
        pid: Root of the tree.
    """

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self._samples: list[_Sample] = []
        self._windows: list[tuple[_Sample, _Sample]] = []
        self._began: _Sample | None = None

    def begin(self) -> None:
        """Take the sample at which a window begins.

        Raises:
            psutil.NoSuchProcess: The root has ended.
        """
        self._began = self.look()

    def look(self) -> _Sample:
        """Take a sample in between, for the maximum of what comes and goes.

        Raises:
            psutil.NoSuchProcess: The root has ended.
        """
        sample = _sample(self._root)
        self._samples.append(sample)
        return sample

    def end(self) -> None:
        """Take the sample at which the window ends.

        Raises:
            psutil.NoSuchProcess: The root has ended.
        """
        if self._began is not None:
            self._windows.append((self._began, self.look()))
            self._began = None

    def observation(self, rate_per_s: float) -> Observation | None:
        """Return what the windows show, or ``None`` when there is none or there were no answers.

        Args:
            rate_per_s: Valid answers per second, in the same steady state.
        """
        if not self._windows or rate_per_s <= 0:
            return None
        window_s = sum(last.at_s - first.at_s for first, last in self._windows)
        requests = rate_per_s * window_s
        cpu_s = sum(last.cpu_s - first.cpu_s for first, last in self._windows)
        cpu_us = cpu_s / requests * 1e6
        system = _system_fraction(self._windows[0][0], self._windows[-1][1])
        started = sum(last.started - first.started for first, last in self._windows)
        voluntary, involuntary, ran = 0, 0, set[int]()
        for first, last in self._windows:
            for thread, (run_ns, gave_up, pushed_off) in last.threads.items():
                run_before_ns, gave_up_before, pushed_off_before = first.threads.get(thread, (run_ns, 0, 0))
                voluntary += gave_up - gave_up_before
                involuntary += pushed_off - pushed_off_before
                if run_ns > run_before_ns:
                    ran.add(thread)
        return Observation(
            cpu_user_us_per_request=None if system is None else cpu_us * (1 - system),
            cpu_system_us_per_request=None if system is None else cpu_us * system,
            voluntary_switches_per_request=voluntary / requests if _LINUX else None,
            involuntary_switches_per_request=involuntary / requests if _LINUX else None,
            threads_started_per_request=started / requests if _LINUX else None,
            cpu_fraction=cpu_s / window_s,
            processes=max(sample.processes for sample in self._samples),
            threads=max(sample.thread_count for sample in self._samples),
            running_threads=len(ran) if _LINUX else None,
            epoll_descriptors=max(sample.epoll_descriptors for sample in self._samples) if _LINUX else None,
            resident_bytes=max(sample.resident_bytes for sample in self._samples),
        )


def _system_fraction(first: _Sample, last: _Sample) -> float | None:
    """Return the kernel's share of the CPU time; ``None`` for a tree too young to have a single tick."""
    # Ticks are too coarse for one window, and good enough from the first sample to the last, or, where no tick fell
    # between them, over the tree's whole life.
    ticks_s = last.ticks_s - first.ticks_s
    if ticks_s > 0:
        return (last.system_s - first.system_s) / ticks_s
    return last.system_s / last.ticks_s if last.ticks_s > 0 else None


def _sample(root: psutil.Process) -> _Sample:
    processes = tree(root)
    at_s = time.monotonic()
    cpu_s = user_s = system_s = 0.0
    thread_count = resident_bytes = epoll_descriptors = 0
    threads: dict[int, tuple[int, int, int]] = {}
    for process in processes:
        try:
            with process.oneshot():
                times = process.cpu_times()
                thread_count += process.num_threads()
                resident_bytes += process.memory_info().rss
        except psutil.NoSuchProcess:
            if process is root:
                raise
            continue
        user_s += times.user
        system_s += times.system
        cpu_s += _cpu_time_s(process.pid, times.user + times.system)
        if _LINUX:
            threads |= _threads_of(process.pid)
            epoll_descriptors += _count_epoll_descriptors(process.pid)
    return _Sample(
        at_s=at_s,
        cpu_s=cpu_s,
        ticks_s=user_s + system_s,
        system_s=system_s,
        processes=len(processes),
        thread_count=thread_count,
        threads=threads,
        # Linux has counted forks and clones since 2.4.
        started=int((_PROC / "stat").read_text().partition("\nprocesses ")[2].split()[0]) if _LINUX else 0,
        epoll_descriptors=epoll_descriptors,
        resident_bytes=resident_bytes,
    )


def _cpu_time_s(pid: int, ticks_s: float) -> float:
    """Return a process's CPU time, ended threads included, seconds.

    Source:
        clock_getcpuclockid(3) on Linux: the clock of another process is ``~pid << 3 | CPUCLOCK_SCHED (2)``, which has
        nanoseconds where /proc has ticks of 10 ms. Elsewhere the ticks are used.
    """
    if not _LINUX or sys.platform == "win32":
        return ticks_s
    try:
        return time.clock_gettime(~pid << 3 | 2)
    except OSError:
        return ticks_s


def _threads_of(pid: int) -> dict[int, tuple[int, int, int]]:
    # The process's own status file counts only its main thread; each thread has one of its own, until it ends.
    threads: dict[int, tuple[int, int, int]] = {}
    for task in os.scandir(_PROC / str(pid) / "task"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            run_ns = int(Path(task.path, "schedstat").read_text().split()[0])
            # The last two lines are the two kinds of switches.
            *_, voluntary, involuntary = Path(task.path, "status").read_text().splitlines()
            threads[int(task.name)] = (run_ns, int(voluntary.split()[1]), int(involuntary.split()[1]))
    return threads


def _count_epoll_descriptors(pid: int) -> int:
    count = 0
    for descriptor in os.scandir(_PROC / str(pid) / "fd"):
        with contextlib.suppress(FileNotFoundError):
            count += os.readlink(descriptor.path) == "anon_inode:[eventpoll]"  # noqa: PTH115 (no path of a file)
    return count
