"""The loader on the server's core: what asks takes its time from what answers.

Each request costs the loader something too, and on one core that is charged to both contenders alike: the difference
between them shrinks. A loader in the same process, or a busy laptop with two cores, does the same.

    python docs/examples/mistakes/loader_on_the_servers_core.py
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import honest

from benchmarks.contenders import catalogue
from benchmarks.judge import wording
from benchmarks.measure.schedule import HEALTH
from benchmarks.measure.server import RunningServer
from benchmarks.model import LoadResult

TWINS = tuple(catalogue.find(name) for name in ("fastapi-async@uvicorn", "fastapi-sync@uvicorn"))


def compare(setting: honest.Setting) -> None:
    if not setting.cores.server:
        raise honest.NotMeasuredError(
            "This machine offers one core, or its system pins nothing, so the mistake cannot be avoided here: try it "
            "on Linux with two cores."
        )
    with honest.serving(TWINS, HEALTH.path_for(TWINS[0]), setting) as servers:
        sides: dict[str, Callable[[], LoadResult]] = {}
        for twin, server in zip(TWINS, servers, strict=True):
            for where, cpus in (("shared", setting.cores.server), ("apart", setting.cores.loader)):
                sides[f"{twin.variant} {where}"] = _asking(server, HEALTH.path_for(twin), setting, cpus)
        seen = honest.in_rounds(sides, setting)
    print("FastAPI on uvicorn: async def over def, requests served per second")
    honest.tell(
        honest.rate_ratio(seen["async shared"], seen["sync shared"]),
        "loader on the server's core",
        honest.rate_ratio(seen["async apart"], seen["sync apart"]),
        "loader on a core of its own",
    )
    lost = honest.rate_ratio(seen["async shared"], seen["async apart"])
    print(f"  async def itself served {wording.ratio(lost)} of what it serves when the loader is elsewhere")
    print("Give the loader a core of its own, and look at its CPU time: near its limit it measures itself.")


def _asking(
    server: RunningServer, path: str, setting: honest.Setting, cpus: tuple[int, ...]
) -> Callable[[], LoadResult]:
    return lambda: honest.ask(server, path, setting, cpus=cpus)


if __name__ == "__main__":
    sys.exit(honest.run(__doc__, compare))
