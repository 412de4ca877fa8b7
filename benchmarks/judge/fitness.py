"""Judges whether a machine is fit to measure: its facts, the loader's head-room, and a contender against itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from benchmarks.judge import wording
from benchmarks.judge.evidence import Evidence, placebo_pairs
from benchmarks.judge.judgement import Estimate
from benchmarks.judge.power import POWER, Spread, detectable_difference, rounds_to_detect, spread_of
from benchmarks.machine import Machine
from benchmarks.model import Run
from benchmarks.trials import void_reason

Level = Literal["good", "warning", "bad"]

_LOADED = 0.3
"""Processes for each usable core that want it before anything is measured, from which figures suffer."""

_STOLEN = 0.02
_COARSE_CLOCK_NS = 10_000
"""A hundredth of the shortest latency that the lab is likely to see."""

_SLOW_GOVERNORS = frozenset({"powersave", "conservative", "ondemand"})
_ROUNDS_OF_QUICK = 7
_DIFFERENCE_WANTED = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """One thing seen of the machine.

    Attributes:
        level: ``good``; ``warning`` when figures suffer; ``bad`` when they cannot be relied on.
        what: What was seen, in words.
        advice: What to do; empty where all is well.
    """

    level: Level
    what: str
    advice: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitness:
    """Whether the machine is fit to measure, and how finely.

    Attributes:
        signs: Everything seen.
        placebo: The ratio of rates of one contender against itself; ``None`` when it was not measured.
        spread: How much that ratio varies from round to round; ``None`` the same.
        ceiling_per_s: The highest rate that the loader has shown; ``None`` the same.
        difference: The smallest difference that ``lab compare`` will show, as a fraction; ``None`` the same.
        fit: Whether verdicts would stand.
        verdict: In plain words, with what to do.
    """

    signs: tuple[Sign, ...]
    placebo: Estimate | None
    spread: Spread | None
    ceiling_per_s: float | None
    difference: float | None
    fit: bool
    verdict: str


def judge_fitness(machine: Machine, run: Run, stolen_fraction: float | None, margin: float = 0.05) -> Fitness:
    """Judge a machine by its facts and by an A/A run on it.

    Args:
        machine: As it was before the run.
        run: One contender against itself, with the loader's calibration.
        stolen_fraction: Share of the machine's time that the hypervisor gave to others meanwhile; ``None`` if unknown.
        margin: Half-width of what counts as equal.
    """
    evidence = Evidence(run, margin)
    pairs = placebo_pairs(run)
    signs = (*judge_machine(machine), *_seen_in_run(evidence, len(pairs), stolen_fraction))
    if len(pairs) < 2:
        return Fitness(
            signs=signs,
            placebo=evidence.placebo,
            spread=None,
            ceiling_per_s=evidence.ceiling_per_s,
            difference=None,
            fit=False,
            verdict="Not fit, or not seen to be: the A/A comparison has too few valid rounds. " + _void(run),
        )
    spread = spread_of([above.result.rate_per_s for above, _ in pairs], [below.result.rate_per_s for _, below in pairs])
    difference = detectable_difference(spread.cautious, _ROUNDS_OF_QUICK)
    fit = evidence.placebo_failed is None
    return Fitness(
        signs=signs,
        placebo=evidence.placebo,
        spread=spread,
        ceiling_per_s=evidence.ceiling_per_s,
        difference=difference,
        fit=fit,
        verdict=_verdict(machine, spread, difference, fit=fit),
    )


def judge_machine(machine: Machine) -> tuple[Sign, ...]:
    """Judge what is known before anything is measured."""
    return tuple(_seen_of(machine))


def _seen_of(machine: Machine) -> Iterator[Sign]:
    yield _cores(machine)
    if machine.governors:
        yield _governor(machine.governors)
    if machine.on_battery:
        yield Sign(level="warning", what="The power supply is unplugged.", advice="Plug it in: a battery slows cores.")
    if machine.load_average_1m is not None:
        yield _load(machine, machine.load_average_1m)
    if machine.clock_step_ns > _COARSE_CLOCK_NS:
        yield Sign(
            level="warning",
            what=f"The clock moves in steps of {machine.clock_step_ns / 1_000:,.0f} µs.",
            advice="Latencies are no finer than that; rates are right.",
        )
    else:
        yield Sign(level="good", what=f"The clock moves in steps of {machine.clock_step_ns:,.0f} ns.")


def _cores(machine: Machine) -> Sign:
    usable = wording.things(machine.usable_cores, "usable core")
    if not machine.server_cpus:
        return Sign(
            level="warning",
            what=f"{usable}, and server and loader cannot be kept apart.",
            advice="They take time from each other: expect wide intervals. Two cores and Linux can do it.",
        )
    pinned = f"{usable}, server on {machine.server_cpus[0]}"
    if machine.loader_cpus:
        pinned += f" and loader on {machine.loader_cpus[0]}"
    if machine.cores_are_siblings:
        return Sign(
            level="warning",
            what=f"{pinned}, which are two threads of one core.",
            advice="The loader slows the server. If there is another core, let this process use it: taskset.",
        )
    return Sign(level="good", what=f"{pinned}.")


def _governor(governors: tuple[str, ...]) -> Sign:
    told = " and ".join(governors)
    if _SLOW_GOVERNORS.intersection(governors):
        return Sign(
            level="warning",
            what=f"The cores' frequency governor is {told}.",
            advice="Speed follows how busy they were. As root: cpupower frequency-set -g performance.",
        )
    return Sign(level="good", what=f"The cores' frequency governor is {told}.")


def _load(machine: Machine, load_average: float) -> Sign:
    names = ", ".join(f"{name} ({100 * fraction:.0f} % of a core)" for name, fraction in machine.busiest)
    what = f"Load average {load_average:g} over the last minute{f'; now busy: {names}' if names else ''}."
    if machine.busiest or load_average > _LOADED * machine.usable_cores:
        advice = "Close what you can, or wait: whatever runs beside a measurement takes part in it."
        return Sign(level="warning", what=what, advice=advice)
    return Sign(level="good", what=what)


def _seen_in_run(evidence: Evidence, rounds: int, stolen_fraction: float | None) -> Iterator[Sign]:
    if evidence.ceiling_per_s is not None:
        yield Sign(level="good", what=f"The loader reached {evidence.ceiling_per_s:,.0f} req/s on a bare server.")
    else:
        yield Sign(
            level="bad",
            what="The loader could not be calibrated.",
            advice="Every trial of the bare servers is void; run again, and see whether they start: lab contenders.",
        )
    if stolen_fraction is not None:
        told = f"The hypervisor took {100 * stolen_fraction:.1f} % of the time."
        if stolen_fraction > _STOLEN:
            yield Sign(level="warning", what=told, advice="A neighbour is busy: measure at another hour, or elsewhere.")
        else:
            yield Sign(level="good", what=told)
    if evidence.placebo is None:
        yield Sign(level="bad", what="The A/A comparison has no valid round.", advice="Run again.")
        return
    told = f"A/A, one contender against itself over {wording.rounds(rounds)}: {wording.ratio(evidence.placebo)}"
    if evidence.placebo_failed is not None:
        advice = "Two equal things came out different. Stop what else runs here, and run lab doctor again."
        yield Sign(level="bad", what=f"{told}.", advice=advice)
    elif evidence.placebo_note is not None:
        yield Sign(level="warning", what=f"{told}, equality not shown.", advice="Small differences may be chance here.")
    else:
        yield Sign(level="good", what=f"{told}, equal.")


def _verdict(machine: Machine, spread: Spread, difference: float, *, fit: bool) -> str:
    if not fit:
        return "Not fit to measure as it is now: two equal things come out different. Verdicts would be withheld."
    cores = "server and loader pinned apart" if machine.server_cpus else "server and loader sharing cores"
    shown = (
        f"Fit to measure, {cores}: lab compare will show differences above {_percent(difference)} "
        f"({100 * POWER:.0f} % of the time)."
    )
    if difference <= _DIFFERENCE_WANTED:
        return shown
    rounds = rounds_to_detect(spread.cautious, _DIFFERENCE_WANTED)
    if rounds is None:
        return f"{shown} Finer ones would take more than a thousand rounds: measure on a quieter machine."
    return f"{shown} For {_percent(_DIFFERENCE_WANTED)} it takes {rounds} rounds: lab compare --rounds {rounds}."


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.0f} %" if fraction >= 0.1 else f"{100 * fraction:.1f} %"


def _void(run: Run) -> str:
    reasons = {reason for trial in run.trials if (reason := void_reason(trial)) is not None}
    return " ".join(f"Void: {reason}." for reason in sorted(reasons)) or "Run it with more --rounds."
