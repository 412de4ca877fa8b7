from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from benchmarks.errors import installing

ROOT = Path(__file__).parents[2]


def test_the_commands_that_install_the_extras_work() -> None:
    """Pip understands them; here it finds all of both installed already, and so asks no index."""
    commands = [shlex.split(installing(extra)) for extra in ("bench", "locust")]
    assert commands[0][:4] == commands[1][:4]
    assert all(command[4:] for command in commands)

    done = subprocess.run(
        [*commands[0], *commands[1][4:], "--dry-run", "--no-index"], capture_output=True, text=True, check=False
    )

    assert (0, "") == (done.returncode, done.stderr)


@pytest.mark.parametrize("target", ["env", "env-locust", "env-frameworks"])
def test_what_a_message_tells_to_make_is_there_to_be_made(target: str) -> None:
    """All messages name a target beside the command."""
    subprocess.run(["make", "--dry-run", target], cwd=ROOT, check=True, capture_output=True)
