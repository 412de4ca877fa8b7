"""Writes the result of a command for programs: one JSON document, or lines of CSV."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from benchmarks.report.document import Document
from benchmarks.report.plain_text import one_line

FORMAT_VERSION: Final = 2
"""Of every JSON document; it goes up when a field changes its meaning or goes."""


def render_json(document: Document) -> str:
    """Return what a document holds for programs, under its kind."""
    return json_document(document.kind, **document.data)


def json_document(kind: str, /, **content: object) -> str:
    """Return a JSON document: its kind, its version, and what it holds.

    Dataclasses become objects under their fields' names, which carry their unit. What is missing is ``null``, and so is
    a number that JSON cannot say: a bound without end. The kind is a word by which programs tell documents apart.
    """
    # ASCII, so that it is the same on a terminal of any encoding; a reader of JSON does not see the difference.
    return json.dumps(plain({"document": kind, "format_version": FORMAT_VERSION, **content}), indent=1) + "\n"


def plain(value: object) -> Any:
    """Return a value as JSON has it: objects, lists, strings, finite numbers, true, false and null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)


def render_csv(document: Document) -> str:
    """Return a document's records as CSV, one line each; the columns are those of all records, as they come.

    What was not measured is an empty cell, never 0.
    """
    records = list(document.records)
    columns = list(dict.fromkeys((*document.columns, *(column for record in records for column in record))))
    output = io.StringIO()
    writer = csv.DictWriter(output, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _safe(value) for name, value in record.items()} for record in records)
    return output.getvalue()


def _safe(value: object) -> object:
    """Make text safe: on one line, and never a formula, which is what spreadsheets make of these first signs."""
    if not isinstance(value, str):
        return value
    told = one_line(value)
    return f"'{told}" if told[:1] in {"=", "+", "-", "@"} and told else told
