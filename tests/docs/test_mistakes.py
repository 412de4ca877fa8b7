"""Each mistake of lesson 3 moves the verdict the way the handbook says."""

from __future__ import annotations

import importlib
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.measure.environment import share_cores

MISTAKES = Path(__file__).parents[2] / "docs" / "examples" / "mistakes"
NAMES = sorted(path.stem for path in MISTAKES.glob("*.py") if path.stem != "honest")
SHORT = ("--duration", "0.25", "--rounds", "2", "--seed", "1")

Make = Callable[..., int]


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Make:
    """Make a mistake: run its script's own main in this process, with a lock of its own."""
    monkeypatch.syspath_prepend(str(MISTAKES))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def make(name: str, *options: str) -> int:
        script = importlib.import_module(name)
        status: int = importlib.import_module("honest").run(script.__doc__, script.compare, options)
        return status

    return make


@pytest.fixture
def told(make: Make, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Make a mistake, within seconds, and return what it tells."""

    def told(name: str, *options: str) -> str:
        status = make(name, *SHORT, *options)
        captured = capsys.readouterr()
        if "try a longer --duration" in captured.err:
            # A busy machine may answer nothing in so short an interval.
            status = make(name, *SHORT, "--duration", "1.5", *options)
            captured = capsys.readouterr()
        assert 0 == status, captured.err
        return captured.out

    return told


def verdicts(output: str) -> tuple[float, float]:
    """Return the ratio that the mistake came to, and the honest one."""
    mistake, honest = re.findall(r"^  (?:the mistake|honest) +([\d.]+) ×", output, flags=re.MULTILINE)
    return float(mistake), float(honest)


def test_no_warm_up(told: Callable[..., str]) -> None:
    """It says how much longer the very first request takes than a later one; on a disturbed machine it may not."""
    output = told("no_warm_up")

    verdicts(output)
    assert re.search(r"very first request of async def took [\d.]+ × a later one", output)


def test_best_of_three(told: Callable[..., str]) -> None:
    """Between equal things, whoever has three tries against one wins three times in four."""
    output = told("best_of_three", "--rounds", "3")

    won = re.search(r"the one with three wins (\d+) % of draws", output)
    assert won
    assert 70 <= int(won[1]) <= 80
    assert "  honest " in output


@pytest.mark.skipif(not share_cores().server, reason="takes two cores, and a system that pins")
def test_the_loader_on_the_servers_core(told: Callable[..., str]) -> None:
    """The faster side pays the larger share of its core for the loader, so the ratio shrinks."""
    output = told("loader_on_the_servers_core")

    verdicts(output)
    shares = re.search(r"the loader takes (\d+) % with async def, (\d+) % with def: .* makes ([\d.]+) × of", output)
    assert shares
    assert int(shares[1]) > int(shares[2])
    assert float(shares[3]) < 1


@pytest.mark.alone
def test_unequal_threads(told: Callable[..., str]) -> None:
    """Forty threads against six look like a faster framework."""
    mistake, honest = verdicts(told("unequal_threads"))

    assert mistake > 2 * honest


def test_errors_as_throughput(told: Callable[..., str]) -> None:
    """Quick errors look like throughput, and the lab would call the trial void."""
    output = told("errors_as_throughput")

    mistake, honest = verdicts(output)
    assert mistake > 2 * honest
    assert re.search(r"% of the requests failed, above 0.1 %", output)


def test_three_requests(told: Callable[..., str]) -> None:
    """Of people who time the same thing twice, some call it faster and some slower."""
    output = told("three_requests")

    believed = re.search(r"40 people, 3 requests to each: (\d+) say faster, (\d+) say slower", output)
    assert believed
    assert min(int(believed[1]), int(believed[2])) > 0


def test_a_blocking_sleep_in_async_def(told: Callable[..., str]) -> None:
    """It makes async def many times slower than it is."""
    mistake, honest = verdicts(told("blocking_sleep_in_async"))

    assert honest > 2 * mistake


@pytest.mark.parametrize("name", NAMES)
def test_every_mistake_explains_itself(name: str, make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    """Each says by ``--help`` what it is and how to run it, and the list names it."""
    with pytest.raises(SystemExit) as ended:
        make(name, "--help")

    assert 0 == ended.value.code
    told = capsys.readouterr().out
    assert f"python docs/examples/mistakes/{name}.py" in told
    assert "--seed" in told
    assert f"]({name}.py)" in (MISTAKES / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (("--rounds", "1"), "'1' is not a whole number from 2 to 100"),
        (("--duration", "soon"), "'soon' is not a number of seconds from 0.05 to 60"),
        (("--duration", "nan"), "'nan' is not a number of seconds from 0.05 to 60"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    options: tuple[str, ...], wanted: str, make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message says what would make sense."""
    with pytest.raises(SystemExit) as ended:
        make("three_requests", *options)

    assert 2 == ended.value.code
    assert wanted in capsys.readouterr().err


def test_too_few_rounds_for_the_best_of_three(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is measured then, and the message says how many it takes."""
    assert 1 == make("best_of_three", "--rounds", "2")
    assert "--rounds 3" in capsys.readouterr().err
