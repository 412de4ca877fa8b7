"""Asks with Locust: from one process of this machine, or from workers on machines of their own.

Locust needs gevent, which changes Python's sockets and threads: it is imported only in the processes that this starts.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import time
from collections.abc import Callable, Mapping

from benchmarks.extras import installing
from benchmarks.measure.load import wire
from benchmarks.measure.load.engine import LOOPBACK, Limits, LoadEngineError, LoadOrder
from benchmarks.measure.load.order_check import check_order, check_own_address
from benchmarks.measure.load.session import LoaderProcess, ProcessSession
from benchmarks.process import python

MASTER_PORT = 5557
"""Locust's own."""

STOP = b"stop\n"
"""Ends the trial that is under way."""

_STARTUP_S = 30.0
_STOP_S = 60.0


class _Locust:
    name = "locust"
    limits = Limits(slices=False, rates=False)
    uses_every_core = False
    # It imports much.
    startup_s = 1.2
    method = (
        "Locust asks. It keeps latencies in whole milliseconds, in tens above 100 ms: percentiles are as coarse, "
        "averages are exact."
    )


class LocustEngine(_Locust):
    """One process of Locust on this machine, closed model.

    Raises:
        LoadEngineError: Locust is not installed.
    """

    host = LOOPBACK

    def __init__(self) -> None:
        check_installed()

    def start(self, order: LoadOrder) -> ProcessSession:
        """Start one load.

        Args:
            order: What to ask of which server; loopback only.
        Returns:
            The load under way; the caller closes it.
        Raises:
            LoadEngineError: The order cannot or must not be carried out, or the process could not be started.
        """
        check_order(order)
        _check_slices(order)
        return ProcessSession(LoaderProcess(process_command("local")), order)

    def facts(self) -> Mapping[str, str | int]:
        """Return Locust's version."""
        return _version()


class LocustMaster(_Locust):
    """Workers on machines of their own, or on this one, that a master process here has ask.

    Args:
        workers: How many a trial needs.
        host: Address of this machine at which they reach it.
        port: Where they connect; 0 for a free one.
        note: Is told who was turned away, or sent home, and why; also while a trial is under way.

    Attributes:
        host: The same.
        port: Where it listens.
        worker_command: What a person types on each of the workers' machines; it holds the join token.
    Raises:
        LoadEngineError: Locust is not installed, the address is not this machine's, or the master did not start.
    """

    def __init__(
        self, workers: int, host: str, port: int = MASTER_PORT, note: Callable[[str], None] | None = None
    ) -> None:
        check_installed()
        check_own_address(host)
        self.host = host
        self._workers = workers
        self._asked_port = port
        self._held = True
        command = process_command("master", "--workers", str(workers), host, "--port", str(port))
        self._loader = LoaderProcess(command, note)
        try:
            self.port, token = self._wait_until_listening()
        except BaseException:
            self.close()
            raise
        at_port = "" if self.port == MASTER_PORT else f" --port {self.port}"
        self.worker_command = f"lab locust worker {host}{at_port} --token {token}"

    def wait_for_workers(self, timeout_s: float, tell: Callable[[int], None]) -> None:
        """Block until all workers are there.

        Args:
            timeout_s: For how long.
            tell: Is told how many are there, when that changes.
        Raises:
            LoadEngineError: They did not come, or the master ended.
        """
        there = 0
        deadline_s = time.monotonic() + timeout_s
        while there < self._workers:
            if time.monotonic() > deadline_s:
                raise LoadEngineError(
                    f"{there} of {self._workers} workers came within {timeout_s:g} s. On each of their machines: "
                    f"{self.worker_command}. Or ask for fewer with --workers, or for more time with --timeout."
                )
            event = self._event(min(deadline_s, time.monotonic() + 1.0))
            if isinstance(event, wire.Workers):
                there = event.count
                tell(there)

    def start(self, order: LoadOrder) -> ProcessSession:
        """Have the workers ask.

        Args:
            order: What to ask of which server; of this machine only.
        Returns:
            The load under way; the caller closes it.
        Raises:
            LoadEngineError: The order cannot or must not be carried out, or the master is gone.
        """
        check_order(order, beyond_loopback=True)
        _check_slices(order)
        if order.load.vus < self._workers:
            raise LoadEngineError(
                f"{order.load.vus} virtual users cannot be shared out among {self._workers} workers: ask for --vus of "
                f"{self._workers} or more"
            )
        self._wait_until_held()
        self._held = False
        return _SharedSession(self._loader, order)

    def facts(self) -> Mapping[str, str | int]:
        """Return Locust's version, how many workers asked, and where, if not where they look unless told."""
        place = {"load_host": self.host} if self.host != LOOPBACK else {}
        port = {"load_port": self._asked_port} if self._asked_port != MASTER_PORT else {}
        return {**_version(), "load_workers": self._workers, **place, **port}

    def close(self) -> None:
        """Send the workers home and end the master; harmless the second time."""
        self._loader.close()

    def _wait_until_listening(self) -> tuple[int, str]:
        deadline_s = time.monotonic() + _STARTUP_S
        while True:
            event = self._loader.take_event(deadline_s, _STARTUP_S, "before it listened")
            if isinstance(event, wire.Listening):
                return event.port, event.token

    def _wait_until_held(self) -> None:
        """Read on to the end of the last trial: what is said of it is nobody's any more."""
        deadline_s = time.monotonic() + _STOP_S
        while not self._held:
            try:
                event = self._loader.take_event(deadline_s, _STOP_S, "before the last trial had ended")
            except LoadEngineError:
                # A failure of the last trial is not this one's; but a master that is gone is.
                if self._loader.process.poll() is not None or time.monotonic() > deadline_s:
                    raise
                continue
            self._held = isinstance(event, wire.Held)

    def _event(self, until_s: float) -> wire.Event | None:
        try:
            return self._loader.take_event(until_s, 0.0, "while it waited for workers")
        except LoadEngineError:
            if self._loader.process.poll() is not None:
                raise
            return None


class _SharedSession(ProcessSession):
    """One trial of a process that goes on."""

    _over = False

    def close(self) -> None:
        """End the trial, if it is under way; harmless the second time."""
        if self._result is None and not self._over:
            self._over = True
            self.loader.write(STOP)


def start_worker(host: str, port: int, token: str | None, note: Callable[[str], None]) -> LoaderProcess:
    """Start a worker, which asks for its master until that is done.

    Args:
        host: Address of the master's machine.
        port: The master's.
        token: The join token, which the master's terminal shows.
        note: Is told what the worker has to say.
    Raises:
        LoadEngineError: Locust is not installed.
    """
    check_installed()
    given = () if token is None else (f"--token={token}",)
    return LoaderProcess(process_command("worker", host, "--port", str(port), *given), note)


def check_installed() -> None:
    """Raise LoadEngineError, with what to do, where Locust is not installed."""
    if importlib.util.find_spec("locust") is None:
        raise LoadEngineError(
            f"Locust is not installed. `make env-locust` in a clone installs it; elsewhere:\n{installing('locust')}\n"
            "`--engine builtin`, which is what runs unless told, needs nothing."
        )


def process_command(*arguments: str) -> list[str]:
    """Return what starts one of Locust's processes."""
    return python("-m", "benchmarks.measure.load.locust_process", *arguments)


def _version() -> dict[str, str | int]:
    try:
        return {"load_engine_version": f"Locust {importlib.metadata.version('locust')}"}
    except importlib.metadata.PackageNotFoundError:
        return {}


def _check_slices(order: LoadOrder) -> None:
    if order.load.slices > 1:
        raise LoadEngineError("Locust cannot hold its load between slices: ask for an interval of one piece")
