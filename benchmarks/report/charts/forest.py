"""Draws ratios with their intervals below one another, on a logarithmic axis around 1: a run's, a field's, a pool's."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from benchmarks.judge.judgement import Comparison, Estimate, Field
from benchmarks.report.charts.canvas import (
    REFERENCE,
    Drawing,
    Layout,
    Scale,
    Sheet,
    around_one,
    draw,
    interval,
    label,
    shown_as,
)
from benchmarks.report.charts.palette import INK, MUTED, framework_colour, framework_mark
from benchmarks.report.figures import NOT_MEASURED, amount, estimated, is_measured, level, ratio_reach, value_of
from benchmarks.report.words import arrangement_name, contender_name, twins_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TICKS: Final = (2, 5, 10, 20, 50, 100, 200, 500, 1000)
_FEW_TICKS: Final = (2, 4)
_FOREST_ROWS_BELOW: Final = 1.9
_BRACKET_PX: Final = 9.0


class _Row(NamedTuple):
    """A line of a forest: what it is called, how it is marked, and whether it is one to look at first.

    Further estimates are marked fainter, each more than the one before, and the last of them is written. What cannot be
    exceeded is a stroke. The rounds behind the estimate are dots. The hint is shown where a pointer rests on the name.
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
    rounds: tuple[float, ...] = ()
    hint: str = ""

    @property
    def told(self) -> str:
        """The same with its rounds, for a reader of one line."""
        rounds = f"; in its rounds {', '.join(amount(each, '×') for each in self.rounds)}" if self.rounds else ""
        return f"{self.name}: {self.figure}{rounds}."

    @property
    def figure(self) -> str:
        """What is written at its end."""
        if self.further and self.estimate is not None:
            return f"{amount(self.estimate.value, '×')} → {amount(self.further[-1].value, '×')}"
        return estimated(self.estimate, "×")


def ratio_chart(
    workload: str,
    twins: Sequence[Comparison],
    *,
    margin: float,
    tutorial_value: float | None = None,
    title: str = "",
) -> Drawing | None:
    """Draw the async/sync ratios of a workload's rates; ``None`` when it has no twins.

    Those that a claim is judged on come first, then by effect. What counts as equal, ± the margin, is a band; the
    tutorial's value is a line; each round is a dot.
    """
    chosen = in_order(twin for twin in twins if twin.workload == workload)
    rows = [
        _Row(
            twins_name(twin),
            twin.rate,
            hue,
            framework_mark(twin.framework),
            2.5,
            hue,
            twin.headline,
            rounds=twin.rounds,
            hint=f"{twin.above} over {twin.below}",
        )
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
    title = title or f"Requests per second: async def over def, workload {workload}"
    sides = ("async def is slower", "async def is faster")
    return _draw("ratio", workload, title, words, rows, margin, sides, (1.1, 2.1), tutorial_value)


def comparison_chart(workload: str, compared: Sequence[Comparison], *, margin: float, title: str) -> Drawing | None:
    """Draw the ratios of rates of any contenders over others; ``None`` without one."""
    chosen = in_order(each for each in compared if each.workload == workload and each.rate is not None)
    below, is_judged = {each.below for each in chosen}, any(each.refusal is None for each in chosen)
    rows = []
    for each in chosen:
        framework, _, variant = each.above.partition("@")[0].rpartition("-")
        hue = framework_colour(framework).light
        name = contender_name(each.above) + ("" if len(below) == 1 else f", over {contender_name(each.below)}")
        name += " (not judged)" if each.refusal is not None and is_judged else ""
        hint = f"{each.above} over {each.below}"
        mark, is_hollow = framework_mark(framework), variant == "sync"
        rows.append(_Row(name, each.rate, hue, mark, 2.5, hue, is_hollow=is_hollow, rounds=each.rounds, hint=hint))
    words = (f"Brackets hold {level(each.rate for each in chosen)} intervals.", *_told(rows))
    return _draw("ratio", workload, title, words, rows, margin, ("serves fewer", "serves more"), (1.1, 2.1))


def in_order(compared: Iterable[Comparison]) -> list[Comparison]:
    """Return comparisons as every list and chart has them: those that a claim is judged on first, then by effect."""
    return sorted(compared, key=lambda each: (not each.headline, -(value_of(each.rate) or 0.0)))


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


def field_chart(
    field: Field,
    *,
    margin: float,
    works_ms: Sequence[float] = (),
    most: int | None = None,
    rounds: Mapping[str, tuple[float, ...]] | None = None,
    title: str = "",
) -> Drawing | None:
    """Draw the contenders of a workload beside the reference, sorted, with a bracket around those that are tied.

    Args:
        field: Of one workload.
        margin: Half-width of what counts as equal.
        works_ms: Given, it shows instead how each ratio moves towards 1 where a view works for each of these times.
        most: How many of the fastest it shows, beside the reference; ``None`` for all.
        rounds: The ratio of each round, by contender.
        title: What it shows; empty for what is compared.
    """
    shown = field.entries[:most]
    ties = [(first, min(last, len(shown) - 1)) for first, last in field.ties if first < len(shown) - 1]
    shown += tuple(entry for entry in field.entries[len(shown) :] if entry.contender == field.reference)
    rows = []
    for entry in shown:
        app = entry.contender.partition("@")[0]
        framework, _, variant = app.rpartition("-")
        hue, mark = framework_colour(framework or app).light, framework_mark(framework or app)
        is_reference = entry.contender == field.reference
        name = contender_name(entry.contender)
        further, limit = (entry.with_work, None) if works_ms else ((), entry.limit)
        seen = () if works_ms or rounds is None else rounds.get(entry.contender, ())
        look = (mark, 1.6, hue, is_reference, variant == "sync", further, limit, seen, entry.contender)
        rows.append(_Row(name, entry.rate, hue, *look))
    title = title or f"Requests per second over {contender_name(field.reference)}, workload {field.workload}"
    if works_ms:
        title += f", where the view works {', '.join(f'{each:g}' for each in works_ms)} ms"
    sides, kind = ("serves fewer", "serves more"), "work" if works_ms else "field" if most is None else "fastest"
    return _draw(
        kind, field.workload, title, _told(rows), rows, margin, sides, (1.0, 1.9), ties=() if works_ms else ties
    )


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
    rows_above = 1.1 if tutorial_value else 0.3

    def all_lines_px(layout: Layout) -> float:
        return layout.row_px * pitch[layout.is_narrow] * len(rows)

    def paint(sheet: Sheet) -> None:
        layout, narrow, lines_px = sheet.layout, sheet.layout.is_narrow, all_lines_px(sheet.layout)
        brackets_px = _BRACKET_PX * (1 + max((column for column, *_ in _columns(ties)), default=-1))
        names_px = 0.0 if narrow else min(400.0, max(layout.text_px(row.name, bold=row.strong) for row in rows) + 18)
        left = names_px + brackets_px + 6
        right = 6.0 if narrow else layout.text_px("2.00 × [1.95, 2.07]") + 14
        top, width = layout.row_px * rows_above, layout.width_px - left - right
        farthest = max((max(each, 1 / each) for row in rows for each in row.rounds if each > 0), default=tutorial_value)
        reach = max(ratio_reach((row.estimate for row in rows), each) for each in (tutorial_value, farthest))
        scale = ratio_scale(reach, most=5 if narrow else 9)
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
            _mark(axes, row, position, layout)
            _name(sheet, row, left - brackets_px, top + lines_px / len(rows) * (position + (0.28 if narrow else 0.5)))
        for column, first, last in _columns(ties):
            ends = (top + lines_px / len(rows) * (place + edge) for place, edge in ((first, 0.2), (last, 0.8)))
            sheet.line(names_px + _BRACKET_PX * (column + 0.5), *ends)
        middle, below = left + width / 2, sheet.height_px - layout.row_px * 0.5
        sheet.text(middle - 12, below, f"← {sides[0]}", anchor="right", colour=MUTED.light)
        sheet.text(middle + 12, below, f"{sides[1]} →", colour=MUTED.light)

    def height(layout: Layout) -> float:
        return layout.row_px * (rows_above + _FOREST_ROWS_BELOW) + all_lines_px(layout)

    return draw(kind, name, title, " ".join(words), height=height, paint=paint)


def _mark(axes: Axes, row: _Row, number: int, layout: Layout) -> None:
    """Draw a line's rounds, its estimates over them, and what they cannot exceed."""
    if row.estimate is None or not is_measured(row.estimate.value) or row.estimate.value <= 0:
        return
    place = number + (0.68 if layout.is_narrow else 0.5)
    if rounds := [each for each in row.rounds if each > 0]:
        look: dict[str, Any] = {
            "color": row.colour,
            "alpha": 0.35,
            "markersize": layout.font_px * 0.42,
            "markeredgewidth": 0,
        }
        axes.plot(rounds, [place] * len(rounds), "o", zorder=3, gid=shown_as("trials", number, row.told), **look)
    gid = shown_as("mark", number, row.told)
    interval(axes, row.estimate, place, layout, row.colour, row.weight, row.mark, is_hollow=row.is_hollow, gid=gid)
    if row.limit is not None:
        stroke_px = layout.font_px * 0.9
        axes.plot([row.limit], [place], "|", color=MUTED.light, markersize=stroke_px, markeredgewidth=2, zorder=2)
    for further, then in enumerate(row.further):
        alpha, size_px = 0.6 - 0.15 * further, layout.font_px * 0.34
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
    sheet.text(2, y, row.name, colour=row.named_in, bold=row.strong, over_lines=over, room_px=room_px, hint=row.hint)
    colour, bold = MUTED.light if missing else INK.light, row.strong and not missing
    sheet.text(layout.width_px - 2, y, figure, anchor="right", colour=colour, bold=bold, over_lines=over)


def ratio_scale(reach: float, most: int) -> Scale:
    """Return a logarithmic scale from ``1 / reach`` to ``reach``, with about ``most`` round ratios."""
    above = [tick for tick in (_FEW_TICKS if reach < 5 else _TICKS) if tick <= reach]
    step = max(1, math.ceil(2 * len(above) / most))
    kept = above[step - 1 :: step]
    ticks = sorted([1.0, *kept, *(1 / tick for tick in kept)])
    return Scale(1 / reach, reach, {tick: f"{tick:g} ×" for tick in ticks}, is_log=True)
