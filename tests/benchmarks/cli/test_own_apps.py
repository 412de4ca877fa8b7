"""``lab init`` and ``lab compare`` in a project that the lab has never seen."""

from __future__ import annotations

import functools
import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from benchmarks import cli
from benchmarks.contenders import own_python, targets
from benchmarks.measure import parity
from benchmarks.measure.journal import read_run
from benchmarks.measure.server import running

SHOP = """
import json

from flask import Flask, request

app = Flask(__name__)


@app.get("/items")
def items():
    return {"items": [{"id": 1, "name": "tea"}]}


@app.post("/orders")
def order():
    return {"order": request.get_json()}, 201


@app.get("/out-of-order")
def broken():
    raise RuntimeError("no tea")


@app.get("/report/<keyword>")
def report(keyword):
    return {"pages": 3}
"""

ASYNC_SHOP = """
import fastapi

app = fastapi.FastAPI()


@app.get("/items")
async def items():
    return {"items": [{"id": "1", "name": "tea", "price": 2}]}
"""

LAB = """
[contenders.now]
app = "shop:app"
server = "hypercorn"

[contenders.next]
app = "shop:app"
server = "uvicorn"
bridge = "eventloop"
environment = {SHOP_NAME = "${USER_SHOP}"}

[contenders.report]
app = "shop:app"
server = "hypercorn"
sync = "/report/sync"
async = "/report/async"

[requests.items]
path = "/items"

[requests.order]
path = "/orders"
method = "POST"
headers = {Content-Type = "application/json"}
body = '{"id": "{{$uuid}}"}'
"""

MIX = """
### items
# @weight 3
GET http://localhost/items
### order
POST /orders
Content-Type: application/json

{"id": "{{$uuid}}"}
"""

QUICKLY = ("--rounds", "1", "--duration", "200ms", "--wait")

LabIn = Callable[[Path], Callable[..., Result]]


def made(folder: Path, **more: str) -> Path:
    """Make the folder of somebody's project, which has a package of the same name as one of the lab's."""
    for name, text in {"shop.py": SHOP, "shop_async.py": ASYNC_SHOP, "flask_app/__init__.py": "", **more}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a project's folder to write to."""
    return made(tmp_path)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project's folder to be read: an app in it is looked at once, however often it is named."""
    return made(tmp_path_factory.mktemp("bare"))


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return another one, which has a file that says what is compared."""
    return made(tmp_path_factory.mktemp("described"), **{"lab.toml": LAB.replace("${USER_SHOP}", "corner")})


@pytest.fixture
def lab_in(short_trials: None, monkeypatch: pytest.MonkeyPatch) -> LabIn:
    """Go to a project, and return what runs commands of the lab's there.

    No variables name an app or an environment.
    """
    for name in ("FLASK_APP", "VIRTUAL_ENV"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(cli.lab, list(arguments), prog_name="lab", env={"COLUMNS": "200"})

    def go(folder: Path) -> Callable[..., Result]:
        monkeypatch.chdir(folder)
        return run

    return go


@pytest.fixture
def lab(project: Path, lab_in: LabIn) -> Callable[..., Result]:
    """Return what runs a command of the lab's in a project of the test's own."""
    return lab_in(project)


def judgement(done: Result) -> dict[str, Any]:
    """Return the document of a comparison."""
    # In one round the A/A is not judged.
    assert 0 == done.exit_code, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


@pytest.mark.alone
def test_two_apps_compare_by_one_command(project: Path, lab: Callable[..., Result]) -> None:
    """From their own folder, unchanged: each against the first, by a mix of the requests of a file; nothing is left."""
    (project / "shop.http").write_text(MIX, encoding="utf-8")
    before = {path.name for path in project.iterdir()}
    command = f"{sys.executable} -m hypercorn --bind 127.0.0.1:{{port}} --workers 0 shop:app"
    told = judgement(
        lab(
            *("compare", "shop:app@hypercorn", "--command", command, "--request", "shop.http", "--mix"),
            *("--margin", "3%", *QUICKLY, "--json"),
        )
    )
    (duel,) = told["judgement"]["duels"]
    assert ("shop:app@hypercorn", "shop:app", "mix") == (duel["above"], duel["below"], duel["workload"])
    assert 0.03 == told["judgement"]["margin"]
    (mix,) = read_run(Path(told["run"]["folder"])).plan.workloads
    assert [("items", 3.0), ("order", 1.0)] == [(each.name, each.weight) for each in mix.mix]
    assert {duel["above"], duel["below"]} == set(mix.alone_ms)
    assert duel["rate"]["value"] > 0
    assert shlex.split(told["run"]["command"])[:6] == [
        "lab",
        "compare",
        "quick",
        "shop:app@hypercorn",
        "--command",
        command,
    ]
    assert {path.name for path in project.iterdir()} - before <= {"results", "__pycache__"}


@pytest.mark.alone
def test_a_projects_file_says_what_is_compared(
    project: Path, lab: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Contenders, twins and requests by their names; values that change reach the app as they are."""
    (project / "lab.toml").write_text(LAB, encoding="utf-8")
    monkeypatch.setenv("USER_SHOP", "corner")
    monkeypatch.chdir(project / "flask_app")
    told = judgement(lab("compare", "now", "next", *QUICKLY, "--json"))
    assert {("next", "items"), ("next", "order")} == {
        (duel["above"], duel["workload"]) for duel in told["judgement"]["duels"]
    }
    assert [] == [summary["void"] for summary in told["judgement"]["summaries"] if summary["void"]]


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("shap:app",), 2, ("no module shap", "Did you mean shop?")),
        (("qick",), 2, ("no preset", "Did you mean quick?")),
        (("quick", "full"), 2, ("both presets",)),
        (("shop:app@hypercorn", "--path", "items"), 2, ("slash",)),
        (("shop:app@hypercorn", "--header", "Accept"), 2, ("NAME: VALUE",)),
        (("shop:app@hypercorn", "--body", "@nothing.json"), 2, ("nothing.json",)),
        (("shop:app@hypercorn", "--against", "shop:app@hyperkorn"), 2, ("Did you mean shop:app@hypercorn?",)),
        (("shop:app@hypercorn", "--workload", "wait"), 2, ("--path",)),
        (("--path", "/items"), 2, ("an app of your own",)),
        (("--method", "POST"), 2, ("--method is for an app of your own",)),
        (("shop:app@hypercorn", "--path", "/", "--request", "shop.py"), 2, ("leave out --path",)),
        (("--command", "python server.py"), 2, ("{port}",)),
        (("--command", "'"), 2, ("quotation",)),
        (("http://example.org/",), 2, ("this machine",)),
        (
            ("shop:app@hypercorn", "shop_async:app@hypercorn", "--path", "/items"),
            1,
            (
                "items[].id is a string instead of a number",
                "items[].price is a number instead of nothing",
                "--allow-different",
            ),
        ),
        (("--command", "false {port}"), 1, ("status 1", "false")),
    ],
)
def test_what_cannot_be_compared_is_told(
    arguments: tuple[str, ...], status: int, words: tuple[str, ...], bare: Path, lab_in: LabIn
) -> None:
    """What, why and what to do; nothing is measured."""
    done = lab_in(bare)("compare", *arguments, *QUICKLY)
    told = " ".join(done.stderr.split())
    assert (status, []) == (done.exit_code, [word for word in words if word not in told]), told


def test_an_app_that_does_not_run_is_waited_for_and_told(
    bare: Path, lab_in: LabIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With where it is to run."""
    monkeypatch.setattr(parity, "running", functools.partial(running, startup_timeout_s=0.5))
    done = lab_in(bare)("compare", "http://127.0.0.1:1", "--path", "/", *QUICKLY)
    assert (1, True, True) == (done.exit_code, "did not answer" in done.stderr, "is to run at" in done.stderr)


@pytest.mark.alone
def test_an_app_runs_against_itself(lab: Callable[..., Result]) -> None:
    """``lab doctor`` on somebody's app: the A/A comparison is of that app and its request."""
    done = lab("doctor", "shop:app@hypercorn", "--path", "/items", "--rounds", "2", "--wait", "--json")
    assert done.exit_code in (0, 3), done.stderr
    assert "shop:app, flask" in done.stderr
    assert "doctor" == json.loads(done.stdout)["document"]


def test_apps_are_explained_without_a_change(project: Path, lab: Callable[..., Result]) -> None:
    """Each in a timeline of its own, under the name that it was given; drawn, or as one document, with one trace."""
    asked = ("explain", "shop:app@hypercorn", "shop:app@uvicorn+eventloop", "--path", "/items", "--requests", "2")
    done = lab(*asked, "--json", "--out", "trace.json", "--wait")
    assert 0 == done.exit_code, done.stderr
    document = json.loads(done.stdout)
    assert ("timelines", [("shop:app@hypercorn", False), ("shop:app@uvicorn+eventloop", False)]) == (
        document["document"],
        [(each["contender"], each["is_own"]) for each in document["timelines"]],
    )
    events = json.loads((project / "trace.json").read_text(encoding="utf-8"))["traceEvents"]
    assert {1, 2} == {event["pid"] for event in events}
    drawn = lab("explain", "shop_async:app@uvicorn", "--path", "/items", "--requests", "2", "--wait")
    told = " ".join(drawn.stdout.split())
    assert (0, True, True) == (
        drawn.exit_code,
        "shop_async:app@uvicorn: 2 requests at once (GET /items)" in told,
        "Not seen: where the framework ends" in told,
    )


def test_the_apps_of_a_projects_file_are_explained(described: Path, lab_in: LabIn) -> None:
    """By their names, for each of its requests that is asked for."""
    lab = lab_in(described)
    done = lab("explain", "next", "--path", "/report/sync", "--view-wait", "20ms")
    assert (2, True) == (done.exit_code, "--path '/report?ms={wait_ms}'" in done.stderr)
    told = lab("explain", "next", "--json", "--requests", "1", "--wait")
    assert 0 == told.exit_code, told.stderr
    assert [("next", "/items", "GET"), ("next", "/orders", "POST")] == [
        (each["contender"], each["path"], each["method"]) for each in json.loads(told.stdout)["timelines"]
    ]


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        ((), 2, ("Name what to explain",)),
        (("shap:app",), 2, ("no module shap", "Did you mean shop?")),
        (("shop:ap@hypercorn",), 2, ("shop has no ap", "Did you mean app?")),
        (("shop:app@hypercorn", "--path", "/out-of-order"), 1, ("500", "RuntimeError: no tea")),
        (("shop:app@hypercorn", "--workers", "2"), 2, ("--workers", "one process")),
        (("http://127.0.0.1:1",), 2, ("cannot put a recorder into it", "shop:app@gunicorn")),
        (("--command", "python server.py {port}"), 2, ("cannot put a recorder into it",)),
    ],
)
def test_what_cannot_be_explained_is_told(
    arguments: tuple[str, ...], status: int, words: tuple[str, ...], bare: Path, lab_in: LabIn
) -> None:
    """As where it is compared."""
    done = lab_in(bare)("explain", *arguments, "--wait")
    told = " ".join(done.stderr.split())
    assert (status, []) == (done.exit_code, [word for word in words if word not in told]), told


def test_a_server_that_is_missing_is_told_before_anything_starts(
    lab: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the command that installs it beside the app."""
    look = own_python.look

    def without_waitress(app: str, where: own_python.Surroundings) -> dict[str, Any]:
        looked = look(app, where)
        there = {name: version for name, version in looked["versions"].items() if name != "waitress"}
        return {**looked, "versions": there}

    monkeypatch.setattr(targets, "look", without_waitress)
    done = lab("explain", "shop:app@waitress", "--wait")
    assert (2, True) == (done.exit_code, "pip install waitress" in " ".join(done.stderr.split()))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("shop:app@hypercorn",), "cannot race alone"),
        (("shop:app@hypercorn", "shap:app"), "no module shap"),
        (("bare-asgi@uvicorn", "flask-sync@hypercorn"), "no view"),
        (("now", "next"), "one request, and these are items, order"),
    ],
)
def test_what_cannot_race_is_told(arguments: tuple[str, ...], words: str, described: Path, lab_in: LabIn) -> None:
    """Before the page is there."""
    done = lab_in(described)("live", *arguments)
    assert (2, True) == (done.exit_code, words in " ".join(done.stderr.split())), done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("shop:app@hypercorn", "--path", "/items"), "{wait_ms}"),
        (("bare-asgi@uvicorn",), "no view that could wait"),
    ],
)
def test_a_map_asks_for_a_wait(arguments: tuple[str, ...], words: str, bare: Path, lab_in: LabIn) -> None:
    """Without one there is nothing to map."""
    done = lab_in(bare)("crossover", *arguments)
    assert (2, True) == (done.exit_code, words in done.stderr)


def test_lab_init_writes_a_file_that_compare_reads(project: Path, lab: Callable[..., Result]) -> None:
    """What is found first, without a question; a file that is there stays."""
    done = lab("init", "--yes", "--python", sys.executable)
    assert 0 == done.exit_code, done.stderr
    text = (project / "lab.toml").read_text(encoding="utf-8")
    assert ('app = "shop:app"' in text, 'path = "/items"' in text) == (True, True)
    again = lab("init", "--yes")
    assert (1, True) == (again.exit_code, "--force" in again.stderr)
    refused = lab("compare", "now", "--path", "/nowhere", *QUICKLY)
    assert (1, True) == (refused.exit_code, "404" in refused.stderr)
