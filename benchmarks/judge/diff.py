"""Compares two runs, of two days or two machines: the ratios of both, and the ratio of the ratios."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.errors import RefusedError
from benchmarks.judge import wording
from benchmarks.judge.comparison import conclude, measured, paired
from benchmarks.judge.evidence import Evidence
from benchmarks.judge.judge import twin_pairs
from benchmarks.judge.judgement import Comparison, QuantityName
from benchmarks.judge.statistics import geometric_mean, independent_ratio
from benchmarks.judge.trials import QUANTITIES, participants, resolution, resolution_of_ratio
from benchmarks.model import Contender, Run

COMPARED: tuple[QuantityName, ...] = ("rate", "latency_p95", "cpu")
"""The quantities that runs are compared by."""

_PACKAGE = "package_"
_MACHINE = ("cpu_model", "logical_cores", "physical_cores", "memory_bytes", "operating_system")
_LENGTHS = (("duration_s", "a measured interval"), ("warmup_s", "a warm-up"))

Fact = str | int | float | bool | None
Differences = Mapping[str, tuple[Fact, Fact]]
"""Facts that are not the same in both runs, by name: the first run's and the second's; ``None`` if unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diff:
    """Two runs, compared.

    Attributes:
        ratios: The ratio of the ratios, async over sync, of every arrangement, workload and quantity that both have.
        contenders: The second run over the first, of every contender, workload and quantity that both have. Not paired:
            they contain what the machines or the days have of their own.
        same_run: Whether it is one run, given twice.
        same_machine: Whether no fact says that it is another machine.
        environment: Facts of machine and software that differ.
        packages: Versions that differ.
        only_left: Contenders that only the first run has.
        only_right: Contenders that only the second run has.
        withheld: Why the ratios are no evidence: a placebo that failed; ``None`` if none did.
        notes: What the reader must know as well.
        margin: See ``Plan``; the first run's.
    """

    ratios: tuple[Comparison, ...]
    contenders: tuple[Comparison, ...]
    same_run: bool
    same_machine: bool
    environment: Differences
    packages: Differences
    only_left: tuple[str, ...]
    only_right: tuple[str, ...]
    withheld: str | None
    notes: tuple[str, ...]
    margin: float


def diff(left: Run, right: Run) -> Diff:
    """Compare two runs, the second over the first.

    Raises:
        RefusedError: They asked different things, or have no contender in common.
    """
    workloads = _common_workloads(left, right)
    sides = (Evidence(left), Evidence(right))
    common = [
        (workload, contender)
        for workload in workloads
        for contender in participants(left, workload)
        if contender.id in {other.id for other in participants(right, workload)}
    ]
    if not common:
        raise RefusedError("The two runs have no contender in common, so there is nothing to compare.")
    ids = [{contender.id for contender in run.plan.contenders} for run in (left, right)]
    facts = {
        name: (left.environment.get(name), right.environment.get(name))
        for name in dict.fromkeys((*left.environment, *right.environment))
        if left.environment.get(name) != right.environment.get(name)
    }
    failed = [evidence.placebo_failed for evidence in sides if evidence.placebo_failed is not None]
    return Diff(
        ratios=tuple(
            _ratio(sides, workload, (asynchronous, sync), quantity)
            for asynchronous, sync, workload in twin_pairs(left)
            if {(workload, asynchronous), (workload, sync)} <= set(common)
            for quantity in COMPARED
        ),
        contenders=tuple(
            _contender(sides, workload, contender, quantity) for workload, contender in common for quantity in COMPARED
        ),
        same_run=identity(left) == identity(right),
        same_machine=not any(name in _MACHINE for name in facts),
        environment={name: values for name, values in facts.items() if not name.startswith(_PACKAGE)},
        packages={name: values for name, values in facts.items() if name.startswith(_PACKAGE)},
        only_left=tuple(contender.id for contender in left.plan.contenders if contender.id not in ids[1]),
        only_right=tuple(contender.id for contender in right.plan.contenders if contender.id not in ids[0]),
        withheld=failed[0] if failed else None,
        notes=tuple(_notes(left, right, workloads)),
        margin=left.plan.margin,
    )


def identity(run: Run) -> tuple[str, str, int]:
    """Return what is the same in every copy of a run, however its file is called."""
    return run.name, run.started_at, run.plan.seed


def asked(run: Run, workload: str) -> str | None:
    """Say what a run asked under a workload, as far as a ratio depends on it; ``None`` if it had no such workload.

    The length of a trial is not part of it: it changes how precise a ratio is, not what it is a ratio of.
    """
    load = run.plan.loads.get(workload)
    for planned in run.plan.workloads:
        if planned.name == workload and load is not None and run.plan.workload_contenders.get(workload):
            # The path names most waits, but not those for the upstreams of readiness.
            waits = f", a wait of {planned.wait_ms:g} ms" if planned.wait_ms else ""
            sent = "" if load.rate_per_s is None else f" at {load.rate_per_s:g}/s"
            turns = "in slices" if load.slices > 1 else "in one piece"
            return (
                f"{planned.method} {planned.path}{waits}, {load.vus} virtual users{sent}, {turns}, by {run.plan.engine}"
            )
    return None


def _common_workloads(left: Run, right: Run) -> list[str]:
    """Return the workloads that both have, which must have asked the same.

    Raises:
        RefusedError: There is none, or one asked different things.
    """
    questions = {
        workload.name: (asked(left, workload.name), asked(right, workload.name)) for workload in left.plan.workloads
    }
    common = {name: both for name, both in questions.items() if None not in both}
    if not common:
        names = [", ".join(workload.name for workload in run.plan.workloads) or "none" for run in (left, right)]
        raise RefusedError(f"The two runs have no workload in common: {names[0]} here, {names[1]} there.")
    apart = [
        f"\n  {name}: {one}\n  {' ' * len(name)}  {other}" for name, (one, other) in common.items() if one != other
    ]
    if apart:
        raise RefusedError(
            f"The two runs did not ask the same, so their ratios are of different things:{''.join(apart)}\n"
            "Measure one of them again as the other was: its report ends with the command."
        )
    return list(common)


def _ratio(
    sides: tuple[Evidence, Evidence], workload: str, twins: tuple[Contender, Contender], quantity: QuantityName
) -> Comparison:
    """Compare what two runs found of a pair of twins, by their ratios in each round."""
    pairs = [paired(*(evidence.valid(twin, workload) for twin in twins)) for evidence in sides]
    samples = [[above / below for above, below in measured(each, quantity).values()] for each in pairs]
    steps = [resolution_of_ratio(each, quantity) for each in pairs]
    refusals = [refusal for evidence in sides if (refusal := evidence.refusal(twins, workload)) is not None]
    comparison = Comparison(
        above=twins[0].id,
        below=twins[1].id,
        arrangement=twins[0].arrangement,
        workload=workload,
        margin=sides[0].run.plan.margin,
        decides=quantity,
        refusal=refusals[-1] if refusals else None,
    )
    return _compared(comparison, samples, steps)


def _contender(
    sides: tuple[Evidence, Evidence], workload: str, contender: Contender, quantity: QuantityName
) -> Comparison:
    """Compare what two runs measured of one contender."""
    valid = [evidence.valid(contender, workload) for evidence in sides]
    samples = [[value for value in map(QUANTITIES[quantity].measure, each) if value is not None] for each in valid]
    steps = [max((resolution(trial, quantity) for trial in each), default=0.0) for each in valid]
    both, margin = contender.id, sides[0].run.plan.margin
    comparison = Comparison(above=both, below=both, workload=workload, margin=margin, decides=quantity)
    return _compared(comparison, samples, steps)


def _compared(comparison: Comparison, samples: Sequence[Sequence[float]], steps: Sequence[float]) -> Comparison:
    """Return a comparison with the second run over the first, from samples that share no round."""
    first, second = (geometric_mean(sample) if sample else None for sample in samples)
    comparison = dataclasses.replace(comparison, first=first, second=second)
    if first is None or second is None:
        return conclude(dataclasses.replace(comparison, refusal=comparison.refusal or "It is not known in both runs."))
    off_by = (1 + steps[0]) * (1 + steps[1]) - 1
    estimate = dataclasses.replace(independent_ratio(samples[1], samples[0]), resolution=off_by)
    comparison = conclude(comparison.by(estimate))
    if comparison.refusal is not None:
        return comparison
    subject = f"{comparison.arrangement or comparison.above}, {comparison.workload}"
    sentence = (
        f"{subject}, {QUANTITIES[comparison.decides].title}: {wording.ratio(estimate)} in the second run over the "
        f"first: {comparison.finding}."
    )
    return dataclasses.replace(comparison, sentence=sentence)


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
