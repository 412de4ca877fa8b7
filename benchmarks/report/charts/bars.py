"""Draws bars from zero for every contender, twins together: filled is ``async def``, hollow is ``def``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from benchmarks.report.charts.canvas import Layout, Sheet
from benchmarks.report.charts.palette import INK, MUTED, PAPER, framework_colour
from benchmarks.report.figures import is_measured
from benchmarks.report.naming import arrangement_name, keyword

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROWS_PER_GAP: Final = 0.5
_GUTTER_PX: Final = 36.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One contender's value.

    Attributes:
        variant: ``sync`` or ``async``.
        value: Its length; ``None`` when it was not measured.
        low: Lower end of the 95 % interval, where there is one.
        high: Upper end.
        label: What is written at its end.
    """

    variant: str | None
    value: float | None
    low: float | None = None
    high: float | None = None
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A limit that no bar can pass.

    Attributes:
        value: Where it is.
        label: What it is, and its value.
    """

    value: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """Bars on one scale.

    Attributes:
        title: What their length means.
        groups: Bars by arrangement.
        bound: A limit to mark.
    """

    title: str
    groups: Mapping[str, Sequence[Bar]]
    bound: Bound | None = None


def panel_rows(panel: Panel) -> float:
    """Return how many lines a panel is high: title, and for each arrangement its name, its bars and a gap."""
    title = 2.2 if panel.bound else 1.2
    return title + sum(len(bars) + 1 + _ROWS_PER_GAP for bars in panel.groups.values())


def paint_panel(sheet: Sheet, panel: Panel, *, left: float, top: float, width: float) -> None:
    """Paint a panel into a column of the sheet.

    Args:
        sheet: Where.
        panel: What.
        left: Pixels from the left.
        top: Pixels from the top.
        width: Pixels.
    """
    layout = sheet.layout
    row = layout.row_px
    bars_left = left + layout.text_px("async def") + 8
    title_rows = 2.2 if panel.bound else 1.2
    sheet.text(left, top + row * 0.5, panel.title, colour=MUTED.light)
    axes = sheet.axes(
        left=bars_left,
        top=top + row * title_rows,
        width=width - (bars_left - left),
        height=row * (panel_rows(panel) - title_rows),
    )
    axes.set_xlim(0, _reach(panel, layout, width - (bars_left - left)))
    axes.set_ylim(panel_rows(panel) - title_rows, 0)
    axes.set_xticks([])
    axes.set_yticks([])
    row_number = 0.0
    for arrangement, bars in panel.groups.items():
        colour = framework_colour(arrangement.partition("@")[0]).light
        middle = top + row * (title_rows + row_number + 0.5)
        sheet.text(left, middle, layout.fit(arrangement_name(arrangement), width), colour=colour, bold=True)
        for position, bar in enumerate(bars, start=1):
            middle = top + row * (title_rows + row_number + position + 0.5)
            sheet.text(bars_left - 8, middle, keyword(bar.variant), anchor="right")
            _draw_bar(axes, bar, row_number + position + 0.5, colour, layout)
        axes.plot([0, 0], [row_number + 1, row_number + 1 + len(bars)], color=INK.light, linewidth=1.5, zorder=4)
        row_number += len(bars) + 1 + _ROWS_PER_GAP
    if panel.bound:
        axes.axvline(panel.bound.value, color=MUTED.light, linewidth=2, linestyle=(0, (3, 2)), zorder=2)
        sheet.text(left + width, top + row * 1.5, panel.bound.label, anchor="right", colour=MUTED.light)


def pair_height_px(layout: Layout, panels: tuple[Panel, Panel]) -> float:
    """Return how high two panels are: side by side, or one above the other where it is narrow."""
    rows = [panel_rows(panel) for panel in panels]
    return layout.row_px * (sum(rows) + 0.5 if layout.is_narrow else max(rows))


def paint_pair(sheet: Sheet, panels: tuple[Panel, Panel]) -> None:
    """Paint two panels over the whole sheet, which is ``pair_height_px`` high."""
    first, second = panels
    layout = sheet.layout
    if layout.is_narrow:
        paint_panel(sheet, first, left=2, top=0, width=layout.width_px - 4)
        top = layout.row_px * (panel_rows(first) + 0.5)
        paint_panel(sheet, second, left=2, top=top, width=layout.width_px - 4)
    else:
        width = (layout.width_px - 4 - _GUTTER_PX) / 2
        paint_panel(sheet, first, left=2, top=0, width=width)
        paint_panel(sheet, second, left=2 + width + _GUTTER_PX, top=0, width=width)


def _draw_bar(axes: Axes, bar: Bar, y: float, colour: str, layout: Layout) -> None:
    if is_measured(bar.value):
        axes.barh(
            [y],
            [bar.value],
            height=0.66,
            facecolor=colour if bar.variant == "async" else PAPER.light,
            edgecolor=colour,
            linewidth=2,
            zorder=3,
        )
        if bar.low is not None and bar.high is not None:
            span = [max(0.0, bar.low), min(bar.high, _end(bar))]
            axes.plot(span, [y, y], color=INK.light, linewidth=1.5, zorder=5, solid_capstyle="butt")
    axes.annotate(
        bar.label,
        (_end(bar), y),
        xytext=(layout.font_px * 0.45, 0),
        textcoords="offset points",
        va="center_baseline",
        color=INK.light if is_measured(bar.value) else MUTED.light,
        style="normal" if is_measured(bar.value) else "italic",
        zorder=6,
        # A bound's line must not strike a figure through.
        bbox={"facecolor": PAPER.light, "edgecolor": "none", "pad": 1},
    )


def _end(bar: Bar) -> float:
    """Return where bar and interval end; a hopelessly wide interval is cut, so that it does not squeeze the bars."""
    if not is_measured(bar.value):
        return 0.0
    return bar.value if bar.high is None else max(bar.value, min(bar.high, 1.5 * bar.value))


def _reach(panel: Panel, layout: Layout, width: float) -> float:
    """Return the value at the right end, so that every bar has its label beside it."""
    reach = panel.bound.value * 1.01 if panel.bound else 0.0
    for bars in panel.groups.values():
        for bar in bars:
            room = min(0.8, (layout.text_px(bar.label) + layout.font_px) / width)
            reach = max(reach, _end(bar) / (1 - room))
    return reach or 1.0
