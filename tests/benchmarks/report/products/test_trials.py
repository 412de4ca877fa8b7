from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Iterator

import pytest

from benchmarks.model import LatencySummary, LoadProfile, LoadResult, Observation, Run, Trial
from benchmarks.report.document import Document
from benchmarks.report.formats import render
from benchmarks.report.products.run_evidence import COLUMNS, trial_records

TRIAL = Trial(
    round=1,
    position=2,
    contender="flask-async@hypercorn+asgiref",
    workload="health",
    started_at="2026-03-01T09:30:01+00:00",
    load=LoadProfile(vus=10, duration_s=0.7, warmup_s=0.2, slices=7),
    result=LoadResult(
        completed=500,
        duration_s=0.5,
        errors={"timeout": 1, "status": 2},
        statuses={"200": 500},
        unfinished=3,
        sent_bytes=10,
        received_bytes=20,
        loader_cpu_s=None,
        latency=LatencySummary(
            average_ms=1.0, minimum_ms=0.5, median_ms=0.9, maximum_ms=9.0, p90_ms=1.5, p95_ms=2.0, p99_ms=3.0
        ),
        histogram="SElTVA==",
    ),
    observation=Observation(
        cpu_user_us_per_request=100.0,
        cpu_system_us_per_request=50.0,
        voluntary_switches_per_request=None,
        involuntary_switches_per_request=0.1,
        threads_started_per_request=1.0,
        cpu_fraction=0.9,
        processes=1,
        threads=7,
        running_threads=6,
        epoll_descriptors=1,
        resident_bytes=40_000_000,
    ),
)


def render_csv(run: Run) -> str:
    """Return the lines of all trials."""
    return render(Document(kind="k", title="t", blocks=(), records=trial_records(run), columns=COLUMNS), "csv")


def rows(run: Run) -> Iterator[dict[str, str]]:
    """Read the lines back, as a spreadsheet would."""
    yield from csv.DictReader(io.StringIO(render_csv(run)))


def test_every_trial_has_a_line_of_all_its_figures(run: Run) -> None:
    """Bare servers first, then trials, then the superseded; what is not known is empty, never 0."""
    bare = dataclasses.replace(TRIAL, round=0, contender="bare-asgi@uvicorn")
    void = dataclasses.replace(TRIAL, result=None, observation=None, failure="the server died")
    calibration, trial, superseded = rows(
        dataclasses.replace(run, calibration=(bare,), trials=(TRIAL,), superseded=(void,))
    )

    assert ["calibration", "trial", "superseded"] == [row["kind"] for row in (calibration, trial, superseded)]
    assert ("flask", "async", "hypercorn", "asgiref") == tuple(
        trial[name] for name in ("framework", "variant", "server", "bridge")
    )
    assert ("500", "3", "1000.0", "1.0", "2.0") == tuple(
        trial[name] for name in ("completed", "errors", "rate_per_s", "latency_average_ms", "latency_p95_ms")
    )
    assert ("100.0", "", "") == tuple(
        trial[name] for name in ("cpu_user_us_per_request", "voluntary_switches_per_request", "loader_cpu_s")
    )
    assert ("the server died", "", "") == tuple(superseded[name] for name in ("void", "completed", "threads"))
    # The bare servers of this run are not among its contenders.
    assert ("bare-asgi@uvicorn", "") == (calibration["contender"], calibration["framework"])


def test_a_trial_at_a_rate_says_what_was_asked_and_what_became_of_it(run: Run) -> None:
    """The rate that was asked for, what was dropped, and how late the loader was; empty in the closed model."""
    assert TRIAL.result is not None
    at_a_rate = dataclasses.replace(
        TRIAL,
        load=dataclasses.replace(TRIAL.load, rate_per_s=700.0),
        result=dataclasses.replace(TRIAL.result, dropped=4, lateness=TRIAL.result.latency),
    )

    opened, closed = rows(dataclasses.replace(run, trials=(at_a_rate, TRIAL)))

    names = ("asked_rate_per_s", "dropped", "lateness_median_ms", "lateness_p99_ms")
    assert ("700.0", "4", "0.9", "3.0") == tuple(opened[name] for name in names)
    assert ("", "", "", "") == tuple(closed[name] for name in names)


def test_a_run_without_trials_has_its_heading(run: Run) -> None:
    """So that whoever reads it finds the columns."""
    assert f"{','.join(COLUMNS)}\n" == render_csv(dataclasses.replace(run, trials=()))


def test_a_result_of_no_time_has_no_rate(run: Run) -> None:
    """Nor does one without latencies have any."""
    assert TRIAL.result is not None
    nothing = dataclasses.replace(TRIAL.result, duration_s=0.0, latency=None, completed=0)

    (row,) = rows(dataclasses.replace(run, trials=(dataclasses.replace(TRIAL, result=nothing),)))

    assert ("0", "", "", "an interval of 0 s") == tuple(
        row[name] for name in ("completed", "rate_per_s", "latency_median_ms", "void")
    )


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@sum", "=cmd|' /C calc'!A0"])
def test_no_text_is_a_formula(run: Run, text: str) -> None:
    """A run may be somebody else's, and a spreadsheet believes what it reads."""
    (row,) = rows(dataclasses.replace(run, trials=(dataclasses.replace(TRIAL, failure=text),)))

    assert f"'{text}" == row["void"]


def test_a_failure_of_many_lines_is_one_cell(run: Run) -> None:
    """With quotes and commas as they are."""
    failure = 'it said "no, never"\nand ended\x1b[2J'
    (row,) = rows(dataclasses.replace(run, trials=(dataclasses.replace(TRIAL, failure=failure),)))

    assert 'it said "no, never" and ended\ufffd[2J' == row["void"]
