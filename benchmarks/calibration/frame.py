"""The frame of a script that holds the lab to account: how it is asked, what it prints of the machine, and how it ends.

What it found goes to standard output, why it could not be measured to standard error. The exit status is 0 when every
bar holds, 1 when one does not, 2 when it could not be measured or was asked for what makes no sense.
"""

from __future__ import annotations

import argparse
import datetime as dt
import platform
import random
import signal
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    # Scripts that time what runs in their own process shall have nothing else loaded.
    from benchmarks.measure.environment import Cores

HOLDS, FAILS, NOT_MEASURED = 0, 1, 2
INTERRUPTED, TERMINATED = 130, 143


class NotMeasuredError(Exception):
    """What was to be measured did not happen; the message says what did."""


def script(main: Callable[[], int]) -> NoReturn:
    """Run a script as this process, and end it with the script's exit status."""
    # As an exception it ends the servers and the loader under way as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    sys.exit(main())


def status(measure: Callable[[], bool], *faults: type[Exception]) -> int:
    """Measure, and return the exit status.

    Args:
        measure: Measures and prints, and says whether every bar holds.
        faults: What it raises when it could not be measured, beside ``NotMeasuredError``.
    """
    known: tuple[type[Exception], ...] = (NotMeasuredError, *faults)
    try:
        return HOLDS if measure() else FAILS
    except known as error:
        print(f"\n{error}", file=sys.stderr)
        return NOT_MEASURED
    except KeyboardInterrupt:
        return INTERRUPTED


def parser(
    name: str, description: str, statuses: str = "0 every bar holds, 1 one does not, 2 it could not be measured"
) -> argparse.ArgumentParser:
    """Return what reads a script's command line.

    Args:
        name: Of the script's module.
        description: What it does.
        statuses: What its exit statuses mean.
    """
    return argparse.ArgumentParser(
        prog=f"python -m benchmarks.calibration.{name}", description=description, epilog=f"Exit status: {statuses}."
    )


def add_seed(options: argparse.ArgumentParser, of: str) -> None:
    """Let a script take the seed of its order, which is by chance unless told.

    Args:
        options: Of the script.
        of: What is in that order.
    """
    options.add_argument("--seed", type=int, default=random.randrange(10**6), help=f"of {of} (by chance)")  # noqa: S311  # no secret


def whole_number(least: int, most: int | None = None) -> Callable[[str], int]:
    """Return what reads a whole number within bounds from the command line."""
    bounds = f"from {least}" if most is None else f"from {least} to {most}"

    def number(text: str) -> int:
        if not text.isdecimal() or int(text) < least or (most is not None and int(text) > most):
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number {bounds}")
        return int(text)

    return number


def here(*packages: str) -> str:
    """Say when and on what this runs, with the releases of some packages."""
    releases = "".join(f", {package} {version(package)}" for package in packages)
    now = f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC"
    return f"{now}, {platform.system()} {platform.release()}, Python {platform.python_version()}{releases}"


def pinning(cores: Cores) -> str:
    """Say who may use which core."""
    return f"server on core {cores.server[0]}, loader on core {cores.loader[0]}" if cores.server else "not pinned"


def progress(what: str, number: int, of: int) -> None:
    """Show whoever looks on how far it has come; ``what`` is counted, from 1."""
    if sys.stderr.isatty():
        print(f"\r{what} {number} of {of}", end="\n" if number == of else "", file=sys.stderr, flush=True)
