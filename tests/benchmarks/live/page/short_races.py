"""The command `lab` with short races and a small class, for tests that ignore figures and charts.

Run as ``python -m``.
"""

from __future__ import annotations

import sys

from benchmarks.__main__ import main
from benchmarks.contenders import catalogue
from benchmarks.live.page import guesses, racer
from benchmarks.measure import presets
from benchmarks.report.charts import canvas
from tests.benchmarks.live.page import quick_app
from tests.benchmarks.short_trials import shortened
from tests.blank_charts import BLANK

MOST_OF_ONE_ADDRESS = 60
"""Guesses that are kept of one address: a flood of more need not be long."""

_RACER = "racer"


def run(module: str) -> None:
    """Run `lab` with short trials; the process that measures is the same module.

    Args:
        module: The one that is run.
    """
    presets.PRESETS["quick"] = shortened()
    # The process that measures must be told too.
    racer.COMMAND = (sys.executable, "-m", module, _RACER)
    if sys.argv[1:] == [_RACER]:
        sys.exit(racer.main())
    main()


def _hurry() -> None:
    """Have the pair that tests race served by an app that starts in no time.

    In place: a lineup holds the catalogue's contenders since it was imported.
    """
    for contender in (*catalogue.CONTENDERS, *catalogue.USUAL):
        if contender.arrangement == "flask@hypercorn":
            arguments = (*contender.arguments[:-1], f"{quick_app.__name__}:app")
            object.__setattr__(contender, "arguments", arguments)


if __name__ == "__main__":
    # What a bare server can do is of no interest.
    catalogue.CEILINGS = ()
    _hurry()
    # The page draws a race anew after each block, which takes longer than the block.
    canvas._svg = lambda *_: BLANK
    guesses.MOST_OF_ONE_ADDRESS = MOST_OF_ONE_ADDRESS  # type: ignore[misc]  # in this process alone
    run(__spec__.name)
