"""Shares out a bounded number of places: no address can take them all, and no crowd keeps the next one out."""

from __future__ import annotations

import ipaddress
from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class Places(Generic[Key]):
    """Gives whoever asks a place, when all are taken that of somebody who has not shown that he is there.

    A class behind one address looks like one client that invents a class, but for two things. The class came first: of
    those who have shown nothing, the older half keep their places, and the others take turns in theirs. And its pages
    show that they are there: a place is then theirs. A quarter of the places is never anybody's for good, so that
    there is one for who comes next.

    Args:
        most: How many places there are.
        most_of_one: How many of them are for one address.
    """

    def __init__(self, most: int, most_of_one: int) -> None:
        self._most = most
        self._most_of_one = most_of_one
        self._sources: dict[Key, str] = {}
        self._held: dict[str, dict[Key, bool]] = {}

    def __contains__(self, key: Key) -> bool:
        """Say whether it has a place."""
        return key in self._sources

    def take(self, key: Key, source: str) -> Key | None:
        """Give it a place, at the end of those of its source.

        Args:
            key: Who has none yet.
            source: Whom its address belongs to, as ``source_of`` says.
        Returns:
            Who has lost his place to it.
        """
        displaced = None
        if len(self._held.get(source, ())) >= self._most_of_one:
            displaced = self._displace(source)
        elif len(self._sources) >= self._most:
            displaced = self._displace(max(self._held, key=lambda each: len(self._loose(each))))
        self._sources[key] = source
        self._held.setdefault(source, {})[key] = False
        return displaced

    def leave(self, key: Key) -> None:
        """Give its place back; harmless when it has none."""
        if (source := self._sources.pop(key, None)) is not None:
            del self._held[source][key]
            if not self._held[source]:
                del self._held[source]

    def confirm(self, key: Key) -> None:
        """Let it keep its place for good: it has shown that it is there; no more than three quarters may."""
        if key not in self._sources:
            return
        held = self._held[self._sources[key]]
        everywhere = sum(sum(each.values()) for each in self._held.values())
        if 4 * (sum(held.values()) + 1) <= 3 * self._most_of_one and 4 * (everywhere + 1) <= 3 * self._most:
            held[key] = True

    def is_confirmed(self, key: Key) -> bool:
        """Say whether it has a place for good."""
        return key in self._sources and self._held[self._sources[key]][key]

    def _loose(self, source: str) -> list[Key]:
        return [key for key, is_confirmed in self._held[source].items() if not is_confirmed]

    def _displace(self, source: str) -> Key:
        loose = self._loose(source)
        displaced = loose[len(loose) // 2]
        self.leave(displaced)
        return displaced


def source_of(host: str) -> str:
    """Return whom an IP address belongs to, as far as it tells: of IPv6, one host may use a whole /64."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return host
    mapped = address.ipv4_mapped
    return str(ipaddress.IPv6Network((int(address), 64), strict=False)) if mapped is None else str(mapped)
