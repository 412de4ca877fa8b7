"""Draws how the intervals of a race narrow, round after round: a funnel for each comparison."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from benchmarks.judge.comparison import equal_band
from benchmarks.judge.judgement import Comparison, Estimate
from benchmarks.report.charts.canvas import Chart, Layout, Sheet, draw
from benchmarks.report.charts.palette import BAND, GRID, INK, MUTED, OTHER, PAPER, framework_colour
from benchmarks.report.charts.ratios import round_ratios
from benchmarks.report.figures import amount, estimated
from benchmarks.report.ratio_axis import RatioAxis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROWS: Final = 10.0
_ROWS_ABOVE: Final = 1.4
_ROWS_BELOW: Final = 1.6
_ROWS_PER_LABEL: Final = 1.9
_FIRST_ROUND: Final = 2
_ENDLESS: Final = 1e6


@dataclass(frozen=True, slots=True)
class _Funnels:
    """What the chart shows: comparisons that have an interval, the equal margin, and the last round to come."""

    duels: Sequence[Comparison]
    margin: float
    rounds: int


def narrowing_chart(workload: str, duels: Sequence[Comparison], *, margin: float, rounds: int) -> Chart | None:
    """Draw the ratios of a race as they stood after each round, each with its interval.

    Args:
        workload: Whose ratios.
        duels: Of every workload.
        margin: Half-width of what counts as equal, drawn as a band.
        rounds: How many there are to be.
    Returns:
        ``None`` when no ratio has an interval.
    """
    chosen = [duel for duel in duels if duel.workload == workload and duel.narrowing]
    if not chosen:
        return None
    funnels = _Funnels(chosen, margin, max([rounds, *(len(duel.narrowing) + 1 for duel in chosen)]))
    return draw(
        "narrowing",
        workload,
        f"Requests per second, one contender over another, after each round, workload {workload}",
        " ".join(
            f"{duel.above} over {duel.below}, after {len(duel.narrowing) + 1} rounds: "
            f"{estimated(duel.narrowing[-1], '×')}; after 2: {estimated(duel.narrowing[0], '×')}."
            for duel in chosen
        ),
        height=lambda layout: layout.row_px * _rows(layout, len(chosen)),
        paint=lambda sheet: _paint(sheet, funnels),
    )


def _rows(layout: Layout, duels: int) -> float:
    legend = _ROWS_PER_LABEL * duels if layout.is_narrow else 0.0
    return _ROWS_ABOVE + _ROWS + _ROWS_BELOW + legend


def _paint(sheet: Sheet, funnels: _Funnels) -> None:
    layout = sheet.layout
    right = 8.0 if layout.is_narrow else 400.0
    left = layout.text_px("0.50 ×") + 12
    axes = sheet.axes(
        left=left,
        top=layout.row_px * _ROWS_ABOVE,
        width=layout.width_px - left - right,
        height=layout.row_px * _ROWS,
    )
    _scale(axes, funnels, layout)
    sheet.text(2, layout.row_px * 0.5, "One over the other, 95 % interval, after each round", colour=MUTED.light)
    for number, duel in enumerate(funnels.duels):
        _funnel(axes, duel, number, layout)
    _legend(sheet, axes, funnels)


def _scale(axes: Axes, funnels: _Funnels, layout: Layout) -> None:
    reach = RatioAxis.around([duel.narrowing[-1] for duel in funnels.duels]).reach * 1.15
    axes.set_yscale("log")
    axes.set_ylim(1 / reach, reach)
    axes.set_xlim(_FIRST_ROUND - 0.4, funnels.rounds + 0.4)
    ticks = round_ratios(reach, most=7)
    axes.set_yticks(ticks, labels=[f"{tick:.2g} ×" for tick in ticks])
    axes.set_yticks([], minor=True)
    step = max(1, round(funnels.rounds / (6 if layout.is_narrow else 10)))
    rounds = range(_FIRST_ROUND, funnels.rounds + 1, step)
    axes.set_xticks(list(rounds), labels=[f"{number}" if number > _FIRST_ROUND else "2 rounds" for number in rounds])
    axes.axhspan(*equal_band(funnels.margin), color=BAND.light, linewidth=0, zorder=0)
    for tick in ticks:
        axes.axhline(tick, color=GRID.light, linewidth=1, zorder=0)
    axes.axhline(1, color=INK.light, linewidth=1.5, zorder=1)


def _funnel(axes: Axes, duel: Comparison, number: int, layout: Layout) -> None:
    # Side by side, so that two of one size do not hide each other.
    places = [_FIRST_ROUND + index + 0.09 * number for index in range(len(duel.narrowing))]
    values = [estimate.value for estimate in duel.narrowing]
    colour = _hue(duel)
    axes.plot(places, values, color=colour, linewidth=1.5, zorder=3)
    axes.errorbar(
        places,
        values,
        yerr=_errors(duel.narrowing),
        fmt="o" if "-async@" in duel.above else "s",
        markersize=layout.font_px * 0.42,
        markerfacecolor=colour if "-async@" in duel.above else PAPER.light,
        color=colour,
        elinewidth=2,
        capsize=layout.font_px * 0.3,
        capthick=2,
        zorder=4,
    )


def _errors(estimates: Sequence[Estimate]) -> list[list[float]]:
    below = [each.value - max(each.low or 0.0, each.value / _ENDLESS) for each in estimates]
    above = [min(each.high or 0.0, _ENDLESS) - each.value for each in estimates]
    return [below, above]


def _legend(sheet: Sheet, axes: Axes, funnels: _Funnels) -> None:
    layout = sheet.layout
    low, high = axes.get_ylim()
    height_px, top_px = layout.row_px * _ROWS, layout.row_px * _ROWS_ABOVE
    axis = RatioAxis(high)
    assert low > 0  # noqa: S101 (the axis is logarithmic)
    wanted = [(top_px + height_px * (1 - axis.share(duel.narrowing[-1].value)), duel) for duel in funnels.duels]
    y_px = 0.0
    below_px = top_px + height_px + layout.row_px * (_ROWS_BELOW + 0.3)
    for number, (place_px, duel) in enumerate(sorted(wanted, key=lambda pair: pair[0])):
        gap_px = layout.row_px * _ROWS_PER_LABEL
        y_px = below_px + gap_px * number if layout.is_narrow else max(place_px, y_px + gap_px)
        x_px = 2 if layout.is_narrow else layout.width_px - 386
        room_px = layout.width_px - 4 if layout.is_narrow else 386.0
        # Its interval is drawn beside it, where there is room for no more words.
        figure = estimated(duel.narrowing[-1], "×") if layout.is_narrow else amount(duel.narrowing[-1].value, "×")
        sheet.text(x_px, y_px, layout.fit(duel.above, room_px), colour=_hue(duel), bold=True)
        other = layout.fit(f"{figure} of {duel.below}", room_px * 1.05)
        sheet.text(x_px, y_px + layout.row_px * 0.8, other, colour=INK.light)


def _hue(duel: Comparison) -> str:
    framework = duel.above.partition("-")[0]
    return framework_colour(framework).light if framework else OTHER.light
