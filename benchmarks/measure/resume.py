"""Resumes an interrupted run: on the same machine, with the same software, from its journal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from benchmarks.errors import RefusedError
from benchmarks.measure import remaining
from benchmarks.measure.dependencies import DATABASE_FACT
from benchmarks.measure.environment import Fact
from benchmarks.measure.journal import RUN_NAME, Journal, write_run

MUST_MATCH = (
    *("cpu_model", "logical_cores", "server_cpus", "loader_cpus", "operating_system", "kernel"),
    *("python", "python_implementation", "git_revision", "load_engine_version", "load_workers"),
    DATABASE_FACT,
)
"""Facts, beside the package versions, without which trials of before and after are not of one thing."""

_PACKAGE = "package_"
_SHOWN = 8


def mismatches(recorded: Mapping[str, Fact], present: Mapping[str, Fact]) -> tuple[str, ...]:
    """Say what must match and does not, a fact each: ``package flask was 3.1.2 and is 3.1.3``.

    A fact that one of the two does not know cannot tell them apart; a package that one of the two lacks does.
    """
    packages = sorted({name for name in (*recorded, *present) if name.startswith(_PACKAGE)})
    told = [
        f"{name.replace('_', ' ')} was {recorded[name]} and is {present[name]}"
        for name in MUST_MATCH
        if recorded.get(name) is not None and present.get(name) is not None and recorded[name] != present[name]
    ]
    # A run that recorded no package at all knows nothing of them.
    if any(name in recorded for name in packages):
        told += [
            f"package {name.removeprefix(_PACKAGE)} was {recorded.get(name) or 'not there'} and is "
            f"{present.get(name) or 'not there'}"
            for name in packages
            if recorded.get(name) != present.get(name)
        ]
    return tuple(told)


def changed(recorded: Mapping[str, Fact], present: Mapping[str, Fact]) -> dict[str, Fact]:
    """Return the present facts that are not what was recorded."""
    return {name: value for name, value in present.items() if recorded.get(name) != value}


def reopen(folder: Path, environment: Mapping[str, Fact], resumed_at: str) -> Journal:
    """Open an interrupted run's journal, so that a runner can go on with it.

    Args:
        folder: The run's.
        environment: Facts of this machine and software, now.
        resumed_at: Now, ISO 8601 in UTC.
    Returns:
        The journal. One of a complete run is closed already: there is nothing to do.
    Raises:
        RefusedError: Something must match and does not.
        RefusedError: This version plans otherwise than the one that began the run.
        RunFileError: The journal cannot be read or written, or another process is writing it.
    """
    journal = Journal.reopen(folder)
    try:
        if journal.run.state == "complete":
            journal.close()
            # A disk that was full in the end may have had no room for it.
            if not (folder / RUN_NAME).exists():
                write_run(folder / RUN_NAME, journal.run)
            return journal
        _check(folder, journal.run.environment, environment)
        differing = changed(journal.run.environment, environment)
        journal.resume(resumed_at, differing, remaining.cut_trials(journal.run))
    except BaseException:
        journal.close()
        raise
    return journal


def _check(folder: Path, recorded: Mapping[str, Fact], present: Mapping[str, Fact]) -> None:
    found = mismatches(recorded, present)
    if not found:
        return
    shown = "".join(f"\n  {mismatch}" for mismatch in found[:_SHOWN])
    more = f"\n  and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    raise RefusedError(
        f"{folder} cannot be resumed here, because its trials would not be comparable:{shown}{more}\n"
        "Bring back what it began with, or begin a new run."
    )
