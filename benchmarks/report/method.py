"""Tells in plain words how a run was measured and judged, and on what machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from benchmarks.judge.trials import MAXIMUM_CEILING_FRACTION, MAXIMUM_ERROR_FRACTION, MAXIMUM_LOADER_CPU_FRACTION
from benchmarks.model import Plan, Workload
from benchmarks.report.plain_text import one_line

_PACKAGE: Final = "package_"
_BYTES: Final = "_bytes"

Fact = str | int | float | bool | None


def workload_title(workload: Workload, plan: Plan) -> str:
    """Say what was asked and how hard: ``health: GET /health/{variant}, 10 virtual users``."""
    asked = f"{one_line(workload.name)}: GET {one_line(workload.path)}"
    load = plan.loads.get(workload.name)
    return asked if load is None else f"{asked}, {load.vus} virtual users"


def method_rules(plan: Plan, margin: float) -> tuple[str, ...]:
    """Return the rules that the run was measured and judged by, a sentence or two each."""
    rounds = " and ".join(
        f"{plan.rounds[workload.name]} rounds of {one_line(workload.name)}"
        for workload in plan.workloads
        if workload.name in plan.rounds
    )
    loads = "; ".join(
        f"{one_line(workload.name)}, {load.vus} users for {load.duration_s:g} s after {load.warmup_s:g} s of warm-up "
        "that is thrown away"
        for workload in plan.workloads
        if (load := plan.loads.get(workload.name)) is not None
    )
    return (
        (
            f"A trial is one contender under one load; it is started anew for each. A round tries every contender once, in "
            f"a random order from seed {plan.seed}: {rounds}."
        ),
        f"Each virtual user keeps one connection and asks again when it has its answer: {loads}.",
        (
            "The unit of evidence is the trial, not the request. A ratio is made inside a round, where both twins met the "
            "same machine; the rounds give its 95 % interval (Student's t on the logarithms). The best of several is "
            "never taken, and no trial is left out for being slow."
        ),
        (
            "Every contender must give the same answer before anything is timed. Only answers with status 2xx and the "
            f"right length count; a trial with more than {100 * MAXIMUM_ERROR_FRACTION:g} % of errors is void."
        ),
        (
            f"The loader must have head-room: a trial above {100 * MAXIMUM_CEILING_FRACTION:g} % of what the loader "
            f"reaches on a bare server, or with the loader above {100 * MAXIMUM_LOADER_CPU_FRACTION:g} % of its core, is refused."
        ),
        (
            "One contender runs twice in every round of the A/A comparison. If it does not equal itself, no verdict is "
            "given."
        ),
        f"Equal means that the whole interval lies within ±{100 * margin:g} %. No difference found is not the same.",
        (
            "CPU time and context switches are the operating system's count for the server's process tree. They hold "
            "still when the machine does not, and they say why."
        ),
    )


def environment_facts(environment: Mapping[str, Fact]) -> tuple[tuple[str, str], ...]:
    """Return the facts of the machine, name and value, without the packages."""
    return tuple(
        (one_line(name.removesuffix(_BYTES).replace("_", " ")), _fact(name, value))
        for name, value in environment.items()
        if not name.startswith(_PACKAGE)
    )


def package_versions(environment: Mapping[str, Fact]) -> tuple[tuple[str, str], ...]:
    """Return the installed packages, name and version."""
    return tuple(
        (one_line(name.removeprefix(_PACKAGE)), _fact(name, value))
        for name, value in environment.items()
        if name.startswith(_PACKAGE)
    )


def _fact(name: str, value: Fact) -> str:
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name.endswith(_BYTES) and isinstance(value, int | float):
        return f"{value / 2**30:.1f} GiB"
    return one_line(value)
