"""The command `lab` with short trials, and otherwise as it is: on its own apps, calibrated and drawn."""

from __future__ import annotations

from tests.benchmarks.live.page.short_races import run

if __name__ == "__main__":
    run(__spec__.name)
