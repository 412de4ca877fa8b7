"""Says what two runs must share before their ratios may stand side by side: what was asked, and how hard."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.judge.judgement import QuantityName
from benchmarks.model import Run

COMPARED: tuple[QuantityName, ...] = ("rate", "latency_p95", "cpu")
"""What runs are compared by."""


class IncomparableError(Exception):
    """What must match does not; the message says what, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a run asked under one workload, as far as a ratio depends on it.

    How long a trial lasted is not part of it: that changes how sure a ratio is, not what it is a ratio of.

    Attributes:
        path: With the keyword to fill in.
        wait_ms: The simulated dependency's delay, milliseconds.
        vus: Virtual users.
        rate_per_s: At which requests were sent, where they were sent at a rate; ``None`` in the closed model.
        in_slices: Whether contenders took turns in slices, or ran one after another.
        engine: That drove the load.
    """

    path: str
    wait_ms: float
    vus: int
    rate_per_s: float | None
    in_slices: bool
    engine: str

    def told(self) -> str:
        """Say it in words."""
        sent = "" if self.rate_per_s is None else f" at {self.rate_per_s:g}/s"
        turns = "in slices" if self.in_slices else "in one piece"
        return f"GET {self.path}, {self.vus} virtual users{sent}, {turns}, by {self.engine}"


def asked(run: Run, workload: str) -> Asked | None:
    """Return what a run asked under a workload; ``None`` where it had no such workload."""
    load = run.plan.loads.get(workload)
    for planned in run.plan.workloads:
        if planned.name == workload and load is not None and run.plan.workload_contenders.get(workload):
            return Asked(
                path=planned.path,
                wait_ms=planned.wait_ms,
                vus=load.vus,
                # A closed model has none, and neither have runs that are older than the open one.
                rate_per_s=getattr(load, "rate_per_s", None),
                in_slices=load.slices > 1,
                engine=getattr(run.plan, "engine", "builtin"),
            )
    return None
