"""The health endpoint on Quart, without a contract: it does less than the apps that it is compared with."""

from __future__ import annotations

import gc

from quart import Quart

app = Quart(__name__)


@app.get("/health/async")
async def health() -> dict[str, str | int]:
    """Answer at once."""
    return {"api": "health", "version": 1}


# The same setting as for the Flask app and FastAPI.
gc.collect()
gc.freeze()
gc.set_threshold(25_000, *gc.get_threshold()[1:])
