"""Keeps k6: starts it, watches it, reads its summary, and ends it when nobody wants its result any more.

    python -m benchmarks.measure.load.k6_process K6

It reads one order from standard input and writes its events to standard output.
"""

from __future__ import annotations

import collections
import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO, cast

import psutil

from benchmarks.errors import LabError
from benchmarks.measure.load import wire
from benchmarks.measure.load.engine import LoadEngineError, LoadOrder, pin
from benchmarks.measure.load.k6 import command_line
from benchmarks.measure.load.k6_summary import read_summary
from benchmarks.measure.load.order_check import check_order
from benchmarks.measure.load.session import how_it_ended
from benchmarks.model import LoadResult
from benchmarks.process import start
from benchmarks.trials import impossibility

BEGINS = "lab: the load begins"
"""What the script says right before the load."""

_SETTINGS = {
    # The shape of the summary that k6_summary reads; versions before 1.5 know no other.
    "K6_NEW_MACHINE_READABLE_SUMMARY": "false",
    # Nothing is fetched or told while it runs.
    "K6_NO_USAGE_REPORT": "true",
    "K6_AUTO_EXTENSION_RESOLUTION": "false",
    # Where its words at the beginning are waited for.
    "K6_LOG_OUTPUT": "stderr",
}

_MESSAGE = re.compile(r'\bmsg="((?:[^"\\]|\\.)*)"')
"""What k6 says in a line of its log."""

_GRACEFUL_STOP_S = 30.0
"""How long k6 waits for requests that are in flight at the end, seconds."""

_BEGIN_TIMEOUT_S = 30.0
_TERMINATE_GRACE_S = 1.0
_TAIL_LINES = 8
_EXIT_FAILED = 1
_EXIT_ABANDONED = 3


class K6:
    """One run of k6, which ends with a stack."""

    def __init__(self, stack: contextlib.ExitStack, command: list[str], cores: int) -> None:
        # Go starts as many threads as it sees cores when it begins; it is pinned like this process.
        threads = {"GOMAXPROCS": str(cores)} if cores else {}
        self._process = start(
            stack,
            command,
            _environment() | threads,
            steps=((signal.SIGTERM, _TERMINATE_GRACE_S),),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        ).process
        # Popen knows its pipes as optional; this one was asked for.
        stderr = cast("IO[bytes]", self._process.stderr)
        self._began_s: float | None = None
        self._begun = threading.Event()
        self._tail: collections.deque[str] = collections.deque(maxlen=_TAIL_LINES)
        self._reader = threading.Thread(target=self._read, args=(stderr,), daemon=True)
        self._reader.start()

    def wait_until_begun(self) -> float:
        """Return when the load began, on the clock of ``time.monotonic()``."""
        if not self._begun.wait(_BEGIN_TIMEOUT_S):
            raise LoadEngineError(f"{self.last_words()}k6 did not begin within {_BEGIN_TIMEOUT_S:g} s")
        if self._began_s is None:
            # It has closed what it speaks through, and is about to end.
            self.finish(_TERMINATE_GRACE_S)
            raise LoadEngineError(f"{self.last_words()}k6 ended before it asked anything")
        return self._began_s

    def cpu_s(self) -> float | None:
        """Return the CPU time that it has used, which Linux still tells until ``finish``; ``None`` when nobody does."""
        try:
            used = psutil.Process(self._process.pid).cpu_times()
        except psutil.Error:
            return None
        return float(used.user + used.system)

    def wait_until(self, moment_s: float) -> None:
        """Block until a moment on the clock of ``time.monotonic()``, or until it ends."""
        # Not by waiting for the process, which would reap it: of a k6 that ended right before the moment, nobody could
        # say any more how much CPU time it used. What it speaks through closes when it ends.
        self._reader.join(max(0.0, moment_s - time.monotonic()))

    def finish(self, timeout_s: float) -> None:
        """Block until it has ended, and see that it ended well."""
        try:
            status = self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise LoadEngineError(
                f"{self.last_words()}k6 did not end within {timeout_s:g} s of the end of its load"
            ) from None
        self._reader.join()
        if status != 0:
            raise LoadEngineError(
                f"{self.last_words()}k6 ended {how_it_ended(status)}: nothing of this trial counts, run it again"
            )

    def _read(self, stderr: IO[bytes]) -> None:
        with stderr:
            for line in stderr:
                text = line.decode(errors="replace").strip()
                if BEGINS in text and self._began_s is None:
                    self._began_s = time.monotonic()
                    self._begun.set()
                elif text:
                    self._tail.append(text)
        # Nobody waits for the beginning of a run that has ended.
        self._begun.set()

    def last_words(self) -> str:
        """Return the end of what it said, to stand before what is said of it; empty when it said nothing."""
        told = [found[1].replace('\\"', '"') if (found := _MESSAGE.search(line)) else line for line in self._tail]
        return f"k6 says: {chr(10).join(told)}\n" if told else ""


def main() -> int:
    """Keep k6: carry out the order on standard input.

    Returns:
        The exit status.
    """
    stack = contextlib.ExitStack()
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(_EXIT_ABANDONED))
    try:
        order = wire.decode_order(sys.stdin.buffer.readline())
        check_order(order)
        pin(order.cpus)
        threading.Thread(target=_follow_parent, args=(stack,), name="follow the parent", daemon=True).start()
        result = _drive(sys.argv[1], order, stack)
    except (ValueError, KeyError, TypeError, IndexError) as error:
        wire.say(wire.Failed(f"k6 was given no order that can be read ({error!r})"))
        return _EXIT_FAILED
    except (LoadEngineError, OSError) as error:
        wire.say(wire.Failed(str(error)))
        return _EXIT_FAILED
    finally:
        stack.close()
    wire.say(wire.Finished(result))
    return 0


def _drive(executable: str, order: LoadOrder, stack: contextlib.ExitStack) -> LoadResult:
    load = order.load
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="lab-k6-"))
    summary = Path(folder, "summary.json")

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
    wire.say(wire.Measuring(began_s))
    k6.wait_until(began_s + load.duration_s)
    cpu_after_s = k6.cpu_s()
    k6.finish(_GRACEFUL_STOP_S)
    used_s = None if cpu_before_s is None or cpu_after_s is None else cpu_after_s - cpu_before_s
    try:
        cores = len(order.cpus) or os.cpu_count() or 1
        result = read_summary(summary.read_text(encoding="utf-8"), used_s, cores)
    except FileNotFoundError:
        raise LoadEngineError(f"{k6.last_words()}k6 left no summary") from None
    except (LabError, UnicodeDecodeError) as error:
        raise LoadEngineError(
            f"k6's summary cannot be read: {error}. Versions 0.31 to 2 write one that can; "
            "`k6 version` says which this is"
        ) from error
    # The warm-up was another run: nothing of it was in flight.
    if fault := impossibility(result, load, earlier_s=0.0):
        raise LoadEngineError(f"k6's figures cannot be true: {fault}")
    return result


def _follow_parent(stack: contextlib.ExitStack) -> None:
    # Not through sys.stdin, whose lock would be held by this thread when the interpreter shuts down.
    while os.read(0, 1):
        pass
    stack.close()
    os._exit(_EXIT_ABANDONED)


def _environment() -> dict[str, str]:
    # The person's own K6_* settings are for their own tests.
    return {name: value for name, value in os.environ.items() if not name.startswith("K6_")} | _SETTINGS


if __name__ == "__main__":
    sys.exit(main())
