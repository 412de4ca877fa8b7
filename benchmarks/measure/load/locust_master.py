"""Locust's master, which lets workers ask.

The two communicate as Locust's own master and workers do. Messages that begin with ``lab_`` are ours, and make the
interval the same for all: it begins when every worker is warm, and each worker keeps its own clock and its own
statistics of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import gevent
from gevent.queue import Queue
from locust.rpc import Message

# First of ours: Locust changes sockets and threads for the whole process, before they are used.
from benchmarks.measure.load import locust_door, locust_user, wire
from benchmarks.measure.load.engine import LoadEngineError, LoadOrder
from benchmarks.measure.load.locust_engine import STOP
from benchmarks.measure.load.locust_statistics import Statistics, fold, read
from benchmarks.model import LoadProfile, LoadResult

PROTOCOL = 3
"""Version of the ``lab_`` messages; workers of another one are sent home."""

_SAME_CLOCK = 0.99
"""How far two machines' clocks may differ: the share of the interval that has passed here when it is over there."""

_POLL_S = 0.02
_REJOIN_S = 15.0
"""How long a trial waits for a worker that went away to come back, seconds."""

_SILENCE_S = 15.0
"""How long after its time a worker may stay silent, seconds."""


class Master:
    """Lets workers ask.

    Args:
        workers: How many a trial needs.
        host: Address of this machine at which they reach it.
        port: Where they connect; 0 for a free one.
        token: What they must present.

    Raises:
        LoadEngineError: It cannot listen there.
    """

    def __init__(self, workers: int, host: str, port: int, token: str) -> None:
        self._workers = workers
        self._environment = locust_user.new_environment()
        self._notes = wire.Notes()
        locust_door.install_door(token, self._notes.add)
        self._runner = self._environment.create_master_runner(host, port)
        self.port: int = self._runner.server.port
        self._under_way: list[Any] = []
        self._here: set[str] = set()
        # Of the current trial.
        self._number = 0
        self._load: LoadProfile | None = None
        self._asked_s = 0.0
        self._warm: dict[str, int] = {}
        self._began: set[str] = set()
        self._seen: dict[str, Statistics] = {}
        self._refusals: dict[str, str] = {}
        self._sent_home: set[str] = set()
        self._listeners: dict[str, Callable[[str, Any], None]] = {
            "lab_refused": self._on_refused,
            "lab_warm": self._on_warm,
            "lab_began": lambda worker, _value: self._began.add(worker),
            "lab_measured": self._on_measured,
        }
        self._locust_hears = self._runner.handle_message
        self._runner.handle_message = locust_door.guard(self._hear, self._send_home)

    def run(self, read_line: Callable[[], bytes]) -> None:
        """Carry out orders as they come, then send the workers home.

        Args:
            read_line: Blocks for the next order, or for ``STOP``; empty at the end.
        """
        orders: Queue[LoadOrder | None] = Queue()
        gevent.spawn(self._report_workers)
        gevent.spawn(self._read_orders, read_line, orders)
        while (order := orders.get()) is not None:
            trial = gevent.spawn(self._trial, order)
            self._under_way = [trial]
            trial.join()
            wire.say("held")
        self.quit()

    def quit(self) -> None:
        """Send the workers home."""
        self._runner.quit()

    def _read_orders(self, read_line: Callable[[], bytes], orders: Any) -> None:
        while line := read_line():
            if line == STOP:
                self._cut()
            else:
                orders.put(wire.decode_order(line))
        self._cut()
        orders.put(None)

    def _trial(self, order: LoadOrder) -> None:
        try:
            wire.say("finished", self._measure(order))
        except LoadEngineError as error:
            wire.say("failed", str(error))
        finally:
            self._under_way.clear()
            self._stop()

    def _cut(self) -> None:
        # Not a trial that is over: it is stopping its workers, and must not be cut then.
        while self._under_way:
            self._under_way.pop().kill(block=False)

    def _measure(self, order: LoadOrder) -> LoadResult:
        load = order.load
        self._wait(lambda: len(self._present()) >= self._workers, _REJOIN_S, "to be there", set())
        workers = self._present()
        for of_last_trial in (self._warm, self._began, self._seen, self._refusals):
            of_last_trial.clear()
        self._load = load
        self._number += 1
        self._environment.host = f"http://{order.authority}"
        self._runner.send_message("lab_order", {"trial": self._number, "order": wire.encode_order(order).decode()})
        self._runner.start(load.vus, spawn_rate=load.vus)
        # Without it users are not redistributed when a worker joins, which would be in the middle of an interval.
        self._runner._users_dispatcher = None  # noqa: SLF001 (Locust has no switch for it)
        warm_s = load.warmup_s + load.timeout_s + _SILENCE_S
        self._wait(lambda: workers <= self._warm.keys(), warm_s, "to be warm", workers)
        if (users := sum(self._warm[worker] for worker in workers)) != load.vus:
            raise LoadEngineError(f"{users} of {load.vus} virtual users ask: a worker came or went as they began.")
        self._asked_s = time.monotonic()
        self._runner.send_message("lab_measure", {"trial": self._number, "duration_s": load.duration_s})
        self._wait(lambda: workers <= self._began, _SILENCE_S, "to begin", workers)
        wire.say("measuring", time.monotonic())
        self._wait(lambda: workers <= self._seen.keys(), load.duration_s + _SILENCE_S, "to end", workers)
        return fold([self._seen[worker] for worker in sorted(workers)])

    def _wait(self, done: Callable[[], bool], timeout_s: float, what: str, workers: set[str]) -> None:
        ends_s = time.monotonic() + timeout_s
        while not done():
            for worker in workers & self._refusals.keys():
                raise LoadEngineError(self._refusals[worker])
            if gone := workers - self._present():
                raise LoadEngineError(f"The worker {_short(min(gone))} went away during the trial, which is void.")
            if time.monotonic() > ends_s:
                raise LoadEngineError(
                    f"Waited {timeout_s:g} s for {self._workers} workers {what}; {len(self._present())} are there: "
                    "start the others, or ask for fewer."
                )
            gevent.sleep(_POLL_S)

    def _present(self) -> set[str]:
        clients = self._runner.clients
        return {name for name in self._here if name in clients and clients[name].state != "missing"}

    def _stop(self) -> None:
        self._runner.stop()
        ends_s = time.monotonic() + _SILENCE_S
        clients = self._runner.clients
        while time.monotonic() < ends_s and any(clients[name].state != "ready" for name in self._present()):
            gevent.sleep(_POLL_S)

    def _report_workers(self) -> None:
        reported = -1
        while True:
            # A worker leaves the list for a moment when it stops its users; that is not reported.
            if self._runner.state in {"ready", "stopped", "running"} and reported != (count := len(self._present())):
                reported = count
                wire.say("workers", count)
            gevent.sleep(0.1)

    def _hear(self, worker: str, message: Any) -> None:
        if worker in self._sent_home:
            return
        if message.type == "lab_here":
            if message.data != PROTOCOL:
                raise LoadEngineError("it comes from another version of the lab than its master")
            self._here.add(worker)
        elif message.type.startswith("lab_"):
            trial, value = message.data
            # Late messages about a trial that was given up are ignored.
            if trial == self._number:
                self._listeners[message.type](worker, value)
        else:
            self._locust_hears(worker, message)

    def _send_home(self, worker: str, why: str) -> None:
        if worker in self._sent_home:
            return
        self._sent_home.add(worker)
        self._refusals[worker] = f"The worker {_short(worker)} was sent home, and the trial is void: {why}."
        self._notes.add(f"Sent home the worker {_short(worker)}: {why}.")
        self._locust_hears(worker, Message("quit", None, worker))
        for kind, data in (("lab_home", why), ("quit", None)):
            self._runner.send_message(kind, data, client_id=worker)

    def _on_refused(self, worker: str, why: Any) -> None:
        self._refusals[worker] = f"A worker does not take the order. {_short(worker)}: {_printable(why, 300)}"

    def _on_warm(self, worker: str, users: Any) -> None:
        if type(users) is not int or users < 0:
            raise ValueError(users)
        self._warm[worker] = users

    def _on_measured(self, worker: str, figures: Any) -> None:
        took_s = time.monotonic() - self._asked_s
        if self._load is None or worker not in self._began or worker in self._seen:
            raise LoadEngineError("it sent figures that it was not asked for")
        if took_s < self._load.duration_s * _SAME_CLOCK:
            raise LoadEngineError(f"it sent figures of {self._load.duration_s:g} s after {took_s:.3g} s")
        self._seen[worker] = read(figures, self._load, self._warm[worker])


def _short(worker: str) -> str:
    """Return the host of a worker: Locust's name for it is that and a number."""
    return _printable(worker.rpartition("_")[0] or worker, 60)


def _printable(text: object, characters: int) -> str:
    """Return what somebody else sent with only those characters that are safe in a terminal."""
    return "".join(character if " " <= character <= "~" else "?" for character in str(text)[:characters])
