"""Reads k6's end-of-test summary, as ``handleSummary`` is given it, into what every load engine returns.

Source:
    Grafana k6 documentation, Custom summary, "Summary data reference".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.errors import LabError
from benchmarks.foreign_json import read_json
from benchmarks.model import LatencySummary, LoadResult

ERROR_KINDS = ("status", "body", "connection", "timeout")

_DURATION = "http_req_duration{expected_response:true}"
"""k6's own part of its durations: those of answers with a status that is expected, here 2xx."""

_PERCENTILES = {"median_ms": "med", "p90_ms": "p(90)", "p95_ms": "p(95)", "p99_ms": "p(99)"}
_BOUNDS = {"average_ms": "avg", "minimum_ms": "min", "maximum_ms": "max"}


def read_summary(text: str, loader_cpu_s: float | None, loader_cores: int = 1) -> LoadResult:
    """Read the summary of one run of ``http_get.js``.

    Args:
        text: JSON that the script wrote.
        loader_cpu_s: CPU time that k6 used, which it does not say itself.
        loader_cores: How many cores it could spend that on.
    Returns:
        Its counts are k6's own, over its own duration: requests in flight at the end are waited for, and count. k6
        has no histogram, and does not say which statuses came.
    Raises:
        LabError: It is none.
    """
    try:
        summary = read_json(text)
    except ValueError as error:
        raise LabError(f"it is not whole JSON ({error})") from error
    duration_s = _number(_part(_part(summary, "state", "the summary"), "testRunDurationMs", "state")) / 1000
    if not duration_s > 0:
        raise LabError(f"it tells of a run of {duration_s:g} s")
    metrics = _part(summary, "metrics", "the summary")
    errors = {kind: count for kind in ERROR_KINDS if (count := _count(metrics, f"lab_errors_{kind}"))}
    asked = _count(metrics, "http_reqs")
    completed = asked - sum(errors.values())
    if completed < 0:
        raise LabError(f"it tells of {sum(errors.values())} errors in {asked} requests")
    return LoadResult(
        completed=completed,
        duration_s=duration_s,
        errors=errors,
        statuses=None,
        unfinished=None,
        sent_bytes=_count(metrics, "data_sent"),
        received_bytes=_count(metrics, "data_received"),
        loader_cpu_s=loader_cpu_s,
        latency=_latency(metrics) if completed else None,
        histogram=None,
        loader_cores=loader_cores,
        bodies_compared=_count(metrics, "lab_bodies_compared"),
    )


def _latency(metrics: object) -> LatencySummary:
    values = _part(_part(metrics, _DURATION, "metrics"), "values", _DURATION)
    return LatencySummary(
        **{field: _number(_part(values, name, _DURATION)) for field, name in {**_BOUNDS, **_PERCENTILES}.items()}
    )


def _count(metrics: object, name: str) -> int:
    """Return a counter; one that never counted is not in the summary."""
    if not isinstance(metrics, Mapping):
        raise LabError("its metrics are not a mapping")
    if name not in metrics:
        return 0
    return round(_number(_part(_part(metrics[name], "values", name), "count", name)))


def _part(of: object, name: str, where: str) -> Any:
    if not isinstance(of, Mapping) or name not in of:
        raise LabError(f"there is no {name} in {where}")
    return of[name]


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise LabError(f"{value!r:.40} stands where a number is expected")
    return float(value)
