"""Records anew what comes with the lab: ``python -m benchmarks.live.why.ship``, on a machine that does nothing else.

It writes ``shipped/``: every contender's bursts, and the two little programs' runs. It takes about two minutes. With
``--calmer`` a burst takes the place of the one that is there only where the machine was calmer this time: where the
requests, with and without the recorder, took less time than then. What else runs on a machine only ever adds some.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any, Final

from benchmarks.live.loop_tracer import record_loop
from benchmarks.live.threads_tracer import record_threads
from benchmarks.live.why.record_here import record_here
from benchmarks.live.why.shelf import CONTENDERS, SHIPPED, WAITS_MS, Exhibit, Shelf

_TIMEOUT_S: Final = 1_800.0


def ship(*, calmer: bool) -> None:
    """Record everything and write it.

    Args:
        calmer: Keep the bursts that are there, but for those that were recorded on a busier machine; each is written as
            soon as it is made, and what is cut short has not been in vain. Otherwise it is all or nothing.
    Raises:
        LabError: A burst could not be recorded.
        LabError: A program did not run as it should.
    """
    programs = {"loop.json": record_loop().to_json(), "threads.json": record_threads().to_json()}
    for name, document in programs.items():
        SHIPPED.with_name(name).write_text(_compact(document), encoding="utf-8")
    shelf = Shelf.shipped() if calmer else Shelf([])
    for wait_ms in WAITS_MS:
        for contender in CONTENDERS:
            print(f"{contender.id}, {wait_ms} ms", file=sys.stderr)  # noqa: T201 (a script that says how far it is)
            made = asyncio.run(record_here(contender, wait_ms, timeout_s=_TIMEOUT_S, wait_turn=True))
            kept = shelf.get(contender.id, wait_ms)
            shelf.put(made if kept is None else calmest(kept, made))
            if calmer:
                _write(shelf)
    _write(shelf)


def calmest(*exhibits: Exhibit) -> Exhibit:
    """Return the one that was recorded on the calmest machine."""
    return min(exhibits, key=lambda each: each.recording.cost.recorded_ms + each.recording.cost.plain_ms)


def _write(shelf: Shelf) -> None:
    exhibits = [shelf.get(contender.id, wait_ms) for wait_ms in WAITS_MS for contender in CONTENDERS]
    SHIPPED.write_text("".join(_compact(each.to_json()) for each in exhibits if each is not None), encoding="utf-8")


def _compact(document: dict[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":")) + "\n"


if __name__ == "__main__":
    ship(calmer="--calmer" in sys.argv[1:])
