"""Records again what comes with the lab: ``python -m benchmarks.live.why.ship``, on an otherwise idle machine.

It writes ``shipped/``: every contender's bursts, and the runs of the two tiny programs, in about two minutes. With
``--calmer`` a new burst replaces the existing one only if its requests, with and without the recorder, took less time:
other load on a machine only ever adds time.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from typing import Any, Final

from benchmarks.foreign_json import encode
from benchmarks.live.loop_tracer import record_loop
from benchmarks.live.recording import Recording
from benchmarks.live.threads_tracer import record_threads
from benchmarks.live.why.shelf import CONTENDERS, SHIPPED, WAITS_MS, Key, record_here, shipped

_TIMEOUT_S: Final = 1_800.0


def ship(*, calmer: bool) -> None:
    """Record everything and write it.

    Args:
        calmer: Keep existing bursts that were recorded on a calmer machine. Each burst is then written as soon as it is
            recorded, so that an interrupted run is not lost; otherwise all are written at the end.
    Raises:
        LabError: A burst could not be recorded, or a program did not run as it should.
    """
    for name, run in {"loop.json": record_loop(), "threads.json": record_threads()}.items():
        SHIPPED.with_name(name).write_text(_compact(encode(run)), encoding="utf-8")
    shelf = dict(shipped()) if calmer else {}
    for wait_ms in WAITS_MS:
        for contender in CONTENDERS:
            print(f"{contender.id}, {wait_ms} ms", file=sys.stderr)  # noqa: T201 (a script that shows its progress)
            made = asyncio.run(record_here(contender, wait_ms, timeout_s=_TIMEOUT_S, wait_turn=True))
            shelf[contender.id, wait_ms] = calmest(shelf.get((contender.id, wait_ms), made), made)
            if calmer:
                _write(shelf)
    _write(shelf)


def calmest(*recordings: Recording) -> Recording:
    """Return the one that was recorded on the calmest machine."""
    return min(recordings, key=lambda each: each.cost.recorded_ms + each.cost.plain_ms)


def _write(shelf: Mapping[Key, Recording]) -> None:
    keys = [(contender.id, wait_ms) for wait_ms in WAITS_MS for contender in CONTENDERS]
    lines = [_compact(shelf[key].to_json()) for key in keys if key in shelf]
    SHIPPED.write_text("".join(lines), encoding="utf-8")


def _compact(document: dict[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":")) + "\n"


if __name__ == "__main__":
    ship(calmer="--calmer" in sys.argv[1:])
