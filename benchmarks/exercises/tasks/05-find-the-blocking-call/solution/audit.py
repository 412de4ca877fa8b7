"""Logs what was requested."""

from __future__ import annotations

import asyncio

from audit_log import AuditLog

_log = AuditLog()
_one_at_a_time = asyncio.Lock()


async def record(event: str, thing: str) -> None:
    """Write an entry, and return when it is written."""
    async with _one_at_a_time:
        await _write(f"{event}-{thing}")


async def _write(entry: str) -> None:
    await asyncio.to_thread(_log.append, entry)
