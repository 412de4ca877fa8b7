from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner, Result

from benchmarks import cli
from benchmarks.cli import runs
from benchmarks.judge.claims import TEST_KEYS
from benchmarks.measure.journal import read_run
from benchmarks.report.products import lists

# What runs in this process draws nothing; what is started does.
pytestmark = pytest.mark.usefixtures("undrawn")

LAB = [sys.executable, "-m", "benchmarks"]
SHORT_LAB = [sys.executable, str(Path(__file__).with_name("short_lab.py"))]


def lab(*arguments: str) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(cli.lab, list(arguments), prog_name="lab")


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Poll until something is so, or the process has ended."""
    deadline = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def small_run(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a comparison of one server, in its own process and a folder of its own, that ends when somebody ends it."""
    one = ["compare", "-c", "bare-asgi@uvicorn", "--duration", "200ms", "--rounds", "99", "--seed", "1"]
    with subprocess.Popen(
        [*SHORT_LAB, *one, "--out", str(tmp_path / "out")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        if process.poll() is None:
            process.kill()


def test_help_teaches() -> None:
    """The first screen says what it answers and what to run; every command is described in a line."""
    result = lab("--help")

    assert 0 == result.exit_code
    assert "lab compare" in result.output
    assert "Exit status" in result.output
    for command in ("claims", "compare", "contenders", "diff", "pool", "report", "serve"):
        assert command in result.output
    assert "lab compare tutorial" in lab("compare", "--help").output


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("cmpare",), "Did you mean compare?"),
        (("compare", "quikc"), "Did you mean quick?"),
        (("compare", "-c", "flask-asnyc@hypercorn"), "Did you mean flask-async@hypercorn?"),
        (("compare", "--vus", "0"), "1<=x<=10000"),
        (("compare", "--vus", "-3"), "1<=x<=10000"),
        (("compare", "--vus", "1000000"), "1<=x<=10000"),
        (("compare", "--vus", "ten"), "not a valid integer"),
        (("compare", "--duration", "0"), "outside 0.2 s to 3600 s"),
        (("compare", "--duration", "-1s"), "is not a duration; write 30s, 500ms or 2m"),
        (("compare", "--duration", "1e9"), "is not a duration"),
        (("compare", "--duration", "900m"), "outside 0.2 s to 3600 s"),
        (("compare", "--rounds", "0"), "1<=x<=1000"),
        (("compare", "--seed", "-1"), "0<=x<="),
        (("compare", "--rate", "fast"), "is not a rate; write 2000/s or 2000"),
        (("compare", "--rate", "2000/min"), "is not a rate"),
        (("compare", "--rate", "-5"), "is not a rate"),
        (("compare", "--rate", "0"), "outside 0.1/s to 100000/s"),
        (("compare", "--rate", "10/s"), "too few for a 95th percentile"),
        (("compare", "--latency-at", "120%"), "outside 1% to 95%"),
        (("compare", "--latency-at", "most"), "is not a percentage; write 70% or 2.5%"),
        (("compare", "--rate", "2000/s", "--latency-at", "70%"), "one of --rate and --latency-at"),
        (("claims", "async-throughtput"), "Did you mean async-throughput?"),
        (("claims", "99"), "No claim is called '99'."),
        (("serve", "--bridge", "asgi"), "asgiref"),
        (("serve", "--port", "99999"), "1<=x<=65535"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_wrong_word_or_number_is_a_usage_error_that_helps(arguments: tuple[str, ...], told: str) -> None:
    """Exit status 2, and the nearest name or the bounds."""
    result = lab(*arguments)

    assert 2 == result.exit_code
    assert told in " ".join(result.output.split())


def test_contenders_are_listed_with_their_exact_start_command() -> None:
    """Each id, and commands that can be copied: each on one line."""
    output = lab("contenders").output

    assert "flask-async@hypercorn+asgiref" in output
    (line,) = [line for line in output.splitlines() if "contenders.fastapi_app:app" in line and "uvicorn" in line]
    assert line.startswith("Started by: python -P -m uvicorn ")


def test_claims_are_listed_in_the_tutorials_words() -> None:
    """Quote, English, figures and how each is tried; or one alone, by its number."""
    everything = lab("claims").output
    assert "FastAPI 也沒多厲害啊" in everything
    assert "async/sync 2.02" in everything

    one = lab("claims", "5").output
    assert "epoll" in one
    assert "FastAPI 也沒多厲害啊" not in one


def test_every_kind_of_test_can_be_told() -> None:
    """A kind that the judge knows and the ledger's document does not would be a traceback."""
    assert set(TEST_KEYS) == set(lists._HOW)


def test_a_malformed_ledger_names_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is measured."""
    broken = tmp_path / "claims.toml"
    broken.write_text('[[claim]]\nid = "x"\nnumber = = 1\n', encoding="utf-8")
    monkeypatch.setattr(runs, "LEDGER", broken)

    result = lab("compare")

    assert 1 == result.exit_code
    assert "claims.toml: not a ledger" in result.output
    assert "line 3" in result.output


def test_a_folder_that_cannot_be_written_stops_before_measuring(tmp_path: Path) -> None:
    """The message offers --out."""
    (tmp_path / "file").write_text("in the way", encoding="utf-8")

    result = lab("compare", "--out", str(tmp_path / "file"))

    assert 1 == result.exit_code
    assert "--out FOLDER" in result.output


@pytest.mark.parametrize("text", ["{", '{"schema_version": 99}', "[]"])
def test_a_foreign_run_is_an_error_in_words(tmp_path: Path, text: str) -> None:
    """No traceback for somebody else's file."""
    (tmp_path / "run.json").write_text(text, encoding="utf-8")

    result = lab("report", str(tmp_path))

    assert 1 == result.exit_code
    assert str(tmp_path / "run.json") in result.output
    assert "Traceback" not in result.output


def test_no_run_yet_says_how_to_make_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newcomer's first `lab report`."""
    monkeypatch.chdir(tmp_path)

    result = lab("report")

    assert 1 == result.exit_code
    assert "lab compare" in result.output


@pytest.mark.timeout(240)
def test_compare_measures_judges_and_reports(tmp_path: Path, short_trials: None) -> None:
    """The main job, small: a verdict for each claim, files that open, and a run that reads back."""
    out = str(tmp_path / "out")
    twins = ("-c", "flask-*@hypercorn", "-c", "fastapi-*@uvicorn")

    done = lab("compare", *twins, "--vus", "5", "--duration", "200ms", "--rounds", "1", "--seed", "1", "--out", out)

    # 3: on a machine that is busy with other tests the A/A placebo may fail, and then verdicts must be withheld.
    assert done.exit_code in (0, 3), done.output
    folder = (tmp_path / "out" / "latest").resolve()
    assert {"run.json", "journal.jsonl", "report.md", "report.html"} == {path.name for path in folder.iterdir()}
    assert f"Report: {folder / 'report.html'}" in " ".join(done.stdout.split())
    run = read_run(folder)
    assert ("complete", 1) == (run.state, run.plan.seed)
    assert (4 + 1) + 4 == len(run.trials)
    page = (folder / "report.html").read_text(encoding="utf-8")
    for claim in runs.ledger():
        assert claim.title in page
    for word in ("replicated", "contradicted", "inconclusive", "refused"):
        if word in done.stdout.lower():
            break
    else:
        pytest.fail("no verdict was printed")

    again = lab("report", str(folder))
    assert done.exit_code == again.exit_code
    assert "async" in again.output


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_keeps_its_trials_and_leaves_no_process(
    tmp_path: Path, small_run: subprocess.Popen[str], number: signal.Signals, status: int
) -> None:
    """Ctrl-C and SIGTERM alike: the message says how to read what is there, and nothing runs on."""
    out = tmp_path / "out"
    wait_for(lambda: any('"kind":"trial"' in f.read_text("utf-8") for f in out.glob("2*/journal.jsonl")), small_run)
    children = psutil.Process(small_run.pid).children(recursive=True)

    small_run.send_signal(number)
    _, errors = small_run.communicate(timeout=60)

    assert status == small_run.returncode
    assert "lab report" in errors
    assert "Traceback" not in errors
    _, alive = psutil.wait_procs(children, timeout=10)
    assert [] == alive
    kept = read_run(out / "latest")
    assert "interrupted" == kept.state
    assert len(kept.trials) >= 1
    assert lab("report", str(out / "latest")).exit_code in (0, 3)


def test_a_lab_killed_by_kill_9_leaves_a_readable_run_and_no_process(
    tmp_path: Path, small_run: subprocess.Popen[str]
) -> None:
    """What had ended is kept, `lab report` works on it, and what the lab had started ends without it."""
    out = tmp_path / "out"
    wait_for(lambda: any('"kind":"trial"' in f.read_text("utf-8") for f in out.glob("2*/journal.jsonl")), small_run)
    # Counted while it cannot start another.
    lab_process = psutil.Process(small_run.pid)
    lab_process.suspend()
    wait_for(lambda: lab_process.status() == psutil.STATUS_STOPPED, small_run)
    children = lab_process.children(recursive=True)

    small_run.kill()
    small_run.wait()

    _, alive = psutil.wait_procs(children, timeout=10)
    assert [] == [child for child in alive if child.status() != psutil.STATUS_ZOMBIE]
    assert len(read_run(out / "latest").trials) >= 1
    result = lab("report", str(out / "latest"))
    assert result.exit_code in (0, 3)
    assert "interrupted" in result.output.lower()


def free_port() -> int:
    """Find a port that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def address_of(process: subprocess.Popen[str]) -> str:
    """Return what `lab serve` prints as the address of the async health check, once it has answered there."""
    assert process.stdout is not None
    printed = [process.stdout.readline() for _ in range(7)]
    (address,) = [word for line in printed for word in line.split() if word.endswith("/health/async")]
    with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310 (loopback, printed by our server)
        assert b'"health"' in answer.read()
    return address


def test_serve_prints_its_addresses_and_ends_by_ctrl_c() -> None:
    """What it prints is what answers, through asgiref here; what it says to a program is tried with our own bridge."""
    port = free_port()
    with subprocess.Popen(
        [*LAB, "serve", "--bridge", "asgiref", "--port", str(port)], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert f":{port}/" in address_of(process)
            children = psutil.Process(process.pid).children(recursive=True)
            process.send_signal(signal.SIGINT)
            assert 130 == process.wait(timeout=30)
            _, alive = psutil.wait_procs(children, timeout=10)
            assert [] == alive
        finally:
            process.kill()


@pytest.mark.skipif(not Path("/bin/sh").exists(), reason="the watcher needs /bin/sh")
def test_a_served_app_does_not_outlive_a_lab_that_is_killed() -> None:
    """Kill -9 leaves neither a server, here without a bridge, nor a port in use."""
    port = free_port()
    with subprocess.Popen(
        [*LAB, "serve", "--bridge", "none", "--port", str(port)], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert f":{port}/" in address_of(process)
            children = psutil.Process(process.pid).children(recursive=True)
        finally:
            process.kill()

    _, alive = psutil.wait_procs(children, timeout=10)
    assert [] == [child for child in alive if child.status() != psutil.STATUS_ZOMBIE]
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_serve_on_a_port_in_use_says_what_to_do() -> None:
    """The next port is offered."""
    with socket.create_server(("127.0.0.1", 0)) as occupier:
        port = occupier.getsockname()[1]

        result = lab("serve", "--port", str(port))

    assert 1 == result.exit_code
    assert "in use" in result.output
    assert "lab serve --port" in result.output


def test_serve_on_an_address_that_is_not_ours_says_so() -> None:
    """A typing error in --host is not a traceback."""
    result = lab("serve", "--host", "192.0.2.1")

    assert 1 == result.exit_code
    assert "Cannot listen on 192.0.2.1" in result.output
    assert "With --host, name an address of this machine" in result.output


@pytest.mark.parametrize("command", ["serve", "live"])
def test_an_empty_host_is_not_every_address(command: str) -> None:
    """As a variable that is not set leaves it."""
    result = lab(command, "--host", "")

    assert 2 == result.exit_code
    assert "it is empty; name an address of this machine" in result.output


def test_lab_without_the_instruments_packages_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The service alone may be installed; `lab` then names what is missing, and what installs that."""
    from benchmarks import __main__  # noqa: PLC0415 (importing it is part of the test)

    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "rich" else object())

    with pytest.raises(SystemExit, match=r"(?s)lab needs rich.*-m pip install .*rich>="):
        __main__.main()
