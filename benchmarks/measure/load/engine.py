"""The protocol between the runner and a load engine: an order in, a session to follow, a result out.

And the engines that there are. Each has a module of its own, which holds all that is known of it.
"""

from __future__ import annotations

import base64
import difflib
import os
import pkgutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, cast

from benchmarks.errors import InvalidValueError, LabError
from benchmarks.model import LoadProfile, LoadResult

LOOPBACK = "127.0.0.1"

_ROUNDING = 1e-6

DEFAULT_ENGINE = "builtin"

ENGINES: Mapping[str, str] = {
    "builtin": "benchmarks.measure.load.builtin:BuiltinEngine",
    "k6": "benchmarks.measure.load.k6:K6Engine",
    "locust": "benchmarks.measure.load.locust_engine:LocustEngine",
}
"""Where each is, by its name; loaded when it is asked for."""


class LoadEngineError(LabError):
    """The loader itself failed (not the server under test); the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOrder:
    """What to ask of which server.

    Attributes:
        host: Address of the server: loopback, but for loaders on machines of their own.
        port: Its TCP port.
        path: Path and query.
        load: How hard, and how long.
        expected_body_bytes: Length of the body of a valid answer.
        expected_body_base64: That body itself; ``None`` for any of that length.
        cpus: Cores that the loader may use; empty for any.
    """

    host: str
    port: int
    path: str
    load: LoadProfile
    expected_body_bytes: int
    cpus: tuple[int, ...] = ()
    expected_body_base64: str | None = None

    @property
    def expected_body(self) -> bytes | None:
        """The body of a valid answer."""
        return None if self.expected_body_base64 is None else base64.b64decode(self.expected_body_base64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The least and the finest that a load engine can do; what each of its latencies is told by, its results say.

    Attributes:
        slices: Whether it can hold its load between slices. For one that cannot, a plan has one piece.
        rates: Whether it can ask at a given rate, in the open model.
        least_s: The shortest warm-up and interval, seconds.
        step_s: What durations are whole multiples of, seconds; 0 for any.
    """

    slices: bool = True
    rates: bool = True
    least_s: float = 0.0
    step_s: float = 0.0

    def refusal(self, duration_s: float) -> str | None:
        """Say what the engine does instead of measuring for so long, seconds; ``None`` when it can."""
        if duration_s < self.least_s:
            return f"measures for {self.least_s:g} s at least, not for {duration_s:g} s"
        steps = duration_s / self.step_s if self.step_s else 0.0
        if abs(steps - round(steps)) > _ROUNDING:
            return f"takes durations in steps of {1_000 * self.step_s:g} ms, not {duration_s} s"
        return None


class LoadSession(Protocol):
    """One load under way, in a process of its own.

    An interval in one piece follows the warm-up without a pause. One of several slices (``LoadProfile.slices``) is
    driven from outside: the load is held after the warm-up and after every slice but the last, and each ``go`` lets
    one slice run.
    """

    def wait_until_held(self, timeout_s: float) -> None:
        """Block until the load is held and nothing is in flight.

        Raises:
            LoadEngineError: The loader ended or said nothing for ``timeout_s``.
        """

    def go(self) -> None:
        """Let the next slice run; ``wait_until_measuring`` tells when it has begun."""

    def wait_until_measuring(self, timeout_s: float) -> float:
        """Block until the warm-up is over and the measured interval, or its next slice, has begun.

        Returns:
            The beginning, on the clock of ``time.monotonic()``, seconds.
        Raises:
            LoadEngineError: The loader ended or said nothing for ``timeout_s``.
        """

    def result(self, timeout_s: float) -> LoadResult:
        """Block until the interval is over and return what was seen.

        Raises:
            LoadEngineError: The loader ended without a result, or said nothing for ``timeout_s``.
        """

    def close(self) -> None:
        """End the loader's process if it still runs, and reap it; harmless the second time."""


class LoadEngine(Protocol):
    """Starts load sessions.

    Attributes:
        name: By which a person asks for it and a run records it.
        limits: What it can do; plans respect them, or are refused before anything is timed.
        uses_every_core: Whether one core is too little for it, and it takes all that the server leaves.
        startup_s: What starting it adds to a trial, seconds; for estimates.
        method: How it measures, a sentence or two for the report.
        host: Address of this machine at which it reaches the servers under test.
    """

    name: str
    limits: Limits
    uses_every_core: bool
    startup_s: float
    method: str
    host: str

    def start(self, order: LoadOrder) -> LoadSession:
        """Start one load in a process of its own.

        Raises:
            LoadEngineError: It could not be started.
        """

    def facts(self) -> Mapping[str, str | int]:
        """Return what a run should record of the engine, beside its name; nothing of what belongs to this package."""


def pin(cpus: tuple[int, ...]) -> None:
    """Pin this process, and what it starts from now on, where the platform can.

    Args:
        cpus: Cores; empty for any.
    Raises:
        LoadEngineError: This machine does not offer them.
    """
    if not cpus or sys.platform != "linux" or not hasattr(os, "sched_setaffinity"):
        return
    try:
        os.sched_setaffinity(0, cpus)
    except (OSError, ValueError, OverflowError) as error:
        wanted = ", ".join(map(str, cpus))
        offered = ", ".join(map(str, sorted(os.sched_getaffinity(0))))
        raise LoadEngineError(
            f"the load engine cannot be pinned to the cores {wanted} ({error}): this machine offers {offered}"
        ) from error


def find_engine(name: str) -> LoadEngine:
    """Return the load engine of this name.

    Raises:
        InvalidValueError: There is none.
        LoadEngineError: What it runs is not installed; the message says what to do.
    """
    engine = _class_of(name)
    if engine is not None:
        return engine()
    near = difflib.get_close_matches(name, ENGINES, n=1, cutoff=0.4)
    suggestion = f" Did you mean {near[0]}?" if near else ""
    raise InvalidValueError(
        f"No load engine is called {name!r}.{suggestion} There are: {', '.join(ENGINES)}.", "--engine"
    )


def startup_estimate_s(name: str) -> float:
    """Return what starting an engine adds to a trial, seconds; 0 for one that this version does not know."""
    engine = _class_of(name)
    return 0.0 if engine is None else engine.startup_s


def method_of(name: str) -> str | None:
    """Return how an engine measures, in words; ``None`` for one that this version does not know."""
    engine = _class_of(name)
    return None if engine is None else engine.method


def _class_of(name: str) -> type[LoadEngine] | None:
    return cast("type[LoadEngine]", pkgutil.resolve_name(ENGINES[name])) if name in ENGINES else None
