from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from benchmarks.extras import installing

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("extra", ["bench", "locust"])
def test_the_command_that_installs_an_extra_works(extra: str) -> None:
    """Pip understands it; here it finds all of it installed already, and so asks no index."""
    command = shlex.split(installing(extra))

    done = subprocess.run([*command, "--dry-run", "--no-index"], capture_output=True, text=True, check=False)

    assert (0, "") == (done.returncode, done.stderr)
    assert command[4:]


@pytest.mark.parametrize("target", ["env", "env-locust"])
def test_what_a_message_tells_to_make_is_there_to_be_made(target: str) -> None:
    """Both messages name a target beside the command."""
    subprocess.run(["make", "--dry-run", target], cwd=ROOT, check=True, capture_output=True)
