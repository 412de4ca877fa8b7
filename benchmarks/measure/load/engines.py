"""Finds a load engine by its name, and says what is known of it beside its protocol."""

from __future__ import annotations

import difflib

from benchmarks.measure.load.engine import LoadEngine

NAMES = ("builtin", "k6", "locust")


class UnknownEngineError(Exception):
    """No load engine has this name; the message suggests the nearest."""


def find_engine(name: str) -> LoadEngine:
    """Return the load engine of this name.

    Raises:
        UnknownEngineError: There is none.
        LoadEngineError: What it runs is not installed; the message says what to do.
    """
    # Each where it is asked for: the others' modules are not loaded.
    match name:
        case "builtin":
            from benchmarks.measure.load.builtin import BuiltinEngine  # noqa: PLC0415 (see above)

            return BuiltinEngine()
        case "k6":
            from benchmarks.measure.load.k6 import K6Engine  # noqa: PLC0415 (see above)

            return K6Engine()
        case "locust":
            from benchmarks.measure.load.locust_engine import LocustEngine  # noqa: PLC0415 (see above)

            return LocustEngine()
    near = difflib.get_close_matches(name, NAMES, n=1, cutoff=0.4)
    suggestion = f" Did you mean {near[0]}?" if near else ""
    raise UnknownEngineError(f"No load engine is called {name!r}.{suggestion} There are: {', '.join(NAMES)}.")
