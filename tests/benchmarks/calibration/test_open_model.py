from __future__ import annotations

import contextlib
import os

import pytest

from benchmarks.calibration import open_model
from benchmarks.calibration.open_model import Loader, Round, main, tell
from benchmarks.contenders import catalogue
from benchmarks.measure.server import running
from benchmarks.measure.workloads import HEALTH
from benchmarks.model import LatencySummary, LoadResult


def result(rate_per_s: float, p99_ms: float, dropped: int | None = 0) -> LoadResult:
    """Return what an engine saw in ten seconds."""
    latency = LatencySummary(
        average_ms=1.0, minimum_ms=0.5, median_ms=1.0, maximum_ms=250.0, p90_ms=2.0, p95_ms=2.0, p99_ms=p99_ms
    )
    return LoadResult(
        completed=round(10 * rate_per_s),
        duration_s=10.0,
        errors={},
        statuses={"200": round(10 * rate_per_s)},
        unfinished=0,
        sent_bytes=1,
        received_bytes=1,
        loader_cpu_s=1.0,
        latency=latency,
        histogram=None,
        dropped=dropped,
        lateness=None if dropped is None else latency,
    )


def round_of(*, rate: float = 500.0, p99_open_ms: float = 160.0, p99_closed_ms: float = 2.0, dropped: int = 0) -> Round:
    """Return a round in which all is well unless told otherwise."""
    return Round(
        capacity_per_s=1_000.0,
        rate_per_s=500.0,
        steady=result(rate, 2.0, dropped),
        open_stalled=result(500.0, p99_open_ms),
        closed_stalled=result(1_000.0, p99_closed_ms, None),
    )


def test_bars_hold_when_the_rate_is_kept_and_only_the_open_model_shows_the_stall(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """All three figures stand with their bars."""
    assert tell("flask-sync@hypercorn", [round_of(), round_of()])
    assert 3 == capsys.readouterr().out.count(": holds")


@pytest.mark.parametrize(
    "wrong",
    [
        {"rate": 490.0},
        {"rate": 510.0},
        {"p99_open_ms": 20.0},
        {"p99_closed_ms": 120.0},
        {"dropped": 1},
    ],
    ids=" ".join,
)
def test_each_bar_can_fail(wrong: dict[str, float], capsys: pytest.CaptureFixture[str]) -> None:
    """2 % off the rate, a stall that is not seen, one that the closed model shows, a request that was not sent."""
    seen = [round_of(**wrong), round_of(**wrong)]  # type: ignore[arg-type]  # each is a number of its kind

    assert not tell("flask-sync@hypercorn", seen)
    printed = capsys.readouterr().out
    assert "DOES NOT HOLD" in printed or "requests were dropped" in printed


@pytest.mark.parametrize(
    "arguments", [["--rounds", "1"], ["--duration", "0"], ["--duration", "30"], ["--rounds", "many"]]
)
def test_numbers_that_show_nothing_are_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """One round has no interval, and in a long trial a stall is less than 1 %."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert 2 == ended.value.code
    assert "is not a whole number from" in capsys.readouterr().err


@pytest.mark.usefixtures("affinity")
def test_it_measures_to_its_table_and_its_status_is_that_of_the_bars(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With rounds of which the figures are known, so that no server is needed."""
    monkeypatch.setattr(open_model, "running", lambda *_: contextlib.nullcontext())
    monkeypatch.setattr(Loader, "round", lambda _: round_of(rate=480.0))

    assert 1 == main(["--rounds", "2", "--seed", "1"])
    printed = capsys.readouterr().out
    assert "seed 1, 2 rounds" in printed
    assert 2 == printed.count("1,000 req/s, closed")


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="this system cannot stop a process for a while")
def test_a_round_stops_a_real_server_and_sees_it_in_both_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who comes while it stands still waits; how many do is what the models differ in."""
    monkeypatch.setattr(open_model, "WARMUP_S", 0.1)
    # Other tests may take the server's core from it: this asks for little.
    monkeypatch.setattr(open_model, "CAPACITY_FRACTION", 0.1)
    contender = catalogue.find("fastapi-async@uvicorn")

    with running(contender, HEALTH.path_for(contender)) as server:
        seen = Loader(server, 0.5, ()).round()

    assert (None, None) == (seen.closed_stalled.dropped, seen.closed_stalled.lateness)
    assert (seen.steady.statuses or {})["200"] == pytest.approx(0.5 * seen.rate_per_s, abs=1)
    for stalled in (seen.open_stalled, seen.closed_stalled):
        assert stalled.latency is not None
        assert stalled.latency.maximum_ms >= 1_000 * open_model.STALL_S - 50
    assert seen.open_stalled.latency is not None
    assert seen.open_stalled.latency.p90_ms >= 50
