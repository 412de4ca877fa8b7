"""Behaviour of the lab's end: its statuses, whatever was interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from benchmarks.cli.group import NearestGroup


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_command_that_says_nothing_of_interruptions_ends_with_their_status(
    number: signal.Signals, status: int
) -> None:
    """In words, and without a traceback; SIGTERM is afterwards what it was."""
    before = signal.getsignal(signal.SIGTERM)

    @click.group(cls=NearestGroup)
    def group() -> None:
        """Be a group of one."""

    @group.command()
    def work() -> None:
        signal.raise_signal(number)

    result = CliRunner().invoke(group, ["work"])

    assert (status, "Interrupted.\n") == (result.exit_code, result.output)
    assert before == signal.getsignal(signal.SIGTERM)


@pytest.mark.parametrize(("number", "status"), [("", 130), ("15", 143)])
def test_an_import_that_was_interrupted_does_not_change_the_status(tmp_path: Path, number: str, status: int) -> None:
    """Methods of dataclasses are compiled from strings, and CPython remembers an interruption that left such code."""
    program = f"""\
from benchmarks.cli.exits import exit_interrupted

try:
    exec("raise KeyboardInterrupt({number})")
except KeyboardInterrupt as interrupt:
    exit_interrupted(interrupt)
"""

    (tmp_path / "interrupted.py").write_text(program, encoding="utf-8")
    path = os.pathsep.join([str(tmp_path), *sys.path])

    ended = subprocess.run(
        [sys.executable, "-m", "interrupted"], check=False, cwd=tmp_path, env={**os.environ, "PYTHONPATH": path}
    )

    assert status == ended.returncode
