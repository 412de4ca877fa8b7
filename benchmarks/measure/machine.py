"""Looks at the machine before it measures: cores, governor, power, clock, and what else runs."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

from benchmarks.machine import Machine
from benchmarks.measure.environment import Cores

_LOOK_S = 0.5
_BUSIEST = 3
_BUSY_FRACTION = 0.05
_CLOCK_LOOKS = 2_000
_CPUS = Path("/sys/devices/system/cpu")


def look(cores: Cores, look_s: float = _LOOK_S) -> Machine:
    """Look at the machine as it is now; takes half a second, to see what else runs.

    Args:
        cores: Which server and loader will use.
        look_s: How long to watch other processes, seconds.
    """
    pinned = (*cores.server, *cores.loader)
    battery = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
    return Machine(
        logical_cores=os.cpu_count(),
        usable_cores=_usable_cores(),
        server_cpus=cores.server,
        loader_cpus=cores.loader,
        cores_are_siblings=_are_siblings(cores),
        governors=tuple(sorted({governor for cpu in pinned if (governor := _governor(cpu)) is not None})),
        on_battery=None if battery is None or battery.power_plugged is None else not battery.power_plugged,
        load_average_1m=round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        busiest=_busiest(look_s),
        clock_step_ns=_clock_step_ns(),
    )


class StealMeter:
    """Measures how much of the machine's time a hypervisor gives to others, from its making to ``fraction``."""

    def __init__(self) -> None:
        self._before = psutil.cpu_times()

    def fraction(self) -> float | None:
        """Return stolen over all CPU time since the meter was made, 0 to 1; ``None`` where it is not told."""
        now = psutil.cpu_times()
        stolen_s = getattr(now, "steal", None)
        if stolen_s is None:
            return None
        total_s = sum(now[:8]) - sum(self._before[:8])
        return float((stolen_s - getattr(self._before, "steal", 0.0)) / total_s) if total_s > 0 else None


def give_every_core(cores: Cores) -> Cores:
    """Give the loader every core that the server leaves: none that is its own, or a hyper-thread of its own."""
    if not cores.server or not hasattr(os, "sched_getaffinity"):
        return cores
    siblings = _read(_CPUS / f"cpu{cores.server[0]}" / "topology" / "thread_siblings_list")
    taken = {*cores.server, *(_listed(siblings) if siblings else ())}
    return Cores(cores.server, tuple(sorted(os.sched_getaffinity(0) - taken)) or cores.loader)


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _are_siblings(cores: Cores) -> bool | None:
    if not cores.server:
        return None
    siblings = _read(_CPUS / f"cpu{cores.server[0]}" / "topology" / "thread_siblings_list")
    return None if siblings is None else bool(_listed(siblings) & set(cores.loader))


def _listed(text: str) -> set[int]:
    """Read the kernel's way to write a set of cores: ``0,4-6``."""
    cpus: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        cpus |= set(range(int(first), int(last or first) + 1))
    return cpus


def _governor(cpu: int) -> str | None:
    return _read(_CPUS / f"cpu{cpu}" / "cpufreq" / "scaling_governor")


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return None


def _busiest(look_s: float) -> tuple[tuple[str, float], ...]:
    mine = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    watched = [(process, _cpu_s(process)) for process in psutil.process_iter() if process.pid not in mine]
    time.sleep(look_s)
    used = _used(watched, look_s)
    return tuple(sorted(used, key=lambda entry: -entry[1])[:_BUSIEST])


def _used(watched: Iterable[tuple[psutil.Process, float | None]], look_s: float) -> list[tuple[str, float]]:
    used = []
    for process, before_s in watched:
        after_s = _cpu_s(process)
        if before_s is None or after_s is None or (fraction := (after_s - before_s) / look_s) < _BUSY_FRACTION:
            continue
        try:
            used.append((process.name(), round(fraction, 2)))
        except psutil.Error:
            continue
    return used


def _cpu_s(process: psutil.Process) -> float | None:
    try:
        times = process.cpu_times()
    except psutil.Error:
        return None
    return float(times.user + times.system)


def _clock_step_ns() -> float:
    """Return the smallest step that the clock was seen to take: its resolution as it is, not as it is announced."""
    smallest = float("inf")
    before = time.monotonic_ns()
    for _ in range(_CLOCK_LOOKS):
        now = time.monotonic_ns()
        if now > before:
            smallest = min(smallest, now - before)
            before = now
    return smallest if smallest < float("inf") else time.get_clock_info("monotonic").resolution * 1e9
