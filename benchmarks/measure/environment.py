"""Looks at the machine: shares its cores out, records the facts that a figure depends on, and tells what else runs."""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import importlib.metadata
import itertools
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.model import Machine
from benchmarks.process import output_of

Fact = str | int | float | bool | None

_LOOK_S = 0.5
_BUSIEST = 3
_BUSY_FRACTION = 0.05
_CLOCK_LOOKS = 2_000
_CPUS = Path("/sys/devices/system/cpu")
_COMMIT = "# branch.oid "


@dataclass(frozen=True, slots=True)
class Cores:
    """Which cores server and loader may use; empty tuples where they cannot be kept apart."""

    server: tuple[int, ...]
    loader: tuple[int, ...]


def share_cores() -> Cores:
    """Give the server one core and the loader another, where there are two and the platform can pin.

    One core each, however many there are: a contender is one process, and all shall have the same.
    """
    if not hasattr(os, "sched_getaffinity"):
        return Cores((), ())
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:
        return Cores((), ())
    # The first core takes most interrupts; that burden goes to the loader. On machines whose neighbouring numbers are
    # hyper-threads of one core, first and middle are different cores.
    return Cores(server=(usable[len(usable) // 2],), loader=(usable[0],))


def give_every_core(cores: Cores) -> Cores:
    """Give the loader every core except the server's own, and the hyper-threads of that."""
    if not cores.server or not hasattr(os, "sched_getaffinity"):
        return cores
    taken = {*cores.server, *(_siblings(cores) or ())}
    return Cores(cores.server, tuple(sorted(os.sched_getaffinity(0) - taken)) or cores.loader)


@contextlib.contextmanager
def kept_off(cpus: Sequence[int]) -> Iterator[None]:
    """Keep this process off the server's cores while there is something to disturb."""
    if not cpus or sys.platform != "linux" or not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, before - set(cpus))
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def timestamp() -> str:
    """Return the time of day, UTC, as records have it: to the millisecond."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")


def environment(cores: Cores) -> dict[str, Fact]:
    """Return the facts, each by a name that carries its unit; ``None`` where this platform does not say."""
    load_average = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    facts: dict[str, Fact] = {
        "cpu_model": _cpu_model(),
        "logical_cores": os.cpu_count(),
        "physical_cores": psutil.cpu_count(logical=False),
        "server_cpus": ",".join(map(str, cores.server)) or None,
        "loader_cpus": ",".join(map(str, cores.loader)) or None,
        "governor": _read(_CPUS / "cpu0" / "cpufreq" / "scaling_governor"),
        "memory_bytes": psutil.virtual_memory().total,
        "load_average_1m": None if load_average is None else round(load_average, 2),
        "operating_system": platform.system(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "python_implementation": platform.python_implementation(),
        "python_build": " ".join(platform.python_build()),
        **_revision(),
    }
    return {**facts, **_packages()}


def _revision() -> dict[str, Fact]:
    """Return the commit of the lab's own files, and how many of its repository differ from it."""
    told = _output("git", "-C", str(Path(__file__).parent), "status", "--porcelain=v2", "--branch")
    lines = [] if told is None else told.splitlines()
    # Git says "(initial)" where there is no commit yet.
    found = next((line.removeprefix(_COMMIT) for line in lines if line.startswith(_COMMIT)), "(")
    changed = sum(not line.startswith("#") for line in lines)
    return {
        "git_revision": None if found.startswith("(") else found,
        "git_changed_files": None if told is None else changed,
    }


@functools.cache
def _packages() -> Mapping[str, Fact]:
    # Once: with each access a distribution reads and parses its file anew, and there may be hundreds.
    found = [distribution.metadata for distribution in importlib.metadata.distributions()]
    versions = {metadata["Name"].lower(): metadata["Version"] for metadata in found if metadata["Name"]}
    return {f"package_{name}": versions[name] for name in sorted(versions)}


def look(cores: Cores, look_s: float = _LOOK_S) -> Machine:
    """Inspect the machine as it is now, for half a second, to see what else runs.

    Args:
        cores: Which server and loader will use.
        look_s: How long to watch other processes, seconds.
    """
    pinned = (*cores.server, *cores.loader)
    governors = {_read(_CPUS / f"cpu{cpu}" / "cpufreq" / "scaling_governor") for cpu in pinned}
    siblings = _siblings(cores) if cores.server else None
    battery = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
    return Machine(
        logical_cores=os.cpu_count(),
        usable_cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        server_cpus=cores.server,
        loader_cpus=cores.loader,
        cores_are_siblings=None if siblings is None else bool(siblings & set(cores.loader)),
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


def _siblings(cores: Cores) -> set[int] | None:
    """Return the hyper-threads of the server's core; ``None`` where the kernel does not say."""
    text = _read(_CPUS / f"cpu{cores.server[0]}" / "topology" / "thread_siblings_list")
    return None if text is None else _cpus(text)


def _cpus(text: str) -> set[int]:
    """Parse the kernel's notation of a set of cores: ``0,4-6``."""
    cpus: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        cpus |= set(range(int(first), int(last or first) + 1))
    return cpus


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


def _cpu_model() -> str | None:
    if (text := _read(Path("/proc/cpuinfo"))) is not None:
        for line in text.splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    if sys.platform == "darwin":
        return _output("sysctl", "-n", "machdep.cpu.brand_string")
    return platform.processor() or None


def _output(*command: str) -> str | None:
    try:
        return output_of(command, 5).strip()
    except (OSError, subprocess.SubprocessError):
        return None


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return None
