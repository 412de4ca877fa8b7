"""The honest measurement for comparison with each mistake, and the shared parts of all scripts.

It uses the lab's own parts: its servers, its load engine and its statistics. One thing is less strict than in
``lab compare``: servers start once and are kept for all rounds, so that a mistake shows within seconds.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from benchmarks.judge import wording
from benchmarks.judge.comparison import is_equal
from benchmarks.judge.judgement import Estimate
from benchmarks.judge.statistics import excludes_one, paired_ratio
from benchmarks.measure.alone import alone
from benchmarks.measure.environment import Cores, share_cores
from benchmarks.measure.load.builtin import BuiltinEngine
from benchmarks.measure.load.engine import LoadEngineError, LoadOrder
from benchmarks.measure.runner import kept_off
from benchmarks.measure.server import RunningServer, ServerError
from benchmarks.model import Contender, LoadProfile, LoadResult

VUS = 10
WARMUP_S = 0.2
MARGIN = 0.05
ROUNDS = 3
FEWEST_ROUNDS = 2
ENOUGH_S = 9.0

_PATIENCE_S = 20.0
_FEWEST_TO_ASK_FOR, _MOST_TO_ASK_FOR = 2, 100
_EXIT_MEASURED, _EXIT_NOT_MEASURED, _EXIT_INTERRUPTED = 0, 1, 130

Seen = TypeVar("Seen")


class NotMeasuredError(Exception):
    """There is no result; the message says why, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """How to measure.

    Attributes:
        rounds: In each, every side has its turn.
        duration_s: Of one measured interval, seconds.
        order: Decides whose turn it is, and draws what there is to draw; seeded.
        cores: Which cores server and loader may use.
        enough_at_s: On the clock of ``time.monotonic()``: when no further round shall begin; ``None`` to run them all.
    """

    rounds: int
    duration_s: float
    order: random.Random
    cores: Cores
    enough_at_s: float | None = None

    def each_round(self) -> Iterator[int]:
        """Yield the number of each round, from 1, and end early where the machine is too slow for all of them."""
        for number in range(1, self.rounds + 1):
            if number > FEWEST_ROUNDS and self.enough_at_s is not None and time.monotonic() > self.enough_at_s:
                print(f"({number - 1} rounds must do in the time there is; --rounds {self.rounds} runs them all)")
                return
            yield number


def run(
    about: str | None,
    compare: Callable[[Setting], None],
    arguments: Sequence[str] | None = None,
    *,
    rounds: int = ROUNDS,
) -> int:
    """Read a script's options, and reserve this machine for it, off the server's core.

    Args:
        about: The script's docstring, for ``--help``.
        compare: Measures, and prints what it found.
        arguments: Of the command line; those of this process unless told.
        rounds: How many, unless the person says.
    Returns:
        The exit status.
    """
    options = _parse(about or "", rounds, arguments)
    cores = share_cores()
    print(f"{options.rounds or rounds} rounds, {options.duration:g} s a measured interval, seed {options.seed}")
    try:
        with alone(wait=True, say=lambda sentence: print(sentence, file=sys.stderr)), kept_off(cores.server):
            setting = Setting(
                rounds=options.rounds or rounds,
                duration_s=options.duration,
                order=random.Random(options.seed),  # noqa: S311 - the same order for the same seed, not a secret
                cores=cores,
                enough_at_s=time.monotonic() + ENOUGH_S if options.rounds is None else None,
            )
            compare(setting)
    except (LoadEngineError, NotMeasuredError, ServerError, ValueError) as error:
        print(f"Not measured. {error}", file=sys.stderr)
        return _EXIT_NOT_MEASURED
    except KeyboardInterrupt:
        return _EXIT_INTERRUPTED
    return _EXIT_MEASURED


def own_app(file: str, app: str, *options: str) -> Contender:
    """Return a contender for an ASGI app in a script's own file, on uvicorn."""
    script = Path(file).resolve()
    arguments = (
        *("-m", "uvicorn", "--app-dir", str(script.parent), *options, f"{script.stem}:{app}"),
        *("--no-access-log", "--log-level", "warning", "--host", "{host}", "--port", "{port}"),
    )
    return Contender(framework=app, variant=None, server="uvicorn", arguments=arguments, description="an example's own")


@contextlib.contextmanager
def serving(contenders: Sequence[Contender], path: str, setting: Setting) -> Iterator[list[RunningServer]]:
    """Start a server for each contender, side by side, each on the server's core, and end them with the ``with`` block.

    Args:
        contenders: In the order in which their servers are wanted; one that is there twice gets two servers.
        path: Polled until there is an answer, of whatever status.
        setting: Names the core.
    """
    with contextlib.ExitStack() as stack:
        launches = [
            RunningServer(stack, contender, cpus=setting.cores.server, stop_grace_s=0.0) for contender in contenders
        ]
        yield [launch.wait_until_ready(path) for launch in launches]


def ask(
    server: RunningServer,
    path: str,
    setting: Setting,
    *,
    vus: int = VUS,
    cpus: Sequence[int] | None = None,
    expected_body_bytes: int | None = None,
    when_it_begins: Callable[[], None] = lambda: None,
) -> LoadResult:
    """Warm up, discard that, and measure one interval in the closed model.

    Args:
        server: Runs.
        path: Path and query to ask for.
        setting: Names duration and cores.
        vus: Virtual users.
        cpus: Cores of the loader, other than the setting's.
        expected_body_bytes: Length of a valid body; that of an answer to the same path unless told.
        when_it_begins: Called at the beginning of the measured interval.
    Raises:
        LoadEngineError: The loader failed.
        ServerError: The server does not answer.
    """
    load = LoadProfile(vus=vus, duration_s=setting.duration_s, warmup_s=WARMUP_S)
    if expected_body_bytes is None:
        expected_body_bytes = len(server.get(path).body)
    order = LoadOrder(
        host=server.host,
        port=server.port,
        path=path,
        load=load,
        expected_body_bytes=expected_body_bytes,
        cpus=tuple(setting.cores.loader if cpus is None else cpus),
    )
    with contextlib.closing(BuiltinEngine().start(order)) as session:
        session.wait_until_measuring(load.warmup_s + load.timeout_s + _PATIENCE_S)
        when_it_begins()
        return session.result(load.duration_s + _PATIENCE_S)


def in_rounds(sides: Mapping[str, Callable[[], Seen]], setting: Setting) -> dict[str, list[Seen]]:
    """Measure every side in every round, in random order, and return the results of each, round by round."""
    seen: dict[str, list[Seen]] = {side: [] for side in sides}
    for _ in setting.each_round():
        for side in setting.order.sample(list(sides), len(sides)):
            seen[side].append(sides[side]())
    return seen


def rate_ratio(above: Sequence[LoadResult], below: Sequence[LoadResult]) -> Estimate:
    """Return the ratio of one side's valid answers to the other's, with the 95 % interval over rounds.

    Raises:
        NotMeasuredError: There were errors, or no answers.
    """
    for result in (*above, *below):
        if not result.completed:
            raise NotMeasuredError(
                f"In an interval of {result.duration_s:.2g} s nothing was answered: try a longer --duration."
            )
        if result.errors:
            raise NotMeasuredError(f"There were errors ({dict(result.errors)}): run it again on a quieter machine.")
    return paired_ratio([result.rate_per_s for result in above], [result.rate_per_s for result in below])


def tell(mistaken: Estimate, mistake: str, honest: Estimate, instead: str) -> None:
    """Print both results and how far they differ.

    Args:
        mistaken: What came out.
        mistake: How that was measured.
        honest: What comes out otherwise.
        instead: How that was measured.
    """
    print(f"  the mistake  {wording.ratio(mistaken):<23} {mistake}")
    print(f"  honest       {wording.ratio(honest):<23} {instead}: {found(honest)}")
    print(f"  they are apart by a factor of {wording.times(math.exp(abs(math.log(mistaken.value / honest.value))))}")


def found(estimate: Estimate) -> str:
    """Describe an interval in words."""
    if is_equal(estimate, MARGIN):
        return f"equal within ±{wording.percent(MARGIN)}"
    if not excludes_one(estimate):
        return "no difference found"
    return "more" if estimate.value > 1 else "fewer"


def _parse(about: str, rounds: int, arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=about,
        epilog="Exit status: 0 measured, 1 not measured, 2 usage, 130 interrupted. Unless told it takes under 20 s.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=_rounds, help=f"{_FEWEST_TO_ASK_FOR} to {_MOST_TO_ASK_FOR} ({rounds})")
    parser.add_argument(
        "--duration", type=_seconds, default=0.4, metavar="SECONDS", help="of a measured interval (%(default)s)"
    )
    parser.add_argument("--seed", type=int, default=7, help="of the order and of what is drawn (%(default)s)")
    return parser.parse_args(arguments)


def _rounds(text: str) -> int:
    value = int(text) if text.isdecimal() else 0
    if not _FEWEST_TO_ASK_FOR <= value <= _MOST_TO_ASK_FOR:
        wanted = f"a whole number from {_FEWEST_TO_ASK_FOR} to {_MOST_TO_ASK_FOR}"
        raise argparse.ArgumentTypeError(f"{text!r} is not {wanted}")
    return value


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0.05 <= value <= 60:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0.05 to 60")
    return value
