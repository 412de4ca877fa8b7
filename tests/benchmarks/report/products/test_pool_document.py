from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from benchmarks.judge.judgement import Comparison, Estimate, RandomEffects
from benchmarks.judge.pool import Pool
from benchmarks.report.charts.forest import forest_chart
from benchmarks.report.document import Chart, Document, Note, Paragraph, Section, Table
from benchmarks.report.products.several import pool_document


def estimate(value: float, percent: float = 3.0) -> Estimate:
    """Return an estimate with an interval of so many percent on both sides."""
    return Estimate(value=value, low=value * (1 - percent / 100), high=value * (1 + percent / 100), samples=7)


def pooled(runs: int, arrangement: str = "fastapi@uvicorn", label: str = "laptop") -> Comparison:
    """Return the ratios of a class."""
    twins = Comparison(
        above=arrangement.replace("@", "-async@"),
        below=arrangement.replace("@", "-sync@"),
        arrangement=arrangement,
        framework=arrangement.partition("@")[0],
        workload="health",
        headline=True,
        standing="faster",
    )
    return dataclasses.replace(
        twins,
        rate=estimate(2.1),
        sentence=f"{arrangement}: over {runs} runs async def had 2.10 × that of def.",
        studies=tuple(
            dataclasses.replace(twins, run=f"{label} {number}", rate=estimate(1.8 + 0.02 * number))
            for number in range(1, runs + 1)
        ),
        predicted=estimate(2.1, 20.0),
        effects=RandomEffects(
            mean=0.742,
            low=0.711,
            high=0.771,
            tau_squared=0.006,
            i_squared=0.92,
            q=300.0,
            q_probability=0.0,
            predicted_low=0.519,
            predicted_high=0.924,
            weights=(1 / runs,) * runs,
        ),
    )


def pool_of(*ratios: Comparison) -> Pool:
    """Return a pool of these ratios."""
    return Pool(
        quantity="requests per second",
        workload="health",
        asked="GET /health/{variant}, 10 virtual users, in slices, by builtin",
        runs=tuple(study.run for study in ratios[0].studies),
        left_out=(("hasty", "GET /health/{variant}, 50 virtual users"),),
        ratios=ratios,
        margin=0.05,
    )


def told(*ratios: Comparison) -> Document:
    """Return the document of a pool of these ratios; the runs of the first are shown."""
    return pool_document(pool_of(*ratios), ratios[:1])


def section(document: Document, title: str) -> Section:
    """Return the section whose title begins so."""
    (found,) = [block for block in document.blocks if isinstance(block, Section) and block.title.startswith(title)]
    return found


def runs_of(document: Document) -> Sequence[str]:
    """Return the names of the lines of the forest."""
    (chart,) = [block for block in section(document, "FastAPI on uvicorn").blocks if isinstance(block, Chart)]
    (lines,) = chart.instead
    assert isinstance(lines, Table)
    return [str(row.cells[0]) for row in lines.rows]


def test_what_all_say_together_comes_first() -> None:
    """A sentence for each ratio that is shown, then a line for each arrangement; below, a line a run."""
    document = told(pooled(3), pooled(3, "flask@hypercorn"))
    sentence, _, together = document.blocks[:3]

    assert Paragraph("fastapi@uvicorn: over 3 runs async def had 2.10 × that of def.") == sentence
    assert isinstance(together, Table)
    assert [("FastAPI on uvicorn", True), ("Flask on Hypercorn", False)] == [
        (row.cells[0], row.strong) for row in together.rows
    ]
    assert ["laptop 1", "laptop 2", "laptop 3", "together", "one more machine"] == runs_of(document)


def test_each_reason_to_leave_a_run_out_is_told_once() -> None:
    """With the runs that it is about, however many ratios they lack."""
    many = tuple((f"laptop {number}", "too few rounds") for number in range(1, 6))
    pool = pool_of(pooled(3))
    document = pool_document(dataclasses.replace(pool, left_out=(*pool.left_out, *many, *many)), pool.ratios)

    assert (
        Note("hasty: GET /health/{variant}, 50 virtual users"),
        Note("laptop 1, laptop 2, laptop 3, 2 more: too few rounds"),
    ) == section(document, "Left out").blocks


def test_a_ratio_without_a_sum_is_shown_without_one() -> None:
    """One run, or none."""
    ratio = pooled(1)
    single = dataclasses.replace(ratio, rate=None, effects=None, predicted=None)
    none = dataclasses.replace(single, studies=())

    assert ["laptop 1"] == runs_of(told(single))
    assert (Paragraph("No run has a ratio to pool."),) == section(told(none), "FastAPI on uvicorn").blocks
    assert forest_chart(none, "requests per second", margin=0.05) is None


def test_two_runs_have_no_last_line() -> None:
    """There is nothing to say of a third machine."""
    ratio = pooled(2)
    ratio = dataclasses.replace(ratio, predicted=Estimate(value=2.1, low=None, high=None, samples=2))

    assert ["laptop 1", "laptop 2", "together"] == runs_of(told(ratio))
    chart = forest_chart(ratio, "requests per second", margin=0.05)
    assert chart is not None
    assert "one more machine" not in chart.description


def test_records_are_the_runs_of_every_ratio() -> None:
    """And what they say together, which has no weight."""
    records = list(told(pooled(2), pooled(2, "flask@hypercorn")).records)

    assert 2 * (2 + 2) == len(records)
    assert (0.5, None) == (records[0]["weight"], records[2]["weight"])


def test_the_forest_of_a_class_is_drawn_and_told_in_words() -> None:
    """Well-formed in both layouts; the description has every run."""
    chart = forest_chart(pooled(30), "requests per second", margin=0.05)

    assert chart is not None
    assert "forest-fastapi-uvicorn" in chart.name
    for drawing in (chart.wide, chart.narrow):
        written = [text.text for text in ET.fromstring(drawing).iter("{http://www.w3.org/2000/svg}text")]  # noqa: S314 (ours)
        assert {"laptop 1", "laptop 30", "together", "one more machine", "2.10 × [2.04, 2.16]"} <= set(written)
    assert "laptop 30: 2.40 × [2.33, 2.47]." in chart.description


def test_an_interval_without_end_does_not_break_the_forest() -> None:
    """Two rounds that differ wildly have one."""
    ratio = pooled(2)
    endless = Estimate(value=2.0, low=0.0, high=float("inf"), samples=2)
    nothing = Estimate(value=float("inf"), low=None, high=None, samples=2)
    wild = dataclasses.replace(
        ratio, studies=tuple(dataclasses.replace(ratio.studies[0], rate=each) for each in (endless, nothing))
    )

    chart = forest_chart(wild, "requests per second", margin=0.05)

    assert chart is not None
    assert "too few rounds to tell" in chart.description
