"""One of Locust's processes: a loader on this machine, the master of workers, or one of these workers.

    python -m benchmarks.measure.load.locust_process local
    python -m benchmarks.measure.load.locust_process master HOST PORT WORKERS
    python -m benchmarks.measure.load.locust_process worker HOST PORT [TOKEN]

It reads orders from standard input, writes its events to standard output, and ends when its standard input is closed.
"""

from __future__ import annotations

import dataclasses
import json
import os
import secrets
import signal
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

import gevent
from locust import runners

# First of ours: Locust changes sockets and threads for the whole process, before they are used.
from benchmarks.measure.load import locust_door, locust_user, wire
from benchmarks.measure.load.engine import LoadEngineError, LoadOrder
from benchmarks.measure.load.locust_master import PROTOCOL, Master
from benchmarks.measure.load.locust_statistics import fold
from benchmarks.model import LoadResult

_NEVER_S = 1e9


class Worker:
    """Sends load for a master, to the master's own machine only.

    Args:
        host: The master's name or address.
        port: Where it listens.
        token: The join token; ``None`` for none.
    Raises:
        LoadEngineError: There is no such host, or no master answers there.
    """

    def __init__(self, host: str, port: int, token: str | None = None) -> None:
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
        self._listen("lab_home", lambda why: locust_door.end(f"The master sent this worker home: {why}."))
        self._listen("lab_order", self._take)
        self._listen("lab_measure", self._measure, concurrent=True)

    def run(self) -> None:
        """Do as the master says until it ends."""
        self._runner.send_message("lab_here", PROTOCOL)
        wire.say("noted", f"connected to the master at {self._host}")
        self._runner.greenlet.join()

    def leave(self) -> None:
        """Tell the master that this worker leaves."""
        self._environment.events.quitting.fire(environment=self._environment, reverse=True)

    def _listen(self, kind: str, listener: Callable[[Any], None], *, concurrent: bool = False) -> None:
        def listen(environment: object, msg: Any) -> None:  # noqa: ARG001 (Locust passes both by these names)
            listener(msg.data)

        self._runner.register_message(kind, listen, concurrent=concurrent)

    def _take(self, data: dict[str, Any]) -> None:
        self._order = None
        self._number = data["trial"]
        locust_user.rest()
        order = wire.decode_order(data["order"].encode())
        if order.host not in self._masters:
            why = (
                f"it was told to ask {order.host}, and asks only its master, {self._host}: "
                f"start it with `lab locust worker {order.host}`"
            )
            self._tell("lab_refused", self._number, why)
            return
        wire.say("noted", f"asking {order.url}")
        locust_user.prepare(self._environment, order)
        self._order = order

    def _tell(self, kind: str, trial: int, value: Any) -> None:
        self._runner.send_message(kind, (trial, value))

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
        wire.say("noted", f"{statistics.requests:,} requests in {statistics.duration_s:.1f} s")


def local(order: LoadOrder) -> LoadResult:
    """Send load from this process alone."""
    _end_with_parent(lambda: None)
    environment = locust_user.new_environment()
    runner = environment.create_local_runner()
    locust_user.prepare(environment, order)
    runner.start(order.load.vus, spawn_rate=order.load.vus)
    locust_user.wait_until_warm(order, order.load.vus)
    wire.say("measuring", time.monotonic())
    result = fold([locust_user.measure(environment, order.load.duration_s)])
    runner.quit()
    return result


def main(arguments: list[str]) -> int:
    """Be one of Locust's processes.

    Returns:
        The exit status.
    """
    _tune_locust()
    try:
        match arguments:
            case ["local"]:
                return wire.serve("Locust", local)
            case ["master", host, port, workers]:
                _be_master(int(workers), host, int(port))
            case ["worker", host, port, *tokens]:
                worker = Worker(host, int(port), *tokens)
                _end_with_parent(worker.leave)
                worker.run()
    except LoadEngineError as error:
        wire.say("failed", str(error))
        return wire.EXIT_FAILED
    return 0


def _be_master(workers: int, host: str, port: int) -> None:
    # Short, because it is typed; each guess costs a connection, and every master has another one.
    token = secrets.token_hex(5)
    master = Master(workers, host, port, token)
    gevent.signal_handler(signal.SIGTERM, lambda: gevent.spawn(_end, master.quit))
    wire.say("listening", (master.port, token))
    master.run(lambda: _in_a_thread(sys.stdin.buffer.readline))


def _tune_locust() -> None:
    """Set what Locust has as constants for tests that last for minutes."""
    # Reports are cleared as they are sent: in the middle of an interval, requests would be lost.
    runners.WORKER_REPORT_INTERVAL = _NEVER_S
    runners.WORKER_LOG_REPORT_INTERVAL = -1
    # Seconds of silence of the master after which a worker goes home.
    runners.MASTER_HEARTBEAT_TIMEOUT = 15


def _end_with_parent(leave: Callable[[], None]) -> None:
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
        # Messages are sent only when Locust's sockets have had their turn.
        gevent.sleep(0.1)
    os._exit(wire.EXIT_ABANDONED)


def _in_a_thread(call: Callable[[], bytes]) -> bytes:
    """Wait for a blocking call without blocking other greenlets."""
    read: bytes = gevent.get_hub().threadpool.apply(call)
    return read


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
