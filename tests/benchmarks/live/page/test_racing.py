from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
import pytest
from click.testing import CliRunner

from benchmarks import cli
from benchmarks.judge.judge import judge
from benchmarks.measure.alone import alone
from benchmarks.measure.journal import read_run
from benchmarks.report.formats.html import script_hash
from tests.benchmarks.live.page import whole_races
from tests.benchmarks.live.page.served import Workshop


def report_of(folder: Path) -> dict[str, Any]:
    """Return what `lab report` says of a run, as a program reads it."""
    done = CliRunner().invoke(cli.lab, ["report", str(folder), "--json"], prog_name="lab")
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
    with serve_page(tmp_path, lab=whole_races.__name__) as workshop:
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
        links = [unescape(each) for each in re.findall('<p class="ways">.*?</p>', html, flags=re.DOTALL)]
        assert all(f"contender={quote(duel['above'], safe='')}" in each for each in links)
        assert 1 == len(links)
        for path in re.findall('href="(/why/[^"#]*)', links[0]):
            assert 200 == workshop.ask("GET", path).status
        assert 409 == workshop.ask("POST", "/guess", {"flask": 1, "fastapi": 1}).status
        report = workshop.ask("GET", "/report")
        assert folder.name in report.body
        assert f"script-src '{script_hash()}'" in report.headers["content-security-policy"]
        assert {"report.html", "report.md", "run.json", "journal.jsonl"} == {path.name for path in folder.iterdir()}


def test_a_race_begins_when_nothing_else_is_measured_and_ends_when_it_is_stopped(
    workshop: Workshop, small_race: Mapping[str, Any], only_run: Callable[..., Any]
) -> None:
    """The page names another lab that measures; a stop works at once, during a trial too, and no server is left.

    After either another race can begin, and what was measured is kept.
    """
    workshop.present()
    with alone(wait=False, say=lambda _: None):
        workshop.ask("POST", "/race", small_race)
        state = workshop.wait_for(lambda state: state["phase"] == "over")
    assert f"Another `lab` (process {os.getpid()}) is measuring on this machine" in state["message"]
    assert "--wait" not in state["message"]

    assert 204 == workshop.ask("POST", "/race", {**small_race, "rounds": 20}).status
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


def test_a_page_that_ends_keeps_its_race_and_leaves_nothing_running(
    serve_page: Callable[..., AbstractContextManager[Workshop]], tmp_path: Path, small_race: Mapping[str, Any]
) -> None:
    """Asked to or killed: its servers end. After a restart the race is shown, to viewers who return too."""

    def race_for_a_while(workshop: Workshop) -> list[psutil.Process]:
        workshop.present()
        workshop.ask("POST", "/race", {**small_race, "rounds": 20})
        workshop.wait_for(lambda state: state["trials"] >= 3)
        children = psutil.Process(workshop.process.pid).children(recursive=True)
        assert children
        return children

    with serve_page(tmp_path) as workshop:
        children = race_for_a_while(workshop)
        with workshop.watching() as events:
            last_id = next(event_id for event_id, _, _ in events)
        assert 0 == workshop.end()
        assert [] == psutil.wait_procs(children, timeout=30)[1]

    with serve_page(tmp_path, workshop.port) as again:
        with again.watching(last_id) as events:
            parts = {name: content for _, name, content in itertools.islice(events, 3)}
        assert {"state", "race", "guesses"} == set(parts)
        assert "This run was interrupted" in parts["race"]["html"]

        children = race_for_a_while(again)
        os.kill(again.process.pid, signal.SIGKILL)
        assert [] == psutil.wait_procs(children, timeout=30)[1]
    folders = [folder for folder in tmp_path.iterdir() if not folder.is_symlink()]
    assert 2 == len(folders)
    for folder in folders:
        run = read_run(folder)
        assert "interrupted" == run.state
        assert run.trials


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
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
