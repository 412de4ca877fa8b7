"""Reports what is in stock: FastAPI."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, HTTPException

STOCK: dict[str, dict[str, Any]] = {"tea": {"amount": 12, "unit": "kg"}}

app = FastAPI()


@app.get("/stock/{thing}")
async def stock(thing: str) -> Any:
    """Return how much of a thing is in stock."""
    if thing not in STOCK:
        raise HTTPException(404)
    return {"thing": thing, **STOCK[thing]}
