"""What a report tells, in words and figures ready to be set: the values that every renderer shares.

Every text in a ``Story`` is on one line and free of control characters; a renderer has only its own format's signs left
to escape.
"""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.judge.judgement import Estimate, Outcome, Standing
from benchmarks.report.at_rate import AtRateStory

QUESTION = "Is async def faster than def?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What this run answers for one framework.

    Attributes:
        subject: ``FastAPI`` or ``Flask``.
        word: ``Yes``, ``No, slower``, ``No difference``, ``Undecided`` or ``Withheld``.
        verdict: The verdict behind it.
    """

    subject: str
    word: str
    verdict: VerdictStory


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureStory:
    """One figure of a verdict.

    Attributes:
        name: What it is.
        label: Its name in short when only that says what it is, a count having no unit; empty for a ratio.
        value: Measured in this run.
        interval: Its 95 % interval, or the range of a count; empty when it needs none.
        tutorial: What the tutorial has; empty when it gave no number.
    """

    name: str
    label: str
    value: str
    interval: str
    tutorial: str

    @property
    def measured(self) -> str:
        """Value and interval."""
        return f"{self.value} {self.interval}".rstrip()

    @property
    def labelled(self) -> str:
        """The same, a count with its label."""
        return f"{self.label}: {self.measured}" if self.label else self.measured


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictStory:
    """One verdict; ``figures`` begins with the one that decided and may be empty."""

    subject: str
    arrangement: str
    outcome: Outcome
    figures: tuple[FigureStory, ...]
    sentence: str
    why: str

    @property
    def tried_on(self) -> str:
        """The arrangement, or the subject of a claim that is not about serving."""
        return self.arrangement or self.subject

    @property
    def decisive(self) -> FigureStory | None:
        """The figure that decided."""
        return self.figures[0] if self.figures else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimStory:
    """One claim, the tutorial's words, and the verdicts on it: those it is judged on, and those beside."""

    number: int
    title: str
    quote: tuple[str, ...]
    english: str
    verdicts: tuple[VerdictStory, ...]
    beside: tuple[VerdictStory, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContenderStory:
    """Figures of one contender under one workload; each text is a number, or says that it was not measured."""

    contender: str
    arrangement: str
    keyword: str
    rate: str
    rate_spread: str
    latency_median_ms: str
    latency_p95_ms: str
    latency_p99_ms: str
    cpu_us: str
    voluntary_switches: str
    involuntary_switches: str
    threads_ran: str
    epoll_descriptors: str
    resident_mebibytes: str
    trials: str
    void: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RatioStory:
    """Async over sync of one arrangement, each with its interval."""

    arrangement: str
    headline: bool
    estimate: Estimate | None
    rate: str
    latency_average: str
    latency_p95: str
    cpu: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeRatioStory:
    """Views behind a bridge over those of another contender: the estimate, and the same with its interval in words."""

    contender: str
    other: str
    estimate: Estimate | None
    rate: str

    @property
    def against(self) -> str:
        """The ratio and what it is over."""
        return f"{self.rate} of {self.other}"


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeCostStory:
    """What a request of one contender costs; each text is a number, or says that it was not measured.

    Attributes:
        contender: Behind a bridge, or without one.
        ratios: Over those without a bridge; empty for one of them.
        threads: That each request starts.
        loops: Event loops that each request starts.
        voluntary_switches: Of a request.
        cpu_us: Of a request.
        waits: In progress at once.
    """

    contender: str
    ratios: tuple[BridgeRatioStory, ...]
    threads: str
    loops: str
    voluntary_switches: str
    cpu_us: str
    waits: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgesStory:
    """The same views behind each bridge and without one, on one server.

    Attributes:
        title: Keyword and server.
        is_async: Whether they are ``async def``, which it is that bridges are made for.
        costs: Of each contender.
        findings: What a bridge changes and why, a sentence or two each; empty when nothing could be judged.
        refusals: Why something could not be judged.
    """

    title: str
    is_async: bool
    costs: tuple[BridgeCostStory, ...]
    findings: tuple[str, ...]
    refusals: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DuelStory:
    """One contender of a race over another: the estimate, the ratio and its interval in words, and the verdict."""

    contender: str
    other: str
    outcome: Standing
    estimate: Estimate | None
    ratio: str
    interval: str
    sentence: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadStory:
    """What was measured under one workload; ``title`` says what was asked, and how hard, ``waits`` whether views do.

    Asked at a given rate, ``at_rate`` tells of it; there are no ratios of rates and no bridges then. In a race,
    ``duels`` has the verdicts.
    """

    name: str
    title: str
    waits: bool
    contenders: tuple[ContenderStory, ...]
    ratios: tuple[RatioStory, ...]
    bridges: tuple[BridgesStory, ...]
    at_rate: AtRateStory | None = None
    duels: tuple[DuelStory, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """All that a report tells, in order.

    Attributes:
        name: The run's.
        when: Its start, and its end where there is one.
        alerts: What must be read before anything else: verdicts withheld, a run cut short.
        answers: To ``QUESTION``.
        claims: In the ledger's order.
        workloads: In the plan's order.
        placebo: That the A/A comparison came out equal; empty when it did not, or was not made.
        ceilings: Bare servers, and the rate that the loader reached on each.
        method: The rules, a sentence each.
        environment: Facts of the machine, name and value.
        packages: Name and version.
        command: What measures the same again.
        notes: What the reader must know.
    """

    name: str
    when: str
    alerts: tuple[str, ...]
    answers: tuple[Answer, ...]
    claims: tuple[ClaimStory, ...]
    workloads: tuple[WorkloadStory, ...]
    placebo: str
    ceilings: tuple[tuple[str, str], ...]
    method: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]
    packages: tuple[tuple[str, str], ...]
    command: str
    notes: tuple[str, ...]

    @property
    def void(self) -> tuple[tuple[str, str], ...]:
        """Every trial that does not count: its contender, and why."""
        rows = (row for workload in self.workloads for row in workload.contenders)
        return tuple((row.contender, reason) for row in rows for reason in row.void)
