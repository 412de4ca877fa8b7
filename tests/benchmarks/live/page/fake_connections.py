"""Fake connections for code that keeps or ends them."""

from __future__ import annotations

from benchmarks.live.page.listener import Address


class FakeConnections:
    """Notes which were kept and which were ended."""

    def __init__(self) -> None:
        self.confirmed: list[Address] = []
        self.dropped: list[Address] = []

    def confirm(self, client: Address) -> None:
        """Note it."""
        self.confirmed.append(client)

    def drop(self, client: Address) -> None:
        """Note it."""
        self.dropped.append(client)
