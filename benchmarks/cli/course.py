"""Measures for a command: the machine for it alone, progress on the console, and a message for whatever goes wrong."""

from __future__ import annotations

import contextlib
import secrets
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import click
from rich.console import Console

from benchmarks.cli.exits import exit_interrupted, words_for
from benchmarks.errors import InvalidValueError, LabError, RefusedError
from benchmarks.judge.claims import Claim
from benchmarks.measure import schedule
from benchmarks.measure.alone import MachineLock, alone
from benchmarks.measure.assembly import Assembly, Begin, Instrument, budget_stop, remaining_s, trials_left
from benchmarks.measure.journal import Journal
from benchmarks.measure.runner import PlannedRoute, Route, RunListener
from benchmarks.measure.workloads import HEALTH
from benchmarks.model import Contender, Run, Workload
from benchmarks.report.reproduce import report_command, resume_command

wait_option = click.option(
    "--wait", is_flag=True, help="Wait while another lab measures on this machine; else that is refused."
)
"""Gives a command the option, passed to it as ``wait``."""


def own_turn(*, wait: bool) -> AbstractContextManager[MachineLock]:
    """Be the only one that measures, for the length of a ``with`` block; not to be nested.

    Args:
        wait: Whether to wait while another measures; otherwise that is refused.
    """
    return alone(wait=wait, say=lambda sentence: click.echo(sentence, err=True))


def measure(
    console: Console,
    assembly: Assembly,
    begin: Begin,
    follow: Callable[[Run], AbstractContextManager[RunListener]],
    kept: Callable[[Journal], str],
    *,
    needs_dependencies: bool = False,
    route: Callable[[Run], Route] = lambda _run: PlannedRoute(),
) -> tuple[Run, Path]:
    """Measure one run, and report what was measured even when something goes wrong.

    Args:
        console: Where is said what takes time.
        assembly: Of the run.
        begin: See ``Assembly.measure``, as for the other arguments.
        follow: The same.
        kept: Says what a record holds, and how to use it.
        needs_dependencies: The same.
        route: The same.
    Returns:
        The run, complete, and its folder.
    Raises:
        LabError: Something went wrong.
    """

    def told(what: str) -> str:
        record = assembly.record
        if record is None or not (record.run.trials or record.run.calibration):
            return f"{what}\nNothing was measured yet."
        return f"{what}\n{kept(record)}"

    try:
        if needs_dependencies:
            console.print("Starting what readiness depends on.", style="dim", highlight=False)
        run = assembly.measure(begin, follow, needs_dependencies=needs_dependencies, route=route)
    except (InvalidValueError, RefusedError):
        raise
    except LabError as error:
        raise LabError(told(str(error))) from error
    except OSError as error:
        # A full disk or no descriptor left, somewhere beside the journal.
        raise LabError(told(f"The system refused: {error}.")) from error
    except KeyboardInterrupt as interrupt:
        click.echo(told(words_for(interrupt)), err=True)
        exit_interrupted(interrupt)
    assert assembly.record is not None  # noqa: S101 (what was measured has its record)
    return run, assembly.record.folder.resolve()


def measure_comparison(
    console: Console,
    claims: tuple[Claim, ...],
    assembly: Assembly,
    begin: Begin,
    *,
    needs_dependencies: bool,
    began_s: float | None,
) -> tuple[Run, Path]:
    """Measure what a comparison's record lacks.

    Args:
        console: Where announcements and progress are shown.
        claims: The ledger, which says what is a headline.
        assembly: Of the run.
        begin: See ``measure``.
        needs_dependencies: The same.
        began_s: See ``budget_stop``.
    """
    from benchmarks.report.progress import RunProgress  # noqa: PLC0415 (only what measures shows it)

    @contextlib.contextmanager
    def follow(run: Run) -> Iterator[RunListener]:
        _announce(console, assembly.instrument, run)
        with RunProgress(console, run.plan, len(run.calibration) + len(run.trials)) as progress:
            yield progress
        if assembly.record is not None:
            # Wherever it was put: `latest` is a name of results/ alone.
            told = f"The run is kept: {report_command(assembly.record.folder)}"
            console.print(told, highlight=False, soft_wrap=True)

    return measure(
        console,
        assembly,
        begin,
        follow,
        _comparison_kept,
        needs_dependencies=needs_dependencies,
        route=lambda run: PlannedRoute(_stop(run, claims, began_s)),
    )


def measure_placebo(
    console: Console,
    instrument: Instrument,
    contender: Contender | None,
    seed: int | None,
    *,
    rounds: int,
    workload: Workload = HEALTH,
) -> Run:
    """Run one contender against itself; the record goes to a temporary folder and is deleted with it.

    Args:
        console: Where progress is shown.
        instrument: What it is measured with.
        contender: The one that runs against itself; the steadiest by default.
        seed: Of the order in each round; random by default.
        rounds: Number of rounds.
        workload: Its requests.
    Raises:
        LabError: It could not be measured.
    """
    from benchmarks.report.progress import RunProgress  # noqa: PLC0415 (only what measures shows it)

    plan = schedule.placebo_plan(contender, secrets.randbelow(2**32) if seed is None else seed, rounds, workload)
    with tempfile.TemporaryDirectory(prefix="lab-placebo-") as folder:
        return Assembly(instrument=instrument).measure(
            lambda facts: instrument.begin(Path(folder), plan, facts), lambda run: RunProgress(console, run.plan)
        )


def _stop(run: Run, claims: Sequence[Claim], began_s: float | None) -> Callable[[Run], str | None]:
    """Return the rule that ends a run after a round: the precision is reached, or another round would take too long."""
    precision, in_time = run.plan.precision, budget_stop(run, began_s)

    def stop(so_far: Run) -> str | None:
        if precision is not None:
            from benchmarks.judge.judge import reached  # noqa: PLC0415 (only who judges needs it)

            if (reason := reached(so_far, claims, precision)) is not None:
                return reason
        return in_time(so_far)

    return stop


def _announce(console: Console, instrument: Instrument, run: Run) -> None:
    plan, left = run.plan, trials_left(run)
    minutes, seconds = divmod(round(remaining_s(run)), 60)
    rounds = max(plan.rounds.values())
    at_most = "at most " if plan.precision is not None else ""
    gone_on = f"; {len(left)} trials are left of the run of {run.started_at}" if run.resumptions else ""
    console.print(
        f"{plan.preset}: {len(plan.contenders)} contenders, {at_most}{rounds} rounds, seed {plan.seed}; "
        f"{pinning(instrument)}{gone_on}; {at_most or 'about '}{minutes} min {seconds:02} s.",
        highlight=False,
    )


def pinning(instrument: Instrument) -> str:
    """Say which cores server and loader have."""
    cores, workers = instrument.cores, instrument.facts.get("load_workers")
    if workers is not None:
        return f"load from workers: {workers}"
    if not cores.server:
        return "server and loader share the cores: expect wider intervals"
    plural = "" if len(cores.loader) == 1 else "s"
    return f"server on core {cores.server[0]}, loader on core{plural} {', '.join(map(str, cores.loader))}"


def _comparison_kept(record: Journal) -> str:
    trials = len(record.run.trials)
    kept = (
        f"{trials} trials are kept: {report_command(record.folder)}"
        if trials
        else "The loader was calibrated, no more."
    )
    return f"{kept}\nTo go on: {resume_command(record.folder, record.run.environment)}"
