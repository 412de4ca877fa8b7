from __future__ import annotations

import json
import math
from pathlib import Path

from benchmarks.judge.judgement import Estimate
from benchmarks.report.formats.data import json_document, plain


def test_a_document_says_what_it_is() -> None:
    """Kind and version first; then what it holds."""
    text = json_document("tea", temperature_celsius=80.0)

    assert {"document": "tea", "format_version": 2, "temperature_celsius": 80.0} == json.loads(text)
    assert text.startswith('{\n "document": "tea"')
    assert text.endswith("}\n")


def test_what_json_cannot_say_is_null() -> None:
    """A bound without end, and what is no number; tuples are lists, and other things are told in words."""
    estimate = Estimate(value=1.5, low=0.0, high=math.inf, samples=2)

    assert {
        "value": 1.5,
        "low": 0.0,
        "high": None,
        "samples": 2,
        "resolution": 0.0,
        "confidence": 0.95,
    } == plain(estimate)
    assert [1, None, "x", True, {"2": ["a/b"]}] == plain((1, math.nan, "x", True, {2: [Path("a/b")]}))


def test_a_document_is_ascii() -> None:
    """So that no terminal's encoding can break it; a reader gets the signs back."""
    text = json_document("tea", name="茶", broken="\ud800")

    assert text.isascii()
    assert "茶" == json.loads(text)["name"]
