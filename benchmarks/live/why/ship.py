"""Records anew what comes with the lab: ``python -m benchmarks.live.why.ship``, on a machine that does nothing else.

It writes ``shipped/``: every contender's bursts, and the two little programs' runs. It takes about three minutes.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any, Final

from benchmarks.live.loop_tracer import record_loop
from benchmarks.live.threads_tracer import record_threads
from benchmarks.live.why.record_here import record_here
from benchmarks.live.why.shelf import CONTENDERS, SHIPPED, WAITS_MS

_TIMEOUT_S: Final = 1_800.0


def ship() -> None:
    """Record everything and write it, all or nothing.

    Raises:
        RecordHereError: A burst could not be recorded.
        TracerError: A program did not run as it should.
    """
    programs = {"loop.json": record_loop().to_json(), "threads.json": record_threads().to_json()}
    lines = []
    for wait_ms in WAITS_MS:
        for contender in CONTENDERS:
            print(f"{contender.id}, {wait_ms} ms", file=sys.stderr)  # noqa: T201 (a script that says how far it is)
            recording = record_here(contender, wait_ms, timeout_s=_TIMEOUT_S, wait_turn=True)
            lines.append(_compact(asyncio.run(recording).to_json()))
    SHIPPED.write_text("".join(lines), encoding="utf-8")
    for name, document in programs.items():
        SHIPPED.with_name(name).write_text(_compact(document), encoding="utf-8")


def _compact(document: dict[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":")) + "\n"


if __name__ == "__main__":
    ship()
