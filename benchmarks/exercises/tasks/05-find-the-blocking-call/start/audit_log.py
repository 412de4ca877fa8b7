"""The client of the audit log, as its maker ships it. Given: leave it as it is."""

from __future__ import annotations

import dependency


class AuditLog:
    """Appends entries to a log on another machine."""

    def append(self, entry: str) -> None:
        """Append one entry, and return when it is there."""
        dependency.ask(f"audit-{entry}")
