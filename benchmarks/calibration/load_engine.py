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
from functools import partial
from pathlib import Path

from benchmarks.calibration.frame import SEED, Bar, Figures, NotMeasuredError, Session, number, script
from benchmarks.calibration.loading import ask, load_of, serving
from benchmarks.measure.server import HOST, RunningServer
from benchmarks.measure.workloads import HEALTH
from benchmarks.process import output_of

CONNECTIONS = 10

BARS = {
    # The bare server shows the engine's ceiling.
    "bare-asgi@uvicorn": (Bar("rate, req/s", "ours req/s", "wrk req/s", 0.95), Bar("median, ms", "ours ms", "wrk ms")),
    "fastapi-async@uvicorn": (
        Bar("rate, req/s", "ours req/s", "wrk req/s", 0.95, 1.05),
        Bar("median, ms", "ours ms", "wrk ms", 0.9, 1.1),
    ),
}
"""By contender."""

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


def compare(session: Session, server: RunningServer, wrk: str, order: random.Random) -> Figures:
    """Load one running server with both, in a random order.

    Returns:
        Rate and median latency that each measured, and the share of its core that our engine used.
    """
    figures: Figures = {}
    for loader in order.sample(("wrk", "ours"), 2):
        if loader == "wrk":
            figures |= run_wrk(wrk, server, session.options.duration)
            continue
        result, latency = ask(session, server, load_of(session, CONNECTIONS))
        figures |= {"ours req/s": result.rate_per_s, "ours ms": latency.median_ms}
        figures["busy"] = (result.loader_cpu_s or 0.0) / result.duration_s
    return figures


def run_wrk(wrk: str, server: RunningServer, duration_s: int) -> Figures:
    """Let wrk load a server's health check with one thread, on the cores that this process is pinned to.

    Args:
        wrk: Path of the program.
        server: The server.
        duration_s: Whole seconds, the only ones that wrk accepts.
    Returns:
        Rate and median latency.
    Raises:
        NotMeasuredError: It failed or saw errors.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "histogram.lua")
        path.write_text(_SCRIPT, encoding="ascii")
        load = ["--threads", "1", "--connections", str(CONNECTIONS), "--duration", f"{duration_s}s"]
        url = f"http://{HOST}:{server.port}{HEALTH.path_for(server.contender)}"
        try:
            printed = output_of([wrk, *load, "--script", str(path), url], duration_s + _PATIENCE_S)
        except subprocess.CalledProcessError as error:
            raise NotMeasuredError(f"wrk failed: {error.stderr or error.output}") from error
        except subprocess.TimeoutExpired as error:
            raise NotMeasuredError(f"wrk was still running {_PATIENCE_S:g} s after its time") from error
    rate_per_s, counts_us = read_wrk(printed, CONNECTIONS)
    return {"wrk req/s": rate_per_s, "wrk ms": median_ms(counts_us)}


def read_wrk(printed: str, connections: int) -> tuple[float, Mapping[int, int]]:
    """Read the output of our script in wrk.

    Args:
        printed: wrk's standard output.
        connections: Number of connections that it kept open.
    Returns:
        Answers per second, and how many had each latency, whole microseconds.
    Raises:
        NotMeasuredError: It saw errors, or this is not the output of a known version.
    """
    corrected: Counter[int] = Counter()
    summary: list[int] = []
    for line in printed.splitlines():
        match line.split():
            case ["#summary", *numbers]:
                summary = [int(word) for word in numbers]
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
    return requests / duration_us * 1e6, counts_us


def median_ms(counts_us: Mapping[int, int]) -> float:
    """Return the latency that half of the answers did not exceed, given their count by latency in microseconds."""
    # statistics.median would make up a latency between the two of an even number.
    return statistics.median_low(Counter(counts_us).elements()) / 1_000


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


@script(
    "Compare the embedded load engine with wrk on real servers, in interleaved rounds.",
    number("--rounds", 10, "of each server, 2 or more", 2),
    number("--duration", 2, "of a trial, whole seconds", 1, 600),
    SEED,
    packages=("uvicorn", "fastapi", "httptools"),
)
def main(session: Session) -> None:
    """Compare and print."""
    wrk = shutil.which("wrk")
    if wrk is None:
        raise NotMeasuredError("wrk is not installed: `apt-get install wrk` or `brew install wrk`, then try again")
    if session.cores.loader:
        # Inherited by wrk and its threads.
        os.sched_setaffinity(0, session.cores.loader)
    for contender_id, bars in BARS.items():
        with serving(session, contender_id) as server:
            # wrk has no warm-up: without this, the first round would give it a cold server.
            run_wrk(wrk, server, 1)
            rounds = session.rounds(contender_id, partial(compare, session, server, wrk))
        busy = Bar("share of its core that ours used", "busy", 1.0)
        session.ratios(f"{contender_id}, ours over wrk's", "ours", [*bars, busy], rounds)
