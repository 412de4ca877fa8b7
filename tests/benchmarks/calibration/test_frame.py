"""Behaviour of the frame that the calibration scripts share."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

from benchmarks.calibration import frame
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


@pytest.mark.parametrize("error", [frame.NotMeasuredError("no wrk"), OSError("no wrk")])
def test_what_could_not_be_measured_is_told_with_its_own_status(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    """2, and why, on standard error."""
    assert 2 == frame.status(raising(error), OSError)
    assert ("", "\nno wrk\n") == tuple(capsys.readouterr())


def test_a_defect_of_the_script_is_no_finding() -> None:
    """What nobody foresaw comes through as it is."""
    with pytest.raises(ZeroDivisionError):
        frame.status(raising(ZeroDivisionError()), OSError)


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
