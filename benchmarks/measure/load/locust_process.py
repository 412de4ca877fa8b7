"""Is one of Locust's processes: a loader on this machine, the master of loaders elsewhere, or one of these.

    python -m benchmarks.measure.load.locust_process local
    python -m benchmarks.measure.load.locust_process master --workers 2 --port 5557
    python -m benchmarks.measure.load.locust_process worker HOST --port 5557

It reads orders from standard input, writes its events to standard output, and ends when its standard input is closed.
How master and workers talk is Locust's own way; the messages that begin with ``lab_`` are ours, and make the interval
the same for all: it begins when every worker is warm, and each worker keeps its own clock and its own statistics of it.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import signal
import socket
import sys
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
from benchmarks.measure.load.order_check import check_order
from benchmarks.measure.load.pinning import pin

PROTOCOL = 1
"""Of the ``lab_`` messages; workers of another one are refused."""

_POLL_S = 0.02
_REJOIN_S = 15.0
"""How long a trial waits for a worker that went away to come back, seconds."""

_SILENCE_S = 15.0
"""How much longer than its own time a worker may be silent, seconds."""

_NEVER_S = 1e9
_EXIT_FAILED = 1
_EXIT_ABANDONED = 3


class WorkerGoneError(LoadEngineError):
    """A worker went away, said nothing, or does not take the order."""


def local(order: LoadOrder) -> None:
    """Ask from this process alone."""
    environment = locust_user.new_environment()
    runner = environment.create_local_runner()
    locust_user.prepare(environment, order)
    runner.start(order.load.vus, spawn_rate=order.load.vus)
    locust_user.wait_until_warm(order, order.load.vus)
    _say(wire.Measuring(time.monotonic()))
    result = fold([locust_user.measure(environment, order.load.duration_s)])
    _say(wire.Finished(result))
    runner.quit()


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

    def run(self) -> None:
        """Carry out orders as they come, until standard input is closed."""
        orders: Queue[LoadOrder | None] = Queue()
        gevent.spawn(self._tell_workers)
        gevent.spawn(_read_orders, orders, self._cut)
        while (order := orders.get()) is not None:
            trial = gevent.spawn(self._trial, order)
            self._under_way = [trial]
            trial.join()
            _say(wire.Held())
        self.quit()

    def quit(self) -> None:
        """Send the workers home."""
        self._runner.quit()

    def _trial(self, order: LoadOrder) -> None:
        try:
            _say(wire.Finished(self._measure(order)))
        except LoadEngineError as error:
            _say(wire.Failed(str(error)))
        finally:
            self._under_way.clear()
            self._stop()

    def _cut(self) -> None:
        # Not one that is over: it stops its workers, and must not be cut in that.
        while self._under_way:
            self._under_way.pop().kill(block=False)

    def _measure(self, order: LoadOrder) -> Any:
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
        _say(wire.Measuring(time.monotonic()))
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
                _say(wire.Workers(count))
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
        _say(wire.Noted(f"connected to the master at {self._host}"))
        self._runner.greenlet.join()

    def leave(self) -> None:
        """Tell the master that this worker goes."""
        self._environment.events.quitting.fire(environment=self._environment, reverse=True)

    def _take(self, data: dict[str, str]) -> None:
        self._order = None
        order = wire.decode_order(data["order"].encode())
        if order.host not in self._masters:
            why = (
                f"it was told to ask {order.host}, and asks nobody but its master, {self._host}: "
                f"start it with `lab locust worker {order.host}`"
            )
            self._runner.send_message("lab_refused", why)
            return
        _say(wire.Noted(f"asking {locust_user.base_address(order)}{order.path}"))
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
        _say(wire.Noted(f"{statistics.requests:,} requests in {statistics.duration_s:.1f} s"))


def main(arguments: list[str]) -> int:
    """Be one of Locust's processes.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(prog="locust_process")
    roles = parser.add_subparsers(dest="role", required=True)
    roles.add_parser("local")
    for role in ("master", "worker"):
        roles.add_parser(role).add_argument("--port", type=int, required=True)
    roles.choices["master"].add_argument("--workers", type=int, required=True)
    roles.choices["worker"].add_argument("host")
    options = parser.parse_args(arguments)
    try:
        _be(options)
    except (ValueError, KeyError, TypeError) as error:
        _say(wire.Failed(f"Locust was given no order that can be read ({error!r})"))
        return _EXIT_FAILED
    except LoadEngineError as error:
        _say(wire.Failed(str(error)))
        return _EXIT_FAILED
    return 0


def _be(options: argparse.Namespace) -> None:
    _tune_locust()
    if options.role == "local":
        order = wire.decode_order(sys.stdin.buffer.readline())
        check_order(order)
        pin(order.cpus)
        _end_by(lambda: None)
        local(order)
    elif options.role == "master":
        master = Master(options.workers, options.port)
        gevent.signal_handler(signal.SIGTERM, lambda: gevent.spawn(_end, master.quit))
        _say(wire.Listening(master.port))
        master.run()
    else:
        worker = Worker(options.host, options.port)
        _end_by(worker.leave)
        worker.run()


def _tune_locust() -> None:
    """Set what Locust has as constants of its own for tests that last for minutes."""
    from locust import runners  # noqa: PLC0415 (after locust_user, which imports it first)

    # Reports are cleared as they are sent: in the middle of an interval, that would take a part of it away.
    runners.WORKER_REPORT_INTERVAL = _NEVER_S
    runners.WORKER_LOG_REPORT_INTERVAL = -1
    # Seconds without a sign of the master after which a worker goes home.
    runners.MASTER_HEARTBEAT_TIMEOUT = 15


def _end_by(leave: Callable[[], None]) -> None:
    """End when standard input is closed, or by SIGTERM; ``leave`` is called before."""
    gevent.signal_handler(signal.SIGTERM, lambda: gevent.spawn(_end, leave))

    def follow() -> None:
        while _in_a_thread(lambda: os.read(0, 1)):
            pass
        _end(leave)

    gevent.spawn(follow)


def _end(leave: Callable[[], None]) -> None:
    with gevent.Timeout(2.0, exception=False):
        leave()
        # What was sent is on its way only when Locust's sockets had their turn.
        gevent.sleep(0.1)
    os._exit(_EXIT_ABANDONED)


def _read_orders(orders: Any, cut: Callable[[], None]) -> None:
    while line := _in_a_thread(sys.stdin.buffer.readline):
        if line == STOP:
            cut()
        else:
            orders.put(wire.decode_order(line))
    cut()
    orders.put(None)


def _in_a_thread(call: Callable[[], bytes]) -> bytes:
    """Wait for what blocks without holding up what else is going on."""
    read: bytes = gevent.get_hub().threadpool.apply(call)
    return read


def _listening(listener: Callable[[str, Any], None]) -> Callable[..., None]:
    def listen(environment: object, msg: Any) -> None:  # noqa: ARG001 (Locust passes both by these names)
        listener(msg.node_id, msg.data)

    return listen


def _short(worker: str) -> str:
    """Return the host of a worker: Locust's name for it is that and a number."""
    return worker.rpartition("_")[0] or worker


def _say(event: wire.Event) -> None:
    sys.stdout.buffer.write(wire.encode_event(event))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
