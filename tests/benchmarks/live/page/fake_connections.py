"""Connections that nobody made, for whoever keeps or ends some."""

from __future__ import annotations

from benchmarks.live.page.listener import Address


class FakeConnections:
    """Notes which are to be kept, and which ended."""

    def __init__(self) -> None:
        self.confirmed: list[Address] = []
        self.dropped: list[Address] = []

    def confirm(self, client: Address) -> None:
        """Note it."""
        self.confirmed.append(client)

    def drop(self, client: Address) -> None:
        """Note it."""
        self.dropped.append(client)
