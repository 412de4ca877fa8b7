from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.errors import RefusedError
from benchmarks.measure import schedule
from benchmarks.measure.environment import Cores, Fact
from benchmarks.measure.journal import Journal, RunFileError, read_run
from benchmarks.measure.load.builtin import BuiltinEngine
from benchmarks.measure.load.engine import LoadOrder
from benchmarks.measure.load.session import LoadSession
from benchmarks.measure.remaining import mismatches, reopen
from benchmarks.measure.runner import Runner
from benchmarks.measure.schedule import ScheduledTrial
from benchmarks.model import Contender, Plan, Run, Trial

NO_PINNING = Cores((), ())
HERE: dict[str, Fact] = {
    "cpu_model": "One CPU",
    "logical_cores": 2,
    "server_cpus": "1",
    "loader_cpus": "0",
    "governor": None,
    "load_average_1m": 0.1,
    "operating_system": "Linux",
    "kernel": "6.1",
    "python": "3.11.9",
    "python_implementation": "CPython",
    "git_revision": "abc",
    "package_flask": "3.1.2",
}


class Silence:
    """A listener that shows nothing."""

    def checking(self, contenders: int) -> None:
        """Show nothing."""

    def started(self, trial: ScheduledTrial) -> None:
        """Show nothing."""

    def ended(self, scheduled: ScheduledTrial, trial: Trial) -> None:
        """Show nothing."""


class CuttingEngine(BuiltinEngine):
    """The real engine, interrupted by Ctrl-C when a certain load is to start."""

    def __init__(self, at: int) -> None:
        self._left = at

    def start(self, order: LoadOrder) -> LoadSession:
        """Start, or interrupt."""
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGINT)
        return super().start(order)


def begun(folder: Path, plan: Plan, environment: dict[str, Fact] | None = None) -> Journal:
    """Begin a record of the plan."""
    run = Run(
        name="run", state="running", started_at="t0", finished_at=None, plan=plan, environment=environment or HERE
    )
    return Journal.create(folder, run)


def by_hand(scheduled: ScheduledTrial) -> Trial:
    """Return a void trial where the plan has one."""
    return Trial(
        round=scheduled.round,
        position=scheduled.position,
        contender=scheduled.contender.id,
        workload=scheduled.workload.name,
        placebo=scheduled.placebo,
        started_at="t",
        load=scheduled.load,
        result=None,
        observation=None,
        failure="made by hand",
    )


def finished(journal: Journal, engine: BuiltinEngine) -> Run:
    """Run what the journal lacks."""
    return Runner(engine=engine, cores=NO_PINNING, listener=Silence()).run(journal)


def test_an_interrupted_run_is_completed_from_its_journal(
    tmp_path: Path, answering: Callable[..., Contender], small_plan: Callable[..., Plan]
) -> None:
    """Its trials stay as they were; the missing ones are appended, each place of the plan once."""
    first, second = answering(), answering()
    plan = small_plan(first, second)
    with pytest.raises(KeyboardInterrupt):
        finished(begun(tmp_path, plan), CuttingEngine(2))
    before = read_run(tmp_path / "run")
    assert ("interrupted", 1) == (before.state, len(before.trials))

    run = finished(reopen(tmp_path / "run", {**HERE, "load_average_1m": 0.7}, "t1"), BuiltinEngine())

    assert "complete" == run.state
    assert before.trials == run.trials[:1]
    assert [(trial.round, trial.contender) for trial in run.trials] == [
        (scheduled.round, scheduled.contender.id) for scheduled in schedule.trials(plan)
    ]
    assert () == run.superseded
    (resumption,) = run.resumptions
    assert ("t1", 1, 0) == (resumption.resumed_at, resumption.trials_kept, resumption.trials_superseded)
    assert {"load_average_1m": 0.7} == resumption.environment
    assert run == read_run(tmp_path / "run") == read_run(tmp_path / "run" / "journal.jsonl")


def test_a_block_that_was_cut_is_measured_again_as_a_whole(
    tmp_path: Path, answering: Callable[..., Contender], small_plan: Callable[..., Plan]
) -> None:
    """A kill between two trials of a block: the one that was kept stays on record, but is superseded."""
    contender = answering()
    plan = small_plan(contender, rounds=2, placebo=contender.id)
    journal = begun(tmp_path, plan)
    kept = [by_hand(scheduled) for scheduled in schedule.trials(plan)][:3]
    for trial in kept:
        journal.add_trial(trial)
    journal.close()

    run = finished(reopen(journal.folder, HERE, "t1"), BuiltinEngine())

    assert tuple(kept[2:]) == run.superseded
    assert tuple(kept[:2]) == run.trials[:2]
    assert [(2, 1), (2, 2)] == [(trial.round, trial.position) for trial in run.trials[2:]]
    assert all(trial.result for trial in run.trials[2:])
    assert [(2, 1)] == [(each.trials_kept, each.trials_superseded) for each in run.resumptions]
    assert run == read_run(journal.folder / "journal.jsonl")


def test_a_run_can_be_cut_and_resumed_several_times(
    tmp_path: Path, answering: Callable[..., Contender], small_plan: Callable[..., Plan]
) -> None:
    """Each time is on record, and every place of the plan is there once in the end."""
    plan = small_plan(answering(), rounds=3)
    with pytest.raises(KeyboardInterrupt):
        finished(begun(tmp_path, plan), CuttingEngine(2))
    with pytest.raises(KeyboardInterrupt):
        finished(reopen(tmp_path / "run", HERE, "t1"), CuttingEngine(2))
    assert 2 == len(read_run(tmp_path / "run").trials)

    run = finished(reopen(tmp_path / "run", HERE, "t2"), BuiltinEngine())

    assert ["t1", "t2"] == [resumption.resumed_at for resumption in run.resumptions]
    assert Counter((1, 2, 3)) == Counter(trial.round for trial in run.trials)


def test_a_resumed_run_that_is_killed_is_read_from_its_journal(
    tmp_path: Path, answering: Callable[..., Contender], small_plan: Callable[..., Plan]
) -> None:
    """run.json describes the first part only, and is removed until the run ends again."""
    with pytest.raises(KeyboardInterrupt):
        finished(begun(tmp_path, small_plan(answering(), rounds=2)), CuttingEngine(1))
    assert (tmp_path / "run" / "run.json").exists()

    journal = reopen(tmp_path / "run", HERE, "t1")
    journal.close()

    assert not (tmp_path / "run" / "run.json").exists()
    kept = read_run(tmp_path / "run")
    assert ("interrupted", None) == (kept.state, kept.finished_at)


@pytest.mark.parametrize(
    "tail",
    [
        b'{"kind":"trial","val',
        '{"kind":"documents","value":"測'.encode()[:-1],
        b'{"kind":"end","value":{"state":"complete"}}',
    ],
)
def test_a_half_written_line_is_cut_off_before_the_run_is_resumed(
    tmp_path: Path, answering: Callable[..., Contender], small_plan: Callable[..., Plan], tail: bytes
) -> None:
    """Also one that was cut inside a character, or lacks only its line feed."""
    plan = small_plan(answering())
    journal = begun(tmp_path, plan)
    journal.close()
    file = journal.folder / "journal.jsonl"
    with file.open("ab") as end:
        end.write(tail)
    assert "interrupted" == read_run(journal.folder).state

    journal = reopen(journal.folder, HERE, "t1")
    journal.add_trial(by_hand(next(schedule.trials(plan))))
    journal.close()

    assert ["run", "resume", "trial"] == [json.loads(line)["kind"] for line in file.read_bytes().splitlines()]
    assert journal.run == read_run(file)


def test_a_complete_run_has_nothing_to_do(tmp_path: Path, small_plan: Callable[..., Plan]) -> None:
    """Its files are left alone; a run.json that the disk had no room for is written."""
    whole = begun(tmp_path, small_plan()).finish("complete", "t1")
    before = (tmp_path / "run" / "journal.jsonl").read_bytes()
    (tmp_path / "run" / "run.json").unlink()

    assert whole == reopen(tmp_path / "run", {}, "t2").run
    assert before == (tmp_path / "run" / "journal.jsonl").read_bytes()
    assert whole == read_run(tmp_path / "run" / "run.json")


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("python", "3.12.1", "python was 3.11.9 and is 3.12.1"),
        ("logical_cores", 8, "logical cores was 2 and is 8"),
        ("server_cpus", "3", "server cpus was 1 and is 3"),
        ("git_revision", "def", "git revision was abc and is def"),
        ("package_flask", "3.2.0", "package flask was 3.1.2 and is 3.2.0"),
        ("package_gevent", "26.1", "package gevent was not there and is 26.1"),
    ],
)
def test_another_machine_or_other_software_is_refused(  # noqa: PLR0917 (pytest passes them by name)
    tmp_path: Path,
    small_plan: Callable[..., Plan],
    answering: Callable[..., Contender],
    name: str,
    value: Fact,
    told: str,
) -> None:
    """The message has the fact, its old and new value, and what to do; the journal is not changed."""
    begun(tmp_path, small_plan(answering())).close()
    before = (tmp_path / "run" / "journal.jsonl").read_bytes()

    with pytest.raises(RefusedError, match="Bring back what it began with, or begin a new run") as caught:
        reopen(tmp_path / "run", {**HERE, name: value}, "t1")

    assert f"\n  {told}\n" in str(caught.value)
    assert before == (tmp_path / "run" / "journal.jsonl").read_bytes()


def test_a_fact_that_is_unknown_on_one_side_is_no_mismatch() -> None:
    """Except packages, which are installed or not."""
    packages: dict[str, Fact] = {f"package_{number:02}": "1" for number in range(20)}

    assert 21 == len(mismatches(packages, {"package_other": "1", **dict.fromkeys(packages, "2")}))
    assert () == mismatches({"python": "3.11.9"}, {"python": None, "package_flask": "3.1"})


def test_a_whole_new_environment_is_summarised(
    tmp_path: Path, small_plan: Callable[..., Plan], answering: Callable[..., Contender]
) -> None:
    """There are eight lines, and the number of the others."""
    environment: dict[str, Fact] = {**HERE, **{f"package_{number:02}": "1" for number in range(20)}}
    begun(tmp_path, small_plan(answering()), environment).close()

    with pytest.raises(RefusedError, match="and 12 more"):
        reopen(tmp_path / "run", {**environment, **{f"package_{number:02}": "2" for number in range(20)}}, "t1")


def test_a_run_that_is_being_measured_is_not_resumed(
    tmp_path: Path, small_plan: Callable[..., Plan], answering: Callable[..., Contender]
) -> None:
    """Two writers would mix two runs in one journal."""
    if sys.platform == "win32":
        pytest.skip("Windows has no lock of this kind")
    journal = begun(tmp_path, small_plan(answering()))
    script = (
        "import sys; from pathlib import Path; from benchmarks.measure.remaining import reopen\n"
        "reopen(Path(sys.argv[1]), {}, 't')"
    )

    done = subprocess.run(
        [sys.executable, "-c", script, str(journal.folder)], capture_output=True, text=True, check=False
    )

    assert "is being measured right now, by another process" in done.stderr
    journal.close()


def test_a_folder_without_a_journal_says_so(tmp_path: Path) -> None:
    """run.json alone does not say where a block was cut."""
    with pytest.raises(RunFileError, match=r"There is no journal\.jsonl"):
        reopen(tmp_path, HERE, "t1")


def test_a_journal_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    """Before anything is measured."""
    (tmp_path / "journal.jsonl").mkdir()

    with pytest.raises(RunFileError, match="Cannot write to"):
        reopen(tmp_path, HERE, "t1")


def test_an_older_run_is_read_as_it_was(tmp_path: Path, small_plan: Callable[..., Plan]) -> None:
    """A run.json from before runs could be resumed lacks both fields."""
    journal = begun(tmp_path, small_plan())
    journal.finish("interrupted", "t1")
    file = journal.folder / "run.json"
    value = json.loads(file.read_text(encoding="utf-8"))
    del value["superseded"], value["resumptions"]
    file.write_text(json.dumps(value), encoding="utf-8")

    assert dataclasses.replace(journal.run, state="interrupted", finished_at="t1") == read_run(file)
