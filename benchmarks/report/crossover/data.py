"""Gives a map, and advice from it, as one JSON document for other programs."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

from benchmarks.judge.advice import Advice
from benchmarks.judge.crossover import CrossoverMap
from benchmarks.report.crossover.advice import advice_sentences
from benchmarks.report.crossover.story import tell_map

SCHEMA_VERSION = 1
"""Of both documents; it goes up when a field changes its meaning or goes."""


def map_json(found: CrossoverMap) -> str:
    """Return a map as JSON: every field of ``CrossoverMap``, and the answers in words."""
    return _document("crossover", found, answers=tell_map(found).answers)


def advice_json(advice: Advice) -> str:
    """Return advice as JSON: every field of ``Advice``, and the answer in words."""
    return _document("advice", advice, sentences=advice_sentences(advice))


def _document(kind: str, value: Any, **words: tuple[str, ...]) -> str:
    document = {"kind": kind, "schema_version": SCHEMA_VERSION, **words, **_plain(dataclasses.asdict(value))}
    return json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False)


def _plain(value: Any) -> Any:
    """Replace what JSON has no number for: what is without end is null."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
