from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import cli
from benchmarks.live.recording import Recording
from benchmarks.measure.alone import alone, try_lock
from tests.benchmarks.live.conftest import covered


def test_a_burst_is_explained(tmp_path: Path) -> None:
    """Drawn, told, and written as a trace."""
    trace = tmp_path / "trace.json"
    ran = CliRunner().invoke(
        cli.lab, ["explain", "flask-async@hypercorn", "--view-wait", "5ms", "--requests", "2", "--out", str(trace)]
    )

    assert 0 == ran.exit_code, ran.output
    assert "flask-async@hypercorn: 2 requests at once, each to wait 5 ms (GET /wait/async?ms=5)" in " ".join(
        ran.output.split()
    )
    assert "threads, each with an event loop of its own, were started and ended." in " ".join(ran.output.split())
    assert f"Trace: {trace}" in ran.output
    assert {"M", "X", "s", "t", "f"} == {event["ph"] for event in json.loads(trace.read_text())["traceEvents"]}


def test_the_second_can_wait_for_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says whom it waits for, and then records.

    Its JSON is one document all the same, from which the recording can be read back; without a wait the health check
    is asked for.
    """
    with contextlib.ExitStack() as first:
        first.enter_context(alone(wait=False, say=pytest.fail))

        def let_the_first_end(descriptor: int, *, wait: bool = False) -> bool | None:
            # In one process nobody else could end it while the second waits for it.
            if wait:
                first.close()
            return try_lock(descriptor, wait=wait)

        monkeypatch.setattr("benchmarks.measure.alone.try_lock", let_the_first_end)
        asked = ("--view-wait", "0ms", "--requests", "1", "--wait", "--json")
        ran = CliRunner().invoke(cli.lab, ["explain", "fastapi-async@uvicorn", *asked])

    assert 0 == ran.exit_code, ran.output
    assert f"Waiting until another `lab` (process {os.getpid()}) has ended." in ran.stderr
    document = json.loads(ran.stdout)
    timeline = Recording.from_json(document).timeline
    assert "/health/async" == timeline.path
    assert 0.95 <= covered(timeline, 1) <= 1.05
    assert document["cost"]["recorded_ms"] > 0
    assert 3 <= document["cost"]["bursts"] <= 20


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["flask-asinc@hypercorn"], "Did you mean flask-async@hypercorn?"),
        (["bare-asgi@uvicorn"], "no view"),
        (["flask-async@hypercorn", "--view-wait", "0.5ms"], "whole milliseconds"),
        (["flask-async@hypercorn", "--view-wait", "2s"], "outside"),
        (["flask-async@hypercorn", "--requests", "0"], "1<=x<=20"),
    ],
)
def test_a_wrong_word_is_a_usage_error_of_explain(arguments: list[str], told: str) -> None:
    """Before any server starts."""
    ran = CliRunner().invoke(cli.lab, ["explain", *arguments])

    assert 2 == ran.exit_code
    assert told in ran.output


def test_a_trace_without_a_folder_is_a_usage_error(tmp_path: Path) -> None:
    """Found out before anything is recorded."""
    ran = CliRunner().invoke(
        cli.lab, ["explain", "fastapi-async@uvicorn", "--out", str(tmp_path / "none" / "trace.json")]
    )

    assert 2 == ran.exit_code
    assert "there is no folder" in ran.output


def test_two_do_not_record_at_once() -> None:
    """Who comes second is refused with exit status 3, and told of the option that waits: here --wait is the view's."""
    with alone(wait=False, say=pytest.fail):
        ran = CliRunner().invoke(cli.lab, ["explain", "fastapi-async@uvicorn"])

    assert 3 == ran.exit_code
    assert f"(process {os.getpid()})" in ran.output
    assert ran.output.rstrip().endswith("or let this one wait: --wait")
