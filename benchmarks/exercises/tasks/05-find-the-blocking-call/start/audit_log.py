"""The client of the audit log, as its vendor ships it. Given: do not change it."""

from __future__ import annotations

import dependency


class AuditLog:
    """Appends entries to a log on another machine."""

    def append(self, entry: str) -> None:
        """Append one entry, and return when it is stored."""
        dependency.ask(f"audit-{entry}")
