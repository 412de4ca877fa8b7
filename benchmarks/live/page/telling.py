"""Tells a race as it grows, by the report's own judge, words and charts, and makes HTML of what is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import jinja2

from benchmarks.judge.claims import Claim
from benchmarks.judge.judge import judge
from benchmarks.judge.judgement import Estimate, Judgement
from benchmarks.live.page.guesses import FRAMEWORKS, Guesses
from benchmarks.model import Run
from benchmarks.report.charts.canvas import Chart
from benchmarks.report.charts.contenders import cost_chart, speed_chart, waiting_chart
from benchmarks.report.charts.guesses import GuessedRatio, guess_chart
from benchmarks.report.charts.latency import latency_chart
from benchmarks.report.charts.narrowing import narrowing_chart
from benchmarks.report.charts.ratios import ratio_chart
from benchmarks.report.document import Table, Verdict
from benchmarks.report.figures import amount, interval, sign
from benchmarks.report.formats.html import fragment, words
from benchmarks.report.method import workload_title
from benchmarks.report.naming import framework_name
from benchmarks.report.products.run import alerts, verdict_of, verdict_on
from benchmarks.report.products.run_evidence import figures_table


@dataclass(frozen=True, slots=True, kw_only=True)
class RaceStory:
    """What a race tells so far.

    Attributes:
        run: As it stands.
        judgement: Of it.
        title: What was asked, and how hard.
        waits: Whether the views wait.
        duels: Who served how many times the requests of whom.
        claim: Of the tutorial, that this race is about.
        verdicts: On that claim, of the arrangements whose twins both race.
        figures: Of every contender.
        charts: Growing with every trial.
        alerts: What must be read before anything else.
    """

    run: Run
    judgement: Judgement
    title: str
    waits: bool
    duels: tuple[Verdict, ...]
    claim: Claim | None
    verdicts: tuple[Verdict, ...]
    figures: Table
    charts: tuple[Chart, ...]
    alerts: tuple[str, ...]

    @property
    def is_over(self) -> bool:
        """Whether the verdicts stand."""
        return self.run.state != "running"

    @property
    def progress(self) -> str:
        """How far the race has come: ``round 1 of 6``."""
        (workload,) = self.run.plan.workloads
        return f"round {max(trial.round for trial in self.run.trials)} of {self.run.plan.rounds[workload.name]}"

    @property
    def ratios(self) -> Mapping[str, Estimate]:
        """Async over sync by framework, of the twins that raced; the arrangement that claims are judged on first."""
        twins = sorted(self.judgement.twins, key=lambda twin: twin.headline)
        return {twin.framework: twin.rate for twin in twins if twin.rate is not None}


def tell_race(run: Run, claims: Sequence[Claim]) -> RaceStory:
    """Judge a race by what there is of it, and tell it.

    Args:
        run: As far as it came.
        claims: The ledger.
    """
    judgement = judge(run, tuple(claims))
    (workload,) = run.plan.workloads
    # The ledger's first that is tried under this workload.
    claim = next((claim for claim in claims if any(test.workload == workload.name for test in claim.tests)), None)
    raced = {twins.arrangement for twins in judgement.twins if twins.workload == workload.name}
    return RaceStory(
        run=run,
        judgement=judgement,
        title=workload_title(workload, run.plan),
        waits=workload.wait_ms > 0,
        duels=tuple(verdict_of(duel) for duel in judgement.duels if duel.workload == workload.name),
        claim=claim,
        # Only arrangements that raced with both keywords have something to be judged by.
        verdicts=tuple(
            verdict_on(verdict)
            for verdict in judgement.verdicts
            if claim is not None and verdict.claim == claim.id and verdict.arrangement in raced
        ),
        figures=figures_table(summary for summary in judgement.summaries if summary.workload == workload.name),
        charts=_charts(run, judgement, claims),
        alerts=() if run.state == "running" else tuple(note.text for note in alerts(run, judgement)),
    )


def _charts(run: Run, judgement: Judgement, claims: Sequence[Claim]) -> tuple[Chart, ...]:
    (workload,) = run.plan.workloads
    tutorial = next((figure.ratio for claim in claims for figure in claim.figures if figure.name == "rate_per_s"), None)
    charts = (
        narrowing_chart(workload.name, judgement.duels, margin=judgement.margin, rounds=run.plan.rounds[workload.name]),
        speed_chart(workload.name, judgement.summaries) if workload.wait_ms == 0 else None,
        ratio_chart(
            workload.name,
            judgement.twins,
            margin=judgement.margin,
            tutorial_value=tutorial if workload.wait_ms == 0 else None,
        ),
        waiting_chart(workload, run.plan.loads[workload.name], judgement.summaries),
        latency_chart(workload.name, judgement.summaries),
        cost_chart(workload.name, judgement.summaries),
    )
    return tuple(chart for chart in charts if chart is not None)


class Renderer:
    """Renders parts of the page; may be called from any thread.

    Args:
        environment: With the page's templates, which escapes.
    """

    def __init__(self, environment: jinja2.Environment) -> None:
        self._environment = environment
        # What a run carries is on one line and steers nothing, as in the report.
        environment.filters["words"] = words
        environment.globals |= {"amount": amount, "interval": interval, "fragment": fragment, "sign": sign}

    def race(self, story: RaceStory) -> str:
        """Return a race as it stands: verdicts, charts and figures."""
        return self._environment.get_template("race.html").render(story=story)

    def guesses(self, guesses: Guesses, story: RaceStory | None) -> str:
        """Return what the class guessed, against what was measured.

        Args:
            guesses: Of the class.
            story: Of the race that answers them; ``None`` before there is one: what others guess is then nobody's.
        """
        if story is None:
            return ""
        ratios = story.ratios
        guessed = tuple(
            GuessedRatio(
                framework=framework,
                name=framework_name(framework),
                guesses=guesses.of(framework),
                median=guesses.median(framework),
                measured=ratios.get(framework),
            )
            for framework in FRAMEWORKS
        )
        chart = guess_chart(guessed)
        return self._environment.get_template("reveal.html").render(guessed=guessed, chart=chart, story=story)
