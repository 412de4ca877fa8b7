from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from benchmarks import cli
from benchmarks.measure import environment
from benchmarks.measure.environment import Cores
from benchmarks.measure.journal import read_run
from benchmarks.measure.load.k6 import INSTALL_PAGE

K6 = "#!/bin/sh\necho 'k6 v2.3.0 (a fake, linux/amd64)'\n"


def lab(*arguments: str) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(cli.lab, list(arguments), prog_name="lab", env={"COLUMNS": "200"})


@pytest.mark.skipif(sys.platform == "win32", reason="the fake k6 is a shell script")
def test_a_run_records_its_engine_and_says_so(
    measured_at_once: Callable[[float], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the plan, with its version in the environment; in one piece; in the method and in the command."""
    measured_at_once(0.02)
    (tmp_path / "k6").write_text(K6, encoding="utf-8")
    (tmp_path / "k6").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(environment, "share_cores", lambda: Cores((1,), (0,)))
    monkeypatch.setattr(environment, "give_every_core", lambda cores: Cores(cores.server, (0, 2, 3)))

    ran = lab("compare", "--engine", "k6", "-c", "fastapi-*@uvicorn", "--seed", "1", "--out", str(tmp_path / "out"))

    assert 0 == ran.exit_code, ran.output
    run = read_run(tmp_path / "out" / "latest")
    assert "k6" == run.plan.engine
    assert "k6 v2.3.0 (a fake, linux/amd64)" == run.environment["load_engine_version"]
    assert {1} == {trial.load.slices for trial in run.trials}
    assert "server on core 1, loader on cores 0, 2, 3" in ran.output
    assert "0,2,3" == run.environment["loader_cpus"]
    assert "lab compare quick --engine k6 --seed 1" in ran.output
    page = (tmp_path / "out" / "latest" / "report.html").read_text(encoding="utf-8")
    assert "k6 asks, by the tutorial" in page


def test_an_absent_k6_stops_before_measuring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names k6's own page, and what needs nothing."""
    monkeypatch.setenv("PATH", str(tmp_path))

    ran = lab("compare", "--engine", "k6", "--out", str(tmp_path / "out"))

    assert 1 == ran.exit_code
    assert INSTALL_PAGE in ran.output
    assert "--engine builtin" in ran.output
    assert not (tmp_path / "out").exists()


def test_an_unknown_engine_is_a_usage_error_that_helps() -> None:
    """With the nearest name."""
    ran = lab("compare", "--engine", "locst")

    assert 2 == ran.exit_code
    assert "Did you mean locust?" in ran.output


@pytest.mark.skipif(sys.platform == "win32", reason="the fake k6 is a shell script")
def test_a_budget_is_planned_for_the_builtin_engine_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pilot's spread would be another engine's."""
    (tmp_path / "k6").write_text(K6, encoding="utf-8")
    (tmp_path / "k6").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    ran = lab("compare", "--engine", "k6", "--budget", "5m")

    assert 2 == ran.exit_code
    assert "builtin engine" in ran.output


def test_a_kept_run_is_told_in_k6s_layout(measured_at_once: Callable[[float], None], tmp_path: Path) -> None:
    """Printed only: no report is written anew, and no verdict decides the exit status."""
    measured_at_once(0.02)
    lab("compare", "-c", "fastapi-*@uvicorn", "--seed", "1", "--out", str(tmp_path))
    page = tmp_path / "latest" / "report.html"
    page.unlink()

    ran = lab("report", str(tmp_path / "latest"), "--style", "k6")

    assert 0 == ran.exit_code, ran.output
    assert "  contender: fastapi-async@uvicorn\n     target: GET /health/async" in ran.output
    assert "     http_reqs......................: " in ran.output
    assert not page.exists()
