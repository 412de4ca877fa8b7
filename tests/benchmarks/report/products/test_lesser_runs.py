"""Runs of which something is missing are told truthfully."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Sequence

import pytest

from benchmarks.judge.claims import Claim
from benchmarks.judge.judgement import Estimate, Judgement
from benchmarks.model import Run
from benchmarks.report.formats import render
from benchmarks.report.products.run import run_document
from tests.benchmarks.report.parsed_page import Page


def unobserved(judgement: Judgement) -> Judgement:
    """Take away all that the operating system would tell."""
    return dataclasses.replace(
        judgement,
        summaries=tuple(
            dataclasses.replace(
                each,
                cpu_us_per_request=None,
                voluntary_switches_per_request=None,
                involuntary_switches_per_request=None,
                running_threads=None,
                epoll_descriptors=None,
                resident_bytes=None,
            )
            for each in judgement.summaries
        ),
    )


def one_contender(judgement: Judgement) -> Judgement:
    """Keep one contender, which has no twin and no verdict."""
    return dataclasses.replace(judgement, verdicts=(), twins=(), summaries=judgement.summaries[:1])


def one_round(judgement: Judgement) -> Judgement:
    """Take away every interval."""

    def lone(estimate: Estimate | None) -> Estimate | None:
        return None if estimate is None else dataclasses.replace(estimate, low=None, high=None, samples=1)

    return dataclasses.replace(
        judgement,
        twins=tuple(dataclasses.replace(each, rate=lone(each.rate), cpu=lone(each.cpu)) for each in judgement.twins),
        summaries=tuple(
            dataclasses.replace(
                each, rate_per_s=lone(each.rate_per_s), cpu_us_per_request=lone(each.cpu_us_per_request)
            )
            for each in judgement.summaries
        ),
    )


def no_histogram(judgement: Judgement) -> Judgement:
    """Take away the distributions."""
    return dataclasses.replace(
        judgement, summaries=tuple(dataclasses.replace(each, histograms=()) for each in judgement.summaries)
    )


def thirty_contenders(judgement: Judgement) -> Judgement:
    """Add arrangements with long names."""
    names = [f"flask@server{number}+bridge-with-a-long-name" for number in range(15)]
    return dataclasses.replace(
        judgement,
        twins=tuple(dataclasses.replace(judgement.twins[0], arrangement=name) for name in names),
        summaries=tuple(
            dataclasses.replace(each, arrangement=name, contender=f"{each.contender}{number}")
            for number, name in enumerate(names)
            for each in judgement.summaries[:2]
        ),
    )


def nothing(judgement: Judgement) -> Judgement:
    """Take everything away."""
    return dataclasses.replace(
        judgement, verdicts=(), summaries=(), twins=(), bridges=(), placebo=None, ceiling_per_s={}, notes=()
    )


@pytest.mark.parametrize(
    ("alter", "facts", "charts"),
    [
        (unobserved, ("–: not measured",), 9),
        (one_contender, ("Not asked in this run",), 4),
        (one_round, ("2.00 × (no interval)",), 11),
        (no_histogram, ("4,105",), 10),
        (thirty_contenders, ("with-a-long-name",), 9),
        (nothing, ("No valid trial was measured", "No contender took part", "has no answer"), 0),
    ],
)
def test_a_lesser_run_is_told_truthfully(  # noqa: PLR0917 (pytest passes them by name)
    run: Run,
    judgement: Judgement,
    claims: Sequence[Claim],
    alter: Callable[[Judgement], Judgement],
    facts: tuple[str, ...],
    charts: int,
) -> None:
    """What is missing is said, what cannot be drawn is left out, and nothing reads None, nan or inf."""
    document = run_document(run, alter(judgement), claims)
    page, terminal = Page(render(document, "html")), render(document, "terminal")

    for fact in facts:
        assert fact in page.text
        assert fact in " ".join(terminal.split())
    assert charts == len(page.all("figure"))
    for text in (page.text, terminal, render(document, "markdown")):
        assert not re.search(r"\b(None|nan|inf)\b", text)
