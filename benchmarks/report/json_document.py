"""Writes what a command tells as one JSON document, for programs: `--json`, and `lab report --format json`."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.judge.judgement import Judgement
from benchmarks.model import Run
from benchmarks.report.reproduce import compare_command

FORMAT_VERSION: Final = 1
"""Of every document; it goes up when a field changes its meaning or goes."""


def document(kind: str, /, **content: object) -> str:
    """Return a document: its kind, its version, and what it holds.

    Dataclasses become objects under their fields' names, which carry their unit. What is missing is ``null``, and so is
    a number that JSON cannot say: a bound without end.

    Args:
        kind: What it is, in a word; a reader looks here first.
        content: The other members.
    """
    # ASCII, so that it is the same on a terminal of any encoding; a reader of JSON does not see the difference.
    return json.dumps(plain({"document": kind, "format_version": FORMAT_VERSION, **content}), indent=1) + "\n"


def judgement_document(run: Run, judgement: Judgement, folder: Path | None = None) -> str:
    """Return the judgement of a run, and which run it is; its trials are in ``run.json``.

    Args:
        run: What was measured.
        judgement: What was judged of it.
        folder: Where it is kept.
    """
    told = plain(judgement)
    for summary in told["summaries"]:
        # Every latency, which would be most of the document.
        del summary["histograms"]
    return document("judgement", run=run_facts(run, folder), judgement=told)


def run_facts(run: Run, folder: Path | None = None) -> dict[str, object]:
    """Return which run something is about."""
    return {
        "name": run.name,
        "folder": None if folder is None else str(folder),
        "state": run.state,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "preset": run.plan.preset,
        "seed": run.plan.seed,
        "trials": len(run.trials),
        "resumptions": len(run.resumptions),
        "command": compare_command(run.plan, run.environment),
    }


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
