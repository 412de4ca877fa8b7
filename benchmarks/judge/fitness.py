"""Judges whether a machine is fit to measure: its facts, the loader's head-room, and a contender against itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from benchmarks.judge import wording
from benchmarks.judge.evidence import Evidence
from benchmarks.judge.judgement import Estimate
from benchmarks.judge.planning import POWER, detectable_difference, equal_ratios, rounds_to_detect, spread_of
from benchmarks.judge.statistics import bounds
from benchmarks.model import Machine, Run
from benchmarks.trials import void_reason

Level = Literal["good", "warning", "bad"]

_LOADED = 0.3
"""Load average per usable core, before anything is measured, above which figures suffer."""

_STOLEN = 0.02
_COARSE_CLOCK_NS = 10_000
"""A hundredth of the shortest likely latency."""

_SLOW_GOVERNORS = frozenset({"powersave", "conservative", "ondemand"})
_ROUNDS_OF_QUICK = 7
_DIFFERENCE_WANTED = 0.05


@dataclass(frozen=True, slots=True)
class Sign:
    """One thing seen of the machine.

    Attributes:
        level: ``good``; ``warning`` if figures suffer; ``bad`` if they cannot be relied on.
        what: What was seen, in words.
        advice: What to do; empty if all is well.
    """

    level: Level
    what: str
    advice: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitness:
    """Whether the machine is fit to measure, and how finely.

    Attributes:
        signs: Everything seen.
        placebo: The ratio of rates of one contender against itself; ``None`` if not measured, as are those below.
        spread: How much that ratio varies from round to round, see ``planning.spread_of``.
        ceiling_per_s: The highest rate that the loader has shown.
        difference: The smallest difference that ``lab compare`` will show, as a fraction.
        fit: Whether verdicts would stand.
        verdict: In plain words, with what to do.
    """

    signs: tuple[Sign, ...]
    placebo: Estimate | None
    spread: Estimate | None
    ceiling_per_s: float | None
    difference: float | None
    fit: bool
    verdict: str


def judge_fitness(machine: Machine, run: Run, stolen_fraction: float | None) -> Fitness:
    """Judge a machine by its facts and by an A/A run on it.

    Args:
        machine: As it was before the run.
        run: One contender against itself, with the loader's calibration.
        stolen_fraction: Share of the machine's time that the hypervisor gave to others meanwhile; ``None`` if unknown.
    """
    evidence = Evidence(run)
    ratios = equal_ratios(run)
    fit = len(ratios) > 1 and evidence.placebo_failed is None
    spread: Estimate | None = None
    difference: float | None = None
    if len(ratios) > 1:
        spread = spread_of(ratios)
        difference = detectable_difference(bounds(spread)[1], _ROUNDS_OF_QUICK)
        verdict = _verdict(machine, bounds(spread)[1], difference, fit=fit)
    else:
        reasons = sorted({reason for trial in run.trials if (reason := void_reason(trial)) is not None})
        void = " ".join(f"Void: {reason}." for reason in reasons) or "Run it with more --rounds."
        verdict = f"Not fit, or not seen to be: the A/A comparison has too few valid rounds. {void}"
    return Fitness(
        signs=(*judge_machine(machine), *_seen_in_run(evidence, len(ratios), stolen_fraction)),
        placebo=evidence.placebo,
        spread=spread,
        ceiling_per_s=evidence.ceiling_per_s,
        difference=difference,
        fit=fit,
        verdict=verdict,
    )


def judge_machine(machine: Machine) -> Iterator[Sign]:
    """Judge what is known before anything is measured."""
    usable = wording.things(machine.usable_cores, "usable core")
    if machine.server_cpus:
        loader = f" and loader on {machine.loader_cpus[0]}" if machine.loader_cpus else ""
        siblings = ", which are two threads of one core" if machine.cores_are_siblings else ""
        yield _sign(
            f"{usable}, server on {machine.server_cpus[0]}{loader}{siblings}.",
            bool(machine.cores_are_siblings),
            "The loader slows the server. If there is another core, let this process use it: taskset.",
        )
    else:
        yield Sign(
            "warning",
            f"{usable}, and server and loader cannot be kept apart.",
            "They take time from each other: expect wide intervals. Two cores and Linux can do it.",
        )
    if machine.governors:
        told = f"The cores' frequency governor is {' and '.join(machine.governors)}."
        slow = not _SLOW_GOVERNORS.isdisjoint(machine.governors)
        yield _sign(told, slow, "Speed follows how busy they were. As root: cpupower frequency-set -g performance.")
    if machine.on_battery:
        yield Sign("warning", "The power supply is unplugged.", "Plug it in: a battery slows cores.")
    if machine.load_average_1m is not None:
        names = ", ".join(f"{name} ({100 * fraction:.0f} % of a core)" for name, fraction in machine.busiest)
        now = f"; now busy: {names}" if names else ""
        yield _sign(
            f"Load average {machine.load_average_1m:g} over the last minute{now}.",
            bool(machine.busiest) or machine.load_average_1m > _LOADED * machine.usable_cores,
            "Close what you can, or wait: whatever runs beside a measurement affects it.",
        )
    coarse = machine.clock_step_ns > _COARSE_CLOCK_NS
    step = f"{machine.clock_step_ns / 1_000:,.0f} µs" if coarse else f"{machine.clock_step_ns:,.0f} ns"
    yield _sign(f"The clock moves in steps of {step}.", coarse, "Latencies are no finer than that; rates are right.")


def _sign(what: str, is_warning: bool, advice: str) -> Sign:
    return Sign("warning", what, advice) if is_warning else Sign("good", what)


def _seen_in_run(evidence: Evidence, rounds: int, stolen_fraction: float | None) -> Iterator[Sign]:
    if evidence.ceiling_per_s is not None:
        yield Sign("good", f"The loader reached {evidence.ceiling_per_s:,.0f} req/s on a bare server.")
    else:
        advice = "Every trial of the bare servers is void; run again, and see whether they start: lab contenders."
        yield Sign("bad", "The loader could not be calibrated.", advice)
    if stolen_fraction is not None:
        told = f"The hypervisor took {100 * stolen_fraction:.1f} % of the time."
        yield _sign(told, stolen_fraction > _STOLEN, "A neighbour is busy: measure at another hour, or elsewhere.")
    if evidence.placebo is None:
        yield Sign("bad", "The A/A comparison has no valid round.", "Run again.")
        return
    told = f"A/A, one contender against itself over {wording.rounds(rounds)}: {wording.ratio(evidence.placebo)}"
    if evidence.placebo_failed is not None:
        advice = "Two equal things came out different. Stop what else runs here, and run lab doctor again."
        yield Sign("bad", f"{told}.", advice)
    elif evidence.placebo_note is not None:
        yield Sign("warning", f"{told}, equality not shown.", "Small differences may be chance here.")
    else:
        yield Sign("good", f"{told}, equal.")


def _verdict(machine: Machine, spread: float, difference: float, *, fit: bool) -> str:
    if not fit:
        return "Not fit to measure as it is now: two equal things come out different. Verdicts would be withheld."
    cores = "server and loader pinned apart" if machine.server_cpus else "server and loader sharing cores"
    shown = (
        f"Fit to measure, {cores}: lab compare will show differences above {_percent(difference)} "
        f"({100 * POWER:.0f} % of the time)."
    )
    if difference <= _DIFFERENCE_WANTED:
        return shown
    rounds = rounds_to_detect(spread, _DIFFERENCE_WANTED)
    if rounds is None:
        return f"{shown} Finer ones would take more than a thousand rounds: measure on a quieter machine."
    return f"{shown} For {_percent(_DIFFERENCE_WANTED)} it takes {rounds} rounds: lab compare --rounds {rounds}."


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.0f} %" if fraction >= 0.1 else f"{100 * fraction:.1f} %"
