"""Renders the pooled ratios of many runs as one HTML page, to be shown to the class that measured them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.judge.pool import Pool, PooledRatio
from benchmarks.report.charts.canvas import Chart
from benchmarks.report.charts.forest import forest_chart
from benchmarks.report.figures import NOT_MEASURED, estimated
from benchmarks.report.naming import arrangement_name
from benchmarks.report.page import render_page
from benchmarks.report.plain_text import one_line


@dataclass(frozen=True, slots=True, kw_only=True)
class _Forest:
    """One ratio, ready to be set."""

    title: str
    sentence: str
    chart: Chart | None
    rows: tuple[tuple[str, str, str], ...]
    left_out: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """What the runs say together of one ratio, ready to be set."""

    arrangement: str
    mean: str
    predicted: str
    i_squared: str
    between: str
    runs: int


def render_pool(pool: Pool, chosen: Sequence[PooledRatio]) -> str:
    """Return the page.

    Args:
        pool: Of many runs.
        chosen: The ratios whose runs are shown one by one.
    """
    return render_page(
        "pool.html.j2",
        runs=len(pool.runs),
        asked=one_line(pool.asked.told()),
        quantity=pool.quantity,
        workload=one_line(pool.workload),
        margin=f"{100 * pool.margin:g} %",
        forests=[_forest(pool, ratio) for ratio in chosen],
        lines=[_line(ratio) for ratio in pool.ratios],
        left_out=[(one_line(label), one_line(reason)) for label, reason in pool.left_out],
    )


def _forest(pool: Pool, ratio: PooledRatio) -> _Forest:
    return _Forest(
        title=arrangement_name(ratio.arrangement),
        sentence=one_line(ratio.sentence),
        chart=forest_chart(ratio, pool.quantity, margin=pool.margin),
        rows=tuple(
            (
                one_line(study.label),
                estimated(study.ratio, "×"),
                NOT_MEASURED if study.weight is None else f"{100 * study.weight:.1f} %",
            )
            for study in ratio.studies
        ),
        left_out=tuple((one_line(label), one_line(reason)) for label, reason in ratio.left_out),
    )


def _line(ratio: PooledRatio) -> _Line:
    together = ratio.together
    predicted = None if together is None or together.predicted.low is None else together.predicted
    return _Line(
        arrangement=one_line(ratio.arrangement),
        mean=estimated(None if together is None else together.mean, "×"),
        predicted=NOT_MEASURED if predicted is None else estimated(predicted, "×").partition("× ")[2],
        i_squared=NOT_MEASURED if together is None else f"{100 * together.i_squared:.0f} %",
        between=NOT_MEASURED if together is None else f"{together.between_factor:.2f} ×",
        runs=len(ratio.studies),
    )
