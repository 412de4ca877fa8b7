"""Asks with the k6 that the user has installed, by the tutorial's own command line.

Run as ``python -m benchmarks.measure.load.k6 K6``, this module is the process that runs k6: it starts and watches it,
reads its summary, and ends it when its result is no longer wanted.
"""

from __future__ import annotations

import collections
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, cast

import psutil

from benchmarks.errors import LabError
from benchmarks.foreign_json import read_json
from benchmarks.measure.load import wire
from benchmarks.measure.load.engine import ERROR_KINDS, Limits, LoadEngine, LoadEngineError, LoadOrder
from benchmarks.measure.load.order_check import check_order
from benchmarks.measure.load.session import LoaderProcess, LoadSession, how_it_ended
from benchmarks.model import LatencySummary, LoadResult
from benchmarks.process import output_of, python, start
from benchmarks.trials import impossibility

SCRIPT = Path(__file__).with_name("http_get.js")
INSTALL_PAGE = "https://grafana.com/docs/k6/latest/set-up/install-k6/"

BEGINS = "lab: the load begins"
"""What the script prints right before the load."""

_SETTINGS = {
    # The shape of the summary that is read here; versions before 1.5 know no other.
    "K6_NEW_MACHINE_READABLE_SUMMARY": "false",
    # Nothing is fetched or reported while it runs.
    "K6_NO_USAGE_REPORT": "true",
    "K6_AUTO_EXTENSION_RESOLUTION": "false",
    "K6_LOG_OUTPUT": "stderr",
}

_MESSAGE = re.compile(r'\bmsg="((?:[^"\\]|\\.)*)"')
"""The message in a line of k6's log."""

_DURATION = "http_req_duration{expected_response:true}"
"""k6's own part of its durations: those of answers with an expected status, here 2xx."""

_LATENCIES = {
    "average_ms": "avg",
    "minimum_ms": "min",
    "median_ms": "med",
    "maximum_ms": "max",
    "p90_ms": "p(90)",
    "p95_ms": "p(95)",
    "p99_ms": "p(99)",
}

_GRACEFUL_STOP_S = 30.0
"""How long k6 waits for requests that are in flight at the end, seconds."""

_BEGIN_TIMEOUT_S = 30.0
_TERMINATE_GRACE_S = 1.0
_TAIL_LINES = 8


class K6Engine(LoadEngine):
    """The load engine that is the installed k6, closed model.

    Raises:
        LoadEngineError: k6 is not installed.
    """

    name = "k6"
    # k6 itself refuses a shorter duration, and takes whole milliseconds.
    limits = Limits(slices=False, rates=False, varies=False, least_s=1.0, step_s=0.001)
    uses_every_core = True
    # It runs twice.
    startup_s = 1.5
    method = (
        "k6 asks, by the tutorial's command line. It waits for the requests that are in flight when the time is up, "
        "and counts them; rates are over its own time. It has every core that the server leaves."
    )

    def __init__(self) -> None:
        executable = shutil.which("k6")
        if executable is None:
            raise LoadEngineError(
                f"k6 is not installed, or not on PATH. Its own page says how to install it: {INSTALL_PAGE}\n"
                "`--engine builtin`, the default, needs nothing."
            )
        self._executable = executable

    def start(self, order: LoadOrder) -> LoadSession:
        """Start k6 once for the warm-up, which is discarded, and once for the interval; see ``LoadEngine``."""
        check_order(order, self.limits)
        return LoadSession(LoaderProcess(python("-m", "benchmarks.measure.load.k6", self._executable)), order)

    def facts(self) -> Mapping[str, str | int]:
        """Return the version that k6 prints."""
        try:
            printed = output_of([self._executable, "version"], 10)
        except (OSError, subprocess.SubprocessError):
            return {}
        return {"load_engine_version": printed.strip().partition("\n")[0]}


def command_line(executable: str, order: LoadOrder, duration_s: float, summary: Path) -> list[str]:
    """Return the tutorial's command line, with the order in its environment.

    Args:
        executable: k6.
        order: What to ask, and by how many virtual users.
        duration_s: How long.
        summary: Where the summary goes.
    """
    settings = {
        "LAB_URL": order.url,
        "LAB_METHOD": order.method,
        "LAB_HEADERS": json.dumps(dict(order.headers)),
        "LAB_SEND_BASE64": order.body_base64,
        "LAB_STATUSES": ",".join(map(str, order.statuses)),
        "LAB_BODY_BYTES": "" if order.expected_body_bytes is None else str(order.expected_body_bytes),
        "LAB_BODY_BASE64": order.expected_body_base64 or "",
        "LAB_TIMEOUT": _milliseconds(order.load.timeout_s),
        "LAB_SUMMARY": str(summary),
    }
    environment = [word for name, value in settings.items() for word in ("--env", f"{name}={value}")]
    size = ["--vus", str(order.load.vus), "--duration", _milliseconds(duration_s)]
    return [executable, "run", *size, "--quiet", "--no-color", *environment, str(SCRIPT)]


def _milliseconds(seconds: float) -> str:
    milliseconds = round(1000 * seconds)
    return f"{milliseconds // 1000}s" if milliseconds % 1000 == 0 else f"{milliseconds}ms"


def read_summary(text: str, loader_cpu_s: float | None, loader_cores: int = 1) -> LoadResult:
    """Read the end-of-test summary of one run of ``http_get.js``, as k6 passes it to ``handleSummary``.

    Args:
        text: JSON that the script wrote.
        loader_cpu_s: CPU time that k6 used, which it does not report itself.
        loader_cores: How many cores it could use.
    Returns:
        k6's own counts over its own duration: requests in flight at the end are waited for, and count. k6 has no
        histogram, and does not report statuses.
    Raises:
        LabError: The text is not such a summary.
    Source:
        Grafana k6 documentation, Custom summary, "Summary data reference".
    """
    try:
        summary = read_json(text)
        metrics = {**summary["metrics"]}

        def count(name: str) -> int:
            # A counter that never counted is not in the summary.
            return round(_number(metrics[name]["values"]["count"])) if name in metrics else 0

        duration_s = _number(summary["state"]["testRunDurationMs"]) / 1000
        asked = count("http_reqs")
        errors = {kind: failed for kind in ERROR_KINDS if (failed := count(f"lab_errors_{kind}"))}
        completed = asked - sum(errors.values())
        if not duration_s > 0 or completed < 0:
            raise LabError(f"it has {sum(errors.values())} errors in {asked} requests of {duration_s:g} s")
        latency = None
        if completed:
            values = metrics[_DURATION]["values"]
            latency = LatencySummary(**{field: _number(values[name]) for field, name in _LATENCIES.items()})
        return LoadResult(
            completed=completed,
            duration_s=duration_s,
            errors=errors,
            statuses=None,
            unfinished=None,
            sent_bytes=count("data_sent"),
            received_bytes=count("data_received"),
            loader_cpu_s=loader_cpu_s,
            latency=latency,
            histogram=None,
            loader_cores=loader_cores,
            bodies_compared=count("lab_bodies_compared"),
        )
    except KeyError as error:
        raise LabError(f"it has no {error}") from error
    except ValueError as error:
        raise LabError(f"it is not whole JSON ({error})") from error
    except TypeError as error:
        raise LabError(f"it has another shape ({error})") from error


def _number(value: Any) -> float:
    if type(value) not in {int, float}:
        raise TypeError(f"{value!r:.40} is not a number")
    return float(value)


class K6:
    """One run of k6, which ends with a stack."""

    def __init__(self, stack: contextlib.ExitStack, command: list[str], cores: int) -> None:
        # The person's own K6_* settings are for their own tests.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("K6_")} | _SETTINGS
        if cores:
            # Go starts as many threads as the machine has cores.
            environment["GOMAXPROCS"] = str(cores)
        self._process = start(
            stack,
            command,
            environment,
            steps=((signal.SIGTERM, _TERMINATE_GRACE_S),),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        ).process
        self._began_s: float | None = None
        self._begun = threading.Event()
        self._tail: collections.deque[str] = collections.deque(maxlen=_TAIL_LINES)
        # Popen knows its pipes as optional; this one was asked for.
        stderr = cast("IO[bytes]", self._process.stderr)
        self._reader = threading.Thread(target=self._read, args=(stderr,), daemon=True)
        self._reader.start()

    def wait_until_begun(self) -> float:
        """Return when the load began, on the clock of ``time.monotonic()``."""
        if not self._begun.wait(_BEGIN_TIMEOUT_S):
            raise self.failure(f"k6 did not begin within {_BEGIN_TIMEOUT_S:g} s")
        if self._began_s is None:
            # It has closed its log, and is about to end.
            self.finish(_TERMINATE_GRACE_S)
            raise self.failure("k6 ended before it asked anything")
        return self._began_s

    def cpu_s(self) -> float | None:
        """Return the CPU time that it has used, which Linux knows until ``finish``; ``None`` where it is unknown."""
        try:
            used = psutil.Process(self._process.pid).cpu_times()
        except psutil.Error:
            return None
        return float(used.user + used.system)

    def wait_until(self, moment_s: float) -> None:
        """Block until a moment on the clock of ``time.monotonic()``, or until k6 ends."""
        # Not by waiting for the process, which would reap it: the CPU time of a k6 that ended right before the moment
        # would be lost. Its log closes when it ends.
        self._reader.join(max(0.0, moment_s - time.monotonic()))

    def finish(self, timeout_s: float) -> None:
        """Block until it has ended, and check that it ended well."""
        try:
            status = self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise self.failure(f"k6 did not end within {timeout_s:g} s of the end of its load") from None
        self._reader.join()
        if status != 0:
            raise self.failure(f"k6 ended {how_it_ended(status)}: this trial does not count, run it again")

    def failure(self, what: str) -> LoadEngineError:
        """Return an error that begins with the end of k6's log."""
        told = [found[1].replace('\\"', '"') if (found := _MESSAGE.search(line)) else line for line in self._tail]
        return LoadEngineError("\n".join([f"k6 says: {told[0]}", *told[1:], what] if told else [what]))

    def _read(self, stderr: IO[bytes]) -> None:
        with stderr:
            for line in stderr:
                text = line.decode(errors="replace").strip()
                if BEGINS in text and self._began_s is None:
                    self._began_s = time.monotonic()
                    self._begun.set()
                elif text:
                    self._tail.append(text)
        # The beginning of a run that has ended is of no interest.
        self._begun.set()


def main() -> int:
    """Run k6 for the order on standard input.

    Returns:
        The exit status.
    """
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(wire.EXIT_ABANDONED))
    return wire.serve("k6", lambda order: _carry_out(sys.argv[1], order))


def _carry_out(executable: str, order: LoadOrder) -> LoadResult:
    with contextlib.ExitStack() as stack:
        threading.Thread(target=wire.follow_parent, kwargs={"leave": stack.close}, daemon=True).start()
        return _drive(executable, order, stack)


def _drive(executable: str, order: LoadOrder, stack: contextlib.ExitStack) -> LoadResult:
    load = order.load
    summary = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lab-k6-")), "summary.json")

    def begin(ends: contextlib.ExitStack, duration_s: float) -> K6:
        return K6(ends, command_line(executable, order, duration_s, summary), len(order.cpus))

    if load.warmup_s > 0:
        # Its last requests are waited for, so every virtual user has been answered once.
        with stack.enter_context(contextlib.ExitStack()) as ends:
            warmup = begin(ends, load.warmup_s)
            warmup.wait_until_begun()
            warmup.finish(load.warmup_s + _GRACEFUL_STOP_S)
        summary.unlink(missing_ok=True)
    k6 = begin(stack, load.duration_s)
    began_s = k6.wait_until_begun()
    cpu_before_s = k6.cpu_s()
    wire.say("measuring", began_s)
    k6.wait_until(began_s + load.duration_s)
    cpu_after_s = k6.cpu_s()
    k6.finish(_GRACEFUL_STOP_S)
    used_s = None if cpu_before_s is None or cpu_after_s is None else cpu_after_s - cpu_before_s
    try:
        result = read_summary(summary.read_text(encoding="utf-8"), used_s, len(order.cpus) or os.cpu_count() or 1)
    except FileNotFoundError:
        raise k6.failure("k6 left no summary") from None
    except (LabError, UnicodeDecodeError) as error:
        raise LoadEngineError(
            f"k6's summary cannot be read: {error}. Versions 0.31 to 2 write one that can; "
            "`k6 version` prints which this is"
        ) from error
    # The warm-up was another run: none of its requests was in flight.
    if fault := impossibility(result, load, earlier_s=0.0):
        raise LoadEngineError(f"k6's figures cannot be true: {fault}")
    return result


if __name__ == "__main__":
    sys.exit(main())
