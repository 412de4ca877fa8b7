"""Behaviour of the scripts that hold the event-loop bridge to its bars."""

import re
import subprocess
import sys
from collections.abc import Sequence

import pytest

from benchmarks.calibration import bridge_resources, bridges, loading
from benchmarks.calibration.bridges import NO_WAIT, RATES
from benchmarks.calibration.frame import Session
from benchmarks.measure.workloads import HEALTH, WAIT
from benchmarks.model import Contender, LoadProfile, LoadResult, Workload


def run(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script as a person would."""
    return subprocess.run(
        [sys.executable, "-m", f"benchmarks.calibration.{module}", *arguments],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def result_of(per_s: int = 1_000) -> tuple[LoadResult, None]:
    """Return what was seen of a trial of so many answers in a second."""
    result = LoadResult(
        completed=per_s,
        duration_s=1.0,
        errors={},
        statuses={},
        unfinished=0,
        sent_bytes=0,
        received_bytes=0,
        loader_cpu_s=None,
        latency=None,
        histogram=None,
    )
    return result, None


def test_rates_are_measured_and_told_with_their_bars(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bar is printed with its ratio, interval and verdict, whatever the outcome on this machine."""
    # The one with a server that no other test starts; all are told in the test below.
    question = RATES[-1]
    monkeypatch.setattr(bridges, "RATES", (question,))
    monkeypatch.setattr(loading, "WARMUP_S", 0.1)

    assert bridges.main(["rates", "--rounds", "2", "--duration", "0.2", "--seed", "3"]) in (0, 1)

    printed = capsys.readouterr().out
    ratio = r" +[\d,]+ +[\d,]+ +\d+\.\d+   \d+\.\d+ to \d+\.\d+ +"
    told = re.escape(question.text) + ratio + re.escape(f">= {question.least:g}: ")
    assert re.search(told, printed), printed


@pytest.mark.parametrize(
    ("waiting", "could", "held"), [(9_550, 20_000, True), (4_000, 20_000, False), (4_000, 4_100, True)]
)
def test_waits_are_held_to_the_smaller_bound(
    waiting: int, could: int, held: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wait is compared with Little's bound where the server could do more, and else with what it can do."""

    def run_trials(
        _session: Session, asked: Sequence[tuple[str, Workload]], _load: LoadProfile
    ) -> list[tuple[LoadResult, None]]:
        [(contender, workload)] = asked
        per_s = {WAIT.name: waiting if "-async@" in contender else 799, NO_WAIT.name: could, HEALTH.name: 30_000}
        return [result_of(per_s[workload.name])]

    monkeypatch.setattr(bridges, "run_trials", run_trials)

    assert (0 if held else 1) == bridges.main(["waits", "--rounds", "2", "--server", "hypercorn"])
    assert f"{min(could, 10_000):,}" in capsys.readouterr().out


def test_one_server_may_be_chosen(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The other server is neither measured nor printed."""
    measured: list[str] = []

    def run_trials(
        _session: Session, asked: Sequence[tuple[str | Contender, Workload]], _load: LoadProfile
    ) -> list[tuple[LoadResult, None]]:
        measured.extend(each if isinstance(each, str) else each.id for each, _ in asked)
        return [result_of() for _ in asked]

    monkeypatch.setattr(bridges, "run_trials", run_trials)

    assert bridges.main(["--rounds", "2", "--server", "uvicorn", "--seed", "1"]) in (0, 1)
    assert {"flask-async@uvicorn+eventloop", "flask-sync@uvicorn+eventloop", "fastapi-async@uvicorn"} == set(measured)
    assert "ypercorn" not in capsys.readouterr().out.partition("ratio of rates")[2]


def test_a_server_that_fails_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A void trial ends the script with status 2, and the server's message is printed."""
    monkeypatch.setattr(sys, "executable", "/bin/false")

    assert 2 == bridges.main(["rates", "--rounds", "2", "--duration", "1"])
    assert "exited with status 1" in capsys.readouterr().err


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="resident memory is told alike on Linux only")
def test_memory_is_told_with_its_bars(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A server is held to both bars, whatever the outcome on this machine."""
    monkeypatch.setattr(bridge_resources, "SERVERS", ("uvicorn",))
    monkeypatch.setattr(bridge_resources, "_TRIAL_S", 0.1)
    monkeypatch.setattr(bridge_resources, "IN_FLIGHT", 100)

    assert bridge_resources.main(["memory", "--requests", "1"]) in (0, 1)
    flying, left = capsys.readouterr().out.splitlines()[2:]
    assert re.search(r"uvicorn, .* MiB at rest: KiB for each of 100 requests in flight +-?\d.* <= 64: ", flying)
    assert re.search(r"uvicorn, .* MiB at rest: KiB left by [\d,]+ requests +-?\d.* <= 1024: ", left)


@pytest.mark.parametrize(("waits", "longest_wait_s", "held"), [(400, 0.2, True), (399, 0.1, False), (500, 0.3, False)])
def test_threads_are_held_to_both_bars(
    waits: int, longest_wait_s: float, held: bool, session: Session, capsys: pytest.CaptureFixture[str]
) -> None:
    """As many waits at once as asked for, and no long wait of others; the memory of a thread has no bar."""
    seen = {"rate_per_s": 1_759.0, "waits": waits, "longest_wait_s": longest_wait_s, "lease_kib": 49.8}

    bridge_resources.tell_threads(session, "hypercorn", seen)

    assert held is session.held
    told = capsys.readouterr().out
    assert re.search(rf"1,759 req/s of 500 connections: waits of 50 ms at once +{waits}   >= 400: ", told)
    assert re.search(rf"longest wait beside 1 MiB of headers, s +{longest_wait_s:g}   <= 0.2: ", told)
    assert "49.8 KiB a request and its thread\n" in told


def test_growth_is_told_in_kib(session: Session, capsys: pytest.CaptureFixture[str]) -> None:
    """Growth is what the server has more than before, in all or for each request in flight."""
    seen = {"at rest": 1_024, "in flight": 1_024 + 1_000 * 65 * 1_024, "before": 1_024, "after": 4_096, "requests": 10}

    bridge_resources.tell_memory(session, "uvicorn", seen)

    assert not session.held
    each, left = capsys.readouterr().out.splitlines()
    assert each.endswith(" 65.0   <= 64: DOES NOT HOLD")
    assert left.endswith(" 3   <= 1024: holds")


def test_costs_add_up() -> None:
    """The parts of a request and the bridge's own part are printed, and add up to the whole."""
    ran = run("bridge_cost", "--rounds", "2", "--calls", "5")

    assert 0 == ran.returncode, ran.stderr
    table = dict(re.findall(r"^(\S.*?) {2,}(-?\d+\.\d) µs", ran.stdout, re.MULTILINE))
    whole, fastapi = float(table.pop("in all")), table.pop("FastAPI, in all")
    assert float(fastapi) > 0
    assert whole == pytest.approx(sum(map(float, table.values())), abs=0.05 * len(table))
    assert "the bridge itself" in table
