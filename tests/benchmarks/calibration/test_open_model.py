from __future__ import annotations

import contextlib
from typing import Any

import pytest

from benchmarks.calibration import open_model
from benchmarks.calibration.frame import Figures
from benchmarks.calibration.open_model import main, tell
from benchmarks.contenders import catalogue
from benchmarks.measure.server import running
from benchmarks.measure.workloads import HEALTH
from benchmarks.model import LoadResult


def round_of(
    *, rate: float = 500.0, p99_open_ms: float = 160.0, p99_closed_ms: float = 2.0, dropped: int = 0
) -> Figures:
    """Return a round in which all is well unless told otherwise."""
    figures = {"capacity": 1_000.0, "asked": 500.0, "rate": rate, "p99": 2.0, "dropped": dropped}
    figures |= {"late median": 1.0, "late p99": 2.0, "closed slowest": 250.0}
    return figures | {"open p99": p99_open_ms, "closed p99": p99_closed_ms}


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


@pytest.mark.usefixtures("affinity")
def test_it_measures_to_its_table_and_its_status_is_that_of_the_bars(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With rounds of which the figures are known, so that no server is needed."""
    monkeypatch.setattr(open_model, "running", lambda *_: contextlib.nullcontext())
    monkeypatch.setattr(open_model, "measure", lambda *_: round_of(rate=480.0))

    assert 1 == main(["--rounds", "2", "--seed", "1"])
    printed = capsys.readouterr().out
    assert "seed 1, 2 rounds" in printed
    assert 2 == printed.count("1,000 req/s, closed")


def test_a_round_stops_a_real_server_and_sees_it_in_both_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request during the stall waits; how many do is what the models differ in."""
    monkeypatch.setattr(open_model, "WARMUP_S", 0.1)
    # Other tests may take the server's core from it: this asks for little.
    monkeypatch.setattr(open_model, "CAPACITY_FRACTION", 0.1)
    contender = catalogue.find("fastapi-async@uvicorn")
    results: list[LoadResult] = []
    load = open_model.load

    def recorded(*given: Any, **stall: Any) -> LoadResult:
        results.append(load(*given, **stall))
        return results[-1]

    monkeypatch.setattr(open_model, "load", recorded)

    with running(contender, HEALTH.path_for(contender)) as server:
        seen = open_model.measure(server, 0.5, ())

    _, steady, opened, closed = results
    assert (None, None) == (closed.dropped, closed.lateness)
    assert (steady.statuses or {})["200"] == pytest.approx(0.5 * seen["asked"], abs=1)
    for stalled in (opened, closed):
        assert stalled.latency is not None
        assert stalled.latency.maximum_ms >= 1_000 * open_model.STALL_S - 50
    assert opened.latency is not None
    assert opened.latency.p90_ms >= 50
    assert seen["open p99"] == opened.latency.p99_ms
    assert round_of().keys() == seen.keys()
