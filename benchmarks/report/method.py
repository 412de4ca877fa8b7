"""Explains in plain words how a run was measured and judged, and on which machine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from benchmarks.judge.trials import MAXIMUM_CEILING_FRACTION, MAXIMUM_LOADER_CPU_FRACTION
from benchmarks.measure.environment import Fact
from benchmarks.measure.load.engine import method_of
from benchmarks.model import ALIKE, LoadProfile, Plan, Steadiness, Workload
from benchmarks.report import figures
from benchmarks.report.document import Column, Row, Table
from benchmarks.trials import MAXIMUM_ERROR_FRACTION

_PACKAGE: Final = "package_"
_BYTES: Final = "_bytes"
_HELD: Final[Mapping[Steadiness, str]] = {
    "bytes": "the same body as before anything was timed",
    "length": "a body of the same length; its bytes change from answer to answer",
    "shape": "any body; before anything was timed its JSON had the same names and types each time",
    "nothing": "any body, which changes from answer to answer",
}


def workload_title(workload: Workload, plan: Plan, rate_per_s: float | None = None) -> str:
    """Return a request and its load, or the rate at which it really was, where one was given.

    For example ``health: GET /health/{variant}, 10 virtual users``.
    """
    request = " and ".join(f"{each.method} {each.path}" for each in workload.mix or (workload,))
    asked = request if workload.name == request else f"{workload.name}: {request}"
    load = plan.loads.get(workload.name)
    if rate_per_s is not None and load is not None:
        return f"{asked}, {figures.cell(rate_per_s)} requests/s over at most {load.vus} connections"
    return asked if load is None else f"{asked}, {load.vus} virtual users"


def method_rules(plan: Plan, margin: float) -> tuple[str, ...]:
    """Return the rules that the run was measured and judged by, a sentence or two each."""
    rounds = " and ".join(
        f"{plan.rounds[workload.name]} rounds of {workload.name}"
        for workload in plan.workloads
        if workload.name in plan.rounds
    )
    loads = [(each, plan.loads[each.name]) for each in plan.workloads if each.name in plan.loads]
    closed = "; ".join(
        f"{workload.name}, {load.vus} users for {load.duration_s:g} s, after a warm-up that is discarded"
        for workload, load in loads
        if not plan.is_open(workload.name)
    )
    errors, ceiling, loader_cpu = (
        f"{100 * fraction:g} %"
        for fraction in (MAXIMUM_ERROR_FRACTION, MAXIMUM_CEILING_FRACTION, MAXIMUM_LOADER_CPU_FRACTION)
    )
    sitting_out = " Arrangements on which no claim is judged skip some rounds." if plan.every else ""
    beside = "all contenders" if plan.against else "contenders on the same kind of server"
    slices = [
        f"Under {workload.name}, {beside} run side by side and take turns in slices of "
        f"{load.duration_s / load.slices:.2g} s: a machine that changes its speed slows all of them alike."
        for workload, load in loads
        if load.slices > 1
    ]
    scheduled = [
        f"Under {workload.name} requests are due at {_rate(load, plan)}, however long answers take, over "
        f"at most {load.vus} connections (open model). Latency counts from when a request was due. One that finds no "
        f"connection free for {load.timeout_s:g} s is dropped. A loader late by half of the latency measured itself."
        for workload, load in loads
        if plan.is_open(workload.name)
    ]
    twice = (
        "One contender runs twice in each round (A/A). If it does not equal itself, verdicts on timing are withheld."
    )
    return (
        "A trial is one contender under one load, on a server started for it alone.",
        f"A round tries every contender once, in a random order from seed {plan.seed}: {rounds}.{sitting_out}",
        *slices,
        method_of(plan.engine) or f"The load generator is {plan.engine}.",
        *([f"Each virtual user keeps a connection and sends a request after each answer: {closed}."] if closed else []),
        *scheduled,
        "The trial, not the request, is the unit of evidence. No trial is left out for being slow.",
        "Contenders are compared within a round, on the same machine at the same time; the rounds give the interval.",
        "Before anything is timed, every contender must give the same answer.",
        *_valid_answers(plan),
        f"A trial with more than {errors} errors is void.",
        f"No verdict rests on a trial above {ceiling} of the loader's rate on a bare server: it measured the loader.",
        f"Nor on a trial in which the loader used more than {loader_cpu} of its core.",
        *([] if plan.placebo is None else [twice]),
        f'Equal means that the whole interval lies within ±{100 * margin:g} %. "No difference found" is weaker.',
        "CPU time and context switches are what the operating system counted for the server's processes.",
    )


def _valid_answers(plan: Plan) -> Iterator[str]:
    """Yield which answers count, and what is done to the lab's own apps and not to a user's."""
    theirs = [workload for workload in plan.workloads if workload.answer == ALIKE]
    if len(theirs) < len(plan.workloads):
        yield "Only answers with status 2xx and the right body count."
    for workload in theirs:
        held = "" if workload.mix else f", and {_HELD[workload.holds]}"
        yield f"Under {workload.name} an answer counts that has the status {_statuses(workload)}{held}."
        if workload.mix:
            weights = sum(each.weight for each in workload.mix)
            parts = "; ".join(f"{each.name}, {100 * each.weight / weights:.3g} %" for each in workload.mix)
            yield f"{workload.name} asks in a random order, the same for every contender: {parts}."
    if theirs:
        yield "Your apps run as they are. The lab's own apps also freeze Python's garbage collector after start."


def _statuses(workload: Workload) -> str:
    usual, wanted = set(range(200, 300)), set(workload.statuses)
    has_all = not wanted or usual <= wanted
    return " or ".join(
        [*(["from 200 to 299"] if has_all else []), *map(str, sorted(wanted - usual if has_all else wanted))]
    )


def _rate(load: LoadProfile, plan: Plan) -> str:
    if load.rate_per_s is None and plan.latency_at is not None:
        return f"one rate for all, {100 * plan.latency_at:g} % of the slowest round of the slowest contender"
    return f"{figures.cell(load.rate_per_s)} a second"


def facts_table(caption: str, facts: Iterable[tuple[str, str]]) -> Table:
    """Return names and values as a table; the caption may be empty."""
    columns = (Column("Fact", is_text=True), Column("value", is_text=True))
    return Table(caption=caption, columns=columns, rows=tuple(map(Row, facts)), kind="facts")


def environment_facts(environment: Mapping[str, Fact], *, packages: bool = False) -> Iterator[tuple[str, str]]:
    """Yield the facts of the machine, name and value; or else the installed packages, name and version."""
    for name, value in environment.items():
        if name.startswith(_PACKAGE) == packages:
            yield fact_name(name), fact_text(name, value)


def fact_name(name: str) -> str:
    """Return a fact's name in words, without the unit that its value has."""
    return name.removeprefix(_PACKAGE).removesuffix(_BYTES).replace("_", " ")


def fact_text(name: str, value: Fact) -> str:
    """Return a fact's value in words; its name has the unit."""
    if value is None:
        return "not installed" if name.startswith(_PACKAGE) else "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name.endswith(_BYTES) and isinstance(value, int | float):
        return f"{value / 2**30:.1f} GiB"
    return str(value)
