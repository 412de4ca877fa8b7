from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from benchmarks import cli
from benchmarks.measure.journal import read_run


@pytest.fixture
def compare(tmp_path: Path, measured_at_once: Callable[[float], None]) -> Callable[..., Result]:
    """Compare FastAPI's twins with trials that take no time."""

    def run(*arguments: str, noise: float = 0.02) -> Result:
        measured_at_once(noise)
        twins = ("-c", "fastapi-*@uvicorn", "--seed", "1", "--out", str(tmp_path))
        return CliRunner().invoke(cli.lab, ["compare", *twins, *arguments], env={"COLUMNS": "200"})

    return run


def test_a_budget_is_planned_by_a_pilot(compare: Callable[..., Result], tmp_path: Path) -> None:
    """It says beforehand which difference will show, and keeps the plan."""
    ran = compare("--budget", "3m")

    assert 0 == ran.exit_code, ran.output
    assert "Pilot: fastapi-async@uvicorn against itself" in ran.stdout
    assert "will show differences above" in ran.stdout
    assert "lab compare quick --seed 1 --budget 180s --contender fastapi-sync@uvicorn" in ran.stdout
    run = read_run(tmp_path / "latest")
    assert "complete" == run.state
    assert 180 == run.plan.budget_s
    assert run.plan.rounds["health"] >= 5
    assert run.plan.rounds["health"] > run.plan.rounds["wait"] >= 3
    assert 1 == len([folder for folder in tmp_path.iterdir() if not folder.is_symlink()])


def test_more_time_is_spent_on_more_or_longer_trials(compare: Callable[..., Result], tmp_path: Path) -> None:
    """Whatever the pilot says, ten minutes measure for longer than two."""
    measured_s = []
    for budget in ("2m", "10m"):
        compare("--budget", budget)
        plan = read_run(tmp_path / "latest").plan
        measured_s.append(plan.rounds["health"] * plan.loads["health"].duration_s)

    assert measured_s[0] < measured_s[1]


def test_a_run_ends_when_its_intervals_are_narrow_enough(compare: Callable[..., Result], tmp_path: Path) -> None:
    """It says beforehand that it may take fewer rounds, and afterwards why it did."""
    ran = compare("--precision", "5%")

    assert 0 == ran.exit_code, ran.output
    assert "at most 40 rounds" in ran.stdout
    assert "--precision 5%" in ran.stdout
    run = read_run(tmp_path / "latest")
    rounds = max(trial.round for trial in run.trials)
    assert "complete" == run.state
    assert f"Every headline interval was within ±5 % after {rounds} rounds." == run.stopped_early
    assert 5 <= rounds < 40
    assert "Stopped before its last round" in ran.stdout


def test_a_precision_that_is_never_reached_takes_all_rounds(compare: Callable[..., Result], tmp_path: Path) -> None:
    """Its intervals are as wide as they are."""
    compare("--precision", "1%", "--rounds", "6", noise=0.2)

    run = read_run(tmp_path / "latest")
    assert run.stopped_early is None
    assert 6 == max(trial.round for trial in run.trials)


def test_a_budget_is_kept_when_rounds_take_longer_than_planned(
    compare: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The round that would not fit is not begun."""
    clock = iter(range(0, 1_000_000, 40))
    monkeypatch.setattr("benchmarks.cli.compare.time.monotonic", lambda: float(next(clock)))

    compare("--budget", "10m")

    run = read_run(tmp_path / "latest")
    assert run.stopped_early is not None
    assert "would not have fitted into the budget" in run.stopped_early
    assert "complete" == run.state


def test_too_small_a_budget_says_at_once_how_much_it_takes(
    compare: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is started, and in the number that was typed."""
    monkeypatch.setattr("benchmarks.cli.compare.measure_aside", pytest.fail)

    ran = compare("--budget", "15s")

    assert 2 == ran.exit_code
    assert "A budget of 15 s is too little: a pilot and 5 rounds of these contenders take about" in ran.stderr
    assert "name fewer contenders" in ran.stderr
    assert [] == list(tmp_path.iterdir())


def test_a_pilot_that_took_too_long_leaves_the_budget_as_it_was_typed(
    compare: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is left of it would be a number that nobody has seen before."""
    clock = iter(range(0, 1_000_000, 170))
    monkeypatch.setattr("benchmarks.cli.compare.time.monotonic", lambda: float(next(clock)))

    ran = compare("--budget", "3m")

    assert 1 == ran.exit_code
    assert "A budget of 180 s is too little" in ran.stderr
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--budget", "5m", "--rounds", "3"], "leave out --rounds and --duration"),
        (["--budget", "5m", "--duration", "3s"], "leave out --rounds and --duration"),
        (["--precision", "0.1%"], "outside 0.5% to 50%"),
        (["--precision", "narrow"], "write 70% or 2.5%"),
        (["--budget", "2s"], "outside 10 s"),
    ],
)
def test_what_cannot_be_planned_is_a_usage_error(arguments: list[str], told: str) -> None:
    """Before anything is measured."""
    ran = CliRunner().invoke(cli.lab, ["compare", *arguments])

    assert 2 == ran.exit_code
    assert told in ran.output
