"""Prints the JSON Schema of ``run.json`` or ``lab.toml``: ``python -m benchmarks.measure.run_schema [run|lab]``.

The shapes come from the types and the words from their docstrings, so there is one place to change.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from types import ModuleType
from typing import Any

import pydantic

from benchmarks import model
from benchmarks.contenders import lab_file


def run_schema() -> dict[str, Any]:
    """Return the schema of ``run.json``, with a description of every shape and field that has one in the model."""
    return _schema(model.Run, model, "serialization")


def lab_schema() -> dict[str, Any]:
    """Return the schema of ``lab.toml``: its keys as a person writes them, and no others."""
    schema = _schema(lab_file.LabFile, lab_file, "validation")
    del schema["properties"]["folder"]
    contender = schema["$defs"]["ContenderEntry"]["properties"]
    contender["async"] = contender.pop("async_")
    for definition in (schema, *schema["$defs"].values()):
        definition["additionalProperties"] = False
    return schema


def _schema(kind: type[Any], module: ModuleType, mode: Any) -> dict[str, Any]:
    schema = pydantic.TypeAdapter(kind).json_schema(mode=mode)
    definitions = schema.pop("$defs")
    for name, definition in {kind.__name__: schema, **definitions}.items():
        _describe(definition, inspect.getdoc(getattr(module, name)) or "")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "$defs": definitions}


def _describe(definition: dict[str, Any], docstring: str) -> None:
    summary, _, attributes = docstring.partition("\nAttributes:\n")
    definition["description"] = " ".join(summary.split())
    for name, text in re.findall(r"^    (\w+): (.*(?:\n        .*)*)", attributes, flags=re.MULTILINE):
        if name in definition["properties"]:
            definition["properties"][name]["description"] = " ".join(text.split())


if __name__ == "__main__":
    json.dump(lab_schema() if sys.argv[1:] == ["lab"] else run_schema(), sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")
