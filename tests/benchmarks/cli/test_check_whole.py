"""Whole checks with real servers: a regression is found, and whatever ends a check leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner

from benchmarks import cli
from benchmarks.judge import check as judging
from benchmarks.measure import schedule
from tests.benchmarks.git_repositories import NO_CONFIGURATION, begun, git, state_of, write

LAB = '[contenders.shop]\napp = "shop:app"\nserver = "waitress"\n[requests.items]\npath = "/items"\n'
SHOP = """
import time


def app(environ, start_response):
    until = time.thread_time() + COST_S
    while time.thread_time() < until:
        pass
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"tea"]
"""
MARK = "CHECK_OF_THESE_TESTS"


def shop(cost_s: float) -> str:
    """Return an app whose request takes this much CPU time."""
    return SHOP.replace("COST_S", str(cost_s))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go to a repository with a commit and a change to it that is not committed."""
    for name, value in NO_CONFIGURATION.items():
        monkeypatch.setenv(name, value)
    for name in ("VIRTUAL_ENV", "GITHUB_BASE_REF", "GITHUB_STEP_SUMMARY", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME"):
        monkeypatch.delenv(name, raising=False)
    folder = begun(tmp_path / "project", {"shop.py": shop(0.001), "lab.toml": LAB})
    write(folder, {"shop.py": shop(0.008), "unknown.txt": "mine"})
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.alone
def test_a_regression_is_found_with_real_servers(
    project: Path, short_trials: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that no machine is too noisy for; with its cause, and nothing changed in the repository."""
    monkeypatch.setattr(judging, "PILOT_ROUNDS", 2)
    monkeypatch.setattr(judging, "MOST_ROUNDS", 3)
    monkeypatch.setattr(schedule, "ANSWERS_OF_ONE", 30)
    before = state_of(project)
    # With so wide a margin no machine makes two equal things differ.
    done = CliRunner().invoke(cli.lab, ["check", "--budget", "60s", "--margin", "50%", "--wait", "--json"])

    assert 4 == done.exit_code, done.stderr
    (found,) = json.loads(done.stdout)["findings"]
    assert "slower" == found["comparison"]["standing"]
    assert "CPU time explains it" in found["comparison"]["cause"]
    assert before == state_of(project)


def left_of_it() -> Iterator[psutil.Process]:
    """Yield the processes that a check of these tests has started."""
    for process in psutil.process_iter():
        try:
            if MARK in process.environ() and process.status() != psutil.STATUS_ZOMBIE:
                yield process
        except (psutil.Error, OSError):
            continue


@pytest.mark.parametrize(
    ("number", "when", "status"),
    [
        (signal.SIGKILL, "head: ", -9),
        (signal.SIGKILL, "checking that", -9),
        (signal.SIGKILL, "round 1", -9),
        (signal.SIGTERM, "Base is ", 143),
        (signal.SIGINT, "calibration", 130),
    ],
)
def test_a_check_that_is_ended_leaves_nothing(number: signal.Signals, when: str, status: int, project: Path) -> None:
    """No worktree, no folder, no process, and a repository that is as it was; whenever it ends."""
    before = state_of(project)
    command = [sys.executable, "-u", "-m", "benchmarks", "check", "--wait"]
    with subprocess.Popen(
        command, env={**os.environ, MARK: "1"}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as lab:
        assert lab.stdout is not None
        told = []
        for line in lab.stdout:
            told.append(line)
            if when in line:
                break
        lab.send_signal(number)
        lab.stdout.read()
        assert status == lab.wait(), "".join(told)
    ends_s = time.monotonic() + 30
    places = Path(tempfile.gettempdir())
    while time.monotonic() < ends_s:
        if not (any(left_of_it()) or any(places.glob("lab-check-*")) or before != state_of(project)):
            break
        time.sleep(0.1)

    assert [] == list(left_of_it())
    assert [] == list(places.glob("lab-check-*"))
    assert before == state_of(project)
    assert "mine" == (project / "unknown.txt").read_text(encoding="utf-8")
    assert "main" == git(project, "branch", "--show-current")
