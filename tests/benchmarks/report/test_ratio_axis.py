from __future__ import annotations

import math

import pytest

from benchmarks.judge.judgement import Estimate
from benchmarks.report.ratio_axis import RatioAxis, strip


def estimate(value: float, low: float | None = None, high: float | None = None) -> Estimate:
    """Return a ratio."""
    return Estimate(value=value, low=low, high=high, samples=3)


def test_one_is_in_the_middle_and_inverses_are_mirrored() -> None:
    """Twice as fast is as far to the right as half as fast is to the left."""
    axis = RatioAxis.around([estimate(2.0), None])

    assert 0.5 == axis.share(1.0)
    assert math.isclose(1 - axis.share(0.5), axis.share(2.0))


def test_the_axis_shows_every_value_and_the_tutorials() -> None:
    """None of them is at its end."""
    axis = RatioAxis.around([estimate(0.05), estimate(3.0)], tutorial_value=2.02)

    assert all(0 < axis.share(ratio) < 1 for ratio in (0.05, 3.0, 2.02))


def test_a_hopeless_interval_does_not_squeeze_the_others() -> None:
    """It leaves the axis, which stays readable; an endless one is no error."""
    axis = RatioAxis.around([estimate(1.6, 0.0, math.inf), estimate(1.5, 0.001, 900.0)])

    assert axis.reach < 12
    assert (0.0, 1.0) == (axis.share(0.0), axis.share(math.inf))


@pytest.mark.parametrize(
    ("expected", "ratio"),
    [
        ("          │          ", None),
        ("          │  ─●─     ", estimate(1.4, 1.28, 1.6)),
        ("  ●       │          ", estimate(0.5)),
        ("          ●          ", estimate(1.0)),
        ("●─────────────────── ", estimate(0.0, 0.0, 2.2)),
    ],
)
def test_a_ratio_is_drawn_in_text(expected: str, ratio: Estimate | None) -> None:
    """A bar at 1, a line for the interval, a point for the value; the sign is seen at a glance."""
    assert expected == strip(RatioAxis(2.5), ratio, 21)
