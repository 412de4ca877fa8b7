"""Reports what is in stock: FastAPI."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

STOCK: dict[str, dict[str, Any]] = {"tea": {"amount": 12, "unit": "kg"}}

app = FastAPI()


class InStock(BaseModel):
    """The amount of a thing in stock."""

    thing: str
    amount: int
    unit: str


@app.get("/stock/{thing}", response_model=InStock)
async def stock(thing: str) -> Any:
    """Return how much of a thing is in stock."""
    if thing not in STOCK:
        raise HTTPException(404)
    return {"thing": thing, **STOCK[thing]}
