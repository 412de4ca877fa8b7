from __future__ import annotations

import itertools
import sys

import pytest

from benchmarks.calibration import faults
from benchmarks.calibration.faults import Case, Outcome, cases, main
from tests.benchmarks.live.page import short_races


def test_kills_are_repeatable_and_each_victim_has_its_turn() -> None:
    """The same seed gives the same kills; they come early and late."""
    fifty = list(itertools.islice(cases(seed=1), 50))

    assert fifty == list(itertools.islice(cases(seed=1), 50))
    assert fifty != list(itertools.islice(cases(seed=2), 50))
    assert {"loader": 16, "server": 17, "lab": 17} == {
        victim: sum(case.victim == victim for case in fifty) for victim in faults.VICTIMS
    }
    assert min(case.share for case in fifty) < 0.1
    assert max(case.share for case in fifty) > 0.9


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no kill -9")
@pytest.mark.timeout(240)
def test_whoever_is_killed_nothing_is_lost_and_nothing_is_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A server and the lab, once each; the fifty are for the script, and a loader is killed in the runner's tests."""
    monkeypatch.setattr(faults, "_LAB", [sys.executable, "-m", short_races.__name__])
    status = main(["--times", "2", "--seed", "1459", "--contender", "bare-asgi@uvicorn"])

    printed = capsys.readouterr().out
    assert 0 == status, printed
    assert "<= 0: holds" in printed
    assert "lab 1" in printed
    assert "resumed and completed" in printed


def test_what_does_not_hold_is_told_and_has_its_status(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A fault is printed, and the exit status is 1."""

    def attempt(case: Case, *_: object) -> Outcome:
        return {"killed": True, "trials": 1, "resumed": False, "faults": [f"port {case.number} is held"]}

    monkeypatch.setattr(faults, "attempt", attempt)

    assert 1 == main(["--times", "1"])
    assert "port 1 is held" in capsys.readouterr().out


def test_a_moment_without_a_victim_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A moment after the victim's end is no kill; a script that never kills ends, with a failure."""

    def attempt(case: Case, *_: object) -> Outcome:
        return {"killed": case.number % 2 == 0, "trials": 1, "resumed": False, "faults": []}

    monkeypatch.setattr(faults, "attempt", attempt)

    assert 0 == main(["--times", "3"])
    printed = capsys.readouterr().out
    assert "\n   6 " in printed
    assert "\n   7 " not in printed
    assert 3 == printed.count("(the victim had ended)")

    monkeypatch.setattr(faults, "attempt", lambda *_: attempt(Case(1, "lab", 0.5, 0.0)))
    assert 2 == main(["--times", "1"])


def test_a_comparison_that_does_not_begin_is_not_a_fault(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 2, and its message."""
    assert 2 == main(["--times", "1", "--contender", "no-such-contender"])
    assert "no-such-contender" in capsys.readouterr().err
