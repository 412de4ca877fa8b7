"""The parts that a request passes through beside framework and server, known by the modules that run meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

OBSERVER = Path(__file__).with_name("observed")
"""Folder that makes a Python tell which modules ran, when it is on its path."""

PARTS: Mapping[str, Mapping[str, str]] = {
    "HTTP parser": {
        # A parser that is compiled is seen by what it calls.
        "uvicorn.protocols.http.httptools_impl": "httptools",
        "httptools": "httptools",
        "h11": "h11",
        "gunicorn.http": "gunicorn",
        "gunicorn.asgi": "gunicorn",
        "waitress.parser": "waitress",
        "http.server": "http.server",
        "aiohttp": "aiohttp",
        "sanic.http": "sanic",
    },
    "JSON": {
        **{name: name for name in ("orjson", "msgspec", "ujson", "simplejson", "rapidjson", "json")},
        "pydantic_core": "pydantic",
    },
    "validation": {name: name for name in ("pydantic", "marshmallow", "msgspec", "attrs", "jsonschema")},
}
"""What may play each part: its name, by a module that then runs; several may."""


def playing(part: str, modules: Iterable[str]) -> str:
    """Return what played a part, by the modules that ran; ``not seen`` where nothing did that is known."""
    ran = tuple(f"{module}." for module in modules)
    names = (name for prefix, name in PARTS[part].items() if any(each.startswith(f"{prefix}.") for each in ran))
    return ", ".join(dict.fromkeys(names)) or "not seen"
