"""Loads a server with wrk and reads what it measured, without the latencies that wrk makes up."""

from __future__ import annotations

import subprocess
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

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


class WrkError(Exception):
    """wrk failed, saw errors, or printed something else; the message says what."""


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
        raise WrkError("wrk saw no answer")


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
        WrkError: It failed or saw errors.
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
            raise WrkError(f"wrk failed: {error.stderr or error.stdout}") from error
        except subprocess.TimeoutExpired as error:
            raise WrkError(f"wrk did not end {_PATIENCE_S:g} s after its time") from error
    return read_wrk(done.stdout, connections)


def read_wrk(printed: str, connections: int) -> WrkResult:
    """Read what our script made wrk print.

    Args:
        printed: wrk's standard output.
        connections: That it was told to keep open.
    Returns:
        What it measured.
    Raises:
        WrkError: It saw errors, or this is not the output of a wrk that is known.
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
        raise WrkError(f"wrk did not run our script to its end; version 4.1 is known to:\n{printed}")
    requests, duration_us, failed = summary
    if failed or not requests:
        raise WrkError(f"wrk saw {failed} errors and {requests} answers, so there is nothing to compare with")
    counts_us = without_correction(corrected, max(duration_us // max(requests // connections, 1), 1))
    if sum(counts_us.values()) != requests:
        raise WrkError(f"wrk's histogram is not of its {requests} answers; versions 4.0 to 4.2 are known")
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
