"""Draws a race by the round, and guesses: ratios on a logarithmic axis around 1, for the workshop page.

It shows how the intervals of a race narrow, and what its class guessed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from benchmarks.judge.judgement import Comparison, Estimate
from benchmarks.report.charts.canvas import Drawing, Layout, Scale, Sheet, around_one, draw, interval, label
from benchmarks.report.charts.forest import ratio_scale
from benchmarks.report.charts.palette import INK, MUTED, PAPER, framework_colour
from benchmarks.report.figures import NOT_MEASURED, amount, estimated, ratio_reach, ratio_share
from benchmarks.report.words import contender_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes

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
