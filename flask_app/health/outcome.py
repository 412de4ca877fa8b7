"""The outcome of each check, and the answer that they add up to: the pure core that both twins share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Status = Literal["pass", "warn", "fail"]

RESPONSE_TIME = "responseTime"
CONNECT_TIME = "connectTime"

_BY_WEIGHT: tuple[Status, ...] = ("pass", "warn", "fail")
_NOT_READY = 503

Readings = Mapping[str, float]
"""Milliseconds by the name of what was measured."""


class CheckFailedError(Exception):
    """A dependency is down; the message says how, and is safe to publish."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The outcome of checking one dependency.

    Attributes:
        component: Name of the dependency.
        component_type: Of the health-check draft: ``datastore``, ``component`` or ``system``.
        status: The dependency's status.
        time: Time of the check, UTC, in RFC 3339 format.
        readings: The measurements; empty if the check failed.
        output: Why the status is not ``pass``; ``None`` if it is.
    """

    component: str
    component_type: str
    status: Status
    time: str
    readings: Readings
    output: str | None


def answered(component: str, component_type: str, *, time: str, readings: Readings, warn_ms: float) -> Outcome:
    """Return the outcome of a dependency that answered.

    Args:
        component: Name of the dependency.
        component_type: Of the draft.
        time: Time of the check.
        readings: Milliseconds by name; their sum is the total time.
        warn_ms: A total of at least this is a warning.
    """
    took_ms = sum(readings.values())
    is_slow = took_ms >= warn_ms
    return Outcome(
        component=component,
        component_type=component_type,
        status="warn" if is_slow else "pass",
        time=time,
        readings=readings,
        output=f"took {took_ms:.0f} ms" if is_slow else None,
    )


def failed(component: str, component_type: str, *, time: str, output: str) -> Outcome:
    """Return the outcome of a dependency that is down."""
    return Outcome(
        component=component, component_type=component_type, status="fail", time=time, readings={}, output=output
    )


def no_answer_within(timeout_ms: float) -> str:
    """Return the message for a dependency that timed out."""
    return f"did not answer within {timeout_ms:.0f} ms"


def answer_of(outcomes: Iterable[Outcome], *, details: bool) -> tuple[dict[str, Any], int]:
    """Return the body and the HTTP status of the answer.

    Args:
        outcomes: The outcome of each dependency, in the order of the answer.
        details: Whether to report each dependency, or only the overall status.
    Source:
        draft-inadarei-api-health-check-06, sections 3 and 4.
    """
    outcomes = list(outcomes)
    status = max((outcome.status for outcome in outcomes), key=_BY_WEIGHT.index, default="pass")
    body: dict[str, Any] = {"status": status}
    if details:
        body["checks"] = {key: [reading] for outcome in outcomes for key, reading in _told(outcome)}
    return body, _NOT_READY if status == "fail" else 200


def _told(outcome: Outcome) -> Iterable[tuple[str, dict[str, Any]]]:
    common: dict[str, Any] = {
        "componentType": outcome.component_type,
        "status": outcome.status,
        "time": outcome.time,
    }
    if outcome.output is not None:
        common["output"] = outcome.output
    if not outcome.readings:
        yield f"{outcome.component}:{RESPONSE_TIME}", common
    for name, value_ms in outcome.readings.items():
        yield f"{outcome.component}:{name}", common | {"observedValue": round(value_ms, 3), "observedUnit": "ms"}
