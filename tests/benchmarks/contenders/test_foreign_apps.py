"""Apps that the lab never saw, in environments of their own: compared by one command, from their folder, unchanged."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner

from benchmarks import cli
from benchmarks.contenders import catalogue
from benchmarks.contenders.servers import SERVERS
from benchmarks.measure.journal import read_run
from benchmarks.model import Run
from benchmarks.trials import void_reason
from tests.benchmarks.contenders.foreign_apps import (
    DJANGO_SITE,
    FASTAPI_NOTES,
    FLASK_CATALOGUE,
    FLASK_SHOP,
    LITESTAR_CLOCK,
)
from tests.benchmarks.contenders.foreign_environments import python_of

# The first of them makes the environments.
pytestmark = [
    pytest.mark.timeout(500),
    pytest.mark.skipif(sys.platform == "win32", reason="gunicorn is not for it"),
]

LAB = """
before_trial = ".venv/bin/python reset.py"

[contenders.threads]
app = "shop:app"
server = "gunicorn-gthread"
threads = 4

[contenders.greenlets]
app = "shop:app"
server = "gunicorn-gevent"

[requests.order]
path = "/orders"
method = "POST"
headers = {Content-Type = "application/json"}
body = '{"article": "{{$uuid}}"}'
statuses = [201]
users = 4
"""

Project = Callable[..., Path]
Compare = Callable[..., Run]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Make a project's folder with its environment beside it, and go there; its data lies elsewhere."""

    def make(environment: str, files: Mapping[str, str], **more: str) -> Path:
        folder, python = tmp_path / "project", python_of(environment)
        folder.mkdir()
        for name, text in {**files, **more}.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
        (folder / ".venv").symlink_to(python.parents[1])
        monkeypatch.chdir(folder)
        return folder

    for name in ("FLASK_APP", "VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SHOP_DATABASE", f"sqlite:///{tmp_path / 'shop.sqlite'}")
    monkeypatch.setenv("SHOP_RESETS", str(tmp_path / "resets"))
    monkeypatch.setenv("NOTES_DATABASE", str(tmp_path / "notes.sqlite"))
    return make


@pytest.fixture
def compare(short_trials: None, undrawn: None) -> Compare:
    """Compare by one command in the current folder; see that nothing but results is left, and return the run."""

    def run(*words: str) -> Run:
        folder = Path.cwd()
        before = files_of(folder)
        command = ["compare", *words, "--rounds", "1", "--duration", "200ms", "--wait", "--json"]
        done = CliRunner().invoke(cli.lab, command, prog_name="lab")
        # In one round the A/A is not judged.
        assert 0 == done.exit_code, done.stderr
        assert before == files_of(folder)
        assert [] == processes_in(folder)
        measured = read_run(folder / "results" / "latest")
        told = json.loads(done.stdout)["judgement"]
        others = {contender.id for contender in measured.plan.contenders[1:]}
        assert others == {duel["above"] for duel in told["duels"]}
        assert [] == [duel["above"] for duel in told["duels"] if not (duel["rate"] or {}).get("value")]
        return measured

    return run


def files_of(folder: Path) -> set[str]:
    """Return what a project consists of, apart from its environment and the lab's results."""
    found = (path.relative_to(folder) for path in folder.rglob("*"))
    return {str(path) for path in found if path.parts[0] not in (".venv", "results")}


def processes_in(folder: Path) -> list[list[str]]:
    """Return the command lines of processes that were started for a project."""
    commands = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
    return [command for command in commands if any(str(folder) in part for part in command)]


def measured_by(run: Run) -> dict[str, set[str]]:
    """Return the contenders that have a valid trial, each with the workloads of its valid ones."""
    found: dict[str, set[str]] = {}
    for trial in run.trials:
        if void_reason(trial) is None:
            found.setdefault(trial.contender, set()).add(trial.workload)
    return found


@pytest.mark.alone
def test_a_flask_shop_with_sqlalchemy_and_posts(project: Project, compare: Compare, tmp_path: Path) -> None:
    """What lab.toml says: threads against greenlets, a reset before each trial, and JSON to write."""
    project("foreign-wsgi", FLASK_SHOP, **{"lab.toml": LAB})
    run = compare()
    assert {"threads": {"order"}, "greenlets": {"order"}} == measured_by(run)
    (order,) = run.plan.workloads
    # An id counts up, and will have another digit.
    assert ("POST", (201,), "shape") == (order.method, order.statuses, order.holds)
    # Once before parity, and once before each trial.
    resets = (tmp_path / "resets").read_text(encoding="utf-8").splitlines()
    # Before anything is timed each is started twice: its answers are compared, and it is observed.
    assert 2 * len(run.plan.contenders) + len(run.trials) == len(resets)
    assert {"threads: Python", "threads: gunicorn", "threads: flask"} <= set(run.environment)


@pytest.mark.alone
def test_a_flask_factory_on_every_kind_of_server(project: Project, compare: Compare) -> None:
    """What makes the app, on servers of WSGI, and of ASGI behind a bridge."""
    project("foreign-wsgi", FLASK_CATALOGUE)
    words = ["gunicorn", "granian", "waitress", "werkzeug", "uvicorn+eventloop", "hypercorn+asgiref"]
    run = compare(*(f"stock:create_app@{word}" for word in words), "--path", "/items")
    assert {f"stock:create_app@{word}" for word in words} == set(measured_by(run))
    assert "bytes" == run.plan.workloads[0].holds


@pytest.mark.alone
def test_a_fastapi_app_with_aiosqlite(project: Project, compare: Compare) -> None:
    """The app that pyproject.toml names, on uvicorn and on gunicorn's own worker for ASGI, each with two processes."""
    project("foreign-asgi", FASTAPI_NOTES)
    run = compare("@uvicorn", "@gunicorn", "--workers", "2", "--path", "/notes/1")
    assert {"notes:app@uvicorn", "notes:app@gunicorn"} == set(measured_by(run))
    # The one that listens and two workers; Python's own process that counts their resources is a fourth of uvicorn.
    assert [] == [
        trial.contender for trial in run.trials if trial.observation and (trial.observation.processes or 0) < 3
    ]


@pytest.mark.alone
def test_a_litestar_factory_below_src(project: Project, compare: Compare) -> None:
    """On Granian and Hypercorn, from another folder; only the shape of its answers holds."""
    folder = project("foreign-asgi", LITESTAR_CLOCK)
    python = str(folder / ".venv")
    words = ("clock.app:create_app@granian", "clock.app:create_app@hypercorn")
    run = compare(*words, "--folder", "src", "--python", python, "--path", "/now")
    assert set(words) == set(measured_by(run))
    assert run.plan.workloads[0].holds in ("length", "shape")


@pytest.mark.alone
def test_a_django_site_by_wsgi_and_asgi(project: Project, compare: Compare) -> None:
    """Two apps of one site, which answers to its own name alone, each on the server that is usual for it."""
    project("foreign-asgi", DJANGO_SITE)
    run = compare(
        "site_of.wsgi:application", "site_of.asgi:application", "--path", "/stock/", "--header", "host: site.example"
    )
    assert {"site_of.wsgi:application@gunicorn", "site_of.asgi:application@uvicorn"} == set(measured_by(run))


@pytest.mark.parametrize(
    ("environment", "lacking"),
    [
        ("foreign-wsgi", {}),
        (
            "foreign-asgi",
            {"gunicorn-gevent": ["gevent", "packaging"], "waitress": ["waitress"], "werkzeug": ["flask", "werkzeug"]},
        ),
    ],
)
def test_the_servers_of_an_environment_are_listed(
    environment: str, lacking: Mapping[str, list[str]], project: Project
) -> None:
    """``lab contenders`` says what the Python beside an app lacks of each server that a target can name."""
    folder = project(environment, {})
    done = CliRunner().invoke(cli.lab, ["contenders", "--json"], prog_name="lab")
    told = json.loads(done.stdout)
    assert str(folder / ".venv/bin/python") == told["python"]["path"]
    # Of one framework's own server no app of another can make use.
    assert [name for name in SERVERS if name not in catalogue.FRAMEWORKS] == [
        server["id"] for server in told["servers"]
    ]
    assert lacking == {
        server["id"]: server["lacks"]["wsgi"] for server in told["servers"] if server["lacks"].get("wsgi")
    }
    assert [] == [server["id"] for server in told["servers"] if server["lacks"].get("asgi")]
