from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from benchmarks import cli
from benchmarks.errors import LabError
from benchmarks.measure.journal import read_run
from benchmarks.measure.runner import Instrument
from benchmarks.model import EQUAL_RATE, Plan


@pytest.mark.parametrize(("text", "expected"), [("2000/s", 2000.0), ("2000", 2000.0), (" 0.5 / s ", 0.5)])
def test_a_rate_is_written_with_or_without_its_unit(text: str, expected: float) -> None:
    """Both mean requests per second."""
    command = cli.lab.get_command(click.Context(cli.lab), "compare")
    assert command is not None

    context = command.make_context("compare", ["--rate", text])

    assert isinstance(context, click.Context)
    assert expected == context.params["rate_per_s"]


def test_a_rate_is_planned_for_the_health_workload(monkeypatch: pytest.MonkeyPatch) -> None:
    """The option arrives in the plan that is to be measured."""
    plans: list[Plan] = []

    def begin(_instrument: Instrument, _out: Path, plan: Plan, *_: object) -> None:
        plans.append(plan)
        raise LabError("enough seen")

    monkeypatch.setattr(Instrument, "begin", begin)

    result = CliRunner().invoke(cli.lab, ["compare", "--rate", "2000/s"])

    assert "enough seen" in result.output
    (plan,) = plans
    assert (2000.0, None) == (plan.loads["health"].rate_per_s, plan.latency_at)


@pytest.mark.timeout(240)
def test_compare_measures_latency_at_an_equal_rate(tmp_path: Path, short_trials: None) -> None:
    """From the option to a table of latencies in every form, with the rate that was asked."""
    asked = ["-c", "fastapi-*@uvicorn", "--workload", "health", "--latency-at", "50%"]
    small = ["--rounds", "1", "--duration", "200ms", "--seed", "1", "--out", str(tmp_path)]

    done = CliRunner().invoke(cli.lab, ["compare", *asked, *small], env={"COLUMNS": "100"})

    assert 0 == done.exit_code, done.output
    run = read_run(tmp_path / "latest")
    (rate_per_s,) = {trial.load.rate_per_s for trial in run.trials if trial.workload == EQUAL_RATE}
    assert f"p95 latency at {rate_per_s:,.0f} req/s" in done.stdout
    assert "--latency-at 50%" in " ".join(done.stdout.split())
    assert "from when a request was due" in (tmp_path / "latest" / "report.md").read_text(encoding="utf-8")
    assert "Latency at one rate for all" in (tmp_path / "latest" / "report.html").read_text(encoding="utf-8")
