"""What is common to several requests that are judged at once: the level of an alarm, and the error."""

from __future__ import annotations

import math

import pytest

from benchmarks.judge.statistics import holm, pooled_errors


def test_holm_adjusts_step_by_step() -> None:
    """The smallest by the number of all, the next by one less, and none below the one before it."""
    assert {"b": pytest.approx(0.03), "a": pytest.approx(0.04), "c": pytest.approx(0.04)} == holm(
        {"a": 0.02, "b": 0.01, "c": 0.03}
    )
    assert {"a": 1.0, "b": 1.0} == holm({"a": 0.9, "b": 0.8})
    assert {} == holm({})


def test_errors_are_pooled_over_requests_that_are_about_as_noisy() -> None:
    """One that is much noisier than the others has an error of its own, and none of theirs."""
    alike = {"a": [0.0, 0.1, -0.1], "b": [0.5, 0.62, 0.38, 0.5]}
    pooled = pooled_errors(alike)
    assert {5} == {error.freedom for error in pooled.values()}
    assert pytest.approx(math.sqrt((0.02 + 0.0288) / 5)) == pooled["a"].deviation == pooled["b"].deviation

    noisier = pooled_errors({**alike, "c": [0.0, 2.0, -2.0], "once": [1.0]})
    assert (pooled["a"], 2, 2.0) == (noisier["a"], noisier["c"].freedom, noisier["c"].deviation)
    assert "once" not in noisier
    assert {} == pooled_errors({})
