"""Asks with Locust: from one process of this machine, or from workers on other machines.

Locust needs gevent, which changes Python's sockets and threads: it is imported only in the processes that this starts.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import time
from collections.abc import Callable, Mapping

from benchmarks.errors import installing
from benchmarks.measure.load.engine import LOOPBACK, Limits, LoadEngineError, LoadOrder
from benchmarks.measure.load.order_check import check_order, check_own_address
from benchmarks.measure.load.session import LoaderProcess, LoadSession
from benchmarks.process import python

MASTER_PORT = 5557
"""Locust's own."""

STOP = b"stop\n"
"""Ends the current trial."""

_STARTUP_S = 30.0
_STOP_S = 60.0


class _Locust:
    name = "locust"
    limits = Limits(slices=False, rates=False, varies=False)
    uses_every_core = False
    # Its imports take long.
    startup_s = 1.2
    method = (
        "Locust asks. It keeps latencies in whole milliseconds, in tens above 100 ms: percentiles are as coarse, "
        "averages are exact."
    )

    def __init__(self) -> None:
        if importlib.util.find_spec("locust") is None:
            raise LoadEngineError(
                "Locust is not installed. `make env-locust` in a clone installs it; elsewhere:\n"
                f"{installing('locust')}\n`--engine builtin`, the default, needs nothing."
            )

    def facts(self) -> Mapping[str, str | int]:
        """Return Locust's version."""
        return {"load_engine_version": f"Locust {importlib.metadata.version('locust')}"}


class LocustEngine(_Locust):
    """One process of Locust on this machine, closed model.

    Raises:
        LoadEngineError: Locust is not installed.
    """

    host = LOOPBACK

    def start(self, order: LoadOrder) -> LoadSession:
        """Start one load; see ``LoadEngine``."""
        check_order(order, self.limits)
        return LoadSession(LoaderProcess(process_command("local")), order)


class LocustMaster(_Locust):
    """A master process on this machine, and the workers that connect to it: here, or on other machines.

    Args:
        workers: How many a trial needs.
        host: Address of this machine at which the workers reach it.
        port: Where they connect; 0 for a free one.
        note: Called with who was turned away, or sent home, and why; also during a trial.

    Attributes:
        host: The same.
        port: Where it listens.
        worker_command: What a person types on each of the workers' machines; it contains the join token.
    Raises:
        LoadEngineError: Locust is not installed, the address is not this machine's, or the master did not start.
    """

    def __init__(self, workers: int, host: str, port: int, note: Callable[[str], None]) -> None:
        super().__init__()
        check_own_address(host)
        self.host = host
        self._workers = workers
        self._asked_port = port
        self._is_idle = True
        self._loader = LoaderProcess(process_command("master", host, str(port), str(workers)), note)
        try:
            until_s = time.monotonic() + _STARTUP_S
            _listening, (self.port, token) = self._loader.take_event(until_s, _STARTUP_S, "before it listened")
        except BaseException:
            self.close()
            raise
        at_port = "" if self.port == MASTER_PORT else f" --port {self.port}"
        self.worker_command = f"lab locust worker {host}{at_port} --token {token}"

    def wait_for_workers(self, timeout_s: float, report: Callable[[int], None]) -> None:
        """Block until all workers are connected.

        Args:
            timeout_s: For how long.
            report: Called with the number of connected workers when it changes.
        Raises:
            LoadEngineError: They did not come, or the master ended.
        """
        there = 0
        until_s = time.monotonic() + timeout_s
        while there < self._workers:
            event = self._loader.next_event(until_s, "while it waited for workers")
            if event is None:
                raise LoadEngineError(
                    f"{there} of {self._workers} workers came within {timeout_s:g} s. On each of their machines: "
                    f"{self.worker_command}. Or ask for fewer with --workers, or for more time with --timeout."
                )
            if event[0] == "workers":
                there = event[1]
                report(there)

    def start(self, order: LoadOrder) -> LoadSession:
        """Let the workers ask; see ``LoadEngine``."""
        check_order(order, self.limits, beyond_loopback=True)
        if order.load.vus < self._workers:
            raise LoadEngineError(
                f"{order.load.vus} virtual users cannot be shared out among {self._workers} workers: ask for --vus of "
                f"{self._workers} or more"
            )
        # A late event of the last trial, even its failure, is not about this one.
        until_s = time.monotonic() + _STOP_S
        while not self._is_idle:
            event = self._loader.next_event(until_s, "before the last trial had ended")
            if event is None:
                raise LoadEngineError(f"the last trial did not end within {_STOP_S:g} s")
            self._is_idle = event[0] == "held"
        self._is_idle = False
        return _SharedSession(self._loader, order)

    def facts(self) -> Mapping[str, str | int]:
        """Return Locust's version, the number of workers, and the address and port where they are not the default."""
        place = {"load_host": self.host} if self.host != LOOPBACK else {}
        port = {"load_port": self._asked_port} if self._asked_port != MASTER_PORT else {}
        return {**super().facts(), "load_workers": self._workers, **place, **port}

    def close(self) -> None:
        """Send the workers home and end the master; harmless the second time."""
        self._loader.close()


class _SharedSession(LoadSession):
    """One trial of a process that continues after it."""

    _is_over = False

    def close(self) -> None:
        """End the trial if it is under way; harmless the second time."""
        if "finished" not in self._said and not self._is_over:
            self._is_over = True
            self.loader.write(STOP)


def start_worker(host: str, port: int, token: str | None, note: Callable[[str], None]) -> LoaderProcess:
    """Start a worker, which serves its master until that ends.

    Args:
        host: Address of the master's machine.
        port: The master's.
        token: The join token, which the master's terminal shows.
        note: Called with each of the worker's messages.
    Raises:
        LoadEngineError: Locust is not installed.
    """
    # Raises the error.
    LocustEngine()
    given = () if token is None else (token,)
    return LoaderProcess(process_command("worker", host, str(port), *given), note)


def process_command(*arguments: str) -> list[str]:
    """Return what starts one of Locust's processes."""
    return python("-m", "benchmarks.measure.load.locust_process", *arguments)
