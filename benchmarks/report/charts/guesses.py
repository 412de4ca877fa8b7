"""Draws what a class guessed as a strip of dots, against the ratio that was measured, and its interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from benchmarks.judge.judgement import Estimate
from benchmarks.report.charts.canvas import Chart, Layout, Sheet, draw, gridline
from benchmarks.report.charts.palette import INK, MUTED, PAPER, framework_colour
from benchmarks.report.figures import amount, estimated

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TICKS: Final = {0.25: "¼ ×", 0.5: "½ ×", 1.0: "1 ×", 2.0: "2 ×", 4.0: "4 ×"}
_EDGE: Final = 5.0
_ROWS_PER_STRIP: Final = 4.8
_ROWS_BELOW: Final = 1.5
_BINS: Final = 48
_TALLEST: Final = 0.52


@dataclass(frozen=True, slots=True, kw_only=True)
class GuessedRatio:
    """One framework's async over sync, as it was guessed and as it was measured.

    Attributes:
        framework: Its word in ids.
        name: Its own spelling.
        guesses: In ascending order.
        median: The middle one; ``None`` when there is none.
        measured: With its interval; ``None`` when it was not.
    """

    framework: str
    name: str
    guesses: tuple[float, ...]
    median: float | None
    measured: Estimate | None

    @property
    def told(self) -> str:
        """All of it, in words."""
        guessed = "nobody guessed" if self.median is None else f"the class guessed {amount(self.median, '×')} (median)"
        counted = f" of {len(self.guesses)}" if self.guesses else ""
        measured = "not measured" if self.measured is None else f"measured {estimated(self.measured, '×')}"
        return f"{self.name}: {guessed}{counted}; {measured}."


def guess_chart(ratios: Sequence[GuessedRatio]) -> Chart | None:
    """Draw every guess as a dot, and what was measured as a line through them.

    Args:
        ratios: A strip each, from the top.
    Returns:
        ``None`` when nobody guessed.
    """
    if not any(ratio.guesses for ratio in ratios):
        return None
    return draw(
        "guesses",
        "class",
        "What the class guessed, and what was measured: async def over def",
        " ".join(ratio.told for ratio in ratios),
        height=lambda layout: layout.row_px * (_ROWS_PER_STRIP * len(ratios) + _ROWS_BELOW),
        paint=lambda sheet: _paint(sheet, ratios),
    )


def _paint(sheet: Sheet, ratios: Sequence[GuessedRatio]) -> None:
    layout = sheet.layout
    strip_px = layout.row_px * _ROWS_PER_STRIP
    for number, ratio in enumerate(ratios):
        top = strip_px * number
        colour = framework_colour(ratio.framework).light
        sheet.text(2, top + layout.row_px * 0.5, ratio.name, colour=colour, bold=True)
        measured = "not measured" if ratio.measured is None else f"measured {estimated(ratio.measured, '×')}"
        sheet.text(layout.width_px - 2, top + layout.row_px * 0.5, measured, anchor="right", bold=True)
        axes = sheet.axes(
            left=6, top=top + layout.row_px, width=layout.width_px - 12, height=strip_px - 1.6 * layout.row_px
        )
        _strip(axes, ratio, colour, layout, is_last=number == len(ratios) - 1)


def _strip(axes: Axes, ratio: GuessedRatio, colour: str, layout: Layout, *, is_last: bool) -> None:
    axes.set_xscale("log")
    axes.set_xlim(1 / _EDGE, _EDGE)
    axes.set_ylim(0, 1)
    axes.set_yticks([])
    axes.set_xticks(list(_TICKS), labels=list(_TICKS.values()) if is_last else [""] * len(_TICKS))
    axes.set_xticks([], minor=True)
    for tick in _TICKS:
        gridline(axes, tick)
    axes.axvline(1, color=INK.light, linewidth=1.5, zorder=1)
    axes.axhline(0.02, color=MUTED.light, linewidth=1, zorder=1)
    _dots(axes, ratio.guesses, colour, layout)
    if ratio.median is not None:
        axes.annotate(
            f"median {'' if layout.is_narrow else 'guess '}{amount(ratio.median, '×')}",
            (ratio.median, 0.66),
            # On the side away from what was measured, which has its own mark.
            ha="right" if ratio.median < (1.0 if ratio.measured is None else ratio.measured.value) else "left",
            xytext=(0, 0),
            textcoords="offset points",
            va="center",
            color=MUTED.light,
            zorder=6,
            bbox={"facecolor": PAPER.light, "edgecolor": "none", "pad": 1},
        )
        axes.plot([ratio.median, ratio.median], [0.02, 0.58], color=MUTED.light, linewidth=2, linestyle=(0, (2, 2)))
    if ratio.measured is not None:
        _measured(axes, ratio.measured, layout)


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


def _measured(axes: Axes, measured: Estimate, layout: Layout) -> None:
    value = min(max(measured.value, 1 / _EDGE), _EDGE)
    axes.plot([value, value], [0, 0.9], color=INK.light, linewidth=3, zorder=5)
    axes.plot([value], [0.93], "v", color=INK.light, markersize=layout.font_px * 0.55, zorder=5)
    if measured.low is not None and measured.high is not None:
        axes.axvspan(
            max(measured.low, 1 / _EDGE), min(measured.high, _EDGE), color=INK.light, alpha=0.16, linewidth=0, zorder=2
        )
