"""Gives a map, and advice from it, as JSON documents for other programs."""

from __future__ import annotations

import dataclasses
from typing import Any

from benchmarks.judge.advice import Advice
from benchmarks.judge.crossover import CrossoverMap
from benchmarks.report.crossover.advice import advice_sentences
from benchmarks.report.crossover.story import tell_map
from benchmarks.report.formats.data import json_document


def map_document(found: CrossoverMap) -> str:
    """Return a map as a document: every field of ``CrossoverMap``, and the answers in words."""
    return json_document("crossover", answers=tell_map(found).answers, **_fields(found))


def advice_document(advice: Advice) -> str:
    """Return advice as a document: every field of ``Advice``, and the answer in words."""
    return json_document("advice", sentences=advice_sentences(advice), **_fields(advice))


def _fields(value: CrossoverMap | Advice) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
