"""Behaviour of a command that ends with one of the lab's own errors."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from benchmarks.cli.group import NearestGroup
from benchmarks.errors import InvalidValueError, LabError, RefusedError


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (LabError("The disk is full."), 1, "Error: The disk is full."),
        (InvalidValueError("There is no x."), 2, "Error: There is no x."),
        (InvalidValueError("There is no x.", "--contender"), 2, "Error: Invalid value for --contender: There is no x."),
        (RefusedError("It would mislead."), 3, "Error: It would mislead."),
    ],
    ids=["error", "usage", "option", "refused"],
)
@pytest.mark.parametrize("nested", [False, True], ids=["command", "command of a group"])
def test_an_error_has_its_exit_status(error: LabError, status: int, told: str, *, nested: bool) -> None:
    """The message is told as click tells its own, and one of usage with the command's own line."""

    @click.group(cls=NearestGroup)
    def lab() -> None:
        """Be a group."""

    group = lab.group("inner")(lambda: None) if nested else lab

    @group.command()
    def work() -> None:
        raise error

    result = CliRunner().invoke(lab, ["inner", "work"] if nested else ["work"], prog_name="lab")

    assert (status, told) == (result.exit_code, result.output.splitlines()[-1])
    usage = f"Usage: lab {'inner ' if nested else ''}work"
    assert (status == 2) == result.output.startswith(usage)
