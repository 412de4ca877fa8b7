"""`lab compare --workload ready`, on real servers with real dependencies, small."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner, Result

from benchmarks import cli
from benchmarks.measure.dependencies import DATABASE_FACT
from benchmarks.measure.journal import read_run

SMALL = (
    *("compare", "-c", "fastapi-*@uvicorn", "--workload", "ready"),
    *("--rounds", "2", "--duration", "200ms", "--seed", "1"),
)
TRIALS = 2 * (2 + 1)


def lab(*arguments: str) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(cli.lab, list(arguments), prog_name="lab")


@pytest.mark.alone
@pytest.mark.timeout(300)
def test_a_run_that_is_killed_takes_everything_with_it_and_is_gone_on_with(tmp_path: Path) -> None:
    """Kill -9, then --resume --json: claim 4 is judged on real I/O, and nothing is left running or lying about."""
    out = tmp_path / "out"
    with subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("short_lab.py")), *SMALL, "--out", str(out)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        deadline = time.monotonic() + 100
        while not any('"kind":"trial"' in file.read_text("utf-8") for file in out.glob("2*/journal.jsonl")):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        started = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.wait()
    _, alive = psutil.wait_procs(started, timeout=20)
    assert [] == [child for child in alive if child.status() != psutil.STATUS_ZOMBIE]
    assert [] == [*Path(os.environ["TMPDIR"]).glob("lab-postgres-*")]

    done = lab("compare", "--resume", str(out / "latest"), "--json")

    # 3: on a machine that is busy with other tests the A/A placebo may fail, and then verdicts must be withheld.
    assert done.exit_code in (0, 3), done.output
    assert set() == set(psutil.Process().children(recursive=True)) & set(started)
    run = read_run(out / "latest")
    assert ("complete", 1, TRIALS) == (run.state, len(run.resumptions), len(run.trials))
    assert [None] * TRIALS == [trial.failure for trial in run.trials]
    assert str(run.environment[DATABASE_FACT]).startswith(("PostgreSQL ", "SQLite "))
    judgement = json.loads(done.stdout)["judgement"]
    assert {("waits-do-not-block", "ready-100")} == {
        (verdict["claim"], verdict["workload"]) for verdict in judgement["verdicts"] if verdict["number"] > 1
    }
    assert any("2 upstreams of 20 ms each" in note for note in judgement["notes"])

    again = lab("report", str(out / "latest"))
    assert "--workload ready" in again.output
    assert "waits in progress" in again.output


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--workload", "redy"), "'redy' is not one of 'health', 'wait', 'ready'"),
        (("--workload", "ready", "--vus", "5"), "--vus belongs to the workload health"),
        (("--workload", "wait", "--latency-at", "70%"), "--latency-at belongs to the workload health"),
        (("--workload", "wait", "-c", "bare-*"), "A bare server has no view that could wait"),
        (("--resume", "latest", "--workload", "ready"), "--resume keeps the run's own plan"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_does_not_go_together_is_a_usage_error_that_helps(arguments: tuple[str, ...], told: str) -> None:
    """Before anything is started."""
    result = lab("compare", *arguments)

    assert 2 == result.exit_code
    assert told in " ".join(result.output.split())


def test_the_help_shows_how_to_ask_for_it() -> None:
    """With what it will start."""
    told = " ".join(lab("compare", "--help").output.split())

    assert "lab compare --workload wait --workload ready" in told
    assert "a PostgreSQL of the lab's own" in told
