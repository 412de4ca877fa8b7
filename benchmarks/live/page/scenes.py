"""Lays out what the stage and the phones show of a race: lanes, ratios on their axis, guesses, the needle; pure.

Lengths are in units of a drawing that is 1,000 wide; templates draw, and style sheets give texts their size.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.judge.comparison import equal_band
from benchmarks.judge.judgement import Comparison, Estimate, Judgement
from benchmarks.live.page.guesses import GuessedRatio
from benchmarks.model import Contender, Plan, Run
from benchmarks.report.charts.palette import framework_colour
from benchmarks.report.figures import amount, is_measured, ratio_share
from benchmarks.report.words import arrangement_name, connections, contender_name
from benchmarks.trials import void_reason

_REACHES: Final = (4.0, 16.0, 100.0)
_TOLD_TICKS: Final = {0.25: "¼", 0.5: "½"}
_EDGE: Final = 100.0
_WIDTH: Final = 1_000.0
"""An axis lies between the edges, so that five words below it, in columns of one width, stand below their ticks."""

_MOST_PAIRS: Final = 3
_CLOSE: Final = 1.05
_ABOUT: Final = 1.1
_MANY: Final = 10
_BINS: Final = 40
_DOT_BASE: Final = 190.0
_DOT_STEP: Final = 19.0
_DOT_TALLEST: Final = 150.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """A contender as the stage shows it.

    Attributes:
        id: Its id.
        name: For people.
        framework: The class of its hue.
        colour: The role of its hue in the palette.
        is_hollow: Whether it is ``def``.
        number: Of its lane, from 1.
    """

    id: str
    name: str
    framework: str
    colour: str
    is_hollow: bool
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneShown:
    """The lane of a race.

    Attributes:
        runner: Whose it is.
        answered: Requests, in the trials that count.
        length: Of 1,000: the fastest so far reaches the end with the last round.
    """

    runner: Runner
    answered: int
    length: float


@dataclass(frozen=True, slots=True)
class Axis:
    """A logarithmic axis of ratios around 1, as long on both sides.

    Attributes:
        reach: The ratio at its right end.
    """

    reach: float

    @property
    def ticks(self) -> tuple[str, ...]:
        """What stands below its five ticks."""
        root = math.sqrt(self.reach)
        below = (_TOLD_TICKS.get(1 / each, f"1/{each:g}") for each in (self.reach, root))
        return tuple(f"{each} ×" for each in (*below, "1", f"{root:g}", f"{self.reach:g}"))

    def at(self, ratio: float) -> float:
        """Return where a ratio is; what is beyond an end is at it."""
        return round(_EDGE + (_WIDTH - 2 * _EDGE) * ratio_share(self.reach, ratio), 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """How the interval of one ratio narrowed.

    Attributes:
        runner: The side above.
        other: The side below.
        intervals: From left to right, with the estimate between; the last one is what is known now.
        figure: That one in words.
    """

    runner: Runner
    other: Runner
    intervals: tuple[tuple[float, float, float], ...]
    figure: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Revealed:
    """One ratio as it was guessed and measured.

    Attributes:
        name: Of what was compared, for people.
        title: The ids, for a tooltip.
        framework: The class of its hue.
        colour: The role of its hue.
        word: What was found, in a word.
        outcome: Its standing.
        figure: What was measured, with its interval.
        dots: Places of the guesses.
        median: Place of the middle guess; ``None`` when there is none.
        guessed: The middle guess in words; empty likewise.
        needle: Place of what was measured; ``None`` if it was not.
        band: Its interval, from left to right; ``None`` likewise.
    """

    name: str
    title: str
    framework: str
    colour: str
    word: str
    outcome: str
    figure: str
    dots: tuple[tuple[float, float], ...]
    median: float | None
    guessed: str
    needle: float | None
    band: tuple[float, float] | None


def lineup(plan: Plan | None) -> dict[str, Any]:
    """Return who races next, and under which conditions, as values of JSON."""
    if plan is None:
        return {"contenders": [], "conditions": ""}
    (workload,) = plan.workloads
    wait = f"each view waits {workload.wait_ms:g} ms" if workload.wait_ms else "no wait"
    rounds = max(plan.rounds.values())
    return {
        "contenders": [
            {"id": each.id, "name": each.name, "framework": each.framework, "isHollow": each.is_hollow}
            for each in runners(plan).values()
        ],
        "conditions": f"{connections(plan.loads[workload.name].vus)}, {wait}, {rounds} rounds",
    }


def runners(plan: Plan) -> dict[str, Runner]:
    """Return the contenders of a race by id, in the order of their lanes."""
    return {each.id: _runner(each, number) for number, each in enumerate(plan.contenders, start=1)}


def _runner(contender: Contender, number: int) -> Runner:
    return Runner(
        id=contender.id,
        name=contender_name(contender.id),
        framework=contender.framework,
        colour=framework_colour(contender.framework).name,
        is_hollow=contender.variant == "sync",
        number=number,
    )


def lanes(plan: Plan, run: Run | None) -> list[LaneShown]:
    """Return the lanes of a race; before its first trial they are empty.

    Args:
        plan: Of the race.
        run: As far as it came.
    """
    # The second trial of the A/A comparison would be a head start.
    counted = [each for each in (run.trials if run else ()) if not each.placebo and void_reason(each) is None]
    answered: dict[str, int] = dict.fromkeys(runners(plan), 0)
    trials = dict.fromkeys(answered, 0)
    for trial in counted:
        answered[trial.contender] += trial.result.completed if trial.result else 0
        trials[trial.contender] += 1
    rounds = max(plan.rounds.values())
    goal = max((answered[each] / count * rounds for each, count in trials.items() if count), default=0.0)
    return [
        LaneShown(
            runner=runner,
            answered=answered[name],
            length=round(_WIDTH * min(1.0, answered[name] / goal), 1) if goal else 0.0,
        )
        for name, runner in runners(plan).items()
    ]


def shown_pairs(plan: Plan, judgement: Judgement) -> list[Comparison]:
    """Return the comparisons that the stage shows: of twins if all that race are twins, else each over the first."""
    arrangement = {contender.id: contender.arrangement for contender in plan.contenders}
    twins = [duel for duel in judgement.duels if arrangement.get(duel.above) == arrangement.get(duel.below)]
    if plan.against is None and {arrangement[duel.above] for duel in twins} == set(arrangement.values()):
        return twins[:_MOST_PAIRS]
    first = plan.against or plan.contenders[0].id
    return [duel for duel in judgement.duels if duel.below == first][:_MOST_PAIRS]


def axis_of(pairs: Iterable[Comparison]) -> Axis:
    """Return the shortest axis on which these ratios are."""
    values = [pair.rate.value for pair in pairs if pair.rate is not None and is_measured(pair.rate.value)]
    farthest = max((max(value, 1 / value) for value in values if value > 0), default=1.0)
    return Axis(next((reach for reach in _REACHES if farthest <= reach), _REACHES[-1]))


def strips(plan: Plan, pairs: Sequence[Comparison], axis: Axis) -> list[Strip]:
    """Return how the intervals of these ratios narrowed, round by round."""
    by_id = runners(plan)
    return [
        Strip(
            runner=by_id[pair.above],
            other=by_id[pair.below],
            intervals=tuple(_bar(axis, estimate) for estimate in pair.narrowing),
            figure=amount(pair.rate.value, "×") if pair.rate is not None and pair.refusal is None else "",
        )
        for pair in pairs
    ]


def equal_part(axis: Axis, margin: float) -> tuple[float, float]:
    """Return from where to where ratios count as equal."""
    low, high = equal_band(margin)
    return axis.at(low), axis.at(high)


def _bar(axis: Axis, estimate: Estimate) -> tuple[float, float, float]:
    low = estimate.value if estimate.low is None else estimate.low
    high = estimate.value if estimate.high is None else estimate.high
    return axis.at(low), axis.at(estimate.value), axis.at(high)


def word(pair: Comparison) -> str:
    """Return what a comparison came to in a word, such as ``Half.``, or in two."""
    match pair.standing:
        case "refused":
            return "Not judged."
        case "undecided":
            return "Undecided."
        case "equal":
            return "The same."
    value = pair.rate.value if pair.rate is not None else math.nan
    if not is_measured(value) or value <= 0:
        return "Not judged."
    for told, exact in (("double", 2.0), ("half", 0.5)):
        away = abs(math.log(value / exact))
        if away <= math.log(_ABOUT):
            return f"{told.capitalize()}." if away <= math.log(_CLOSE) else f"About {told}."
    return f"{value:,.0f} times." if value >= _MANY else f"{value:.1f} times."


def pair_name(plan: Plan, pair: Comparison) -> str:
    """Return what a comparison is of, for people; unless it is of twins, only the side above."""
    arrangement = {contender.id: contender.arrangement for contender in plan.contenders}
    if arrangement.get(pair.above) == arrangement.get(pair.below):
        return f"{arrangement_name(arrangement[pair.above])}: async def over def"
    return contender_name(pair.above)


def beside(plan: Plan, pairs: Sequence[Comparison]) -> str:
    """Return what all of these are compared with, for people; empty for twins, whose names say it."""
    arrangement = {contender.id: contender.arrangement for contender in plan.contenders}
    first = next((pair.below for pair in pairs if arrangement[pair.above] != arrangement[pair.below]), None)
    return "" if first is None else contender_name(first)


def revealed(
    plan: Plan, pairs: Sequence[Comparison], guessed: Mapping[str, GuessedRatio], axis: Axis
) -> list[Revealed]:
    """Return the ratios as they were guessed and measured.

    Args:
        plan: Of the race.
        pairs: What to show.
        guessed: By what was asked: the framework of twins, or the id of what is compared with the first.
        axis: Of all of them.
    """
    by_id = runners(plan)
    of_framework = {each.id: each.framework for each in plan.contenders}
    found = []
    for pair in pairs:
        asked = guessed.get(pair.above) or guessed.get(of_framework[pair.above] if plan.against is None else "")
        rate = pair.rate if pair.refusal is None else None
        bar = None if rate is None else _bar(axis, rate)
        runner = by_id[pair.above]
        found.append(
            Revealed(
                name=pair_name(plan, pair),
                title=f"{pair.above} over {pair.below}",
                framework=runner.framework,
                colour=runner.colour,
                word=word(pair),
                outcome=pair.standing,
                figure="" if rate is None else f"measured {amount(rate.value, '×')}",
                dots=_dots(axis, asked.guesses if asked else ()),
                median=None if asked is None or asked.median is None else axis.at(asked.median),
                guessed=_guessed(asked),
                needle=None if bar is None else bar[1],
                band=None if bar is None else (bar[0], bar[2]),
            )
        )
    return found


def _guessed(asked: GuessedRatio | None) -> str:
    if asked is None or asked.median is None:
        return ""
    return f"median guess {amount(asked.median, '×')}"


def _dots(axis: Axis, guesses: Sequence[float]) -> tuple[tuple[float, float], ...]:
    """Stack guesses that lie together; where many do, closer together, so that all are there."""
    column_px = (_WIDTH - 2 * _EDGE) / _BINS
    columns = [round((axis.at(guess) - _EDGE) / column_px) for guess in guesses]
    tallest = max((columns.count(column) for column in columns), default=1)
    step = min(_DOT_STEP, _DOT_TALLEST / tallest)
    heights: dict[int, int] = {}
    dots = []
    for column in columns:
        dots.append((round(_EDGE + column * column_px, 1), round(_DOT_BASE - step * heights.get(column, 0), 1)))
        heights[column] = heights.get(column, 0) + 1
    return tuple(dots)
