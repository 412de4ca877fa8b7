"""Runs ``lab`` with trials as short as can be, for tests that end its process.

One bare server tells what the loader can do, and readiness is asked by most connections alone.
"""

from __future__ import annotations

import dataclasses
from typing import cast

from benchmarks.__main__ import main
from benchmarks.contenders import catalogue
from benchmarks.measure import presets
from benchmarks.measure.workloads import WORKLOADS, Offer
from tests.benchmarks.short_trials import shortened

if __name__ == "__main__":
    presets.PRESETS["quick"] = shortened()
    catalogue.CEILINGS = catalogue.CEILINGS[:1]
    ready = WORKLOADS["ready"]
    cast("dict[str, Offer]", WORKLOADS)["ready"] = dataclasses.replace(ready, workloads=ready.workloads[-1:])
    main()
