"""Records the facts of machine and software that a figure depends on, and shares the cores out."""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.process import output_of

Fact = str | int | float | bool | None


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


def environment(cores: Cores) -> dict[str, Fact]:
    """Return the facts, each by a name that carries its unit; ``None`` where this platform does not say."""
    load_average = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    facts: dict[str, Fact] = {
        "cpu_model": _cpu_model(),
        "logical_cores": os.cpu_count(),
        "physical_cores": psutil.cpu_count(logical=False),
        "server_cpus": _listed(cores.server),
        "loader_cpus": _listed(cores.loader),
        "governor": _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        "memory_bytes": psutil.virtual_memory().total,
        "load_average_1m": None if load_average is None else round(load_average, 2),
        "operating_system": platform.system(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "python_implementation": platform.python_implementation(),
        "python_build": " ".join(platform.python_build()),
        "git_revision": _git("rev-parse", "HEAD"),
        "git_changed_files": _git_changed(),
    }
    return {**facts, **_packages()}


@functools.cache
def _packages() -> Mapping[str, Fact]:
    # Once: with each access a distribution reads and parses its file anew, and there may be hundreds.
    found = [distribution.metadata for distribution in importlib.metadata.distributions()]
    versions = {metadata["Name"].lower(): metadata["Version"] for metadata in found if metadata["Name"]}
    return {f"package_{name}": versions[name] for name in sorted(versions)}


def _cpu_model() -> str | None:
    if (text := _read("/proc/cpuinfo")) is not None:
        for line in text.splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    if sys.platform == "darwin":
        return _output("sysctl", "-n", "machdep.cpu.brand_string")
    return platform.processor() or None


def _listed(cpus: tuple[int, ...]) -> str | None:
    return ",".join(str(cpu) for cpu in cpus) or None


def _git(*arguments: str) -> str | None:
    return _output("git", "-C", str(Path(__file__).parent), *arguments)


def _git_changed() -> int | None:
    status = _git("status", "--porcelain")
    return None if status is None else len(status.splitlines())


def _output(*command: str) -> str | None:
    try:
        return output_of(command, 5).strip()
    except (OSError, subprocess.SubprocessError):
        return None


def _read(path: str) -> str | None:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError:
        return None
