"""The protocol between the runner and a load engine (an order in, a session to follow, a result out), and the engines.

Each engine has a module of its own, which holds all that is known of it.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, cast

from benchmarks.errors import InvalidValueError, LabError, did_you_mean
from benchmarks.model import LoadProfile

if TYPE_CHECKING:
    from benchmarks.measure.load.session import LoadSession

LOOPBACK = "127.0.0.1"

ERROR_KINDS = ("status", "body", "connection", "timeout")
"""Why an answer is not valid; see ``LoadResult.errors``."""

_ROUNDING = 1e-6

DEFAULT_ENGINE = "builtin"

ENGINES: Mapping[str, str] = {
    "builtin": "benchmarks.measure.load.builtin:BuiltinEngine",
    "k6": "benchmarks.measure.load.k6:K6Engine",
    "locust": "benchmarks.measure.load.locust_engine:LocustEngine",
}
"""The engines by name; loaded on first use."""


class LoadEngineError(LabError):
    """The loader itself failed (not the server under test); the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOrder:
    """A load, and the server that it goes to.

    Attributes:
        host: Address of the server: loopback, except for loaders on other machines.
        port: Its TCP port.
        path: Path and query.
        load: How hard, and how long.
        expected_body_bytes: Length of the body of a valid answer; ``None`` for any.
        expected_body_base64: That body itself; ``None`` for any of that length.
        cpus: Cores that the loader may use; empty for any.
        method: Of the request.
        headers: Of the request, beside Content-Length; a Host among them takes the place of the usual one.
        body_base64: Of the request; empty for none.
        statuses: Of a valid answer; empty for any from 200 to 299.
        seed: Of the values that placeholders in the request stand for, and of the order of a mix.
        mix: Requests that are asked instead of this one, in a random order by their weights; of each, method, path,
            headers and body.
        weight: Of this request in a mix.
    """

    host: str
    port: int
    path: str
    load: LoadProfile
    expected_body_bytes: int | None
    cpus: tuple[int, ...] = ()
    expected_body_base64: str | None = None
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body_base64: str = ""
    statuses: tuple[int, ...] = ()
    seed: int = 0
    mix: tuple[LoadOrder, ...] = ()
    weight: float = 1.0

    @property
    def expected_body(self) -> bytes | None:
        """The body of a valid answer; ``None`` for any."""
        return None if self.expected_body_base64 is None else base64.b64decode(self.expected_body_base64)

    def is_valid(self, status: int) -> bool:
        """Say whether a status is that of a valid answer."""
        return status in self.statuses if self.statuses else 200 <= status < 300

    @property
    def authority(self) -> str:
        """Host and port as in a URL: an IPv6 address has brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """The whole address."""
        return f"http://{self.authority}{self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a load engine can do.

    Attributes:
        slices: Whether it can hold its load between slices. If not, its plans have intervals of one piece.
        rates: Whether it can ask at a given rate, in the open model.
        varies: Whether requests may differ from one to the next: by placeholders, or in a mix.
        least_s: The shortest warm-up and interval, seconds.
        step_s: What durations are whole multiples of, seconds; 0 for any.
    """

    slices: bool = True
    rates: bool = True
    varies: bool = True
    least_s: float = 0.0
    step_s: float = 0.0

    def refusal(self, duration_s: float) -> str | None:
        """Say why the engine cannot measure for so long, seconds; ``None`` when it can."""
        if duration_s < self.least_s:
            return f"measures for {self.least_s:g} s at least, not for {duration_s:g} s"
        steps = duration_s / self.step_s if self.step_s else 0.0
        if abs(steps - round(steps)) > _ROUNDING:
            return f"takes durations in steps of {1_000 * self.step_s:g} ms, not {duration_s} s"
        return None


class LoadEngine(Protocol):
    """Starts load sessions. What has no value here is each engine's own.

    Attributes:
        name: On the command line and in the record of a run.
        limits: What it can do; plans respect them, or are refused before anything is timed.
        uses_every_core: Whether one core is too little for it, and it takes all that the server leaves.
        startup_s: What starting it adds to a trial, seconds; for estimates.
        method: How it measures, a sentence or two for the report.
        host: Address of this machine at which it reaches the servers under test.
    """

    name: str
    limits: Limits = Limits()
    uses_every_core: bool = False
    startup_s: float = 0.0
    method: str
    host: str = LOOPBACK

    def start(self, order: LoadOrder) -> LoadSession:
        """Start one load in a process of its own.

        Args:
            order: The load; to loopback only, except from loaders on other machines.
        Returns:
            The load under way; the caller closes it.
        Raises:
            LoadEngineError: The order cannot or must not be carried out, or the process could not be started.
        """

    def facts(self) -> Mapping[str, str | int]:
        """Return what a run should record of the engine beside its name and this package's version."""
        return {}


def find_engine(name: str) -> LoadEngine:
    """Return the load engine of this name.

    Raises:
        InvalidValueError: There is none.
        LoadEngineError: What it runs is not installed; the message says what to do.
    """
    engine = _class_of(name)
    if engine is not None:
        return engine()
    raise InvalidValueError(
        f"No load engine is called {name!r}.{did_you_mean(name, ENGINES)} There are: {', '.join(ENGINES)}.", "--engine"
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
    import pkgutil  # noqa: PLC0415 (the engines' own processes import this module, and look for no engine)

    return cast("type[LoadEngine]", pkgutil.resolve_name(ENGINES[name])) if name in ENGINES else None
