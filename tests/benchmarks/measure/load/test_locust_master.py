from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from benchmarks import cli
from benchmarks.measure.journal import read_run
from benchmarks.measure.load import locust_engine, wire
from benchmarks.measure.load.engine import LoadEngine, LoadEngineError
from benchmarks.measure.load.locust_engine import LocustMaster, process_command

PATIENCE_S = 60.0

IN_A_NAMESPACE = """
import contextlib, dataclasses, json, sys
from benchmarks.contenders import catalogue
from benchmarks.measure.load.engine import LoadOrder
from benchmarks.measure.load.locust_engine import LocustMaster
from benchmarks.measure.server import RunningServer
from benchmarks.model import LoadProfile

host = sys.argv[1]
master = LocustMaster(1, host, 5557, print)
try:
    print(master.worker_command, flush=True)
    master.wait_for_workers(60, lambda count: None)
    with contextlib.ExitStack() as stack:
        server = RunningServer(stack, catalogue.find("bare-asgi@uvicorn"), host=host).wait_until_ready("/health")
        order = LoadOrder(
            host=server.host,
            port=server.port,
            path="/health",
            load=LoadProfile(vus=2, duration_s=0.3, warmup_s=0.1),
            expected_body_bytes=len(server.get("/health").body),
        )
        session = master.start(order)
        session.wait_until_measuring(60)
        print(json.dumps(dataclasses.asdict(session.result(60))))
finally:
    master.close()
"""


@pytest.fixture(scope="module")
def installed() -> None:
    """Skip without Locust, or fail in CI."""
    if importlib.util.find_spec("locust") is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("Locust is not installed")


def worker_of(master: LocustMaster) -> subprocess.Popen[bytes]:
    """Start a worker on this machine, as a person does."""
    _lab, *arguments = shlex.split(master.worker_command)
    return subprocess.Popen([sys.executable, "-m", "benchmarks", *arguments], stdout=subprocess.PIPE)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process that may have ended, and reap it."""
    process.kill()
    process.communicate()


class Fleet:
    """A master with two workers, each a process of its own."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self._stack = stack
        self.master = LocustMaster(2, "127.0.0.1", 0, pytest.fail)
        stack.callback(self.master.close)
        self.workers: list[subprocess.Popen[bytes]] = []
        self.told: list[int] = []
        self.add()
        self.add()
        self.master.wait_for_workers(PATIENCE_S, self.told.append)

    def add(self) -> None:
        """Start one more worker."""
        self.workers.append(worker_of(self.master))
        self._stack.callback(end, self.workers[-1])


@pytest.fixture(scope="module")
def fleet(installed: None) -> Iterator[Fleet]:
    """Run one fleet for all tests, as for all trials of a run."""
    with contextlib.ExitStack() as stack:
        yield Fleet(stack)


def test_two_workers_ask_together(fleet: Fleet, serve: Any, order: Any, healthy: Any) -> None:
    """Users are shared out among them, and the result is of both."""
    server = serve(healthy)
    before_s = time.monotonic()

    session = fleet.master.start(order(server.port, vus=4, duration_s=0.3))
    began_s = session.wait_until_measuring(PATIENCE_S)
    result = session.result(PATIENCE_S)
    session.close()

    assert 2 == fleet.told[-1]
    assert before_s < began_s < time.monotonic()
    assert 4 == server.connections
    assert {} == result.errors
    assert 0 < result.completed < server.requests
    assert result.latency is not None
    assert result.loader_cpu_s is not None


def test_an_abandoned_trial_does_not_affect_the_next(fleet: Fleet, serve: Any, order: Any, healthy: Any) -> None:
    """Late messages about the one do not count for the other."""
    given_up = fleet.master.start(order(serve(healthy).port, duration_s=30.0))
    given_up.wait_until_measuring(PATIENCE_S)
    given_up.close()
    given_up.close()

    result = fleet.master.start(order(serve(healthy).port, vus=2, duration_s=0.2)).result(PATIENCE_S)

    assert result.duration_s < 30
    assert result.completed > 0


def test_a_worker_loads_only_its_masters_machine(fleet: Fleet, order: Any) -> None:
    """A master cannot direct a learner's laptop at another machine."""
    session = fleet.master.start(order(80, host="127.0.0.2"))

    with pytest.raises(LoadEngineError, match=r"told to ask 127\.0\.0\.2.*lab locust worker 127\.0\.0\.2"):
        session.wait_until_measuring(PATIENCE_S)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"host": "192.0.2.1"}, "not an address of this machine"),
        ({"host": "0.0.0.0"}, "not an address of this machine"),  # noqa: S104 (refused, not bound)
        ({"host": "example"}, "not an address of this machine"),
        ({"slices": 2}, "one piece"),
        ({"vus": 1}, "1 virtual users cannot be shared out among 2 workers"),
    ],
)
def test_an_order_that_must_not_or_cannot_be_carried_out_is_refused(
    fleet: Fleet, order: Any, asked: dict[str, Any], told: str
) -> None:
    """No worker receives it."""
    with pytest.raises(LoadEngineError, match=told):
        fleet.master.start(order(8000, **asked))


def test_a_master_implements_the_protocol(fleet: Fleet) -> None:
    """The type checker agrees; the record of a run has the number of workers."""
    engine: LoadEngine = fleet.master

    assert ("locust", False, "127.0.0.1") == (engine.name, engine.limits.slices, engine.host)
    assert 2 == engine.facts()["load_workers"]


def test_a_worker_that_dies_makes_its_trial_void_and_another_takes_its_place(
    fleet: Fleet, serve: Any, order: Any, healthy: Any
) -> None:
    """The run continues when a worker is started again."""
    session = fleet.master.start(order(serve(healthy).port, duration_s=60.0))
    session.wait_until_measuring(PATIENCE_S)
    fleet.workers[0].kill()

    with pytest.raises(LoadEngineError, match="went away during the trial"):
        session.result(PATIENCE_S)
    session.close()

    fleet.add()
    result = fleet.master.start(order(serve(healthy).port, duration_s=0.2)).result(PATIENCE_S)
    assert result.completed > 0


def test_workers_end_with_their_master(fleet: Fleet) -> None:
    """The last test of this fleet: a killed lab leaves a closed standard input, and that is enough."""
    loader = fleet.master._loader
    loader._stdin.close()

    assert 0 == loader.process.wait(PATIENCE_S)
    fleet.master.close()
    fleet.master.close()
    for worker in fleet.workers[1:]:
        said, _ = worker.communicate(timeout=PATIENCE_S)
        assert 0 == worker.returncode
        assert b"connected to the master at 127.0.0.1\n" in said
        assert b"asking http://127.0.0.1:" in said
        assert b" requests in 0.2 s\n" in said
        assert said.endswith(b"The master is done.\n")


@pytest.fixture
def master_process(installed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the master's process by one that reports one worker, and nothing else."""
    says = (wire.encode_event("listening", (5558, "a1b2c3")) + wire.encode_event("workers", 1)).decode()
    command = [sys.executable, "-c", f"import sys\nprint({says!r}, end='', flush=True)\nsys.stdin.read()"]
    monkeypatch.setattr(locust_engine, "process_command", lambda *_arguments: command)


def test_the_command_waits_for_workers_counts_them_and_compares(
    master_process: None, measured_at_once: Callable[[float], None], tmp_path: Any
) -> None:
    """It runs `lab compare` with its own engine, and prints how to repeat it."""
    measured_at_once(0.02)
    of_compare = ("-c", "fastapi-*@uvicorn", "--seed", "1", "--out", str(tmp_path))

    ran = CliRunner().invoke(cli.lab, ["locust", "master", "--workers", "1", *of_compare], env={"COLUMNS": "200"})

    assert 0 == ran.exit_code, ran.output
    assert "Waiting for 1 worker: lab locust worker 127.0.0.1 --port 5558 --token a1b2c3\n1 of 1 worker\n" in ran.output
    assert "load from workers: 1" in ran.output
    assert "lab locust master quick --workers 1 --seed 1" in ran.output
    assert 1 == read_run(tmp_path / "latest").environment["load_workers"]


def test_a_run_with_workers_is_repeated_and_resumed_with_workers(
    master_process: None, measured_at_once: Callable[[float], None], tmp_path: Path
) -> None:
    """The commands name their address and port; no engine of this machine replaces the workers."""
    measured_at_once(0.02)
    place = ("--workers", "1", "--host", "127.0.0.2", "--port", "0")
    of_compare = ("-c", "fastapi-*@uvicorn", "--seed", "1", "--out", str(tmp_path))

    ran = CliRunner().invoke(cli.lab, ["locust", "master", *place, *of_compare], env={"COLUMNS": "200"})
    alone = CliRunner().invoke(cli.lab, ["compare", "--resume", str(tmp_path / "latest")])
    again = CliRunner().invoke(cli.lab, ["locust", "master", *place, "--resume", str(tmp_path / "latest")])

    assert 0 == ran.exit_code, ran.output
    assert f"lab locust master quick {shlex.join(place)} --seed 1" in ran.output
    assert 3 == alone.exit_code
    assert f"To go on: lab locust master {shlex.join(place)} --resume" in alone.output
    assert 0 == again.exit_code, again.output
    assert "there is nothing to measure" in again.output


def test_the_wait_for_missing_workers_ends(master_process: None) -> None:
    """The message says how many came, and shows the command that they need."""
    ran = CliRunner().invoke(cli.lab, ["locust", "master", "--workers", "3", "--timeout", "1s", "--port", "0"])

    assert 1 == ran.exit_code
    assert "1 of 3 workers came within 1 s" in ran.output
    assert "machines: lab locust worker 127.0.0.1 --port 5558 --token a1b2c3. Or" in ran.output
    assert "--timeout" in ran.output


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("worker", "no such host.invalid"), "There is no host 'no such host.invalid'"),
        (("master", "--workers", "0"), "1<=x<=1000"),
        (("master", "--workers", "2", "--engine", "k6"), "No such option"),
        (("master",), "Missing option '--workers'"),
        (("master", "--workers", "1", "--host", "::"), "'::' is not an address of this machine"),
        (("master", "--workers", "1", "--host", "192.0.2.1"), "'192.0.2.1' is not an address of this machine"),
    ],
)
def test_invalid_arguments_are_explained(installed: None, arguments: tuple[str, ...], told: str) -> None:
    """There is no traceback and no wait."""
    ran = CliRunner().invoke(cli.lab, ["locust", *arguments])

    assert ran.exit_code in {1, 2}
    assert told in " ".join(ran.output.split())


@pytest.fixture
def namespaces(installed: None) -> Iterator[tuple[str, str]]:
    """Make two network namespaces with a cable between: 10.203.0.1 and 10.203.0.2, in these alone."""
    one, other = f"lab{os.getpid()}a", f"lab{os.getpid()}b"
    steps = (
        *(["netns", "add", name] for name in (one, other)),
        ["link", "add", "lab0", "netns", one, "type", "veth", "peer", "name", "lab0", "netns", other],
        *(
            ["-n", name, *words]
            for name, address in ((one, "10.203.0.1/30"), (other, "10.203.0.2/30"))
            for words in (
                ["address", "add", address, "dev", "lab0"],
                ["link", "set", "lab0", "up"],
                ["link", "set", "lo", "up"],
            )
        ),
    )
    with contextlib.ExitStack() as stack:
        for step in steps:
            done = (
                subprocess.run([str(shutil.which("ip")), *step], capture_output=True, text=True, check=False)
                if shutil.which("ip")
                else None
            )
            if done is None or done.returncode != 0:
                if done is None:
                    missing = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
                    missing("iproute2 is not installed")
                # What the machine does not let anybody do is no lack of it.
                pytest.skip(f"no network namespace: {done.stderr.strip()}")
            if step[1] == "add" and step[0] == "netns":
                stack.callback(subprocess.run, ["ip", "netns", "del", step[2]], check=True)
        yield one, other


def test_load_crosses_from_one_network_to_another(namespaces: tuple[str, str]) -> None:
    """Master and server in one namespace, the worker in another: nothing but a cable between them."""
    one, other = namespaces
    at, worker_at = (["ip", "netns", "exec", name] for name in (one, other))
    with contextlib.ExitStack() as stack:
        master = subprocess.Popen(
            [*at, sys.executable, "-c", IN_A_NAMESPACE, "10.203.0.1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        stack.callback(end, master)
        assert master.stdout is not None
        token = master.stdout.readline().decode().split()[-1]
        worker = subprocess.Popen(
            [*worker_at, *process_command("worker", "10.203.0.1", "5557", token)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        )
        stack.callback(end, worker)
        stdout, stderr = master.communicate(timeout=PATIENCE_S)
        assert 0 == master.returncode, stderr
        assert 0 == worker.wait(PATIENCE_S)
    result = json.loads(stdout)
    assert {} == result["errors"]
    assert result["completed"] > 0
