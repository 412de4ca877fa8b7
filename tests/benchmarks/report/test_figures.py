from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.judge import wording
from benchmarks.judge.judgement import Estimate
from benchmarks.report import figures


@pytest.mark.parametrize(
    ("expected", "value", "unit"),
    [
        ("2.02 ×", 2.0187, "×"),
        ("0.50 ×", 0.4983, "×"),
        ("0.056 ×", 0.0561, "×"),
        ("8,303 req/s", 8303.043402, "req/s"),
        ("19.5 req/s", 19.53, "req/s"),
        ("2.41 ms", 2.41, "ms"),
        ("215 µs", 0.215, "ms"),
        ("1.20 s", 1200.0, "ms"),
        ("248 µs", 248.0, "µs"),
        ("1.14 ms", 1142.0, "µs"),
        ("11", 11.0, ""),
        ("57.6", 57.58, ""),
        ("0 ms", 0.0, "ms"),
        ("-1.50 ms", -1.5, "ms"),
        ("not measured", None, "ms"),
        ("not measured", math.nan, "×"),
    ],
)
def test_a_value_is_written_with_its_unit(expected: str, value: float | None, unit: str) -> None:
    """Three significant digits or so, durations in the unit that reads best, missing in words."""
    assert expected == figures.amount(value, unit)


def test_a_trace_is_not_written_as_nothing() -> None:
    """A value that rounds to zero is below the last digit, not zero."""
    assert "<0.001 ×" == figures.amount(0.0001, "×")
    assert "<0.1" == figures.per_request(0.01)
    assert "0.0" == figures.per_request(0.0)


@pytest.mark.parametrize(
    ("expected", "estimate", "unit"),
    [
        ("2.00 × [1.95, 2.07]", Estimate(value=2.004, low=1.95, high=2.07, samples=5), "×"),
        ("980 µs [950, 1,010]", Estimate(value=0.98, low=0.95, high=1.01, samples=5), "ms"),
        ("2.00 × (no interval)", Estimate(value=2.0, low=None, high=None, samples=1), "×"),
        ("57.6 [57, 58.1]", Estimate(value=57.58, low=57.0, high=58.1, samples=3), ""),
        ("11", Estimate(value=11.0, low=11.0, high=11.0, samples=3), ""),
        ("2", Estimate(value=2.0, low=None, high=None, samples=2), ""),
        ("1.50 × (too few rounds to tell)", Estimate(value=1.5, low=0.01, high=math.inf, samples=2), "×"),
        ("not measured", None, "×"),
        ("not measured", Estimate(value=math.nan, low=1.0, high=2.0, samples=2), "×"),
    ],
)
def test_an_estimate_carries_its_interval(expected: str, estimate: Estimate | None, unit: str) -> None:
    """One that has none says so, but for a count, which may be exact."""
    assert expected == figures.estimated(estimate, unit)


@given(
    st.floats(min_value=0.1, max_value=1e6), st.floats(min_value=1e-3, max_value=1), st.floats(min_value=1, max_value=9)
)
def test_a_ratio_is_written_as_the_judge_writes_it(value: float, below: float, above: float) -> None:
    """The sentence of a verdict and the figure beside it show the same digits."""
    estimate = Estimate(value=value, low=max(0.1, value * below), high=value * above, samples=3)

    if not wording.is_vague(estimate):
        assert wording.ratio(estimate).replace(",", "") == figures.estimated(estimate, "×").replace(",", "")


@pytest.mark.parametrize(
    ("expected", "low", "high"),
    [("±1.2 %", 98.8, 101.2), ("±25 %", 75.0, 125.0), ("±>100 %", 1.0, 400.0), ("±>100 %", 1.0, math.inf)],
)
def test_a_spread_is_half_the_interval_in_percent(expected: str, low: float, high: float) -> None:
    """One that exceeds its value has no digits worth reading."""
    assert expected == figures.spread(Estimate(value=100.0, low=low, high=high, samples=3))


@pytest.mark.parametrize(
    "estimate", [Estimate(value=1.0, low=None, high=None, samples=1), Estimate(value=0, low=0, high=0, samples=2)]
)
def test_what_has_no_interval_has_no_spread(estimate: Estimate) -> None:
    """Nothing is printed rather than ±0 %."""
    assert "" == figures.spread(estimate)


def test_a_cell_leaves_the_unit_to_its_column() -> None:
    """A column is read down in one unit, missing values in words."""
    assert ["0.215", "4,110", "61", "not measured"] == [
        figures.cell(0.215, "ms"),
        figures.cell(4110.1, "req/s"),
        figures.shown(61 * 2**20, "MiB"),
        figures.cell(None),
    ]


@pytest.mark.parametrize(("expected", "value"), [("5 ms", 5.0), ("500 µs", 0.5), ("2 s", 2000.0)])
def test_a_round_value_has_no_idle_zeros(expected: str, value: float) -> None:
    """The ticks of an axis are short."""
    assert expected == figures.rounded(value, "ms")


@given(st.none() | st.floats(), st.sampled_from(["×", "ms", "µs", "s", "req/s", "%", "", "|"]))
def test_no_number_breaks_the_writer(value: float | None, unit: str) -> None:
    """Whatever a run holds, a figure is a number or says that it was not measured."""
    written = figures.amount(value, unit)

    assert "nan" not in written
    assert "inf" not in written
    assert (written == "not measured") == (not figures.is_measured(value))


def ratio(value: float, low: float | None = None, high: float | None = None) -> Estimate:
    """Return a ratio."""
    return Estimate(value=value, low=low, high=high, samples=3)


def test_one_is_in_the_middle_and_inverses_are_mirrored() -> None:
    """Twice as fast is as far to the right as half as fast is to the left."""
    reach = figures.ratio_reach([ratio(2.0), None])

    assert 0.5 == figures.ratio_share(reach, 1.0)
    assert math.isclose(1 - figures.ratio_share(reach, 0.5), figures.ratio_share(reach, 2.0))


def test_the_axis_shows_every_value_and_the_tutorials() -> None:
    """None of them is at its end."""
    reach = figures.ratio_reach([ratio(0.05), ratio(3.0)], tutorial_value=2.02)

    assert all(0 < figures.ratio_share(reach, value) < 1 for value in (0.05, 3.0, 2.02))


def test_a_hopeless_interval_does_not_squeeze_the_others() -> None:
    """It leaves the axis, which stays readable; an endless one is no error."""
    reach = figures.ratio_reach([ratio(1.6, 0.0, math.inf), ratio(1.5, 0.001, 900.0)])

    assert reach < 12
    assert (0.0, 1.0) == (figures.ratio_share(reach, 0.0), figures.ratio_share(reach, math.inf))


@pytest.mark.parametrize(
    ("expected", "estimate"),
    [
        ("          │          ", None),
        ("          │  ─●─     ", ratio(1.4, 1.28, 1.6)),
        ("  ●       │          ", ratio(0.5)),
        ("          ◆          ", ratio(1.0)),
        ("         ─◆─         ", ratio(1.0, 0.9, 1.1)),
        ("    ────●─┼───       ", ratio(0.8, 0.6, 1.3)),
        ("●─────────┼───────── ", ratio(0.0, 0.0, 2.2)),
        ("    ┄┄┄┄○┄┊┄┄┄       ", dataclasses.replace(ratio(0.8, 0.6, 1.3), samples=2)),
    ],
)
def test_a_ratio_is_drawn_in_text(expected: str, estimate: Estimate | None) -> None:
    """A bar at 1 whatever is drawn there, a line for the interval, a point for the value; two rounds look faint."""
    assert expected == figures.ratio_strip(2.5, estimate, 21)
