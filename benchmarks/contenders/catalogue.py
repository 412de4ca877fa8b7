"""The catalogue: every contender, with its exact start command.

A new one is an entry here and, where it needs an app that is not there yet, a small file beside this one. Each runs on
one worker process, the one that is started (``--workers 0`` is Hypercorn's word for that), with access logs off.
"""

from __future__ import annotations

import difflib
import fnmatch
import importlib.util
from collections.abc import Iterable, Sequence

from benchmarks.model import Contender, Variant

_HYPERCORN = (
    *("-m", "hypercorn", "--config", "python:benchmarks.contenders.hypercorn_settings"),
    *("--workers", "0", "--log-level", "WARNING", "--bind", "{host}:{port}"),
)
# uvloop does not exist for Windows; there uvicorn's own fallback is asyncio's loop.
_UVICORN_LOOP = "uvloop" if importlib.util.find_spec("uvloop") else "asyncio"
_UVICORN = (
    *("-m", "uvicorn", "--loop", _UVICORN_LOOP, "--http", "httptools"),
    *("--no-access-log", "--log-level", "warning", "--host", "{host}", "--port", "{port}"),
)
_VARIANTS: tuple[Variant, Variant] = ("sync", "async")


class UnknownContenderError(Exception):
    """No contender has this id; the message suggests the nearest."""


def _twins(framework: str, server: str, bridge: str, arguments: tuple[str, ...], description: str) -> list[Contender]:
    return [
        Contender(
            framework=framework,
            variant=variant,
            server=server,
            bridge=bridge,
            arguments=arguments,
            description=f"{'def' if variant == 'sync' else 'async def'}, {description}",
        )
        for variant in _VARIANTS
    ]


CONTENDERS: tuple[Contender, ...] = (
    *_twins(
        "flask",
        "hypercorn",
        "none",
        (*_HYPERCORN, "flask_app.serving.wsgi:app"),
        "Flask on Hypercorn's own WSGI wrapper",
    ),
    *_twins(
        "flask",
        "hypercorn",
        "asgiref",
        (*_HYPERCORN, "flask_app.serving.asgi:app"),
        "Flask on Hypercorn through asgiref's WsgiToAsgi",
    ),
    *_twins(
        "flask",
        "hypercorn",
        "eventloop",
        (*_HYPERCORN, "flask_app.serving.event_loop:app"),
        "Flask on Hypercorn's own event loop",
    ),
    *_twins(
        "flask",
        "uvicorn",
        "eventloop",
        (*_UVICORN, "flask_app.serving.event_loop:app"),
        "Flask on uvicorn's own event loop",
    ),
    *_twins(
        "fastapi",
        "hypercorn",
        "none",
        (*_HYPERCORN, "benchmarks.contenders.fastapi_app:app"),
        "FastAPI on Hypercorn",
    ),
    *_twins(
        "fastapi",
        "uvicorn",
        "none",
        (*_UVICORN, "benchmarks.contenders.fastapi_app:app"),
        "FastAPI on uvicorn, the tutorial's set-up",
    ),
    Contender(
        framework="bare-asgi",
        variant=None,
        server="hypercorn",
        arguments=(*_HYPERCORN, "benchmarks.contenders.bare_asgi:app"),
        description="no framework: the ceiling on Hypercorn",
    ),
    Contender(
        framework="bare-asgi",
        variant=None,
        server="uvicorn",
        arguments=(*_UVICORN, "benchmarks.contenders.bare_asgi:app"),
        description="no framework: the ceiling on uvicorn",
    ),
)

SLOW_UPSTREAM = Contender(
    framework="upstream",
    variant=None,
    server="asyncio",
    arguments=("-m", "benchmarks.contenders.slow_upstream", "--host", "{host}", "--port", "{port}"),
    description="no contender: the service that readiness depends on",
)

HEADLINES = ("flask@hypercorn", "fastapi@uvicorn")
"""Arrangements on which the ledger judges its claims; the others stand beside them."""

CEILINGS: tuple[str, ...] = tuple(contender.id for contender in CONTENDERS if contender.variant is None)
"""Ids of the bare servers, by which the loader is calibrated."""


def by_command(contenders: Sequence[Contender] = CONTENDERS) -> list[list[Contender]]:
    """Return the contenders grouped by start command: one running server gives all of a group."""
    groups: dict[tuple[str, ...], list[Contender]] = {}
    for contender in contenders:
        groups.setdefault(contender.arguments, []).append(contender)
    return list(groups.values())


def find(contender_id: str) -> Contender:
    """Return the contender of this id.

    Raises:
        UnknownContenderError: There is none.
    """
    return select([contender_id])[0]


def select(patterns: Iterable[str]) -> tuple[Contender, ...]:
    """Return the contenders that match, in the catalogue's order, each once.

    Args:
        patterns: Ids, or shell patterns such as ``flask-*``.
    Raises:
        UnknownContenderError: A pattern matches nothing.
    """
    wanted: set[str] = set()
    for pattern in patterns:
        matches = {contender.id for contender in CONTENDERS if fnmatch.fnmatchcase(contender.id, pattern)}
        if not matches:
            raise UnknownContenderError(_unknown(pattern))
        wanted |= matches
    return tuple(contender for contender in CONTENDERS if contender.id in wanted)


def _unknown(pattern: str) -> str:
    near = difflib.get_close_matches(pattern, [contender.id for contender in CONTENDERS], n=1, cutoff=0.4)
    suggestion = f" Did you mean {near[0]}?" if near else ""
    return f"No contender is called {pattern!r}.{suggestion} `lab contenders` lists them all."
