"""Plans a run and orders its trials: interleaved rounds, each in a random order from the recorded seed.

A round is a randomised block design: blocks in a random order, in each its arrangements in a random order, and twins
next to each other, in a random order too. Where a load is cut into slices, a block is all that runs on one server, each
contender in a process of its own, and their slices take turns: what is asked for is their ratios, and a machine whose
speed drifts from one second to the next, as laptops and virtual machines do, then slows all alike. Where it is not, a
block is two twins.
"""

from __future__ import annotations

import dataclasses
import difflib
import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.contenders import catalogue
from benchmarks.model import Contender, LoadProfile, Plan, Workload

HEALTH = Workload(name="health", path="/health/{variant}")
WAIT = Workload(name="wait", path="/wait/{variant}?ms=50", wait_ms=50.0)

SLICE_S = 0.1
"""Length of a slice, seconds: short against the seconds over which machines drift, long against its own beginning."""

STARTUP_ESTIMATE_S = 0.8
"""What a trial costs beside its load, seconds: to start a server and to stop it. For the estimate shown, no more."""

ENGINE_START_ESTIMATE_S: Mapping[str, float] = {"k6": 1.5, "locust": 1.2}
"""What starting a load engine adds to a trial, seconds: k6 runs twice, Locust imports much. For the estimate too."""


class UnknownPresetError(Exception):
    """No preset has this name; the message suggests the nearest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A ready-made size of run.

    Attributes:
        summary: One line for a person.
        health: Load of the health workload; 10 virtual users, as in the tutorial.
        wait: Load of the wait workload; more virtual users than any server's threads, or nothing would queue.
        health_rounds: Rounds of the health workload.
        wait_rounds: Rounds of the wait workload, whose rates hold still because a timer makes them.
        beside_every: Arrangements on which no claim is judged take part in one of so many rounds, in two at least.
    """

    summary: str
    health: LoadProfile
    wait: LoadProfile
    health_rounds: int
    wait_rounds: int
    beside_every: int = 1


PRESETS: dict[str, Preset] = {
    "quick": Preset(
        summary="under three minutes; for a class",
        health=LoadProfile(vus=10, duration_s=0.7, warmup_s=0.2, slices=7),
        wait=LoadProfile(vus=60, duration_s=0.8, warmup_s=0.2),
        health_rounds=7,
        wait_rounds=3,
        beside_every=3,
    ),
    "tutorial": Preset(
        summary="10 virtual users for 30 s a trial, as in the tutorial",
        health=LoadProfile(vus=10, duration_s=30.0, warmup_s=2.0),
        wait=LoadProfile(vus=100, duration_s=5.0, warmup_s=1.0),
        health_rounds=3,
        wait_rounds=3,
    ),
    "full": Preset(
        summary="more and longer rounds; for figures to quote",
        health=LoadProfile(vus=10, duration_s=5.0, warmup_s=1.0, slices=50),
        wait=LoadProfile(vus=100, duration_s=5.0, warmup_s=1.0),
        health_rounds=10,
        wait_rounds=5,
    ),
}


@dataclass(frozen=True, slots=True)
class ScheduledTrial:
    """A trial to come."""

    round: int
    position: int
    contender: Contender
    workload: Workload
    load: LoadProfile
    placebo: bool = False


def find_preset(name: str) -> Preset:
    """Return the preset of this name.

    Raises:
        UnknownPresetError: There is none.
    """
    if name in PRESETS:
        return PRESETS[name]
    near = difflib.get_close_matches(name, PRESETS, n=1, cutoff=0.4)
    suggestion = f" Did you mean {near[0]}?" if near else ""
    raise UnknownPresetError(f"No preset is called {name!r}.{suggestion} There are: {', '.join(PRESETS)}.")


def plan(
    preset_name: str,
    contenders: Sequence[Contender],
    seed: int,
    *,
    vus: int | None = None,
    duration_s: float | None = None,
    rounds: int | None = None,
    wait_rounds: int | None = None,
    budget_s: float | None = None,
    precision: float | None = None,
    engine: str = "builtin",
    sliced: bool = True,
) -> Plan:
    """Plan a run from a preset and what the caller wants otherwise.

    Args:
        preset_name: See ``PRESETS``.
        contenders: What to compare, all in every round; empty for every contender but the bare servers.
        seed: Of the rounds' random order.
        vus: Virtual users of the health workload.
        duration_s: Measured interval of every trial, seconds.
        rounds: Number of rounds of every workload; then everything takes part in each, unless they were chosen by time.
        wait_rounds: Another number for the workload that waits, whose ratios a timer makes, so that they vary less.
        budget_s: See ``Plan``.
        precision: The same.
        engine: Name of the load engine.
        sliced: Whether the engine can hold its load between slices; if not, every interval is one piece.
    Raises:
        UnknownPresetError: No such preset.
    """
    preset = find_preset(preset_name)
    beside_every = 1 if contenders or (rounds and budget_s is None) else preset.beside_every
    contenders = contenders or [contender for contender in catalogue.CONTENDERS if contender.variant is not None]
    ids = tuple(contender.id for contender in contenders)
    waiting = tuple(contender.id for contender in contenders if contender.variant is not None)
    return Plan(
        preset=preset_name,
        seed=seed,
        contenders=tuple(contenders),
        workloads=(HEALTH, WAIT),
        loads={
            HEALTH.name: _resized(preset.health, vus=vus, duration_s=duration_s, sliced=sliced),
            WAIT.name: _resized(preset.wait, vus=None, duration_s=duration_s, sliced=sliced),
        },
        rounds={HEALTH.name: rounds or preset.health_rounds, WAIT.name: wait_rounds or rounds or preset.wait_rounds},
        workload_contenders={HEALTH.name: ids, WAIT.name: waiting},
        every={
            contender.id: beside_every
            for contender in contenders
            if beside_every > 1 and contender.arrangement not in catalogue.HEADLINES
        },
        placebo=_placebo(contenders),
        ceilings=catalogue.CEILINGS,
        budget_s=budget_s,
        precision=precision,
        engine=engine,
    )


def placebo_plan(contender: Contender | None, seed: int, rounds: int) -> Plan:
    """Plan an A/A run: one contender against itself, with the load of ``quick``, and the loader's calibration.

    Args:
        contender: Which; the steadiest unless told.
        seed: Of the order in each round.
        rounds: Number of rounds.
    """
    contender = contender or catalogue.find(_placebo(catalogue.CONTENDERS))
    return Plan(
        preset="doctor",
        seed=seed,
        contenders=(contender,),
        workloads=(HEALTH,),
        loads={HEALTH.name: PRESETS["quick"].health},
        rounds={HEALTH.name: rounds},
        workload_contenders={HEALTH.name: (contender.id,)},
        placebo=contender.id,
        ceilings=catalogue.CEILINGS,
    )


def trials(plan: Plan) -> Iterator[ScheduledTrial]:
    """Yield every trial of the plan in the order to run it."""
    for block in blocks(plan):
        yield from block


def blocks(plan: Plan) -> Iterator[list[ScheduledTrial]]:
    """Yield the trials of the plan in the order to run them, those that run side by side together.

    Round k of every workload comes before round k + 1 of any, so that a run cut short has something of each.
    """
    # Not for secrets: the same seed must give the same order.
    shuffler = random.Random(plan.seed)  # noqa: S311
    for round_number in range(1, max(plan.rounds.values()) + 1):
        for workload in plan.workloads:
            if round_number > plan.rounds[workload.name]:
                continue
            load = plan.loads[workload.name]
            positions = itertools.count(1)
            for entries in _round(plan, workload, round_number, shuffler):
                block = [
                    ScheduledTrial(round_number, next(positions), contender, workload, load, placebo=placebo)
                    for contender, placebo in entries
                ]
                yield block


def _round(
    plan: Plan, workload: Workload, round_number: int, shuffler: random.Random
) -> Iterator[list[tuple[Contender, bool]]]:
    sliced = plan.loads[workload.name].slices > 1
    blocks: dict[str, dict[str, list[tuple[Contender, bool]]]] = {}
    for contender in plan.contenders:
        if round_number in plan.rounds_of(contender.id, workload.name):
            block = blocks.setdefault(contender.server if sliced else contender.arrangement, {})
            twins = block.setdefault(contender.arrangement, [])
            twins.append((contender, False))
            if contender.id == plan.placebo and workload.name == HEALTH.name:
                twins.append((contender, True))
    order = [list(block.values()) for block in blocks.values()]
    shuffler.shuffle(order)
    for arrangements in order:
        shuffler.shuffle(arrangements)
        for twins in arrangements:
            shuffler.shuffle(twins)
        yield list(itertools.chain.from_iterable(arrangements))


def calibration(plan: Plan) -> Iterator[ScheduledTrial]:
    """Yield the trials of the bare servers, which come before the first round."""
    for position, name in enumerate(plan.ceilings, start=1):
        yield ScheduledTrial(0, position, catalogue.find(name), HEALTH, plan.loads[HEALTH.name])


def estimate_s(plan: Plan) -> float:
    """Return about how long the run will take, seconds."""
    planned = [*calibration(plan), *trials(plan)]
    engine_s = ENGINE_START_ESTIMATE_S.get(plan.engine, 0.0)
    return sum(estimate_trial_s(trial) + engine_s for trial in planned)


def estimate_trial_s(trial: ScheduledTrial) -> float:
    """Return about how long one trial will take, seconds."""
    return STARTUP_ESTIMATE_S + _steady_after_s(trial) + trial.load.duration_s


def _steady_after_s(trial: ScheduledTrial) -> float:
    # Behind asgiref's bridge one thread serves the process: every virtual user waits for all the others' waits.
    if trial.contender.bridge == "asgiref":
        return max(trial.load.warmup_s, trial.load.vus * trial.workload.wait_ms / 1000)
    return trial.load.warmup_s


def _resized(load: LoadProfile, vus: int | None, duration_s: float | None, *, sliced: bool) -> LoadProfile:
    duration_s = duration_s or load.duration_s
    slices = max(2, round(duration_s / SLICE_S)) if load.slices > 1 and sliced else 1
    return dataclasses.replace(load, vus=vus or load.vus, duration_s=duration_s, slices=slices)


def _placebo(contenders: Sequence[Contender]) -> str:
    """Choose which contender runs twice a round: the steadiest, one without threads, where there is one."""
    on_the_loop = [contender for contender in contenders if contender.framework != "flask"]
    preferred = [contender for contender in on_the_loop if contender.variant == "async"]
    return (preferred or on_the_loop or list(contenders))[-1].id
