"""Allots a bounded number of places: no address can take them all, and no crowd keeps newcomers out."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class Places(Generic[Key]):
    """Gives every newcomer a place; when all are taken, it displaces one that is not confirmed.

    A class behind one address looks like one client that invents a class, with two differences. The class came first:
    of the unconfirmed, the older half keep their places, and newcomers displace the others. And the pages of a class
    prove that they are there, which confirms their places for good. At most three quarters of the places can be
    confirmed, so that there is always one for a newcomer.

    Args:
        most: How many places there are.
        most_of_one: How many of them one address can have.
    """

    def __init__(self, most: int, most_of_one: int) -> None:
        self._most = most
        self._most_of_one = most_of_one
        # In the order in which they came.
        self._sources: dict[Key, str] = {}
        self._confirmed: set[Key] = set()

    def __contains__(self, key: Key) -> bool:
        """Return whether it has a place."""
        return key in self._sources

    def take(self, key: Key, source: str) -> Key | None:
        """Give it a place, as the newest of its source.

        Args:
            key: One that has no place yet.
            source: Owner of its address, as ``source_of`` returns it.
        Returns:
            The one that it displaced; ``None`` if there was room.
        """
        displaced = None
        if len(self._of(source)) >= self._most_of_one:
            displaced = self._displace(source)
        elif len(self._sources) >= self._most:
            loose = Counter(each for key, each in self._sources.items() if key not in self._confirmed)
            displaced = self._displace(max(loose, key=lambda each: loose[each]))
        self._sources[key] = source
        return displaced

    def leave(self, key: Key) -> None:
        """Give its place back, if it has one."""
        self._sources.pop(key, None)
        self._confirmed.discard(key)

    def confirm(self, key: Key) -> None:
        """Let it keep its place for good, unless three quarters of the places are confirmed already."""
        if key in self._sources:
            of_source = self._confirmed.intersection(self._of(self._sources[key]))
            if 4 * (len(of_source) + 1) <= 3 * self._most_of_one and 4 * (len(self._confirmed) + 1) <= 3 * self._most:
                self._confirmed.add(key)

    def is_confirmed(self, key: Key) -> bool:
        """Return whether it has a place for good."""
        return key in self._confirmed

    def _of(self, source: str) -> list[Key]:
        return [key for key, each in self._sources.items() if each == source]

    def _displace(self, source: str) -> Key:
        loose = [key for key in self._of(source) if key not in self._confirmed]
        displaced = loose[len(loose) // 2]
        self.leave(displaced)
        return displaced


def source_of(host: str) -> str:
    """Return the owner of an IP address: itself, or its /64 network for IPv6, all of which one host may use."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return host
    mapped = address.ipv4_mapped
    return str(ipaddress.IPv6Network((int(address), 64), strict=False)) if mapped is None else str(mapped)
