from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.judge.atlas import PRIOR_NOISE, PRIOR_TIMED_NOISE, Surface, coordinates, pooled_noise
from benchmarks.model import Place

repeatable = settings(deadline=None, derandomize=True, max_examples=25)
somewhere = st.builds(
    Place, wait_ms=st.integers(min_value=0, max_value=100), connections=st.integers(min_value=1, max_value=500)
)
measured = st.dictionaries(
    somewhere, st.lists(st.floats(min_value=-3, max_value=3), min_size=1, max_size=3), min_size=1, max_size=12
)
timed = st.sets(somewhere, max_size=3)
Measured = dict[Place, list[float]]
GRID = [Place(wait, number) for wait in (0, 1, 5, 20, 100) for number in (1, 5, 20, 100, 500)]


def test_the_axes_are_octaves() -> None:
    """Twice the connections are one step; so is twice a long wait, and the step from none to 1 ms."""
    at = coordinates([Place(0, 1), Place(1, 2), Place(3, 500)])

    assert [[0, 0], [1, 1], [2, pytest.approx(math.log2(500))]] == at.tolist()
    assert (0, 2) == coordinates([]).shape


@repeatable
@given(measured, st.floats(min_value=-2, max_value=2))
def test_a_shift_of_all_shifts_every_estimate(values: Measured, shift: float) -> None:
    """A surface has no preferred height: a machine twice as fast has the same map."""
    first, _ = Surface(values).estimate(GRID)
    second, _ = Surface({at: [value + shift for value in each] for at, each in values.items()}).estimate(GRID)

    assert second == pytest.approx(first + shift, abs=1e-6)


@repeatable
@given(measured)
def test_the_order_of_measuring_does_not_matter(values: Measured) -> None:
    """The same visits in another order are the same map."""
    timed = list(values)[:1]
    first, deviation = Surface(values, timed).estimate(GRID)
    backwards = {at: each[::-1] for at, each in reversed(values.items())}
    second, other_deviation = Surface(backwards, timed).estimate(GRID)

    assert first == pytest.approx(second, abs=1e-6)
    assert deviation == pytest.approx(other_deviation, abs=1e-6)


@repeatable
@given(measured, timed)
def test_deviations_are_finite_and_not_negative(values: Measured, timed: set[Place]) -> None:
    """Whatever was measured."""
    value, deviation = Surface(values, timed).estimate(GRID)

    assert np.isfinite(value).all()
    assert np.isfinite(deviation).all()
    assert (deviation >= 0).all()


@repeatable
@given(st.floats(min_value=-3, max_value=3))
def test_what_is_the_same_everywhere_is_so_between(level: float) -> None:
    """A constant is estimated as that constant, and leaving places out costs nothing."""
    surface = Surface({place: [level] for place in GRID})
    value, _ = surface.estimate([Place(2, 7), Place(50, 300)])

    assert [level, level] == pytest.approx(value.tolist())
    assert 0.0 == pytest.approx(surface.left_out, abs=1e-9)
    assert 1.0 == surface.stretch


def test_where_it_was_measured_it_is_surest() -> None:
    """The deviation grows with the distance from the nearest measured place."""
    surface = Surface({place: [math.sin(place.wait_ms)] for place in GRID})
    _, (there, near, far) = surface.estimate([Place(20, 20), Place(20, 25), Place(20, 45)])

    assert there < near < far


def test_measuring_again_makes_surer() -> None:
    """Nine visits to a place say more than one."""
    once = {place: [0.1 * math.log(place.connections)] for place in GRID}
    often = {**once, Place(20, 20): [0.1 * math.log(20) + error for error in (0.0, *(0.04, -0.04) * 4)]}
    (_, first), (_, second) = (Surface(each).estimate([Place(20, 20)]) for each in (once, often))

    assert second[0] < first[0]


def test_a_smooth_quantity_is_met_between_places() -> None:
    """A slope over the whole map is estimated within a few per cent where nobody was."""
    surface = Surface({place: [0.1 * math.log(place.connections)] for place in GRID})
    value, deviation = surface.estimate([Place(10, 50)])

    assert 0.1 * math.log(50) == pytest.approx(float(value[0]), abs=0.03)
    assert abs(0.1 * math.log(50) - value[0]) < 2 * deviation[0]


def test_a_surface_that_misses_what_is_left_out_is_less_sure() -> None:
    """One place in the midst of others that is quite otherwise widens every interval."""
    smooth = Surface({place: [0.0] for place in GRID})
    torn = Surface({place: [2.0 if place == Place(5, 20) else 0.0] for place in GRID})

    assert 1.0 == smooth.stretch < torn.stretch
    assert (smooth.left_out or 0) < (torn.left_out or 0)


def test_two_places_are_too_few_to_leave_one_out() -> None:
    """Nothing is known of the error of estimating, so nothing is said."""
    surface = Surface({Place(0, 1): [0.0], Place(100, 500): [1.0]})

    assert (None, 1.0) == (surface.left_out, surface.stretch)


def test_one_place_says_what_it_is() -> None:
    """And the same of everywhere else, with less certainty."""
    value, deviation = Surface({Place(5, 20): [0.5]}).estimate([Place(5, 20), Place(100, 1)])

    assert [0.5, 0.5] == pytest.approx(value.tolist())
    assert deviation[0] < deviation[1]


def test_noise_is_pooled_over_repeated_places() -> None:
    """Without repeats it is assumed; with many it is what they show."""
    assert PRIOR_NOISE == pytest.approx(pooled_noise([[0.0]] * 25))

    quiet = [(0.01, -0.01)] * 25
    assert 0.0141 == pytest.approx(pooled_noise(quiet), abs=0.006)
    loud = [(0.3, -0.3)] * 25
    assert 0.42 == pytest.approx(pooled_noise(loud), abs=0.03)


def test_what_a_timer_makes_is_not_taken_for_as_noisy_as_work() -> None:
    """Places where work varies by a third leave the steady ones sure."""
    noisy = {Place(0, number): [0.3, -0.3] for number in (1, 5, 20, 100, 500)}
    steady = {Place(100, number): [0.001, -0.001] for number in (1, 5, 20, 100, 500)}
    _, (busy, timed) = Surface({**noisy, **steady}, steady).estimate([Place(0, 20), Place(100, 20)])

    assert timed < busy / 3
    assert PRIOR_TIMED_NOISE == pytest.approx(pooled_noise([], PRIOR_TIMED_NOISE))
