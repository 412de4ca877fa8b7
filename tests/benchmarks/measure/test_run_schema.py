from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.measure.run_schema import run_schema

PUBLISHED = Path(__file__).parents[3] / "docs" / "reference" / "run.schema.json"


def test_the_published_schema_is_the_current_one() -> None:
    """What docs/reference/run.schema.json says is what `python -m benchmarks.measure.run_schema` prints now."""
    printed = subprocess.run(
        [sys.executable, "-m", "benchmarks.measure.run_schema"], capture_output=True, text=True, check=True
    ).stdout

    assert PUBLISHED.read_text(encoding="utf-8") == printed


def test_every_measured_field_is_described() -> None:
    """A reader of run.json finds each number's meaning and unit; the names of percentiles speak for themselves."""
    schema = run_schema()
    shapes = {"Run": schema, **schema["$defs"]}

    undescribed = {
        f"{name}.{field}"
        for name, shape in shapes.items()
        for field, value in shape["properties"].items()
        if "description" not in value and name != "LatencySummary"
    }

    assert set() == undescribed
