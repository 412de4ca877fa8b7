"""The lab without /proc, affinity, process groups, uvloop and fcntl: hidden from it, as macOS or Windows lack them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.benchmarks.live.page.served import free_port

LAB = [str(Path(sys.executable).with_name("lab"))]
SHORT_LAB = [sys.executable, str(Path(__file__).with_name("short_lab.py"))]
BARE = Path(__file__).with_name("bare_system")
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(BARE), "COLUMNS": "100"}
SMALL = ("--duration", "200ms", "--rounds", "1", "--seed", "1")
# The A/A of one short round on a busy machine proves nothing: withheld is an answer too.
ANSWERED = (0, 3)

pytestmark = pytest.mark.timeout(240)


def lab(folder: Path, *arguments: str, start: Sequence[str] = LAB) -> subprocess.CompletedProcess[str]:
    """Run a command there; nothing that it says is a traceback."""
    done = subprocess.run(
        [*start, *arguments], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=220
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_what_is_hidden_is_hidden() -> None:
    """In the process that is started, and in what that starts."""
    code = (
        "import os, pathlib, subprocess, sys, importlib.util\n"
        "seen = [pathlib.Path('/proc').exists(), hasattr(os, 'sched_setaffinity'), hasattr(os, 'killpg')]\n"
        "for name in ('fcntl', 'uvloop'):\n"
        "    try:\n"
        "        seen.append(bool(__import__(name)))\n"
        "    except ImportError:\n"
        "        seen.append(False)\n"
        "print(seen, flush=True)\n"
        "if sys.argv[1:]:\n"
        "    subprocess.run([sys.executable, '-P', '-c', sys.argv[1]], check=True)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", code, code], env=ENVIRONMENT, capture_output=True, text=True, check=True
    )

    assert ["[False, False, False, False, False]"] * 2 == done.stdout.splitlines()


def test_a_run_is_measured_told_and_told_again(tmp_path: Path) -> None:
    """Rates and ratios are there; what is not told is missing, and nothing says that it was zero."""
    twins = ("-c", "flask-*@hypercorn", "--workload", "health")
    compared = lab(tmp_path, "compare", *twins, *SMALL, start=SHORT_LAB)
    told = lab(tmp_path, "report", "latest", "--json")

    assert compared.returncode in ANSWERED, compared.stderr
    assert "server and loader share the cores" in compared.stdout
    assert told.returncode in ANSWERED, told.stderr
    assert json.loads(told.stdout)
    run = json.loads((tmp_path / "results" / "latest" / "run.json").read_text("utf-8"))
    observed = [trial["observation"] for trial in run["trials"]]
    assert all(trial["result"]["completed"] > 0 for trial in run["trials"])
    assert all(each is None or each["voluntary_switches_per_request"] is None for each in observed)


def test_an_exercise_checks_itself(tmp_path: Path) -> None:
    """Not yet solved as it begins; the hint is that, and no error of the check's own."""
    assert 0 == lab(tmp_path, "exercise", "start", "1").returncode

    begun = lab(tmp_path, "exercise", "check", "1")

    assert 3 == begun.returncode, begun.stderr


def test_the_workshop_page_is_served_and_ends(tmp_path: Path) -> None:
    """It answers, and Ctrl-C ends it."""
    command = [*LAB, "live", "--json", "--port", str(free_port()), "--out", str(tmp_path)]
    with subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as live:
        assert live.stdout is not None
        document = ""
        while not document.endswith("}\n"):
            document += live.stdout.readline()
        with urllib.request.urlopen(json.loads(document)["url"], timeout=30) as page:  # noqa: S310 (ours)
            assert 200 == page.status
        live.send_signal(signal.SIGINT)
        _, errors = live.communicate(timeout=60)

    assert "Traceback" not in errors, errors
    assert live.returncode in (0, 130), errors
