"""The bridge on the oldest Flask that it supports: its own tests, run on that one."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.flask_app.serving.other_flask import OLDEST_FOLDER, ON_THE_OLDEST, ROOT, run

LOCK = (Path(__file__).parent / "oldest-flask.txt").read_text(encoding="utf-8")
BOUND_S = 280  # on hangs: a slow machine takes a fifth of it


def locked() -> list[str]:
    """Read what is installed into the folder."""
    return re.findall(r"^[a-z]+==[0-9.]+", LOCK, flags=re.MULTILINE)


def test_the_oldest_is_the_one_that_the_project_allows() -> None:
    """What is tried here as the oldest Flask is the least that pyproject.toml asks for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (flask,) = (Requirement(line) for line in project["dependencies"] if re.match(r"flask\b(?!-)", line))
    (oldest,) = (Requirement(line) for line in locked() if line.startswith("flask=="))

    least = next(iter(flask.specifier))
    assert ">=" == least.operator
    assert oldest.specifier.contains(least.version)


def test_the_oldest_is_locked() -> None:
    """It installs from whatever index the machine uses, and only what was locked."""
    assert ["blinker", "flask", "werkzeug"] == [line.partition("==")[0] for line in locked()]
    for block in re.split(r"^(?=[a-z])", LOCK, flags=re.MULTILINE)[1:]:
        assert "--hash=sha256:" in block
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links|@ ", LOCK)


@pytest.mark.timeout(BOUND_S + 20)
def test_the_bridge_works_on_the_oldest_flask() -> None:
    """The bridge's tests in process pass on the oldest Flask as on the newest, with warnings as errors there too."""
    if not (OLDEST_FOLDER / ".installed").exists():
        lack = "the oldest Flask is not installed beside the environment: run `make oldest-flask`"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(lack)

    process = run(OLDEST_FOLDER, ON_THE_OLDEST, captured=True, timeout_s=BOUND_S)

    assert 0 == process.returncode, process.stdout + process.stderr
    first, *_, last = process.stdout.splitlines()
    found, *versions = first.split()
    assert str(OLDEST_FOLDER / "flask" / "__init__.py") == found
    assert locked() == versions
    assert re.match(r"\d{3,} passed", last), process.stdout
