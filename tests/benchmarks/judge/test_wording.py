from __future__ import annotations

import dataclasses
import math

import pytest

from benchmarks.judge import wording
from benchmarks.judge.judgement import Estimate, Standing


def between(low: float | None, high: float | None, value: float | None = None) -> Estimate:
    """Return an estimate with this interval, its value in the middle of it."""
    if value is None:
        assert low is not None
        assert high is not None
        value = math.sqrt(low * high)
    return Estimate(value=value, low=low, high=high, samples=5)


@pytest.mark.parametrize(
    ("value", "told"), [(2.0202, "2.02"), (0.1, "0.10"), (0.0436, "0.044"), (1234.5, "1,234"), (math.inf, "∞")]
)
def test_a_ratio_has_the_digits_that_a_reader_can_use(value: float, told: str) -> None:
    """Two decimals, more for a small one, none for a large one."""
    assert told == wording.times(value)


def test_a_ratio_is_told_with_its_interval() -> None:
    """The sign comes first, so that the brackets need none; without an interval there are no brackets."""
    assert "1.98 × [1.94, 2.03]" == wording.ratio(between(1.94, 2.03, 1.98))
    assert "1.98 ×" == wording.ratio(between(None, None, 1.98))


@pytest.mark.parametrize(
    ("value", "told"), [(6.0, "6"), (5.6, "5.6"), (75.25, "75.2"), (8303.04, "8,303"), (1000, "1,000"), (math.inf, "∞")]
)
def test_a_count_is_told_whole_where_it_is(value: float, told: str) -> None:
    """Averages below 100 have one decimal."""
    assert told == wording.count(value)


def test_an_average_of_counts_is_told_with_its_interval() -> None:
    """One that never varied is exact, and needs none."""
    assert "75.2 [73.9, 76.4]" == wording.counted(between(73.9, 76.4, 75.2))
    assert "6" == wording.counted(between(6.0, 6.0))
    assert "6" == wording.counted(between(None, None, 6.0))


def test_a_range_is_told_from_least_to_most() -> None:
    """One thing is singular, also as the only value of a range."""
    seen = dataclasses.replace(between(7.0, 13.0, 9.0), confidence=None)
    assert "7 to 13" == wording.counted(seen)
    assert "1 thread" == wording.things(between(1.0, 1.0), "thread")
    assert "7 to 13 threads" == wording.things(seen, "thread")
    assert "1 thread" == wording.things(1.0, "thread")
    assert "1 epoll descriptor" == wording.things(between(None, None, 1.0), "epoll descriptor")


def test_a_trace_is_not_none() -> None:
    """What rounds to 0.0 and is more than that is said to be."""
    assert ["0.0", "under 0.1", "0.1", "4.7"] == [wording.per_request(value) for value in (0.0, 0.04, 0.05, 4.7)]


def test_rounds_are_counted_in_words() -> None:
    """None, one or several."""
    assert ["no round", "1 round", "5 rounds"] == [wording.rounds(number) for number in (0, 1, 5)]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (2.0202, "double"),
        (1.85, "about double"),
        (2.19, "about double"),
        (0.4896, "half"),
        (0.46, "about half"),
        (0.4364, "56 % fewer"),
        (0.62, "38 % fewer"),
        (1.37, "37 % more"),
        (3.97, "4.0 times"),
        (1.0, "0 % more"),
    ],
)
def test_a_size_is_said_in_words(value: float, told: str) -> None:
    """Double and half where it is, a percentage below and a multiple above."""
    assert told == wording.size(value, "more", "fewer")


@pytest.mark.parametrize(
    ("estimate", "claimed", "told"),
    [
        (between(1.94, 2.03), 2.02, ", as the tutorial found"),
        (between(2.05, 2.11), 2.02, ", as the tutorial found"),
        (between(1.5, 2.1), 2.02, ", as the tutorial found"),
        (between(1.5, 1.6), 2.02, " (same direction, smaller)"),
        (between(2.9, 3.1), 2.02, " (same direction, larger)"),
        (between(0.55, 0.6), 0.4364, " (same direction, smaller)"),
        (between(0.30, 0.35), 0.4364, " (same direction, larger)"),
    ],
)
def test_a_difference_is_held_against_the_claimed_one(estimate: Estimate, claimed: float, told: str) -> None:
    """Replicated need not be as large: which it is stands beside it."""
    assert told == wording.against(estimate, claimed, 0.05)


@pytest.mark.parametrize(
    ("standing", "estimate", "told"),
    [
        ("faster", between(1.94, 2.03), "double"),
        ("slower", between(0.49, 0.51), "half"),
        ("equal", between(0.96, 1.04), "equal within ±5 %"),
        ("undecided", between(0.9, 1.04), "no difference found, which is not the same as equal"),
        ("undecided", between(0.002, 392.0, 0.97), "too few rounds to tell"),
        ("undecided", between(None, None, 1.5), "too few rounds to tell"),
        ("refused", between(1.2, 1.2), "counted too coarsely to tell"),
    ],
)
def test_what_was_found_is_what_its_standing_says(standing: Standing, estimate: Estimate, told: str) -> None:
    """Finding no difference is not called equal, and an interval that allows a doubling and a halving says nothing."""
    assert told == wording.found(standing, estimate, 0.05, "more", "fewer")
