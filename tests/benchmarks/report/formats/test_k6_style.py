from __future__ import annotations

import dataclasses
from array import array
from collections.abc import Callable

import pytest

from benchmarks.contenders import catalogue
from benchmarks.measure import schedule
from benchmarks.measure.load.latencies import encode_histogram
from benchmarks.model import LatencySummary, LoadResult, Run, Trial
from benchmarks.report.formats.k6_style import render_k6_style

FASTAPI = "fastapi-sync@uvicorn"
LATENCY = LatencySummary(
    average_ms=2.41, minimum_ms=1.19, median_ms=2.39, maximum_ms=8.32, p90_ms=2.75, p95_ms=2.91, p99_ms=3.3
)
# What k6 printed of the tutorial's `def`, as far as this lab measures the same.
RESULT = LoadResult(
    completed=123311,
    duration_s=123311 / 4110.097729,
    errors={},
    statuses={"200": 123311},
    unfinished=10,
    sent_bytes=9_870_000,
    received_bytes=19_230_000,
    loader_cpu_s=1.0,
    latency=LATENCY,
    histogram=None,
)


def histogram(median_ms: float) -> str | None:
    """Return a histogram of latencies around a median, as the lab's own engine keeps it."""
    return encode_histogram(array("q", [round(1e6 * median_ms * (0.5 + share / 100)) for share in range(101)]))


@pytest.fixture
def told() -> Callable[..., str]:
    """Tell a run of one contender that had these results, one a round."""

    def tell(*results: LoadResult | None, failure: str | None = None, rate_per_s: float | None = None) -> str:
        chosen = catalogue.select([FASTAPI])
        plan = schedule.plan("tutorial", chosen, seed=1, rounds=len(results), rate_per_s=rate_per_s)
        trials = tuple(
            Trial(
                round=number,
                position=1,
                contender=FASTAPI,
                workload="health",
                started_at="2026-01-01T00:00:00.000+00:00",
                load=plan.loads["health"],
                result=result,
                observation=None,
                failure=failure,
            )
            for number, result in enumerate(results, start=1)
        )
        # The placebo's trial is the same contender once more: no block of its own, and in none.
        placebo = (dataclasses.replace(trials[0], placebo=True),)
        run = Run(
            name="book",
            state="complete",
            started_at="t",
            finished_at="t",
            plan=plan,
            environment={},
            trials=(*trials, *placebo),
        )
        health, _, rest = render_k6_style(run).partition("/wait/")
        return health + rest.partition("Not measured")[2]

    return tell


def test_the_tutorials_figures_make_the_tutorials_lines(told: Callable[..., str]) -> None:
    """Character by character, where the same was measured."""
    lines = told(RESULT).splitlines()

    for line in (
        "     data_received..................: 19 MB  641 kB/s",
        "     data_sent......................: 9.9 MB 329 kB/s",
        "     http_req_duration..............: avg=2.41ms min=1.19ms med=2.39ms max=8.32ms p(90)=2.75ms p(95)=2.91ms",
        "       { expected_response:true }...: avg=2.41ms min=1.19ms med=2.39ms max=8.32ms p(90)=2.75ms p(95)=2.91ms",
        "     http_req_failed................: 0.00%  ✓ 0           ✗ 123311",
        "     http_reqs......................: 123311 4110.097729/s",
        "     vus............................: 10     min=10        max=10",
        "           * default: 10 looping VUs for 30s",
    ):
        assert line in lines


def test_a_load_at_a_rate_is_told_as_k6_tells_one(told: Callable[..., str]) -> None:
    """Iterations a second, what was dropped, and where our latency means more than k6's."""
    text = told(dataclasses.replace(RESULT, dropped=60), rate_per_s=4200.0)

    assert "           * default: 4200.00 iterations/s for 30s (maxVUs: 10)" in text.splitlines()
    assert "     dropped_iterations.............: 60     1.999869/s" in text.splitlines()
    assert "http_req_duration counts from when a request was due" in text
    assert "looping" not in text
    closed = told(RESULT)
    assert "dropped" not in closed
    assert "was due" not in closed


def test_what_was_not_measured_is_left_out_and_said_to_be(told: Callable[..., str]) -> None:
    """No line is filled with what nobody saw."""
    text = told(dataclasses.replace(RESULT, sent_bytes=None, received_bytes=None))
    before, note = text.split("scenarios:")[1], text

    for name in ("data_sent", "data_received", "http_req_blocked...", "iteration_duration...", "iterations"):
        assert name not in before
    assert "http_reqs......." in note


def test_the_note_names_k6s_lines_that_are_missing(told: Callable[..., str]) -> None:
    """At the end, once."""
    run = Run(
        name="empty",
        state="complete",
        started_at="t",
        finished_at=None,
        plan=schedule.plan("tutorial", catalogue.select([FASTAPI]), seed=1),
        environment={},
    )

    text = render_k6_style(run)

    assert text.rstrip().splitlines()[-1].startswith("Not measured, so left out of k6's lines: http_req_blocked")
    assert "no valid trial: there is none" in text


def test_failed_requests_are_counted_where_k6_counts_them(told: Callable[..., str]) -> None:
    """And the duration of all requests, of which only the valid ones have one, is left out."""
    text = told(dataclasses.replace(RESULT, errors={"status": 20, "timeout": 3, "body": 5}))

    assert "http_req_failed................: 0.01%  ✓ 23          ✗ 123316" in text
    assert "     http_req_duration" not in text
    assert "       { expected_response:true }...: avg=2.41ms" in text
    assert "     ✗ status is 2xx\n      ↳  99% — ✓ 123316 / ✗ 23" in text
    assert "     ✗ body has the right length\n      ↳  99% — ✓ 123311 / ✗ 5" in text


def test_trials_with_histograms_are_pooled(told: Callable[..., str]) -> None:
    """Counts add up, the average is the requests', the bounds are the farthest, percentiles are the pool's."""
    whole = dataclasses.replace(RESULT, duration_s=30.0, hanging=0)
    slow = dataclasses.replace(LATENCY, average_ms=4.41, minimum_ms=1.5, maximum_ms=9.5)
    text = told(
        dataclasses.replace(whole, completed=90_000, histogram=histogram(2.0)),
        dataclasses.replace(whole, completed=30_000, histogram=histogram(4.0), latency=slow),
    )

    assert 1 == text.count("scenarios:")
    assert "2, their requests pooled" in text
    assert "10 looping VUs for 30s, 2 times" in text
    assert "avg=2.91ms min=1.19ms" in text
    assert "max=9.5ms" in text
    assert "     http_reqs......................: 120000 2000/s" in text.splitlines()


@pytest.mark.parametrize("histograms", [(None, None), ("rubbish", "rubbish")])
def test_without_histograms_each_trial_has_its_block(
    told: Callable[..., str], histograms: tuple[str | None, ...]
) -> None:
    """No percentile of a pool is made up."""
    text = told(*(dataclasses.replace(RESULT, histogram=each) for each in histograms))

    assert 2 == text.count("scenarios:")
    assert "trials: 1, of round 2" in text


def test_a_contender_without_a_valid_trial_says_why(told: Callable[..., str]) -> None:
    """Nothing is printed of what does not count."""
    text = told(None, failure="the server was killed by SIGKILL")

    assert "no valid trial: the server was killed by SIGKILL" in text
    assert "http_reqs" not in text


@pytest.mark.parametrize(
    ("milliseconds", "written"),
    [
        (0.000785, "785ns"),
        (0.001, "1µs"),
        (0.23445, "234.45µs"),
        (0.999999, "999.99µs"),
        (1.15, "1.15ms"),
        (14.0, "14ms"),
        (999.999, "999.99ms"),
        (4060.0, "4.06s"),
        (83_000.0, "1m23s"),
    ],
)
def test_durations_are_written_as_k6_writes_them(told: Callable[..., str], milliseconds: float, written: str) -> None:
    """In the unit that keeps them above 1, cut off behind two decimals."""
    shortest = milliseconds < LATENCY.minimum_ms
    latency = dataclasses.replace(LATENCY, **{"minimum_ms" if shortest else "maximum_ms": milliseconds})

    wanted = f" min={written} med" if shortest else f"max={written} p(90)"
    assert wanted in told(dataclasses.replace(RESULT, latency=latency))


@pytest.mark.parametrize(
    ("count", "written"), [(9, "9 B"), (999, "999 B"), (1000, "1.0 kB"), (9_999_000_000, "10 GB"), (2e15, "2000 TB")]
)
def test_bytes_are_written_as_k6_writes_them(told: Callable[..., str], count: int, written: str) -> None:
    """In thousands, with a decimal below ten."""
    assert f"data_sent......................: {written}" in told(dataclasses.replace(RESULT, sent_bytes=int(count)))
