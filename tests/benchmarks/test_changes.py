"""What a change may cost: each is made from outside, by an entry and at most one module, and shows everywhere."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

STARLETTE_APP = '''
"""Starlette: the framework beneath FastAPI."""

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
        framework=Framework(id="starlette", name="Starlette", interface="asgi", hue=("#5a5200", "#d8cf4a"), mark="^"),
        target="benchmarks.contenders.starlette_app:app",
        description="Starlette on {server}",
        servers=("uvicorn",),
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
subject = "Starlette"
framework = "starlette"
serving = "uvicorn"
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

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of this copy."""
        return subprocess.run(
            [sys.executable, "-m", "benchmarks", *arguments],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(self.folder), "COLUMNS": "200"},
            capture_output=True,
            text=True,
            check=False,
            timeout=110,
        )

    def document(self, *arguments: str) -> Any:
        """Run a command that prints one JSON document, and return it."""
        ran = self.run(*arguments)
        assert ran.returncode in (0, 3), ran.stderr
        return json.loads(ran.stdout)


@dataclass(frozen=True)
class Told:
    """A short run of the changed lab, as it is told in every format."""

    run: Any
    terminal: str
    markdown: str
    html: str
    data: Any

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
    lab.add("benchmarks/contenders/starlette_app.py", STARLETTE_APP)
    lab.add(catalogue, CONTENDER, after="APPS: tuple[App, ...] = (")
    lab.add("benchmarks/contenders/servers.py", SERVER, after="    for server in (")
    lab.add("benchmarks/measure/workloads.py", WORKLOAD, after="WORKLOADS: Mapping[str, Offer] = {")
    lab.add("benchmarks/claims.toml", CLAIM)
    lab.add("benchmarks/measure/load/other.py", ENGINE_MODULE)
    lab.add("benchmarks/measure/load/engine.py", ENGINE, after="ENGINES: Mapping[str, str] = {")
    return lab


@pytest.fixture(scope="module")
def told(changed: Lab) -> Told:
    """Measure, in seconds, what was added."""
    asked = ("--workload", "health", "--workload", "blink", "--engine", "other", "--details")
    chosen = ("-c", "starlette-*@uvicorn", "-c", "fastapi-*@plain-uvicorn")
    ran = changed.run("compare", *asked, *chosen, "--rounds", "1", "--duration", "200ms", "--seed", "1", "--out", "out")
    assert ran.returncode in (0, 3), ran.stderr
    folder = changed.folder / "out" / "latest"
    return Told(
        run=json.loads((folder / "run.json").read_text(encoding="utf-8")),
        terminal=ran.stdout,
        markdown=(folder / "report.md").read_text(encoding="utf-8"),
        html=(folder / "report.html").read_text(encoding="utf-8"),
        data=changed.document("report", str(folder), "--format", "json")["judgement"],
    )


@pytest.fixture(scope="module")
def listed(changed: Lab) -> dict[str, Any]:
    """Return what can be compared, by id."""
    return {each["id"]: each for each in changed.document("contenders", "--json")["contenders"]}


def test_a_contender_is_its_app_and_one_entry(listed: dict[str, Any], told: Told) -> None:
    """It is listed, measured, spelled as it spells itself, and drawn in its own colour."""
    ids = {"starlette-sync@uvicorn", "starlette-async@uvicorn"}

    assert ids <= listed.keys()
    assert ids <= {trial["contender"] for trial in told.run["trials"] if trial["failure"] is None}
    assert [True] * 3 == told.says("Starlette on uvicorn")
    assert "--starlette:#5a5200" in told.html
    assert "stroke-starlette" in told.html.partition("<body")[2]
    assert "starlette@uvicorn" in {twins["arrangement"] for twins in told.data["twins"]}


def test_a_server_is_one_entry(listed: dict[str, Any], told: Told) -> None:
    """Every app that speaks its interface runs on it, the bare one too, by which the loader is calibrated there."""
    added = {name for name in listed if "@plain-uvicorn" in name}

    assert {"fastapi-sync@plain-uvicorn", "flask-async@plain-uvicorn+eventloop", "bare-asgi@plain-uvicorn"} <= added
    assert not {name for name in added if name.startswith("flask") and "+" not in name}
    assert "bare-asgi@plain-uvicorn" in {trial["contender"] for trial in told.run["calibration"]}
    # A table of the terminal has room for ids only.
    assert [True] * 3 == told.says("FastAPI on uvicorn without uvloop", "fastapi@plain-uvicorn")
    assert "fastapi@plain-uvicorn" in {twins["arrangement"] for twins in told.data["twins"]}


def test_a_workload_is_one_entry(changed: Lab, told: Told) -> None:
    """It is offered, measured with the load of what waits, checked for parity, and told with its path."""
    assert "blink" in changed.run("compare", "--help").stdout
    trials = [trial for trial in told.run["trials"] if trial["workload"] == "blink"]

    assert {60} == {trial["load"]["vus"] for trial in trials}
    assert 4 == len(trials)
    assert [True] * 3 == told.says("GET /wait/{variant}?ms=5")
    assert {"health", "blink"} == {twins["workload"] for twins in told.data["twins"]}


def test_a_claim_is_one_entry(changed: Lab, told: Told) -> None:
    """It is listed, tried on the run, and told beside the tutorial's."""
    claims = changed.document("claims", "a-blink-blocks-nobody", "--json")["claims"]

    assert [7] == [claim["number"] for claim in claims]
    assert [True] * 3 == told.says("Five milliseconds block nobody")
    assert "Starlette" in {
        verdict["subject"] for verdict in told.data["verdicts"] if verdict["claim"] == "a-blink-blocks-nobody"
    }


def test_a_load_engine_is_one_module_and_one_entry(changed: Lab, told: Told) -> None:
    """It is offered, loads the servers, and says itself how."""
    refused = changed.run("compare", "--engine", "another")

    assert 2 == refused.returncode
    assert "There are: other, builtin, k6, locust." in " ".join(refused.stderr.split())
    assert "other" == told.run["plan"]["engine"]
    assert "other 1.0" == told.run["environment"]["load_engine_version"]
    assert [True] * 3 == told.says("The other engine asks, as the builtin one does.")
    assert "--engine other" in told.terminal
