"""The command `lab` with short races, for tests that ignore the figures: run as ``python -m``."""

from __future__ import annotations

import dataclasses
import sys

from benchmarks.__main__ import main
from benchmarks.contenders import catalogue
from benchmarks.live.page import racer
from benchmarks.measure import schedule
from benchmarks.model import Contender
from tests.benchmarks.live.page import quick_app
from tests.benchmarks.short_trials import shortened

_RACER = "racer"


def _quick(contender: Contender) -> Contender:
    """Have the pair that tests race served by an app that starts in no time."""
    if contender.arrangement != "flask@hypercorn":
        return contender
    return dataclasses.replace(contender, arguments=(*contender.arguments[:-1], f"{quick_app.__name__}:app"))


if __name__ == "__main__":
    schedule.PRESETS["quick"] = shortened()
    # What a bare server can do is of no interest either.
    catalogue.CEILINGS = ()
    catalogue.CONTENDERS = tuple(map(_quick, catalogue.CONTENDERS))
    # The process that measures must be told too.
    racer.COMMAND = (sys.executable, "-m", __spec__.name, _RACER)
    if sys.argv[1:] == [_RACER]:
        sys.exit(racer.main())
    main()
