"""The built-in load engine, as the lab starts it: each load runs in a process of its own (``builtin_process``)."""

from __future__ import annotations

from benchmarks.measure.load.engine import LoadEngine, LoadOrder
from benchmarks.measure.load.order_check import check_order
from benchmarks.measure.load.session import LoaderProcess, LoadSession
from benchmarks.process import python

PROCESS = "benchmarks.measure.load.builtin_process"
"""The module of that process."""


class BuiltinEngine(LoadEngine):
    """The load engine that needs nothing but this package: asyncio with httptools, closed and open model."""

    name = "builtin"
    method = "The lab's own load engine asks."

    def start(self, order: LoadOrder) -> LoadSession:
        """Start one load in a process of its own; see ``LoadEngine``."""
        check_order(order)
        return LoadSession(LoaderProcess(python("-m", PROCESS)), order)
