"""Draws how the intervals of a race narrow, round by round, on a logarithmic axis around 1, for the workshop page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from benchmarks.judge.judgement import Comparison
from benchmarks.report.charts.canvas import Drawing, Scale, Sheet, around_one, draw, interval
from benchmarks.report.charts.forest import ratio_scale
from benchmarks.report.charts.palette import MUTED, framework_colour
from benchmarks.report.figures import amount, estimated, ratio_reach, ratio_share

if TYPE_CHECKING:
    pass

_ROWS: Final = 10.0
_ROWS_ABOVE: Final = 1.4
_ROWS_BELOW: Final = 1.6
_ROWS_PER_LABEL: Final = 1.9
_FIRST_ROUND: Final = 2


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
