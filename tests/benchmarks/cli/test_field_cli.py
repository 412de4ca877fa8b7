"""What the command line says of contenders that may not be installed here."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import click
import psutil
import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from benchmarks import cli
from benchmarks.cli.subjects import Subjects, _of_catalogue, subject_options
from benchmarks.contenders import catalogue, installed
from benchmarks.measure.server import running
from benchmarks.report.formats import FORMATS

WITHOUT = ("litestar", "gevent")


def lab(*arguments: str) -> Result:
    """Run a command."""
    return CliRunner().invoke(cli.lab, arguments, prog_name="lab")


@pytest.fixture
def _incomplete(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide two packages, as in an environment without the extra; the others are there, whatever this one has."""
    monkeypatch.setattr(installed, "version_here", lambda name: None if name in WITHOUT else "99.0")


@pytest.mark.usefixtures("_incomplete")
@pytest.mark.parametrize("form", [form for form in FORMATS if form not in ("json", "csv")])
def test_what_is_not_installed_is_said_with_the_command_that_installs_it(form: str) -> None:
    """Beside each contender that needs it, and once for all."""
    told = " ".join(lab("contenders", "--format", form).output.split())

    assert "make env-frameworks" in told
    assert 4 == told.count("Not installed here: litestar.")
    assert re.search(r"litestar-async@uvicorn\W.{,80}Litestar on uvicorn\. Not installed here", told)


@pytest.mark.usefixtures("_incomplete")
def test_programs_read_which_packages_are_lacking() -> None:
    """By contender, in JSON and in CSV."""
    told = json.loads(lab("contenders", "--json").output)
    lacks = {each["id"]: each["lacks"] for each in told["contenders"]}

    assert ["litestar"] == lacks["litestar-sync@granian"]
    assert ["gevent"] == lacks["flask-sync@gunicorn-gevent"]
    assert [] == lacks["flask-sync@hypercorn"]
    assert "make env-frameworks" in told["install"]
    assert [each.id for each in catalogue.USUAL] == [each["id"] for each in told["contenders"] if each["usual"]]
    assert len(catalogue.CONTENDERS) + 1 == len(lab("contenders", "--format", "csv").output.splitlines())


def test_with_everything_here_nothing_is_said_of_installing(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is nothing to install."""
    monkeypatch.setattr(installed, "version_here", lambda _name: "99.0")

    assert "env-frameworks" not in lab("contenders").output
    assert json.loads(lab("contenders", "--json").output)["install"] is None


@pytest.mark.usefixtures("_incomplete")
@pytest.mark.parametrize(
    "asked",
    [
        ("compare", "litestar-async@uvicorn"),
        ("compare", "fastapi-*@uvicorn", "litestar-*"),
        ("compare", "fastapi-*@uvicorn", "--against", "litestar-async@granian"),
        ("live", "litestar-*@uvicorn"),
        ("explain", "flask-sync@gunicorn-gevent"),
    ],
    ids=" ".join,
)
def test_to_ask_for_what_is_not_installed_is_an_error_with_the_command(asked: tuple[str, ...]) -> None:
    """Before anything starts."""
    done = lab(*asked)

    assert 2 == done.exit_code
    assert re.search(r"(litestar|gevent) not installed here\. `make env-frameworks` in a clone", done.output)


@pytest.mark.usefixtures("_incomplete")
def test_a_pattern_selects_what_can_run_here() -> None:
    """And says once what it leaves out."""
    chosen, left_out = installed.select(["*-async@granian"])

    assert "blacksheep-async@granian" in {contender.id for contender in chosen}
    assert "litestar-async@granian" not in {contender.id for contender in chosen}
    assert left_out.startswith("Left out: litestar-async@granian: litestar not installed here.")


@pytest.mark.parametrize(
    ("patterns", "against", "added"),
    [
        (["starlette-*@uvicorn"], "fastapi-async@uvicorn", ["fastapi-async@uvicorn"]),
        (["starlette-*@uvicorn", "fastapi-*@uvicorn"], "fastapi-async@uvicorn", []),
    ],
)
def test_a_reference_runs_beside_what_is_compared_with_it(patterns: list[str], against: str, added: list[str]) -> None:
    """Whether or not it was named among them."""
    chosen = catalogue.select(patterns)
    asked = _of_catalogue("quick", chosen, against)

    assert (against, [*(each.id for each in chosen), *added]) == (asked.against, [each.id for each in asked.contenders])


def test_a_reference_of_the_field_runs_beside_the_usual_ones() -> None:
    """A usual one is among them: then they stay what a preset makes of them."""
    usual = [each.id for each in catalogue.USUAL if each.variant is not None]

    assert () == _of_catalogue("quick", (), "fastapi-async@uvicorn").contenders
    assert [*usual, "starlette-async@uvicorn"] == [
        each.id for each in _of_catalogue("quick", (), "starlette-async@uvicorn").contenders
    ]


@pytest.fixture
def pythons(tmp_path: Path) -> tuple[Path, Path]:
    """Return two environments with the same packages: this one, and another that is a link to all of it."""
    other = tmp_path / "other"
    (other / "bin").mkdir(parents=True)
    (other / "bin" / "python").symlink_to(sys.executable)
    (other / "lib").symlink_to(Path(sys.prefix) / "lib")
    (other / "pyvenv.cfg").write_text((Path(sys.prefix) / "pyvenv.cfg").read_text(encoding="utf-8"), encoding="utf-8")
    return Path(sys.prefix), other


def asked(*words: str) -> Subjects:
    """Return what words and options of a command say is to be compared."""
    found: list[Subjects] = []

    @click.command()
    @subject_options
    def command(subjects: Callable[[Console], Subjects]) -> None:
        found.append(subjects(Console(quiet=True)))

    CliRunner().invoke(command, words, catch_exceptions=False)
    return found[0]


def test_each_python_makes_a_contender_of_its_own(pythons: tuple[Path, Path]) -> None:
    """It runs on that one, is named by version and build, and is compared with the first."""
    build = ".".join(map(str, sys.version_info[:3]))
    pair = ",".join(map(str, pythons))
    assert f"fastapi-sync@uvicorn~{build}" == asked("fastapi-*@uvicorn", "--pythons", pair).against
    subjects = asked("fastapi-async@uvicorn", "--against", "fastapi-async@uvicorn", "--pythons", pair)
    ids = [contender.id for contender in subjects.contenders]

    assert [f"fastapi-async@uvicorn~{build}", f"fastapi-async@uvicorn~{build}#2"] == ids
    assert ids[0] == subjects.against
    for contender, environment in zip(subjects.contenders, pythons, strict=True):
        with running(contender, "/health/async") as server:
            assert server.started is not None
            assert str(environment / "bin" / "python") == psutil.Process(server.started.pid).cmdline()[0]


def test_a_python_that_lacks_the_labs_packages_is_refused_with_the_command_that_helps(tmp_path: Path) -> None:
    """Before anything starts."""
    bare = tmp_path / "bare"
    (bare / "bin").mkdir(parents=True)
    (bare / "bin" / "python").symlink_to(sys.executable)
    (bare / "pyvenv.cfg").write_text(f"home = {Path(sys.base_prefix) / 'bin'}\n", encoding="utf-8")
    done = lab("compare", "fastapi-*@uvicorn", "--pythons", str(bare))

    assert 2 == done.exit_code
    assert f"make env PYTHON={bare}" in " ".join(done.output.split())
