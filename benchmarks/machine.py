"""What of a machine decides how well it measures: seen by ``measure``, judged by ``judge``; no I/O, no clock."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What of a machine decides how well it measures; ``None`` where the platform does not say.

    Attributes:
        logical_cores: As the operating system counts them, and of which this process may use ``usable_cores``.
        usable_cores: See above.
        server_cpus: Cores that the server is pinned to; empty where it cannot be.
        loader_cpus: The same of the loader.
        cores_are_siblings: Whether server and loader sit on two hyper-threads of one core.
        governors: Frequency governors of those cores, each once.
        on_battery: Whether the power supply is unplugged.
        load_average_1m: Processes that wanted a core, on average over the last minute.
        busiest: Names of other processes and the share of a core that each used, the greediest first.
        clock_step_ns: The smallest step of the clock that latencies are taken from, nanoseconds.
    """

    logical_cores: int | None
    usable_cores: int
    server_cpus: tuple[int, ...]
    loader_cpus: tuple[int, ...]
    cores_are_siblings: bool | None
    governors: tuple[str, ...]
    on_battery: bool | None
    load_average_1m: float | None
    busiest: tuple[tuple[str, float], ...]
    clock_step_ns: float
