"""Is Locust's master, which has workers ask, or one of its workers.

How the two talk is Locust's own way; the messages that begin with ``lab_`` are ours, and make the interval the same for
all: it begins when every worker is warm, and each worker keeps its own clock and its own statistics of it.
"""

from __future__ import annotations

import dataclasses
import json
import socket
import time
from collections.abc import Callable
from typing import Any

import gevent
from gevent.queue import Queue
from locust.rpc import Message

# First of ours: Locust changes sockets and threads for the whole process, and had better do so before they are used.
from benchmarks.measure.load import locust_door, locust_user, wire
from benchmarks.measure.load.engine import LoadEngineError, LoadOrder
from benchmarks.measure.load.locust_engine import STOP
from benchmarks.measure.load.locust_statistics import Statistics, fold, read
from benchmarks.model import LoadProfile, LoadResult

PROTOCOL = 3
"""Of the ``lab_`` messages; workers of another one are sent home."""

_SAME_CLOCK = 0.99
"""How far two machines' clocks may run apart: the share of the interval that has passed here when it is over there."""

_POLL_S = 0.02
_REJOIN_S = 15.0
"""How long a trial waits for a worker that went away to come back, seconds."""

_SILENCE_S = 15.0
"""How much longer than its own time a worker may be silent, seconds."""


class WorkerGoneError(LoadEngineError):
    """A worker went away, said nothing, or does not take the order."""


class Master:
    """Has workers ask.

    Args:
        workers: How many a trial needs.
        host: Address of this machine at which they reach it.
        port: Where they connect; 0 for a free one.
        token: What they have to know.

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
        self._warm: dict[str, int] = {}
        self._began: set[str] = set()
        self._seen: dict[str, Statistics] = {}
        self._number = 0
        self._load: LoadProfile | None = None
        self._asked_s = 0.0
        self._refusals: dict[str, str] = {}
        self._sent_home: set[str] = set()
        self._listeners: dict[str, Callable[[str, Any], None]] = {
            "lab_refused": self._on_refused,
            "lab_warm": self._on_warm,
            "lab_began": lambda worker, _data: self._began.add(worker),
            "lab_measured": self._on_measured,
        }
        self._locust_hears = self._runner.handle_message
        self._runner.handle_message = locust_door.guard(self._hear, self._send_home)

    def run(self, read_line: Callable[[], bytes]) -> None:
        """Carry out orders as they come.

        Args:
            read_line: Blocks for the next one, or for the word to stop; empty at the end.
        """
        orders: Queue[LoadOrder | None] = Queue()
        gevent.spawn(self._tell_workers)
        gevent.spawn(self._read_orders, read_line, orders)
        while (order := orders.get()) is not None:
            trial = gevent.spawn(self._trial, order)
            self._under_way = [trial]
            trial.join()
            wire.say(wire.Held())
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
            wire.say(wire.Finished(self._measure(order)))
        except LoadEngineError as error:
            wire.say(wire.Failed(str(error)))
        finally:
            self._under_way.clear()
            self._stop()

    def _cut(self) -> None:
        # Not one that is over: it stops its workers, and must not be cut in that.
        while self._under_way:
            self._under_way.pop().kill(block=False)

    def _measure(self, order: LoadOrder) -> LoadResult:
        load = order.load
        self._wait(lambda: len(self._present()) >= self._workers, _REJOIN_S, "to be there", None)
        workers = self._present()
        for of_last_trial in (self._warm, self._began, self._seen, self._refusals):
            of_last_trial.clear()
        self._load = load
        self._number += 1
        self._environment.host = locust_user.base_address(order)
        self._runner.send_message("lab_order", {"trial": self._number, "order": wire.encode_order(order).decode()})
        self._runner.start(load.vus, spawn_rate=load.vus)
        # Without it nothing is shared out anew when a worker joins: not in the middle of an interval.
        self._runner._users_dispatcher = None  # noqa: SLF001 (Locust has no switch for it)
        warm_s = load.warmup_s + load.timeout_s + _SILENCE_S
        self._wait(lambda: workers <= self._warm.keys(), warm_s, "to be warm", workers)
        if (users := sum(self._warm[worker] for worker in workers)) != load.vus:
            raise WorkerGoneError(f"{users} of {load.vus} virtual users ask: a worker came or went as they began.")
        self._asked_s = time.monotonic()
        self._runner.send_message("lab_measure", {"trial": self._number, "duration_s": load.duration_s})
        self._wait(lambda: workers <= self._began, _SILENCE_S, "to begin", workers)
        wire.say(wire.Measuring(time.monotonic()))
        self._wait(lambda: workers <= self._seen.keys(), load.duration_s + _SILENCE_S, "to end", workers)
        return fold([self._seen[worker] for worker in sorted(workers)])

    def _wait(self, done: Callable[[], bool], timeout_s: float, what: str, workers: set[str] | None) -> None:
        ends_s = time.monotonic() + timeout_s
        while not done():
            for worker in (workers or set()) & self._refusals.keys():
                raise WorkerGoneError(self._refusals[worker])
            if workers is not None and (gone := workers - self._present()):
                raise WorkerGoneError(
                    f"The worker {_short(min(gone))} went away during the trial: it counts for nothing."
                )
            if time.monotonic() > ends_s:
                raise WorkerGoneError(
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

    def _tell_workers(self) -> None:
        told = -1
        while True:
            # A worker is out of the list for a moment when it stops its users; that is no news.
            if self._runner.state in {"ready", "stopped", "running"} and told != (count := len(self._present())):
                told = count
                wire.say(wire.Workers(count))
            gevent.sleep(0.1)

    def _hear(self, worker: str, message: Any) -> None:
        if worker in self._sent_home:
            return
        if message.type == "lab_here":
            self._on_here(worker, message.data)
        elif message.type.startswith("lab_"):
            trial, told = message.data
            # What is still said of a trial that was given up is nobody's.
            if trial == self._number:
                self._listeners[message.type](worker, told)
        else:
            self._locust_hears(worker, message)

    def _send_home(self, worker: str, why: str) -> None:
        if worker in self._sent_home:
            return
        self._sent_home.add(worker)
        self._refusals[worker] = f"The worker {_short(worker)} was sent home, and the trial counts for nothing: {why}."
        self._notes.add(f"Sent home the worker {_short(worker)}: {why}.")
        self._locust_hears(worker, Message("quit", None, worker))
        for kind, data in (("lab_home", why), ("quit", None)):
            self._runner.send_message(kind, data, client_id=worker)

    def _on_here(self, worker: str, data: Any) -> None:
        if data != PROTOCOL:
            raise LoadEngineError("it comes from another version of the lab than its master")
        self._here.add(worker)

    def _on_refused(self, worker: str, data: Any) -> None:
        self._refusals[worker] = f"A worker does not take the order. {_short(worker)}: {_printable(data, 300)}"

    def _on_warm(self, worker: str, users: Any) -> None:
        if type(users) is not int or users < 0:
            raise ValueError(users)
        self._warm[worker] = users

    def _on_measured(self, worker: str, data: Any) -> None:
        took_s = time.monotonic() - self._asked_s
        if self._load is None or worker not in self._began or worker in self._seen:
            raise LoadEngineError("it sent figures that nobody had asked it for")
        if took_s < self._load.duration_s * _SAME_CLOCK:
            raise LoadEngineError(f"it sent figures of {self._load.duration_s:g} s after {took_s:.3g} s")
        self._seen[worker] = read(data, self._load, self._warm[worker])


class Worker:
    """Asks for a master, and nobody but the master's own machine.

    Args:
        host: The master's name or address.
        port: Where it listens.
        token: What lets this one in; ``None`` for none.
    """

    def __init__(self, host: str, port: int, token: str | None) -> None:
        self._host = host
        self._environment = locust_user.new_environment()
        self._order: LoadOrder | None = None
        self._number = 0
        try:
            self._masters = {address[4][0] for address in socket.getaddrinfo(host, port)}
        except OSError as error:
            raise LoadEngineError(f"There is no host {host!r} ({error}): ask for the master's address.") from error
        locust_door.install_caller(token)
        try:
            self._runner = self._environment.create_worker_runner(host, port)
        except ConnectionError as error:
            raise LoadEngineError(
                f"No master answered at {host}:{port}: is `lab locust master` running there?"
            ) from error
        self._environment.events.spawning_complete.add_listener(self._on_spawned)
        self._runner.register_message(
            "lab_home", _listening(lambda _master, why: locust_door.end(f"The master sent this worker home: {why}."))
        )
        self._runner.register_message("lab_order", _listening(lambda _master, data: self._take(data)))
        self._runner.register_message(
            "lab_measure", _listening(lambda _master, data: self._measure(data)), concurrent=True
        )

    def run(self) -> None:
        """Do as the master says, until it says that it is over."""
        self._runner.send_message("lab_here", PROTOCOL)
        wire.say(wire.Noted(f"connected to the master at {self._host}"))
        self._runner.greenlet.join()

    def leave(self) -> None:
        """Tell the master that this worker goes."""
        self._environment.events.quitting.fire(environment=self._environment, reverse=True)

    def _take(self, data: dict[str, Any]) -> None:
        self._order = None
        self._number = data["trial"]
        locust_user.rest()
        order = wire.decode_order(data["order"].encode())
        if order.host not in self._masters:
            why = (
                f"it was told to ask {order.host}, and asks nobody but its master, {self._host}: "
                f"start it with `lab locust worker {order.host}`"
            )
            self._tell("lab_refused", self._number, why)
            return
        wire.say(wire.Noted(f"asking {locust_user.base_address(order)}{order.path}"))
        locust_user.prepare(self._environment, order)
        self._order = order

    def _tell(self, kind: str, trial: int, told: Any) -> None:
        self._runner.send_message(kind, (trial, told))

    def _on_spawned(self, user_count: int) -> None:  # noqa: ARG002 (of all workers; Locust passes it by this name)
        gevent.spawn(self._warm_up, self._number)

    def _warm_up(self, trial: int) -> None:
        if self._order is not None:
            users = self._runner.user_count
            locust_user.wait_until_warm(self._order, users)
            self._tell("lab_warm", trial, users)

    def _measure(self, data: dict[str, Any]) -> None:
        trial = data["trial"]
        self._tell("lab_began", trial, None)
        statistics = locust_user.measure(self._environment, data["duration_s"])
        self._tell("lab_measured", trial, json.dumps(dataclasses.asdict(statistics)))
        wire.say(wire.Noted(f"{statistics.requests:,} requests in {statistics.duration_s:.1f} s"))


def _listening(listener: Callable[[str, Any], None]) -> Callable[..., None]:
    def listen(environment: object, msg: Any) -> None:  # noqa: ARG001 (Locust passes both by these names)
        listener(msg.node_id, msg.data)

    return listen


def _short(worker: str) -> str:
    """Return the host of a worker: Locust's name for it is that and a number."""
    return _printable(worker.rpartition("_")[0] or worker, 60)


def _printable(text: object, characters: int) -> str:
    """Return what somebody else sent as it may be shown in a terminal, whatever letters that has."""
    return "".join(character if " " <= character <= "~" else "?" for character in str(text)[:characters])
