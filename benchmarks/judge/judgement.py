"""What judging a run yields: frozen values that the report tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Outcome = Literal["replicated", "contradicted", "inconclusive", "refused"]

DuelOutcome = Literal["faster", "slower", "equal", "undecided", "refused"]
"""What the one contender was against the other: ``equal`` has its whole interval inside the margin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A value with its 95 % interval; ``low`` and ``high`` are ``None`` when fewer than two rounds were left.

    ``samples`` counts the rounds (or trials) behind it. ``resolution`` is how far off the value may be, as a fraction
    of it, for how coarsely the figures behind it were counted; 0 where they were not.
    """

    value: float
    low: float | None
    high: float | None
    samples: int
    resolution: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number that a verdict rests on.

    Attributes:
        name: For example ``rate async/sync`` or ``threads that ran``.
        unit: For example ``×``; empty for a count.
        estimate: Measured in this run; ``None`` when it could not be.
        tutorial_value: What the tutorial printed or claimed, in the same unit; ``None`` when it gave no number.
    """

    name: str
    unit: str
    estimate: Estimate | None
    tutorial_value: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What this run says of one claim for one arrangement.

    Attributes:
        claim: The claim's id in the ledger, for example ``async-throughput``.
        number: Its number there, from 1.
        subject: ``FastAPI`` or ``Flask``, or ``FastAPI and Flask`` where the claim compares them.
        arrangement: For example ``flask@hypercorn+asgiref``; empty where the claim is not about serving.
        headline: Whether it is the arrangement that the claim is judged on; the others are beside it.
        outcome: See ``Outcome``.
        figures: The first is the one that decided.
        sentence: What was found, in one sentence, with the figure.
        why: The cause, in one sentence, from the observed switches, threads and CPU per request; for ``refused``, the
            reason and what to do about it.
        workload: Under which it was tried; empty where the claim is not about timing.
    """

    claim: str
    number: int
    subject: str
    arrangement: str
    headline: bool
    outcome: Outcome
    figures: tuple[Figure, ...]
    sentence: str
    why: str
    workload: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One contender under one workload, over its valid trials.

    Averages over trials are geometric for rates, CPU and latencies, with 95 % intervals of the same trials; other
    observations are medians over trials, with two exceptions. The threads started are the least of the trials, for what
    else runs on the machine can only add to that count. The epoll descriptors are the most of the trials, for a loop
    that lives as long as a request is seldom caught. ``None`` where nothing valid was seen.

    Attributes:
        contender: Its id.
        arrangement: What both twins share.
        framework: Of the contender.
        variant: ``sync``, ``async`` or ``None`` for the bare server.
        workload: Name of the workload.
        rate_per_s: Valid answers per second.
        latency_average_ms: Mean latency.
        latency_median_ms: Median latency.
        latency_p95_ms: 95th percentile.
        latency_p99_ms: 99th percentile.
        cpu_us_per_request: User and system CPU time of the server.
        voluntary_switches_per_request: See ``Observation``, as are those below.
        involuntary_switches_per_request: Same.
        threads_started_per_request: Same.
        threads: Same.
        running_threads: Same.
        epoll_descriptors: Same.
        resident_bytes: Same.
        histograms: The valid trials' HDR histograms (V2, base64), to be added up by who draws them.
        used: Number of valid trials.
        void: Why each of the others does not count.
    """

    contender: str
    arrangement: str
    framework: str
    variant: str | None
    workload: str
    rate_per_s: Estimate | None
    latency_average_ms: Estimate | None
    latency_median_ms: Estimate | None
    latency_p95_ms: Estimate | None
    latency_p99_ms: Estimate | None
    cpu_us_per_request: Estimate | None
    voluntary_switches_per_request: float | None
    involuntary_switches_per_request: float | None
    threads_started_per_request: float | None
    threads: float | None
    running_threads: float | None
    epoll_descriptors: float | None
    resident_bytes: float | None
    histograms: tuple[str, ...]
    used: int
    void: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TwinRatio:
    """Async over sync of one arrangement under one workload, paired inside rounds.

    Attributes:
        arrangement: For example ``fastapi@uvicorn``.
        framework: ``flask`` or ``fastapi``.
        workload: Name of the workload.
        headline: Whether a claim is judged on it.
        rate: Ratio of valid answers per second.
        latency_average: Ratio of mean latencies.
        latency_p95: Ratio of 95th percentiles.
        cpu: Ratio of CPU time a request.
    """

    arrangement: str
    framework: str
    workload: str
    headline: bool
    rate: Estimate | None
    latency_average: Estimate | None
    latency_p95: Estimate | None
    cpu: Estimate | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeCost:
    """What a request costs behind a bridge, or on the same server without one; ``None`` where it was not seen.

    Attributes:
        contender: Its id.
        threads_started: By each request; 0 where requests start none, whatever else the machine does.
        loops_started: Those of the threads that run an event loop of their own.
        voluntary_switches: Of a request.
        cpu_us: Of a request.
        waits: In progress at once, on average; ``None`` too where the views do not wait.
        running_threads: That took part.
    """

    contender: str
    threads_started: float | None
    loops_started: float | None
    voluntary_switches: float | None
    cpu_us: float | None
    waits: float | None
    running_threads: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeRatio:
    """Views behind a bridge over those on the same server without one, paired inside rounds.

    Attributes:
        contender: Id of the one behind the bridge.
        other: Id of what it is compared with: the same framework without a bridge, or another framework.
        same_framework: Whether nothing but the bridge differs.
        rate: Ratio of valid answers per second.
        refused: Whether this run cannot judge it; the ratio, where there is one, is then a figure like any other.
        sentence: What was found, in one sentence.
        why: What the bridge changes in the cost of a request, as observed; for ``refused``, the reason.
    """

    contender: str
    other: str
    same_framework: bool
    rate: Estimate | None
    refused: bool
    sentence: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeComparison:
    """The same views behind each bridge and without one, and those of other frameworks, all on one server.

    Attributes:
        server: On which they are.
        variant: ``sync`` or ``async``.
        workload: Name of the workload.
        costs: In the catalogue's order.
        ratios: The same.
    """

    server: str
    variant: str
    workload: str
    costs: tuple[BridgeCost, ...]
    ratios: tuple[BridgeRatio, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyAtRate:
    """One contender at a given rate: how long its answers took from when the requests were due.

    Averages over valid trials are geometric, with 95 % intervals of the same trials; ``None`` where nothing was seen.

    Attributes:
        contender: Its id.
        arrangement: What both twins share.
        variant: ``sync``, ``async`` or ``None`` for the bare server.
        median_ms: Median latency.
        p95_ms: 95th percentile.
        p99_ms: 99th percentile.
        achieved_fraction: Valid answers over what was asked, in all trials that were driven to their end.
        dropped: Requests that never found a free connection, in the same trials.
        used: Number of valid trials.
        doubt: Why the latencies are not those of a server that keeps up, measured by a loader that does; empty when
            they are.
    """

    contender: str
    arrangement: str
    variant: str | None
    median_ms: Estimate | None
    p95_ms: Estimate | None
    p99_ms: Estimate | None
    achieved_fraction: float | None
    dropped: int | None
    used: int
    doubt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyRatio:
    """Async over sync of one arrangement at a given rate, paired inside rounds.

    Attributes:
        arrangement: For example ``fastapi@uvicorn``.
        p95: Ratio of 95th percentiles; ``None`` when there is no pair, or when one of the two is in doubt.
    """

    arrangement: str
    p95: Estimate | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RateComparison:
    """All contenders at one given rate.

    Attributes:
        workload: Name of the workload.
        rate_per_s: At which all were asked.
        latencies: In the catalogue's order.
        ratios: The same.
    """

    workload: str
    rate_per_s: float
    latencies: tuple[LatencyAtRate, ...]
    ratios: tuple[LatencyRatio, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Duel:
    """One contender of a race over another, paired inside rounds.

    Attributes:
        contender: Id of the numerator.
        other: Id of the denominator.
        workload: Name of the workload.
        rate: Ratio of valid answers per second; ``None`` when it was refused.
        narrowing: The same ratio as it stood after two rounds, after three, and so on; empty where it was refused.
        outcome: What the numerator was, see ``DuelOutcome``.
        sentence: What was found, in one sentence.
        why: The cause, as observed; for ``refused``, the reason and what to do about it.
    """

    contender: str
    other: str
    workload: str
    rate: Estimate | None
    narrowing: tuple[Estimate, ...]
    outcome: DuelOutcome
    sentence: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """All that a report tells of a run.

    Attributes:
        verdicts: In the ledger's order; headline first within a claim and subject.
        summaries: In the catalogue's order, by workload.
        twins: In the catalogue's order, by workload.
        bridges: By workload and server; ``async`` first, which it is that bridges are made for.
        placebo: The A/A ratio of rates; ``None`` when the run had none.
        placebo_failed: Why verdicts are withheld; ``None`` when the placebo came out equal or was not run.
        ceiling_per_s: The loader's rate on each bare server, by contender id.
        margin: Half-width of what counts as equal, 0.05 for ±5 %.
        notes: Sentences on what the reader must know: trials void, load average high, no pinning ...
        at_rates: By workload; empty where none was asked at a given rate.
        duels: Of a race; empty for any other run.
    """

    verdicts: tuple[Verdict, ...]
    summaries: tuple[Summary, ...]
    twins: tuple[TwinRatio, ...]
    bridges: tuple[BridgeComparison, ...]
    placebo: Estimate | None
    placebo_failed: str | None
    ceiling_per_s: Mapping[str, float]
    margin: float
    notes: tuple[str, ...]
    at_rates: tuple[RateComparison, ...] = ()
    duels: tuple[Duel, ...] = ()
