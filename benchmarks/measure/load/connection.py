"""Sends requests to one server over one connection, one at a time, and counts what comes back."""

from __future__ import annotations

import asyncio
import re
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from time import monotonic_ns
from typing import cast

import httptools

from benchmarks.measure.load.engine import LoadOrder

RECONNECT_PAUSE_S = 0.05
"""After a connection that failed, so that a dead server does not make the loader spin."""

_OPENING_LIMIT_BYTES = 65_536

_IS_INTERIM = re.compile(rb"HTTP/\S+ 1\d\d")
_DELIMITS = re.compile(rb"^(?:content-length|transfer-encoding):", re.IGNORECASE | re.MULTILINE)


class Tally:
    """What all virtual users together have counted since the last reset.

    Attributes:
        latencies_ns: Of the valid answers, from when the request was sent, or due, to the arrival of the answer's
            last byte.
        errors: Count by kind: ``status``, ``body``, ``connection``, ``timeout``.
        statuses: Count by HTTP status of every whole answer, valid or not.
        sent_bytes: Written to sockets.
        received_bytes: Read from sockets.
        edges: What is to be added to the number of valid answers since the last reset for the work in them: taken off
            is, of each request that was sent before ``began_ns``, the part of its time that was over by then.
        began_ns: When the count began, on the clock of ``time.monotonic_ns()``; 0 for no edges.
        before_ns: When the count before this one began: what was over by then is that one's to take off.
        held: Whether every virtual user holds its next request back.
        rested: Called with a connection that begins to hold its next request back; ``None`` for no call.
    """

    def __init__(self) -> None:
        self.edges = 0.0
        self.began_ns = 0
        self.before_ns = 0
        self.latencies_ns = array("q")
        self.errors: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self.sent_bytes = 0
        self.received_bytes = 0
        self.held = False
        self.rested: Callable[[Connection], None] | None = None

    def add(self, other: Tally) -> None:
        """Add the counts of another tally."""
        self.edges += other.edges
        self.latencies_ns.extend(other.latencies_ns)
        self.errors.update(other.errors)
        self.statuses.update(other.statuses)
        self.sent_bytes += other.sent_bytes
        self.received_bytes += other.received_bytes

    def reset(self, began_ns: int = 0, before_ns: int = 0) -> None:
        """Forget everything, in place: the connections keep the same tally."""
        self.edges = 0.0
        self.began_ns = began_ns
        self.before_ns = before_ns
        del self.latencies_ns[:]
        self.errors.clear()
        self.statuses.clear()
        self.sent_bytes = 0
        self.received_bytes = 0


class Connection(asyncio.Protocol):
    """One keep-alive connection: the next request is sent when the whole answer is in, or on demand.

    Args:
        requests: As they are sent, one after another.
        order: Says which answers are valid.
        expected_body: Of a valid answer; ``None`` for any of the order's length.
        tally: Counts what comes back.
        ended: See below.

    Attributes:
        answers: Whole answers so far, valid or not.
        sent_ns: From when the latency of the request in flight counts, on the clock of ``time.monotonic_ns()``: when
            it was written, or due, where requests have a schedule.
        written_ns: When it was written.
        ended: Done when this connection sends no more; its result is the pause before the next connection, seconds.
    """

    def __init__(
        self,
        requests: Iterator[bytes],
        order: LoadOrder,
        expected_body: bytes | None,
        tally: Tally,
        ended: asyncio.Future[float],
    ) -> None:
        self._requests = requests
        self._statuses = frozenset(order.statuses)
        self._expected_body_bytes = order.expected_body_bytes
        self._expected_body = expected_body
        self._tally = tally
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._opening = b""
        self._body = b""
        self._body_bytes = 0
        self._idle = False
        self._in_packet = 0
        self._status = 0
        self._whole_body = b""
        self._whole_body_bytes = 0
        self._keep_alive = True
        self.answers = 0
        self.sent_ns = 0
        self.written_ns = 0
        self.ended = ended

    @property
    def in_flight(self) -> bool:
        """Whether a request has been written and its answer is not whole."""
        return self._transport is not None and not self._idle and not self.ended.done()

    @property
    def resting(self) -> bool:
        """Whether it is connected and holds its next request back."""
        return self._idle and not self.ended.done()

    def asks_for(self, tally: Tally) -> bool:
        """Return whether a request is in flight that counts in this tally."""
        return self.in_flight and self._tally is tally

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        self._transport = cast("asyncio.Transport", transport)
        if self._tally.held:
            self._rest()
        else:
            self._ask()

    def resume(self) -> None:
        """Send the request that was held back, if there was one."""
        if self.resting:
            self._idle = False
            self._ask()

    def send(self, due_ns: int, tally: Tally) -> None:
        """Send the request that was held back, late or not.

        Args:
            due_ns: When it was due: its latency counts from there.
            tally: Where it counts.
        """
        self._idle = False
        self._tally = tally
        self._ask()
        self.sent_ns = due_ns

    def data_received(self, data: bytes) -> None:
        """Parse what arrived; when the answer is whole, count it and send the next request."""
        arrived_ns = monotonic_ns()
        self._tally.received_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._fail("connection", RECONNECT_PAUSE_S)
            return
        if self._in_packet == 1:
            self._in_packet = 0
            self._opening = b""
            self._count(arrived_ns)
            if not self._keep_alive:
                self._end(0.0)
            elif self._tally.held:
                self._rest()
            else:
                self._ask()
        elif self._in_packet == 0:
            if len(self._opening) < _OPENING_LIMIT_BYTES:
                self._opening += data
        else:
            # More answers than requests: from here on it is unknown which answer belongs to which request.
            self._count(arrived_ns)
            self._fail("connection", RECONNECT_PAUSE_S)

    def connection_lost(self, exc: Exception | None) -> None:
        """Count the request in flight as lost, unless the end of the connection is the end of its answer."""
        if self.ended.done():
            return
        if self._idle:
            # No request is in flight: a server may end an idle connection.
            self._end(0.0)
        elif exc is None and self._opening and body_ends_with_connection(self._opening):
            self._status = self._parser.get_status_code()
            self._whole_body, self._whole_body_bytes = self._body, self._body_bytes
            self._count(monotonic_ns())
            self._end(0.0)
        else:
            self._fail("connection", RECONNECT_PAUSE_S)

    def on_body(self, body: bytes) -> None:
        """Take a piece of the answer's body from the parser."""
        self._body_bytes += len(body)
        # A body that is too long is not kept: it may have no end.
        if self._expected_body is not None and self._body_bytes <= len(self._expected_body):
            self._body += body

    def on_message_complete(self) -> None:
        """Take the end of an answer from the parser."""
        parser = self._parser
        status = parser.get_status_code()
        if status < 200:
            # An interim answer (103 Early Hints ...): the answer itself is still to come.
            return
        self._in_packet += 1
        if self._in_packet == 1:
            self._status = status
            self._whole_body, self._whole_body_bytes = self._body, self._body_bytes
            self._keep_alive = parser.should_keep_alive()
        self._body = b""
        self._body_bytes = 0

    def expire(self) -> None:
        """Give up the request in flight, which took too long."""
        self._fail("timeout", 0.0)

    def cut(self) -> None:
        """Drop the connection with whatever is in flight, counting nothing."""
        self._end(0.0)

    def _ask(self) -> None:
        request = next(self._requests)
        self._tally.sent_bytes += len(request)
        self.sent_ns = self.written_ns = monotonic_ns()
        self._transport.write(request)  # type: ignore[union-attr]  # the hot path: only called when connected

    def _rest(self) -> None:
        self._idle = True
        if self._tally.rested is not None:
            self._tally.rested(self)

    def _count(self, arrived_ns: int) -> None:
        self.answers += 1
        tally = self._tally
        status = self._status
        tally.statuses[status] += 1
        if status not in self._statuses if self._statuses else status >= 300:
            tally.errors["status"] += 1
        elif (self._expected_body_bytes is not None and self._whole_body_bytes != self._expected_body_bytes) or (
            self._expected_body is not None and self._whole_body != self._expected_body
        ):
            tally.errors["body"] += 1
        else:
            sent_ns = self.sent_ns
            tally.latencies_ns.append(arrived_ns - sent_ns)
            if sent_ns < tally.began_ns:
                tally.edges -= (tally.began_ns - max(sent_ns, tally.before_ns)) / max(1, arrived_ns - sent_ns)

    def _fail(self, kind: str, pause_s: float) -> None:
        self._tally.errors[kind] += 1
        self._end(pause_s)

    def _end(self, pause_s: float) -> None:
        if not self.ended.done():
            self.ended.set_result(pause_s)
        if self._transport is not None:
            self._transport.abort()


def body_ends_with_connection(opening: bytes) -> bool:
    """Return whether an answer ends only with its connection: it has no length and is not chunked.

    Args:
        opening: The answer's first bytes.
    Returns:
        False also for an incomplete head.
    """
    head, whole, rest = opening.partition(b"\r\n\r\n")
    # Interim answers (103 Early Hints ...) have no body, and are not the answer.
    while _IS_INTERIM.match(head):
        head, whole, rest = rest.partition(b"\r\n\r\n")
    return bool(whole) and not _DELIMITS.search(head)
