"""Plans a run and orders its trials: interleaved rounds, each in a random order from the recorded seed.

A round is a randomised block design: blocks in a random order, in each its arrangements in a random order, and twins
next to each other, in a random order too. Where a load is cut into slices, a block is all that runs on one server, each
contender in a process of its own, and their slices take turns: what is asked for is their ratios, and a machine whose
speed drifts from one second to the next, as laptops and virtual machines do, then slows all alike. Where it is not, a
block is two twins.
"""

from __future__ import annotations

import dataclasses
import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.contenders import catalogue
from benchmarks.errors import InvalidValueError
from benchmarks.measure.load.engine import DEFAULT_ENGINE, Limits
from benchmarks.measure.load.request import varies
from benchmarks.measure.presets import PRESETS, Preset, find_preset
from benchmarks.measure.workloads import HEALTH, LATENCY, USUAL, WORKLOADS, is_quick, offer_of, takes_part
from benchmarks.model import EQUAL_RATE, MARGIN, Contender, LoadProfile, Plan, Workload

SLICE_S = 0.05
"""Length of a slice, seconds: short against the seconds over which machines drift, long against its own beginning."""

OPEN_SLICE_S = 0.2
"""The same in the open model, where a slice begins with nothing in flight and must get into its stride."""

OPEN_SHORTEST_S = 1.0
"""Length of a trial at an equal rate, seconds, by default: a 99th percentile needs many requests."""

OPEN_TIMEOUT_S = 2.0
"""Patience in the open model, seconds: what queues for longer says no more than that the server cannot keep up."""

MINIMUM_REQUESTS = 20
"""Due in a trial of the open model: of fewer there is no 95th percentile."""

MOST_SIDE_BY_SIDE = 8
"""Contenders of one comparison in one block; of more there are several blocks, with the reference in every one."""

ASKED_FACT = "asked"
"""Fact of a run of anybody's apps: the words and options that said which, and what to ask of them."""

CHECK_FACT = "check"
"""Fact of a run that is a check: the command that makes it again."""

ANSWERS_OF_ONE = 200
"""Answers that one user could have in a trial of a check: of fewer, a rate is counted too coarsely."""

_LONGEST_S = 5.0
_NO_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class ScheduledTrial:
    """A trial to come."""

    round: int
    position: int
    contender: Contender
    workload: Workload
    load: LoadProfile
    placebo: bool = False
    block: int = 0


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
    engine: str = DEFAULT_ENGINE,
    limits: Limits = _NO_LIMITS,
    rate_per_s: float | None = None,
    latency_at: float | None = None,
    workloads: Sequence[str] = (),
    requests: Sequence[Workload] = (),
    against: str | None = None,
    margin: float = MARGIN,
) -> Plan:
    """Plan a run from a preset and what the caller wants otherwise.

    Args:
        preset_name: See ``PRESETS``.
        contenders: What to compare, all in every round; empty for the usual ones but the bare servers.
        seed: Of the rounds' random order.
        vus: Virtual users of the health workload.
        duration_s: Measured interval of every trial, seconds.
        rounds: Of every workload; everything is then measured in each, unless chosen by time.
        wait_rounds: Another number for the workload that waits, whose ratios a timer makes, so that they vary less.
        budget_s: See ``Plan``.
        precision: The same.
        engine: The same.
        limits: What the load engine can do: a preset is made to fit.
        rate_per_s: Ask the health workload at this rate, in the open model.
        latency_at: Ask all at one rate too, when the other rounds are over: this share of the slowest one's rate under
            the health workload.
        workloads: Names of ``WORKLOADS``; empty for the usual ones.
        requests: What to ask instead of these.
        against: See ``Plan``.
        margin: The same.
    Raises:
        InvalidValueError: There is no such preset, the load engine cannot keep the duration, a rate is so low that a
            trial has no percentiles, a share is of a rate that will not be measured, nothing could be asked what is
            asked, or what is wanted is of a workload that is not.
    """
    preset = find_preset(preset_name)
    asked = [name for name in WORKLOADS if name in (workloads or USUAL)]
    planned = [*requests] or [workload for name in asked for workload in WORKLOADS[name].workloads]
    first = planned[0] if requests else HEALTH
    if first not in planned:
        _refuse_without_health(vus=vus, rate_per_s=rate_per_s, latency_at=latency_at)
    if duration_s is not None and (refusal := limits.refusal(duration_s)):
        raise InvalidValueError(f"{engine} {refusal}.", "--duration")
    _refuse_unfit(requests, engine, limits)
    health = _resized(preset.health, vus=vus, duration_s=duration_s, limits=limits)
    if rate_per_s is not None:
        if latency_at is not None:
            raise InvalidValueError(
                "An equal rate is a share of the rate without a schedule: ask for one of --rate and --latency-at.",
                "--rate",
            )
        health = _scheduled(health, rate_per_s)
    beside_every = 1 if contenders or (rounds and budget_s is None) else preset.beside_every
    contenders = contenders or catalogue.WORKSHOP
    taking_part = {
        workload.name: tuple(each.id for each in contenders if takes_part(each, workload)) for workload in planned
    }
    if not any(taking_part.values()):
        raise InvalidValueError(
            f"A bare server has no view that could wait, so it takes no part in {' and '.join(asked)}: add another "
            "contender (--contender), or ask for --workload health.",
            "--workload",
        )
    loads = {
        workload.name: _load_of(workload, preset, health, duration_s, limits, is_own=not requests)
        for workload in planned
    }
    every_round = {
        workload.name: (wait_rounds if workload.wait_ms else None) or rounds or preset.rounds_of(workload)
        for workload in planned
    }
    if latency_at is not None:
        planned.append(dataclasses.replace(first, name=LATENCY.name))
        longer = dataclasses.replace(health, duration_s=duration_s or max(OPEN_SHORTEST_S, health.duration_s))
        # The rate is only known when the other rounds are over.
        loads[LATENCY.name] = _scheduled(longer, None)
        every_round[LATENCY.name] = every_round[first.name]
        taking_part[LATENCY.name] = taking_part[first.name]
    return Plan(
        preset=preset_name,
        seed=seed,
        contenders=tuple(contenders),
        workloads=tuple(planned),
        loads=loads,
        rounds=every_round,
        workload_contenders=taking_part,
        every={
            contender.id: beside_every
            for contender in contenders
            if beside_every > 1 and contender.arrangement not in catalogue.HEADLINES
        },
        placebo=against or catalogue.steadiest(contenders),
        ceilings=catalogue.ceilings_of(contenders),
        budget_s=budget_s,
        precision=precision,
        engine=engine,
        latency_at=latency_at,
        against=against,
        margin=margin,
    )


def _refuse_unfit(requests: Sequence[Workload], engine: str, limits: Limits) -> None:
    for request in requests:
        if not limits.varies and varies(request):
            raise InvalidValueError(
                f"{engine} sends the same request every time, and {request.name} differs from one to the next (a mix, "
                "{{$uuid}} or {{$randomInt}}): leave out --engine.",
                "--engine",
            )
        if not limits.rates and request.rate_per_s is not None:
            raise InvalidValueError(f"{engine} does not ask at a given rate, as {request.name} wants.", "--engine")


def _refuse_without_health(*, vus: int | None, rate_per_s: float | None, latency_at: float | None) -> None:
    given = {"--vus": vus, "--rate": rate_per_s, "--latency-at": latency_at}
    if wanted := [option for option, value in given.items() if value is not None]:
        raise InvalidValueError(
            f"{' and '.join(wanted)} belongs to the workload health, which is not asked: add --workload health, or "
            "leave it out.",
            "--workload",
        )


def placebo_plan(contender: Contender | None, seed: int, rounds: int, workload: Workload = HEALTH) -> Plan:
    """Plan an A/A run: one contender against itself, with the load of ``quick``, and the loader's calibration.

    Args:
        contender: By default the steadiest.
        seed: Of the order in each round.
        rounds: Number of rounds.
        workload: What it is asked, where its waits are none.
    """
    contender = contender or catalogue.find(catalogue.steadiest(catalogue.USUAL))
    return plan_of_one("doctor", (contender,), workload, PRESETS["quick"].health, rounds=rounds, seed=seed)


def plan_of_one(
    preset: str, contenders: tuple[Contender, ...], workload: Workload, load: LoadProfile, *, rounds: int, seed: int
) -> Plan:
    """Plan a run of one workload, which all contenders are asked in every round; args are those of ``Plan``."""
    return Plan(
        preset=preset,
        seed=seed,
        contenders=contenders,
        workloads=(workload,),
        loads={workload.name: _in_fit_pieces(load, workload)},
        rounds={workload.name: rounds},
        workload_contenders={workload.name: tuple(contender.id for contender in contenders)},
        placebo=catalogue.steadiest(contenders),
        ceilings=catalogue.ceilings_of(contenders),
    )


def asking(plan: Plan, requests: tuple[Workload, ...]) -> Plan:
    """Return a plan with its workloads as they were answered before anything was timed."""
    loads = {each.name: _in_fit_pieces(plan.loads[each.name], each) for each in requests}
    return dataclasses.replace(plan, workloads=requests, loads={**plan.loads, **loads})


def long_enough(plan: Plan) -> Plan:
    """Return a plan whose trials are long enough for how long its requests take to answer, within limits."""
    loads = dict(plan.loads)
    for workload in plan.workloads:
        load, alone_ms = loads[workload.name], max(workload.alone_ms.values(), default=0.0)
        duration_s = min(_LONGEST_S, max(load.duration_s, ANSWERS_OF_ONE * alone_ms / 1000))
        slices = round(load.slices * duration_s / load.duration_s) if load.slices > 1 else 1
        loads[workload.name] = dataclasses.replace(load, duration_s=duration_s, slices=slices)
    return dataclasses.replace(plan, loads=loads)


def _in_fit_pieces(load: LoadProfile, workload: Workload) -> LoadProfile:
    """Return a load that is in one piece where few answers would fit into a slice."""
    return load if is_quick(workload) else dataclasses.replace(load, slices=1)


def trials(plan: Plan) -> Iterator[ScheduledTrial]:
    """Yield every trial of the plan in the order to run it."""
    for block in blocks(plan):
        yield from block


def blocks(plan: Plan) -> Iterator[list[ScheduledTrial]]:
    """Yield the trials of the plan in the order to run them, those that run side by side together.

    Round k of every workload comes before round k + 1 of any, so that a run cut short has something of each. Only what
    is asked at a share of the others' rate must wait until they have all their rounds.
    """
    # Not for secrets: the same seed must give the same order.
    shuffler = random.Random(plan.seed)  # noqa: S311
    equal = [workload for workload in plan.workloads if workload.name == EQUAL_RATE]
    for workloads in ([workload for workload in plan.workloads if workload not in equal], equal):
        yield from _stage(plan, workloads, shuffler)


def _stage(plan: Plan, workloads: Sequence[Workload], shuffler: random.Random) -> Iterator[list[ScheduledTrial]]:
    rounds = max((plan.rounds[workload.name] for workload in workloads), default=0)
    for round_number in range(1, rounds + 1):
        for workload in workloads:
            if round_number > plan.rounds[workload.name]:
                continue
            load = plan.loads[workload.name]
            positions = itertools.count(1)
            for number, entries in enumerate(_round(plan, workload, round_number, shuffler), start=1):
                yield [
                    ScheduledTrial(
                        round_number, next(positions), contender, workload, load, placebo=placebo, block=number
                    )
                    for contender, placebo in entries
                ]


def _round(
    plan: Plan, workload: Workload, round_number: int, shuffler: random.Random
) -> Iterator[list[tuple[Contender, bool]]]:
    sliced = plan.loads[workload.name].slices > 1
    # A/A compares rates, which are given where all are asked at one.
    names = [each.name for each in plan.workloads if each.name != EQUAL_RATE]
    runs_twice = HEALTH.name if HEALTH.name in plan.loads else names[-1] if names else ""
    blocks: dict[str, dict[str, list[tuple[Contender, bool]]]] = {}
    # A ratio to a reference is one of a block, whatever serves it: of the one block, or of each.
    in_one = plan.against is not None and len(plan.workload_contenders[workload.name]) <= MOST_SIDE_BY_SIDE
    for contender in plan.contenders:
        if round_number in plan.rounds_of(contender.id, workload.name):
            together = "" if in_one else contender.server
            block = blocks.setdefault(together if sliced else contender.arrangement, {})
            twins = block.setdefault(contender.arrangement, [])
            twins.append((contender, False))
            if contender.id == plan.placebo and workload.name == runs_twice:
                twins.append((contender, True))
    order = [list(block.values()) for block in blocks.values()]
    shuffler.shuffle(order)
    for arrangements in order:
        shuffler.shuffle(arrangements)
        for twins in arrangements:
            shuffler.shuffle(twins)
    if plan.against is None or in_one or not sliced:
        yield from (list(itertools.chain.from_iterable(arrangements)) for arrangements in order)
    else:
        yield from _beside(plan.against, order, shuffler)


def _beside(
    reference: str, order: Sequence[Sequence[list[tuple[Contender, bool]]]], shuffler: random.Random
) -> Iterator[list[tuple[Contender, bool]]]:
    """Yield blocks that are not too large, with all trials of the reference at random places in each.

    What runs on one server stays together as far as it fits, and servers with few contenders share a block: of fewer
    blocks, each can have the reference twice.
    """
    own: list[tuple[Contender, bool]] = []
    pieces: list[list[tuple[Contender, bool]]] = []
    for arrangements in order:
        pieces.append([])
        for twins in arrangements:
            own += [each for each in twins if each[0].id == reference]
            others = [each for each in twins if each[0].id != reference]
            if len(pieces[-1]) + len(others) > MOST_SIDE_BY_SIDE:
                pieces.append([])
            pieces[-1] += others
    blocks: list[list[tuple[Contender, bool]]] = []
    for piece in sorted(filter(None, pieces), key=len, reverse=True):
        fitting = (block for block in blocks if len(block) + len(piece) <= MOST_SIDE_BY_SIDE)
        if (block := next(fitting, None)) is None:
            blocks.append(piece)
        else:
            block += piece
    shuffler.shuffle(blocks)
    for block in blocks:
        for each in own:
            block.insert(shuffler.randrange(len(block) + 1), each)
        yield block


def calibration(plan: Plan) -> Iterator[ScheduledTrial]:
    """Yield the trials of the bare servers, which come before the first round; always as fast as they are answered.

    They are asked for health, with the load of that workload, or the one it has in `quick` where the plan has none.
    """
    load = dataclasses.replace(plan.loads.get(HEALTH.name, PRESETS["quick"].health), rate_per_s=None)
    for position, name in enumerate(plan.ceilings, start=1):
        yield ScheduledTrial(0, position, catalogue.find(name), HEALTH, load)


def _load_of(
    workload: Workload, preset: Preset, health: LoadProfile, duration_s: float | None, limits: Limits, *, is_own: bool
) -> LoadProfile:
    """Return how hard a workload is asked: as health is, unless it waits or says otherwise."""
    if workload == HEALTH or (not is_own and not workload.wait_ms and workload.users is None):
        load = health
    else:
        connections = workload.users or offer_of(workload).connections.get(workload.name)
        load = _resized(preset.load_of(workload), vus=connections, duration_s=duration_s, limits=limits)
    load = _in_fit_pieces(load, workload)
    return load if workload.rate_per_s is None else _scheduled(load, workload.rate_per_s)


def _resized(load: LoadProfile, vus: int | None, duration_s: float | None, *, limits: Limits) -> LoadProfile:
    duration_s = duration_s or max(load.duration_s, limits.least_s)
    slices = max(2, round(duration_s / SLICE_S)) if load.slices > 1 and limits.slices else 1
    warmup_s = max(load.warmup_s, limits.least_s)
    return dataclasses.replace(load, vus=vus or load.vus, duration_s=duration_s, warmup_s=warmup_s, slices=slices)


def _scheduled(load: LoadProfile, rate_per_s: float | None) -> LoadProfile:
    """Return a load in the open model, at a rate that may not be known yet."""
    if rate_per_s is not None and rate_per_s * load.duration_s < MINIMUM_REQUESTS:
        raise InvalidValueError(
            f"At {rate_per_s:g}/s {rate_per_s * load.duration_s:.0f} requests are due in a trial of "
            f"{load.duration_s:g} s, too few for a 95th percentile: ask for a higher rate, or for trials of "
            f"{MINIMUM_REQUESTS / rate_per_s:.3g} s (--duration).",
            "--rate",
        )
    slices = max(2, round(load.duration_s / OPEN_SLICE_S)) if load.slices > 1 else 1
    return dataclasses.replace(load, rate_per_s=rate_per_s, timeout_s=OPEN_TIMEOUT_S, slices=slices)
