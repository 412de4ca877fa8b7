from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.judge import wording
from benchmarks.judge.comparison import conclude, equal_band, is_equal, paired, ratio, standing
from benchmarks.judge.judgement import Comparison, Estimate
from benchmarks.judge.trials import QUANTITIES, valid_trials
from benchmarks.model import Observation, Trial

SIDES = Comparison(above="x-async@s", below="x-sync@s", workload="health")


def between(low: float | None, high: float | None, value: float | None = None) -> Estimate:
    """Return an estimate with this interval, its value in the middle of it."""
    if value is None:
        assert low is not None
        assert high is not None
        value = math.sqrt(low * high)
    return Estimate(value=value, low=low, high=high, samples=5)


def test_trials_pair_inside_rounds(make_trial: Callable[..., Trial]) -> None:
    """Only rounds that both have make a pair, in the order of the rounds."""
    above = valid_trials([make_trial(rate=2.0, round=number) for number in (3, 1, 2)])
    below = valid_trials([make_trial(rate=1.0, round=number) for number in (4, 2, 3)])

    assert [2, 3] == [one.trial.round for one, _ in paired(above, below)]
    assert [2, 3] == [other.trial.round for _, other in paired(above, below)]


def test_equal_needs_the_whole_interval_inside_the_margin() -> None:
    """A wider margin lets more be equal; a missing interval never is."""
    assert is_equal(between(0.953, 1.05), 0.05)
    assert not is_equal(between(0.952, 1.05), 0.05)
    assert not is_equal(between(0.94, 1.04), 0.05)
    assert not is_equal(between(0.96, 1.06), 0.05)
    assert is_equal(between(0.94, 1.06), 0.1)
    assert not is_equal(between(None, None, 1.0), 0.05)


@pytest.mark.parametrize(
    ("estimate", "resolution", "expected", "told"),
    [
        (between(1.04, 1.30), 0.5, "refused", "1.16 × may be off by a factor of 1.50"),
        (between(1.04, 1.30), 0.01, "faster", None),
        (between(1.20, 1.20), 0.0, "refused", "it came out as 1.20 × in each of 5 rounds"),
        # A resolution that is small beside the interval does not turn what chance decides into a refusal.
        (between(0.953, 1.011), 0.0015, "equal", None),
        (between(0.953, 1.011), 0.004, "refused", "0.98 ×"),
        (between(1.001, 1.101), 0.002, "faster", None),
    ],
)
def test_a_standing_that_figures_are_too_coarse_for_is_refused(
    estimate: Estimate, resolution: float, expected: str, told: str | None
) -> None:
    """With the reason, and what to do."""
    ratio = dataclasses.replace(estimate, resolution=resolution)

    assert expected == standing(ratio)
    assert told is None or told in wording.coarse(ratio)


def test_each_way_of_looking_at_a_difference_has_its_standing() -> None:
    """Equal before different, different only with the whole interval on one side; latencies are the other way round."""
    cases = {"faster": (1.2, 1.4), "slower": (0.6, 0.8), "equal": (1.01, 1.04), "undecided": (0.9, 1.04)}

    assert cases.keys() == {standing(between(low, high)) for low, high in cases.values()}
    assert ["slower", "faster", "equal", "undecided"] == [
        standing(between(low, high), less_is_faster=True) for low, high in cases.values()
    ]
    assert "undecided" == standing(between(None, None, 3.0))


# A deadline would make a busy machine a failure; the same examples every time make a failure the code's.
@settings(deadline=None, derandomize=True, max_examples=40)
@given(st.floats(min_value=0.5, max_value=2), st.floats(min_value=1.0001, max_value=2))
def test_equal_holds_for_both_ways_of_dividing(low: float, width: float) -> None:
    """Whether A is held against B or B against A makes no difference."""
    edges = [math.isclose(edge, bound, rel_tol=1e-9) for edge in (low, low * width) for bound in equal_band(0.05)]

    upright, turned = between(low, low * width), between(1 / (low * width), 1 / low)
    assert is_equal(upright, 0.05) == is_equal(turned, 0.05) or any(edges)


def test_trials_make_every_ratio_inside_their_rounds(
    make_trial: Callable[..., Trial], make_observation: Callable[..., Observation]
) -> None:
    """Rate, latencies and CPU, with the confidence that was asked for."""
    above, below = (
        valid_trials(
            make_trial(rate=rate / number, round=number, observation=make_observation(cpu_us=cpu_us * number))
            for number in (1, 2, 4)
        )
        for rate, cpu_us in ((2_000.0, 100.0), (1_000.0 + 1e-3, 200.0))
    )

    estimates = [ratio(paired(above, below), quantity, 0.975) for quantity in QUANTITIES]

    assert pytest.approx([2.0, 0.5, 0.5, 0.5], rel=1e-3) == [each.value for each in estimates if each is not None]
    assert [0.975] * 4 == [each.confidence for each in estimates if each is not None]


def test_what_was_not_measured_on_both_sides_is_refused() -> None:
    """There is no ratio, and the reason is told; a reason that was known before stands."""
    assert ("refused", True) == (conclude(SIDES).standing, "not measured" in (conclude(SIDES).refusal or ""))
    known = conclude(dataclasses.replace(SIDES, refusal="The A/A comparison failed."))
    assert ("refused", "The A/A comparison failed.", "") == (known.standing, known.refusal, known.finding)
    assert ratio([], "cpu") is None


def test_a_refusal_leaves_the_figures() -> None:
    """They are figures like any other; nothing is said of them."""
    found = conclude(dataclasses.replace(SIDES, refusal="Loader-bound.", rate=between(1.9, 2.1)))

    assert found.rate == found.estimate == found.of("rate") == between(1.9, 2.1)
    assert ("refused", "Loader-bound.", "") == (found.standing, found.refusal, found.finding)
