"""Every command, from a folder that has packages of our names, on a terminal that lacks our signs, read or not."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple

import pytest

from benchmarks.cli import runs
from benchmarks.cli.group import COMMANDS
from benchmarks.contenders import catalogue
from benchmarks.live.page.racer import RaceProcess
from benchmarks.live.why.shelf import record_here
from benchmarks.measure import dependencies, parity, schedule
from benchmarks.measure.environment import Cores
from benchmarks.measure.journal import Journal
from benchmarks.measure.race import plan_race
from benchmarks.model import Run
from tests.benchmarks.cli.kept_runs import keep_run
from tests.benchmarks.live.page.served import free_port

pytestmark = pytest.mark.timeout(240)

LAB = str(Path(sys.executable).with_name("lab"))
# Whoever imports one of these says so, and ends.
THEIRS = 'import os, pathlib\npathlib.Path(__file__).with_name("imported").touch()\nos._exit(7)\n'
SMALL = ("--duration", "200ms", "--rounds", "1", "--seed", "1")

TELLING = {
    "help": ["--help"],
    "compare's help": ["compare", "--help"],
    "claims": ["claims"],
    "contenders": ["contenders"],
    "report": ["report", "monday"],
    "report, readiness": ["report", "wednesday"],
    "report, as k6": ["report", "monday", "--style", "k6"],
    "report, as CSV": ["report", "monday", "--format", "csv"],
    "report, as JSON": ["report", "monday", "--json"],
    "diff": ["diff", "monday", "tuesday"],
    "pool": ["pool", "monday", "tuesday"],
    "crossover, again": ["crossover", "--from", "latest"],
    "advise": ["advise", "--view-wait", "20ms", "--connections", "20"],
    "init": ["init", "--folder", "shop", "--python", sys.executable, "--yes", "--force"],
    # It needs a repository: test_check_whole.py.
    "check": ["check", "--help"],
    "exercise list": ["exercise", "list"],
    "exercise check": ["exercise", "check", "1"],
    "exercise solution": ["exercise", "solution", "1", "--yes"],
}
MEASURING = {
    "compare": ["compare", "-c", "fastapi-async@uvicorn", "--workload", "health", *SMALL],
    "doctor": ["doctor", "-c", "bare-asgi@uvicorn", "--rounds", "2", "--seed", "1"],
    "conformance": ["conformance", "fastapi@uvicorn", "--probe", "head"],
    "explain": ["explain", "flask-async@hypercorn", "--requests", "2"],
}
SERVING = {"serve": ["serve"], "live": ["live"], "locust master": ["locust", "master", "--workers", "1", *SMALL]}


@pytest.fixture(scope="module")
def somebodys(tmp_path_factory: pytest.TempPathFactory, make_sweep: Callable[..., Run]) -> Path:
    """Make a folder of somebody who has packages of our names, three kept runs and a map."""
    place = tmp_path_factory.mktemp("somebody") / "Übung mit Leerzeichen"
    for package in ("benchmarks", "flask_app"):
        (place / package).mkdir(parents=True)
        (place / package / "__init__.py").write_text(THEIRS, encoding="utf-8")
    (place / "shop").mkdir()
    (place / "shop" / "app.py").write_text(
        "def create_app():\n    return lambda environ, start: []\n", encoding="utf-8"
    )
    for number, day in enumerate(("monday", "tuesday"), start=1):
        keep_run(place / "results" / day, seed=number)
    keep_run(place / "results" / "wednesday", workloads=["ready"])
    record = Journal.create(place / runs.MAPS, make_sweep(visits=2, noise=0.01))
    record.finish("complete", "t")
    return place


@pytest.fixture
def folder(somebodys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be in such a folder, to which a command may do what it does."""
    place = tmp_path / somebodys.name
    shutil.copytree(somebodys, place, symlinks=True)
    monkeypatch.chdir(place)
    return place


def imported(folder: Path) -> list[Path]:
    """Return whose packages of the folder somebody has imported."""
    return list(folder.glob("*/imported"))


def environment() -> dict[str, str]:
    """Return the variables of a terminal of Windows' western encoding."""
    return {**os.environ, "PYTHONIOENCODING": "cp1252", "COLUMNS": "100"}


@contextlib.contextmanager
def started(arguments: list[str], folder: Path, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command as whoever has installed it does, on such a terminal."""
    with subprocess.Popen(
        [LAB, *arguments], cwd=folder, env=environment(), stderr=subprocess.PIPE, **options
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


class Done(NamedTuple):
    """What a command leaves behind that has ended: its status, and what it wrote where somebody reads it."""

    status: int
    out: bytes
    errors: bytes


class Forking(NamedTuple):
    """A process in somebody's folder that has imported the commands, from which further ones are forked."""

    process: subprocess.Popen[bytes]
    scratch: Path

    def run(self, arguments: list[str], folder: Path, *, read: bool) -> Done:
        """Run a command in such a process."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        out, errors = self.scratch / "out", self.scratch / "errors"
        for file in (out, errors):
            file.write_bytes(b"")
        job = [arguments, str(folder), str(out) if read else None, str(errors)]
        self.process.stdin.write(f"{json.dumps(job)}\n".encode())
        self.process.stdin.flush()
        status = self.process.stdout.readline()
        assert status, "the process to fork from has ended"
        return Done(int(status), out.read_bytes(), errors.read_bytes())


@pytest.fixture(scope="module")
def forking(somebodys: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forking]:
    """Import all commands in somebody's folder, once: to start is most of what those do that only tell."""
    command = [sys.executable, str(Path(__file__).with_name("forked_lab.py"))]
    with subprocess.Popen(
        command, cwd=somebodys, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        yield Forking(process, tmp_path_factory.mktemp("scratch"))
    assert [] == imported(somebodys)


@pytest.fixture
def run(forking: Forking, folder: Path) -> Callable[..., Done]:
    """Run a command in the folder; the one that is read the most is started as whoever has installed it does."""

    def run(arguments: list[str], *, read: bool = True) -> Done:
        if not read or arguments != MEASURING["compare"]:
            return forking.run(arguments, folder, read=read)
        with started(arguments, folder, stdout=subprocess.PIPE) as process:
            out, errors = process.communicate(timeout=200)
        return Done(process.returncode, out, errors)

    return run


def test_these_are_all_commands() -> None:
    """A new one has its line above."""
    tried = {words[0] for words in (*TELLING.values(), *MEASURING.values(), *SERVING.values())}

    assert set(COMMANDS) == tried - {"--help"}


@pytest.mark.parametrize("arguments", [*TELLING.values(), *MEASURING.values()], ids=[*TELLING, *MEASURING])
def test_a_command_does_what_it_does_in_any_folder_and_encoding(
    arguments: list[str], folder: Path, run: Callable[..., Done]
) -> None:
    """What lies in a person's folder is not imported, and no sign of ours is an error."""
    if arguments[:2] == ["exercise", "check"]:
        assert 0 == run(["exercise", "start", arguments[2]]).status

    done = run(arguments)

    assert [] == imported(folder)
    assert b"Traceback" not in done.errors
    # In one round nothing is sure: 3 is an answer too, and so is that of an exercise not worked on.
    assert done.status in (0, 3), done.errors.decode("cp1252")
    assert done.out.decode("utf-8" if "--json" in arguments else "cp1252").strip()


@pytest.mark.parametrize("arguments", [*TELLING.values(), *MEASURING.values()], ids=[*TELLING, *MEASURING])
def test_a_command_that_nobody_reads_ends_as_others_do(arguments: list[str], run: Callable[..., Done]) -> None:
    """With the status of SIGPIPE; one that measured says what is kept, and no other a word."""
    if arguments[:2] == ["exercise", "check"]:
        assert 0 == run(["exercise", "start", arguments[2]]).status

    done = run(arguments, read=False)

    told = done.errors.decode("cp1252")
    assert 141 == done.status, told
    assert ("The reader of the output is gone." in told) == (arguments[0] == "compare" and "--help" not in arguments)
    assert "Traceback" not in told
    assert "Exception" not in told


def first_line(stream: IO[bytes] | None) -> str:
    """Read what a command says first."""
    assert stream is not None
    return stream.readline().decode("cp1252")


@pytest.mark.parametrize("arguments", SERVING.values(), ids=SERVING)
def test_what_serves_does_so_in_any_folder_and_encoding(arguments: list[str], folder: Path) -> None:
    """It answers, and ends by Ctrl-C with its own status."""
    port = ["--port", str(free_port())]

    with started([*arguments, *port], folder, stdout=subprocess.PIPE, start_new_session=True) as process:
        said = first_line(process.stdout)
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=60)

    assert said.startswith(("Flask on Hypercorn", "The class:", "Waiting for 1 worker"))
    assert [] == imported(folder)
    assert b"Traceback" not in errors
    assert process.returncode in (0, 130), (out, errors)


def test_locusts_processes_import_nothing_of_the_folder(folder: Path) -> None:
    """Master and worker each start one."""
    port = str(free_port())
    one = ["-c", "bare-asgi@uvicorn", "--workload", "health", "--vus", "2", *SMALL]
    with started(
        ["locust", "master", "--workers", "1", "--port", port, *one], folder, stdout=subprocess.PIPE
    ) as master:
        command = first_line(master.stdout).strip().partition("lab ")[2].split()
        with started(command, folder, stdout=subprocess.PIPE) as worker:
            _, errors = master.communicate(timeout=200)
            worker.communicate(timeout=30)

    assert [] == imported(folder)
    assert (b"", True) == (errors, master.returncode in (0, 3))
    assert 0 == worker.returncode


def test_the_workshop_pages_processes_import_nothing_of_the_folder(folder: Path) -> None:
    """A race and a recording are processes of their own."""
    twins = ("flask-sync@hypercorn", "flask-async@hypercorn")
    plan = plan_race(twins, wait_ms=0, connections=2, rounds=2, seed=1)

    async def story() -> Mapping[str, Any]:
        race = await RaceProcess.start(plan, folder / "results")
        first = await anext(aiter(race.events()))
        await race.end()
        await record_here(catalogue.find(twins[0]), 10)
        return first

    event = asyncio.run(story())

    assert "failed" != event["event"], event
    assert [] == imported(folder)


def test_what_readiness_asks_imports_nothing_of_the_folder(folder: Path) -> None:
    """A database, upstreams, and the app that asks them are processes of their own too."""
    plan = schedule.plan("quick", catalogue.select(["flask-*@uvicorn+eventloop"]), seed=1, workloads=["ready"])

    with dependencies.running(Cores((), ())) as started:
        documents = parity.check_all(plan, dependencies=started).documents

    assert ["flask"] == list(documents)
    assert [] == imported(folder)


def test_a_document_is_utf_8_in_any_encoding(folder: Path) -> None:
    """JSON has no other."""
    with started(["claims", "--json"], folder, stdout=subprocess.PIPE) as process:
        out, _ = process.communicate(timeout=60)

    assert "獅" in json.loads(out.decode("utf-8"))["claims"][0]["quote"][0]
