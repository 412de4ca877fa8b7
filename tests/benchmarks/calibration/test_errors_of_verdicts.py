"""Behaviour of the scripts that count what verdicts get wrong."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from benchmarks.calibration import errors, repeated_looks
from benchmarks.calibration.repeated_looks import coverage
from benchmarks.judge.judgement import Estimate
from benchmarks.judge.statistics import CONFIDENCE, REPEATED_LOOKS_CONFIDENCE


def estimate(low: float, high: float) -> Estimate:
    """Return a ratio with this interval."""
    return Estimate(value=(low * high) ** 0.5, low=low, high=high, samples=7)


def test_equal_things_and_an_injected_cost_are_counted_on_real_servers() -> None:
    """One small run of each gets its counts and bars, whatever the outcome on this machine."""
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "benchmarks.calibration.errors"),
            *("--equal-runs", "1", "--injected-runs", "1", "--rounds", "2", "--seed", "1"),
        ],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert ran.returncode in (0, 1), ran.stderr
    assert "of 1 intervals leave 1 out" in ran.stdout
    assert "µs more CPU a request found in" in ran.stdout


def test_too_many_false_alarms_do_not_hold(capsys: pytest.CaptureFixture[str]) -> None:
    """Eight in a hundred are allowed, nine are not."""
    equal, different = estimate(0.95, 1.05), estimate(1.01, 1.11)

    assert errors.tell_equal([equal] * 92 + [different] * 8)
    assert not errors.tell_equal([equal] * 91 + [different] * 9)
    assert "9 of 100 intervals leave 1 out, 9.0 %; at most 8 %: DOES NOT HOLD" in capsys.readouterr().out


def test_a_cost_counts_as_found_on_its_own_side_only(capsys: pytest.CaptureFixture[str]) -> None:
    """An interval above 1 says that the costly one is faster: that is no find."""
    found, other_side = estimate(0.86, 0.95), estimate(1.01, 1.11)

    assert errors.tell_injected([found] * 9 + [other_side], 10.0)
    assert not errors.tell_injected([found] * 8 + [other_side] * 2, 10.0)
    assert "found in 8 of 10 runs, 80.0 %; at least 90 %: DOES NOT HOLD" in capsys.readouterr().out


def test_a_server_that_fails_is_not_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A void trial ends the script with its own status, and with what the server said."""
    monkeypatch.setattr(sys, "executable", "/bin/false")

    assert 2 == errors.main(["equal", "--equal-runs", "1"])
    assert "exited with status 1" in capsys.readouterr().err


@pytest.mark.parametrize("spread", [1.0, 1.5, 2.0])
def test_stopping_when_it_is_narrow_is_wrong_too_often_unless_paid_for(spread: float) -> None:
    """At the usual level fewer than 95 % of the stopped intervals hold the truth, at the level used more."""
    generator = np.random.default_rng(20261124)

    usual, _ = coverage(spread, CONFIDENCE, 40_000, generator)
    used, rounds = coverage(spread, REPEATED_LOOKS_CONFIDENCE, 40_000, generator)

    assert usual < 0.947
    assert used > 0.95
    assert 5 < rounds < 40


def test_the_script_tells_both(capsys: pytest.CaptureFixture[str]) -> None:
    """Looked at naively and as the lab looks."""
    assert 0 == repeated_looks.main(["--runs", "20000"])
    assert "looked at 97.5 %" in capsys.readouterr().out
