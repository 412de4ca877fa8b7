from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import cli


def test_the_doctor_judges_this_machine(tmp_path: Path) -> None:
    """Machine, loader and A/A, as one JSON document; the exit status says whether verdicts would stand."""
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks", "doctor", "--rounds", "2", "--seed", "1", "--json"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=100,
        check=False,
    )

    judged = json.loads(ran.stdout)
    assert judged["fit"] is (ran.returncode == 0)
    assert ran.returncode in (0, 3), ran.stderr
    assert judged["placebo"]["samples"] == 2
    assert judged["ceiling_per_s"] > 0
    assert judged["difference"] > 0
    assert judged["machine"]["usable_cores"] >= 1
    assert {"good", "warning", "bad"} >= {sign["level"] for sign in judged["signs"]}
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "told"),
    [(["-c", "fastapi-asinc@uvicorn"], "Did you mean fastapi-async@uvicorn?"), (["--rounds", "1"], "2<=x<=1000")],
)
def test_a_wrong_word_is_a_usage_error(arguments: list[str], told: str) -> None:
    """Before anything is measured."""
    ran = CliRunner().invoke(cli.lab, ["doctor", *arguments])

    assert 2 == ran.exit_code
    assert told in ran.output
