"""``lab crossover`` and ``lab advise``, from the command line to the files."""

from __future__ import annotations

import dataclasses
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner, Result

from benchmarks import cli
from benchmarks.cli import runs
from benchmarks.contenders import catalogue
from benchmarks.judge import exploration
from benchmarks.measure import schedule
from benchmarks.measure.environment import Cores
from benchmarks.measure.journal import Journal, read_run
from benchmarks.measure.load.builtin import BuiltinEngine
from benchmarks.measure.runner import Instrument
from benchmarks.model import Place, Run

# What runs in this process draws nothing; what is started does.
pytestmark = pytest.mark.usefixtures("undrawn")

SHORT_LAB = [sys.executable, str(Path(__file__).with_name("short_lab.py"))]
SWEEP = ["crossover", "-c", "fastapi-*@uvicorn", "--budget", "60s", "--seed", "1"]


def lab(*arguments: str) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(cli.lab, list(arguments), prog_name="lab")


@pytest.fixture
def kept(tmp_path: Path, make_sweep: Callable[..., Run], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep a made-up map as results/crossover/latest of the working directory."""
    monkeypatch.chdir(tmp_path)
    run = make_sweep(visits=2, noise=0.01)
    record = Journal.create(runs.MAPS, dataclasses.replace(run, trials=()))
    for trial in run.trials:
        record.add_trial(trial)
    record.finish("complete", "t")
    return record.folder.resolve()


@pytest.fixture
def sweep_under_way(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a sweep in its own process, in a folder of its own, and wait until it has kept a visit."""
    with subprocess.Popen(
        [*SHORT_LAB, *SWEEP, "--out", str(tmp_path / "maps")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        deadline = time.monotonic() + 60
        while (
            sum(path.read_text("utf-8").count('"kind":"trial"') for path in tmp_path.glob("maps/2*/journal.jsonl")) < 1
        ):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield process
        if process.poll() is None:
            process.kill()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("crossover", "--budget", "1s"), "outside 60 s to 21600 s"),
        (("crossover", "-c", "flask-asnyc@hypercorn"), "Did you mean flask-async@hypercorn?"),
        (("crossover", "-c", "bare-asgi@uvicorn"), "bare-asgi@uvicorn has no view that could wait"),
        (("advise", "--view-wait", "20ms"), "Missing option '--connections'"),
        (("advise", "--connections", "20"), "Missing option '--view-wait'"),
        (("advise", "--view-wait", "20", "--connections", "2"), "20 is outside 0 s to 10 s"),
        (("advise", "--view-wait", "20ms", "--connections", "0"), "1<=x<=1000000"),
        (("advise", "--view-wait", "20ms", "--connections", "2", "--threads", "0"), "1<=x<="),
        (("advice",), "Did you mean advise?"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_wrong_word_or_number_is_a_usage_error_that_helps(arguments: tuple[str, ...], told: str) -> None:
    """Exit status 2, and the nearest name or the bounds."""
    result = lab(*arguments)

    assert 2 == result.exit_code
    assert told in " ".join(result.output.split())


@pytest.mark.parametrize(
    "arguments",
    [("advise", "--view-wait", "20ms", "--connections", "200"), ("crossover", "--from", "latest")],
    ids=lambda arguments: arguments[0],
)
def test_no_map_yet_says_how_to_make_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    """And one that is not there by its name says so."""
    monkeypatch.chdir(tmp_path)

    result = lab(*arguments)

    assert 1 == result.exit_code
    assert "There is no crossover map called 'latest'." in result.output
    assert "lab crossover --budget 10m" in result.output
    assert "There is no crossover map called 'nowhere'" in lab("crossover", "--from", "nowhere").output


def test_a_run_of_compare_is_no_map_and_a_map_no_run(tmp_path: Path, kept: Path) -> None:
    """Each says by which command the other is told."""
    plan = schedule.plan("quick", catalogue.select(["fastapi-*@uvicorn"]), seed=1)
    instrument = Instrument(engine=BuiltinEngine(), cores=Cores((), ()))
    record = instrument.begin(tmp_path / "results", plan, {})
    record.close()

    assert "lab report" in lab("advise", str(record.folder), "--view-wait", "1ms", "--connections", "1").output
    foreign = lab("report", str(kept))
    assert 1 == foreign.exit_code
    assert "lab crossover --from" in foreign.output


def test_advice_from_the_latest_map(kept: Path) -> None:
    """The answer first, and every choice with its rate."""
    result = lab("advise", "--view-wait", "20ms", "--connections", "200", "--threads", "10")

    assert 0 == result.exit_code, result.output
    assert "Flask: yes, make it async def." in result.output
    assert "10 threads / 20.0 ms = 500 req/s" in " ".join(result.output.split())
    assert kept.name in result.output.replace("\n", " ")


def test_advice_as_json_is_one_document(kept: Path) -> None:
    """A wait that was measured is found again, whatever the unit it is written in."""
    result = lab("advise", str(kept), "--view-wait", "0.1", "--connections", "500", "--json")

    assert 0 == result.exit_code
    assert "measured" == json.loads(result.stdout)["basis"]


@pytest.mark.parametrize("place", ["folder", "run.json", "journal.jsonl", "name"])
def test_a_map_has_many_names(kept: Path, place: str) -> None:
    """Its folder, either file of it, or the folder's name."""
    name = {"folder": str(kept), "name": kept.name}.get(place, str(kept / place))

    assert 0 == lab("advise", name, "--view-wait", "1ms", "--connections", "1").exit_code


def test_an_unknown_map_suggests_the_nearest(kept: Path) -> None:
    """A name is long, and mistyped easily."""
    result = lab("advise", kept.name.replace("2026", "2025"), "--view-wait", "1ms", "--connections", "1")

    assert 1 == result.exit_code
    assert f"Did you mean {kept.name}?" in result.output


def test_a_kept_map_is_told_again(kept: Path) -> None:
    """With its reports written anew."""
    result = lab("crossover", "--from", "latest")

    assert 0 == result.exit_code, result.output
    assert "Where does async def pay?" in result.output
    assert {"run.json", "journal.jsonl", "map.md", "map.html"} == {path.name for path in kept.iterdir()}


def test_a_sweep_killed_by_kill_9_can_be_told_and_asked(kept: Path) -> None:
    """All that is left is the journal, its last line half written."""
    (kept / "run.json").unlink()
    text = (kept / "journal.jsonl").read_text(encoding="utf-8")
    (kept / "journal.jsonl").write_text(text[: text.rindex('{"kind":"end"') - 40], encoding="utf-8")

    told = lab("crossover", "--from", "latest", "--json")
    assert 0 == told.exit_code, told.output
    assert str(kept / "map.html") in told.stderr
    assert ("interrupted", 50) == (json.loads(told.stdout)["state"], json.loads(told.stdout)["visits"])
    assert "The map was cut short." in " ".join(
        lab("advise", "--view-wait", "5ms", "--connections", "20").output.split()
    )


def test_a_map_without_a_point_is_an_error_in_words(
    tmp_path: Path, make_sweep: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sweep that was killed at once has nothing to tell."""
    monkeypatch.chdir(tmp_path)
    run = make_sweep()
    Journal.create(runs.MAPS, Run(**{**{name: getattr(run, name) for name in Run.__slots__}, "trials": ()})).close()

    for arguments in (("crossover", "--from", "latest"), ("advise", "--view-wait", "1ms", "--connections", "1")):
        result = lab(*arguments)
        assert 1 == result.exit_code
        assert "No point of this sweep counts" in result.output


def test_a_report_that_cannot_be_written_is_an_error_and_the_map_is_told(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was measured is on the screen all the same."""
    (kept / "map.html").mkdir()

    result = lab("crossover", "--from", "latest")

    assert 1 == result.exit_code
    assert "Where does async def pay?" in result.output
    assert "Cannot write" in result.output


def test_a_folder_that_cannot_be_written_stops_before_measuring(tmp_path: Path) -> None:
    """The message offers --out."""
    (tmp_path / "file").write_text("in the way", encoding="utf-8")

    result = lab("crossover", "--out", str(tmp_path / "file"))

    assert 1 == result.exit_code
    assert "--out FOLDER" in result.output


def test_ctrl_c_keeps_the_points_and_leaves_no_process(tmp_path: Path, sweep_under_way: subprocess.Popen[str]) -> None:
    """The message says how to tell what is there, and that can be told."""
    children = psutil.Process(sweep_under_way.pid).children(recursive=True)

    sweep_under_way.send_signal(signal.SIGINT)
    _, errors = sweep_under_way.communicate(timeout=60)
    _, alive = psutil.wait_procs(children, timeout=10)

    assert [] == alive
    assert 130 == sweep_under_way.returncode
    assert f"trials are kept: lab crossover --from {tmp_path}" in errors
    assert "Traceback" not in errors
    folder = tmp_path / "maps" / "latest"
    assert "interrupted" == read_run(folder).state
    assert 0 == lab("advise", str(folder), "--view-wait", "5ms", "--connections", "20").exit_code


@pytest.mark.alone
def test_a_small_sweep_measures_judges_and_reports(
    tmp_path: Path, short_trials: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The main job, at two places only: progress on standard error, the map as JSON, files, and a seed that is kept."""
    places = (Place(0, 1), Place(5, 20))
    monkeypatch.setattr(
        exploration,
        "next_place",
        lambda _run, _budget_s, _elapsed_s, visits: places[len(visits)] if len(visits) < len(places) else None,
    )

    done = lab(*SWEEP, "--json", "--out", str(tmp_path / "maps"))

    assert 0 == done.exit_code, done.output
    document = json.loads(done.stdout)
    assert ("crossover", "complete", 60.0, 1, 2) == tuple(
        document[name] for name in ("document", "state", "budget_s", "seed", "visits")
    )
    assert "fastapi-async@uvicorn" in done.stderr
    folder = (tmp_path / "maps" / "latest").resolve()
    assert {"run.json", "journal.jsonl", "map.md", "map.html"} == {path.name for path in folder.iterdir()}
    run = read_run(folder)
    assert ("crossover", 60.0, 4) == (run.plan.preset, run.plan.budget_s, len(run.trials))
