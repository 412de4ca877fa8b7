"""Inspects the machine before it measures: cores, governor, power, clock, and what else runs."""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from pathlib import Path

import psutil

from benchmarks.measure.environment import Cores
from benchmarks.model import Machine

_LOOK_S = 0.5
_BUSIEST = 3
_BUSY_FRACTION = 0.05
_CLOCK_LOOKS = 2_000
_CPUS = Path("/sys/devices/system/cpu")


def look(cores: Cores, look_s: float = _LOOK_S) -> Machine:
    """Inspect the machine as it is now, for half a second, to see what else runs.

    Args:
        cores: Which server and loader will use.
        look_s: How long to watch other processes, seconds.
    """
    pinned = (*cores.server, *cores.loader)
    governors = {_read(_CPUS / f"cpu{cpu}" / "cpufreq" / "scaling_governor") for cpu in pinned}
    battery = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
    return Machine(
        logical_cores=os.cpu_count(),
        usable_cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        server_cpus=cores.server,
        loader_cpus=cores.loader,
        cores_are_siblings=_are_siblings(cores),
        governors=tuple(sorted(filter(None, governors))),
        on_battery=None if battery is None or battery.power_plugged is None else not battery.power_plugged,
        load_average_1m=round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        busiest=_busiest(look_s),
        clock_step_ns=_clock_step_ns(),
    )


class StealMeter:
    """Measures how much of the machine's time a hypervisor gives to others, from now until ``fraction``."""

    def __init__(self) -> None:
        self._before = psutil.cpu_times()

    def fraction(self) -> float | None:
        """Return stolen over all CPU time since the meter was made, 0 to 1; ``None`` where it is not known."""
        now = psutil.cpu_times()
        stolen_s = getattr(now, "steal", None)
        if stolen_s is None:
            return None
        total_s = sum(now[:8]) - sum(self._before[:8])
        return float((stolen_s - getattr(self._before, "steal", 0.0)) / total_s) if total_s > 0 else None


def give_every_core(cores: Cores) -> Cores:
    """Give the loader every core except the server's own, and the hyper-threads of that."""
    if not cores.server or not hasattr(os, "sched_getaffinity"):
        return cores
    taken = {*cores.server, *(_siblings(cores) or ())}
    return Cores(cores.server, tuple(sorted(os.sched_getaffinity(0) - taken)) or cores.loader)


def _are_siblings(cores: Cores) -> bool | None:
    siblings = _siblings(cores) if cores.server else None
    return None if siblings is None else bool(siblings & set(cores.loader))


def _siblings(cores: Cores) -> set[int] | None:
    """Return the hyper-threads of the server's core; ``None`` where the kernel does not say."""
    text = _read(_CPUS / f"cpu{cores.server[0]}" / "topology" / "thread_siblings_list")
    return None if text is None else _listed(text)


def _listed(text: str) -> set[int]:
    """Parse the kernel's notation of a set of cores: ``0,4-6``."""
    cpus: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        cpus |= set(range(int(first), int(last or first) + 1))
    return cpus


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return None


def _busiest(look_s: float) -> tuple[tuple[str, float], ...]:
    mine = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    others = [process for process in psutil.process_iter() if process.pid not in mine]
    used = []
    for process in others:
        with contextlib.suppress(psutil.Error):
            # The percentage is of the time since this call.
            process.cpu_percent()
    time.sleep(look_s)
    for process in others:
        with contextlib.suppress(psutil.Error):
            if (fraction := process.cpu_percent() / 100) >= _BUSY_FRACTION:
                used.append((process.name(), round(fraction, 2)))
    return tuple(sorted(used, key=lambda entry: -entry[1])[:_BUSIEST])


def _clock_step_ns() -> float:
    """Return the smallest step of the clock that was observed: its real resolution, not the announced one."""
    looks = [time.monotonic_ns() for _ in range(_CLOCK_LOOKS)]
    steps = [after - before for before, after in itertools.pairwise(looks) if after > before]
    return min(steps, default=time.get_clock_info("monotonic").resolution * 1e9)
