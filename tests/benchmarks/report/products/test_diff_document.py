from __future__ import annotations

import dataclasses

import pytest

from benchmarks.judge.diff import Diff
from benchmarks.judge.judgement import Comparison, Estimate, QuantityName, Standing
from benchmarks.model import Run
from benchmarks.report.document import Document, Note, Paragraph, Section, Table
from benchmarks.report.products.several import diff_document


def estimate(value: float, percent: float = 3.0) -> Estimate:
    """Return an estimate with an interval of so many percent on both sides."""
    return Estimate(value=value, low=value * (1 - percent / 100), high=value * (1 + percent / 100), samples=7)


def change(
    arrangement: str, quantity: QuantityName = "rate", above: str = "", word: str = "no difference"
) -> Comparison:
    """Return a change of a tenth, of an arrangement or of a contender."""
    compared = Comparison(
        above=above,
        below=above,
        arrangement=arrangement,
        workload="health",
        decides=quantity,
        standing="faster",
        finding=word,
        first=estimate(2.0),
        second=estimate(2.2),
    )
    return compared.by(estimate(1.1))


DIFF = Diff(
    ratios=(change("fastapi@uvicorn"), change("fastapi@uvicorn", "latency_p95"), change("flask@hypercorn")),
    contenders=(
        change("", above="fastapi-async@uvicorn"),
        change("", "latency_p95", above="fastapi-async@uvicorn"),
    ),
    same_run=False,
    same_machine=False,
    environment={"cpu_model": ("One CPU", "Another"), "memory_bytes": (8 * 2**30, None)},
    packages={"package_flask": ("3.1.2", "3.2.0")},
    only_left=("flask-sync@hypercorn",),
    only_right=(),
    withheld=None,
    notes=("The second run is not complete.",),
    margin=0.05,
)


def told(run: Run, diff: Diff = DIFF) -> Document:
    """Return the document of a diff of this run and a later one."""
    return diff_document(diff, (run, None), (dataclasses.replace(run, name="the second"), None))


def summary(document: Document) -> str:
    """Return the sentence in which it begins."""
    return next(block.text for block in document.blocks if isinstance(block, Paragraph))


def test_the_ratios_of_rates_come_first_and_all_else_is_detail(run: Run) -> None:
    """First, second, and the one over the other; then what differs in machine and packages."""
    document = told(run)
    (rates,) = [block for block in document.blocks if isinstance(block, Table)]
    sections = [block for block in document.blocks if isinstance(block, Section)]

    assert ["fastapi@uvicorn", "flask@hypercorn"] == [row.cells[0] for row in rates.rows]
    assert ("fastapi@uvicorn", estimate(2.0), estimate(2.2), estimate(1.1), "no difference") == rates.rows[0].cells
    assert [True, True, False, False] == [section.is_folded for section in sections]
    (machine,) = sections[2].blocks
    assert isinstance(machine, Table)
    assert [("cpu model", "One CPU → Another"), ("memory", "8.0 GiB → not known")] == [
        row.cells for row in machine.rows
    ]
    assert "Only in the first: flask-sync@hypercorn." in {
        block.text for block in document.blocks if isinstance(block, Note)
    }


@pytest.mark.parametrize(("standing", "count"), [("faster", "2 of the 2"), ("equal", "No change"), ("refused", "No")])
def test_the_summary_counts_what_changed(run: Run, standing: Standing, count: str) -> None:
    """By the judge's own rule."""
    ratios = tuple(dataclasses.replace(each, standing=standing) for each in DIFF.ratios)

    assert summary(told(run, dataclasses.replace(DIFF, ratios=ratios))).startswith(count)


def test_packages_that_only_one_had_are_shown_on_request(run: Run) -> None:
    """Another version may be the cause; a package that is not installed seldom is, and there may be a hundred."""
    packages = {**DIFF.packages, "package_ruff": ("1.0", None)}
    document = told(run, dataclasses.replace(DIFF, packages=packages))
    *_, changed, lone = (block for block in document.blocks if isinstance(block, Section))

    assert (False, True) == (changed.is_folded, lone.is_folded)
    assert [[("flask", "3.1.2 → 3.2.0")], [("ruff", "1.0 → not installed")]] == [
        [row.cells for block in section.blocks if isinstance(block, Table) for row in block.rows]
        for section in (changed, lone)
    ]


def test_a_diff_without_a_difference_says_so(run: Run) -> None:
    """Nothing to tell is told as that."""
    same = dataclasses.replace(DIFF, environment={}, packages={})

    assert 2 == sum(
        isinstance(block, Section) and block.blocks == (Paragraph("The same in both.", "quiet"),)
        for block in told(run, same).blocks
    )


def test_a_run_beside_itself_is_told_in_one_line(run: Run) -> None:
    """Whatever its files are called."""
    document = diff_document(dataclasses.replace(DIFF, same_run=True), (run, None), (run, None))

    assert (Paragraph("Both are the same run: there is nothing to compare.", "strong"),) == document.blocks


def test_a_diff_that_is_no_evidence_begins_with_that(run: Run) -> None:
    """So that it is read before any figure."""
    first = told(run, dataclasses.replace(DIFF, withheld="1.20 ×.")).blocks[0]

    assert isinstance(first, Note)
    assert "alert" == first.level
    assert first.text.endswith("1.20 ×.")


def test_a_diff_without_twins_compares_contenders_alone(run: Run) -> None:
    """There is no ratio to count."""
    assert "only contenders" in summary(told(run, dataclasses.replace(DIFF, ratios=())))


def test_records_have_each_number_in_a_column_of_its_own(run: Run) -> None:
    """What is missing is None."""
    first = DIFF.ratios[0]
    lone = dataclasses.replace(first, first=None, rate=None)
    record, *_ = told(run, dataclasses.replace(DIFF, ratios=(lone,))).records

    assert ("fastapi@uvicorn", None, 2.2) == (record["subject"], record["first_value"], record["second_value"])
