from __future__ import annotations

import dataclasses
import errno
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.measure import schedule
from benchmarks.measure.journal import Journal, RunFileError, read_run
from benchmarks.model import DocumentPair, LatencySummary, LoadProfile, LoadResult, Observation, Run, Trial

LOAD = LoadProfile(vus=10, duration_s=1.0, warmup_s=0.3)


@pytest.fixture
def run() -> Run:
    """Return a run that has only begun."""
    return Run(
        name="2026-01-01T00-00-00-quick",
        state="running",
        started_at="2026-01-01T00:00:00.000+00:00",
        finished_at=None,
        plan=schedule.plan("quick", [], seed=7),
        environment={"cpu_model": "測試", "logical_cores": 2, "governor": None, "load_average_1m": 0.5},
    )


def trial(number: int, *, failure: str | None = None) -> Trial:
    """Return a trial with every field set, or a failed one."""
    if failure is not None:
        return Trial(
            round=number,
            position=1,
            contender="flask-sync@hypercorn",
            workload="health",
            started_at="t",
            load=LOAD,
            result=None,
            observation=None,
            failure=failure,
        )
    return Trial(
        round=number,
        position=1,
        contender="flask-sync@hypercorn",
        workload="health",
        started_at="2026-01-01T00:00:01.000+00:00",
        load=LOAD,
        result=LoadResult(
            completed=1000,
            duration_s=1.001,
            errors={"timeout": 1},
            statuses={"200": 1000},
            unfinished=10,
            sent_bytes=1,
            received_bytes=2,
            loader_cpu_s=0.25,
            latency=LatencySummary(
                average_ms=1.0, minimum_ms=0.5, median_ms=0.9, maximum_ms=5.0, p90_ms=1.5, p95_ms=1.7, p99_ms=3.0
            ),
            histogram="HISTFAAA",
        ),
        observation=Observation(
            cpu_user_us_per_request=100.0,
            cpu_system_us_per_request=50.0,
            voluntary_switches_per_request=None,
            involuntary_switches_per_request=0.1,
            threads_started_per_request=1.0,
            cpu_fraction=0.9,
            processes=1,
            threads=7,
            running_threads=None,
            epoll_descriptors=1,
            resident_bytes=40_000_000,
        ),
    )


def test_a_finished_run_reads_back_as_it_was(tmp_path: Path, run: Run) -> None:
    """run.json, journal.jsonl and the folder all give the same run."""
    record = Journal.create(tmp_path, run)
    record.add_documents("flask", DocumentPair(before={"paths": {}}, after={"paths": {"/": {}}}))
    record.add_failing("flask-sync@hypercorn", {"head": "HEAD answers 500."})
    record.add_failing("flask-async@hypercorn", {})
    record.add_calibration(trial(0))
    record.add_trial(trial(1))
    record.add_trial(trial(2, failure="the server was killed by SIGKILL"))
    finished = record.finish("complete", "2026-01-01T00:03:00.000+00:00")

    assert finished == read_run(record.folder)
    assert finished == read_run(record.folder / "run.json")
    assert finished == read_run(record.folder / "journal.jsonl")
    assert {"flask-sync@hypercorn": {"head": "HEAD answers 500."}, "flask-async@hypercorn": {}} == finished.failing
    assert ("complete", 2, 1) == (finished.state, len(finished.trials), len(finished.calibration))


def test_a_run_from_before_contenders_were_probed_is_read(tmp_path: Path, run: Run) -> None:
    """It has nothing to say about that."""
    record = Journal.create(tmp_path, run)
    record.finish("complete", "2026-01-01T00:03:00.000+00:00")
    path = record.folder / "run.json"
    older = json.loads(path.read_text(encoding="utf-8"))
    del older["failing"]
    path.write_text(json.dumps(older), encoding="utf-8")

    assert {} == read_run(path).failing


def test_two_runs_of_one_second_have_different_folders(tmp_path: Path, run: Run) -> None:
    """Two comparisons started at once keep a folder each."""
    first, second = Journal.create(tmp_path, run), Journal.create(tmp_path, run)
    first.add_trial(trial(1))
    first.close()
    second.close()

    assert [run.name, f"{run.name}-2"] == [first.folder.name, second.folder.name]
    assert f"{run.name}-2" == read_run(second.folder).name
    assert 1 == len(read_run(first.folder).trials)


def test_latest_points_to_the_newest_run(tmp_path: Path, run: Run) -> None:
    """Nobody has to type a time stamp."""
    Journal.create(tmp_path, run).finish("complete", "t1")
    newer = Journal.create(tmp_path, Run(**{**{n: getattr(run, n) for n in run.__slots__}, "name": "newer"}))
    newer.add_trial(trial(1))
    newer.finish("complete", "t2")

    assert "newer" == read_run(tmp_path / "latest").name


def test_a_killed_run_is_readable_up_to_its_last_trial(tmp_path: Path, run: Run) -> None:
    """A kill -9 between two trials loses nothing that had ended, and the run says that it was interrupted."""
    record = Journal.create(tmp_path, run)
    record.add_trial(trial(1))
    record.add_trial(trial(2))
    record.close()

    kept = read_run(record.folder)

    assert ("interrupted", None, 2) == (kept.state, kept.finished_at, len(kept.trials))


def test_a_half_written_last_line_is_ignored(tmp_path: Path, run: Run) -> None:
    """The moment of a kill may fall inside a line."""
    record = Journal.create(tmp_path, run)
    record.add_trial(trial(1))
    record.add_trial(trial(2))
    record.close()
    file = record.folder / "journal.jsonl"
    text = file.read_text(encoding="utf-8")

    last_line = text.rindex("\n", 0, -1) + 1
    for cut in range(last_line, len(text) - 1, 97):
        file.write_text(text[:cut], encoding="utf-8")
        assert 1 == len(read_run(record.folder).trials)


def test_every_trial_is_on_the_disk_when_it_is_kept(tmp_path: Path, run: Run) -> None:
    """A process killed right after add_trial leaves the trial behind."""
    script = (
        "import os, signal, sys; from pathlib import Path\n"
        "from benchmarks.measure import journal\n"
        "record = journal.Journal.create(Path(sys.argv[1]), journal.read_run(Path(sys.argv[2])))\n"
        "record.add_trial(journal.read_run(Path(sys.argv[2])).trials[0])\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    source = Journal.create(tmp_path / "source", run)
    source.add_trial(trial(1))
    source.finish("complete", "t")

    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "out"), str(source.folder)], check=False)

    assert done.returncode < 0
    assert 1 == len(read_run(tmp_path / "out" / run.name).trials)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "not whole JSON"),
        ('{"schema_version": 1, "name": ', "not whole JSON"),
        ("[]", "has no schema_version"),
        ('{"some": "other program\'s file"}', "has no schema_version"),
        ('{"schema_version": 99}', "has schema_version 99; this version of lab reads schema_version 1"),
        ('{"schema_version": 1, "name": "x"}', "is not a run"),
        ('{"schema_version": 1, "name": "x", "trials": 7}', "is not a run"),
    ],
)
def test_a_truncated_or_foreign_run_file_is_refused(tmp_path: Path, text: str, told: str) -> None:
    """The error names the file and what is wrong with it."""
    file = tmp_path / "run.json"
    file.write_text(text, encoding="utf-8")

    with pytest.raises(RunFileError, match=told) as caught:
        read_run(file)

    assert str(file) in str(caught.value)


def test_the_message_about_a_truncated_run_file_names_the_journal(tmp_path: Path, run: Run) -> None:
    """The journal still has what run.json lost."""
    record = Journal.create(tmp_path, run)
    record.add_trial(trial(1))
    record.finish("complete", "t")
    file = record.folder / "run.json"
    file.write_bytes(file.read_bytes()[:500])

    with pytest.raises(RunFileError, match=r"lab report .*journal\.jsonl"):
        read_run(record.folder)
    assert 1 == len(read_run(record.folder / "journal.jsonl").trials)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "does not begin with a run"),
        ("rubbish\n", "line 1: not an entry"),
        ('{"kind": "poem", "value": 1}\n', "line 1: not an entry"),
        ('{"kind": "trial", "value": {}}\n', "does not begin with a run"),
        ('{"kind": "run", "value": 5}\n', "journal of something else"),
        ('{"kind": "run", "value": {"schema_version": 1}}\n', "is not a run"),
    ],
)
def test_a_foreign_journal_is_refused(tmp_path: Path, text: str, told: str) -> None:
    """A journal that is not ours is an error with its line, not a traceback."""
    file = tmp_path / "journal.jsonl"
    file.write_text(text, encoding="utf-8")

    with pytest.raises(RunFileError, match=told):
        read_run(file)


@pytest.mark.parametrize("whole", [True, False])
def test_impossible_contents_of_a_run_are_refused(tmp_path: Path, run: Run, *, whole: bool) -> None:
    """A trial appears twice, a count is below 0, or there are two runs in one journal."""

    def kept(name: str, *trials: Trial) -> Path:
        journal = Journal.create(tmp_path / name, run)
        for each in trials:
            journal.add_trial(each)
        if whole:
            journal.finish("complete", "t")
            return journal.folder
        journal.close()
        return journal.folder / "journal.jsonl"

    good = trial(1)
    assert good.result is not None
    negative = dataclasses.replace(good, result=dataclasses.replace(good.result, unfinished=-3))

    with pytest.raises(RunFileError, match=r"the trial of .* in round 1 of health is there 2 times"):
        read_run(kept("twice", good, good))
    with pytest.raises(RunFileError, match=r"round 1 of health has -3 of \S+ in place of a count"):
        read_run(kept("negative", negative))
    if not whole:
        file = kept("two", good)
        file.write_bytes(file.read_bytes() * 2)
        with pytest.raises(RunFileError, match="begins a second run: two journals were put together"):
            read_run(file)


def test_without_a_run_the_message_says_how_to_make_one(tmp_path: Path) -> None:
    """The first `lab report` of a newcomer."""
    with pytest.raises(RunFileError, match="lab compare"):
        read_run(tmp_path / "nothing")


def test_a_binary_file_is_an_error_in_words(tmp_path: Path) -> None:
    """Any path may be given."""
    file = tmp_path / "run.json"
    file.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(RunFileError, match="Cannot read"):
        read_run(file)


def test_a_folder_that_cannot_be_made_says_what_to_do(tmp_path: Path, run: Run) -> None:
    """Before anything is measured."""
    (tmp_path / "file").write_text("in the way", encoding="utf-8")

    with pytest.raises(RunFileError, match="--out FOLDER"):
        Journal.create(tmp_path / "file", run)


def test_a_failure_may_contain_any_line_ending(tmp_path: Path, run: Run) -> None:
    """A server's log does; only a line feed ends an entry."""
    record = Journal.create(tmp_path, run)
    record.add_trial(trial(1, failure="first\u2028second\x85third\rfourth\nfifth"))
    record.close()

    (kept,) = read_run(record.folder).trials
    assert "first\u2028second\x85third\rfourth\nfifth" == kept.failure


def test_a_disk_that_is_full_for_a_while_costs_one_trial(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line that was written in part is removed, so the next one is whole."""
    record = Journal.create(tmp_path, run)
    record.add_trial(trial(1))
    real_fsync = os.fsync

    def refuse(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(RunFileError, match="No space left on device"):
        record.add_trial(trial(2))
    monkeypatch.setattr(os, "fsync", real_fsync)
    record.add_trial(trial(3))
    record.close()

    assert [1, 3] == [kept.round for kept in record.run.trials]
    assert record.run.trials == read_run(record.folder).trials


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few kilobytes, which only root may mount."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("to mount a small disk takes Linux and root")
    mounting = ["mount", "-t", "tmpfs", "-o", "size=24k", "tmpfs", str(folder)]
    if subprocess.run(mounting, capture_output=True, check=False).returncode:
        pytest.skip("root may not mount here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_run_on_a_full_disk_is_resumed_once_there_is_room(small_disk: Path, run: Run) -> None:
    """No kept trial is lost or half written, and the rest is appended."""
    record = Journal.create(small_disk, run)
    kept = 0
    with pytest.raises(RunFileError, match=r"No space left on device.*What was measured before is kept"):  # noqa: PT012
        for number in range(1, 1000):
            record.add_trial(trial(number))
            kept = number
    record.close()
    assert kept > 0
    assert kept == len(read_run(record.folder / "journal.jsonl").trials) == len(record.run.trials)

    subprocess.run(["mount", "-o", "remount,size=1m", str(small_disk)], check=True)
    again = Journal.reopen(record.folder)
    again.resume("t2", {}, ())
    again.add_trial(trial(1001))
    whole = again.finish("complete", "t3")

    assert [*range(1, kept + 1), 1001] == [one.round for one in whole.trials]
    assert whole == read_run(record.folder)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the kernel's full disk, /dev/full, is Linux's")
def test_a_full_disk_keeps_what_was_measured_before(tmp_path: Path, run: Run) -> None:
    """The error says so, and the trials written before it are readable."""
    record = Journal.create(tmp_path, run)
    record.add_trial(trial(1))
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        os.dup2(full.fileno(), record._file.fileno())

        with pytest.raises(RunFileError, match="No space left on device"):
            record.add_trial(trial(2))
        record.close()

    assert 1 == len(read_run(record.folder).trials)
