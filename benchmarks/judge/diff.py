"""Holds two runs against each other, of two days or two machines: the ratios of both, and the ratio of the ratios."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.judge import wording
from benchmarks.judge.comparable import COMPARED, IncomparableError, asked
from benchmarks.judge.comparison import MARGIN, conclude, paired
from benchmarks.judge.evidence import Evidence, RefusedError
from benchmarks.judge.judgement import Comparison, Estimate, QuantityName
from benchmarks.judge.measures import QUANTITIES, resolution, resolution_of_ratio
from benchmarks.judge.selections import twin_pairs
from benchmarks.judge.statistics import geometric_mean, independent_ratio
from benchmarks.judge.summaries import participants
from benchmarks.model import Contender, Run

_PACKAGE = "package_"
_MACHINE = ("cpu_model", "logical_cores", "physical_cores", "memory_bytes", "operating_system")
_LENGTHS = (("duration_s", "a measured interval"), ("warmup_s", "a warm-up"))

Fact = str | int | float | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SideBySide:
    """One number of both runs, side by side.

    Attributes:
        workload: Name of the workload.
        subject: An arrangement, for async over sync; or a contender's id.
        quantity: What it is of, in words.
        unit: Of ``left`` and ``right``; ``×`` for a ratio.
        left: In the first run.
        right: In the second.
        comparison: The second over the first; of ratios, the ratio of the ratios.
    """

    workload: str
    subject: str
    quantity: str
    unit: str
    left: Estimate | None
    right: Estimate | None
    comparison: Comparison


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A fact that is not the same in both; ``None`` where a run does not know it."""

    name: str
    left: Fact
    right: Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class Diff:
    """Two runs, held against each other.

    Attributes:
        ratios: Async over sync, of every arrangement and workload that both have.
        contenders: Of every contender and workload that both have. Not paired: what the machines or the days have of
            their own is in them.
        same_run: Whether it is one run, given twice.
        same_machine: Whether nothing says that it is another machine.
        environment: Facts of machine and software that differ.
        packages: Versions that differ.
        only_left: Contenders that only the first run has.
        only_right: Contenders that only the second run has.
        withheld: Why the ratios are no evidence: a placebo that failed; ``None`` where none did.
        notes: What a reader must know beside.
        margin: Half-width of what counts as equal.
    """

    ratios: tuple[SideBySide, ...]
    contenders: tuple[SideBySide, ...]
    same_run: bool
    same_machine: bool
    environment: tuple[Difference, ...]
    packages: tuple[Difference, ...]
    only_left: tuple[str, ...]
    only_right: tuple[str, ...]
    withheld: str | None
    notes: tuple[str, ...]
    margin: float


def diff(left: Run, right: Run, margin: float = MARGIN) -> Diff:
    """Compare two runs.

    Args:
        left: The first.
        right: The second.
        margin: Half-width of what counts as equal.
    Raises:
        IncomparableError: They asked different things, or have no contender in common.
    """
    workloads = _common_workloads(left, right)
    sides = (Evidence(left, margin), Evidence(right, margin))
    common = [
        (workload, contender)
        for workload in workloads
        for contender in participants(left, workload)
        if contender.id in {other.id for other in participants(right, workload)}
    ]
    if not common:
        raise IncomparableError("The two runs have no contender in common, so there is nothing to hold together.")
    ids = [{contender.id for contender in run.plan.contenders} for run in (left, right)]
    differences = _differences(left.environment, right.environment)
    failed = [evidence.placebo_failed for evidence in sides if evidence.placebo_failed is not None]
    return Diff(
        ratios=tuple(_ratios(sides, common, margin)),
        contenders=tuple(
            _contender(sides, workload, contender, quantity, margin)
            for workload, contender in common
            for quantity in COMPARED
        ),
        same_run=(left.name, left.started_at, left.plan.seed) == (right.name, right.started_at, right.plan.seed),
        same_machine=not any(difference.name in _MACHINE for difference in differences),
        environment=tuple(each for each in differences if not each.name.startswith(_PACKAGE)),
        packages=tuple(each for each in differences if each.name.startswith(_PACKAGE)),
        only_left=tuple(contender.id for contender in left.plan.contenders if contender.id not in ids[1]),
        only_right=tuple(contender.id for contender in right.plan.contenders if contender.id not in ids[0]),
        withheld=failed[0] if failed else None,
        notes=tuple(_notes(left, right, workloads)),
        margin=margin,
    )


def _common_workloads(left: Run, right: Run) -> list[str]:
    """Return the workloads that both have, which must have asked the same.

    Raises:
        IncomparableError: There is none, or one asked different things.
    """
    questions = {
        workload.name: (asked(left, workload.name), asked(right, workload.name)) for workload in left.plan.workloads
    }
    common = {name: (one, other) for name, (one, other) in questions.items() if one is not None and other is not None}
    if not common:
        names = [", ".join(workload.name for workload in run.plan.workloads) or "none" for run in (left, right)]
        raise IncomparableError(f"The two runs have no workload in common: {names[0]} here, {names[1]} there.")
    apart = [
        f"\n  {name}: {one.told()}\n  {' ' * len(name)}  {other.told()}"
        for name, (one, other) in common.items()
        if one != other
    ]
    if apart:
        raise IncomparableError(
            f"The two runs did not ask the same, so their ratios are of different things:{''.join(apart)}\n"
            "Measure one of them again as the other was: its report ends with the command."
        )
    return list(common)


def _ratios(
    sides: tuple[Evidence, Evidence], common: Sequence[tuple[str, Contender]], margin: float
) -> Iterator[SideBySide]:
    for asynchronous, sync, workload in twin_pairs(sides[0].run):
        if {(workload, asynchronous), (workload, sync)} <= set(common):
            for quantity in COMPARED:
                yield _ratio(sides, workload, (asynchronous, sync), quantity, margin)


def _ratio(
    sides: tuple[Evidence, Evidence],
    workload: str,
    twins: tuple[Contender, Contender],
    quantity: QuantityName,
    margin: float,
) -> SideBySide:
    measure = QUANTITIES[quantity].measure
    refusal = None
    samples: list[list[float]] = []
    steps: list[float] = []
    for evidence in sides:
        try:
            evidence.require(*twins, workload)
        except RefusedError as error:
            refusal = str(error)
        pairs = paired(*(evidence.valid(twin, workload) for twin in twins))
        values = [(measure(above), measure(below)) for above, below in pairs]
        samples.append([above / below for above, below in values if above is not None and below is not None])
        steps.append(resolution_of_ratio(pairs, measure))
    row = SideBySide(
        workload=workload,
        subject=twins[0].arrangement,
        quantity=QUANTITIES[quantity].title,
        unit="×",
        left=_average(samples[0]),
        right=_average(samples[1]),
        comparison=_sides(workload, quantity, refusal),
    )
    return _compared(row, samples, steps, margin)


def _contender(
    sides: tuple[Evidence, Evidence], workload: str, contender: Contender, quantity: QuantityName, margin: float
) -> SideBySide:
    told = QUANTITIES[quantity]
    valid = [evidence.valid(contender, workload) for evidence in sides]
    samples = [[value for value in map(told.measure, each) if value is not None] for each in valid]
    steps = [max((resolution(trial, told.measure) for trial in each), default=0.0) for each in valid]
    row = SideBySide(
        workload=workload,
        subject=contender.id,
        quantity=told.title,
        unit=told.unit,
        left=_average(samples[0]),
        right=_average(samples[1]),
        comparison=_sides(workload, quantity, None),
    )
    return _compared(row, samples, steps, margin)


def _average(sample: Sequence[float]) -> Estimate | None:
    return geometric_mean(sample) if sample else None


def _sides(workload: str, quantity: QuantityName, refusal: str | None) -> Comparison:
    return Comparison(
        above="the second run", below="the first run", workload=workload, decides=quantity, refusal=refusal
    )


def _compared(row: SideBySide, samples: Sequence[Sequence[float]], steps: Sequence[float], margin: float) -> SideBySide:
    """Return a row with the second run over the first, from samples that share no round."""
    comparison = row.comparison
    if row.left is None or row.right is None:
        refusal = comparison.refusal or "It is not known in both runs."
        return dataclasses.replace(row, comparison=conclude(dataclasses.replace(comparison, refusal=refusal), margin))
    off_by = (1 + steps[0]) * (1 + steps[1]) - 1
    estimate = dataclasses.replace(independent_ratio(samples[1], samples[0]), resolution=off_by)
    comparison = conclude(comparison.having({comparison.decides: estimate}), margin)
    if comparison.refusal is None:
        sentence = (
            f"{row.subject}, {row.workload}, {row.quantity}: {wording.ratio(estimate)} in the second run over the "
            f"first: {comparison.finding}."
        )
        comparison = dataclasses.replace(comparison, sentence=sentence)
    return dataclasses.replace(row, comparison=comparison)


def _differences(left: Mapping[str, Fact], right: Mapping[str, Fact]) -> list[Difference]:
    names = dict.fromkeys((*left, *right))
    return [
        Difference(name=name, left=left.get(name), right=right.get(name))
        for name in names
        if left.get(name) != right.get(name)
    ]


def _notes(left: Run, right: Run, workloads: Sequence[str]) -> Iterator[str]:
    for number, run in (("first", left), ("second", right)):
        if run.state != "complete":
            yield f"The {number} run is not complete: it is compared on the {len(run.trials)} trials that it has."
    for workload in workloads:
        loads = left.plan.loads[workload], right.plan.loads[workload]
        for field, what in _LENGTHS:
            lengths = [getattr(load, field) for load in loads]
            if lengths[0] != lengths[1]:
                yield f"Under {workload}, {what} was {lengths[0]:g} s first and {lengths[1]:g} s then."
