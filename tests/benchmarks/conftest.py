"""Contenders that misbehave on purpose, and the values that tests of the instrument share."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.model import Contender, LoadProfile, Plan, Workload

HEALTH = Workload(name="health", path="/health/{variant}")


@pytest.fixture(autouse=True, scope="session")
def machine_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Give the tests, and what they start, a lock of their own: they measure nothing that another could disturb."""
    # pytest's own folder stays where it is, and this one is not in it: programs put sockets here, by short paths.
    tmp_path_factory.getbasetemp()
    folder = tempfile.mkdtemp(prefix="lab-")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", folder)
        patch.setattr(tempfile, "tempdir", None)
        yield
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def scripted(tmp_path: Path) -> Callable[[str], Contender]:
    """Make a contender whose server is a little Python script; its port is sys.argv[1]."""

    def make(source: str) -> Contender:
        script = tmp_path / f"server{len(list(tmp_path.glob('*.py')))}.py"
        script.write_text(source, encoding="utf-8")
        return Contender(
            framework="scripted",
            variant="sync",
            server=script.stem,
            arguments=(str(script), "{port}"),
            description="a script of the test",
        )

    return make


ANSWERING = """
import http.server, json, signal, sys
BODY = {body!r}
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response({status})
        self.send_header("Content-Type", {content_type!r})
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)
    def log_message(self, *arguments):
        pass
{extra}
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@pytest.fixture
def answering(scripted: Callable[[str], Contender]) -> Callable[..., Contender]:
    """Make a contender whose server gives one fixed answer."""

    def make(
        body: bytes = b'{"api": "health", "version": 1}',
        status: int = 200,
        content_type: str = "application/json",
        extra: str = "",
    ) -> Contender:
        return scripted(ANSWERING.format(body=body, status=status, content_type=content_type, extra=extra))

    return make


@pytest.fixture
def small_plan() -> Callable[..., Plan]:
    """Plan a run of given contenders under the health workload alone, with short trials and no calibration."""

    def make(*contenders: Contender, rounds: int = 1, placebo: str | None = None) -> Plan:
        return Plan(
            preset="test",
            seed=1,
            contenders=contenders,
            workloads=(HEALTH,),
            loads={"health": LoadProfile(vus=2, duration_s=0.3, warmup_s=0.1, timeout_s=2.0)},
            rounds={"health": rounds},
            workload_contenders={"health": tuple(contender.id for contender in contenders)},
            placebo=placebo,
            ceilings=(),
        )

    return make
