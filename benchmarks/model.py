"""The values that the instrument's parts hand to each other; frozen, with no I/O and no clock.

Data flows one way: contenders -> measure -> judge -> report. What is missing is ``None``, never 0.
``Run`` and all below it are what ``run.json`` holds; a change of shape here is a change of ``SCHEMA_VERSION``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from benchmarks.subjects import ALIKE, Contender, Place, Steadiness, Variant, Workload

# Handed on: who has a run has these too.
__all__ = ["ALIKE", "Contender", "Place", "Steadiness", "Variant", "Workload"]

SCHEMA_VERSION = 1

RunState = Literal["running", "complete", "interrupted"]

EQUAL_RATE = "latency"
"""Name of the workload that asks all contenders at one rate, a share of what the slowest reached under ``health``."""

MARGIN = 0.05
"""Half-width of what counts as equal, as a fraction, by default."""

RACE = "live"
"""Name of the preset of a race: two to four contenders under one workload, chosen on the workshop page."""

HEALTH_BODY: Mapping[str, str | int] = {"api": "health", "version": 1}
"""What every contender of every framework answers: the tutorial's shape."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadProfile:
    """How hard to ask.

    In the closed model each virtual user waits for its answer before it asks again. The open model has a rate: requests
    are due on a schedule, whatever the answers take.

    Attributes:
        vus: Virtual users, one keep-alive connection each.
        duration_s: Measured interval, seconds.
        warmup_s: Load before the interval, seconds, discarded. It lasts longer where that is needed for every
            virtual user to have been answered once, so that the interval sees the steady state.
        timeout_s: A request unanswered for so long, seconds, is an error. In the open model, one that waits so long for
            a free connection is dropped.
        slices: Into how many parts the interval is cut. The slices of all that runs on one server take turns, so that
            what slows the machine for a second slows all; the load is held between slices.
        rate_per_s: Requests due per second in the open model; ``None`` in the closed model.
    """

    vus: int
    duration_s: float
    warmup_s: float
    timeout_s: float = 30.0
    slices: int = 1
    rate_per_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencySummary:
    """Latencies, or latenesses, of one trial; ``step_ms`` is how coarsely the 95th percentile was counted."""

    average_ms: float
    minimum_ms: float
    median_ms: float
    maximum_ms: float
    p90_ms: float
    p95_ms: float
    p99_ms: float
    step_ms: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadResult:
    """What a load engine saw in one measured interval.

    In the open model errors, statuses, bytes and latencies are those of the requests that were due inside the interval,
    each followed to its end. ``None`` is also what an engine does not say.

    Attributes:
        completed: Valid answers (2xx with the right body length) inside the interval.
        duration_s: Length of the interval as it was, seconds.
        errors: Count by kind: ``status``, ``body``, ``connection``, ``timeout``; a kind that did not occur is absent.
        statuses: Count by HTTP status, keys as text ("200"), valid or not.
        unfinished: Requests in flight when the interval, or a slice of it, ended; neither completed nor errors. In the
            open model with those that were due and waited for a connection; what became of them is in the latencies.
        sent_bytes: Bytes written to sockets inside the interval.
        received_bytes: Bytes read from sockets inside the interval.
        loader_cpu_s: CPU time that the loader itself used inside the interval, seconds; of several on machines of
            their own, the busiest one's.
        loader_cores: How many cores it could spend that on.
        latency: Summary of the valid answers; ``None`` when there was none. From the write of the request; in the open
            model from when it was due.
        histogram: The same latencies, all of them, as an HDR histogram of whole microseconds in HdrHistogram's
            V2 compressed base64 form.
        dropped: Requests due and never sent, as no connection was free in time; ``None`` in the closed model.
        lateness: How late the loader noticed that a request was due; ``None`` in the closed model.
        bodies_compared: Answers whose body was compared, byte by byte, with the one before anything was timed.
        hanging: Of the unfinished, those of connections that hang; ``None`` in the open model.
        edges: To be added to ``completed`` for the rate: of requests that were under way when the interval or a slice
            of it began or ended, only the part inside it counts.
    """

    completed: int
    duration_s: float
    errors: Mapping[str, int]
    statuses: Mapping[str, int] | None
    unfinished: int | None
    sent_bytes: int | None
    received_bytes: int | None
    loader_cpu_s: float | None
    latency: LatencySummary | None
    histogram: str | None
    loader_cores: int = 1
    dropped: int | None = None
    lateness: LatencySummary | None = None
    hanging: int | None = None
    bodies_compared: int | None = None
    edges: float = 0.0

    @property
    def rate_per_s(self) -> float:
        """Valid answers per second."""
        return (self.completed + self.edges) / self.duration_s

    @property
    def error_count(self) -> int:
        """Failed requests of every kind."""
        return sum(self.errors.values())

    @property
    def error_fraction(self) -> float:
        """Failed requests over all that ended, 0 to 1; 0 when none ended."""
        ended = self.completed + self.error_count
        return self.error_count / ended if ended else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What the operating system reports about the server's process tree during one trial; ``None`` where it does not.

    Rates per request are a rate per second between two samples under steady load, over the rate of valid answers.

    Attributes:
        cpu_user_us_per_request: CPU time in user mode, microseconds.
        cpu_system_us_per_request: CPU time in the kernel, microseconds.
        voluntary_switches_per_request: Times that a thread gave up its core to wait. A lower bound when threads end
            during the trial: the kernel forgets a thread's count with the thread.
        involuntary_switches_per_request: Times that a thread was pushed off its core. The same bound.
        threads_started_per_request: Threads and processes begun on the whole machine, which is the server's
            doing when nothing else runs.
        cpu_fraction: Share of one core that the tree used, 0 to the number of cores.
        processes: Processes in the tree.
        threads: Threads alive in the tree, at the most seen.
        running_threads: Of these, the ones that ran between the samples; threads that came and went do not count.
        epoll_descriptors: Open epoll instances in the tree, at the most seen.
        resident_bytes: Resident memory of the tree, at the most seen.
    """

    cpu_user_us_per_request: float | None
    cpu_system_us_per_request: float | None
    voluntary_switches_per_request: float | None
    involuntary_switches_per_request: float | None
    threads_started_per_request: float | None
    cpu_fraction: float | None
    processes: int | None
    threads: int | None
    running_threads: int | None
    epoll_descriptors: int | None
    resident_bytes: int | None

    @property
    def cpu_us_per_request(self) -> float | None:
        """User and system CPU time per request, microseconds."""
        if self.cpu_user_us_per_request is None or self.cpu_system_us_per_request is None:
            return None
        return self.cpu_user_us_per_request + self.cpu_system_us_per_request


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One contender, one workload, one load profile, one measured interval.

    Attributes:
        round: 1-based; 0 for calibration.
        position: 1-based place in the round's random order.
        contender: Its id.
        workload: Its name.
        placebo: The second trial of a contender in one round, which should equal the first.
        started_at: ISO 8601 in UTC.
        load: The profile that was asked for.
        result: ``None`` when the load could not be driven to the end.
        observation: ``None`` when the server could not be observed.
        failure: What went wrong, in words, when something did (the server died, ...); such a trial is void.
        block: 1-based number in its round of the block that it ran in; 0 where that was not kept.
    """

    round: int
    position: int
    contender: str
    workload: str
    placebo: bool = False
    started_at: str
    load: LoadProfile
    result: LoadResult | None
    observation: Observation | None
    failure: str | None = None
    block: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentPair:
    """OpenAPI documents that one framework's server published for the health twins.

    Attributes:
        before: Without a response model.
        after: With it.
    """

    before: Mapping[str, Any]
    after: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run set out to do.

    Attributes:
        preset: Its name.
        seed: Of the rounds' random order.
        contenders: Everything under test, in the order of the catalogue.
        workloads: What is asked.
        loads: Load profile by workload name.
        rounds: Number of rounds by workload name.
        workload_contenders: Ids of the contenders by workload name.
        every: By id, for a contender that skips rounds: it is measured in one of n, in at least two, evenly spread.
        placebo: Id of the contender that runs twice a round, under ``health`` or else the last workload, for A/A.
        ceilings: Ids of the bare servers that calibrate the loader.
        budget_s: Time that it was planned for, seconds; ``None`` where rounds were not chosen by time.
        precision: Half-width of the headline intervals, as a fraction, at which the run may stop; ``None`` for never.
        engine: Load engine: ``builtin``, ``k6`` or ``locust``.
        latency_at: Share of the slowest contender's rate under the first workload, 0 to 1, at which the workload
            ``latency`` asks all; each of its trials keeps the rate that it came to. ``None`` without that workload.
        against: Id of the contender that every other is compared with; ``None`` where twins and bridges are.
        margin: Half-width of what counts as equal, as a fraction.
    """

    preset: str
    seed: int
    contenders: tuple[Contender, ...]
    workloads: tuple[Workload, ...]
    loads: Mapping[str, LoadProfile]
    rounds: Mapping[str, int]
    workload_contenders: Mapping[str, tuple[str, ...]]
    every: Mapping[str, int] = field(default_factory=dict)
    placebo: str | None
    ceilings: tuple[str, ...]
    budget_s: float | None = None
    precision: float | None = None
    engine: str = "builtin"
    latency_at: float | None = None
    against: str | None = None
    margin: float = MARGIN

    @property
    def first(self) -> str:
        """Name of the workload that an equal rate is a share of: ``health`` where it is asked."""
        return "health" if "health" in self.loads else self.workloads[0].name

    def is_open(self, workload: str) -> bool:
        """Say whether a workload is asked in the open model, at a given rate."""
        if workload == EQUAL_RATE:
            return self.latency_at is not None
        load = self.loads.get(workload)
        return load is not None and load.rate_per_s is not None

    def rounds_of(self, contender_id: str, workload: str) -> tuple[int, ...]:
        """Return the rounds of a workload in which a contender is measured, from 1; empty where there is none."""
        if contender_id not in self.workload_contenders.get(workload, ()):
            return ()
        rounds = self.rounds.get(workload, 0)
        # Evenly over the run, the first and the last among them; of one round alone there is no interval.
        count = max(min(2, rounds), -(-rounds // self.every.get(contender_id, 1)))
        return tuple(1 + round(number * (rounds - 1) / max(1, count - 1)) for number in range(count))


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumption:
    """A point at which an interrupted run was resumed.

    Attributes:
        resumed_at: ISO 8601 in UTC.
        trials_kept: Trials that were there and stand.
        trials_superseded: Trials of a round that had been cut inside a block: that block was measured again as a whole.
        environment: The facts that were then not what the run began with.
    """

    resumed_at: str
    trials_kept: int
    trials_superseded: int
    environment: Mapping[str, str | int | float | bool | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """All rounds of one comparison, with the seed, the environment and every trial kept.

    Attributes:
        name: The folder's name under ``results/``.
        state: ``complete``, or ``interrupted`` when trials of the plan are missing.
        started_at: ISO 8601 in UTC.
        finished_at: The same; ``None`` when the run was killed before its end.
        plan: What was to be done.
        environment: Facts of machine and software, each by a name that carries its unit.
        calibration: Trials of the bare servers, before the first round.
        documents: By framework, for claim 1.
        likeness: By contender's id, what was observed of its answers and in its server before anything was timed.
        failing: By contender's id, the probes that it failed before anything was timed, each with what was seen; one
            that failed none has an empty object, and one that was not probed is absent.
        trials: In the order in which they ran.
        superseded: Trials that were measured again because the run was cut inside their block; kept, and not judged.
        resumptions: When the run was resumed after an interruption.
        stopped_early: Why the run is complete without the rest of its rounds; ``None`` when it has them all.
        schema_version: Of this shape.
    """

    name: str
    state: RunState
    started_at: str
    finished_at: str | None
    plan: Plan
    environment: Mapping[str, str | int | float | bool | None]
    calibration: tuple[Trial, ...] = ()
    documents: Mapping[str, DocumentPair] = field(default_factory=dict)
    likeness: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    failing: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    trials: tuple[Trial, ...] = ()
    superseded: tuple[Trial, ...] = ()
    resumptions: tuple[Resumption, ...] = ()
    stopped_early: str | None = None
    schema_version: int = SCHEMA_VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What of a machine decides how well it measures; ``None`` where the platform does not say.

    Attributes:
        logical_cores: As the operating system counts them, and of which this process may use ``usable_cores``.
        usable_cores: See above.
        server_cpus: Cores that the server is pinned to; empty where it cannot be.
        loader_cpus: The same of the loader.
        cores_are_siblings: Whether server and loader sit on two hyper-threads of one core.
        governors: Frequency governors of those cores, each once.
        on_battery: Whether the power supply is unplugged.
        load_average_1m: Processes that wanted a core, on average over the last minute.
        busiest: Names of other processes and the share of a core that each used, the greediest first.
        clock_step_ns: The smallest step of the clock that latencies are taken from, nanoseconds.
    """

    logical_cores: int | None
    usable_cores: int
    server_cpus: tuple[int, ...]
    loader_cpus: tuple[int, ...]
    cores_are_siblings: bool | None
    governors: tuple[str, ...]
    on_battery: bool | None
    load_average_1m: float | None
    busiest: tuple[tuple[str, float], ...]
    clock_step_ns: float
