from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.measure.load.open_loop import Arrivals

MS = 1_000_000


def arrivals(**changes: Any) -> Arrivals:
    """Make a schedule of 10 ms between requests, in one slice of 100 ms that begins at 1 s; it starts 25 ms before."""
    schedule: dict[str, Any] = {
        "rate_per_s": 100.0,
        "slice_s": 0.1,
        "number": 0,
        "begins_ns": 1_000 * MS,
        "starts_ns": 975 * MS,
        "patience_ns": 50 * MS,
    }
    return Arrivals(**(schedule | changes))


def test_requests_are_due_at_equal_distances_from_the_start_on() -> None:
    """Those before the slice keep its beat, and the first that counts is due at its beginning."""
    schedule = arrivals()

    due = []
    for _ in range(4):
        due.append(schedule.next_due_ns)
        schedule.notice(schedule.next_due_ns)

    assert [980 * MS, 990 * MS, 1_000 * MS, 1_010 * MS] == due
    assert range(10) == schedule.counted


def test_the_oldest_that_waits_is_sent_first() -> None:
    """In order, each with when it was due and whether it counts; then none is left."""
    schedule = arrivals()
    schedule.notice(1_000 * MS)

    assert (3, 1) == (schedule.waiting, schedule.counted_waiting)
    assert [(980 * MS, False), (990 * MS, False), (1_000 * MS, True), None] == [
        schedule.take(1_000 * MS) for _ in range(4)
    ]
    assert 0 == schedule.waiting


def test_a_request_that_has_waited_too_long_is_dropped_and_counted() -> None:
    """Only those that were due inside the slice count."""
    schedule = arrivals()
    schedule.notice(1_060 * MS)

    # 980 to 1,010 have waited 50 ms or more; of these two were due inside the slice.
    assert (1_020 * MS, True) == schedule.take(1_060 * MS)
    assert 2 == schedule.dropped


def test_the_loaders_lateness_is_kept_for_each_request_that_counts() -> None:
    """It is due to the loader only, whatever the server does."""
    schedule = arrivals()
    schedule.notice(1_000 * MS + 7)
    schedule.notice(1_021 * MS)

    assert [7, 11 * MS, 1 * MS] == list(schedule.lateness_ns)


def test_after_the_stop_nothing_comes_due() -> None:
    """Waiting requests still wait."""
    schedule = arrivals()
    schedule.notice(990 * MS)
    schedule.stop()
    schedule.notice(2_000 * MS)

    assert 2 == schedule.waiting


@given(
    rate_per_s=st.floats(0.01, 100_000), slices=st.integers(1, 50), slice_s=st.sampled_from([0.1, 0.2, 1 / 3, 1.0, 30])
)
def test_slices_together_have_as_many_requests_as_one_piece(rate_per_s: float, slices: int, slice_s: float) -> None:
    """No request is lost or counted twice between two slices, however few a slice has."""
    parts = [arrivals(rate_per_s=rate_per_s, slice_s=slice_s, number=number).counted for number in range(slices)]

    assert 0 == parts[0].start
    assert all(before.stop == after.start for before, after in itertools.pairwise(parts))
    assert rate_per_s * slices * slice_s == pytest.approx(parts[-1].stop, abs=1)


@pytest.mark.parametrize(("rate_per_s", "slices", "expected"), [(25.0, 4, 5), (2_000.0, 7, 700), (3.0, 1, 1)])
def test_a_rounding_error_adds_no_request(rate_per_s: float, slices: int, expected: int) -> None:
    """0.05 s three times at 2,000/s is 300 requests, though the product is a trace more."""
    last = arrivals(rate_per_s=rate_per_s, slice_s=0.05, number=slices - 1)

    assert expected == last.counted.stop
