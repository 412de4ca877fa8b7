"""Renders a race as it grows: the report's own judge, words and charts, as HTML for the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import jinja2

from benchmarks.judge.claims import Claim
from benchmarks.judge.judgement import Comparison, Judgement
from benchmarks.live.page import scenes, why_scene
from benchmarks.live.page.guesses import GuessedRatio, Guesses
from benchmarks.live.recording import Recording
from benchmarks.live.words import milliseconds
from benchmarks.model import Plan, Run
from benchmarks.report.charts.bars import cost_chart, speed_chart, waiting_chart
from benchmarks.report.charts.canvas import Drawing
from benchmarks.report.charts.forest import ratio_chart
from benchmarks.report.charts.latency import latency_chart
from benchmarks.report.charts.ratios import narrowing_chart
from benchmarks.report.figures import amount, interval, sign
from benchmarks.report.formats.html import fragment, words
from benchmarks.report.method import workload_title
from benchmarks.report.products.run_evidence import figures_table
from benchmarks.report.products.verdicts import alerts, verdict_of, verdict_on


@dataclass(frozen=True, slots=True)
class Reveal:
    """What a race is revealed by, as HTML.

    Attributes:
        told: Every guessed ratio in words.
        scene: Guesses as dots, and the needle of what was measured.
        next: All of it in a word each, and the next question.
    """

    told: str = ""
    scene: str = ""
    next: str = ""


NOTHING_REVEALED: Final = Reveal()


class Renderer:
    """Renders parts of the page; may be called from any thread.

    Args:
        environment: With the page's templates, which escapes.
        claims: The ledger that races are judged by.
        ways: Returns words and address of each page that shows why two contenders differ, given their ids and the wait.
    """

    def __init__(
        self,
        environment: jinja2.Environment,
        claims: Sequence[Claim],
        ways: Callable[[str, str, float], Sequence[tuple[str, str]]] = lambda _above, _below, _wait_ms: (),
    ) -> None:
        self._environment = environment
        self._claims = claims
        self._ways = ways
        # Texts of a run are on one line and have no control characters, as in the report.
        environment.filters["words"] = words
        environment.globals |= {"amount": amount, "interval": interval, "fragment": fragment, "sign": sign}

    def race(self, run: Run, judgement: Judgement) -> str:
        """Return a race as it stands: verdicts, charts and figures.

        Args:
            run: As far as it came.
            judgement: Of it.
        """
        (workload,) = run.plan.workloads
        is_over = run.state != "running"
        # The ledger's first claim that is tested under this workload.
        tried = (claim for claim in self._claims if any(test.workload == workload.name for test in claim.tests))
        claim = next(tried, None)
        raced = {twins.arrangement for twins in judgement.twins if twins.workload == workload.name}
        duels = [duel for duel in judgement.duels if duel.workload == workload.name]
        return self._environment.get_template("race.html").render(
            title=workload_title(workload, run.plan),
            is_over=is_over,
            alerts=[note.text for note in alerts(run, judgement)] if is_over else [],
            duels=[(verdict_of(duel), self._ways(duel.above, duel.below, workload.wait_ms)) for duel in duels],
            progress=f"round {max(trial.round for trial in run.trials)} of {run.plan.rounds[workload.name]}",
            claim=claim,
            # Only arrangements that raced with both keywords can be judged.
            verdicts=[
                verdict_on(verdict)
                for verdict in judgement.verdicts
                if claim is not None and verdict.claim == claim.id and verdict.arrangement in raced
            ],
            charts=self._charts(run, judgement),
            figures=figures_table(summary for summary in judgement.summaries if summary.workload == workload.name),
        )

    def _charts(self, run: Run, judgement: Judgement) -> list[Drawing]:
        (workload,) = run.plan.workloads
        name, margin, waits = workload.name, judgement.margin, workload.wait_ms > 0
        figures = (figure for claim in self._claims for figure in claim.figures)
        tutorial = next((figure.ratio for figure in figures if figure.name == "rate_per_s"), None)
        charts = (
            narrowing_chart(name, judgement.duels, margin=margin, rounds=run.plan.rounds[name]),
            None if waits else speed_chart(name, judgement.summaries),
            ratio_chart(name, judgement.twins, margin=margin, tutorial_value=None if waits else tutorial),
            waiting_chart(workload, run.plan.loads[name], judgement.summaries),
            latency_chart(name, judgement.summaries),
            cost_chart(name, judgement.summaries),
        )
        return [chart for chart in charts if chart is not None]

    def lanes(self, plan: Plan, run: Run | None = None, judgement: Judgement | None = None) -> str:
        """Return the lanes of a race, and how its ratios narrow.

        Args:
            plan: Of the race.
            run: As far as it came; nothing before its first trial.
            judgement: Of it.
        """
        pairs = [] if judgement is None else scenes.shown_pairs(plan, judgement)
        axis = scenes.axis_of(pairs)
        narrowing = [strip for strip in scenes.strips(plan, pairs, axis) if strip.intervals]
        return self._scene("race", scenes.lanes(plan, run), narrowing, axis, scenes.equal_part(axis, plan.margin))

    def reveal(self, guesses: Guesses, run: Run, judgement: Judgement) -> Reveal:
        """Return what the class guessed, against what was measured.

        Args:
            guesses: Of the class.
            run: The race that answers them.
            judgement: Of it.
        """
        # Of several arrangements of a framework, the one that claims are judged on.
        twins = sorted(judgement.twins, key=lambda twin: twin.headline)
        measured = {twin.framework: twin.rate for twin in twins}
        plan, against = run.plan, run.plan.against
        measured |= {duel.above: duel.rate for duel in judgement.duels if duel.below == against}
        guessed = tuple(
            GuessedRatio(
                framework=asked,
                guesses=guesses.of(asked),
                median=guesses.median(asked),
                measured=measured.get(asked),
            )
            for asked in guesses.asked
        )
        what = "async def over def" if against is None else f"its requests over those of {against}"
        waits = plan.workloads[0].wait_ms > 0
        note = "The race waited; the guesses were of a check that does not." if waits and against is None else ""
        pairs = scenes.shown_pairs(plan, judgement)
        axis, other = scenes.axis_of(pairs), scenes.beside(plan, pairs)
        over = f"Each over {other}." if other else ""
        shown = scenes.revealed(plan, pairs, {ratio.framework: ratio for ratio in guessed}, axis)
        question = "And if nothing waits?" if waits else "And if each view waits 20 ms?"
        if against is not None:
            question = "What would you change next?"
        return Reveal(
            told=self._environment.get_template("reveal.html").render(guessed=guessed, what=what, note=note),
            scene=self._scene("reveal", shown, axis, scenes.equal_part(axis, plan.margin), note or over),
            next=self._scene("next", shown, question, over),
        )

    def because(self, plan: Plan, pair: Comparison) -> dict[str, str]:
        """Return in a sentence why a comparison came out as it did, and where its timelines are; empty if nowhere."""
        ways = self._ways(pair.above, pair.below, plan.workloads[0].wait_ms)
        return {"because": pair.refusal or pair.cause, "timeline": next((path for _, path in ways), "")}

    def why(self, plan: Plan, pair: Comparison, recordings: Mapping[str, Recording]) -> str:
        """Return the recorded bursts of both sides of a comparison, and what one has beyond the other.

        Args:
            plan: Of the race.
            pair: Two of its contenders.
            recordings: By contender, as far as there are any.
        """
        by_id = scenes.runners(plan)
        below, above = (recordings[each].timeline if each in recordings else None for each in (pair.below, pair.above))
        # As the class reads: what is usual, then what was promised.
        shown = [(each, beside) for each, beside in ((below, above), (above, below)) if each is not None]
        end_ns = max((each.end_ns for each, _ in shown), default=0)
        sides: list[dict[str, Any]] = [
            {
                "runner": by_id[each.contender],
                "end": milliseconds(each.end_ns),
                "rows": why_scene.rows(each, beside, end_ns),
            }
            for each, beside in shown
        ]
        added = pair.cause if below is None or above is None else why_scene.added(above, below)
        name, other = scenes.pair_name(plan, pair), scenes.beside(plan, [pair])
        keys = why_scene.keys([row for side in sides for row in side["rows"]])
        return self._scene("why", f"{name}, over {other}" if other else name, added, sides, keys)

    def _scene(self, name: str, *values: Any) -> str:
        return str(getattr(self._environment.get_template("scenes.html").module, name)(*values))
