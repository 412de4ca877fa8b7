"""The board that all viewers look at, as server-sent events that are made and compressed once for all of them.

It has a few parts, and an event is a part as it now is. Whoever comes late, or comes back, gets the parts that he has
not, and needs no other. A viewer whose connection is slow gets the newest when he can take it, and nothing piles up.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.live.page.listener import Address, Connections

RETRY_MS: Final = 1_000
"""After so long a browser that has lost its stream asks for it again."""

_GZIP_HEADER: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"


@dataclass(slots=True, eq=False)
class _Follower:
    """Somebody who follows.

    Attributes:
        viewer: Which one.
        client: At the other end of the connection.
        seen: The version that he has asked for more after.
        lagged: The version at which he was when he was last waited for in vain.
        is_confirmed: Whether he has shown that he reads.
    """

    viewer: str
    client: Address
    seen: int
    lagged: int = -1
    is_confirmed: bool = False


@dataclass(frozen=True, slots=True)
class _Part:
    """A part as it is sent: plain, and compressed."""

    version: int
    plain: bytes
    compressed: bytes


class Board:
    """Holds the parts as they are, and everybody who follows them; for one event loop.

    Args:
        connections: Those on which it is followed.
        on_change: Called when somebody comes or goes.
    """

    def __init__(self, connections: Connections, on_change: Callable[[], None]) -> None:
        self._connections = connections
        self._on_change = on_change
        # Another process has other ids: whoever comes back after a restart gets everything anew.
        self._epoch = secrets.token_hex(4)
        self._version = 0
        self._parts: dict[str, _Part] = {}
        self._changed = asyncio.Condition()
        self._is_closed = False
        self._followers: dict[_Follower, None] = {}

    @property
    def viewers(self) -> int:
        """How many follow at this moment."""
        return len(self._followers)

    async def publish(self, name: str, content: Mapping[str, Any]) -> None:
        """Make this the part of that name, and wake everybody who follows."""
        self._version += 1
        # JSON has no line break outside of its strings, nor inside of them.
        text = json.dumps(content, separators=(",", ":"))
        plain = f"id: {self._epoch}-{self._version}\nevent: {name}\ndata: {text}\n\n".encode()
        self._parts[name] = _Part(self._version, plain, _deflated(plain))
        await self._wake()

    async def settle(self, patience_s: float) -> None:
        """Wait until everybody has been sent what there is, or for so long, seconds: one may be asleep.

        Who has taken nothing since he was last waited for is let go, and comes back by himself if he wakes up.
        """
        clock = asyncio.get_running_loop().time
        deadline_s = clock() + patience_s
        while (late := [each for each in self._followers if each.seen < self._version]) and clock() < deadline_s:
            await asyncio.sleep(0.02)
        for follower in late:
            if follower.lagged == follower.seen:
                self._connections.drop(follower.client)
            follower.lagged = follower.seen

    def confirm(self, viewer: str, event_id: str) -> bool:
        """Let a viewer keep the stream that he began last: he has read an event, and so says which.

        Args:
            viewer: Who.
            event_id: Of the event; who reads nothing cannot guess one.
        Returns:
            Whether he has, and has such a stream.
        """
        follower = next((each for each in reversed(self._followers) if each.viewer == viewer), None)
        if follower is None or not self._version_of(event_id):
            return False
        follower.is_confirmed = True
        self._connections.confirm(follower.client)
        return True

    def is_confirmed(self, viewer: str) -> bool:
        """Say whether a viewer follows who has shown that he reads."""
        return any(each.is_confirmed for each in self._followers if each.viewer == viewer)

    async def close(self) -> None:
        """Let every stream end: the server is going down."""
        self._is_closed = True
        await self._wake()

    def follow(
        self, last_id: str | None, *, compressed: bool, viewer: str = "", client: Address = ("", 0)
    ) -> AsyncIterator[bytes]:
        """Return a stream of the parts, and of each as it changes.

        Args:
            last_id: Id of the event that the viewer had last, which tells what he has.
            compressed: Whether the stream is sent with ``Content-Encoding: gzip``.
            viewer: Who.
            client: At the other end of the connection.
        """
        # The newest part is sent anew: by its id he can say that he reads.
        sent = max(0, min(self._version_of(last_id), self._version - 1))
        return self._follow(_Follower(viewer, client, sent), compressed=compressed)

    async def _follow(self, follower: _Follower, *, compressed: bool) -> AsyncIterator[bytes]:
        sent = follower.seen
        self._followers[follower] = None
        self._on_change()
        try:
            beginning = f"retry: {RETRY_MS}\n\n".encode()
            yield _GZIP_HEADER + _deflated(beginning) if compressed else beginning
            while not self._is_closed:
                new = sorted(
                    (part for part in self._parts.values() if part.version > sent), key=lambda part: part.version
                )
                if new:
                    yield b"".join(part.compressed if compressed else part.plain for part in new)
                    sent = new[-1].version
                # Whoever asked for the next bytes has sent the last ones.
                follower.seen = sent
                async with self._changed:
                    if self._version == sent and not self._is_closed:
                        await self._changed.wait()
        finally:
            del self._followers[follower]
            self._on_change()

    def _version_of(self, event_id: str | None) -> int:
        epoch, _, version = (event_id or "").partition("-")
        known = epoch == self._epoch and version.isascii() and version.isdecimal() and len(version) < 10
        return min(int(version), self._version) if known else 0

    async def _wake(self) -> None:
        async with self._changed:
            self._changed.notify_all()


def _deflated(data: bytes) -> bytes:
    """Compress what can be put after anything else compressed so: it looks back at nothing, and ends on a byte."""
    compressor = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush(zlib.Z_FULL_FLUSH)
