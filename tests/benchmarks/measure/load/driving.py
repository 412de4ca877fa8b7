"""Drives a load in the process of a test, from the first connection to the result."""

from __future__ import annotations

from typing import Any

from benchmarks.measure.load.closed_loop import ClosedLoop
from benchmarks.model import LoadResult


async def driven(model: type[ClosedLoop], *arguments: Any) -> LoadResult:
    """Drive a load in a closed or an open loop, which is made in the event loop that runs it."""
    return await model(*arguments).run()
