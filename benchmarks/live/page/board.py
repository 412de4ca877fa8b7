"""The board that all viewers look at, as server-sent events that are made and compressed once for all of them.

It has a few parts, and an event is the current state of a part. Viewers who come late, or return, get the parts that
they lack. A viewer with a slow connection gets the newest state when it can be sent, and nothing piles up.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final

from benchmarks.live.page.listener import Address, Connections

RETRY_MS: Final = 1_000
"""After this time a browser that has lost its stream requests it again."""

_GZIP_HEADER: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"


class _Follower:
    """Somebody who follows."""

    def __init__(self, viewer: str, client: Address, seen: int) -> None:
        self.viewer = viewer
        self.client = client
        self.seen = seen
        """The version after which it has asked for more."""
        self.lagged = -1
        """The version at which it was when it was last waited for in vain."""
        self.is_confirmed = False
        """Whether it has proved that it reads."""


class Board:
    """Holds the current parts, and everybody who follows them; for one event loop.

    Args:
        connections: Those on which it is followed.
        on_change: Called when a follower comes or goes.
    """

    def __init__(self, connections: Connections, on_change: Callable[[], None]) -> None:
        self._connections = connections
        self._on_change = on_change
        # Another process has other ids: a viewer who returns after a restart gets everything again.
        self._epoch = secrets.token_hex(4)
        self._version = 0
        # Of each part its version, and its event plain and compressed.
        self._parts: dict[str, tuple[int, bytes, bytes]] = {}
        self._changed = asyncio.Condition()
        self._is_closed = False
        self._followers: dict[_Follower, None] = {}

    @property
    def viewers(self) -> int:
        """How many follow at this moment."""
        return len(self._followers)

    async def publish(self, name: str, content: Mapping[str, Any]) -> None:
        """Replace the part of that name, and send it to everybody who follows."""
        self._version += 1
        # JSON has no line break outside of its strings, nor inside of them.
        text = json.dumps(content, separators=(",", ":"))
        plain = f"id: {self._epoch}-{self._version}\nevent: {name}\ndata: {text}\n\n".encode()
        self._parts[name] = (self._version, plain, _deflated(plain))
        await self._wake()

    async def settle(self, patience_s: float) -> None:
        """Wait until every follower has been sent the current parts, but no longer than ``patience_s`` seconds.

        A follower who has taken nothing since the last wait is disconnected; its browser reconnects if it wakes up.
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
        """Let a viewer keep the stream that it began last: the id of an event proves that it reads.

        Args:
            viewer: Id of the viewer.
            event_id: Id of an event; it cannot be guessed.
        Returns:
            Whether the id is one of this board's, and the viewer has a stream.
        """
        follower = next((each for each in reversed(self._followers) if each.viewer == viewer), None)
        if follower is None or not self._version_of(event_id):
            return False
        follower.is_confirmed = True
        self._connections.confirm(follower.client)
        return True

    def is_confirmed(self, viewer: str) -> bool:
        """Return whether a viewer has a stream and has proved that it reads."""
        return any(each.is_confirmed for each in self._followers if each.viewer == viewer)

    async def close(self) -> None:
        """End every stream: the server is shutting down."""
        self._is_closed = True
        await self._wake()

    async def follow(
        self, last_id: str | None, *, compressed: bool, viewer: str = "", client: Address = ("", 0)
    ) -> AsyncIterator[bytes]:
        """Yield the parts, and then each as it changes.

        Args:
            last_id: Id of the last event that the viewer received.
            compressed: Whether the stream is sent with ``Content-Encoding: gzip``.
            viewer: Id of the viewer.
            client: At the other end of the connection.
        """
        # The newest part is sent again, for the viewer needs an id to prove that it reads.
        sent = max(0, min(self._version_of(last_id), self._version - 1))
        follower = _Follower(viewer, client, sent)
        self._followers[follower] = None
        self._on_change()
        try:
            beginning = f"retry: {RETRY_MS}\n\n".encode()
            yield _GZIP_HEADER + _deflated(beginning) if compressed else beginning
            while not self._is_closed:
                # By version, of which each part has another.
                if new := sorted(part for part in self._parts.values() if part[0] > sent):
                    yield b"".join(zipped if compressed else plain for _, plain, zipped in new)
                    sent = new[-1][0]
                # A request for the next bytes means that the last ones were sent.
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
    """Compress into a block that can be appended to any other: it refers to nothing before it, and ends on a byte."""
    compressor = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush(zlib.Z_FULL_FLUSH)
