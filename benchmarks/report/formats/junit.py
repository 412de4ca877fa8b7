"""Writes the result of a check as JUnit XML, which CI systems show: each verdict is a test case."""

from __future__ import annotations

from typing import Final
from xml.etree import ElementTree as ET

from benchmarks.report.document import Document, Note, Verdict
from benchmarks.report.plain_text import one_line

_FAILED: Final = frozenset({"slower", "grown"})


def render(document: Document, *, strict: bool = False) -> str:
    """Return the verdicts of a document as a suite of tests.

    What is slower has failed, what is refused is an error, and what is undecided was skipped.

    Args:
        document: Its verdicts, and what must be read before them.
        strict: Whether what is undecided has failed.
    """
    suite = ET.Element("testsuite", name=f"lab {document.kind}")
    for block in document.blocks:
        if isinstance(block, Verdict):
            case = _case(suite, document, block.subject.replace("`", ""))
            told = " ".join(filter(None, (block.sentence, block.why)))
            if block.outcome in _FAILED or (strict and block.outcome == "undecided"):
                ET.SubElement(case, "failure", message=one_line(told), type=block.outcome)
            elif block.outcome == "refused":
                ET.SubElement(case, "error", message=one_line(told), type="refused")
            elif block.outcome == "undecided":
                ET.SubElement(case, "skipped", message=one_line(told))
            else:
                ET.SubElement(case, "system-out").text = one_line(told)
        elif isinstance(block, Note) and block.level == "alert":
            ET.SubElement(_case(suite, document, document.title), "error", message=one_line(block.text), type="refused")
    if not len(suite):
        _case(suite, document, document.title)
    for name, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(name, str(len(suite.findall(f".//{tag}"))))
    ET.indent(suite)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(suite, encoding="unicode")}\n'


def _case(suite: ET.Element, document: Document, name: str) -> ET.Element:
    return ET.SubElement(suite, "testcase", classname=f"lab.{document.kind}", name=one_line(name))
