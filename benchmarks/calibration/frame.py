"""The frame of the calibration scripts: command line, rounds, journal, tables of ratios, bars, and exit status.

A script is a function of a ``Session``, which it measures, prints and holds to bars by; ``script`` makes a command of
it. Findings go to standard output, and the reason why something could not be measured to standard error. With
``--journal FILE`` the figures of each round are kept as they are measured, and the same command resumes from them.
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import inspect
import json
import math
import os
import platform
import random
import signal
import statistics
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from benchmarks.errors import LabError
from benchmarks.foreign_json import ForeignJSONError, read_object

if TYPE_CHECKING:
    # Not at run time: scripts that time code in their own process load as little as possible beside it.
    from benchmarks.judge.judgement import Estimate
    from benchmarks.measure.environment import Cores

HOLDS, FAILS, NOT_MEASURED = 0, 1, 2
INTERRUPTED, TERMINATED = 130, 143

_SOURCES = Path(__file__).parents[2]
_T = TypeVar("_T")

Figures = dict[str, float]
"""What one round measured, by name."""

Option = Callable[[argparse.ArgumentParser], object]
"""Adds an option to a script's command line."""


class NotMeasuredError(LabError):
    """Something could not be measured; the message says why."""


def option(*names: str, **settings: Any) -> Option:
    """Return an option with the settings of ``add_argument``."""
    return lambda parser: parser.add_argument(*names, **settings)


def number(name: str, default: float, what: str, least: float = 1, most: float = 1_000_000) -> Option:
    """Return an option that takes a number within bounds; a whole number where its default is one.

    Args:
        name: With its dashes; without them it is a positional argument.
        default: Used where the option is not given.
        what: Its help text.
        least: Smallest value that is accepted.
        most: Largest value that is accepted.
    """
    whole = isinstance(default, int)

    def read(text: str) -> float:
        try:
            value = int(text) if whole else float(text)
        except ValueError:
            value = math.nan
        if not least <= value <= most:
            kind = "whole number" if whole else "number"
            raise argparse.ArgumentTypeError(f"{text!r} is not a {kind} from {least:,} to {most:,}")
        return value

    optional = {} if name.startswith("-") else {"nargs": "?"}
    return option(name, type=read, default=default, help=f"{what} (%(default)s)", **optional)


def parts(everything: str, *names: str) -> Option:
    """Return an argument that chooses one of a script's parts, or everything; ``Session.asks_for`` reads it."""
    return option("what", nargs="?", choices=[everything, *names], default=everything, help="to measure (%(default)s)")


SEED = option("--seed", type=int, help="of the random order (default: the journal's seed, else a random one)")


def script(
    description: str,
    *options: Option,
    packages: Sequence[str] = (),
    statuses: str = "0 every bar holds, 1 one does not, 2 it could not be measured",
) -> Callable[[Callable[[Session], None]], Callable[..., int]]:
    """Return a decorator that makes a command of a function, and runs it where its module is what Python runs.

    So the function is its module's last. A ``LabError`` of it says why it could not measure. The command takes the
    arguments of the command line, by default this process's, and returns the exit status.

    Args:
        description: For ``--help``.
        *options: Of the command line, beside ``--journal``.
        packages: Packages whose releases the figures depend on.
        statuses: Meaning of the exit statuses, for ``--help``.
    """

    def decorate(measure: Callable[[Session], None]) -> Callable[..., int]:
        name = Path(inspect.getfile(measure)).stem
        parser = argparse.ArgumentParser(
            prog=f"python -m benchmarks.calibration.{name}",
            description=description,
            epilog=f"Exit status: {statuses}.",
        )
        for add in options:
            add(parser)
        parser.add_argument("--journal", type=Path, metavar="FILE", help="keep each round's figures here, and resume")

        def main(arguments: Sequence[str] | None = None) -> int:
            given = parser.parse_args(arguments)
            try:
                session = Session(given, packages)
                print("\n".join(session.heading(name)))
                measure(session)
            except LabError as error:
                print(f"\n{error}", file=sys.stderr)
                return NOT_MEASURED
            except KeyboardInterrupt:
                return INTERRUPTED
            return HOLDS if session.held else FAILS

        if measure.__module__ == "__main__":
            # As an exception, SIGTERM also ends the servers and the load generator that are running.
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
            sys.exit(main())
        return main

    return decorate


class Session:
    """One run of a script: its options, and the figures of its rounds, which a journal may keep.

    Args:
        options: From the command line. Without a seed, the journal's is taken, or a random one.
        packages: Packages whose releases the figures depend on.

    Attributes:
        options: With a seed.
        held: Whether every bar so far holds.

    Raises:
        NotMeasuredError: The journal has other settings or versions, or is not a journal.
    """

    def __init__(self, options: argparse.Namespace, packages: Sequence[str] = ()) -> None:
        self.options = options
        self.held = True
        self._packages = packages
        self._journal: Path | None = options.journal
        begun, *kept = [{}] if self._journal is None else _lines(self._journal) or [{}]
        if getattr(options, "seed", 0) is None:
            seed = begun.get("seed")
            options.seed = seed if isinstance(seed, int) else random.randrange(1, 10**6)  # noqa: S311  # not a secret
        self._settings = {name: value for name, value in vars(options).items() if name != "journal"}
        header = self._settings | ({} if self._journal is None else _versions(packages))
        if begun and begun != header:
            raise NotMeasuredError(_difference(self._journal, begun, header))
        try:
            self._kept = {(line["part"], line["round"]): line["figures"] for line in kept}
        except (KeyError, TypeError) as error:
            raise NotMeasuredError(f"{self._journal} is not a calibration journal.") from error
        if not begun:
            self._append(header)

    @cached_property
    def cores(self) -> Cores:
        """The cores of the servers and of the load generator."""
        from benchmarks.measure.environment import share_cores  # noqa: PLC0415 (see TYPE_CHECKING)

        return share_cores()

    def heading(self, name: str) -> list[str]:
        """Return what is measured, when, on what, and with which settings, as lines to print."""
        where = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
        releases = "".join(f", {package} {version(package)}" for package in self._packages)
        usable = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        cores = f"; cores {', '.join(map(str, usable))}" if usable else ""
        settings = ", ".join(f"{name} {value}" for name, value in self._settings.items() if value not in (None, []))
        return [f"{name}: {dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC, {where}{releases}{cores}", settings]

    def asks_for(self, part: str) -> bool:
        """Tell whether a part of the script was chosen, by itself or with everything; see ``parts``."""
        return self.options.what in ("all", "both", part)

    def rounds(self, part: str, measure: Callable[[random.Random], _T], count: int | None = None) -> list[_T]:
        """Return the figures of some rounds: first those that are kept, then new ones.

        Args:
            part: Part of the script; a journal holds several.
            measure: Measures one round, given the generator of its random order; returns what JSON can hold.
            count: Number of rounds; by default of the option.
        """
        found: list[_T] = []
        count = self.options.rounds if count is None else count
        for number_ in range(1, count + 1):
            if (part, number_) in self._kept:
                found.append(self._kept[part, number_])
                continue
            if sys.stderr.isatty():
                end = "\n" if number_ == count else ""
                print(f"\r{part}: round {number_} of {count}", end=end, file=sys.stderr, flush=True)
            # Each round has its own generator: a resumed script measures in the order of an uninterrupted one.
            seed = f"{vars(self.options).get('seed', 0)} {part} {number_}"
            figures = measure(random.Random(seed))  # noqa: S311  # not a secret
            self._append({"part": part, "round": number_, "figures": figures})
            found.append(figures)
        return found

    def once(self, part: str, measure: Callable[[], _T]) -> _T:
        """Return the figures of a part that has no rounds; see ``rounds``."""
        [found] = self.rounds(part, lambda _: measure(), 1)
        return found

    def bar(self, text: str, value: float, *, least: float = -math.inf, most: float = math.inf) -> None:
        """Print a figure with its bounds, and whether it keeps them."""
        holds = least <= value <= most
        print(f"{text:<70} {_short(value):>8}   {_bounds(least, most)}: {'holds' if holds else 'DOES NOT HOLD'}")
        self.held &= holds

    def ratios(self, title: str, unit: str, bars: Iterable[Bar], rounds: Sequence[Mapping[str, float]]) -> None:
        """Print a table with the ratio, paired inside rounds, of each bar.

        Args:
            title: Of the table.
            unit: Of the figures.
            bars: The lines.
            rounds: Figures of each round.
        """
        from benchmarks.judge.statistics import paired_ratio  # noqa: PLC0415 (see TYPE_CHECKING)

        print(f"\n{title:<46} {unit:>8} {'over':>8} {'ratio':>7}   {'95 % interval':<15} bar")
        for bar in bars:
            above = [each[bar.above] for each in rounds]
            below = [each[bar.below] if isinstance(bar.below, str) else bar.below for each in rounds]
            ratio = paired_ratio(above, below)
            interval = "-" if ratio.low is None or ratio.high is None else f"{ratio.low:.3f} to {ratio.high:.3f}"
            shown = " ".join(f"{_short(statistics.fmean(values)):>8}" for values in (above, below))
            verdict = bar.verdict(ratio)
            print(f"{bar.text:<46} {shown} {ratio.value:>7.3f}   {interval:<15} {verdict}".rstrip())
            self.held &= not verdict or verdict.endswith(": holds")

    def _append(self, line: Mapping[str, Any]) -> None:
        if self._journal is not None:
            with self._journal.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
                file.flush()
                os.fsync(file.fileno())


def _versions(packages: Sequence[str]) -> dict[str, str]:
    sources = hashlib.sha256()
    for folder in ("benchmarks", "flask_app"):
        for path in sorted((_SOURCES / folder).rglob("*.py")):
            sources.update(path.read_bytes())
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} on {platform.node()}",
        "sources": sources.hexdigest()[:12],
        **{package: version(package) for package in packages},
    }


def _lines(journal: Path) -> list[dict[str, Any]]:
    if not journal.exists():
        return []
    whole, end, _ = journal.read_bytes().rpartition(b"\n")
    # The rest is a line whose writing was interrupted.
    os.truncate(journal, len(whole + end))
    try:
        return [read_object(line) for line in whole.splitlines()]
    except ForeignJSONError as error:
        raise NotMeasuredError(f"{journal} is not a calibration journal: {error}.") from error


def _difference(journal: Path | None, begun: Mapping[str, Any], header: Mapping[str, Any]) -> str:
    differ = [
        f"{name}: {begun.get(name)} there, {header.get(name)} now"
        for name in sorted({*begun, *header})
        if begun.get(name) != header.get(name)
    ]
    return (
        f"{journal} was begun with other settings or versions, so no rounds can be added ({'; '.join(differ)}). "
        "Repeat the command that began it, or name another file."
    )


@dataclass(frozen=True, slots=True)
class Bar:
    """A ratio of two figures, and the bounds that its whole 95 % interval must keep.

    Attributes:
        text: What the ratio compares.
        above: Name of the figure above, among those of a round.
        below: Name of the figure below, or a constant.
        least: Lower bound; ``None`` where there is none.
        most: Upper bound.
    """

    text: str
    above: str
    below: str | float
    least: float | None = None
    most: float = math.inf

    def verdict(self, ratio: Estimate) -> str:
        """Return the bounds, and whether the interval lies inside them, outside, or across; empty without bounds."""
        if self.least is None:
            return ""
        bounds = _bounds(self.least, self.most)
        low = -math.inf if ratio.low is None else ratio.low
        high = math.inf if ratio.high is None else ratio.high
        if self.least <= low and high <= self.most:
            return f"{bounds}: holds"
        if high < self.least or self.most < low:
            return f"{bounds}: DOES NOT HOLD"
        return f"{bounds}: UNDECIDED, more rounds on a quieter machine would tell"


def figures_of(bars: Iterable[Bar]) -> list[str]:
    """Return the names of the figures that bars compare, each once."""
    return list(dict.fromkeys(name for bar in bars for name in (bar.above, bar.below) if isinstance(name, str)))


def pin_to_one_core() -> None:
    """Keep this process on one core, as each server is kept that is measured, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def _bounds(least: float, most: float) -> str:
    return f"<= {most:g}" if least == -math.inf else f">= {least:g}" if most == math.inf else f"{least:g} to {most:g}"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.3g}"
