"""Gives a map, and advice from it, as documents of plain values that become JSON for other programs."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from benchmarks.judge.advice import Advice
from benchmarks.judge.crossover import CrossoverMap
from benchmarks.report.crossover.advice import advice_sentences
from benchmarks.report.crossover.story import tell_map

SCHEMA_VERSION = 1
"""Of both documents; it goes up when a field changes its meaning or goes."""


def map_document(found: CrossoverMap) -> dict[str, Any]:
    """Return a map as a document: every field of ``CrossoverMap``, and the answers in words."""
    return _document("crossover", found, answers=tell_map(found).answers)


def advice_document(advice: Advice) -> dict[str, Any]:
    """Return advice as a document: every field of ``Advice``, and the answer in words."""
    return _document("advice", advice, sentences=advice_sentences(advice))


def _document(kind: str, value: Any, **words: tuple[str, ...]) -> dict[str, Any]:
    return {"kind": kind, "schema_version": SCHEMA_VERSION, **words, **_plain(dataclasses.asdict(value))}


def _plain(value: Any) -> Any:
    """Replace what JSON has no number for: what is without end is null."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
