"""The frame of a script that holds the lab to account: options, rounds, bars, table and exit status.

What it found goes to standard output, why it could not be measured to standard error. The exit status is 0 when every
bar holds, 1 when one does not, 2 when it could not be measured or was asked for what makes no sense. With ``--journal
FILE`` each round's figures are kept as they are measured, and the same command goes on from them.
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import json
import math
import os
import platform
import random
import signal
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from benchmarks.errors import LabError
from benchmarks.foreign_json import ForeignJSONError, read_object

if TYPE_CHECKING:
    # Scripts that time what runs in their own process shall have nothing else loaded.
    from benchmarks.judge.judgement import Estimate
    from benchmarks.measure.environment import Cores

HOLDS, FAILS, NOT_MEASURED = 0, 1, 2
INTERRUPTED, TERMINATED = 130, 143

_SOURCES = Path(__file__).parents[2]
_T = TypeVar("_T")


class NotMeasuredError(LabError):
    """What was to be measured did not happen; the message says what did."""


def script(main: Callable[[], int]) -> NoReturn:
    """Run a script as this process, and end it with the script's exit status."""
    # As an exception it ends the servers and the loader under way as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    sys.exit(main())


def status(measure: Callable[[], bool]) -> int:
    """Measure, and return the exit status.

    Args:
        measure: Measures and prints, and says whether every bar holds; its ``LabError`` says why it could not.
    """
    try:
        return HOLDS if measure() else FAILS
    except LabError as error:
        print(f"\n{error}", file=sys.stderr)
        return NOT_MEASURED
    except KeyboardInterrupt:
        return INTERRUPTED


@dataclass(frozen=True, slots=True)
class Bar:
    """What a ratio is held to: its whole 95 % interval lies within this."""

    low: float
    high: float | None = None

    def holds(self, ratio: Estimate) -> bool:
        """Return whether the whole interval lies within the bar."""
        return self.verdict(ratio) == "holds"

    def verdict(self, ratio: Estimate) -> str:
        """Say whether the interval lies within the bar, outside it, or on it."""
        low = -math.inf if ratio.low is None else ratio.low
        high = math.inf if ratio.high is None else ratio.high
        most = math.inf if self.high is None else self.high
        if self.low <= low and high <= most:
            return "holds"
        if high < self.low or most < low:
            return "DOES NOT HOLD"
        return "UNDECIDED, more rounds on a quieter machine would tell"

    def __str__(self) -> str:
        return f">= {self.low:g}" if self.high is None else f"{self.low:g} to {self.high:g}"


def tell_heading(title: str, of: str, over: str = "over") -> None:
    """Print the heading of a table of ratios.

    Args:
        title: What it is about.
        of: What the numerators are, with their unit.
        over: What the denominators are.
    """
    print(f"\n{title:<46} {of:>8} {over:>8} {'ratio':>7}   {'95 % interval':<15} bar")


def tell_ratio(text: str, numerator: Sequence[float], denominator: Sequence[float], bar: Bar | None) -> bool:
    """Print a ratio, paired inside rounds, and what it is held to.

    Args:
        text: What it is of.
        numerator: One value for each round.
        denominator: Likewise.
        bar: ``None`` for none.
    Returns:
        Whether the bar holds.
    """
    from benchmarks.judge.statistics import paired_ratio  # noqa: PLC0415 (see TYPE_CHECKING)

    ratio = paired_ratio(numerator, denominator)
    interval = "-" if ratio.low is None or ratio.high is None else f"{ratio.low:.3f} to {ratio.high:.3f}"
    verdict = "" if bar is None else f"{bar}: {bar.verdict(ratio)}"
    above, below = (_short(statistics.fmean(values)) for values in (numerator, denominator))
    print(f"{text:<46} {above:>8} {below:>8} {ratio.value:>7.3f}   {interval:<15} {verdict}".rstrip())
    return bar is None or bar.holds(ratio)


class Rounds:
    """Measures round after round, and keeps the figures of each in a journal where there is one.

    Args:
        settings: What the script was asked for, with its seed.
        versions: Of all that the figures depend on.
        journal: A file that may be there already; ``None`` to keep nothing.
    Raises:
        NotMeasuredError: The file is of other settings or versions, or is no journal.
    """

    def __init__(self, settings: Mapping[str, Any], versions: Mapping[str, str], journal: Path | None = None) -> None:
        self._seed = settings.get("seed", 0)
        self._journal = journal
        self._kept: dict[tuple[str, int], Any] = {}
        if journal is None:
            return
        begun = {"settings": settings, "versions": versions}
        header, *kept = _lines(journal) or [{}]
        if not header:
            self._append(begun)
        elif header != begun:
            raise NotMeasuredError(_other(journal, header, begun))
        try:
            self._kept = {(line["part"], line["round"]): line["figures"] for line in kept}
        except (KeyError, TypeError) as error:
            raise NotMeasuredError(f"{journal} is no journal of a calibration.") from error

    def of(self, part: str, count: int, measure: Callable[[random.Random], _T], kind: type[_T]) -> list[_T]:
        """Return the figures of so many rounds: those that are kept, and then new ones.

        Args:
            part: Of the script; a journal holds several.
            count: How many rounds.
            measure: Measures one, with what makes its order.
            kind: Of the figures: what pydantic writes as JSON and reads back.
        """
        from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415 (see TYPE_CHECKING)

        adapter = TypeAdapter(kind)
        found: list[_T] = []
        for number in range(1, count + 1):
            if (part, number) in self._kept:
                try:
                    found.append(adapter.validate_python(self._kept[part, number]))
                except ValidationError as error:
                    raise NotMeasuredError(f"{self._journal}: round {number} of {part}: {error}") from error
                continue
            progress(f"{part}: round", number, count)
            # Of its own for each round: one that is resumed has the order that it would have had.
            figures = measure(random.Random(f"{self._seed} {part} {number}"))  # noqa: S311  # no secret
            self._append({"part": part, "round": number, "figures": adapter.dump_python(figures, mode="json")})
            found.append(figures)
        return found

    def one(self, part: str, measure: Callable[[], _T], kind: type[_T]) -> _T:
        """Return the figures of a part that has no rounds; see ``of``."""
        [found] = self.of(part, 1, lambda _: measure(), kind)
        return found

    def _append(self, line: Mapping[str, Any]) -> None:
        if self._journal is not None:
            with self._journal.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
                file.flush()
                os.fsync(file.fileno())


def _lines(journal: Path) -> list[dict[str, Any]]:
    if not journal.exists():
        return []
    whole, end, _ = journal.read_bytes().rpartition(b"\n")
    # What follows was cut as it was written.
    os.truncate(journal, len(whole + end))
    try:
        return [read_object(line) for line in whole.splitlines()]
    except ForeignJSONError as error:
        raise NotMeasuredError(f"{journal} is no journal of a calibration: {error}.") from error


def _other(journal: Path, header: Mapping[str, Any], begun: Mapping[str, Any]) -> str:
    differ = [
        f"{name}: {there.get(name)} there, {here.get(name)} now"
        for there, here in ((header.get(each) or {}, begun[each]) for each in ("settings", "versions"))
        for name in sorted({*there, *here})
        if there.get(name) != here.get(name)
    ]
    return (
        f"{journal} was begun with others, so its rounds cannot be added to ({'; '.join(differ)}). "
        "Repeat the command that it was begun with, or name another file."
    )


def parser(
    name: str, description: str, statuses: str = "0 every bar holds, 1 one does not, 2 it could not be measured"
) -> argparse.ArgumentParser:
    """Return what reads a script's command line.

    Args:
        name: Of the script's module.
        description: What it does.
        statuses: What its exit statuses mean.
    """
    options = argparse.ArgumentParser(
        prog=f"python -m benchmarks.calibration.{name}", description=description, epilog=f"Exit status: {statuses}."
    )
    options.add_argument(
        "--journal", type=Path, metavar="FILE", help="keep each round's figures here, and go on from those that are"
    )
    return options


def add_seed(options: argparse.ArgumentParser, of: str) -> None:
    """Let a script take the seed of its order, which is by chance unless told.

    Args:
        options: Of the script.
        of: What is in that order.
    """
    options.add_argument("--seed", type=int, help=f"of {of} (that of the journal, or by chance)")


def parse(options: argparse.ArgumentParser, arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read a script's command line; its seed is settled then.

    Args:
        options: Of the script.
        arguments: Those of this process unless told.
    """
    given = options.parse_args(arguments)
    if getattr(given, "seed", 0) is None:
        given.seed = _kept_seed(given.journal) or random.randrange(1, 10**6)  # noqa: S311  # no secret
    return given


def _kept_seed(journal: Path | None) -> int | None:
    if journal is None or not journal.exists():
        return None
    try:
        seed = read_object(journal.read_bytes().partition(b"\n")[0])["settings"]["seed"]
    except (ForeignJSONError, KeyError, TypeError):
        # It is no journal, as is said when it is opened.
        return None
    return seed if isinstance(seed, int) else None


def rounds(given: argparse.Namespace, *packages: str) -> Rounds:
    """Begin to measure, or go on.

    Args:
        given: As ``parse`` returned it.
        packages: Whose releases the figures depend on.
    Raises:
        NotMeasuredError: The journal is of other settings or versions.
    """
    settings = {name: value for name, value in vars(given).items() if name != "journal"}
    sources = hashlib.sha256()
    if given.journal is not None:
        for package in ("benchmarks", "flask_app"):
            for path in sorted((_SOURCES / package).rglob("*.py")):
                sources.update(path.read_bytes())
    versions = {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} on {platform.node()}",
        "sources": sources.hexdigest()[:12],
        **{package: version(package) for package in packages},
    }
    return Rounds(settings, versions, given.journal)


def whole_number(least: int, most: int | None = None) -> Callable[[str], int]:
    """Return what reads a whole number within bounds from the command line."""
    bounds = f"from {least}" if most is None else f"from {least} to {most}"

    def number(text: str) -> int:
        if not text.isdecimal() or int(text) < least or (most is not None and int(text) > most):
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number {bounds}")
        return int(text)

    return number


def seconds(least: float, most: float) -> Callable[[str], float]:
    """Return what reads a number of seconds within bounds from the command line."""

    def number(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from {least:g} to {most:g}")
        return value

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


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.3g}"
