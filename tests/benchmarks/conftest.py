"""Contenders that misbehave on purpose, trials that take no time, and the values that tests of the instrument share."""

from __future__ import annotations

import dataclasses
import functools
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from benchmarks.contenders import catalogue
from benchmarks.measure import environment, parity, presets, runner, sweep
from benchmarks.measure.schedule import ScheduledTrial
from benchmarks.model import Contender, LatencySummary, LoadProfile, LoadResult, Plan, Trial, Workload
from tests.benchmarks.short_trials import shortened

HEALTH = Workload(name="health", path="/health/{variant}")


@pytest.fixture(autouse=True, scope="session")
def machine_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Give the tests, and what they start, a lock of their own: they measure nothing that another could disturb."""
    # pytest's own folder stays where it is, and this one is not in it: programs put sockets here, by short paths.
    tmp_path_factory.getbasetemp()
    folder = tempfile.mkdtemp(prefix="lab-")
    # Other tests of this process come after, and PostgreSQL, which is another user, must get in there too.
    Path(folder).chmod(0o755)
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
            loads={"health": LoadProfile(vus=2, duration_s=0.15, warmup_s=0.05, timeout_s=2.0)},
            rounds={"health": rounds},
            workload_contenders={"health": tuple(contender.id for contender in contenders)},
            placebo=placebo,
            ceilings=(),
        )

    return make


@pytest.fixture
def short_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make trials of the preset ``quick`` and of maps as short as can be, in this process.

    One bare server tells what the loader can do.
    """
    monkeypatch.setitem(presets.PRESETS, "quick", shortened())
    monkeypatch.setattr(catalogue, "CEILINGS", catalogue.CEILINGS[:1])
    short = dataclasses.replace(sweep.LOAD, duration_s=0.2, warmup_s=0.05)
    monkeypatch.setattr(sweep, "sweep_route", functools.partial(sweep.sweep_route, load=short))
    # Who else runs is looked at for half a second before each run.
    monkeypatch.setattr(environment, "look", functools.partial(environment.look, look_s=0.01))


RATES_PER_S = {
    "fastapi-sync@uvicorn": 4_000.0,
    "fastapi-async@uvicorn": 8_000.0,
    "flask-async@hypercorn": 500.0,
    "bare-asgi@uvicorn": 30_000.0,
}


def made_up(scheduled: ScheduledTrial, noise: float) -> Trial:
    """Return the trial of a server that is as fast as ``RATES_PER_S`` says, give or take the noise."""
    load, contender = scheduled.load, scheduled.contender.id
    rate_per_s = RATES_PER_S.get(contender, 1_000.0) * noise
    latency_ms = load.vus / rate_per_s * 1_000
    return Trial(
        round=scheduled.round,
        position=scheduled.position,
        contender=contender,
        workload=scheduled.workload.name,
        placebo=scheduled.placebo,
        started_at="2026-01-01T00:00:00.000+00:00",
        load=load,
        result=LoadResult(
            completed=round(rate_per_s * load.duration_s),
            duration_s=load.duration_s,
            errors={},
            statuses={"200": round(rate_per_s * load.duration_s)},
            unfinished=0,
            sent_bytes=1,
            received_bytes=1,
            loader_cpu_s=0.1,
            latency=LatencySummary(
                **dict.fromkeys(("average_ms", "minimum_ms", "median_ms", "maximum_ms"), latency_ms),
                **dict.fromkeys(("p90_ms", "p95_ms", "p99_ms"), latency_ms),
            ),
            histogram=None,
        ),
        observation=None,
    )


@pytest.fixture
def measured_at_once(monkeypatch: pytest.MonkeyPatch, undrawn: None) -> Callable[[float], None]:
    """Let every trial end at once, with 2 % of noise unless told otherwise; nothing else is changed."""
    noise = [0.02]
    generator = random.Random(20261124)  # noqa: S311  # not for secrets

    def run_block(block: Sequence[ScheduledTrial], *_with: object) -> list[Trial]:
        return [made_up(scheduled, max(0.1, generator.gauss(1, noise[0]))) for scheduled in block]

    def check_all(_plan: Plan, **_with: object) -> parity.Checked:
        return parity.Checked(documents={}, likeness={}, failing={})

    monkeypatch.setattr(runner, "run_block", run_block)
    monkeypatch.setattr(parity, "check_all", check_all)

    def with_noise(relative: float) -> None:
        noise[0] = relative

    return with_noise
