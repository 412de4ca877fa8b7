from __future__ import annotations

import os
import shutil

import pytest

from benchmarks.calibration import load_engine
from benchmarks.calibration.load_engine import main


@pytest.fixture
def wrk() -> str:
    """The path of wrk, without which there is nothing to compare with."""
    path = shutil.which("wrk")
    if path is None:
        message = "wrk is not installed: apt-get install wrk"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return path


def test_without_wrk_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is measured, the message helps, and the status is its own."""
    monkeypatch.setenv("PATH", "")

    assert 2 == main([])
    assert "apt-get install wrk" in capsys.readouterr().err


@pytest.mark.wrk
@pytest.mark.usefixtures("wrk", "affinity")
def test_comparison_with_wrk_runs_to_its_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A server is compared in both figures, and the status says whether the bars hold.

    Whether they do is for the script on a quiet machine: here it is only that the status and the table agree.
    """
    monkeypatch.setattr(load_engine, "BARS", {"bare-asgi@uvicorn": load_engine.BARS["bare-asgi@uvicorn"]})

    status = main(["--rounds", "2", "--duration", "1", "--seed", "1"])

    printed = capsys.readouterr().out
    assert "rounds 2, duration 1, seed 1" in printed
    for contender_id, bars in load_engine.BARS.items():
        assert 1 == printed.count(contender_id)
        assert all(1 == printed.count(bar.text) for bar in bars)
    assert 1 == printed.count("share of its core that ours used")
    assert status == (0 if printed.count(": holds") == 1 else 1)
