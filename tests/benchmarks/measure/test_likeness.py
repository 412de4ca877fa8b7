"""What is observed of a server before anything is timed: what ran in it, and what it sent."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.contenders import catalogue, parts
from benchmarks.measure import likeness, parity, schedule
from benchmarks.measure.likeness import Facts, observing
from benchmarks.measure.server import running
from benchmarks.measure.workloads import HEALTH
from benchmarks.model import Contender, Plan


def observed(contender: Contender) -> Facts:
    """Start a contender with the observer in it, and return what is seen."""
    with observing() as observer, running(contender, "/health/sync", settings=observer.settings(contender)) as server:
        return observer.facts(server, contender, HEALTH)


@pytest.mark.parametrize(
    ("contender", "expected"),
    [
        # Compiled parser and loop, and JSON that FastAPI leaves to pydantic.
        (
            "fastapi-async@uvicorn",
            {"HTTP parser": "httptools", "JSON": "pydantic", "validation": "pydantic", "event loop": "uvloop"},
        ),
        # Threads of a pool; the parser is written in Python.
        ("flask-sync@hypercorn", {"HTTP parser": "h11", "JSON": "orjson", "event loop": "asyncio"}),
    ],
)
def test_what_ran_while_a_server_answered_is_seen(contender: str, expected: dict[str, str]) -> None:
    """By calls and not by names: the libraries that are installed would be the same for both."""
    found = observed(catalogue.find(contender))

    assert expected == {name: found[name] for name in expected}
    assert "content-type" in found["response headers"].split(", ")
    assert found["garbage collector"].startswith("every 25,000 objects, ")
    assert ".".join(map(str, sys.version_info[:3])) == found["Python"]


def test_a_worker_process_is_what_is_looked_at(answering: Callable[..., Contender]) -> None:
    """Of several processes, it is the one that answers, even if its observer is the slowest to obey."""
    slow = "sys.modules['sitecustomize']._LOOK_S = 0.7"
    forked = answering(extra=f"import os, sys\nif os.fork():\n    import time\n    time.sleep(60)\n{slow}\n")

    found = observed(forked)

    assert "http.server" == found["HTTP parser"]
    assert "none" == found["event loop"]


def test_a_process_that_has_ended_is_not_waited_for(
    answering: Callable[..., Contender], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even if nobody has reaped it: to wait for it would take for ever here."""
    monkeypatch.setattr(likeness, "_PATIENCE_S", float("inf"))
    passing = answering(extra="import os\nif not os.fork():\n    os._exit(0)\n")

    with observing() as observer, running(passing, "/", settings=observer.settings(passing)) as server:
        told = observer.inside(server, passing, [HEALTH])

    assert 1 == len(told)


def test_what_a_server_prints_for_a_request_is_an_access_log(answering: Callable[..., Contender]) -> None:
    """It takes time, and not every server writes one."""
    quiet = answering()
    loud = answering(extra="Handler.log_message = lambda self, *_: print('x' * 99, flush=True)\n")

    assert "none" == observed(quiet)["access log"]
    assert "100 bytes per request" == observed(loud)["access log"]


def test_an_app_that_does_not_start_with_the_observer_is_compared_nevertheless(
    answering: Callable[..., Contender], small_plan: Callable[..., Plan]
) -> None:
    """Without what would have been observed inside it."""
    shy = answering(extra="import sys\nif sys.getprofile() is not None:\n    raise SystemExit('nobody looks at me')\n")

    seen = parity.check_all(small_plan(shy)).likeness

    assert {"response body", "response headers", "access log"} == set(seen[shy.id])


def test_a_sitecustomize_of_ones_own_is_run_too(tmp_path: Path) -> None:
    """The observer's folder comes first on the path, and gives way to the next module of this name."""
    (tmp_path / "sitecustomize.py").write_text("import builtins\nbuiltins.was_here = True\n", encoding="utf-8")
    path = os.pathsep.join((str(parts.OBSERVER), str(tmp_path)))

    done = subprocess.run(
        [sys.executable, "-c", "import sys; print(was_here, sys.getprofile())"],
        env={**os.environ, "PYTHONPATH": path, "LAB_OBSERVED": ""},
        capture_output=True,
        text=True,
        check=True,
    )

    # Without the variable that names its folder it observes nothing.
    assert "True None" == done.stdout.strip()


@pytest.mark.parametrize(
    ("part", "modules", "expected"),
    [
        ("JSON", ["json.encoder", "flask.json.provider"], "json"),
        ("JSON", ["orjson", "json"], "orjson, json"),
        ("HTTP parser", ["uvicorn.protocols.http.httptools_impl"], "httptools"),
        ("validation", ["pydantic_core._pydantic_core", "pydantic.main"], "pydantic"),
        ("validation", ["jsonx"], "not seen"),
    ],
)
def test_parts_are_known_by_the_modules_that_ran(part: str, modules: list[str], expected: str) -> None:
    """Whole names count, and what is not known is not said to be none."""
    assert expected == parts.playing(part, modules)


def test_what_was_observed_is_kept_for_each_twin() -> None:
    """They are served by one app, and asked apart."""
    twins = catalogue.select(["fastapi-*@uvicorn"])
    plan = dataclasses.replace(schedule.plan("quick", twins, seed=1, workloads=["health"]))

    seen = parity.check_all(plan).likeness

    assert {twin.id for twin in twins} == set(seen)
