"""Behaviour of the scripts that count what verdicts get wrong."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import re
import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import psutil
import pytest

from benchmarks.calibration import costly_app, errors, loading, repeated_looks
from benchmarks.calibration.costly_app import COST_VARIABLE
from benchmarks.calibration.frame import Session
from benchmarks.calibration.repeated_looks import coverage
from benchmarks.judge.judgement import CONFIDENCE, Estimate
from benchmarks.judge.statistics import REPEATED_LOOKS_CONFIDENCE
from benchmarks.measure.schedule import ScheduledTrial
from benchmarks.measure.server import running
from benchmarks.model import LoadResult, Observation, Trial


def estimate(low: float, high: float) -> Estimate:
    """Return a ratio with this interval."""
    return Estimate(value=(low * high) ** 0.5, low=low, high=high, samples=7)


@pytest.fixture
def measured_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every trial end at once, at a rate that its cost in CPU time makes: the subject's request takes 100 µs."""
    generator = np.random.default_rng(1)

    def run_block(block: Sequence[ScheduledTrial], *_: object) -> list[Trial]:
        return [trial(scheduled, float(generator.normal(1.0, 0.02))) for scheduled in block]

    def trial(scheduled: ScheduledTrial, noise: float) -> Trial:
        costly = "costly" in scheduled.contender.description
        cpu_us = 100.0 + (float(os.environ[COST_VARIABLE]) if costly else 0.0)
        made = good_result(round(1e6 / cpu_us * noise))
        seen = Observation(
            **{field.name: None for field in dataclasses.fields(Observation)}
            | {  # type: ignore[arg-type] # all None
                "cpu_user_us_per_request": cpu_us,
                "cpu_system_us_per_request": 0.0,
            }
        )
        return Trial(
            round=scheduled.round,
            position=1,
            contender=scheduled.contender.id,
            workload="health",
            started_at="2026-01-01T00:00:00.000+00:00",
            load=scheduled.load,
            result=made,
            observation=seen,
        )

    monkeypatch.setattr(loading, "run_block", run_block)
    monkeypatch.setenv(COST_VARIABLE, "0")


def good_result(completed: int) -> LoadResult:
    """Return a second of load without an error."""
    return LoadResult(
        completed=completed,
        duration_s=1.0,
        errors={},
        statuses={},
        unfinished=0,
        sent_bytes=0,
        received_bytes=0,
        loader_cpu_s=None,
        latency=None,
        histogram=None,
    )


@pytest.mark.usefixtures("measured_at_once")
def test_equal_things_and_an_injected_cost_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """A tenth more of CPU time is a tenth less of rate, which seven rounds of 2 % noise find."""
    status = errors.main(["--equal-runs", "31", "--injected-runs", "10", "--seed", "1"])

    told = capsys.readouterr().out
    assert "of 31 intervals leave 1 out" in told
    assert re.search(r"10\.0 µs more CPU per request found in 10 of 10 runs, % +100   >= 90: holds", told)
    assert "median 0.9" in told
    assert status == (0 if "<= 8: holds" in told else 1)


def test_the_costly_app_spends_its_cost_and_answers_as_the_reference_does() -> None:
    """The cost is CPU time, of the thread that answers."""
    sent: list[Any] = []

    async def ask() -> None:
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": "/health/async",
            "raw_path": b"/health/async",
            "query_string": b"",
            "headers": [],
        }

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await costly_app.costing(3_000_000)(scope, receive, send)

    spent_ns = -time.thread_time_ns()
    asyncio.run(ask())
    spent_ns += time.thread_time_ns()

    assert 200 == sent[0]["status"]
    assert b'{"api":"health","version":1}' == sent[1]["body"]
    assert spent_ns >= 3_000_000


@pytest.mark.parametrize(("app", "spends"), [("app", True), ("app_at_no_cost", False)])
def test_the_cost_arrives_in_the_server_that_is_measured(
    monkeypatch: pytest.MonkeyPatch, app: str, spends: bool
) -> None:
    """The environment variable reaches the server process, and only the one app spends the cost."""
    monkeypatch.setenv(COST_VARIABLE, "200000")

    with running(errors.costly(app), "/openapi-before.json") as server:
        process = psutil.Process(server.process.pid)
        before_s = sum(process.cpu_times()[:2])
        assert b'{"api":"health","version":1}' == server.get("/health/async").body
        spent_s = sum(process.cpu_times()[:2]) - before_s

    # The system counts CPU time in ticks, of 0.01 s mostly: half of the cost tells the two apart whatever the rounding.
    assert spends == (spent_s > 0.1)


def test_too_many_false_alarms_do_not_hold(session: Session, capsys: pytest.CaptureFixture[str]) -> None:
    """Eight in a hundred are allowed, nine are not."""
    equal, different = estimate(0.95, 1.05), estimate(1.01, 1.11)

    errors.tell_equal(session, [equal] * 92 + [different] * 8)
    held_before = session.held
    errors.tell_equal(session, [equal] * 91 + [different] * 9)
    assert (True, False) == (held_before, session.held)
    assert re.search(r"9 of 100 intervals leave 1 out, % +9   <= 8: DOES NOT HOLD", capsys.readouterr().out)


def test_a_cost_counts_as_found_on_its_own_side_only(session: Session, capsys: pytest.CaptureFixture[str]) -> None:
    """An interval above 1 says that the costly side is faster: the cost is not found."""
    found, other_side = estimate(0.86, 0.95), estimate(1.01, 1.11)

    errors.tell_injected(session, [found] * 9 + [other_side], 10.0)
    held_before = session.held
    errors.tell_injected(session, [found] * 8 + [other_side] * 2, 10.0)
    assert (True, False) == (held_before, session.held)
    assert re.search(r"found in 8 of 10 runs, % +80\.0   >= 90: DOES NOT HOLD", capsys.readouterr().out)


def test_a_server_that_fails_is_not_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A void trial ends the script with status 2, and the server's message is printed."""
    monkeypatch.setattr(sys, "executable", "/bin/false")

    assert 2 == errors.main(["equal", "--equal-runs", "1"])
    assert "exited with status 1" in capsys.readouterr().err


@pytest.mark.parametrize("spread", [1.0, 1.5, 2.0])
def test_stopping_early_needs_a_higher_confidence(spread: float) -> None:
    """At 95 % fewer than 95 % of the stopped intervals hold the truth; at the level that is used, more."""
    generator = np.random.default_rng(20261124)

    usual, _ = coverage(spread, CONFIDENCE, 40_000, generator)
    used, rounds = coverage(spread, REPEATED_LOOKS_CONFIDENCE, 40_000, generator)

    assert usual < 0.947
    assert used > 0.95
    assert 5 < rounds < 40


def test_both_confidence_levels_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """The usual one, and the one that the lab uses."""
    assert 0 == repeated_looks.main(["--runs", "20000"])
    assert "looked at 97.5 %" in capsys.readouterr().out
