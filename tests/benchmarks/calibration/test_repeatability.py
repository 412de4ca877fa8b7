from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import cli
from benchmarks.calibration import repeatability


def test_runs_alike_hold(measured_at_once: Callable[[float], None], capsys: pytest.CaptureFixture[str]) -> None:
    """Every headline's ratios are printed, with how far the farthest is from their median."""
    measured_at_once(0.01)

    assert 0 == repeatability.main(["--runs", "3", "--seed", "1"])
    told = capsys.readouterr().out
    assert 3 * 2 == told.count("[")
    assert "fastapi@uvicorn, async / sync: 2.0" in told
    assert "flask@hypercorn, async / sync: 0.5" in told
    assert 2 == told.count("<= 5: holds")


def test_runs_apart_do_not_hold(measured_at_once: Callable[[float], None], capsys: pytest.CaptureFixture[str]) -> None:
    """Ratios that differ from run to run miss the bar."""
    measured_at_once(0.4)

    assert 1 == repeatability.main(["--runs", "4", "--seed", "1"])
    assert "<= 5: DOES NOT HOLD" in capsys.readouterr().out


def test_kept_runs_are_looked_at_again(
    measured_at_once: Callable[[float], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is measured for it; a headline that a run lacks does not hold."""
    measured_at_once(0.01)
    CliRunner().invoke(cli.lab, ["compare", "-c", "fastapi-*@uvicorn", "--out", str(tmp_path)])

    assert 0 == repeatability.main([str(tmp_path / "latest"), str(tmp_path / "latest")])
    assert " 0   <= 5: holds" in capsys.readouterr().out


def test_runs_without_headlines_show_nothing(
    measured_at_once: Callable[[float], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 2."""
    measured_at_once(0.01)
    CliRunner().invoke(cli.lab, ["compare", "-c", "bare-asgi@uvicorn", "--rounds", "2", "--out", str(tmp_path)])

    assert 2 == repeatability.main([str(tmp_path / "latest")])
    assert "No run has a headline ratio." in capsys.readouterr().err


def test_a_missing_run_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 2, and a message that names it."""
    assert 2 == repeatability.main(["no-such-run"])
    assert "There is no run at no-such-run" in capsys.readouterr().err
