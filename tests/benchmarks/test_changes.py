"""What a change may cost: each is made from outside, by an entry and at most one module, and shows everywhere."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parents[2]

TOY_APP = '''
"""Toy: a framework that the catalogue has never heard of; it is Starlette by another name."""

import asyncio
import time

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

BODY = {"api": "health", "version": 1}


async def health_async(_request):
    return JSONResponse(BODY)


def health_sync(_request):
    return JSONResponse(BODY)


async def wait_async(request):
    await asyncio.sleep(int(request.query_params["ms"]) / 1000)
    return JSONResponse(BODY)


def wait_sync(request):
    time.sleep(int(request.query_params["ms"]) / 1000)
    return JSONResponse(BODY)


app = Starlette(
    routes=[
        Route(f"/{what}/{variant}", globals()[f"{what}_{variant}"])
        for what in ("health", "wait")
        for variant in ("sync", "async")
    ]
)
'''

CONTENDER = """
    App(
        framework=Framework(id="toy", name="Toy", interface="asgi", hue=("#5a5200", "#d8cf4a"), mark="^"),
        target="benchmarks.contenders.toy_app:app",
        description="Toy on {server}",
        servers=("plain-uvicorn",),
    ),
"""

SERVER = """
        Server(
            id="plain-uvicorn",
            name="uvicorn without uvloop",
            module="uvicorn",
            arguments={"asgi": ("--loop", "asyncio", "--host", "{host}", "--port", "{port}")},
            own=(),
        ),
"""

WORKLOAD = """
    "blink": Offer(workloads=(Workload(name="blink", path="/wait/{variant}?ms=5", wait_ms=5.0),)),
"""

CLAIM = """
[[claim]]
id = "a-blink-blocks-nobody"
number = 7
title = "Five milliseconds block nobody"
quote = ["..."]
english = "Nobody said so."

[[claim.test]]
kind = "waits"
subject = "Toy"
framework = "toy"
serving = "plain-uvicorn"
workload = "blink"
"""

ENGINE_MODULE = '''
"""The builtin engine by another name."""

from benchmarks.measure.load.builtin import BuiltinEngine


class OtherEngine(BuiltinEngine):
    """It asks as the builtin engine does."""

    name = "other"
    startup_s = 0.1
    method = "The other engine asks, as the builtin one does."

    def facts(self):
        return {"load_engine_version": "other 1.0"}
'''

ENGINE = """
    "other": "benchmarks.measure.load.other:OtherEngine",
"""

PROBE_MODULE = '''
"""A probe that the lab has never heard of."""

from benchmarks.conformance.probe import fail, probe


@probe(
    "An answer says that a teapot made it",
    source="RFC 2324, 2.3.2",
    effect="Nobody gets any tea.",
    request="curl -si {url}{path}",
)
def teapot(on):
    if on.ask(on.path).header("server") != "teapot":
        fail("It says something else.")
    return "It does."
'''


# One process runs all commands: to start takes longer than most of them. Trials are short, on one server.
SEVERAL = """
import dataclasses, json, sys
from click.testing import CliRunner
from benchmarks import cli
from benchmarks.contenders import catalogue
from benchmarks.measure import schedule

quick = schedule.PRESETS["quick"]
health, wait = (dataclasses.replace(load, warmup_s=0.05) for load in (quick.health, quick.wait))
schedule.PRESETS["quick"] = dataclasses.replace(quick, health=health, wait=wait)
catalogue.CEILINGS = tuple(name for name in catalogue.CEILINGS if name.endswith("@plain-uvicorn"))
told = []
for arguments in json.load(sys.stdin):
    ran = CliRunner().invoke(cli.lab, arguments, prog_name="lab")
    told.append((ran.exit_code, ran.stdout, ran.stderr))
json.dump(told, sys.stdout)
"""


class Ran(NamedTuple):
    """What a command of the copy came to."""

    status: int
    stdout: str
    stderr: str

    @property
    def document(self) -> Any:
        """The one JSON document that it printed."""
        assert self.status in (0, 3, 4), self.stderr
        return json.loads(self.stdout)


@dataclass(frozen=True)
class Lab:
    """A copy of both packages, to be changed."""

    folder: Path

    def add(self, place: str, text: str, after: str | None = None) -> None:
        """Add text to a file: behind a line of it, at its end, or as a new file."""
        path = self.folder / place
        if after is None:
            path.write_text((path.read_text(encoding="utf-8") if path.exists() else "") + text, encoding="utf-8")
            return
        before, found, rest = path.read_text(encoding="utf-8").partition(f"{after}\n")
        assert found, f"{after} is not in {place}"
        path.write_text(before + found + text.lstrip("\n") + rest, encoding="utf-8")

    def run(self, *commands: Sequence[str]) -> list[Ran]:
        """Run commands of this copy, one after another."""
        done = subprocess.run(
            [sys.executable, "-c", SEVERAL],
            input=json.dumps(commands),
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(self.folder), "COLUMNS": "200"},
            capture_output=True,
            text=True,
            check=False,
            timeout=110,
        )
        assert 0 == done.returncode, done.stderr
        return [Ran(*each) for each in json.loads(done.stdout)]


@dataclass(frozen=True)
class Told:
    """A short run of the changed lab, as it is told in every format, and what other commands of it say."""

    run: Any
    terminal: str
    markdown: str
    html: str
    data: Any
    contenders: Mapping[str, Any]
    help: str
    claims: Any
    refused: Ran

    def says(self, *words: str) -> list[bool]:
        """Return whether terminal, Markdown and page hold any of these words."""
        return [any(word in text for word in words) for text in (self.terminal, self.markdown, self.html)]


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """Make every change in one copy of the lab."""
    lab = Lab(tmp_path_factory.mktemp("lab"))
    for package in ("benchmarks", "flask_app"):
        # With all that is compiled of what stays the same, but for what is just being written.
        shutil.copytree(ROOT / package, lab.folder / package, ignore=shutil.ignore_patterns("*.pyc.*"))
    catalogue = "benchmarks/contenders/catalogue.py"
    lab.add("benchmarks/contenders/toy_app.py", TOY_APP)
    lab.add(catalogue, CONTENDER, after="APPS: tuple[App, ...] = (")
    lab.add("benchmarks/contenders/servers.py", SERVER, after="    for server in (")
    lab.add("benchmarks/measure/workloads.py", WORKLOAD, after="WORKLOADS: Mapping[str, Offer] = {")
    lab.add("benchmarks/claims.toml", CLAIM)
    lab.add("benchmarks/measure/load/other.py", ENGINE_MODULE)
    lab.add("benchmarks/conformance/probes/teapot.py", PROBE_MODULE)
    lab.add("benchmarks/measure/load/engine.py", ENGINE, after="ENGINES: Mapping[str, str] = {")
    return lab


@pytest.fixture(scope="module")
def told(changed: Lab) -> Told:
    """Measure, in seconds, what was added."""
    asked = ("--workload", "health", "--workload", "blink", "--engine", "other", "--details", "--rounds", "1")
    ran, report, contenders, offered, claims, refused = changed.run(
        ("compare", "-c", "toy-*", *asked, "--duration", "200ms", "--seed", "1", "--out", "out"),
        ("report", "out/latest", "--format", "json"),
        ("contenders", "--json"),
        ("compare", "--help"),
        ("claims", "a-blink-blocks-nobody", "--json"),
        ("compare", "--engine", "another"),
    )
    assert ran.status in (0, 3), ran.stderr
    folder = changed.folder / "out" / "latest"
    return Told(
        run=json.loads((folder / "run.json").read_text(encoding="utf-8")),
        terminal=ran.stdout,
        markdown=(folder / "report.md").read_text(encoding="utf-8"),
        html=(folder / "report.html").read_text(encoding="utf-8"),
        data=report.document["judgement"],
        contenders={each["id"]: each for each in contenders.document["contenders"]},
        help=offered.stdout,
        claims=claims.document["claims"],
        refused=refused,
    )


def test_a_contender_is_its_app_and_one_entry(told: Told) -> None:
    """It is listed, measured, spelled as it spells itself, and drawn in its own colour."""
    ids = {"toy-sync@plain-uvicorn", "toy-async@plain-uvicorn"}

    assert ids <= told.contenders.keys()
    # No default grows by an entry that does not ask for it.
    assert [False, False] == [told.contenders[name]["usual"] for name in sorted(ids)]
    assert ids == {trial["contender"] for trial in told.run["trials"] if trial["failure"] is None}
    assert [True] * 3 == told.says("Toy on uvicorn", "toy@plain-uvicorn")
    assert "--toy:#5a5200" in told.html
    assert "stroke-toy" in told.html.partition("<body")[2]
    assert "toy@plain-uvicorn" in {twins["arrangement"] for twins in told.data["twins"]}


def test_a_server_is_one_entry(told: Told) -> None:
    """Every app that speaks its interface runs on it, the bare one too, by which the loader is calibrated there."""
    added = {name for name in told.contenders if "@plain-uvicorn" in name}

    assert {"fastapi-sync@plain-uvicorn", "flask-async@plain-uvicorn+eventloop", "bare-asgi@plain-uvicorn"} <= added
    assert not {name for name in added if name.startswith("flask") and "+" not in name}
    assert ["bare-asgi@plain-uvicorn"] == [trial["contender"] for trial in told.run["calibration"]]
    # A table of the terminal has room for ids only.
    assert [True] * 3 == told.says("Toy on uvicorn without uvloop", "toy@plain-uvicorn")


def test_a_workload_is_one_entry(told: Told) -> None:
    """It is offered, measured with the load of what waits, checked for parity, and told with its path."""
    assert "blink" in told.help
    trials = [trial for trial in told.run["trials"] if trial["workload"] == "blink"]

    assert {60} == {trial["load"]["vus"] for trial in trials}
    assert 2 == len(trials)
    assert [True] * 3 == told.says("GET /wait/{variant}?ms=5")
    assert {"health", "blink"} == {twins["workload"] for twins in told.data["twins"]}


def test_a_claim_is_one_entry(told: Told) -> None:
    """It is listed, tried on the run, and told beside the tutorial's."""
    assert [7] == [claim["number"] for claim in told.claims]
    assert [True] * 3 == told.says("Five milliseconds block nobody")
    assert "Toy" in {
        verdict["subject"] for verdict in told.data["verdicts"] if verdict["claim"] == "a-blink-blocks-nobody"
    }


def test_a_load_engine_is_one_module_and_one_entry(told: Told) -> None:
    """It is offered, loads the servers, and says itself how."""
    assert 2 == told.refused.status
    assert "There are: other, builtin, k6, locust." in " ".join(told.refused.stderr.split())
    assert "other" == told.run["plan"]["engine"]
    assert "other 1.0" == told.run["environment"]["load_engine_version"]
    assert [True] * 3 == told.says("The other engine asks, as the builtin one does.")
    assert "--engine other" in told.terminal


def test_a_probe_is_one_module(changed: Lab) -> None:
    """It is tried on every server, and told in every format with what it does and its smallest request."""
    asked = ("conformance", "bare-asgi@plain-uvicorn", "--wait", "--probe", "teapot", "--format")
    data, *texts = changed.run(*((*asked, form) for form in ("json", "terminal", "markdown", "html")))
    (probed,) = (each for each in data.document["conformance"]["arrangements"] if not each["is_reference"])

    assert ["fails"] == [cell["outcome"] for cell in probed["cells"]]
    assert [4] * 3 == [ran.status for ran in texts]
    for ran in texts:
        assert "Nobody gets any tea." in ran.stdout
        assert "curl -si http://127.0.0.1:8000/_lab-probe/plain" in ran.stdout
