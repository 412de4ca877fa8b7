"""Schedule the worker threads of an event loop: which call runs, which request has a thread, which waits."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections import deque
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import Context

from asgiref.sync import SyncToAsync

from .lease import Call, Lease

# If no function has ended for this long, requests that have begun exceed the limits: one may hold what others wait for.
STALL_S = 0.5
# For this long after that, new requests leave one thread to those that have begun.
SPARING_S = 10.0
# After a thread could not be started, no other is started for this long.
SHORTAGE_S = 0.5
# A request that has waited this long to lease a thread, and has called no function yet, is refused.
LEASE_PATIENCE_S = 10.0
# Threads that were not needed for this long are stopped, except as many as may run at once.
IDLE_S = 10.0

_log = logging.getLogger(__name__)


class Workers:
    """The worker threads of one event loop, started on demand.

    Async functions that a ``def`` function calls through ``app.ensure_sync`` run on this loop, not on a new one: the
    threads tell asgiref, which Flask uses for this, which loop they belong to.

    Args:
        loop: The loop whose requests these threads serve.
        threads: The maximum number of functions that run at once. One that waits for the loop does not count.
        leases: The maximum number of threads that belong to requests at once.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, threads: int, leases: int) -> None:
        self.loop = loop
        self._threads = threads
        self._leases = leases
        # Calls end on their threads, and start the next call from there, so that a blocked loop does not delay them.
        # The lock is reentrant, because the garbage collector may call anything while it is held.
        self._lock = threading.RLock()
        self._running = 0
        self._leased = 0
        self._idle: list[ThreadPoolExecutor] = []
        self._least_idle = 0
        self._keeps_idle = True
        # By priority: calls on a leased thread; calls of a request that has begun; the rest.
        self._waiting: tuple[deque[Call], deque[Call], deque[Call]] = (deque(), deque(), deque())
        self._ended = 0
        self._ended_by_then = 0
        self._stalled_s = 0.0
        self._beyond = 0
        self._short_until_s = 0.0
        self._is_watching = False
        self._spares_one_until_s = 0.0
        self._is_trimming = False

    def close(self) -> None:
        """Stop each thread when it is returned; calls that were queued still run."""
        with self._lock:
            self._keeps_idle = False
            idle, self._idle = self._idle, []
        for thread in idle:
            thread.shutdown(wait=False)

    def put(self, call: Call) -> None:
        """Run a call as soon as its lease and the limits of threads and leases allow it. Call this on the loop."""
        lease = call.lease
        with self._lock:
            if lease.at_work is not None:
                if lease.waiting is None:
                    lease.waiting = deque()
                lease.waiting.append(call)
                return
            lease.at_work = call
            self._queue_of(call).append(call)
            self._begin_next()

    def withdraw(self, call: Call) -> bool:
        """Withdraw a call that has not begun; return whether that was possible."""
        lease = call.lease
        with self._lock:
            if lease.at_work is not call:
                if lease.waiting is None or call not in lease.waiting:
                    return False
                lease.waiting.remove(call)
                return True
            for queue in self._waiting:
                if call in queue:
                    queue.remove(call)
                    self._end_of(call)
                    self._begin_next()
                    return True
        return False

    def ended(self, call: Call) -> None:
        """Record the end of a call, on its thread, and start the next."""
        with self._lock:
            self._running -= 1
            self._ended += 1
            self._end_of(call)
            self._begin_next()

    def end(self, lease: Lease) -> None:
        """Return a lease's thread, now or when its last call ends."""
        with self._lock:
            lease.is_open = False
            if lease.at_work is None and lease.thread is not None:
                self._give_back(lease)
                self._begin_next()

    def rest(self) -> None:
        """Record that a running function starts to wait for the loop."""
        with self._lock:
            self._running -= 1
            self._begin_next()

    def go_on(self) -> None:
        """Record that it has stopped waiting. It continues at once, because others may wait for what it holds."""
        with self._lock:
            self._running += 1

    @contextmanager
    def resting(self) -> Generator[None]:
        """A context in which a thread that runs a call waits for the loop."""
        self.rest()
        try:
            yield
        finally:
            self.go_on()

    def _queue_of(self, call: Call) -> deque[Call]:
        if call.lease.thread is not None:
            return self._waiting[0]
        return self._waiting[2 if call.may_be_refused else 1]

    def _begin_next(self) -> None:
        while self._running < self._threads:
            queue = self._next_queue()
            if queue is None or not self._begin(queue):
                break
        if any(self._waiting) and not self._is_watching:
            with suppress(RuntimeError):  # the loop is closed, and with it goes all of this
                self.loop.call_soon_threadsafe(self.loop.call_later, self._look_s(), self._watch, context=Context())
                self._is_watching = True
                self._ended_by_then = self._ended

    def _next_queue(self) -> deque[Call] | None:
        on_threads, begun, new = self._waiting
        if on_threads:
            return on_threads
        if self._is_short():
            return None
        if begun and (self._leased < self._leases or begun[0].lease.is_inside()):
            return begun
        return new if new and self._leased < self._leases and not self._spares_one() else None

    def _is_short(self) -> bool:
        return not self._idle and self.loop.time() < self._short_until_s

    def _spares_one(self) -> bool:
        # A request that holds what the running ones wait for must get a thread to release it.
        if self.loop.time() >= self._spares_one_until_s:
            return False
        return self._running + 1 >= self._threads if self._threads > 1 else self._leased > 0

    def _begin(self, queue: deque[Call]) -> bool:
        call = queue[0]
        lease = call.lease
        thread = lease.thread or (self._idle[-1] if self._idle else self._new_thread())
        try:
            # Submit in the caller's context, whatever starts the call: tools that trace a pool need the caller.
            call.asked_in.run(thread.submit, call.run)
        except RuntimeError as error:
            # The machine cannot start more threads for now.
            thread.shutdown(wait=False)
            self._short_until_s = self.loop.time() + SHORTAGE_S
            _log.warning("No thread can be started (%s); %d are leased.", error, self._leased)
            return False
        queue.popleft()
        if lease.thread is None:
            # Use the most recently used thread, so that the others can be stopped.
            if self._idle:
                self._idle.pop()
            self._least_idle = min(self._least_idle, len(self._idle))
            lease.thread = thread
            self._leased += 1
        self._running += 1
        return True

    def _end_of(self, call: Call) -> None:
        lease = call.lease
        lease.at_work = lease.waiting.popleft() if lease.waiting else None
        if lease.at_work is not None:
            self._queue_of(lease.at_work).append(lease.at_work)
        elif lease.thread is not None and not (lease.is_open and lease.keeps_thread):
            self._give_back(lease)

    def _give_back(self, lease: Lease) -> None:
        thread, lease.thread = lease.thread, None
        self._leased -= 1
        if thread is None:
            return
        if not self._keeps_idle:
            thread.shutdown(wait=False)
            return
        self._idle.append(thread)

    def _new_thread(self) -> ThreadPoolExecutor:
        if not self._is_trimming and self._leased >= self._threads:
            with suppress(RuntimeError):  # the loop is closed, and with it goes all of this
                self.loop.call_soon_threadsafe(self.loop.call_later, IDLE_S, self._trim, context=Context())
                self._is_trimming = True
        return ThreadPoolExecutor(1, "flask-worker", _belong_to, (self.loop,))

    def _trim(self) -> None:
        with self._lock:
            spare = min(self._least_idle, len(self._idle) - self._threads)
            spared, self._idle = (self._idle[:spare], self._idle[spare:]) if spare > 0 else ([], self._idle)
            self._least_idle = len(self._idle)
            self._is_trimming = self._leased + len(self._idle) > self._threads
        for thread in spared:
            thread.shutdown(wait=False)
        if self._is_trimming:
            self.loop.call_later(IDLE_S, self._trim)

    def _look_s(self) -> float:
        return min(STALL_S, LEASE_PATIENCE_S)

    def _watch(self) -> None:
        on_threads, begun, new = self._waiting
        refused: list[Call] = []
        with self._lock:
            is_stalled = self._ended == self._ended_by_then
            self._ended_by_then = self._ended
            self._stalled_s = self._stalled_s + self._look_s() if is_stalled else 0.0
            self._begin_stalled(on_threads, begun)
            if new and self._stalled_s >= LEASE_PATIENCE_S and self._leased < self._leases and not self._is_short():
                # The running requests may wait for these.
                self._begin(new)
            latest_s = self.loop.time() - LEASE_PATIENCE_S
            while new and (self._leased >= self._leases or self._is_short()) and new[0].asked_s <= latest_s:
                refused.append(new.popleft())
                self._end_of(refused[-1])
            self._is_watching = False
            self._begin_next()
        for call in refused:
            call.refuse(f"{self._leased} threads are leased, no more can be started, and none was returned in time")

    def _begin_stalled(self, *queues: deque[Call]) -> None:
        # More each time: one of them may hold what all others wait for, and it is unknown which.
        waiting = sum(map(len, queues))
        self._beyond = min(2 * self._beyond + 1, waiting) if self._stalled_s else 0
        for _ in range(self._beyond):
            self._spares_one_until_s = self.loop.time() + SPARING_S
            if not self._begin(queues[0] or queues[1]):
                return


def _belong_to(loop: asyncio.AbstractEventLoop) -> None:
    # asgiref reads these in AsyncToSync.__call__, and sets them in its own threads.
    SyncToAsync.threadlocal.main_event_loop = loop
    SyncToAsync.threadlocal.main_event_loop_pid = os.getpid()
