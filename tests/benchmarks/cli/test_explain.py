from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import cli
from benchmarks.live.timeline import Timeline, covered


def test_a_burst_is_explained(tmp_path: Path) -> None:
    """Drawn, told, and written as a trace."""
    trace = tmp_path / "trace.json"
    ran = CliRunner().invoke(
        cli.lab, ["explain", "flask-async@hypercorn", "--wait", "5ms", "--requests", "2", "--out", str(trace)]
    )

    assert 0 == ran.exit_code, ran.output
    assert "flask-async@hypercorn: 2 requests at once, each to wait 5 ms (GET /wait/async?ms=5)" in " ".join(
        ran.output.split()
    )
    assert "threads, each with an event loop of its own, were started and ended." in " ".join(ran.output.split())
    assert f"Trace: {trace}" in ran.output
    assert {"M", "X", "s", "t", "f"} == {event["ph"] for event in json.loads(trace.read_text())["traceEvents"]}


def test_json_is_one_document() -> None:
    """From which the timeline can be read back; without a wait the health check is asked for."""
    ran = CliRunner().invoke(
        cli.lab, ["explain", "fastapi-async@uvicorn", "--wait", "0ms", "--requests", "1", "--json"]
    )

    assert 0 == ran.exit_code, ran.output
    document = json.loads(ran.stdout)
    timeline = Timeline.from_json(document)
    assert "/health/async" == timeline.path
    assert 0.95 <= covered(timeline, 1) <= 1.05
    assert document["cost"]["recorded_ms"] > 0
    assert 3 <= document["cost"]["bursts"] <= 20


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["flask-asinc@hypercorn"], "Did you mean flask-async@hypercorn?"),
        (["bare-asgi@uvicorn"], "no view"),
        (["flask-async@hypercorn", "--wait", "0.5ms"], "whole milliseconds"),
        (["flask-async@hypercorn", "--wait", "2s"], "outside"),
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
