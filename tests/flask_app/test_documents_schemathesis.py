"""Schemathesis finds no answer of the service that its document does not allow."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import flask
import pytest
from flask import Flask
from werkzeug.serving import make_server

from flask_app import openapi
from flask_app.openapi import Description, describe

MAX_EXAMPLES = 12
# Bounds on what hangs, and no claim on speed: far above what a run takes on a machine that is busy with something else.
REQUEST_S, RUN_S = 60, 900
# The run's own bound comes first, since it alone can show how far the run got.
pytestmark = pytest.mark.timeout(RUN_S + 60)


@contextlib.contextmanager
def served(app: Flask) -> Iterator[str]:
    """Serve an app on a free loopback port while the context lasts, and give its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def schemathesis(address: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run schemathesis on the document at an address: every check, and the same requests each time."""
    arguments = ["run", f"{address}/openapi.json", "--checks", "all", "--no-color"]
    arguments += ["--generation-deterministic", "--max-examples", str(MAX_EXAMPLES)]
    # Two of its limits judge this machine and not the service: it gives up on an answer after 10 s, and on an operation
    # whose data took it too long to make.
    arguments += ["--request-timeout", str(REQUEST_S), "--suppress-health-check", "too_slow"]
    code = "import sys; from schemathesis.cli import schemathesis; sys.exit(schemathesis())"
    try:
        return subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=folder,
            env={**os.environ, "COLUMNS": "120"},
            capture_output=True,
            text=True,
            timeout=RUN_S,
            check=False,
        )
    except subprocess.TimeoutExpired as hung:
        so_far = b"".join(part for part in (hung.stdout, hung.stderr) if part).decode(errors="replace")
        pytest.fail(f"schemathesis is not done after {RUN_S} s:\n{so_far}")


def test_service_is_as_documented(app: Flask, tmp_path: Path) -> None:
    """All checks pass on all operations: statuses, media types, schemas, refused data and refused methods."""
    with served(app) as address:
        run = schemathesis(address, tmp_path)
    assert 0 == run.returncode, run.stdout + run.stderr
    # It leaves out the one that it got the document from.
    others = openapi.document(app)["paths"].keys() - {"/openapi.json"}
    assert re.search(rf"Tested: {len(others)}\b", run.stdout), run.stdout
    assert re.search(r"Coverage.*\n\s*.*\b\d+ passed", run.stdout), run.stdout
    assert "No issues found" in run.stdout


def test_a_lie_would_be_found(tmp_path: Path) -> None:
    """The same run on an app that answers otherwise than documented fails, and says so."""
    app = Flask(__name__, static_folder=None)

    @app.get("/lie")
    @describe(Description(summary="Not HTML", content={"text/html": {"type": "string"}}))
    def lie() -> flask.Response:
        return flask.jsonify(truth=False)

    openapi.init_app(app)
    with served(app) as address:
        run = schemathesis(address, tmp_path)
    assert 1 == run.returncode, run.stdout + run.stderr
    assert "GET /lie" in run.stdout
    assert "Undocumented Content-Type" in run.stdout
