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

# First of ours: Locust changes sockets and threads for the whole process, and had better do so before they are used.
from benchmarks.measure.load import locust_user, wire
from benchmarks.measure.load.engine import LoadEngineError, LoadOrder
from benchmarks.measure.load.locust_engine import STOP
from benchmarks.measure.load.locust_statistics import Statistics, fold
from benchmarks.model import LoadResult

PROTOCOL = 1
"""Of the ``lab_`` messages; workers of another one are sent home."""

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
        port: Where they connect; 0 for a free one.
    """

    def __init__(self, workers: int, port: int) -> None:
        self._workers = workers
        self._environment = locust_user.new_environment()
        self._runner = self._environment.create_master_runner("*", port)
        self.port: int = self._runner.server.port
        self._under_way: list[Any] = []
        self._here: set[str] = set()
        self._warm: dict[str, int] = {}
        self._began: set[str] = set()
        self._seen: dict[str, Statistics] = {}
        self._refusals: list[str] = []
        for name, listener in {
            "lab_here": self._on_here,
            "lab_refused": lambda worker, data: self._refusals.append(f"{_short(worker)}: {data}"),
            "lab_warm": lambda worker, users: self._warm.update({worker: users}),
            "lab_began": lambda worker, _data: self._began.add(worker),
            "lab_measured": self._on_measured,
        }.items():
            self._runner.register_message(name, _listening(listener))

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
        self._environment.host = locust_user.base_address(order)
        self._runner.send_message("lab_order", {"order": wire.encode_order(order).decode()})
        self._runner.start(load.vus, spawn_rate=load.vus)
        # Without it nothing is shared out anew when a worker joins: not in the middle of an interval.
        self._runner._users_dispatcher = None  # noqa: SLF001 (Locust has no switch for it)
        warm_s = load.warmup_s + load.timeout_s + _SILENCE_S
        self._wait(lambda: workers <= self._warm.keys(), warm_s, "to be warm", workers)
        if (users := sum(self._warm[worker] for worker in workers)) != load.vus:
            raise WorkerGoneError(f"{users} of {load.vus} virtual users ask: a worker came or went as they began.")
        self._runner.send_message("lab_measure", {"duration_s": load.duration_s})
        self._wait(lambda: workers <= self._began, _SILENCE_S, "to begin", workers)
        wire.say(wire.Measuring(time.monotonic()))
        self._wait(lambda: workers <= self._seen.keys(), load.duration_s + _SILENCE_S, "to end", workers)
        return fold([self._seen[worker] for worker in sorted(workers)])

    def _wait(self, done: Callable[[], bool], timeout_s: float, what: str, workers: set[str] | None) -> None:
        ends_s = time.monotonic() + timeout_s
        while not done():
            if self._refusals:
                raise WorkerGoneError(f"A worker does not take the order. {self._refusals[0]}")
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

    def _on_here(self, worker: str, data: Any) -> None:
        if data != PROTOCOL:
            self._runner.send_message("quit", None, client_id=worker)
            return
        self._here.add(worker)

    def _on_measured(self, worker: str, data: Any) -> None:
        fields = json.loads(data)
        fields["latencies_ms"] = tuple((int(latency_ms), int(count)) for latency_ms, count in fields["latencies_ms"])
        self._seen[worker] = Statistics(**fields)


class Worker:
    """Asks for a master, and nobody but the master's own machine.

    Args:
        host: The master's name or address.
        port: Where it listens.
    """

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._environment = locust_user.new_environment()
        self._order: LoadOrder | None = None
        try:
            self._masters = {address[4][0] for address in socket.getaddrinfo(host, port)}
        except OSError as error:
            raise LoadEngineError(f"There is no host {host!r} ({error}): ask for the master's address.") from error
        try:
            self._runner = self._environment.create_worker_runner(host, port)
        except ConnectionError as error:
            raise LoadEngineError(
                f"No master answered at {host}:{port}: is `lab locust master` running there?"
            ) from error
        self._environment.events.spawning_complete.add_listener(self._on_spawned)
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

    def _take(self, data: dict[str, str]) -> None:
        self._order = None
        locust_user.rest()
        order = wire.decode_order(data["order"].encode())
        if order.host not in self._masters:
            why = (
                f"it was told to ask {order.host}, and asks nobody but its master, {self._host}: "
                f"start it with `lab locust worker {order.host}`"
            )
            self._runner.send_message("lab_refused", why)
            return
        wire.say(wire.Noted(f"asking {locust_user.base_address(order)}{order.path}"))
        locust_user.prepare(self._environment, order)
        self._order = order

    def _on_spawned(self, user_count: int) -> None:  # noqa: ARG002 (of all workers; Locust passes it by this name)
        gevent.spawn(self._warm_up)

    def _warm_up(self) -> None:
        if self._order is not None:
            users = self._runner.user_count
            locust_user.wait_until_warm(self._order, users)
            self._runner.send_message("lab_warm", users)

    def _measure(self, data: dict[str, float]) -> None:
        self._runner.send_message("lab_began")
        statistics = locust_user.measure(self._environment, data["duration_s"])
        self._runner.send_message("lab_measured", json.dumps(dataclasses.asdict(statistics)))
        wire.say(wire.Noted(f"{statistics.requests:,} requests in {statistics.duration_s:.1f} s"))


def _listening(listener: Callable[[str, Any], None]) -> Callable[..., None]:
    def listen(environment: object, msg: Any) -> None:  # noqa: ARG001 (Locust passes both by these names)
        listener(msg.node_id, msg.data)

    return listen


def _short(worker: str) -> str:
    """Return the host of a worker: Locust's name for it is that and a number."""
    return worker.rpartition("_")[0] or worker
