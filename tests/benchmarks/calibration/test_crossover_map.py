from __future__ import annotations

import pytest

from benchmarks.calibration import crossover_map
from benchmarks.calibration.crossover_map import TRUTHS, allowed_per_s
from benchmarks.model import Place


def test_a_short_sweep_is_held_to_account(capsys: pytest.CaptureFixture[str]) -> None:
    """One sweep of two minutes, and one at random: three bars are printed, and the status says whether all hold."""
    status = crossover_map.main(["--budget", "120", "--sweeps", "1"])
    told = capsys.readouterr().out.splitlines()[2:]

    assert ["chosen", "random"] == [line.split()[0] for line in told[:2]]
    assert told[2].startswith("farthest end from its time, % ")
    assert told[2].endswith("<= 10: holds")
    assert (status == 0) == all(line.endswith(": holds") for line in told[2:])


def test_a_sweep_that_learns_nothing_fails(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A chooser that stays where it is ends in time, and decides less: the exit status is 1."""
    stays = crossover_map.random_chooser(1)
    monkeypatch.setattr(crossover_map, "next_place", lambda *asked: Place(100, 1) if stays(*asked) else None)

    assert 1 == crossover_map.main(["--budget", "60", "--sweeps", "1"])
    assert "DOES NOT HOLD" in capsys.readouterr().out


def test_knees_round_off_as_told() -> None:
    """Two equal bounds make 11 % less; far from a knee nothing changes."""
    loop = TRUTHS["flask-async@hypercorn+eventloop"]
    knee = Place(0.4, 0.8e6 / 290 / 1000)

    assert 2 ** (-1 / 6) == pytest.approx(allowed_per_s(loop, knee, 6) / allowed_per_s(loop, knee), rel=1e-6)
    assert allowed_per_s(loop, Place(0, 500)) == pytest.approx(allowed_per_s(loop, Place(0, 500), 6), rel=1e-6)
