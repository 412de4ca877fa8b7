"""FastAPI as its documentation advises where performance matters: every view declares the model that it returns.

Then Pydantic writes the JSON in Rust, with no step between. "If what you are looking for is performance, you are
probably better off using a Response Model than an orjson response", and ``ORJSONResponse`` is deprecated:
https://fastapi.tiangolo.com/advanced/custom-response/#orjson-or-response-model. The lab's other FastAPI app follows
the tutorial: it declares the same model, and returns a dict.
"""

from __future__ import annotations

import asyncio
import time
from typing import Annotated

from fastapi import FastAPI, Query
from pydantic import BaseModel


class Health(BaseModel):
    """What every view answers."""

    api: str
    version: int


WaitMs = Annotated[int, Query(ge=0, le=1000)]

app = FastAPI()


@app.get("/health/async")
async def health_async() -> Health:
    """Answer at once, on the event loop."""
    return Health(api="health", version=1)


@app.get("/health/sync")
def health_sync() -> Health:
    """Answer at once, in a worker thread."""
    return Health(api="health", version=1)


@app.get("/wait/async")
async def wait_async(ms: WaitMs = 0) -> Health:
    """Wait without holding a thread, then answer."""
    await asyncio.sleep(ms / 1000)
    return Health(api="health", version=1)


@app.get("/wait/sync")
def wait_sync(ms: WaitMs = 0) -> Health:
    """Hold a worker thread while waiting, then answer."""
    time.sleep(ms / 1000)
    return Health(api="health", version=1)
