"""Draws ratios on a logarithmic axis around 1: a run's and a pool's as forests, a race's by the round, and guesses.

A forest has ratios with their intervals below one another. The workshop page shows how the intervals of a race narrow,
and what its class guessed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from benchmarks.judge.judgement import Comparison, Estimate, Field
from benchmarks.report.charts.canvas import REFERENCE, Drawing, Layout, Scale, Sheet, around_one, draw, interval, label
from benchmarks.report.charts.palette import INK, MUTED, PAPER, framework_colour, framework_mark
from benchmarks.report.figures import NOT_MEASURED, amount, estimated, is_measured, level, ratio_reach, ratio_share
from benchmarks.report.words import arrangement_name, contender_name, twins_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TICKS: Final = (2, 5, 10, 20, 50, 100, 200, 500, 1000)
_FEW_TICKS: Final = (2, 4)
_FOREST_ROWS_BELOW: Final = 2.2
_BRACKET_PX: Final = 9.0

_ROWS: Final = 10.0
_ROWS_ABOVE: Final = 1.4
_ROWS_BELOW: Final = 1.6
_ROWS_PER_LABEL: Final = 1.9
_FIRST_ROUND: Final = 2

_GUESS_TICKS: Final = {0.25: "¼ ×", 0.5: "½ ×", 1.0: "1 ×", 2.0: "2 ×", 4.0: "4 ×"}
_EDGE: Final = 5.0
_ROWS_PER_STRIP: Final = 4.8
_GUESS_ROWS_BELOW: Final = 1.5
_BINS: Final = 48
_TALLEST: Final = 0.52


class _Row(NamedTuple):
    """A line of a forest: what it is called, how it is marked, and whether it is one to look at first.

    Further estimates are marked fainter, each more than the one before, and the last of them is written. What cannot be
    exceeded is a stroke.
    """

    name: str
    estimate: Estimate | None
    colour: str
    mark: str = "o"
    weight: float = 1.6
    named_in: str = INK.light
    strong: bool = False
    is_hollow: bool = False
    further: tuple[Estimate, ...] = ()
    limit: float | None = None

    @property
    def figure(self) -> str:
        """What is written at its end."""
        if self.further and self.estimate is not None:
            return f"{amount(self.estimate.value, '×')} → {amount(self.further[-1].value, '×')}"
        return estimated(self.estimate, "×")


def ratio_chart(
    workload: str, twins: Sequence[Comparison], *, margin: float, tutorial_value: float | None = None
) -> Drawing | None:
    """Draw the async/sync ratios of a workload's rates; ``None`` when it has no twins.

    What counts as equal, ± the margin, is a band; the tutorial's value is a line.
    """
    chosen = sorted((twin for twin in twins if twin.workload == workload), key=lambda twin: twin.framework)
    rows = [
        _Row(twins_name(twin), twin.rate, hue, framework_mark(twin.framework), 2.5, hue, twin.headline)
        for twin in chosen
        for hue in [framework_colour(twin.framework).light]
    ]
    words = (
        "Above 1, async def serves more; below 1, fewer.",
        f"Brackets hold {level(twin.rate for twin in chosen)} intervals.",
        *_told(rows),
        f"The band of ±{100 * margin:g} % around 1 counts as equal.",
        *([f"The tutorial found {amount(tutorial_value, '×')}."] if tutorial_value else []),
    )
    title = f"Requests per second: async def over def, workload {workload}"
    sides = ("async def is slower", "async def is faster")
    return _draw("ratio", workload, title, words, rows, margin, sides, (1.6, 2.1), tutorial_value)


def forest_chart(ratio: Comparison, quantity: str, *, margin: float) -> Drawing | None:
    """Draw one pooled ratio, of a quantity in words; ``None`` when no run has it."""
    hue = framework_colour(ratio.framework).light
    rows = [_Row(study.run, study.estimate, hue) for study in ratio.studies if study.estimate]
    if ratio.estimate is not None:
        rows.append(_Row("together", ratio.estimate, INK.light, "D", 2.8, strong=True))
    if ratio.predicted is not None and ratio.predicted.low is not None:
        rows.append(_Row("one more machine", ratio.predicted, INK.light, "|", strong=True))
    title = f"{arrangement_name(ratio.arrangement)}: async def over def, {quantity}"
    sides = ("async def has less", "async def has more")
    return _draw("forest", ratio.arrangement, title, (*_told(rows), ratio.sentence), rows, margin, sides, (0.92, 1.9))


def field_chart(field: Field, *, margin: float, works_ms: Sequence[float] = ()) -> Drawing | None:
    """Draw all contenders of a workload beside the reference, sorted, with a bracket around those that are tied.

    With ``works_ms`` it shows instead how each ratio moves towards 1 where a view works for each of these times.
    """
    rows = []
    for entry in field.entries:
        app = entry.contender.partition("@")[0]
        framework, _, variant = app.rpartition("-")
        hue, mark = framework_colour(framework or app).light, framework_mark(framework or app)
        is_reference = entry.contender == field.reference
        name = contender_name(entry.contender)
        further, limit = (entry.with_work, None) if works_ms else ((), entry.limit)
        rows.append(_Row(name, entry.rate, hue, mark, 1.6, hue, is_reference, variant == "sync", further, limit))
    title = f"Requests per second over {contender_name(field.reference)}, workload {field.workload}"
    if works_ms:
        title += f", where the view works {', '.join(f'{each:g}' for each in works_ms)} ms"
    sides, kind = ("serves fewer", "serves more"), "work" if works_ms else "field"
    ties = () if works_ms else field.ties
    return _draw(kind, field.workload, title, _told(rows), rows, margin, sides, (1.0, 1.9), ties=ties)


def _told(rows: Iterable[_Row]) -> list[str]:
    return [f"{row.name}: {row.figure}." for row in rows]


def _draw(  # noqa: PLR0917 (its words, then its lines)
    kind: str,
    name: str,
    title: str,
    words: Iterable[str],
    rows: Sequence[_Row],
    margin: float,
    sides: tuple[str, str],
    pitch: tuple[float, float],
    tutorial_value: float | None = None,
    ties: Sequence[tuple[int, int]] = (),
) -> Drawing | None:
    """Draw a forest, from the top; ``pitch`` is the height of a line in rows of the layout, wide and narrow.

    What is tied is given as its first and last row.
    """
    if not rows:
        return None
    rows_above = 1.5 if tutorial_value else 0.4

    def all_lines_px(layout: Layout) -> float:
        return layout.row_px * pitch[layout.is_narrow] * len(rows)

    def paint(sheet: Sheet) -> None:
        layout, narrow, lines_px = sheet.layout, sheet.layout.is_narrow, all_lines_px(sheet.layout)
        brackets_px = _BRACKET_PX * (1 + max((column for column, *_ in _columns(ties)), default=-1))
        names_px = 0.0 if narrow else min(400.0, max(layout.text_px(row.name, bold=row.strong) for row in rows) + 18)
        left = names_px + brackets_px + 6
        right = 6.0 if narrow else layout.text_px("2.00 × [1.95, 2.07]") + 14
        top, width = layout.row_px * rows_above, layout.width_px - left - right
        scale = ratio_scale(ratio_reach((row.estimate for row in rows), tutorial_value), most=5 if narrow else 9)
        axes = sheet.axes(scale, Scale(len(rows), 0), left=left, top=top, width=width, height=lines_px)
        around_one(axes, margin)
        if tutorial_value:
            axes.axvline(tutorial_value, **REFERENCE)
            label(
                axes,
                f"the tutorial: {amount(tutorial_value, '×')}",
                (tutorial_value, 0),
                (0, layout.font_px * 0.5),
                anchor="right" if narrow else "center",
                colour=MUTED.light,
                va="baseline",
            )
        for position, row in enumerate(rows):
            _mark(axes, row, position + (0.68 if narrow else 0.5), layout)
            _name(sheet, row, left - brackets_px, top + lines_px / len(rows) * (position + (0.28 if narrow else 0.5)))
        for column, first, last in _columns(ties):
            ends = (top + lines_px / len(rows) * (place + edge) for place, edge in ((first, 0.2), (last, 0.8)))
            sheet.line(names_px + _BRACKET_PX * (column + 0.5), *ends)
        middle, below = left + width / 2, sheet.height_px - layout.row_px * 0.6
        sheet.text(middle - 12, below, f"← {sides[0]}", anchor="right", colour=MUTED.light)
        sheet.text(middle + 12, below, f"{sides[1]} →", colour=MUTED.light)

    def height(layout: Layout) -> float:
        return layout.row_px * (rows_above + _FOREST_ROWS_BELOW) + all_lines_px(layout)

    return draw(kind, name, title, " ".join(words), height=height, paint=paint)


def _mark(axes: Axes, row: _Row, place: float, layout: Layout) -> None:
    """Draw a line's estimates, and what they cannot exceed."""
    if row.estimate is None or not is_measured(row.estimate.value) or row.estimate.value <= 0:
        return
    interval(axes, row.estimate, place, layout, row.colour, row.weight, row.mark, is_hollow=row.is_hollow)
    if row.limit is not None:
        stroke_px = layout.font_px * 0.9
        axes.plot([row.limit], [place], "|", color=MUTED.light, markersize=stroke_px, markeredgewidth=2, zorder=2)
    for number, then in enumerate(row.further):
        alpha, size_px = 0.6 - 0.15 * number, layout.font_px * 0.34
        axes.plot([then.value], [place], row.mark, color=row.colour, alpha=alpha, markersize=size_px, zorder=3)


def _columns(ties: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int, int]]:
    """Yield each span with the number of the column in which its bracket crosses no other."""
    ends: list[int] = []
    for first, last in ties:
        column = next((number for number, end in enumerate(ends) if end < first), len(ends))
        ends[column:] = [last, *ends[column + 1 :]]
        yield column, first, last


def _name(sheet: Sheet, row: _Row, left: float, y: float) -> None:
    """Write a line's name and its figure, beside its mark or above it."""
    layout, figure = sheet.layout, row.figure
    missing, over = figure == NOT_MEASURED, layout.is_narrow
    room_px = layout.width_px - layout.text_px(figure) - 16 if layout.is_narrow else left - 12
    sheet.text(2, y, row.name, colour=row.named_in, bold=row.strong, over_lines=over, room_px=room_px)
    colour, bold = MUTED.light if missing else INK.light, row.strong and not missing
    sheet.text(layout.width_px - 2, y, figure, anchor="right", colour=colour, bold=bold, over_lines=over)


def ratio_scale(reach: float, most: int) -> Scale:
    """Return a logarithmic scale from ``1 / reach`` to ``reach``, with about ``most`` round ratios."""
    above = [tick for tick in (_FEW_TICKS if reach < 5 else _TICKS) if tick <= reach]
    step = max(1, math.ceil(2 * len(above) / most))
    kept = above[step - 1 :: step]
    ticks = sorted([1.0, *kept, *(1 / tick for tick in kept)])
    return Scale(1 / reach, reach, {tick: f"{tick:g} ×" for tick in ticks}, is_log=True)


def narrowing_chart(workload: str, duels: Sequence[Comparison], *, margin: float, rounds: int) -> Drawing | None:
    """Draw the ratios of a race as they stood after each of its rounds; ``None`` when no ratio has an interval."""
    chosen = [duel for duel in duels if duel.workload == workload and duel.narrowing]
    if not chosen:
        return None
    rows, last = _ROWS_ABOVE + _ROWS + _ROWS_BELOW, max([rounds, *(len(duel.narrowing) + 1 for duel in chosen)])
    return draw(
        "narrowing",
        workload,
        f"Requests per second, one contender over another, after each round, workload {workload}",
        " ".join(
            f"{duel.above} over {duel.below}, after {len(duel.narrowing) + 1} rounds: "
            f"{estimated(duel.narrowing[-1], '×')}; after 2: {estimated(duel.narrowing[0], '×')}."
            for duel in chosen
        ),
        height=lambda layout: layout.row_px * (rows + (_ROWS_PER_LABEL * len(chosen) if layout.is_narrow else 0)),
        paint=lambda sheet: _paint_funnels(sheet, chosen, margin, last),
    )


def _paint_funnels(sheet: Sheet, duels: Sequence[Comparison], margin: float, rounds: int) -> None:
    layout = sheet.layout
    right = 8.0 if layout.is_narrow else 400.0
    left = layout.text_px("0.50 ×") + 12
    reach = ratio_reach(duel.narrowing[-1] for duel in duels) * 1.15
    shown = range(_FIRST_ROUND, rounds + 1, max(1, round(rounds / (6 if layout.is_narrow else 10))))
    ticks: dict[float, str] = {number: f"{number}" if number > _FIRST_ROUND else "2 rounds" for number in shown}
    axes = sheet.axes(
        Scale(_FIRST_ROUND - 0.4, rounds + 0.4, ticks, has_lines=False),
        ratio_scale(reach, most=7),
        left=left,
        top=layout.row_px * _ROWS_ABOVE,
        width=layout.width_px - left - right,
        height=layout.row_px * _ROWS,
    )
    around_one(axes, margin, upright=True)
    sheet.text(2, layout.row_px * 0.5, "One over the other, 95 % interval, after each round", colour=MUTED.light)
    for number, duel in enumerate(duels):
        # Side by side, so that two of one size do not hide each other.
        places = [_FIRST_ROUND + index + 0.09 * number for index in range(len(duel.narrowing))]
        colour, is_async = framework_colour(duel.above.partition("-")[0]).light, "-async@" in duel.above
        axes.plot(places, [estimate.value for estimate in duel.narrowing], color=colour, linewidth=1.5, zorder=3)
        mark = "o" if is_async else "s"
        for place, estimate in zip(places, duel.narrowing, strict=True):
            interval(axes, estimate, place, layout, colour, 2, mark, is_hollow=not is_async, upright=True)
    _legend(sheet, duels, reach)


def _legend(sheet: Sheet, duels: Sequence[Comparison], reach: float) -> None:
    """Name each duel beside its last interval, or below all of them where it is narrow."""
    layout, gap_px = sheet.layout, sheet.layout.row_px * _ROWS_PER_LABEL
    height_px, top_px = layout.row_px * _ROWS, layout.row_px * _ROWS_ABOVE
    wanted = [(top_px + height_px * (1 - ratio_share(reach, duel.narrowing[-1].value)), duel) for duel in duels]
    y_px = 0.0
    below_px = top_px + height_px + layout.row_px * (_ROWS_BELOW + 0.3)
    x_px, room_px = (2.0, layout.width_px - 4) if layout.is_narrow else (layout.width_px - 386, 386.0)
    for number, (place_px, duel) in enumerate(sorted(wanted, key=lambda pair: pair[0])):
        y_px = below_px + gap_px * number if layout.is_narrow else max(place_px, y_px + gap_px)
        # Its interval is drawn beside it, where there is room for no more words.
        figure = estimated(duel.narrowing[-1], "×") if layout.is_narrow else amount(duel.narrowing[-1].value, "×")
        hue = framework_colour(duel.above.partition("-")[0]).light
        sheet.text(x_px, y_px, duel.above, colour=hue, bold=True, room_px=room_px)
        sheet.text(x_px, y_px + layout.row_px * 0.8, f"{figure} of {duel.below}", room_px=room_px * 1.05)


@dataclass(frozen=True, slots=True, kw_only=True)
class GuessedRatio:
    """One ratio, such as a framework's async over sync, as it was guessed and as it was measured.

    Attributes:
        framework: Its word in ids; of somebody's app, the app's id.
        guesses: In ascending order.
        median: The middle one; ``None`` when there is none.
        measured: With its interval; ``None`` when it was not.
    """

    framework: str
    guesses: tuple[float, ...]
    median: float | None
    measured: Estimate | None

    @property
    def found(self) -> str:
        """What was measured, in words."""
        return NOT_MEASURED if self.measured is None else f"measured {estimated(self.measured, '×')}"

    @property
    def told(self) -> str:
        """All of it, in words."""
        guessed = "without a guess" if self.median is None else f"the class guessed {amount(self.median, '×')} (median)"
        counted = f" of {len(self.guesses)}" if self.guesses else ""
        return f"{contender_name(self.framework)}: {guessed}{counted}; {self.found}."


def guess_chart(ratios: Sequence[GuessedRatio], what: str = "async def over def") -> Drawing | None:
    """Draw every guess as a dot, and what was measured as a line through them; ``None`` without a guess.

    Args:
        ratios: A strip each, from the top.
        what: Was guessed, in words.
    """
    if not any(ratio.guesses for ratio in ratios):
        return None
    return draw(
        "guesses",
        "class",
        f"What the class guessed, and what was measured: {what}",
        " ".join(ratio.told for ratio in ratios),
        height=lambda layout: layout.row_px * (_ROWS_PER_STRIP * len(ratios) + _GUESS_ROWS_BELOW),
        paint=lambda sheet: _paint_guesses(sheet, ratios),
    )


def _paint_guesses(sheet: Sheet, ratios: Sequence[GuessedRatio]) -> None:
    layout, row_px, strip_px = sheet.layout, sheet.layout.row_px, sheet.layout.row_px * _ROWS_PER_STRIP
    for number, ratio in enumerate(ratios):
        top, colour = strip_px * number, framework_colour(ratio.framework).light
        sheet.text(2, top + row_px * 0.5, contender_name(ratio.framework), colour=colour, bold=True)
        sheet.text(layout.width_px - 2, top + row_px * 0.5, ratio.found, anchor="right", bold=True)
        ticks = _GUESS_TICKS if number == len(ratios) - 1 else dict.fromkeys(_GUESS_TICKS, "")
        axes = sheet.axes(
            Scale(1 / _EDGE, _EDGE, ticks, is_log=True),
            Scale(0, 1),
            left=6,
            top=top + row_px,
            width=layout.width_px - 12,
            height=strip_px - 1.6 * row_px,
        )
        axes.axvline(1, color=INK.light, linewidth=1.5, zorder=1)
        axes.axhline(0.02, color=MUTED.light, linewidth=1, zorder=1)
        _dots(axes, ratio.guesses, colour, layout)
        if (median := ratio.median) is not None:
            text = f"median {'' if layout.is_narrow else 'guess '}{amount(median, '×')}"
            # On the side away from what was measured, which has its own mark.
            left_of = median < (1.0 if ratio.measured is None else ratio.measured.value)
            anchor: Literal["left", "right"] = "right" if left_of else "left"
            label(axes, text, (median, 0.66), anchor=anchor, colour=MUTED.light, over_lines=True, va="center", zorder=6)
            axes.plot([median, median], [0.02, 0.58], color=MUTED.light, linewidth=2, linestyle=(0, (2, 2)))
        if (measured := ratio.measured) is not None:
            value = min(max(measured.value, 1 / _EDGE), _EDGE)
            axes.plot([value, value], [0, 0.9], color=INK.light, linewidth=3, zorder=5)
            axes.plot([value], [0.93], "v", color=INK.light, markersize=layout.font_px * 0.55, zorder=5)
            if measured.low is not None and measured.high is not None:
                span = max(measured.low, 1 / _EDGE), min(measured.high, _EDGE)
                axes.axvspan(*span, color=INK.light, alpha=0.16, linewidth=0, zorder=2)


def _dots(axes: Axes, guesses: Sequence[float], colour: str, layout: Layout) -> None:
    """Stack guesses that lie together, lowest first; where many do, closer together, so that all are there."""
    stacks: dict[int, int] = {}
    places = []
    for guess in guesses:
        column = round(math.log(guess, _EDGE) * _BINS / 2)
        stacks[column] = stacks.get(column, 0) + 1
        places.append((_EDGE ** (column * 2 / _BINS), stacks[column]))
    step = min(0.085, _TALLEST / max(stacks.values(), default=1))
    axes.plot(
        [x for x, _ in places],
        [0.02 + step * (height - 0.4) for _, height in places],
        "o",
        color=colour,
        markersize=layout.font_px * 0.36,
        markeredgecolor=PAPER.light,
        markeredgewidth=0.6,
        zorder=3,
    )
