"""Draws contenders as bars: how fast each is, what a request costs it, what it does while requests wait.

Bars begin at zero, and twins stand together: filled is ``async def``, hollow is ``def``.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from benchmarks.judge import wording
from benchmarks.judge.judgement import Estimate, Summary
from benchmarks.model import LoadProfile, Workload
from benchmarks.report.charts.canvas import REFERENCE, Drawing, Layout, Scale, Sheet, draw, label
from benchmarks.report.charts.palette import INK, MUTED, PAPER, framework_colour
from benchmarks.report.figures import amount, estimated, is_faint, is_measured, per_request, value_of
from benchmarks.report.words import arrangement_name, contender_name, keyword, twins_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROWS_PER_GAP: Final = 0.5
_GUTTER_PX: Final = 36.0
_CAUSE_ROWS: Final = 0.95
_CAUSE_ROWS_ABOVE: Final = 1.15
_LONGEST_NAME_PX: Final = 400.0
_FAINT: Final = 0.45

_Groups = Mapping[str, Sequence[Summary]]
"""Contenders by arrangement, twins together."""


class _Panel(NamedTuple):
    """Bars on one scale.

    Attributes:
        title: What their length means.
        length: Gives that of a contender's bar.
        text: Gives what is written at its end.
        bound: A limit that no bar can pass, drawn as a line.
        bound_text: What is written at it.
    """

    title: str
    length: Callable[[Summary], Estimate | None]
    text: Callable[[Summary], str]
    bound: float = 0.0
    bound_text: str = ""

    @property
    def title_rows(self) -> float:
        """Height of what stands above the bars, in lines."""
        return 2.2 if self.bound else 1.2

    def reach(self, groups: _Groups, layout: Layout, width_px: float) -> float:
        """Return the value at the right end, so that every bar has its text beside it."""
        reach = 1.01 * self.bound
        for twin in itertools.chain.from_iterable(groups.values()):
            room = min(0.8, (layout.text_px(self.text(twin)) + layout.font_px) / width_px)
            reach = max(reach, self.end(twin) / (1 - room))
        return reach or 1.0

    def end(self, twin: Summary) -> float:
        """Return where bar and interval end.

        A hopelessly wide interval is cut, so that it does not squeeze the bars, and no interval passes the bound.
        """
        estimate = self.length(twin)
        if estimate is None or not is_measured(estimate.value):
            return 0.0
        value, high = estimate.value, estimate.high
        end = value if high is None else max(value, min(high, 1.5 * value))
        return max(value, min(end, self.bound)) if self.bound else end


def _text(estimate: Estimate | None, unit: str) -> str:
    # A rate's unit is in the panel's title.
    return amount(value_of(estimate), unit).removesuffix(" req/s")


def _switches(twin: Summary) -> Estimate | None:
    value = twin.voluntary_switches_per_request
    return None if value is None else Estimate(value=value, low=None, high=None, samples=twin.used)


_CPU: Final = _Panel(
    "CPU time per request",
    lambda twin: twin.cpu_us_per_request,
    lambda twin: _text(twin.cpu_us_per_request, "µs"),
)
_SWITCHES: Final = _Panel(
    "Voluntary switches per request", _switches, lambda twin: per_request(twin.voluntary_switches_per_request)
)


def _cost(twin: Summary) -> str:
    return f"{_CPU.text(twin)} of CPU and {_SWITCHES.text(twin)} switches"


def speed_chart(workload: str, summaries: Sequence[Summary]) -> Drawing | None:
    """Draw the rates and the median latencies of one workload's contenders; ``None`` when none was measured."""
    rates = _Panel("Requests per second", lambda twin: twin.rate_per_s, lambda twin: _text(twin.rate_per_s, "req/s"))
    latencies = _Panel(
        "Median latency", lambda twin: twin.latency_median_ms, lambda twin: _text(twin.latency_median_ms, "ms")
    )

    def told(twin: Summary) -> str:
        return f"{amount(value_of(twin.rate_per_s), 'req/s')}, median latency {latencies.text(twin)}"

    title = f"Requests per second and latency, workload {workload}"
    return _draw_panels("speed", workload, title, twins_of(summaries, workload), told, rates, latencies)


def cost_chart(workload: str, summaries: Sequence[Summary]) -> Drawing | None:
    """Draw CPU time and voluntary switches of one workload's requests; ``None`` when none were measured."""
    title = f"What a request costs the server, workload {workload}"
    return _draw_panels("cost", workload, title, twins_of(summaries, workload), _cost, _CPU, _SWITCHES)


def causes_chart(workload: str, summaries: Sequence[Summary], title: str) -> Drawing | None:
    """Draw the same of a few contenders, a line each; ``None`` when none were measured.

    Args:
        workload: Under which the requests were sent.
        summaries: Of the contenders, from the top.
        title: What it shows.
    """
    panels = (_CPU, _SWITCHES)
    if not any(is_measured(value_of(panel.length(each))) for panel in panels for each in summaries):
        return None

    def height_px(layout: Layout) -> float:
        one = layout.row_px * (_CAUSE_ROWS_ABOVE + _CAUSE_ROWS * len(summaries) * (1 + layout.is_narrow))
        return one * len(panels) if layout.is_narrow else one

    return draw(
        "causes",
        workload,
        title,
        " ".join(f"{contender_name(each.contender)}: {_cost(each)}." for each in summaries),
        height=height_px,
        paint=lambda sheet: _paint_causes(sheet, panels, summaries),
    )


def _paint_causes(sheet: Sheet, panels: Sequence[_Panel], summaries: Sequence[Summary]) -> None:
    layout, narrow = sheet.layout, sheet.layout.is_narrow
    names = [contender_name(each.contender) for each in summaries]
    names_px = 0.0 if narrow else min(_LONGEST_NAME_PX, 18 + max(layout.text_px(name, bold=True) for name in names))
    across = 1 if narrow else len(panels)
    width = (layout.width_px - names_px - 4 - _GUTTER_PX * (across - 1)) / across
    pitch = _CAUSE_ROWS * (1 + narrow)
    panel_px = layout.row_px * (_CAUSE_ROWS_ABOVE + pitch * len(summaries))
    for number, panel in enumerate(panels):
        left = names_px + 2 + (0 if narrow else (width + _GUTTER_PX) * number)
        top = panel_px * number if narrow else 0.0
        bars_top = top + layout.row_px * _CAUSE_ROWS_ABOVE
        sheet.text(left, top + layout.row_px * 0.5, panel.title, colour=MUTED.light)
        along = Scale(0, panel.reach({"": summaries}, layout, width))
        rows = pitch * len(summaries)
        axes = sheet.axes(along, Scale(rows, 0), left=left, top=bars_top, width=width, height=layout.row_px * rows)
        axes.plot([0, 0], [0, rows], color=INK.light, linewidth=1.5, zorder=4)
        for line, (each, name) in enumerate(zip(summaries, names, strict=True)):
            colour, middle = framework_colour(each.framework).light, pitch * line + _CAUSE_ROWS * (0.5 + narrow)
            _draw_bar(axes, panel, each, middle, colour, layout)
            if narrow or number == 0:
                above = _CAUSE_ROWS * 0.95 if narrow else 0.0
                place, room_px = bars_top + layout.row_px * (middle - above), width if narrow else names_px - 10
                look: dict[str, Any] = {"colour": colour, "bold": True, "hint": each.contender, "over_lines": narrow}
                sheet.text(left + 6 if narrow else 2, place, name, room_px=room_px, **look)


def waiting_chart(workload: Workload, load: LoadProfile, summaries: Sequence[Summary]) -> Drawing | None:
    """Draw the rate of every contender, and the most that its connections allow.

    Each of n connections has one request in flight, which takes at least the wait: no server can answer more than
    n / wait requests per second.

    Returns:
        ``None`` when the workload does not wait or no rate was measured.
    Source:
        J. D. C. Little, A Proof for the Queuing Formula L = λW, Operations Research 9(3), 1961.
    """
    if workload.wait_ms <= 0:
        return None
    most_per_s = 1000 * load.vus / workload.wait_ms
    most, connections = amount(most_per_s, "req/s"), wording.things(float(load.vus), "connection")

    def threads(twin: Summary, form: str) -> str:
        return form.format(wording.things(twin.running_threads, "thread")) if is_measured(twin.running_threads) else ""

    def text(twin: Summary) -> str:
        return _text(twin.rate_per_s, "req/s") + (threads(twin, " ({})") if twin.rate_per_s is not None else "")

    def told(twin: Summary) -> str:
        return estimated(twin.rate_per_s, "req/s") + threads(twin, " with {} running")

    each, at_once = ("", "") if workload.waits == 1 else (f" {workload.waits} times", ", async def for all at once")
    panel = _Panel(
        "Requests per second, and the threads that ran",
        lambda twin: twin.rate_per_s,
        text,
        most_per_s,
        f"{connections} ÷ {workload.wait_ms:g} ms = {most} at most",
    )
    title = f"Requests that wait{each} {workload.wait_ms:g} ms{at_once}, from {connections}"
    groups = twins_of(summaries, workload.name)
    return _draw_panels("waiting", workload.name, title, groups, told, panel, first=f"At most {most} are possible. ")


def _draw_panels(
    kind: str,
    workload: str,
    title: str,
    groups: _Groups,
    tell: Callable[[Summary], str],
    *panels: _Panel,
    first: str = "",
) -> Drawing | None:
    """Draw panels side by side, or one above the other where it is narrow; ``None`` where nothing was measured."""
    every = list(itertools.chain.from_iterable(groups.values()))
    if not any(is_measured(value_of(panel.length(twin))) for panel in panels for twin in every):
        return None
    words = " ".join(
        f"{arrangement_name(arrangement)}: {'; '.join(f'{keyword(twin.variant)} {tell(twin)}' for twin in twins)}."
        for arrangement, twins in groups.items()
    )
    # For each arrangement its name, its bars and a gap.
    rows = sum(len(twins) + 1 + _ROWS_PER_GAP for twins in groups.values())

    def height_px(layout: Layout) -> float:
        high = [rows + panel.title_rows for panel in panels]
        return layout.row_px * (sum(high) + 0.5 * (len(high) - 1) if layout.is_narrow else max(high))

    def paint(sheet: Sheet) -> None:
        layout, across = sheet.layout, 1 if sheet.layout.is_narrow else len(panels)
        width = (layout.width_px - 4 - _GUTTER_PX * (across - 1)) / across
        left, top = 2.0, 0.0
        for panel in panels:
            _paint_panel(sheet, panel, groups, rows, left=left, top=top, width=width)
            if layout.is_narrow:
                top += layout.row_px * (rows + panel.title_rows + 0.5)
            else:
                left += width + _GUTTER_PX

    return draw(kind, workload, title, first + words, height=height_px, paint=paint)


def _paint_panel(
    sheet: Sheet, panel: _Panel, groups: _Groups, rows: float, *, left: float, top: float, width: float
) -> None:
    """Paint a panel into a column of the sheet, at a place given in pixels."""
    layout, row_px = sheet.layout, sheet.layout.row_px
    bars_left = left + layout.text_px("async def") + 8
    room, bars_top = width - (bars_left - left), top + row_px * panel.title_rows
    sheet.text(left, top + row_px * 0.5, panel.title, colour=MUTED.light)
    along = Scale(0, panel.reach(groups, layout, room))
    axes = sheet.axes(along, Scale(rows, 0), left=bars_left, top=bars_top, width=room, height=row_px * rows)
    middle = 0.5
    for arrangement, twins in groups.items():
        colour = framework_colour(arrangement.partition("@")[0]).light
        name = arrangement_name(arrangement)
        sheet.text(left, bars_top + row_px * middle, name, colour=colour, bold=True, room_px=width)
        axes.plot([0, 0], [middle + 0.5, middle + 0.5 + len(twins)], color=INK.light, linewidth=1.5, zorder=4)
        for twin in twins:
            middle += 1
            sheet.text(bars_left - 8, bars_top + row_px * middle, keyword(twin.variant), anchor="right")
            _draw_bar(axes, panel, twin, middle, colour, layout)
        middle += 1 + _ROWS_PER_GAP
    if panel.bound:
        axes.axvline(panel.bound, **REFERENCE)
        sheet.text(left + width, top + row_px * 1.5, panel.bound_text, anchor="right", colour=MUTED.light)


def _draw_bar(axes: Axes, panel: _Panel, twin: Summary, y: float, colour: str, layout: Layout) -> None:  # noqa: PLR0917
    estimate, end = panel.length(twin), panel.end(twin)
    look: dict[str, Any] = {"colour": MUTED.light, "style": "italic"}
    if estimate is not None and is_measured(estimate.value):
        look, face = {}, PAPER.light if twin.variant == "sync" else colour
        alpha = _FAINT if is_faint(estimate) else None
        bar: dict[str, Any] = {"facecolor": face, "edgecolor": colour, "linewidth": 2, "zorder": 3, "alpha": alpha}
        axes.barh([y], [estimate.value], height=0.66, **bar)
        if estimate.low is not None and estimate.high is not None:
            high = min(estimate.high, end)
            line: dict[str, Any] = {"color": INK.light, "linewidth": 1.5, "zorder": 5, "alpha": alpha}
            if panel.bound and estimate.value <= panel.bound < estimate.high:
                # What cannot be is not drawn: an arrow says that the interval would go on.
                axes.plot([high], [y], ">", markersize=layout.font_px * 0.4, markeredgewidth=0, **line)
            axes.plot([max(0.0, estimate.low), high], [y, y], solid_capstyle="butt", **line)
    # A bound's line must not strike a figure through.
    label(axes, panel.text(twin), (end, y), (layout.font_px * 0.45, 0), over_lines=True, zorder=6, **look)
