"""Runs as data on the command line: gone on with, held together, pooled, and written for programs."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from benchmarks import cli
from benchmarks.cli import runs
from benchmarks.contenders import catalogue
from benchmarks.measure import alone as alone_module
from benchmarks.measure import environment, schedule
from benchmarks.measure.alone import alone
from benchmarks.measure.file_lock import wait_for_lock
from benchmarks.measure.journal import Journal, read_run, write_run
from benchmarks.model import EQUAL_RATE, LatencySummary, LoadResult, Run, Trial

SMALL = ("compare", "-c", "bare-asgi@uvicorn", "--duration", "200ms", "--rounds", "1", "--seed", "1")


def lab(*arguments: str) -> Result:
    """Run a command in this process; standard output and error are kept apart."""
    return CliRunner().invoke(cli.lab, list(arguments), prog_name="lab")


def told(result: Result) -> str:
    """Return all that was printed, on one line."""
    return " ".join((result.stdout + result.stderr).split())


def ended(scheduled: schedule.ScheduledTrial, rate: float) -> Trial:
    """Return a valid trial of such a rate."""
    average_ms = 1000 * scheduled.load.vus / rate
    return Trial(
        round=scheduled.round,
        position=scheduled.position,
        contender=scheduled.contender.id,
        workload=scheduled.workload.name,
        placebo=scheduled.placebo,
        started_at="2026-01-01T00:00:01+00:00",
        load=scheduled.load,
        result=LoadResult(
            completed=round(rate * 10),
            duration_s=10.0,
            errors={},
            statuses={"200": round(rate * 10)},
            unfinished=0,
            sent_bytes=1,
            received_bytes=2,
            loader_cpu_s=1.0,
            latency=LatencySummary(
                average_ms=average_ms,
                minimum_ms=average_ms / 2,
                median_ms=average_ms,
                maximum_ms=3 * average_ms,
                p90_ms=1.5 * average_ms,
                p95_ms=1.6 * average_ms,
                p99_ms=2 * average_ms,
            ),
            histogram=None,
        ),
        observation=None,
    )


KeptRun = Callable[..., Path]


@pytest.fixture
def kept_run(tmp_path: Path) -> KeptRun:
    """Keep a run whose async views were so many times as fast; FastAPI's and Flask's, in three rounds."""

    def make(
        name: str,
        ratio: float = 2.0,
        *,
        patterns: Sequence[str] = ("fastapi-*@uvicorn", "flask-*@hypercorn"),
        vus: int | None = None,
        placebo: float = 1.0,
        seed: int = 1,
        **facts: str,
    ) -> Path:
        plan = schedule.plan("quick", catalogue.select(patterns), seed, rounds=3, vus=vus)
        trials = []
        for scheduled in schedule.trials(plan):
            factor = ratio if scheduled.contender.variant == "async" else 1.0
            again = placebo if scheduled.placebo else 1.0
            trials.append(ended(scheduled, 1000 * factor * again * (1 + 0.01 * scheduled.round)))
        run = Run(
            name=name,
            state="complete",
            started_at=f"2026-01-01T00:00:0{seed}+00:00",
            finished_at="2026-01-01T00:03:00+00:00",
            plan=plan,
            environment={"cpu_model": "One CPU", "logical_cores": 2, "package_flask": "3.1.2", **facts},
            trials=tuple(trials),
        )
        folder = tmp_path / "class" / name
        folder.mkdir(parents=True)
        write_run(folder / "run.json", run)
        return folder

    return make


def document_of(result: Result) -> dict[str, Any]:
    """Parse standard output as the one JSON document that it must be."""
    value = json.loads(result.stdout)
    assert isinstance(value, dict)
    assert 1 == value["format_version"]
    return value


def commands(group: click.Group, *names: str) -> Iterator[tuple[str, ...]]:
    """Yield every command, also those of a group within a group."""
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from commands(command, *names, name)
        else:
            yield (*names, name)


@pytest.mark.parametrize("command", list(commands(cli.lab)), ids=" ".join)
def test_every_command_has_json(command: tuple[str, ...]) -> None:
    """And says so in its help."""
    assert "--json" in lab(*command, "--help").output


def test_lists_as_json() -> None:
    """The claims in the tutorial's words, and contenders with the command that starts each."""
    claims = document_of(lab("claims", "--json"))
    assert "claims" == claims["document"]
    assert [claim.id for claim in runs.ledger()] == [claim["id"] for claim in claims["claims"]]
    assert 1 == len(document_of(lab("claims", "5", "--json"))["claims"])

    contenders = document_of(lab("contenders", "--json"))["contenders"]
    assert {contender.id for contender in catalogue.CONTENDERS} == {each["id"] for each in contenders}
    assert {"python"} == {each["command"][0] for each in contenders}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends processes otherwise")
def test_a_served_app_says_where_it_is_as_json() -> None:
    """Once it answers; then it serves until Ctrl-C, as without."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "benchmarks", "serve", "--json", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            lines = list(iter(process.stdout.readline, "}\n"))
            value = json.loads("".join(lines) + "}")
            assert ("serve", f"http://127.0.0.1:{port}") == (value["document"], value["url"])
            with urllib.request.urlopen(f"{value['url']}/health", timeout=10) as answer:  # noqa: S310 (loopback)
                assert 200 == answer.status
            process.send_signal(signal.SIGINT)
            assert 130 == process.wait(timeout=30)
        finally:
            process.kill()


def test_a_report_as_json_is_the_judgement(kept_run: KeptRun) -> None:
    """Verdicts, ratios and summaries; every latency stays in run.json. The folder is left as it is."""
    folder = kept_run("a")

    result = lab("report", str(folder), "--json")

    assert 0 == result.exit_code
    value = document_of(result)
    assert ("judgement", "a", str(folder)) == (value["document"], value["run"]["name"], value["run"]["folder"])
    assert {"refused", "inconclusive", "replicated", "contradicted"} & {
        verdict["outcome"] for verdict in value["judgement"]["verdicts"]
    }
    (ratio,) = [
        twin["rate"]
        for twin in value["judgement"]["twins"]
        if (twin["arrangement"], twin["workload"]) == ("fastapi@uvicorn", "health")
    ]
    assert pytest.approx(2.0) == ratio["value"]
    assert not any("histograms" in summary for summary in value["judgement"]["summaries"])
    assert ["run.json"] == [path.name for path in folder.iterdir()]
    assert result.stdout == lab("report", str(folder), "--format", "json").stdout


def test_a_report_as_csv_has_a_line_a_trial(kept_run: KeptRun) -> None:
    """Under names that carry their unit; what was not measured is empty."""
    folder = kept_run("a")
    run = read_run(folder)

    rows = list(csv.DictReader(io.StringIO(lab("report", str(folder), "--format", "csv").stdout)))

    assert [trial.contender for trial in run.trials] == [row["contender"] for row in rows]
    assert run.trials[0].result is not None
    assert pytest.approx(run.trials[0].result.rate_per_s) == float(rows[0]["rate_per_s"])
    assert {""} == {row["cpu_user_us_per_request"] for row in rows}


@pytest.mark.parametrize(("form", "begins"), [("html", "<!doctype html>"), ("markdown", "# Is `async def` faster")])
def test_a_report_goes_to_standard_output_or_into_a_file(
    kept_run: KeptRun, tmp_path: Path, form: str, begins: str
) -> None:
    """The same, byte for byte; with the file nothing is printed."""
    folder, file = kept_run("a"), tmp_path / "told"

    printed = lab("report", str(folder), "--format", form)
    written = lab("report", str(folder), "--format", form, "--output", str(file))

    assert printed.stdout.startswith(begins)
    assert "" == written.stdout
    assert printed.stdout_bytes == file.read_bytes()


def test_a_report_that_cannot_be_written_says_so(kept_run: KeptRun, tmp_path: Path) -> None:
    """Exit status 1, and no draft is left."""
    result = lab("report", str(kept_run("a")), "--format", "csv", "--output", str(tmp_path / "no" / "such" / "x.csv"))

    assert 1 == result.exit_code
    assert "Cannot write" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--output", "x.html"), "--output needs --format"),
        (("--json", "--format", "csv"), "two formats"),
        (("--format", "pdf"), "'pdf' is not one of"),
    ],
)
def test_formats_that_make_no_sense_are_usage_errors(
    kept_run: KeptRun, arguments: tuple[str, ...], expected: str
) -> None:
    """Before anything is read or written."""
    result = lab("report", str(kept_run("a")), *arguments)

    assert 2 == result.exit_code
    assert expected in told(result)


def test_withheld_verdicts_have_their_status_in_every_format(kept_run: KeptRun) -> None:
    """3, and the document is there all the same."""
    result = lab("report", str(kept_run("noisy", placebo=1.5)), "--json")

    assert 3 == result.exit_code
    assert document_of(result)["judgement"]["placebo_failed"]


@pytest.mark.parametrize(
    ("command", "status"), [(("report", "no-such-run"), 1), (("claims", "99"), 2), (("diff", "no", "run"), 1)]
)
def test_errors_are_on_standard_error_with_json_too(command: tuple[str, ...], status: int) -> None:
    """A program reads nothing that it could take for a document."""
    result = lab(*command, "--json")

    assert (status, "") == (result.exit_code, result.stdout)
    assert "Error" in result.stderr


def test_two_runs_are_held_together(kept_run: KeptRun) -> None:
    """Both ratios, the ratio of them, and what differs beside."""
    first, second = kept_run("day-1", 2.0), kept_run("day-2", 3.0, seed=2, package_flask="3.2.0")

    result = lab("diff", str(first), str(second))

    assert 0 == result.exit_code
    assert "flask: 3.1.2 → 3.2.0" in told(result)
    assert "fastapi@uvicorn 2.00 × [2.00, 2.00] 3.00 × [3.00, 3.00] 1.50 × [1.50, 1.50]" in told(result)
    value = document_of(lab("diff", str(first), str(second), "--json"))
    assert ("diff", "day-1", "day-2") == (value["document"], value["first"]["name"], value["second"]["name"])
    assert value["diff"]["same_machine"]


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ({"vus": 50}, "did not ask the same"),
        ({"patterns": ("flask-*@uvicorn+eventloop",)}, "no contender in common"),
    ],
)
def test_runs_that_do_not_belong_together_are_refused(kept_run: KeptRun, other: dict[str, Any], expected: str) -> None:
    """Exit status 3, the reason, and no figure."""
    result = lab("diff", str(kept_run("a")), str(kept_run("b", **other)))

    assert (3, "") == (result.exit_code, result.stdout)
    assert expected in told(result)


def test_a_diff_with_a_failed_placebo_is_no_evidence(kept_run: KeptRun) -> None:
    """Exit status 3; the figures are shown, and what they are not."""
    result = lab("diff", str(kept_run("a")), str(kept_run("noisy", placebo=1.5)))

    assert 3 == result.exit_code
    assert "No evidence, for a placebo failed" in told(result)


def test_a_class_is_pooled_from_its_folder(kept_run: KeptRun, tmp_path: Path) -> None:
    """Folders and files as a teacher collects them; what cannot be read, or asked otherwise, is named."""
    for number, name in enumerate(("anna", "ben", "chen")):
        kept_run(name, 1.9 + 0.1 * number, seed=number)
    kept_run("hasty", vus=50, seed=8)
    folder = tmp_path / "class"
    (folder / "copy.json").write_bytes((folder / "anna" / "run.json").read_bytes())
    (folder / "broken.json").write_text("{", encoding="utf-8")
    (folder / "notes.txt").write_text("who is ill today", encoding="utf-8")
    page = tmp_path / "class.html"

    result = lab("pool", str(folder), "--out", str(page))

    assert 0 == result.exit_code
    for expected in (
        "3 runs: GET /health/{variant}, 10 virtual users",
        "anna 1.90 ×",
        "chen 2.10 ×",
        "one more machine",
        "over 3 runs async def had",
        "left out: hasty: GET /health/{variant}, 50 virtual users",
        "left out: copy: the same run as anna, counted once",
        "left out: broken:",
    ):
        assert expected in told(result)
    assert "<svg" in page.read_text(encoding="utf-8")
    assert f"Page: {page}" in result.stdout
    value = document_of(lab("pool", str(folder), "--json"))
    assert ["anna", "ben", "chen"] == value["pool"]["runs"]
    assert {"fastapi@uvicorn", "flask@hypercorn"} == {ratio["arrangement"] for ratio in value["pool"]["ratios"]}


def test_a_class_is_pooled_from_a_pattern(kept_run: KeptRun, tmp_path: Path) -> None:
    """Runs of one name are told apart by the folder above; a ratio is chosen by its arrangement."""
    kept_run("one/run-of-today", 2.0)
    kept_run("two/run-of-today", 2.2, seed=2)

    result = lab("pool", str(tmp_path / "class" / "*" / "*" / "run.json"), "-r", "flask@*", "--workload", "wait")

    assert 0 == result.exit_code
    assert "one/run-of-today 2.00 ×" in told(result)
    assert "two/run-of-today 2.20 ×" in told(result)
    assert "fastapi@uvicorn" in told(result).partition("Flask on Hypercorn")[0]


def test_what_cannot_be_pooled_says_why(kept_run: KeptRun, tmp_path: Path) -> None:
    """A run alone is refused, a name that is none is an error, an arrangement that none has is a usage error."""
    first, second = str(kept_run("a")), str(kept_run("b", seed=2))

    assert 3 == lab("pool", first).exit_code
    assert 1 == lab("pool", first, str(tmp_path / "nothing")).exit_code
    (tmp_path / "empty").mkdir()
    empty = lab("pool", str(tmp_path / "empty"))
    assert 1 == empty.exit_code
    assert "There is no run in" in empty.stderr
    wrong = lab("pool", first, second, "-r", "fastapi@uvicron")
    assert 2 == wrong.exit_code
    assert "Did you mean fastapi@uvicorn?" in told(wrong)
    unknown = lab("pool", first, second, "--workload", "helth")
    assert 2 == unknown.exit_code
    assert "Did you mean health?" in told(unknown)
    blocked = lab("pool", first, second, "--out", str(tmp_path / "no" / "page.html"))
    assert 1 == blocked.exit_code
    assert "Cannot write" in blocked.stderr


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

        def wait_while_it_ends(descriptor: int) -> None:
            holder.kill()
            wait_for_lock(descriptor)

        monkeypatch.setattr(alone_module, "wait_for_lock", wait_while_it_ends)

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
    assert "--resume goes on with the run's own plan" in told(result)


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
    command = [sys.executable, "-m", "benchmarks", *SMALL, "--out", str(out)]
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
