"""Reads the pieces of a stream of server-sent events."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any


def told(data: bytes) -> list[tuple[str, Any]]:
    """Return the events in a stream's bytes."""
    found = []
    for event in data.decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in event.splitlines())
        if "data" in fields:
            found.append((fields["event"], json.loads(fields["data"])))
    return found


async def take(stream: AsyncIterator[bytes], pieces: int) -> bytes:
    """Return the next pieces of a stream."""
    return b"".join([await anext(stream) for _ in range(pieces)])
