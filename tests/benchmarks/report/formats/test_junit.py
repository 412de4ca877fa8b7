"""A check's verdicts as test cases, which CI systems show."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from benchmarks.report.document import Block, Document, Note, Paragraph, Verdict
from benchmarks.report.formats.junit import render


def suite_of(*blocks: Block, strict: bool = False) -> ET.Element:
    """Read what is written of a document."""
    document = Document(kind="check", title="Slower?", blocks=blocks)
    return ET.fromstring(render(document, strict=strict))  # noqa: S314 # it is the lab's own


def counts(suite: ET.Element) -> tuple[str | None, ...]:
    """Return how many tests there are, and how they came out."""
    return tuple(suite.get(name) for name in ("tests", "failures", "errors", "skipped"))


@pytest.mark.parametrize(
    ("outcome", "strict", "tag", "expected"),
    [
        ("slower", False, "failure", ("1", "1", "0", "0")),
        ("grown", False, "failure", ("1", "1", "0", "0")),
        ("refused", False, "error", ("1", "0", "1", "0")),
        ("undecided", False, "skipped", ("1", "0", "0", "1")),
        ("undecided", True, "failure", ("1", "1", "0", "0")),
        ("equal", True, "system-out", ("1", "0", "0", "0")),
        ("faster", False, "system-out", ("1", "0", "0", "0")),
    ],
)
def test_a_verdict_is_a_test(outcome: str, strict: bool, tag: str, expected: tuple[str, ...]) -> None:
    """With what was found and why, safe for XML whatever a run has in it."""
    verdict = Verdict(subject="`GET /<items>`", outcome=outcome, sentence="0.8 ×\x00 & less", why="CPU")
    suite = suite_of(Paragraph("the answer"), verdict, strict=strict)
    (case,) = suite

    assert expected == counts(suite)
    assert ("lab.check", "GET /<items>", tag) == (case.get("classname"), case.get("name"), case[0].tag)
    assert "0.8 ×\ufffd & less CPU" == (case[0].get("message") or case[0].text)


def test_what_was_refused_as_a_whole_is_an_error() -> None:
    """Nothing was timed, and a suite without a test would pass."""
    suite = suite_of(Note("answers differ", "alert"), Note("to know"))

    assert ("1", "0", "1", "0") == counts(suite)
    assert "answers differ" == suite[0][0].get("message")


def test_without_a_verdict_there_is_a_test_that_passes() -> None:
    """There was nothing to compare with."""
    assert ("1", "0", "0", "0") == counts(suite_of(Paragraph("nothing to compare with")))
