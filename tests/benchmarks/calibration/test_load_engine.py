from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest

from benchmarks.calibration import load_engine
from benchmarks.calibration.load_engine import Bar, WrkError, main, read_wrk
from benchmarks.judge.judgement import Estimate

PRINTED = """Running 2s test @ http://127.0.0.1:8000/health
  1 threads and 10 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   352.69us  102.32us   4.02ms   86.91%
    Req/Sec    28.02k     1.96k   30.57k    71.43%
  Latency Distribution
     50%  {median}
     75%  401.00us
     90%  445.00us
     99%  602.00us
  58553 requests in 2.10s, 8.54MB read
Requests/sec:  27881.64
Transfer/sec:      4.07MB
"""


@pytest.fixture
def affinity() -> Iterator[None]:
    """Undo the pinning of this process."""
    pinned = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    yield
    if pinned is not None:
        os.sched_setaffinity(0, pinned)


@pytest.fixture
def wrk() -> str:
    """The path of wrk, without which there is nothing to compare with."""
    path = shutil.which("wrk")
    if path is None:
        message = "wrk is not installed: apt-get install wrk"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return path


@pytest.mark.parametrize(("median", "expected_ms"), [("349.00us", 0.349), ("1.18ms", 1.18), ("1.02s", 1_020.0)])
def test_wrk_is_read_in_whatever_unit_it_prints(median: str, expected_ms: float) -> None:
    """The rate and the median come out of what wrk prints, in our units."""
    seen = read_wrk(PRINTED.format(median=median))

    assert 27_881.64 == seen.rate_per_s
    assert expected_ms == pytest.approx(seen.median_ms)


@pytest.mark.parametrize(
    "line",
    ["  Socket errors: connect 0, read 3, write 0, timeout 0\n", "  Non-2xx or 3xx responses: 12\n"],
)
def test_errors_that_wrk_saw_are_not_compared(line: str) -> None:
    """A trial with errors has no figure to hold anything to."""
    with pytest.raises(WrkError, match="wrk saw errors"):
        read_wrk(PRINTED.format(median="349.00us") + line)


@pytest.mark.parametrize("printed", ["", "Requests/sec: 12.00\n", PRINTED.format(median="fast")])
def test_what_is_not_wrks_is_refused(printed: str) -> None:
    """Without both figures there is an error that shows what was printed instead."""
    with pytest.raises(WrkError, match="printed no rate and median"):
        read_wrk(printed)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0.95, 1.2, True), (0.9, 0.9, True), (0.89, 1.2, False), (None, None, False)],
)
def test_bar_holds_only_with_the_whole_interval(low: float | None, high: float | None, expected: bool) -> None:
    """An interval that reaches below the bar does not hold, nor does none at all."""
    assert expected == Bar(0.9).holds(Estimate(value=1.0, low=low, high=high, samples=5))


@pytest.mark.parametrize(("high", "expected"), [(1.1, True), (1.11, False)])
def test_bar_with_two_ends_holds_only_between_them(high: float, expected: bool) -> None:
    """Agreement is bounded on both sides."""
    assert expected == Bar(0.9, 1.1).holds(Estimate(value=1.0, low=0.95, high=high, samples=5))


def test_without_wrk_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is measured, the message helps, and the status is its own."""
    monkeypatch.setenv("PATH", "")

    assert 2 == main([])
    assert "apt-get install wrk" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--rounds", "1"], ["--duration", "0"], ["--rounds", "many"], ["--duration=-1"]])
def test_numbers_that_make_no_comparison_are_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """One round has no interval, and a trial has a length."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert 2 == ended.value.code
    assert "is not a whole number from" in capsys.readouterr().err


@pytest.mark.wrk
@pytest.mark.usefixtures("wrk", "affinity")
def test_comparison_with_wrk_runs_to_its_table(capsys: pytest.CaptureFixture[str]) -> None:
    """Both servers are compared in both figures, and the status says whether the bars hold.

    Whether they do is for the script on a quiet machine: here it is only that the status and the table agree.
    """
    status = main(["--rounds", "2", "--duration", "1", "--seed", "1"])

    printed = capsys.readouterr().out
    assert "seed 1, 2 rounds of 1 s" in printed
    for contender_id in load_engine.BARS:
        assert 3 == printed.count(contender_id)
    assert status == (1 if "DOES NOT HOLD" in printed else 0)
