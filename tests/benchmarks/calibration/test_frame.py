"""Behaviour of the frame that the calibration scripts share."""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.calibration import frame
from benchmarks.errors import LabError
from benchmarks.measure.environment import Cores


def raising(error: BaseException) -> Callable[[], bool]:
    """Return a measurement that comes to nothing."""

    def measure() -> bool:
        raise error

    return measure


@pytest.mark.parametrize(("held", "expected"), [(True, 0), (False, 1)])
def test_the_status_is_that_of_the_bars(held: bool, expected: int) -> None:
    """0 when all hold, 1 when one does not."""
    assert expected == frame.status(lambda: held)


@pytest.mark.parametrize("error", [frame.NotMeasuredError("no wrk"), LabError("no wrk")])
def test_what_could_not_be_measured_is_told_with_its_own_status(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    """2, and why, on standard error."""
    assert 2 == frame.status(raising(error))
    assert ("", "\nno wrk\n") == tuple(capsys.readouterr())


def test_a_defect_of_the_script_is_no_finding() -> None:
    """What nobody foresaw comes through as it is."""
    with pytest.raises(ZeroDivisionError):
        frame.status(raising(ZeroDivisionError()))


def test_an_interrupted_script_has_the_status_of_ctrl_c() -> None:
    """130, and no traceback."""
    assert 130 == frame.status(raising(KeyboardInterrupt()))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM that a program could see")
def test_a_terminated_script_ends_what_it_has_begun() -> None:
    """SIGTERM comes as an exception: what is open is closed, and the status says so."""
    source = (
        "import contextlib, time\n"
        "from benchmarks.calibration import frame\n"
        "def main():\n"
        "    with contextlib.ExitStack() as stack:\n"
        "        stack.callback(print, 'reaped', flush=True)\n"
        "        print('begun', flush=True)\n"
        # In steps: a signal that comes right before a long wait is seen after it.
        "        for _ in range(3_000): time.sleep(0.01)\n"
        "frame.script(main)\n"
    )
    with subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "begun\n" == process.stdout.readline()
        process.send_signal(signal.SIGTERM)

        assert 143 == process.wait(timeout=30)
        assert "reaped\n" == process.stdout.read()


@pytest.mark.parametrize(("text", "number"), [("2", 2), ("10", 10)])
def test_numbers_within_bounds_are_taken(text: str, number: int) -> None:
    """Both ends included."""
    assert number == frame.whole_number(2, 10)(text)


@pytest.mark.parametrize(
    ("most", "text", "expected"),
    [
        (10, "1", "'1' is not a whole number from 2 to 10"),
        (10, "11", "'11' is not a whole number from 2 to 10"),
        (None, "-3", "'-3' is not a whole number from 2"),
        (None, "2.5", "'2.5' is not a whole number from 2"),
    ],
)
def test_other_numbers_are_refused_with_the_bounds(most: int | None, text: str, expected: str) -> None:
    """The message says what would be taken."""
    with pytest.raises(argparse.ArgumentTypeError) as caught:
        frame.whole_number(2, most)(text)

    assert expected == str(caught.value)


def test_a_heading_says_where_and_when() -> None:
    """The system, Python, the packages asked for, and the cores."""
    assert f"Python {sys.version.split()[0]}, flask 3." in frame.here("flask")
    assert frame.here().split(" ", 1)[0].startswith("20")
    assert "server on core 1, loader on core 0" == frame.pinning(Cores(server=(1,), loader=(0,)))
    assert "not pinned" == frame.pinning(Cores(server=(), loader=()))


def measured(numbers: list[int]) -> Callable[[random.Random], dict[str, float]]:
    """Return what measures a number, and takes note of it."""

    def measure(order: random.Random) -> dict[str, float]:
        numbers.append(order.randrange(10**9))
        return {"number": float(numbers[-1])}

    return measure


def measure_with(journal: Path | None, count: int, numbers: list[int], **settings: object) -> list[dict[str, float]]:
    """Measure so many rounds as a script does."""
    rounds = frame.Rounds({"seed": 7, **settings}, {"flask": "3.1"}, journal)
    return rounds.of("rates", count, measured(numbers), dict[str, float])


def test_a_cut_script_goes_on_with_the_rounds_that_it_lacks(tmp_path: Path) -> None:
    """With the figures that an uncut one has; a line that was cut as it was written is measured again."""
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
    """And values of dataclasses come back as such."""
    for _ in range(2):
        rounds = frame.Rounds({}, {}, tmp_path / "kept")
        assert [frame.Bar(1.0)] == rounds.of("one", 1, lambda _: frame.Bar(1.0), frame.Bar)
        assert [frame.Bar(2.0)] == rounds.of("other", 1, lambda _: frame.Bar(2.0), frame.Bar)


def test_rounds_of_other_settings_are_not_added_to(tmp_path: Path) -> None:
    """What differs is told, and the file is as it was."""
    journal = tmp_path / "kept"
    measure_with(journal, 1, [], duration=2.0)
    before = journal.read_bytes()

    with pytest.raises(frame.NotMeasuredError, match=r"duration: 2\.0 there, 3\.0 now"):
        measure_with(journal, 1, [], duration=3.0)
    assert before == journal.read_bytes()


@pytest.mark.parametrize(
    "text", ["no JSON\n", "[]\n", '{"settings": {"seed": 7}, "versions": {"flask": "3.1"}}\n{"a": 1}\n']
)
def test_a_file_that_is_no_journal_is_refused(tmp_path: Path, text: str) -> None:
    """Rather than written over."""
    journal = tmp_path / "other"
    journal.write_text(text, encoding="utf-8")

    with pytest.raises(frame.NotMeasuredError, match="is no journal of a calibration"):
        measure_with(journal, 1, [])
    assert text == journal.read_text(encoding="utf-8")


def test_figures_of_another_kind_are_refused(tmp_path: Path) -> None:
    """With the file and the round."""
    measure_with(tmp_path / "kept", 1, [])

    with pytest.raises(frame.NotMeasuredError, match=r"kept: round 1 of rates: "):
        frame.Rounds({"seed": 7}, {"flask": "3.1"}, tmp_path / "kept").of("rates", 1, lambda _: 1.0, float)


def test_the_seed_is_the_journals_unless_told(tmp_path: Path) -> None:
    """So that the same command goes on, whether it names a seed or not."""
    parser = frame.parser("made_up", "A script.")
    frame.add_seed(parser, "nothing")
    arguments = ["--journal", str(tmp_path / "kept")]
    given = frame.parse(parser, arguments)
    frame.rounds(given, "flask").of("rates", 1, lambda _: 1.0, float)

    assert given.seed == frame.parse(parser, arguments).seed
    assert 3 == frame.parse(parser, [*arguments, "--seed", "3"]).seed
    assert frame.parse(parser, []).seed > 0


def test_numbers_of_seconds_are_taken_within_bounds() -> None:
    """Both ends included, and no others."""
    assert 0.2 == frame.seconds(0.2, 600)("0.2")
    for text in ("0.1", "601", "nan", "long"):
        with pytest.raises(argparse.ArgumentTypeError, match=r"is not a number of seconds from 0\.2 to 600"):
            frame.seconds(0.2, 600)(text)
