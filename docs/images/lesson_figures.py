"""Draws the figures of the lessons: ``python docs/images/lesson_figures.py``.

Their data are what the pages themselves quote from kept runs: a figure cannot say anything else than its page.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.judge.judgement import Estimate
from benchmarks.model import MARGIN
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
)
from benchmarks.report.charts.crossover import heat_map
from benchmarks.report.charts.palette import INK, MUTED, PAPER, framework_colour, framework_mark
from benchmarks.report.document import Column, Row, Square, Table
from benchmarks.report.figures import amount, estimated
from benchmarks.report.formats.html import standalone

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HERE = Path(__file__).parent
DOCS = HERE.parent
RATIO = re.compile(r"([\d.]+) × \[([\d.]+), ([\d.]+)\]")
ENDS = {0.25: "1/4", 0.5: "1/2", 1.0: "1", 2.0: "2", 4.0: "4"}
LEAST_TO_PAY = 1 + MARGIN


@dataclass(frozen=True)
class Mark:
    """One value of a figure, with its interval.

    Attributes:
        name: Written beside it.
        framework: Whose hue it has.
        estimate: The value.
        is_async: Filled if it is of `async def`, hollow if it is of `def`.
        claimed: What the tutorial has in its place.
        text: Written at its end, where that is more than the value.
    """

    name: str
    framework: str
    estimate: Estimate
    is_async: bool = True
    claimed: float | None = None
    text: str = ""


def main() -> None:
    """Draw all of them."""
    for name, drawing in drawings().items():
        PICTURES[name].write_text(standalone(drawing), encoding="utf-8")
        PHONES[name].write_text(standalone(drawing, narrow=True), encoding="utf-8")


def drawings() -> dict[str, Drawing]:
    """Return every figure, by name."""
    return {name: drawn(name) for name, drawn in FIGURES.items()}


def two_ratios(name: str) -> Drawing:
    """Draw the two intervals that lesson 3 asks about."""
    text = page("lessons/3-load-testing-without-fooling-yourself")
    marks = [
        Mark(server, "fastapi", ratio(re.findall(rf"^fastapi@{server.lower()} .*", text, re.MULTILINE)[0]))
        for server in ("uvicorn", "Hypercorn")
    ]
    return ratios(name, "FastAPI, async def over def, on two servers: the intervals do not overlap", marks)


def scale(name: str) -> Drawing:
    """Draw the line on which a class marks its guesses."""
    return ratios(name, "A scale of ratios: double is as far from 1 as half", [])


def verdicts(name: str) -> Drawing:
    """Draw where the ratios of lesson 4 lie between no difference and what the tutorial has."""
    output = page("lessons/4-is-async-faster").partition("2. async def serves twice")[2]
    marks = [
        Mark(
            f"{framework}: {word}", framework.lower(), ratio(re.findall(rf"^  {framework} .*", output, re.MULTILINE)[0])
        )
        for framework, word in (("FastAPI", "replicated"), ("Flask", "contradicted"))
    ]
    at = {1.42: "half way, 1.42", 2.02: "the tutorial, 2.02"}
    return ratios(name, "async def over def: FastAPI is beyond the half-way mark, Flask is slower", marks, at)


def claims(name: str) -> Drawing:
    """Draw each ratio that the tutorial's page quotes from run A, beside the tutorial's own."""
    text = " ".join(page("lessons/the-tutorial-answered").split())
    rate, time = text.partition("## Twice the requests")[2], text.partition("## Half the waiting time")[2]
    found = (
        ("FastAPI, requests per second", "fastapi", rate.partition("What holds")[2], 2.02),
        ("Flask, requests per second", "flask", rate.partition("What does not")[2], 2.02),
        ("FastAPI, average latency", "fastapi", time.partition("What holds")[2], 0.49),
        ("FastAPI, 95th percentile", "fastapi", time.partition("What is open")[2], 0.44),
    )
    marks = [Mark(told, hue, ratio(quoted), claimed=claimed) for told, hue, quoted, claimed in found]
    return ratios(name, "async def over def, in run A and in the tutorial", marks)


def threads(name: str) -> Drawing:
    """Draw what a request costs in CPU time and switches, from the table of lesson 5."""
    marks = []
    for told, switches, started, cpu_us, _ran in rows(page("lessons/5-why"), "voluntary switches"):
        framework = told.partition(" ")[0].lower()
        value = float(cpu_us.removesuffix(" µs"))
        more = ", 1 thread started" if started == "1.0" else ""
        known = framework if framework in {"flask", "fastapi"} else "flask"
        shown = "Flask behind the event-loop bridge, async def" if known != framework else told.replace("`", "")
        text = f"{cpu_us}, {switches} switches{more}"
        marks.append(Mark(shown, known, exactly(value), "async def" in shown, text=text))
    return bars(name, "CPU time per request, and how often a thread gave up its core", marks)


def waits(name: str) -> Drawing:
    """Draw how many waits are in progress behind each bridge, from the table of lesson 7."""
    names = {"none": "Hypercorn's own wrapper", "asgiref": "asgiref", "eventloop": "the event-loop bridge"}
    found = rows(page("lessons/7-three-bridges"), "bridge on Hypercorn")
    marks = [Mark(names[told], "flask", interval_of(quoted)) for told, quoted, *_ in found if told in names]
    bound = (60.0, "60 connections")
    return bars(name, "Waits in progress at once, Flask with async def, 60 connections", marks, bound)


def crossover(name: str) -> Drawing:
    """Draw the first map of the page on the crossover map, or the second, whose figures it quotes."""
    text = page("explanation/crossover")
    blocks = re.findall(r"```text\n([^\n]*async def[^\n]*)\n(Requests served.*?)```", text, re.DOTALL)
    title, block = blocks[name.endswith("twins")]
    lines = [line for line in block.splitlines() if re.match(r" *\d+ ms", line)]
    wait_names = [line[:6].strip() for line in lines]
    squares = [[square(cell) for cell in line[6:].split()] for line in lines]
    columns = next(line.split() for line in block.splitlines() if re.match(r" +1 +2 ", line))
    grid = Table(
        caption="Requests served by async def over those by def.",
        columns=(Column("Down: the wait. Across: connections"), *map(Column, columns)),
        rows=tuple(Row((told, *own)) for told, own in zip(wait_names, squares, strict=True)),
        kind="map",
    )
    areas = [[float(re.sub(r"[^\d.]", "", each.text) or 1) >= LEAST_TO_PAY for each in own] for own in squares]
    return heat_map(name, title, grid, areas=areas)


def square(cell: str) -> Square:
    """Return a square as the terminal has printed it."""
    text, is_measured = cell.removeprefix("~"), not cell.startswith("~")
    if text == "=":
        return Square(text, "equal", 0, is_measured)
    if text.endswith("?"):
        return Square(text, "unsure", 0, is_measured)
    value = float(text.removesuffix("×"))
    away = max(value, 1 / value)
    return Square(text, "more" if value > 1 else "less", 1 + (away >= 1.5) + (away >= 3), is_measured)


FIGURES: Mapping[str, Callable[[str], Drawing]] = {
    "lesson-3-intervals": two_ratios,
    "lesson-4-scale": scale,
    "lesson-4-verdicts": verdicts,
    "lesson-5-threads": threads,
    "lesson-7-waits": waits,
    "tutorial-claims": claims,
    "crossover-best": crossover,
    "crossover-twins": crossover,
}
PICTURES = {name: HERE / f"{name}.svg" for name in FIGURES}
PHONES = {name: HERE / f"{name}-phone.svg" for name in FIGURES}


def page(name: str) -> str:
    """Return the text of a page."""
    return (DOCS / f"{name}.md").read_text(encoding="utf-8")


def ratio(text: str) -> Estimate:
    """Return the first ratio with an interval in a text."""
    found = RATIO.search(text)
    if found is None:
        raise ValueError(f"There is no ratio in {text[:60]!r}.")
    value, low, high = map(float, found.groups())
    return Estimate(value=value, low=low, high=high, samples=3)


def interval_of(text: str) -> Estimate:
    """Return the value and interval of a cell such as ``5.6 [5.6, 5.6]``."""
    value, low, high = map(float, re.findall(r"[\d.]+", text))
    return Estimate(value=value, low=low, high=high, samples=3)


def exactly(value: float) -> Estimate:
    """Return a value whose interval is not quoted."""
    return Estimate(value=value, low=None, high=None, samples=3)


def rows(text: str, heading: str) -> Iterator[list[str]]:
    """Yield the cells of each row of the table with this heading."""
    lines = iter(text[text.index(heading) :].splitlines()[2:])
    for line in lines:
        if not line.startswith("|"):
            return
        yield [cell.strip() for cell in line.strip("|").split("|")]


def ratios(name: str, title: str, marks: Sequence[Mark], at: Mapping[float, str] | None = None) -> Drawing:
    """Draw ratios on one logarithmic axis, with lines at those to compare them with."""
    lines = at or {}
    wanted = [mark.estimate.value for mark in marks] + list(lines)
    reach = 4.4 if not wanted else max(2.5, 1.25 * max(max(value, 1 / value) for value in wanted))
    ticks = {value: text for value, text in ENDS.items() if 1 / reach <= value <= reach}
    each_rows = 2.0

    def top_px(layout: Layout) -> float:
        return layout.row_px * (1.2 + len(lines))

    def height(layout: Layout) -> float:
        return top_px(layout) + layout.row_px * (each_rows * max(1, len(marks)) + 1.6)

    def paint(sheet: Sheet) -> None:
        layout, row_px = sheet.layout, sheet.layout.row_px
        left, width = layout.font_px, layout.width_px - 2 * layout.font_px
        high = row_px * each_rows * max(1, len(marks))
        scale = Scale(1 / reach, reach, ticks, is_log=True)
        axes = sheet.axes(
            scale, Scale(each_rows * max(1, len(marks)), 0), left=left, top=top_px(layout), width=width, height=high
        )
        around_one(axes, MARGIN)
        sheet.text(left, row_px * 0.5, "← async def is less", colour=MUTED.light)
        sheet.text(left + width, row_px * 0.5, "async def is more →", colour=MUTED.light, anchor="right")
        for row, (value, text) in enumerate(lines.items()):
            axes.axvline(value, **REFERENCE)
            above = (row - len(lines) + 0.4) * 1.0
            label(
                axes,
                text,
                (value, above),
                (-5, 0),
                anchor="right",
                colour=MUTED.light,
                over_lines=True,
                annotation_clip=False,
            )
        for row, mark in enumerate(marks):
            ratio_mark(axes, mark, each_rows * row, layout)

    told = "; ".join(f"{mark.name}: {estimated(mark.estimate, '×')}{claimed_text(mark)}" for mark in marks)
    told += "".join(f"; {text}" for text in lines.values())
    return draw(
        "lesson", name, title, f"{title}. {told or 'From 1/4 to 4, without figures'}.", height=height, paint=paint
    )


def ratio_mark(axes: Axes, mark: Mark, top: float, layout: Layout) -> None:
    """Draw one ratio, its name and value above it."""
    colour, estimate = framework_colour(mark.framework).light, mark.estimate
    form = framework_mark(mark.framework)
    interval(axes, estimate, top + 1.4, layout, colour, 3, form, is_hollow=not mark.is_async)
    if mark.claimed is not None:
        axes.plot([mark.claimed] * 2, [top + 1.05, top + 1.75], color=MUTED.light, linewidth=3, solid_capstyle="butt")
    text = f"{mark.name}, {amount(estimate.value, '×')}"
    is_right = estimate.value > 1
    shift = layout.font_px * 0.6 * (1 if is_right else -1)
    label(
        axes,
        text,
        (estimate.value, top + 0.6),
        (shift, 0),
        colour=colour,
        anchor="right" if is_right else "left",
        over_lines=True,
        fontweight="bold",
    )


def claimed_text(mark: Mark) -> str:
    """Say what the tutorial has in the place of a value."""
    return "" if mark.claimed is None else f", the tutorial {mark.claimed:g} ×"


def bars(name: str, title: str, marks: Sequence[Mark], bound: tuple[float, str] | None = None) -> Drawing:
    """Draw values as bars that begin at zero, each below its name; a bound is a line that none can pass."""
    most = max([mark.estimate.high or mark.estimate.value for mark in marks] + ([bound[0]] if bound else []))
    each_rows = 2.1

    def paint(sheet: Sheet) -> None:
        layout, row_px = sheet.layout, sheet.layout.row_px
        top, width = row_px * 1.3 if bound else 2.0, layout.width_px - 4
        texts = [mark.text or estimated(mark.estimate) for mark in marks]
        room = max(
            (mark.estimate.high or mark.estimate.value)
            / (1 - min(0.85, 1.15 * (layout.text_px(text) + layout.font_px) / width))
            for mark, text in zip(marks, texts, strict=True)
        )
        axes = sheet.axes(
            Scale(0, max(most * 1.02, room)),
            Scale(each_rows * len(marks), 0),
            left=2,
            top=top,
            width=width,
            height=row_px * each_rows * len(marks),
        )
        for row, (mark, text) in enumerate(zip(marks, texts, strict=True)):
            colour, estimate, y = framework_colour(mark.framework).light, mark.estimate, each_rows * row
            sheet.text(2, top + row_px * (y + 0.55), mark.name, colour=colour, bold=True)
            face = colour if mark.is_async else PAPER.light
            axes.barh(
                [y + 1.45], [estimate.value], height=0.75, facecolor=face, edgecolor=colour, linewidth=2, zorder=3
            )
            end = estimate.value
            if estimate.low is not None and estimate.high is not None and estimate.high > estimate.low:
                axes.plot([estimate.low, estimate.high], [y + 1.45] * 2, color=INK.light, linewidth=2, zorder=5)
                end = estimate.high
            label(axes, text, (end, y + 1.45), (layout.font_px * 0.45, 0), over_lines=True, zorder=6)
        if bound:
            axes.axvline(bound[0], **REFERENCE)
            label(axes, bound[1], (bound[0], -0.6), (-4, 0), anchor="right", colour=MUTED.light, annotation_clip=False)

    def height(layout: Layout) -> float:
        return layout.row_px * (each_rows * len(marks) + (1.3 if bound else 0)) + 4

    told = "; ".join(f"{mark.name}: {mark.text or estimated(mark.estimate)}" for mark in marks)
    return draw("lesson", name, title, f"{title}. {told}.", height=height, paint=paint)


if __name__ == "__main__":
    main()
