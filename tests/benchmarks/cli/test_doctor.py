from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import cli


def test_the_doctor_judges_this_machine(tmp_path: Path, short_trials: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Machine, loader and A/A, as one JSON document; the exit status says whether verdicts would stand."""
    monkeypatch.chdir(tmp_path)

    ran = CliRunner().invoke(cli.lab, ["doctor", "--rounds", "2", "--seed", "1", "--json"])

    judged = json.loads(ran.stdout)
    assert judged["fit"] is (ran.exit_code == 0)
    assert ran.exit_code in (0, 3), ran.stderr
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
