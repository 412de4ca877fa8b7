"""The health endpoint on Quart, without a contract: it does less than what it is compared with."""

from __future__ import annotations

from quart import Quart

app = Quart(__name__)


@app.get("/health/async")
async def health() -> dict[str, str | int]:
    """Answer at once."""
    return {"api": "health", "version": 1}
