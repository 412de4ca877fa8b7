"""``lab --help`` says of each command what the command says of itself, and needs nothing of the instrument for it."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

from benchmarks.cli.group import COMMANDS, lab

HEAVY = ("benchmarks.judge", "benchmarks.measure", "benchmarks.model", "flask", "numpy", "psutil", "pydantic", "rich")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_listed_with_the_first_sentence_of_its_own_help(name: str) -> None:
    """The list cannot say anything else of it."""
    command = lab.get_command(click.Context(lab), name)

    assert command is not None
    assert name == command.name
    assert COMMANDS[name][1] == command.get_short_help_str(1_000)


def test_no_module_has_a_command_that_is_not_listed() -> None:
    """It could not be reached."""
    for name in COMMANDS:
        lab.get_command(click.Context(lab), name)

    assert list(COMMANDS) == sorted(lab.commands)


def test_help_imports_no_part_of_the_instrument() -> None:
    """It is there at once, on a slow laptop too."""
    script = (
        "import contextlib, sys; from benchmarks.__main__ import main\n"
        "sys.argv = ['lab', '--help']\n"
        "with contextlib.suppress(SystemExit): main()\n"
        f"sys.exit(' '.join(name for name in {HEAVY!r} if name in sys.modules))"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)

    assert "compare" in done.stdout
    assert "" == done.stderr.strip()
