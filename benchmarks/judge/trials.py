"""Which trials of a run are evidence, and which of them measured the loader rather than the server."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from benchmarks.model import Contender, LatencySummary, LoadResult, Run, Trial
from benchmarks.trials import void_reason

MAXIMUM_CEILING_FRACTION = 0.7
MAXIMUM_LOADER_CPU_FRACTION = 0.9
MAXIMUM_LATENESS_FRACTION = 0.5
"""Share of the 95th percentile latency that may be the loader's own lateness, if requests have a schedule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidTrial:
    """A trial that counts, with the results that a valid one always has.

    Attributes:
        trial: As it was recorded.
        result: Of the load.
        latency: Of the valid answers.
    """

    trial: Trial
    result: LoadResult
    latency: LatencySummary


def ordinary_trials(run: Run, contender: str, workload: str) -> tuple[Trial, ...]:
    """Return a contender's trials under one workload, valid or not, without the placebo's."""
    return tuple(
        trial
        for trial in run.trials
        if trial.contender == contender and trial.workload == workload and not trial.placebo
    )


def participants(run: Run, workload: str) -> tuple[Contender, ...]:
    """Return the contenders that were planned for a workload, in the order of the plan."""
    planned = run.plan.workload_contenders.get(workload, ())
    return tuple(contender for contender in run.plan.contenders if contender.id in planned)


def asked_rate_per_s(run: Run, workload: str) -> float | None:
    """Return the rate that a workload was really asked at; ``None`` in the closed model, or if no trial ran."""
    return next((trial.load.rate_per_s for trial in run.trials if trial.workload == workload), None)


def valid_trials(trials: Iterable[Trial]) -> tuple[ValidTrial, ...]:
    """Return the trials that count, in their order."""
    return tuple(
        ValidTrial(trial=trial, result=trial.result, latency=trial.result.latency)
        for trial in trials
        if void_reason(trial) is None and trial.result is not None and trial.result.latency is not None
    )


def loader_bound_reason(trial: ValidTrial, ceiling_per_s: float | None) -> str | None:
    """Say why a trial measured the loader rather than the server, or ``None`` if it had head-room.

    Args:
        trial: Of any contender.
        ceiling_per_s: The highest rate that the loader has shown, see ``ceiling``; ``None`` if it was not calibrated.
    """
    rate = trial.result.rate_per_s
    if ceiling_per_s is not None and rate > MAXIMUM_CEILING_FRACTION * ceiling_per_s:
        return (
            f"{rate:,.0f} requests/s is {100 * rate / ceiling_per_s:.0f} % of the {ceiling_per_s:,.0f} that the loader "
            f"reached on a bare server, above {100 * MAXIMUM_CEILING_FRACTION:.0f} %"
        )
    lateness = trial.result.lateness
    if lateness is not None and lateness.p95_ms > MAXIMUM_LATENESS_FRACTION * trial.latency.p95_ms:
        return (
            f"the loader was behind its own schedule by {lateness.p95_ms:.3g} ms at the 95th percentile, above "
            f"{100 * MAXIMUM_LATENESS_FRACTION:.0f} % of the latency there, {trial.latency.p95_ms:.3g} ms"
        )
    if trial.result.loader_cpu_s is None:
        return None
    cores = trial.result.loader_cores
    used = trial.result.loader_cpu_s / trial.result.duration_s / cores
    if used > MAXIMUM_LOADER_CPU_FRACTION:
        its = "core" if cores == 1 else f"{cores} cores"
        return f"the loader used {100 * used:.0f} % of its {its}, above {100 * MAXIMUM_LOADER_CPU_FRACTION:.0f} %"
    return None


def ceilings(calibration: Iterable[Trial]) -> dict[str, float]:
    """Return the highest rate per second that the loader reached on each bare server, by contender id."""
    highest: dict[str, float] = {}
    for valid in valid_trials(calibration):
        contender = valid.trial.contender
        highest[contender] = max(valid.result.rate_per_s, highest.get(contender, 0.0))
    return highest


def ceiling(ceilings_per_s: dict[str, float]) -> float | None:
    """Return the highest rate that the loader has shown on any bare server.

    Of any, not of the contender's own server: a slow server's bare app shows the speed of the *server*. On Hypercorn,
    FastAPI reaches about 70 % of the bare app's rate while the loader's core is 80 % idle.
    """
    return max(ceilings_per_s.values(), default=None)
