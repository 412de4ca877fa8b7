"""The FastAPI reference app with a known cost added to every request, to see whether the lab finds it."""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from benchmarks.contenders.fastapi_app import app as reference

COST_VARIABLE = "LAB_INJECTED_COST_US"
"""Environment variable: CPU time that each request takes in addition, microseconds."""

_NS_PER_US = 1_000
_COST_NS = round(float(os.environ.get(COST_VARIABLE, "0")) * _NS_PER_US)

_Message = MutableMapping[str, Any]


async def app(
    scope: _Message, receive: Callable[[], Awaitable[_Message]], send: Callable[[_Message], Awaitable[None]]
) -> None:
    """Spend the cost, then answer as the reference does."""
    if scope["type"] == "http":
        # CPU time, not time of day: what the machine does meanwhile shall not be counted as spent.
        until_ns = time.thread_time_ns() + _COST_NS
        while time.thread_time_ns() < until_ns:
            pass
    await reference(scope, receive, send)
