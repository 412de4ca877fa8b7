"""What the lessons let a class run by itself shows what the lessons say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from sybil import Document
from sybil.parsers.markdown import PythonCodeBlockParser

from benchmarks.contenders import catalogue
from benchmarks.measure.parity import check_answer
from benchmarks.measure.server import running
from benchmarks.measure.workloads import HEALTH, WAIT
from benchmarks.model import Contender

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"


def run(name: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run an example as a reader would."""
    command = [sys.executable, str(EXAMPLES / name), *arguments]
    environment = {**os.environ, **environment}
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=100, env=environment)


def served_at_a_time(contender: str) -> float:
    """Let twelve clients ask a contender's view that waits, and return how many it had in hand at a time."""
    with running(catalogue.find(contender), "/health/async") as server:
        asked = run("ask_at_once.py", f"http://127.0.0.1:{server.port}/wait/async?ms=200", "12")
    assert 0 == asked.returncode
    assert "12 times status 200" in asked.stdout
    (number,) = re.findall(r"so it served +([\d.]+) at a time", asked.stdout)
    return float(number)


def test_ask_at_once_tells_one_at_a_time_from_all_at_once() -> None:
    """Behind asgiref requests queue, on the server's own loop they do not."""
    queued = served_at_a_time("flask-async@hypercorn+asgiref")

    assert queued < 1.5
    assert served_at_a_time("flask-async@hypercorn+eventloop") > 3 * queued


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["ftp://127.0.0.1/"], 2, "is no http:// URL"),
        (["http://127.0.0.1:1/"], 1, "does not answer"),
        (["http://127.0.0.1:1/", "0"], 2, "between 1 and 500"),
    ],
)
def test_ask_at_once_says_what_to_do(arguments: list[str], status: int, message: str) -> None:
    """A slip costs one more try."""
    asked = run("ask_at_once.py", *arguments)

    assert status == asked.returncode
    assert message in asked.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of threads and switches")
def test_where_it_ran_shows_the_thread_that_each_request_starts(tmp_path: Path) -> None:
    """Flask's own way starts a thread a request; FastAPI's async def runs on one thread."""
    contenders = ("fastapi-async@uvicorn", "flask-async@hypercorn")
    # With a folder for temporary files of its own, it waits for no lab that measures on this machine.
    counted = run("where_it_ran.py", *contenders, "--requests", "100", TMPDIR=str(tmp_path))

    assert 0 == counted.returncode
    _, fastapi, flask = (line.split() for line in counted.stdout.splitlines())
    assert "1" == fastapi[-1]
    assert float(flask[2]) >= 0.9
    assert float(flask[1]) > float(fastapi[1])


def test_where_it_ran_suggests_the_nearest_contender() -> None:
    """A name that is nearly right is the usual mistake."""
    counted = run("where_it_ran.py", "flask-asinc@hypercorn")

    assert 1 == counted.returncode
    assert "Did you mean flask-async@hypercorn?" in counted.stderr


def test_the_contender_of_the_how_to_answers_as_all_must(tmp_path: Path) -> None:
    """Its app, as it stands on the page, passes what `lab compare` asks of every contender before it times anything."""
    page = ROOT / "docs" / "how-to" / "add-a-contender.md"
    app, *_ = Document.parse(str(page), PythonCodeBlockParser()).examples()
    assert (ROOT / "benchmarks/contenders/field/starlette_app.py").read_text(encoding="utf-8") == str(app.parsed)
    (tmp_path / "starlette_app.py").write_text(str(app.parsed), encoding="utf-8")
    twins = [
        Contender(
            framework="starlette",
            variant=variant,
            server="uvicorn",
            arguments=(
                *("-m", "uvicorn", "--app-dir", str(tmp_path), "--log-level", "warning"),
                *("--host", "{host}", "--port", "{port}", "starlette_app:app"),
            ),
            description="Starlette on uvicorn",
        )
        for variant in ("sync", "async")
    ]

    with running(twins[0], "/health/sync") as server:
        lengths = {check_answer(server, twin, workload) for twin in twins for workload in (HEALTH, WAIT)}
    assert 1 == len(lengths)
