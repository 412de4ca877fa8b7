"""Prints the JSON Schema of ``run.json``: ``python -m benchmarks.measure.run_schema > docs/reference/run.schema.json``.

The shapes come from the model's types and the words from its docstrings, so there is one place to change.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from typing import Any

import pydantic

from benchmarks import model
from benchmarks.model import Run


def run_schema() -> dict[str, Any]:
    """Return the schema, with a description of every shape and field that has one in the model."""
    schema = pydantic.TypeAdapter(Run).json_schema(mode="serialization")
    definitions = schema.pop("$defs")
    for name, definition in {"Run": schema, **definitions}.items():
        _describe(definition, inspect.getdoc(getattr(model, name)) or "")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "$defs": definitions}


def _describe(definition: dict[str, Any], docstring: str) -> None:
    summary, _, attributes = docstring.partition("\nAttributes:\n")
    definition["description"] = " ".join(summary.split())
    for name, text in re.findall(r"^    (\w+): (.*(?:\n        .*)*)", attributes, flags=re.MULTILINE):
        if name in definition["properties"]:
            definition["properties"][name]["description"] = " ".join(text.split())


if __name__ == "__main__":
    json.dump(run_schema(), sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")
