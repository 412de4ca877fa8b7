from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import psutil
import pytest

from benchmarks.judge.judge import judge
from benchmarks.measure.alone import alone
from tests.benchmarks.live.page.served import Workshop


def report_of(folder: Path) -> dict[str, Any]:
    """Return what `lab report` says of a run, as a program reads it."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "report", str(folder), "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def race_html(workshop: Workshop) -> str:
    """Return what the board shows of the race."""
    with workshop.watching() as events:
        return next(str(content["html"]) for _, name, content in events if name == "race")


@pytest.mark.timeout(240)
def test_a_race_is_a_run_that_lab_report_judges_the_same(
    serve_page: Callable[..., AbstractContextManager[Workshop]],
    tmp_path: Path,
    small_race: Mapping[str, Any],
    only_run: Callable[..., Any],
) -> None:
    """The page grows with every block; what it says at the end is what `lab report` says of the folder."""
    with serve_page(tmp_path, lab="benchmarks") as workshop:
        workshop.ask("GET", "/")
        workshop.ask("POST", "/guess", {"flask": 0.5, "fastapi": 2})
        workshop.present()
        with workshop.watching() as events:
            assert 204 == workshop.ask("POST", "/race", small_race).status
            assert 409 == workshop.ask("POST", "/race", small_race).status
            grown: list[int] = []
            for _, name, content in events:
                if name == "state":
                    grown.append(content["trials"])
                    if content["phase"] == "over":
                        break
                    assert not content["guesses"]["open"] or content["phase"] == "idle"
        # Two bare servers, and two rounds of two contenders, one of them twice.
        assert [0, 8] == [min(grown), max(grown)]
        assert sorted(grown) == grown
        assert len(set(grown)) >= 3

        folder, run = only_run(workshop.out)
        assert ("complete", "live", 6) == (run.state, run.plan.preset, len(run.trials))
        (duel,) = report_of(folder)["judgement"]["duels"]
        html = race_html(workshop)
        assert f">{duel['standing']}</span>" in html
        assert (duel["refusal"] or duel["cause"]).split(":")[0] in html.replace("&#39;", "'")
        assert 409 == workshop.ask("POST", "/guess", {"flask": 1, "fastapi": 1}).status
        assert folder.name in workshop.ask("GET", "/report").body
        assert {"report.html", "report.md", "run.json", "journal.jsonl"} == {path.name for path in folder.iterdir()}


def test_a_race_that_is_stopped_keeps_what_it_has(
    workshop: Workshop, small_race: Mapping[str, Any], only_run: Callable[..., Any]
) -> None:
    """A stop works at once, during a trial too; no server is left, and another race can begin."""
    workshop.present()
    workshop.ask("POST", "/race", {**small_race, "rounds": 20})
    workshop.wait_for(lambda state: state["trials"] >= 3)

    assert 204 == workshop.ask("POST", "/race/stop").status
    workshop.wait_for(lambda state: state["phase"] == "over")
    _, run = only_run(workshop.out)
    assert "interrupted" == run.state
    assert 3 <= len(run.trials) < 60
    assert [] == psutil.Process(workshop.process.pid).children(recursive=True)
    html = race_html(workshop)
    assert "This run was interrupted" in html
    (duel,) = judge(run, ()).duels
    assert f">{duel.standing}</span>" in html
    assert 204 == workshop.ask("POST", "/race", small_race).status


def test_the_last_race_is_there_again_after_a_restart(
    serve_page: Callable[..., AbstractContextManager[Workshop]], tmp_path: Path, small_race: Mapping[str, Any]
) -> None:
    """What was measured before the page ended is kept; it is shown after a restart, to viewers who return too."""
    with serve_page(tmp_path) as workshop:
        workshop.present()
        workshop.ask("POST", "/race", {**small_race, "rounds": 20})
        workshop.wait_for(lambda state: state["trials"] >= 3)
        with workshop.watching() as events:
            last_id = next(event_id for event_id, _, _ in events)
        assert 0 == workshop.end()

    with serve_page(tmp_path, workshop.port) as again, again.watching(last_id) as events:
        parts = {name: content for _, name, content in itertools.islice(events, 3)}
    assert {"state", "race", "guesses"} == set(parts)
    assert "This run was interrupted" in parts["race"]["html"]


def test_a_request_that_never_comes_whole_does_not_keep_the_page(
    serve_page: Callable[..., AbstractContextManager[Workshop]], tmp_path: Path
) -> None:
    """The page ends when it is asked to, even if a viewer has sent only half a request and stays."""
    with serve_page(tmp_path) as workshop, socket.create_connection(("127.0.0.1", workshop.port)) as viewer:
        viewer.sendall(b"POST /guess HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 8\r\n\r\nhalf")
        assert 200 == workshop.ask("GET", "/").status

        assert 0 == workshop.end()


def test_a_page_that_is_killed_leaves_nothing_running(
    workshop: Workshop, small_race: Mapping[str, Any], only_run: Callable[..., Any]
) -> None:
    """The process that measures notices, and ends its servers; what it measured is kept."""
    workshop.present()
    workshop.ask("POST", "/race", {**small_race, "rounds": 20})
    workshop.wait_for(lambda state: state["trials"] >= 3)
    children = psutil.Process(workshop.process.pid).children(recursive=True)
    assert children

    os.kill(workshop.process.pid, signal.SIGKILL)
    assert [] == psutil.wait_procs(children, timeout=30)[1]
    _, run = only_run(workshop.out)
    assert "interrupted" == run.state
    assert run.trials


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_page_that_ends_as_it_records_leaves_nothing_running(workshop: Workshop, number: int) -> None:
    """Whether asked to or killed: the recording process and its servers end with it."""
    workshop.present()
    page = psutil.Process(workshop.process.pid)

    def ask() -> None:
        # The page ends before it answers.
        with contextlib.suppress(OSError, http.client.HTTPException):
            form = {"Content-Type": "application/x-www-form-urlencoded"}
            workshop.ask("POST", "/why/record", b"contender=fastapi-async@uvicorn&wait_ms=0", form)

    children: list[psutil.Process] = []
    asking = threading.Thread()
    # What records, its two servers, and a watcher of each.
    while len(children) < 5:
        if not asking.is_alive():
            # Another lab measured.
            asking = threading.Thread(target=ask, daemon=True)
            asking.start()
        children = page.children(recursive=True)
        time.sleep(0.01)

    os.kill(page.pid, number)
    assert [] == psutil.wait_procs([*children, page], timeout=30)[1]
    asking.join()


def test_a_race_waits_for_nobody_elses_measurement(workshop: Workshop, small_race: Mapping[str, Any]) -> None:
    """The page names the other lab that measures, and the next race can begin when that one is over."""
    workshop.present()
    with alone(wait=False, say=lambda _: None):
        workshop.ask("POST", "/race", small_race)
        state = workshop.wait_for(lambda state: state["phase"] == "over")
    assert f"Another `lab` (process {os.getpid()}) is measuring on this machine" in state["message"]
    assert "--wait" not in state["message"]
    assert 204 == workshop.ask("POST", "/race", small_race).status
