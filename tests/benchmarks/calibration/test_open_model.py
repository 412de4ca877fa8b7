from __future__ import annotations

import argparse
import contextlib
from typing import Any

import pytest

from benchmarks.calibration import loading, open_model
from benchmarks.calibration.frame import Figures, Session
from benchmarks.calibration.open_model import main, tell
from benchmarks.model import LatencySummary, LoadResult


def round_of(
    *, rate: float = 500.0, p99_open_ms: float = 160.0, p99_closed_ms: float = 2.0, dropped: int = 0
) -> Figures:
    """Return a round in which all is well unless told otherwise."""
    figures = {"capacity": 1_000.0, "asked": 500.0, "rate": rate, "p99": 2.0, "dropped": dropped}
    figures |= {"late median": 1.0, "late p99": 2.0, "closed slowest": 250.0}
    return figures | {"open p99": p99_open_ms, "closed p99": p99_closed_ms}


def test_bars_hold_when_the_rate_is_kept_and_only_the_open_model_shows_the_stall(
    session: Session, capsys: pytest.CaptureFixture[str]
) -> None:
    """All three figures stand with their bars, and no request was dropped."""
    tell(session, "flask-sync@hypercorn", [round_of(), round_of()])

    assert session.held
    assert 4 == capsys.readouterr().out.count(": holds")


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
def test_each_bar_can_fail(wrong: dict[str, float], session: Session, capsys: pytest.CaptureFixture[str]) -> None:
    """2 % off the rate, a stall that is not seen, one that the closed model shows, a request that was not sent."""
    seen = [round_of(**wrong), round_of(**wrong)]  # type: ignore[arg-type]  # each is a number of its kind

    tell(session, "flask-sync@hypercorn", seen)

    assert not session.held
    assert 1 == capsys.readouterr().out.count("DOES NOT HOLD")


@pytest.mark.usefixtures("affinity")
def test_it_measures_to_its_table_and_its_status_is_that_of_the_bars(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With rounds of which the figures are known, so that no server is needed."""
    monkeypatch.setattr(open_model, "serving", lambda *_: contextlib.nullcontext())
    monkeypatch.setattr(open_model, "measure", lambda *_: round_of(rate=480.0))

    assert 1 == main(["--rounds", "2", "--seed", "1"])
    printed = capsys.readouterr().out
    assert "rounds 2, duration 4, seed 1" in printed
    assert 2 == printed.count("capacity, closed, req/s")


def test_a_round_stops_a_real_server_and_sees_it_in_both_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request during the stall waits; how many do is what the models differ in."""
    monkeypatch.setattr(loading, "WARMUP_S", 0.1)
    # Other tests may take the server's core from it: this asks for little.
    monkeypatch.setattr(open_model, "CAPACITY_FRACTION", 0.1)
    results: list[tuple[LoadResult, LatencySummary]] = []
    load = open_model.load

    def recorded(*given: Any, **stall: Any) -> tuple[LoadResult, LatencySummary]:
        results.append(load(*given, **stall))
        return results[-1]

    monkeypatch.setattr(open_model, "load", recorded)

    session = Session(argparse.Namespace(journal=None, duration=0.5))
    with loading.serving(session, "bare-asgi@uvicorn") as server:
        seen = open_model.measure(session, server)

    _, (steady, _), (_, opened), (closed, closed_latency) = results
    assert (None, None) == (closed.dropped, closed.lateness)
    assert (steady.statuses or {})["200"] == pytest.approx(0.5 * seen["asked"], abs=1)
    for stalled in (opened, closed_latency):
        assert stalled.maximum_ms >= 1_000 * open_model.STALL_S - 50
    assert opened.p90_ms >= 50
    assert seen["open p99"] == opened.p99_ms
    assert round_of().keys() == seen.keys()
