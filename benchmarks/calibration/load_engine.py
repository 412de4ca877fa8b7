"""Holds the embedded load engine to its bars against wrk: same server, same cores, interleaved rounds.

Run as ``python -m benchmarks.calibration.load_engine``.
"""

from __future__ import annotations

import os
import random
import shutil
import statistics
import subprocess
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.calibration import frame
from benchmarks.calibration.frame import Bar, Figures, NotMeasuredError, Session
from benchmarks.calibration.loading import ask_health
from benchmarks.contenders import catalogue
from benchmarks.measure.environment import share_cores
from benchmarks.measure.server import HOST, RunningServer, running
from benchmarks.measure.workloads import HEALTH
from benchmarks.model import LoadProfile

CONNECTIONS = 10
WARMUP_S = 0.5

BARS = {
    "bare-asgi@uvicorn": (
        Bar("bare-asgi@uvicorn rate, req/s", "ours req/s", "wrk req/s", 0.95),
        Bar("bare-asgi@uvicorn median, ms", "ours ms", "wrk ms"),
    ),
    "fastapi-async@uvicorn": (
        Bar("fastapi-async@uvicorn rate, req/s", "ours req/s", "wrk req/s", 0.95, 1.05),
        Bar("fastapi-async@uvicorn median, ms", "ours ms", "wrk ms", 0.9, 1.1),
    ),
}
"""By contender. The bare server shows the engine's ceiling."""


def compare(server: RunningServer, wrk: str, duration_s: int, cpus: tuple[int, ...], order: random.Random) -> Figures:
    """Load one running server with both, in a random order.

    Args:
        server: The server.
        wrk: Path of wrk.
        duration_s: Of one trial, whole seconds.
        cpus: Cores that our engine is pinned to; wrk inherits this process's.
        order: Decides which goes first.
    Returns:
        Rate and median latency that each measured, and the share of its core that our engine used.
    Raises:
        NotMeasuredError: wrk failed or saw errors.
        LoadEngineError: The engine did.
        ServerError: The server does not answer.
    """
    figures: Figures = {}
    for loader in order.sample(("wrk", "ours"), 2):
        if loader == "ours":
            result = ask_health(server, LoadProfile(vus=CONNECTIONS, duration_s=duration_s, warmup_s=WARMUP_S), cpus)
            assert result.latency is not None  # noqa: S101  # ask_health has checked it
            figures |= {"ours req/s": result.rate_per_s, "ours ms": result.latency.median_ms}
            figures["busy"] = (result.loader_cpu_s or 0.0) / result.duration_s
        else:
            seen = run_wrk(wrk, server, duration_s)
            figures |= {"wrk req/s": seen.rate_per_s, "wrk ms": seen.median_ms}
    return figures


@frame.script(
    "Compare the embedded load engine with wrk on real servers, in interleaved rounds.",
    frame.number("--rounds", 10, "of each server, 2 or more", 2),
    frame.number("--duration", 2, "of a trial, whole seconds", 1, 600),
    frame.SEED,
    packages=("uvicorn", "fastapi", "httptools"),
)
def main(session: Session) -> bool:
    """Compare and print."""
    wrk = shutil.which("wrk")
    if wrk is None:
        raise NotMeasuredError("wrk is not installed: `apt-get install wrk` or `brew install wrk`, then try again")
    options, cores = session.options, share_cores()
    session.begin("load engine against wrk", cores)
    print(f"seed {options.seed}, {options.rounds} rounds of {options.duration} s, {CONNECTIONS} connections")
    if cores.loader:
        # Inherited by wrk and its threads.
        os.sched_setaffinity(0, cores.loader)
    measured = {}
    for contender_id in BARS:
        contender = catalogue.find(contender_id)
        with running(contender, HEALTH.path_for(contender), cores.server) as server:
            # wrk has no warm-up: without this, the first round would give it a cold server.
            run_wrk(wrk, server, 1)
            measure = partial(compare, server, wrk, options.duration, cores.loader)
            measured[contender_id] = session.rounds(contender_id, options.rounds, measure)
    held = True
    for contender_id, bars in BARS.items():
        held &= frame.table("server and figure", "ours", "wrk", bars, measured[contender_id])
        busy = statistics.fmean(seen["busy"] for seen in measured[contender_id])
        print(f"{contender_id} our loader used {100 * busy:.0f} % of its core")
    return held


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


def run_wrk(wrk: str, server: RunningServer, duration_s: int) -> WrkResult:
    """Let wrk load a server's health check with one thread, on the cores that this process is pinned to.

    Args:
        wrk: Path of the program.
        server: The server.
        duration_s: Whole seconds, the only ones that wrk accepts.
    Raises:
        NotMeasuredError: It failed or saw errors.
    """
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "histogram.lua")
        script.write_text(_SCRIPT, encoding="ascii")
        load = ["--threads", "1", "--connections", str(CONNECTIONS), "--duration", f"{duration_s}s"]
        url = f"http://{HOST}:{server.port}{HEALTH.path_for(server.contender)}"
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
            raise NotMeasuredError(f"wrk was still running {_PATIENCE_S:g} s after its time") from error
    return read_wrk(done.stdout, CONNECTIONS)


def read_wrk(printed: str, connections: int) -> WrkResult:
    """Read the output of our script in wrk.

    Args:
        printed: wrk's standard output.
        connections: Number of connections that it kept open.
    Raises:
        NotMeasuredError: It saw errors, or this is not the output of a known version.
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
        raise NotMeasuredError(f"wrk did not run our script to its end, as version 4.1 does:\n{printed}")
    requests, duration_us, failed = summary
    if failed or not requests:
        raise NotMeasuredError(f"wrk saw {failed} errors and {requests} answers, so there is nothing to compare with")
    counts_us = without_correction(corrected, max(duration_us // max(requests // connections, 1), 1))
    if sum(counts_us.values()) != requests:
        raise NotMeasuredError(f"wrk's histogram is not of its {requests} answers; versions 4.0 to 4.2 are known")
    return WrkResult(requests / duration_us * 1e6, counts_us)


def without_correction(corrected: Mapping[int, int], expected_us: int) -> dict[int, int]:
    """Remove the latencies that wrk added to its histogram.

    For every answer slower than twice the expected interval, wrk adds the answers that a load generator at a steady
    rate would have waited for meanwhile. On a machine that stalls this doubles the median, and a closed loop has no
    steady rate. Counted down from the slowest answer, each addition is known, so the removal is exact.

    Args:
        corrected: Count by latency, microseconds, as wrk gives them.
        expected_us: Average time between two answers on one connection, whole microseconds.
    Returns:
        Count by latency of the real answers.
    Source:
        wrk 4, function stats_correct, here in reverse.
    """
    counts = Counter(corrected)
    for latency_us in sorted(corrected, reverse=True):
        if latency_us < 2 * expected_us:
            break
        for made_up_us in range(latency_us - expected_us, expected_us, -expected_us):
            counts[made_up_us] -= counts[latency_us]
    return {latency_us: count for latency_us, count in counts.items() if count}


if __name__ == "__main__":
    frame.run(main)
