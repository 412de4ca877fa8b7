"""Observes a server's process tree from outside, by what the operating system counts anyway.

A window is two samples under steady load, with looks between; its rates divide by the rate of valid answers, so the
window need not coincide with the load's interval. Linux's /proc gives everything; elsewhere psutil gives what it
can and the rest is ``None``.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.model import Observation

_PROC = Path("/proc")
_LINUX = sys.platform == "linux" and _PROC.is_dir()


@dataclass(frozen=True, slots=True)
class _ThreadSample:
    run_ns: int
    voluntary: int
    involuntary: int


@dataclass(frozen=True, slots=True)
class _Sample:
    at_s: float
    cpu_s: float
    ticks_s: float
    system_s: float
    processes: int
    thread_count: int
    threads: Mapping[int, _ThreadSample] | None
    started: int | None
    epoll_descriptors: int | None
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
        """Take a sample in between, for the most of what comes and goes.

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
        system_fraction = _system_fraction(self._windows[0][0], self._windows[-1][1])
        cpu_us = cpu_s / requests * 1e6
        voluntary, involuntary, running = _threads_between(self._windows)
        started = _sum(
            None if first.started is None or last.started is None else last.started - first.started
            for first, last in self._windows
        )
        return Observation(
            cpu_user_us_per_request=None if system_fraction is None else cpu_us * (1 - system_fraction),
            cpu_system_us_per_request=None if system_fraction is None else cpu_us * system_fraction,
            voluntary_switches_per_request=None if voluntary is None else voluntary / requests,
            involuntary_switches_per_request=None if involuntary is None else involuntary / requests,
            threads_started_per_request=None if started is None else started / requests,
            cpu_fraction=cpu_s / window_s,
            processes=max(sample.processes for sample in self._samples),
            threads=max(sample.thread_count for sample in self._samples),
            running_threads=running,
            epoll_descriptors=_most(sample.epoll_descriptors for sample in self._samples),
            resident_bytes=max(sample.resident_bytes for sample in self._samples),
        )


def _system_fraction(first: _Sample, last: _Sample) -> float | None:
    """Return which part of the CPU time was the kernel's; ``None`` for a tree too young to have a single tick."""
    # Time is shared out between user and system by ticks of 10 ms: too coarse for one window, good enough from the
    # first sample to the last, or, where no tick fell between them, over the tree's whole life.
    ticks_s = last.ticks_s - first.ticks_s
    if ticks_s > 0:
        return (last.system_s - first.system_s) / ticks_s
    return last.system_s / last.ticks_s if last.ticks_s > 0 else None


def _sample(root: psutil.Process) -> _Sample:
    processes = [root, *root.children(recursive=True)]
    at_s = time.monotonic()
    cpu_s = user_s = system_s = 0.0
    thread_count = resident_bytes = 0
    threads: dict[int, _ThreadSample] = {}
    epoll_descriptors = 0
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
            threads |= _thread_samples(process.pid)
            epoll_descriptors += _count_epoll_descriptors(process.pid)
    return _Sample(
        at_s=at_s,
        cpu_s=cpu_s,
        ticks_s=user_s + system_s,
        system_s=system_s,
        processes=len(processes),
        thread_count=thread_count,
        threads=threads if _LINUX else None,
        started=_started_on_machine() if _LINUX else None,
        epoll_descriptors=epoll_descriptors if _LINUX else None,
        resident_bytes=resident_bytes,
    )


def _cpu_time_s(pid: int, ticks_s: float) -> float:
    """Return a process's CPU time, ended threads included, seconds.

    Source:
        clock_getcpuclockid(3) on Linux: the clock of another process is ``~pid << 3 | CPUCLOCK_SCHED (2)``, which has
        nanoseconds where /proc has ticks of 10 ms. Elsewhere the ticks stand.
    """
    if not _LINUX or sys.platform == "win32":
        return ticks_s
    try:
        return time.clock_gettime(~pid << 3 | 2)
    except OSError:
        return ticks_s


def _thread_samples(pid: int) -> dict[int, _ThreadSample]:
    # The process's own status file counts only its main thread; each thread has one of its own, until it ends.
    samples: dict[int, _ThreadSample] = {}
    for task in os.scandir(_PROC / str(pid) / "task"):
        folder = Path(task.path)
        try:
            status = (folder / "status").read_text()
            run_ns = int((folder / "schedstat").read_text().split()[0])
        except (FileNotFoundError, ProcessLookupError):
            continue
        counts = {name: value for name, _, value in (line.partition(":") for line in status.splitlines()[-2:])}
        samples[int(task.name)] = _ThreadSample(
            run_ns, int(counts["voluntary_ctxt_switches"]), int(counts["nonvoluntary_ctxt_switches"])
        )
    return samples


def _threads_between(
    windows: Sequence[tuple[_Sample, _Sample]],
) -> tuple[int | None, int | None, int | None]:
    """Return voluntary and involuntary switches, and how many threads alive at both ends of a window ran in it."""
    none = _ThreadSample(0, 0, 0)
    voluntary = involuntary = 0
    ran: set[int] = set()
    for begun, ended in windows:
        if begun.threads is None or ended.threads is None:
            return None, None, None
        for thread_id, last in ended.threads.items():
            first = begun.threads.get(thread_id, none)
            voluntary += last.voluntary - first.voluntary
            involuntary += last.involuntary - first.involuntary
            if thread_id in begun.threads and last.run_ns > first.run_ns:
                ran.add(thread_id)
    return voluntary, involuntary, len(ran)


def _started_on_machine() -> int:
    for line in (_PROC / "stat").read_text().splitlines():
        if line.startswith("processes "):
            return int(line.split()[1])
    raise AssertionError("Linux's /proc/stat has counted forks and clones since 2.4")


def _count_epoll_descriptors(pid: int) -> int:
    count = 0
    for descriptor in os.scandir(_PROC / str(pid) / "fd"):
        try:
            count += os.readlink(descriptor.path) == "anon_inode:[eventpoll]"  # noqa: PTH115 (no path of a file)
        except FileNotFoundError:
            continue
    return count


def _sum(values: Iterable[int | None]) -> int | None:
    known = list(values)
    return None if None in known else sum(value for value in known if value is not None)


def _most(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return max(known) if known else None
