"""Holds the embedded load engine to account against wrk: same server, same cores, interleaved rounds.

Run as ``python -m benchmarks.calibration.load_engine``.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.calibration import frame
from benchmarks.calibration.frame import Bar, NotMeasuredError, tell_ratio
from benchmarks.calibration.loading import ask_health
from benchmarks.contenders import catalogue
from benchmarks.measure.environment import share_cores
from benchmarks.measure.server import HOST, RunningServer, running
from benchmarks.measure.workloads import HEALTH
from benchmarks.model import LoadProfile

CONNECTIONS = 10
WARMUP_S = 0.5


@dataclass(frozen=True, slots=True)
class Seen:
    """What one loader saw in one trial."""

    rate_per_s: float
    median_ms: float
    loader_cpu_fraction: float | None = None


CEILING_BAR = Bar(0.95)
RATE_BAR = Bar(0.95, 1.05)
MEDIAN_BAR = Bar(0.9, 1.1)

BARS: dict[str, tuple[Bar | None, Bar | None]] = {
    "bare-asgi@uvicorn": (CEILING_BAR, None),
    "fastapi-async@uvicorn": (RATE_BAR, MEDIAN_BAR),
}
"""By contender: the bar on the rate, and the bar on the median latency."""


def run_ours(server: RunningServer, duration_s: int, cpus: tuple[int, ...]) -> Seen:
    """Let the embedded engine load the server.

    Raises:
        LoadEngineError: It failed, or saw errors.
        ServerError: The server does not answer.
    """
    result = ask_health(server, LoadProfile(vus=CONNECTIONS, duration_s=duration_s, warmup_s=WARMUP_S), cpus)
    assert result.latency is not None  # noqa: S101  # ask_health has seen to it
    cpu_fraction = None if result.loader_cpu_s is None else result.loader_cpu_s / result.duration_s
    return Seen(result.rate_per_s, result.latency.median_ms, cpu_fraction)


def compare(
    server: RunningServer, wrk: str, duration_s: int, cpus: tuple[int, ...], order: random.Random
) -> dict[str, Seen]:
    """Load one running server with both, in a random order.

    Args:
        server: What is loaded.
        wrk: Path of wrk.
        duration_s: Of one trial, whole seconds.
        cpus: Cores that our engine is pinned to; wrk inherits this process's.
        order: Decides who goes first.
    Returns:
        What ``wrk`` and ``ours`` saw.
    Raises:
        NotMeasuredError: wrk failed or saw errors.
        LoadEngineError: The engine did.
        ServerError: The server does not answer.
    """
    url = f"http://{HOST}:{server.port}{HEALTH.path_for(server.contender)}"
    seen: dict[str, Seen] = {}
    for loader in order.sample(("wrk", "ours"), 2):
        if loader == "ours":
            seen[loader] = run_ours(server, duration_s, cpus)
        else:
            result = run_wrk(wrk, url, connections=CONNECTIONS, duration_s=duration_s)
            seen[loader] = Seen(result.rate_per_s, result.median_ms)
    return seen


def tell(contender_id: str, rounds: Sequence[Mapping[str, Seen]], bars: tuple[Bar | None, Bar | None]) -> bool:
    """Print the ratios of one server.

    Returns:
        Whether every bar holds.
    """
    ours, wrks = ([seen[loader] for seen in rounds] for loader in ("ours", "wrk"))
    rate_bar, median_bar = bars
    held = [
        tell_ratio(
            f"{contender_id} rate, req/s",
            [seen.rate_per_s for seen in ours],
            [seen.rate_per_s for seen in wrks],
            rate_bar,
        ),
        tell_ratio(
            f"{contender_id} median, ms",
            [seen.median_ms for seen in ours],
            [seen.median_ms for seen in wrks],
            median_bar,
        ),
    ]
    busy = [seen.loader_cpu_fraction for seen in ours if seen.loader_cpu_fraction is not None]
    if busy:
        print(f"{contender_id} our loader used {100 * sum(busy) / len(busy):.0f} % of its core")
    return all(held)


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare and print.

    Args:
        arguments: Of the command line; those of this process unless told.
    Returns:
        The exit status.
    """
    parser = frame.parser(
        "load_engine", "Compare the embedded load engine with wrk on real servers, in interleaved rounds."
    )
    rounds, seconds = frame.whole_number(2, 1_000), frame.whole_number(1, 600)
    parser.add_argument("--rounds", type=rounds, default=10, help="of each server, 2 or more (%(default)s)")
    parser.add_argument("--duration", type=seconds, default=2, help="of a trial, whole seconds (%(default)s)")
    frame.add_seed(parser, "the order in a round")
    options = frame.parse(parser, arguments)
    return frame.status(lambda: _measure(options))


def _measure(options: argparse.Namespace) -> bool:
    wrk = shutil.which("wrk")
    if wrk is None:
        message = "wrk is not here to compare with: `apt-get install wrk` or `brew install wrk`, then try again"
        raise NotMeasuredError(message)
    packages = ("uvicorn", "fastapi", "httptools")
    rounds, cores = frame.rounds(options, *packages), share_cores()
    print(f"load engine against wrk: {frame.here(*packages)}; {frame.pinning(cores)}")
    print(f"seed {options.seed}, {options.rounds} rounds of {options.duration} s, {CONNECTIONS} connections")
    if cores.loader:
        # wrk and its threads inherit this; the server and our engine are pinned by who starts them.
        os.sched_setaffinity(0, cores.loader)
    measured = {}
    for contender_id in BARS:
        contender = catalogue.find(contender_id)
        with running(contender, HEALTH.path_for(contender), cores.server) as server:
            # wrk has no warm-up of its own: without this the first round would give it a cold server.
            url = f"http://{HOST}:{server.port}{HEALTH.path_for(contender)}"
            run_wrk(wrk, url, connections=CONNECTIONS, duration_s=1)
            measure = partial(compare, server, wrk, options.duration, cores.loader)
            measured[contender_id] = rounds.of(contender_id, options.rounds, measure, dict[str, Seen])
    frame.tell_heading("server and figure", "ours", "wrk")
    verdicts = [tell(contender_id, measured[contender_id], bars) for contender_id, bars in BARS.items()]
    return all(verdicts)


_PATIENCE_S = 30.0

# wrk's own report rounds the median and hides its histogram; its scripting interface gives both whole.
_SCRIPT = """
done = function(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  print(string.format("#summary %d %d %d", summary.requests, summary.duration, failed))
  for index = 1, #latency do
    print(string.format("#latency %d %d", latency(index)))
  end
end
"""


@dataclass(frozen=True, slots=True)
class WrkResult:
    """What wrk measured.

    Attributes:
        rate_per_s: Answers per second.
        counts_us: How many answers had each latency, whole microseconds.
    """

    rate_per_s: float
    counts_us: Mapping[int, int]

    @property
    def median_ms(self) -> float:
        """The latency that half of the answers did not exceed."""
        remaining = sum(self.counts_us.values()) / 2
        for latency_us in sorted(self.counts_us):
            remaining -= self.counts_us[latency_us]
            if remaining <= 0:
                return latency_us / 1_000
        raise NotMeasuredError("wrk saw no answer")


def run_wrk(wrk: str, url: str, *, connections: int, duration_s: int) -> WrkResult:
    """Let wrk load a server with one thread, on whichever cores this process is pinned to.

    Args:
        wrk: Path of the program.
        url: What to ask for.
        connections: Kept open all the time.
        duration_s: Whole seconds, which is all that wrk understands.
    Returns:
        What it measured.
    Raises:
        NotMeasuredError: It failed or saw errors.
    """
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "histogram.lua")
        script.write_text(_SCRIPT, encoding="ascii")
        load = ["--threads", "1", "--connections", str(connections), "--duration", f"{duration_s}s"]
        try:
            done = subprocess.run(
                [wrk, *load, "--script", str(script), url],
                capture_output=True,
                check=True,
                text=True,
                timeout=duration_s + _PATIENCE_S,
            )
        except subprocess.CalledProcessError as error:
            raise NotMeasuredError(f"wrk failed: {error.stderr or error.stdout}") from error
        except subprocess.TimeoutExpired as error:
            raise NotMeasuredError(f"wrk did not end {_PATIENCE_S:g} s after its time") from error
    return read_wrk(done.stdout, connections)


def read_wrk(printed: str, connections: int) -> WrkResult:
    """Read what our script made wrk print.

    Args:
        printed: wrk's standard output.
        connections: That it was told to keep open.
    Returns:
        What it measured.
    Raises:
        NotMeasuredError: It saw errors, or this is not the output of a wrk that is known.
    """
    corrected: Counter[int] = Counter()
    summary: list[int] = []
    for line in printed.splitlines():
        match line.split():
            case ["#summary", *numbers]:
                summary = [int(number) for number in numbers]
            case ["#latency", latency_us, count]:
                corrected[int(latency_us)] += int(count)
    if len(summary) != 3:
        raise NotMeasuredError(f"wrk did not run our script to its end; version 4.1 is known to:\n{printed}")
    requests, duration_us, failed = summary
    if failed or not requests:
        raise NotMeasuredError(f"wrk saw {failed} errors and {requests} answers, so there is nothing to compare with")
    counts_us = without_correction(corrected, max(duration_us // max(requests // connections, 1), 1))
    if sum(counts_us.values()) != requests:
        raise NotMeasuredError(f"wrk's histogram is not of its {requests} answers; versions 4.0 to 4.2 are known")
    return WrkResult(requests / duration_us * 1e6, counts_us)


def without_correction(corrected: Mapping[int, int], expected_us: int) -> dict[int, int]:
    """Take the latencies that wrk made up out of its histogram again.

    For every answer slower than twice the expected interval wrk adds the answers that a loader at a steady rate would
    have waited for meanwhile. Where a machine stalls that doubles the median, and a closed loop has no steady rate.
    From the slowest down each addition is known, so that taking them out is exact.

    Args:
        corrected: Count by latency, microseconds, as wrk gives them.
        expected_us: Average time between two answers on one connection, whole microseconds.
    Returns:
        Count by latency of the answers that there were.
    Source:
        wrk 4, its function stats_correct; here in reverse.
    """
    counts = Counter(corrected)
    for latency_us in sorted(corrected, reverse=True):
        if latency_us < 2 * expected_us:
            break
        for made_up_us in range(latency_us - expected_us, expected_us, -expected_us):
            counts[made_up_us] -= counts[latency_us]
    return {latency_us: count for latency_us, count in counts.items() if count}


if __name__ == "__main__":
    frame.script(main)
