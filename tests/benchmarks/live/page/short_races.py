"""The command `lab` with short races, for tests that ignore the figures: run as ``python -m``."""

from __future__ import annotations

import sys

from benchmarks.__main__ import main
from benchmarks.contenders import catalogue
from benchmarks.live.page import racer
from benchmarks.measure import schedule
from tests.benchmarks.short_trials import shortened

_RACER = "racer"

if __name__ == "__main__":
    schedule.PRESETS["quick"] = shortened()
    # What a bare server can do is of no interest either.
    catalogue.CEILINGS = ()
    # The process that measures must be told too.
    racer.COMMAND = (sys.executable, "-m", __spec__.name, _RACER)
    if sys.argv[1:] == [_RACER]:
        sys.exit(racer.main())
    main()
