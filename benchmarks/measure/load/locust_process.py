"""Is one of Locust's processes: a loader on this machine, the master of loaders elsewhere, or one of these.

    python -m benchmarks.measure.load.locust_process local
    python -m benchmarks.measure.load.locust_process master --workers 2 HOST --port 5557
    python -m benchmarks.measure.load.locust_process worker HOST --port 5557 --token TOKEN

It reads orders from standard input, writes its events to standard output, and ends when its standard input is closed.
"""

from __future__ import annotations

import argparse
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable

import gevent

# First of ours: Locust changes sockets and threads for the whole process, and had better do so before they are used.
from benchmarks.measure.load import locust_user, wire
from benchmarks.measure.load.engine import LoadEngineError, LoadOrder, pin
from benchmarks.measure.load.locust_fleet import Master, Worker
from benchmarks.measure.load.locust_statistics import fold
from benchmarks.measure.load.order_check import check_order

_NEVER_S = 1e9
_EXIT_FAILED = 1
_EXIT_ABANDONED = 3


def local(order: LoadOrder) -> None:
    """Ask from this process alone."""
    environment = locust_user.new_environment()
    runner = environment.create_local_runner()
    locust_user.prepare(environment, order)
    runner.start(order.load.vus, spawn_rate=order.load.vus)
    locust_user.wait_until_warm(order, order.load.vus)
    wire.say(wire.Measuring(time.monotonic()))
    result = fold([locust_user.measure(environment, order.load.duration_s)])
    wire.say(wire.Finished(result))
    runner.quit()


def main(arguments: list[str]) -> int:
    """Be one of Locust's processes.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(prog="locust_process")
    roles = parser.add_subparsers(dest="role", required=True)
    roles.add_parser("local")
    for role in ("master", "worker"):
        parser_of_role = roles.add_parser(role)
        parser_of_role.add_argument("host")
        parser_of_role.add_argument("--port", type=int, required=True)
    roles.choices["master"].add_argument("--workers", type=int, required=True)
    roles.choices["worker"].add_argument("--token")
    options = parser.parse_args(arguments)
    try:
        _be(options)
    except (ValueError, KeyError, TypeError) as error:
        wire.say(wire.Failed(f"Locust was given no order that can be read ({error!r})"))
        return _EXIT_FAILED
    except LoadEngineError as error:
        wire.say(wire.Failed(str(error)))
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
        # Short, for it is typed; each guess costs a connection, and the token is another one next time.
        token = secrets.token_hex(5)
        master = Master(options.workers, options.host, options.port, token)
        gevent.signal_handler(signal.SIGTERM, lambda: gevent.spawn(_end, master.quit))
        wire.say(wire.Listening(master.port, token))
        master.run(lambda: _in_a_thread(sys.stdin.buffer.readline))
    else:
        worker = Worker(options.host, options.port, options.token)
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


def _in_a_thread(call: Callable[[], bytes]) -> bytes:
    """Wait for what blocks without holding up what else is going on."""
    read: bytes = gevent.get_hub().threadpool.apply(call)
    return read


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
