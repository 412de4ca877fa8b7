"""The loader on the server's core: the loader takes CPU time from the server.

Each answer also costs the loader CPU time. On one core this adds the same time to both contenders, so the ratio between
them shrinks. A loader in the same process, or a busy laptop with two cores, does the same.

    python docs/examples/mistakes/loader_on_the_servers_core.py
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable

import honest
import psutil

from benchmarks.contenders import catalogue
from benchmarks.judge import wording
from benchmarks.measure.server import RunningServer
from benchmarks.measure.workloads import HEALTH
from benchmarks.model import LoadResult

TWINS = tuple(catalogue.find(name) for name in ("fastapi-async@uvicorn", "fastapi-sync@uvicorn"))


def compare(setting: honest.Setting) -> None:
    if not setting.cores.server:
        raise honest.NotMeasuredError(
            "This machine offers one core, or its system pins nothing, so the mistake cannot be avoided here: try it "
            "on Linux with two cores."
        )
    with honest.serving(TWINS, HEALTH.path_for(TWINS[0]), setting) as servers:
        loader_shares: dict[str, list[float]] = {"async": [], "sync": []}
        sides: dict[str, Callable[[], LoadResult]] = {}
        for twin, server in zip(TWINS, servers, strict=True):
            for where, cpus in (("shared", setting.cores.server), ("apart", setting.cores.loader)):
                sides[f"{twin.variant} {where}"] = _asking(
                    server, HEALTH.path_for(twin), setting, cpus, loader_shares[str(twin.variant)]
                )
        seen = honest.in_rounds(sides, setting)
    print("FastAPI on uvicorn: async def over def, requests served per second")
    honest.tell(
        honest.rate_ratio(seen["async shared"], seen["sync shared"]),
        "loader on the server's core",
        honest.rate_ratio(seen["async apart"], seen["sync apart"]),
        "loader on a core of its own",
    )
    share, sync_share = (statistics.median(loader_shares[variant]) for variant in ("async", "sync"))
    print(
        f"  of the CPU time of an answer the loader takes {100 * share:.0f} % with async def, {100 * sync_share:.0f} % "
        f"with def: on one core that makes {wording.times((1 - share) / (1 - sync_share))} × of any ratio"
    )
    print("Give the loader a core of its own, and look at its CPU time: near its limit it measures itself.")


def _asking(
    server: RunningServer, path: str, setting: honest.Setting, cpus: tuple[int, ...], loader_shares: list[float]
) -> Callable[[], LoadResult]:
    def ask() -> LoadResult:
        began_s: list[float] = []
        result = honest.ask(
            server, path, setting, cpus=cpus, when_it_begins=lambda: began_s.append(_server_cpu_s(server))
        )
        server_cpu_s = _server_cpu_s(server) - began_s[0]
        if not server_cpu_s or not result.loader_cpu_s:
            raise honest.NotMeasuredError("The interval is too short to tell CPU time: try a longer --duration.")
        loader_shares.append(result.loader_cpu_s / (result.loader_cpu_s + server_cpu_s))
        return result

    return ask


def _server_cpu_s(server: RunningServer) -> float:
    times = psutil.Process(server.process.pid).cpu_times()
    return float(times.user + times.system)


if __name__ == "__main__":
    sys.exit(honest.run(__doc__, compare))
