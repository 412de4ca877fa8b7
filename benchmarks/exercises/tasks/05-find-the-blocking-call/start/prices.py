"""Knows prices, and requests those that it does not know."""

from __future__ import annotations

import dependency

_known: dict[str, bool] = {}


async def today(thing: str) -> bool:
    """Return whether a thing has a price today."""
    if thing not in _known:
        quote = await dependency.ask_async(f"price-{thing}")
        _known[thing] = bool(quote["ok"])
    return _known[thing]
