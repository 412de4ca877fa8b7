"""Sees to it that a journal is finished, however the measuring ends."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from benchmarks.measure.journal import Journal
from benchmarks.model import Run
from benchmarks.process import uninterrupted


def finished(journal: Journal, measure: Callable[[], str | None], now: Callable[[], dt.datetime]) -> Run:
    """Measure, and finish the journal: as complete, or as interrupted by what came, which goes on its way.

    Args:
        journal: What is measured is kept in it.
        measure: Measures; says why it stopped before the end of its plan, ``None`` where it did not.
        now: Gives the time of day, UTC.
    Returns:
        The run, complete.
    """
    try:
        stopped_early = measure()
    except BaseException:
        # Ctrl-C comes twice from whoever is impatient.
        with uninterrupted():
            _finish_interrupted(journal, now)
        raise
    return journal.finish("complete", _timestamp(now), stopped_early)


def _finish_interrupted(journal: Journal, now: Callable[[], dt.datetime]) -> None:
    try:
        journal.finish("interrupted", _timestamp(now))
    except Exception as error:  # noqa: BLE001 (what interrupted the run matters more than this)
        error.add_note("the journal could not be finished")
        journal.close()


def _timestamp(now: Callable[[], dt.datetime]) -> str:
    return now().isoformat(timespec="milliseconds")
