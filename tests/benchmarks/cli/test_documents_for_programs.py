"""What commands write for programs: one JSON document each, and reports in every format."""

from __future__ import annotations

import csv
import io
import json
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

from benchmarks import cli
from benchmarks.cli import runs
from benchmarks.contenders import catalogue
from benchmarks.measure.journal import read_run
from tests.benchmarks.cli.kept_runs import document_of, lab, told

KeptRun = Callable[..., Path]


def commands(group: click.Group, *names: str) -> Iterator[tuple[str, ...]]:
    """Yield every command, also those of a group within a group."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
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
    """Once it answers, through our own bridge here; then it serves until Ctrl-C, as without."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "benchmarks", "serve", "--json", "--bridge", "eventloop", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            lines = list(iter(process.stdout.readline, "}\n"))
            value = json.loads("".join(lines) + "}")
            assert ("serve", f"http://127.0.0.1:{port}") == (value["document"], value["url"])
            with urllib.request.urlopen(f"{value['url']}/health/async", timeout=10) as answer:  # noqa: S310 (loopback)
                assert b'"health"' in answer.read()
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
    assert pytest.approx(2.0, rel=0.01) == ratio["value"]
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
