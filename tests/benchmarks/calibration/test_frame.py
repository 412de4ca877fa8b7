"""Behaviour of the frame that the calibration scripts share."""

from __future__ import annotations

import argparse
import os
import random
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.calibration import (
    bridge_resources,
    bridges,
    contract_cost,
    errors,
    faults,
    frame,
    load_engine,
    open_model,
    readiness,
    repeatability,
)
from benchmarks.calibration.frame import Bar, Session
from benchmarks.errors import LabError
from benchmarks.judge.judgement import Estimate


def script_of(measure: Callable[[Session], None], *options: frame.Option) -> Callable[..., int]:
    """Return a script that measures so."""
    return frame.script("A script.", *options)(measure)


def raising(error: BaseException) -> Callable[..., int]:
    """Return a script whose measurement fails."""

    def measure(_session: Session) -> None:
        raise error

    return script_of(measure)


@pytest.mark.parametrize(("held", "expected"), [((), 0), ((True, True), 0), ((True, False, True), 1)])
def test_the_status_is_that_of_the_bars(
    held: tuple[bool, ...], expected: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """0 when all hold, 1 when one does not; each is printed."""

    def measure(session: Session) -> None:
        for holds in held:
            session.bar("late, %", 5.0 if holds else 5.1, most=5)

    assert expected == script_of(measure)([])
    told = [line.split("   ")[-1] for line in capsys.readouterr().out.splitlines()[2:]]
    assert ["<= 5: holds" if holds else "<= 5: DOES NOT HOLD" for holds in held] == told


@pytest.mark.parametrize(
    ("bounds", "value", "expected"),
    [
        ({"least": 90}, 90, "90.0   >= 90: holds"),
        ({"least": 90}, 89.9, "89.9   >= 90: DOES NOT HOLD"),
        ({"most": 0.2}, 0.2, "0.2   <= 0.2: holds"),
        ({"least": 1, "most": 2}, 1_234.5, "1,234   1 to 2: DOES NOT HOLD"),
        ({"most": 5}, float("inf"), "inf   <= 5: DOES NOT HOLD"),
    ],
)
def test_a_bar_has_one_end_or_two(
    bounds: dict[str, float], value: float, expected: str, session: Session, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both included."""
    session.bar("a figure", value, **bounds)

    assert expected.endswith(": holds") is session.held
    assert capsys.readouterr().out.endswith(f" {expected}\n")


@pytest.mark.parametrize("error", [frame.NotMeasuredError("no wrk"), LabError("no wrk")])
def test_a_failed_measurement_has_its_own_status(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    """2, and the reason on standard error."""
    assert 2 == raising(error)([])
    assert "\nno wrk\n" == capsys.readouterr().err


def test_a_defect_of_the_script_is_no_finding() -> None:
    """An unforeseen error is raised as it is."""
    with pytest.raises(ZeroDivisionError):
        raising(ZeroDivisionError())([])


def test_an_interrupted_script_has_the_status_of_ctrl_c() -> None:
    """130, and no traceback."""
    assert 130 == raising(KeyboardInterrupt())([])


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM that a program could see")
def test_a_terminated_script_ends_what_it_has_begun() -> None:
    """SIGTERM comes as an exception: what is open is closed, and the status says so."""
    source = (
        "import contextlib, time\n"
        "from benchmarks.calibration import frame\n"
        "@frame.script('A script.')\n"
        "def main(_session):\n"
        "    with contextlib.ExitStack() as stack:\n"
        "        stack.callback(print, 'reaped', flush=True)\n"
        "        print('begun', flush=True)\n"
        # In steps: a signal that comes right before a long wait is seen after it.
        "        for _ in range(3_000): time.sleep(0.01)\n"
    )
    with subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "begun\n" == [process.stdout.readline() for _ in range(3)][-1]
        process.send_signal(signal.SIGTERM)

        assert 143 == process.wait(timeout=30)
        assert "reaped\n" == process.stdout.read()


def read(option: frame.Option, *arguments: str) -> object:
    """Return the value of an option ``--n``, or of a positional argument ``n``."""
    parser = argparse.ArgumentParser()
    option(parser)
    return parser.parse_args(arguments).n


@pytest.mark.parametrize(
    ("default", "text", "expected"), [(3, "2", 2), (3, "10", 10), (3.0, "2", 2.0), (3.0, "2.5", 2.5)]
)
def test_numbers_within_bounds_are_taken(default: float, text: str, expected: float) -> None:
    """Both ends included."""
    assert expected == read(frame.number("--n", default, "of things", 2, 10), "--n", text)
    assert expected == read(frame.number("n", default, "of things", 2, 10), text)
    assert default == read(frame.number("n", default, "of things", 2, 10))


@pytest.mark.parametrize(
    ("default", "text", "expected"),
    [
        (3, "1", "'1' is not a whole number from 2 to 10"),
        (3, "11", "'11' is not a whole number from 2 to 10"),
        (3, "-3", "'-3' is not a whole number from 2 to 10"),
        (3, "2.5", "'2.5' is not a whole number from 2 to 10"),
        (3.0, "1.9", "'1.9' is not a number from 2 to 10"),
        (3.0, "nan", "'nan' is not a number from 2 to 10"),
        (3.0, "long", "'long' is not a number from 2 to 10"),
    ],
)
def test_other_numbers_are_refused_with_the_bounds(
    default: float, text: str, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message says what is accepted."""
    with pytest.raises(SystemExit):
        read(frame.number("--n", default, "of things", 2, 10), f"--n={text}")

    assert f"argument --n: {expected}" in capsys.readouterr().err


def test_a_heading_says_where_and_when(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system, Python, the packages asked for, the cores where they are known, and the settings that there are."""
    given = argparse.Namespace(journal=None, seed=7, rounds=2, server=None)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {1, 0}, raising=False)

    where, settings = Session(given, ["flask"]).heading("rates")

    assert where.startswith("rates: 20")
    assert f"Python {sys.version.split()[0]}, flask 3." in where
    assert where.endswith("; cores 0, 1")
    assert "seed 7, rounds 2" == settings
    monkeypatch.delattr(os, "sched_getaffinity")
    assert ";" not in Session(given).heading("rates")[0]


@pytest.mark.parametrize(
    ("word", "expected"), [([], [True, True]), (["both"], [True, True]), (["waits"], [False, True])]
)
def test_one_part_may_be_chosen(word: list[str], expected: list[bool]) -> None:
    """By default, and by the first word, it is all of them."""
    asked: list[bool] = []
    parts = ("rates", "waits")
    main = script_of(lambda session: asked.extend(map(session.asks_for, parts)), frame.parts("both", *parts))

    assert 0 == main(word)
    assert expected == asked


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.95, 1.2, ">= 0.9: holds"),
        (0.9, 0.9, ">= 0.9: holds"),
        (0.89, 1.2, ">= 0.9: UNDECIDED"),
        (0.8, 0.89, ">= 0.9: DOES NOT HOLD"),
        (None, None, ">= 0.9: UNDECIDED"),
    ],
)
def test_bar_holds_only_with_the_whole_interval(low: float | None, high: float | None, expected: str) -> None:
    """An interval that reaches below the bar does not hold, nor does none at all."""
    estimate = Estimate(value=1.0, low=low, high=high, samples=5)
    assert Bar("ours / theirs", "ours", "theirs", 0.9).verdict(estimate).startswith(expected)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0.9, 1.1, "holds"), (0.95, 1.11, "UNDECIDED"), (1.11, 1.2, "DOES NOT HOLD"), (0.1, 0.8, "DOES NOT HOLD")],
)
def test_bar_with_two_ends_holds_only_between_them(low: float, high: float, expected: str) -> None:
    """Agreement is bounded on both sides."""
    estimate = Estimate(value=1.0, low=low, high=high, samples=5)
    assert Bar("ours / theirs", "ours", 1.0, 0.9, 1.1).verdict(estimate).startswith(f"0.9 to 1.1: {expected}")


@pytest.mark.parametrize(("least", "held"), [(1.9, True), (2.1, False), (None, True)])
def test_a_table_shows_every_ratio(least: float | None, held: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """Of two figures, or of a figure and a constant; one bar missed is enough, and does not hide the others."""
    bars = (Bar("ours / theirs", "ours", "theirs", least), Bar("ours / 1,000", "ours", 1_000.0))

    session = Session(argparse.Namespace(journal=None))
    session.ratios("ratio of rates", "req/s", bars, [{"ours": 2_000.0, "theirs": 1_000.0}] * 2)

    assert held is session.held
    told = capsys.readouterr().out.splitlines()[2:]
    assert [bar.text for bar in bars] == [line[:46].rstrip() for line in told]
    assert 2 == sum(line[46:].split()[:3] == ["2,000", "1,000", "2.000"] for line in told)
    assert ["ours", "theirs"] == frame.figures_of(bars)


def measured(numbers: list[int]) -> Callable[[random.Random], dict[str, float]]:
    """Return what measures a number, and takes note of it."""

    def measure(order: random.Random) -> dict[str, float]:
        numbers.append(order.randrange(10**9))
        return {"number": float(numbers[-1])}

    return measure


def measure_with(journal: Path | None, count: int, numbers: list[int], **settings: object) -> list[dict[str, float]]:
    """Measure so many rounds as a script does."""
    session = Session(argparse.Namespace(journal=journal, seed=7, **settings), ["flask"])
    return session.rounds("rates", measured(numbers), count)


def test_an_interrupted_script_resumes(tmp_path: Path) -> None:
    """It has the figures of an uninterrupted one; a round whose line was cut off is measured again."""
    journal = tmp_path / "bridges.jsonl"
    uncut = measure_with(None, 4, [])
    first: list[int] = []
    second: list[int] = []
    measure_with(journal, 2, first)
    whole = journal.read_text(encoding="utf-8")
    journal.write_text(whole[: len(whole) - 5], encoding="utf-8")

    assert uncut == measure_with(journal, 4, second)
    assert (2, 3) == (len(first), len(second))
    assert uncut == measure_with(journal, 4, second)
    assert 3 == len(second)


def test_parts_have_rounds_of_their_own(tmp_path: Path) -> None:
    """Of whatever JSON can hold."""
    for _ in range(2):
        session = Session(argparse.Namespace(journal=tmp_path / "kept"))
        assert [[1.0]] == session.rounds("one", lambda _: [1.0], 1)
        assert {"two": 2} == session.once("other", lambda: {"two": 2})


def test_rounds_of_other_settings_are_not_added_to(tmp_path: Path) -> None:
    """What differs is told, and the file is as it was."""
    journal = tmp_path / "kept"
    measure_with(journal, 1, [], duration=2.0)
    before = journal.read_bytes()

    with pytest.raises(frame.NotMeasuredError, match=r"duration: 2\.0 there, 3\.0 now"):
        measure_with(journal, 1, [], duration=3.0)
    assert before == journal.read_bytes()


@pytest.mark.parametrize("text", ["no JSON\n", "[]\n", '{"a": 1}\n'])
def test_a_file_that_is_no_journal_is_refused(tmp_path: Path, text: str) -> None:
    """Rather than written over."""
    journal = tmp_path / "other"
    journal.write_text(text, encoding="utf-8")

    with pytest.raises(frame.NotMeasuredError, match=r"is not a calibration journal|was begun with other settings"):
        measure_with(journal, 1, [])
    assert text == journal.read_text(encoding="utf-8")


def test_a_journal_of_something_else_is_refused(tmp_path: Path) -> None:
    """A line without a part and a round is not a round's."""
    journal = tmp_path / "kept"
    measure_with(journal, 0, [])
    with journal.open("a", encoding="utf-8") as file:
        file.write('{"a": 1}\n')

    with pytest.raises(frame.NotMeasuredError, match="kept is not a calibration journal"):
        measure_with(journal, 1, [])


def test_the_seed_is_the_journals_by_default(tmp_path: Path) -> None:
    """The same command resumes, with a seed or without."""
    seeds: list[int] = []

    def measure(session: Session) -> None:
        seeds.append(session.options.seed)
        session.once("rates", lambda: 1.0)

    main = script_of(measure, frame.SEED)
    kept = ["--journal", str(tmp_path / "kept")]

    assert [0, 0, 0, 2] == [main(each) for each in (kept, kept, ["--seed", "3"], [*kept, "--seed", "0"])]
    assert seeds[0] == seeds[1] > 0
    assert 3 == seeds[2]


@pytest.mark.parametrize(
    ("script", "arguments"),
    [
        # One round has no interval, one run is always at its median.
        *((each, ["--rounds", "1"]) for each in (bridges, contract_cost, load_engine, open_model, readiness)),
        (repeatability, ["--runs", "1"]),
        # A trial has a length; in a long one a stall is less than 1 %.
        *((each, ["--duration", "0"]) for each in (bridges, load_engine, open_model, readiness)),
        *((each, ["--duration=-1"]) for each in (bridges, load_engine)),
        (open_model, ["--duration", "30"]),
        (bridges, ["--duration", "long"]),
        # No requests and no kills prove nothing.
        (bridge_resources, ["--requests", "0"]),
        (contract_cost, ["--requests", "0"]),
        *((faults, [f"--times={times}"]) for times in ("0", "-1", "many")),
        *((each, ["--rounds", "many"]) for each in (load_engine, open_model, readiness)),
        (contract_cost, ["--seed", "x"]),
    ],
)
def test_a_number_that_shows_nothing_is_refused(
    script: Any, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Each script has its bounds, and names the option."""
    with pytest.raises(SystemExit) as ended:
        script.main(arguments)

    assert 2 == ended.value.code
    name = arguments[0].partition("=")[0]
    assert re.search(rf"error: argument {name}: '.*' is not a (whole )?number from", capsys.readouterr().err)


@pytest.mark.parametrize("script", [bridges, readiness, errors, bridge_resources])
def test_an_unknown_word_is_refused(script: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """The message names the choices."""
    with pytest.raises(SystemExit) as ended:
        script.main(["speed"])

    assert 2 == ended.value.code
    assert "invalid choice: 'speed' (choose from" in capsys.readouterr().err
