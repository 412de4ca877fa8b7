"""The command `lab` with short races, for tests that look at all but the figures: run as ``python -m``, as `lab` is."""

from __future__ import annotations

import dataclasses
import sys

from benchmarks.__main__ import main
from benchmarks.live.page import race_process, racer
from benchmarks.measure import schedule

_RACER = "racer"


def shorten() -> None:
    """Let the trials of a race, here and in the process that measures it, be as short as can be."""
    usual = schedule.PRESETS["quick"]
    short = {"duration_s": 0.2, "warmup_s": 0.05}
    schedule.PRESETS["quick"] = dataclasses.replace(
        usual,
        health=dataclasses.replace(usual.health, **short, slices=2),
        wait=dataclasses.replace(usual.wait, **short),
    )
    race_process.COMMAND = (sys.executable, "-m", __spec__.name, _RACER)


if __name__ == "__main__":
    shorten()
    sys.exit(racer.main() if sys.argv[1:] == [_RACER] else main())
