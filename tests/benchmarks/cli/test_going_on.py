"""``lab compare`` when another measures, when it was cut, and when the disk is full."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.contenders import catalogue
from benchmarks.measure import alone as alone_module
from benchmarks.measure import environment, schedule
from benchmarks.measure.alone import alone, try_lock
from benchmarks.measure.journal import Journal, read_run
from benchmarks.model import EQUAL_RATE, Run
from tests.benchmarks.cli.kept_runs import document_of, ended, lab, told

SMALL = ("compare", "-c", "bare-asgi@uvicorn", "--duration", "200ms", "--rounds", "1", "--seed", "1")
KeptRun = Callable[..., Path]


def test_a_second_comparison_is_refused(tmp_path: Path) -> None:
    """Exit status 3, and it has not begun anything."""
    if sys.platform == "win32":
        pytest.skip("Windows has no lock of this kind")
    with alone(wait=False, say=pytest.fail) as machine:
        machine.note(tmp_path / "the-first")

        result = lab(*SMALL, "--out", str(tmp_path / "out"))

    assert 3 == result.exit_code
    assert str(tmp_path / "the-first") in result.stderr
    assert "--wait" in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_second_comparison_can_wait(
    tmp_path: Path, measured_at_once: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says for whom, and measures when the first has ended, however that was."""
    if sys.platform == "win32":
        pytest.skip("Windows has no lock of this kind")
    first = (
        "import sys; from benchmarks.measure.alone import alone\n"
        "with alone(wait=False, say=print): print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", first], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert "held\n" == holder.stdout.readline()

        def wait_while_it_ends(descriptor: int, *, wait: bool = False) -> bool | None:
            if wait:
                holder.kill()
            return try_lock(descriptor, wait=wait)

        monkeypatch.setattr(alone_module, "try_lock", wait_while_it_ends)

        result = lab(*SMALL, "--wait", "--out", str(tmp_path / "out"))

    assert result.exit_code in (0, 3), result.stderr
    assert f"Waiting until another `lab` (process {holder.pid}) has ended." in told(result)
    assert "complete" == read_run(tmp_path / "out" / "latest").state


@pytest.mark.parametrize(
    "arguments", [("tutorial",), ("--rounds", "3"), ("-c", "flask-*"), ("--seed", "1"), ("--out", "x")]
)
def test_what_is_gone_on_with_has_its_plan(arguments: tuple[str, ...]) -> None:
    """An option that would make another plan is a usage error, not ignored."""
    result = lab("compare", "--resume", "latest", *arguments)

    assert 2 == result.exit_code
    assert "--resume keeps the run's own plan" in told(result)


def test_a_complete_run_needs_no_going_on(kept_run: KeptRun) -> None:
    """Exit status 0; a program gets its judgement all the same."""
    run = read_run(kept_run("a"))
    journal = Journal.create(kept_run("b").parent, dataclasses.replace(run, name="kept", trials=()))
    for trial in run.trials:
        journal.add_trial(trial)
    journal.finish("complete", "t")

    result = lab("compare", "--resume", str(journal.folder), "--json")

    assert 0 == result.exit_code
    assert "is complete: there is nothing to measure" in result.stderr
    assert len(run.trials) == document_of(result)["run"]["trials"]


@pytest.mark.parametrize(
    ("sizes", "early"), [({"budget_s": 600.0}, False), ({"precision": 0.5}, True)], ids=["budget", "precision"]
)
def test_an_interrupted_run_is_gone_on_with_by_its_own_plan(
    tmp_path: Path, measured_at_once: Callable[[float], None], sizes: dict[str, float], early: bool
) -> None:
    """Also one that was planned by time, or may stop early; what it had is where it was."""
    measured_at_once(0.001)
    plan = schedule.plan("quick", catalogue.select(["fastapi-*@uvicorn"]), 5, rounds=12, **sizes)  # type: ignore[arg-type]
    here = environment.environment(environment.share_cores())
    begun = Run(name="cut", state="running", started_at="t0", finished_at=None, plan=plan, environment=here)
    journal = Journal.create(tmp_path, begun)
    for scheduled in [*schedule.trials(plan)][:4]:
        journal.add_trial(ended(scheduled, 2000.0 if scheduled.contender.variant == "async" else 1000.0))
    journal.close()

    result = lab("compare", "--resume", str(journal.folder))

    assert result.exit_code in (0, 3), result.stderr
    assert "trials are left of the run of t0" in told(result)
    run = read_run(journal.folder)
    assert "complete" == run.state
    assert early == (run.stopped_early is not None) == (len(run.trials) < len([*schedule.trials(plan)]))
    # Three trials of health and two that wait stand in each round: the fourth trial's block was cut.
    assert 3 == run.resumptions[0].trials_kept
    assert journal.run.trials[3:] == run.superseded
    assert journal.run.trials[:3] == run.trials[:3]


def test_a_run_that_was_cut_after_it_had_stopped_early_stays_so(
    tmp_path: Path, measured_at_once: Callable[[float], None]
) -> None:
    """What asks all at one rate comes last: a run that has begun with it has no more rounds of anything else."""
    measured_at_once(0.001)
    plan = schedule.plan("quick", catalogue.select(["fastapi-*@uvicorn"]), 5, rounds=4, precision=0.5, latency_at=0.7)
    here = environment.environment(environment.share_cores())
    begun = Run(name="cut", state="running", started_at="t0", finished_at=None, plan=plan, environment=here)
    blocks = list(schedule.blocks(plan))
    at_one_rate = [block for block in blocks if block[0].workload.name == EQUAL_RATE]
    journal = Journal.create(tmp_path, begun)
    for block in [*(block for block in blocks if block[0].round <= 2 and block not in at_one_rate), at_one_rate[0]]:
        for scheduled in block:
            load = dataclasses.replace(scheduled.load, rate_per_s=700.0 if block is at_one_rate[0] else None)
            journal.add_trial(dataclasses.replace(ended(scheduled, 1000.0), load=load))
    journal.close()

    assert lab("compare", "--resume", str(journal.folder)).exit_code in (0, 3)

    run = read_run(journal.folder)
    assert "complete" == run.state
    assert run.stopped_early is not None
    assert 2 == max(trial.round for trial in run.trials if trial.workload != EQUAL_RATE)
    latencies = [trial for trial in run.trials if trial.workload == EQUAL_RATE]
    assert sum(map(len, at_one_rate)) == len(latencies)
    assert {700.0} == {trial.load.rate_per_s for trial in latencies}


def test_a_run_of_other_software_is_not_gone_on_with(kept_run: KeptRun) -> None:
    """Exit status 3, and which it is; a run that is not there is an error."""
    run = read_run(kept_run("a"))
    journal = Journal.create(kept_run("b").parent, dataclasses.replace(run, name="kept", trials=()))
    journal.close()

    refused = lab("compare", "--resume", str(journal.folder / "journal.jsonl"))

    assert 3 == refused.exit_code
    assert "cpu model was One CPU and is" in refused.stderr
    assert 1 == lab("compare", "--resume", "no-such-run").exit_code


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
def test_a_disk_that_fills_up_costs_nothing_that_was_measured(tmp_path: Path) -> None:
    """A limit on a file's size stands for it: a clear error, all that was recorded, the rest once there is room."""
    out = tmp_path / "out"
    command = [sys.executable, str(Path(__file__).parents[1] / "short_lab.py"), *SMALL, "--out", str(out)]
    # Enough for the plan, the environment and a trial or two, in blocks of 512 bytes.
    limit_blocks = 2 + (len(json.dumps(environment.environment(environment.share_cores()))) + 4000) // 512
    limited = ["/bin/sh", "-c", f'ulimit -f {limit_blocks}; exec "$@"', "sh", *command]

    full = subprocess.run(limited, capture_output=True, text=True, check=False, timeout=100)

    assert 1 == full.returncode, full.stdout
    assert "Traceback" not in full.stderr
    assert "File too large" in full.stderr
    assert "To go on: lab compare --resume" in full.stderr
    kept = read_run(out / "latest")
    assert "interrupted" == kept.state
    assert 0 < len(kept.calibration) + len(kept.trials) < 4

    on = lab("compare", "--resume", str(out / "latest"), "--json")

    assert on.exit_code in (0, 3), on.stderr
    run = read_run(out / "latest")
    assert ("complete", 2) == (run.state, len(run.trials))
    assert kept.calibration == run.calibration[: len(kept.calibration)]
    assert 1 == document_of(on)["run"]["resumptions"]
