"""Behaviour of the script that holds readiness to its bars."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.calibration import frame, loading, readiness
from benchmarks.calibration.frame import Session
from benchmarks.calibration.readiness import MANY, ONE
from benchmarks.contenders import catalogue
from benchmarks.model import Contender


def test_waits_of_one_connection_are_measured(
    affinity: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Twins get a ratio with its interval and what it is held to."""
    # Those of one bridge: the test of the dependencies shows that all bridges answer alike.
    monkeypatch.setattr(readiness, "ONE", ONE[:2])
    monkeypatch.setattr(loading, "WARMUP_S", 0.1)

    status = readiness.main(["one", "--rounds", "2", "--duration", "0.3", "--seed", "3", "--let-cores-sleep"])

    told = capsys.readouterr()
    assert status in (0, 1), told.err
    assert re.search(
        r"rounds 2, duration 0\.3, .*seed 3\n(PostgreSQL|SQLite) \d+\.\S+; cores may sleep$", told.out, re.MULTILINE
    )
    for name, takes, most in (("flask-sync@hypercorn", "60.0", "1.15"), ("flask-async@hypercorn", "20.0", "1.3")):
        ratio = rf"^{name} +[\d.,]+ +{takes} +\d\.\d+   \d\.\d+ to \d+\.\d+ +0\.85 to {most}: \S"
        assert re.search(ratio, told.out, re.MULTILINE), told.out


@pytest.mark.parametrize(("sync_per_s", "held"), [(100.0, True), (250.0, False)])
def test_many_are_held_to_both_twins(
    sync_per_s: float, held: bool, session: Session, capsys: pytest.CaptureFixture[str]
) -> None:
    """The async twin must be as fast as FastAPI, and also much faster than threads."""
    rates = dict.fromkeys(frame.figures_of(MANY), 700.0) | {"flask-sync@hypercorn": sync_per_s}

    session.ratios("many", "req/s", MANY, [rates, rates])

    assert held is session.held
    assert 2 + held == capsys.readouterr().out.count(": holds")


@pytest.mark.parametrize(
    ("contender", "async_ms", "held"),
    [
        ("flask-async@hypercorn+eventloop", 22.0, True),
        ("flask-async@hypercorn+eventloop", 25.0, False),
        ("flask-async@hypercorn", 25.0, True),
        ("flask-async@hypercorn", 27.0, False),
    ],
)
def test_one_wait_is_what_async_takes(
    contender: str, async_ms: float, held: bool, session: Session, capsys: pytest.CaptureFixture[str]
) -> None:
    """Twenty milliseconds for all three checks, and sixty for one after another; a loop for each takes more."""
    medians = [{"flask-sync@hypercorn": 61.0, contender: took} for took in (async_ms, async_ms + 0.1)]
    bars = [bar for bar in ONE if bar.above in medians[0]]

    session.ratios("one", "ms", bars, medians)

    assert held is session.held
    assert 1 + held == capsys.readouterr().out.count(": holds")


def test_a_dependency_that_does_not_start_is_told(
    scripted: Callable[[str], Contender], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is measured without it."""
    broken = scripted("raise SystemExit('no upstream today')")
    monkeypatch.setattr(catalogue, "SLOW_UPSTREAM", broken)

    assert 2 == readiness.main(["one", "--rounds", "2"])
    told = capsys.readouterr().err
    assert "The upstream that readiness asks did not start." in told
    assert "no upstream today" in told


def test_cores_are_kept_awake(tmp_path: Path) -> None:
    """Linux reads the largest latency as 32 bits, in microseconds."""
    latency_file = tmp_path / "cpu_dma_latency"
    latency_file.touch()

    with readiness.cores_awake(latency_file) as awake:
        assert awake
        assert bytes(4) == latency_file.read_bytes()


def test_cores_that_cannot_be_kept_awake_are_reported(tmp_path: Path) -> None:
    """And no file is created."""
    with readiness.cores_awake(tmp_path / "none") as awake:
        assert not awake
    assert not list(tmp_path.iterdir())
