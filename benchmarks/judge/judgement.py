"""The results of judging a run: frozen values for the report."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from benchmarks.model import MARGIN, Place

Outcome = Literal["replicated", "contradicted", "inconclusive", "refused"]

Standing = Literal["faster", "slower", "equal", "undecided", "refused"]
"""How one side of a comparison compares with the other; see ``comparison.standing``."""

QuantityName = Literal["rate", "latency_average", "latency_p95", "cpu"]
"""The quantities that are compared: the fields of a ``Comparison`` that hold their ratios."""

CONFIDENCE = 0.95
"""Of an interval, unless the run decided after every round whether to stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A value with its interval.

    Attributes:
        value: The estimate.
        low: Lower end of the interval; ``None`` when fewer than two rounds were left.
        high: Upper end; the same.
        samples: The rounds (or trials, or runs) behind it.
        resolution: How far off the value may be because of coarse counting, as a fraction of it; 0 if it was exact.
        confidence: Of the interval, 0 to 1; ``None`` if ``low`` and ``high`` are the least and the most seen.
    """

    value: float
    low: float | None
    high: float | None
    samples: int
    resolution: float = 0.0
    confidence: float | None = CONFIDENCE


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number that a verdict rests on.

    Attributes:
        name: For example ``rate async/sync`` or ``threads that ran``.
        unit: For example ``×``; empty for a count.
        estimate: Measured in this run; ``None`` when it could not be.
        tutorial_value: What the tutorial printed or claimed, in the same unit; ``None`` if it gave no number.
        outcome: Of this figure alone; ``None`` if nothing is claimed of it.
        finding: The same in a few words: ``71 % more (same direction, smaller)``; empty likewise.
    """

    name: str
    unit: str = ""
    estimate: Estimate | None
    tutorial_value: float | None = None
    outcome: Outcome | None = None
    finding: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The verdict of a run on one claim for one arrangement.

    Attributes:
        claim: The claim's id in the ledger, for example ``async-throughput``.
        number: Its number there, from 1.
        subject: ``FastAPI`` or ``Flask``, or ``FastAPI and Flask`` where the claim compares them.
        arrangement: For example ``flask@hypercorn+asgiref``; empty if the claim is not about serving.
        headline: Whether it is the arrangement that the claim is judged on; others are shown beside it.
        outcome: See ``Outcome``.
        figures: The first is the one that decided.
        sentence: What was found, in one sentence, with the figure.
        why: The cause, in one sentence, from the observed switches, threads and CPU per request; for ``refused``, the
            reason and what to do about it.
        workload: Under which it was tested; empty if the claim is not about timing.
        standing: Of the comparison that it was tested on, ``refused`` if the verdict is; ``None`` without a comparison.
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
    standing: Standing | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One contender under one workload, over its valid trials.

    Rates, CPU and latencies are geometric means over trials with 95 % intervals; other observations are medians, with
    two exceptions. Threads started are the minimum, because other programs can only add to that count. Epoll
    descriptors are the maximum, because a loop that lives as long as a request is seldom seen. ``None`` if nothing
    valid was seen.

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
        voluntary_switches_per_request: See ``Observation``, as for all down to ``resident_bytes``.
        histograms: The valid trials' HDR histograms (V2, base64), not added up.
        used: Number of valid trials.
        void: Why each of the others does not count.
        asked_per_s: The given rate; latencies then count from when a request was due. ``None`` in the closed model, as
            are the next two.
        achieved_fraction: Valid answers over requests due, in all trials that were driven to their end.
        dropped: Requests that never found a free connection, in the same trials.
        doubt: Why latencies at a given rate cannot be relied on: the server or the loader did not keep up; or empty.
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
    processes: float | None = None
    resident_bytes: float | None
    histograms: tuple[str, ...]
    used: int
    void: tuple[str, ...]
    asked_per_s: float | None = None
    achieved_fraction: float | None = None
    dropped: int | None = None
    doubt: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomEffects:
    """The sum of several studies, on the scale that they were given in.

    Attributes:
        mean: Of what the studies measured, over all such studies.
        low: Lower end of the mean's 95 % interval.
        high: Upper end.
        tau_squared: Variance of the true values between studies.
        i_squared: Share of the spread that the studies' own errors do not explain, 0 to 1.
        q: Cochran's Q: the weighted squares about the weighted mean.
        q_probability: How often Q would be as large, were all true values the same.
        predicted_low: Lower end of the 95 % interval for the true value of one more study; ``None`` for two studies.
        predicted_high: Upper end.
        weights: Of the studies in the mean, in their order; they add up to 1.
    """

    mean: float
    low: float
    high: float
    tau_squared: float
    i_squared: float
    q: float
    q_probability: float
    predicted_low: float | None
    predicted_high: float | None
    weights: tuple[float, ...]

    @property
    def between_factor(self) -> float:
        """By which the studies' own ratios differ, where their logarithms were summed up: one standard deviation."""
        return math.exp(math.sqrt(self.tau_squared))


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A over B under one workload: twins, bridges, the contenders of a race, two runs, many runs, a place on a map.

    Attributes:
        above: Id of the numerator.
        below: Id of the denominator; the same in a diff of one contender.
        workload: Name of the workload.
        arrangement: What both share, for example ``fastapi@uvicorn``; empty if they share none.
        framework: What both share, ``flask`` or ``fastapi``; the same.
        headline: Whether a claim is judged on it.
        rate: Ratio of valid answers per second; ``None`` without a pair, as are those below.
        latency_average: Ratio of mean latencies.
        latency_p95: Ratio of 95th percentiles.
        cpu: Ratio of CPU time per request.
        margin: Half-width of what counts as equal.
        decides: The quantity that decides the standing: the rate, or the 95th percentile if the rate was given.
        standing: How ``above`` compares with ``below``; ``refused`` until ``comparison.conclude`` has decided.
        refusal: Why it is not judged, and what to do; ``None`` unless the standing is ``refused``. There may still be
            estimates.
        finding: What was found, in a few words: ``double``, ``equal within ±5 %``.
        sentence: The same in one sentence, with the figure.
        cause: In one sentence, as observed; empty if nothing was decided.
        rounds: The ratio of the quantity that decides in each round that has it, in the order of the rounds.
        narrowing: In a race, the rate's ratio as it stood after two rounds, after three, and so on.
        run: In a pool, label of the run that it is of.
        place: On a map, where it is estimated.
        first: In a diff, what the first run found, of the quantity that decides.
        second: The same of the second run, of which the estimate is the ratio over the first.
        studies: In a pool, the comparison of each run, in the order of the runs; the estimate is their mean, and its
            ``samples`` counts them.
        predicted: The mean, with the 95 % interval in which the ratio of one more machine is expected; without an
            interval for two runs.
        effects: How the mean came about, on the scale of logarithms.
    """

    above: str
    below: str
    workload: str
    arrangement: str = ""
    framework: str = ""
    headline: bool = False
    rate: Estimate | None = None
    latency_average: Estimate | None = None
    latency_p95: Estimate | None = None
    cpu: Estimate | None = None
    margin: float = MARGIN
    decides: QuantityName = "rate"
    standing: Standing = "refused"
    refusal: str | None = None
    finding: str = ""
    sentence: str = ""
    cause: str = ""
    rounds: tuple[float, ...] = ()
    narrowing: tuple[Estimate, ...] = ()
    run: str = ""
    place: Place | None = None
    first: Estimate | None = None
    second: Estimate | None = None
    studies: tuple[Comparison, ...] = ()
    predicted: Estimate | None = None
    effects: RandomEffects | None = None

    @property
    def estimate(self) -> Estimate | None:
        """Of the quantity that decides."""
        return self.of(self.decides)

    def by(self, estimate: Estimate) -> Comparison:
        """Return the same with this estimate of the quantity that decides."""
        changes: dict[str, Any] = {self.decides: estimate}
        return dataclasses.replace(self, **changes)

    def of(self, quantity: QuantityName) -> Estimate | None:
        """Return the estimate of one quantity."""
        estimate: Estimate | None = getattr(self, quantity)
        return estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestCost:
    """What one contender's request costs, on average; ``None`` if it was not observed.

    Attributes:
        contender: Its id.
        server: See ``Contender``.
        variant: ``sync`` or ``async``.
        workload: Name of the workload.
        threads_started: By each request; 0 if requests start none, whatever else the machine does.
        loops_started: Those of the threads that run an event loop of their own.
        voluntary_switches: Of a request.
        cpu_us: CPU time of a request.
        waits: In progress at once; ``None`` also if the views do not wait.
        running_threads: That took part.
    """

    contender: str
    server: str
    variant: str
    workload: str
    threads_started: float | None = None
    loops_started: float | None = None
    voluntary_switches: float | None = None
    cpu_us: float | None = None
    waits: float | None
    running_threads: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One contender of a field.

    Attributes:
        contender: Its id.
        rate: Its rate over the reference's; the reference's own is 1, without an interval.
        with_work: What is left of that ratio where each view works as long as each of ``field.WORK_MS`` says, computed
            from what a request takes. Empty where requests wait.
        limit: The highest ratio that its clients' waits and its server's cores allow; ``None`` if neither is known.
    """

    contender: str
    rate: Estimate
    with_work: tuple[Estimate, ...]
    limit: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """All contenders of one workload beside the reference.

    Attributes:
        workload: Its name.
        reference: Id of the one that all are compared with; it is an entry too.
        entries: The highest rate first.
        ties: Places in ``entries``, first and last, between which no two are separated; longest spans alone.
        resolution: By which two contenders of all rounds must differ to be separated, as a fraction.
        impossible: Sentences on contenders that served more than can be: their limit, or what a bare server serves.
    """

    workload: str
    reference: str
    entries: tuple[Entry, ...]
    ties: tuple[tuple[int, int], ...]
    resolution: float
    impossible: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The judgement of a run.

    Attributes:
        verdicts: In the ledger's order; headline first within a claim and subject.
        summaries: In the catalogue's order, by workload.
        twins: Async over sync of each arrangement that has both, in the catalogue's order, by workload. If the rate was
            given, latencies decide.
        bridges: Views behind a bridge over those on the same server without one, by workload and server; ``async``
            first, because bridges are made for it.
        bridge_costs: What a request of each of these costs, in the same order.
        duels: Each contender over the reference of the run, or of a race; empty for any other run.
        fields: Where many have a reference: all of a workload beside it.
        placebo: The A/A ratio of rates; ``None`` when the run had none.
        placebo_failed: Why verdicts are withheld; ``None`` when the placebo came out equal or was not run.
        ceiling_per_s: The loader's rate on each bare server, by contender id.
        margin: See ``Plan``.
        notes: Sentences on what the reader must know: trials void, load average high, no pinning ...
    """

    verdicts: tuple[Verdict, ...]
    summaries: tuple[Summary, ...]
    twins: tuple[Comparison, ...]
    bridges: tuple[Comparison, ...]
    bridge_costs: tuple[RequestCost, ...] = ()
    placebo: Estimate | None
    placebo_failed: str | None
    ceiling_per_s: Mapping[str, float]
    margin: float
    notes: tuple[str, ...]
    duels: tuple[Comparison, ...] = ()
    fields: tuple[Field, ...] = ()
