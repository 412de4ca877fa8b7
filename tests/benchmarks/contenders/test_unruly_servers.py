"""Servers that misbehave, as somebody's command or app: what, why and what to do is said; nothing runs on."""

from __future__ import annotations

import contextlib
import json
import resource
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner, Result

from benchmarks import cli
from benchmarks.measure import parity
from benchmarks.measure.journal import read_run
from benchmarks.measure.server import running
from benchmarks.trials import void_reason

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows ends processes otherwise")

Compare = Callable[..., Result]

SERVER = """
import http.server, itertools, os, signal, sys, time

count = itertools.count()


def answer(path):
    return 200, {}, b"here"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        status, headers, body = answer(self.path)
        self.send_response(status)
        for name, value in {"Content-Type": "text/plain", "Content-Length": len(body), **headers}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


def serve(port=int(sys.argv[1])):
    http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


"""

DAEMON = """
if os.fork():
    os._exit(0)
os.setsid()
if os.fork():
    os._exit(0)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
serve()
"""
SILENT = """
import socket
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
connections = []
while True:
    connections.append(listener.accept())
"""
ENDLESS = """
def do_GET(self):
    self.send_response(200)
    self.end_headers()
    while True:
        self.wfile.write(b"more")
        time.sleep(0.05)

Handler.do_GET = do_GET
serve()
"""
DYING = """
def answer(path):
    if next(count) > 1:
        print("out of tea", flush=True)
        os._exit(7)
    return 200, {}, b"here"

serve()
"""
FAILING = """
def answer(path):
    print("RuntimeError: no database", flush=True)
    return 500, {}, b""

serve()
"""
FLOODING = """
line = b"all is well, and I tell everybody\\n" * 30_000
for _ in range(200):
    os.write(1, line)
print("I give up", flush=True)
sys.exit(3)
"""


STARTED = ("--command", f"{sys.executable} server.py {{port}}")


def answering(status: str) -> str:
    """Return the end of a server that gives one answer."""
    return f"def answer(path):\n    return {status}\n\nserve()\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return somebody's folder, in which the tests are."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in ("FLASK_APP", "VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def compare(project: Path, undrawn: None, monkeypatch: pytest.MonkeyPatch) -> Compare:
    """Compare files of that folder; servers have two seconds to answer. See that nothing is left, and no process."""
    monkeypatch.setattr(parity, "running", partial(running, startup_timeout_s=2.0))

    def run(files: Mapping[str, str], *words: str) -> Result:
        for name, text in files.items():
            (project / name).write_text(text, encoding="utf-8")
        before = set(project.rglob("*"))
        command = ["compare", *words, "--rounds", "1", "--duration", "200ms", "--wait"]
        done = CliRunner().invoke(cli.lab, command, prog_name="lab", env={"COLUMNS": "200"})
        assert {project / "results"} >= {
            path for path in set(project.rglob("*")) - before if "results" not in path.parts
        }
        assert [] == list(processes_in(project))
        return done

    return run


def processes_in(folder: Path) -> Iterator[list[str]]:
    """Yield the command lines of processes that run in a folder."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if Path(process.cwd()) == folder and process.pid != psutil.Process().pid:
                yield process.cmdline()


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (DAEMON, ("exited with status 0", "foreground")),
        ("time.sleep(60)", ("did not answer GET / within 2 s", "it listens nowhere")),
        (SILENT, ("did not answer GET / within 2 s", "accepts connections", "--path")),
        (ENDLESS, ("did not answer GET / within 2 s", "does not end")),
        (DYING, ("did not answer GET /: the server exited with status 7", "| out of tea")),
        (FAILING, ("status 500", "the app failed", "| RuntimeError: no database")),
        ("raise RuntimeError('no database')", ("exited with status 1", "| RuntimeError: no database")),
        (answering("404, {}, b''"), ("status 404", "--path")),
        (answering("308, {'Location': '/there'}, b''"), ("status 308", "redirects to /there", "--path")),
        (answering("400, {}, b''"), ("status 400", "--header 'Host: NAME'")),
        (answering("401, {}, b''"), ("status 401", "--header 'Authorization: Bearer ...'")),
        (answering("405, {}, b''"), ("status 405", "--method")),
        (answering("next(count) % 2 and (200, {}, b'') or (429, {}, b'')"), ("status 429", "--status")),
    ],
)
def test_what_a_server_does_is_told(source: str, words: tuple[str, ...], compare: Compare) -> None:
    """What happened, the end of its log, and what to do; whatever it started ends."""
    done = compare({"server.py": SERVER + source}, *STARTED)
    told = " ".join(done.stderr.split())
    assert (1, []) == (done.exit_code, [word for word in words if word not in told]), told


def test_a_server_that_insists_on_a_port_is_told_of_it(compare: Compare) -> None:
    """Where it listens, and what the lab fills in; or that its port is taken."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        files = {"server.py": f"{SERVER}serve({port})"}
        refused = compare(files, *STARTED)
    elsewhere = compare(files, *STARTED)
    assert (1, 1) == (refused.exit_code, elsewhere.exit_code)
    assert "its port is taken. Have it listen on {port}" in refused.stderr
    assert f"it listens at 127.0.0.1 port {port}. Have it listen at 127.0.0.1 and at {{port}}" in elsewhere.stderr


def test_a_server_that_logs_without_end_fills_nothing(compare: Compare) -> None:
    """The end of its log is shown, and the lab keeps no more than that in memory."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    done = compare({"server.py": SERVER + FLOODING}, *STARTED)
    # The unit is KiB on Linux, and bytes on macOS.
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * (1 if sys.platform == "darwin" else 1024)
    assert (1, True) == (done.exit_code, "| I give up" in done.stderr)
    assert len(done.stderr) < 10_000
    assert grown < 100e6


RULERS = """
# Two processes share the port, both deaf to SIGTERM.
signal.signal(signal.SIGTERM, signal.SIG_IGN)

def answer(path):
    return 200, {}, b"x" * (1 + next(count) % 3)

server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
if not os.fork():
    os.setsid()
server.serve_forever()
"""

MORTAL = """
def answer(path):
    if next(count) > 20:
        os._exit(7)
    return 200, {}, b"here"

serve()
"""


@pytest.mark.alone
def test_what_forks_changes_its_answers_and_ignores_sigterm_is_measured(
    project: Path, compare: Compare, short_trials: None
) -> None:
    """It is measured, its answers hold nothing, and all of its processes are ended; one that dies under load is not."""
    commands = [word for name in ("rulers", "mortal") for word in ("--command", f"{sys.executable} {name}.py {{port}}")]
    done = compare({"rulers.py": SERVER + RULERS, "mortal.py": SERVER + MORTAL}, *commands, "--json")
    assert (1, True) == (done.exit_code, "Nothing is known of mortal.py" in done.stderr), done.stderr
    run = read_run(project / "results" / "latest")
    assert "nothing" == run.plan.workloads[0].holds
    assert {"rulers.py"} == {trial.contender for trial in run.trials if void_reason(trial) is None}
    assert [] == [
        trial.failure
        for trial in run.trials
        if trial.contender == "mortal.py" and "the server exited with status 7" not in str(trial.failure)
    ]
    assert [] == [duel["rate"] for duel in json.loads(done.stdout)["judgement"]["duels"] if duel["rate"]]


SHOP = """
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"here"]
"""
OLD = "#!/bin/sh\ncase \"$2\" in *sys.version*) echo '3.7.16 (default)' ;; *) echo 'SyntaxError' >&2; exit 1 ;; esac\n"
LOOKED = {"python": "3.10.13", "interface": "wsgi", "kind": "flask", "factory": False, "routes": [], "versions": {}}


def fake(folder: Path, text: str) -> str:
    """Write a program that passes for a Python, and return its path."""
    path = folder / "python"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("python", "words", "expected"),
    [
        (
            f"#!/bin/sh\necho '{json.dumps({**LOOKED, 'versions': {'gunicorn': '23.0.0'}})}'\n",
            ["shop:app@waitress"],
            ("waitress needs waitress", "-m pip install waitress"),
        ),
        (OLD, ["shop:app@gunicorn"], ("is Python 3.7.16", "3.8 or newer", "--python")),
        ("#!/bin/sh\nexit 1\n", ["shop:app@gunicorn"], ("is no Python", "--python")),
        (
            f"#!/bin/sh\necho '{json.dumps({**LOOKED, 'versions': {'uvicorn': '0.30', 'asgiref': '3.8'}})}'\n",
            ["shop:app@uvicorn+eventloop"],
            ("+eventloop needs Python 3.11 or newer", "is 3.10.13", "--python"),
        ),
        (
            f"#!/bin/sh\necho '{json.dumps({**LOOKED, 'interface': 'asgi', 'versions': {'gunicorn': '23.0.0'}})}'\n",
            ["shop:app@gunicorn"],
            ("gunicorn needs gunicorn>=24.0.0", "-m pip install 'gunicorn>=24.0.0'"),
        ),
        ("/nowhere/python", ["shop:app@gunicorn"], ("There is no Python at /nowhere/python",)),
    ],
)
def test_a_python_that_cannot_serve_is_told(
    python: str, words: list[str], expected: tuple[str, ...], tmp_path: Path, compare: Compare
) -> None:
    """Without the server, too old for the lab, for the bridge or in its server, or none at all."""
    given = fake(tmp_path, python) if python.startswith("#!") else python
    done = compare({"shop.py": SHOP}, *words, "--python", given)
    told = " ".join(done.stderr.split())
    assert (2, []) == (done.exit_code, [word for word in expected if word not in told]), told


@pytest.mark.parametrize(
    ("files", "words", "status", "expected"),
    [
        ({"lab.toml": "\nagianst = 'now'\n"}, [], 2, ("line 2", "Did you mean against?")),
        ({"lab.toml": "[contenders.now]\nurl = 7\n"}, [], 2, ("line 2", "url", "string")),
        ({"shop.http": "GET {{host}}/items\n"}, ["--request", "shop.http"], 2, ("line 1", "host is not set", "@host")),
        ({}, ["--header", "Authorization: Bearer ${NOBODY_SET_THIS}"], 2, ("NOBODY_SET_THIS is not set",)),
        ({"lab.toml": 'before_trial = "false"\n'}, [], 1, ("before_trial failed: false", "status 1")),
        ({"lab.toml": 'before_trial = "false"\n'}, ["--path", "/"], 1, ("before_trial failed: false", "status 1")),
    ],
)
def test_what_a_projects_files_say_wrongly_is_told(
    files: Mapping[str, str], words: list[str], status: int, expected: tuple[str, ...], compare: Compare
) -> None:
    """The file, its line and what to write, or the command that failed; before anything is timed."""
    done = compare({**files, "server.py": SERVER + "serve()"}, *STARTED, *words)
    told = " ".join(done.stderr.split())
    assert (status, []) == (done.exit_code, [word for word in expected if word not in told]), told
