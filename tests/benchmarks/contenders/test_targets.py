"""Anybody's app as a contender: what it is, what it runs on, and what is said where it cannot be found or served."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.contenders import own_python, targets
from benchmarks.contenders.servers import SERVERS
from benchmarks.errors import InvalidValueError
from benchmarks.measure.server import command_of, running

MODULES = {
    "shop": """
        from flask import Flask, request

        app = Flask(__name__)

        @app.get("/")
        def view():
            return {"shop": True}

        @app.get("/items/<int:number>")
        def item(number):
            return {"item": number}

        @app.post("/items")
        def order():
            return {}

        def create_app(name="shop"):
            return app

        def application(environ, start_response):
            return app(environ, start_response)

        number = 7
    """,
    "shop_async": """
        import fastapi

        app = fastapi.FastAPI()

        @app.get("/now")
        async def now():
            return {}

        class Bare:
            async def __call__(self, scope, receive, send):
                pass

        async def function(scope, receive, send):
            pass

        bare = Bare()
    """,
    "broken": "import shop\nraise RuntimeError('the database is not there')\n",
    "needs": "import a_package_that_nobody_has\napp = None\n",
    "leaves": "import os\nprint('bye')\nos._exit(7)\n",
    "tells": "print('hello')\nfrom shop import app\n",
}


def made(folder: Path) -> own_python.Surroundings:
    """Make a project's folder, whose Python is the one of these tests."""
    for name, text in MODULES.items():
        lines = text.splitlines()
        (folder / f"{name}.py").write_text("\n".join(line.removeprefix(" " * 8) for line in lines), encoding="utf-8")
    return own_python.surroundings(folder, sys.executable)


@pytest.fixture(scope="module")
def where(tmp_path_factory: pytest.TempPathFactory) -> own_python.Surroundings:
    """Return a project's folder to be read: an app in it is looked at once, however often it is named."""
    return made(tmp_path_factory.mktemp("project"))


@pytest.fixture
def own(tmp_path: Path) -> own_python.Surroundings:
    """Return a project's folder to write to."""
    return made(tmp_path)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("shop:app@hypercorn", ("hypercorn", "none", "shop:app")),
        ("shop:create_app@hypercorn", ("hypercorn", "none", "shop:create_app()")),
        ("shop:create_app()@werkzeug", ("werkzeug", "none", "shop:create_app()")),
        ("shop:application@hypercorn", ("hypercorn", "none", "shop:application")),
        ("shop:app@uvicorn+eventloop", ("uvicorn", "eventloop", "_lab_served:app")),
        ("shop:create_app+asgiref", ("uvicorn", "asgiref", "_lab_served:app")),
        ("shop_async:app", ("uvicorn", "none", "shop_async:app")),
        ("shop_async:bare@uvicorn", ("uvicorn", "none", "shop_async:bare")),
        ("shop_async:function@uvicorn", ("uvicorn", "none", "shop_async:function")),
        ("tells:app@hypercorn", ("hypercorn", "none", "tells:app")),
    ],
)
def test_an_app_is_what_its_own_python_says(
    word: str, expected: tuple[str, str, str], where: own_python.Surroundings
) -> None:
    """An app of WSGI or ASGI, an instance, a function or what makes one: detected by what it is."""
    contender = targets.find(word, where).contender
    server, bridge, served = expected
    assert (server, bridge) == (contender.server, contender.bridge)
    assert served in contender.arguments
    assert (sys.executable, str(where.folder)) == (contender.program, contender.folder)


@pytest.mark.parametrize("word", ["shop:create_app@hypercorn", "shop:app@uvicorn+eventloop", "shop_async:app@uvicorn"])
def test_an_app_is_recorded_beside_itself(word: str, where: own_python.Surroundings, tmp_path: Path) -> None:
    """The server imports the app through a module beside it, in one process; else nothing is changed."""
    target = targets.find(word, where, workers=2)
    assert target.recorded_by is not None
    recorded = target.recorded_by(tmp_path)

    assert ("_lab_served:app" in recorded.arguments, target.contender.id) == (True, recorded.id)
    assert str(tmp_path) == recorded.environment["LAB_RECORDER_FOLDER"]
    assert ("2" in target.contender.arguments, "2" in recorded.arguments) == (True, False)
    assert (target.contender.program, target.contender.folder) == (recorded.program, recorded.folder)


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("shap:app", ("no module shap", "Did you mean shop?", "--folder")),
        ("shop:ap", ("shop has no ap", "Did you mean app?")),
        ("shop:number", ("no app",)),
        ("broken:app", ("RuntimeError: the database is not there",)),
        ("needs:app", ("ModuleNotFoundError", "a_package_that_nobody_has")),
        ("leaves:app", ("status 7",)),
        ("shop:app@uvicorn", ("uvicorn does not serve WSGI", "hypercorn")),
        ("shop:app@gunicron", ("Did you mean gunicorn?",)),
        ("shop:app@hypercorn+eventlop", ("Did you mean eventloop?",)),
        ("shop_async:app+eventloop", ("needs no bridge",)),
        ("shop:application@uvicorn+eventloop", ("for Flask apps", "+asgiref")),
        ("shop:app @uvicorn", ("no target",)),
    ],
)
def test_what_cannot_be_found_or_served_is_told(
    word: str, words: tuple[str, ...], where: own_python.Surroundings
) -> None:
    """What, why, and what to do: the app's own last lines, the nearest name, the command that installs."""
    with pytest.raises(InvalidValueError) as caught:
        targets.find(word, where)
    message = str(caught.value)
    assert [part for part in words if part not in message] == []
    assert "importlib" not in message


def test_a_module_that_serves_when_it_is_imported_is_told(
    own: own_python.Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would never be imported; the message says where such a line belongs."""
    monkeypatch.setattr(own_python, "_LOOK_TIMEOUT_S", 1.0)
    (own.folder / "serves.py").write_text("from shop import app\napp.run(port=0)\n", encoding="utf-8")
    with pytest.raises(InvalidValueError, match="__main__"):
        targets.find("serves:app", own)


def test_what_a_folder_holds_is_found(where: own_python.Surroundings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Apps and what makes one, of the modules whose text does so; and the paths that answer a plain GET."""
    monkeypatch.delenv("FLASK_APP", raising=False)
    assert [
        *("shop:app", "shop:create_app"),
        *("shop_async:app", "shop_async:bare"),
    ] == own_python.candidates(where)
    assert ["/"] == own_python.routes("shop:app", where)
    assert ["/docs", "/docs/oauth2-redirect", "/now", "/openapi.json", "/redoc"] == own_python.routes(
        "shop_async:app", where
    )


def test_an_app_without_a_name_is_the_one_that_the_folder_names(
    own: own_python.Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FLASK_APP first, then FastAPI's entry point; a folder that names none is told so."""
    monkeypatch.delenv("FLASK_APP", raising=False)
    with pytest.raises(InvalidValueError, match="Which app"):
        own_python.default_app(own.folder)
    project = own.folder / "pyproject.toml"
    project.write_text('[tool.fastapi]\nentrypoint = "shop_async:app"\n', encoding="utf-8")
    assert "shop_async:app" == own_python.default_app(own.folder)[0]
    monkeypatch.setenv("FLASK_APP", "shop.py")
    assert "shop:app" == own_python.default_app(own.folder)[0]
    assert "shop:app" == targets.find("@hypercorn", own).contender.framework


def test_the_environment_beside_an_app_is_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Python that is told, else the active environment's, else the one beside the app, else the lab's."""
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    assert sys.executable == own_python.surroundings(tmp_path).python
    beside, active = (tmp_path / name / "bin" / "python" for name in (".venv", "active"))
    for python in (beside, active):
        python.parent.mkdir(parents=True)
        python.symlink_to(sys.executable)
    assert str(beside) == own_python.surroundings(tmp_path).python
    monkeypatch.setenv("VIRTUAL_ENV", str(active.parents[1]))
    assert str(active) == own_python.surroundings(tmp_path).python
    assert str(beside) == own_python.surroundings(tmp_path, ".venv").python
    with pytest.raises(InvalidValueError, match="no Python"):
        own_python.surroundings(tmp_path, "./elsewhere")


def test_a_server_that_is_missing_is_told_with_the_command(
    where: own_python.Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is installed where the app lives; without a server's name another is taken that is there."""
    looked = own_python.look("shop:app", where)
    there = {name: version for name, version in looked["versions"].items() if name not in ("gunicorn", "waitress")}
    monkeypatch.setattr(targets, "look", lambda *_: {**looked, "versions": {**there, "granian": "2.8"}})

    with pytest.raises(InvalidValueError, match=r"waitress needs waitress(?s:.*)-m pip install waitress"):
        targets.find("shop:app@waitress", where)
    assert "granian" == targets.find("shop:app", where).contender.server


@pytest.mark.parametrize("bridge", ["eventloop", "asgiref"])
def test_a_bridge_serves_a_project_that_has_packages_of_the_labs_names(
    bridge: str, own: own_python.Surroundings
) -> None:
    """Beside a decoy ``flask_app`` and ``benchmarks`` the app finds its own, and the bridge finds itself."""
    for name in ("flask_app", "benchmarks"):
        (own.folder / name).mkdir()
        (own.folder / name / "__init__.py").write_text("mine = True\n", encoding="utf-8")
    text = (own.folder / "shop.py").read_text(encoding="utf-8")
    text = text.replace('{"shop": True}', '{"shop": [flask_app.mine, benchmarks.mine]}')
    (own.folder / "shop.py").write_text(f"import benchmarks\nimport flask_app\n{text}", encoding="utf-8")
    contender = targets.find(f"shop:app@uvicorn+{bridge}", own).contender
    with running(contender, "/") as server:
        answer = server.get("/")
    assert (200, b'{"shop":[true,true]}') == (answer.status, answer.body.strip())


@pytest.mark.parametrize("server", [server for server in SERVERS.values() if server.id != "werkzeug"])
def test_workers_and_threads_are_asked_of_every_server_alike(server: object) -> None:
    """A server gets numbers in its own options, or an error says that it has none."""
    entry = SERVERS[getattr(server, "id", "")]
    interface = min(entry.interfaces)
    for what, words in (("workers", entry.workers), ("threads", entry.threads)):
        asked: dict[str, int] = {what: 3}
        if words:
            told = entry.command("shop:app", interface, workers=asked.get("workers"), threads=asked.get("threads"))
            assert any("3" in part for part in told)
        else:
            with pytest.raises(InvalidValueError, match=f"number of {what}"):
                entry.command("shop:app", interface, workers=asked.get("workers"), threads=asked.get("threads"))


def test_variables_stand_for_those_of_the_lab(where: own_python.Surroundings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value may name a variable, so that no secret is written down; one that is not set is named."""
    monkeypatch.setenv("SHOP_TOKEN", "secret")
    assert {"A": "Bearer secret"} == own_python.expanded({"A": "Bearer ${SHOP_TOKEN}"})
    monkeypatch.delenv("SHOP_TOKEN")
    with pytest.raises(InvalidValueError, match="SHOP_TOKEN is not set"):
        own_python.expanded({"A": "${SHOP_TOKEN}"})


def test_the_command_is_what_a_person_would_type(where: own_python.Surroundings) -> None:
    """The exact command: their Python, the server as a module, the port, the app."""
    contender = targets.find("shop:app@hypercorn", where, workers=2).contender
    assert [
        *(sys.executable, "-m", "hypercorn", "--log-level", "WARNING", "--bind", "127.0.0.1:8000"),
        *("--workers", "2", "shop:app"),
    ] == command_of(contender, 8000)
