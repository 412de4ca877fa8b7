"""The FastAPI reference app with a known cost added to every request, to verify that the lab finds it."""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable
from typing import Any

from benchmarks.contenders.fastapi_app import app as reference

COST_VARIABLE = "INJECTED_COST_US"
"""Environment variable: CPU time added to each request, microseconds.

Its name does not begin with ``LAB_``: the instrument hides such variables from the servers that it measures.
"""


def costing(cost_ns: int) -> Callable[[Any, Any, Any], Awaitable[None]]:
    """Return an app that spends CPU time on each request, nanoseconds, and then answers like the reference app."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            # CPU time, not wall-clock time: other load on the machine must not count as spent.
            until_ns = time.thread_time_ns() + cost_ns
            while time.thread_time_ns() < until_ns:
                pass
        await reference(scope, receive, send)

    return application


app = costing(round(float(os.environ.get(COST_VARIABLE, "0")) * 1_000))
app_at_no_cost = costing(0)
"""The other side of the comparison: the extra steps of the wrapper are not part of the cost."""
