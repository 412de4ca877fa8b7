"""The document of a matrix: findings first, with what they do to a user and how to see them, in every format."""

from __future__ import annotations

import csv
import io
import json

import pytest

from benchmarks.conformance.matrix import Cell, Matrix, Outcome, Probed, judged
from benchmarks.conformance.probe import About
from benchmarks.contenders import catalogue
from benchmarks.report.formats import FORMATS, render
from benchmarks.report.products.conformance import conformance_document, failing_of

PROBES = [
    About(id="head", title="HEAD is answered", source="RFC 1", effect="Monitors cry.", request="curl -I here"),
    About(id="tabs", title="Tabs may be closed", source="RFC 2", effect="It stops.", request="curl -N there"),
]


def probed(name: str, *outcomes: Outcome, seen: str = "Seen.", is_reference: bool = False) -> Probed:
    """Return an arrangement on which the probes came to something."""
    cells = tuple(
        Cell(probe=about.id, outcome=outcome, seen=seen) for about, outcome in zip(PROBES, outcomes, strict=True)
    )
    return Probed(id=name, command="python -m run", versions={"flask": "3.1"}, cells=cells, is_reference=is_reference)


@pytest.fixture
def matrix() -> Matrix:
    """Return one with an arrangement that fails, one that does not, and a reference."""
    return judged(
        PROBES,
        [
            probed("flask@hypercorn", "fails", "holds", seen="HEAD answers 500."),
            probed("flask@hypercorn+eventloop", "holds", "does not apply"),
            probed("bare-wsgi@hypercorn", "fails", "holds", is_reference=True),
        ],
        "3.13",
    )


@pytest.mark.parametrize("form", ["terminal", "markdown", "html"])
def test_a_finding_says_what_it_does_and_how_to_see_it(form: str, matrix: Matrix) -> None:
    """And what was seen, and its source; nothing of references, or of probes that hold."""
    text = " ".join(render(conformance_document(matrix), form).split())

    assert [] == [word for word in ("Monitors cry.", "curl -I here", "HEAD answers 500.", "RFC 1") if word not in text]
    assert "It stops." not in text
    assert "1 of 2 arrangements" in text
    # The signs are not colour alone.
    assert "✗ fails" in text or ("✗</span> fails") in text


def test_programs_read_every_cell(matrix: Matrix) -> None:
    """Of JSON also those of references; of CSV a line for each that was asked for."""
    document = conformance_document(matrix)
    told = json.loads(render(document, "json"))
    rows = list(csv.DictReader(io.StringIO(render(document, "csv"))))

    assert "conformance" == told["document"]
    assert 3 == len(told["conformance"]["arrangements"])
    assert [("flask@hypercorn", "head", "fails"), ("flask@hypercorn", "tabs", "holds")] == [
        (row["arrangement"], row["probe"], row["outcome"]) for row in rows[:2]
    ]
    assert 4 == len(rows)


@pytest.mark.parametrize(
    ("outcomes", "words"),
    [
        (("fails", "holds"), "fails 1 of the 2 probes"),
        (("holds", "does not apply"), "holds every probe that applies (1)"),
    ],
)
def test_of_one_arrangement_the_answer_counts_what_applies(outcomes: tuple[Outcome, Outcome], words: str) -> None:
    """It is the first thing that is read."""
    document = conformance_document(judged(PROBES, [probed("flask@uvicorn", *outcomes)], "3.13"))

    assert words in render(document, "markdown")


def test_all_that_holds_is_said(matrix: Matrix) -> None:
    """In one sentence."""
    both = [probed(name, "holds", "holds") for name in ("flask@a", "flask@b")]

    assert "All 2 arrangements hold" in render(conformance_document(judged(PROBES, both, "3.13")), "markdown")


def test_every_format_renders_it(matrix: Matrix) -> None:
    """A further one too."""
    assert all(render(conformance_document(matrix), form) for form in FORMATS)


@pytest.mark.parametrize(
    ("contender", "arrangement"),
    [
        ("flask-async@hypercorn+eventloop", "flask@hypercorn+eventloop"),
        ("plainflask-sync@hypercorn", "flask@hypercorn"),
        ("bare-asgi@uvicorn", None),
        ("fastapi-sync@uvicorn", None),
    ],
)
def test_a_contender_is_found_by_what_it_is_made_of(contender: str, arrangement: str | None, matrix: Matrix) -> None:
    """Framework, server and bridge; what was not probed has no findings."""
    found = failing_of(catalogue.find(contender), matrix)

    assert arrangement == (None if found is None else found.id)
