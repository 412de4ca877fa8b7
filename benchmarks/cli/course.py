"""Takes a comparison from its first trial, or from where it was cut, to its last, and says what went wrong."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console

from benchmarks.cli.exits import exit_interrupted, words_for
from benchmarks.cli.turn import own_turn
from benchmarks.judge.claims import Claim
from benchmarks.measure import dependencies, environment, journal, remaining, schedule
from benchmarks.measure.dependencies import Dependencies, DependencyError
from benchmarks.measure.load.engine import LoadEngine, LoadEngineError
from benchmarks.measure.parity import ParityError
from benchmarks.measure.schedule import ScheduledTrial
from benchmarks.measure.server import ServerError
from benchmarks.model import Run
from benchmarks.report.reproduce import report_command, resume_command


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What a comparison is measured with.

    Attributes:
        console: Where announcements and progress are shown.
        claims: The ledger, which says what is a headline.
        loader: Drives the load.
        cores: Which server and loader may use.
        facts: What there is to know of the loader.
        asks_readiness: Whether what is measured depends on services that are to be started.
    """

    console: Console
    claims: tuple[Claim, ...]
    loader: LoadEngine
    cores: environment.Cores
    facts: Mapping[str, str | int]
    asks_readiness: bool = False

    def measure(
        self, begin: Callable[[Mapping[str, environment.Fact]], journal.Journal], *, wait: bool, began_s: float | None
    ) -> tuple[Run, Path]:
        """Measure what the record lacks, once the machine is ours.

        Args:
            begin: Begins the record, or opens the one that is gone on with, given the facts beside the environment.
            wait: Whether to wait while another measures.
            began_s: See ``_stop``.
        Returns:
            The run, complete, and its folder.
        Raises:
            click.ClickException: Something went wrong; the message says what is kept, and how to go on.
        """
        record: journal.Journal | None = None
        try:
            with own_turn(wait=wait) as turn, self._dependencies() as started:
                record = begin({**self.facts, **started.facts})
                turn.note(record.folder)
                return self._run(record, began_s, started), record.folder
        except (ParityError, ServerError, DependencyError, LoadEngineError, journal.RunFileError) as error:
            raise click.ClickException(_kept(str(error), record)) from error
        except OSError as error:
            # A full disk or no descriptor left, somewhere beside the journal.
            raise click.ClickException(_kept(f"The system refused: {error}.", record)) from error
        except KeyboardInterrupt as interrupt:
            click.echo(_kept(words_for(interrupt), record), err=True)
            exit_interrupted(interrupt)

    @contextlib.contextmanager
    def _dependencies(self) -> Iterator[Dependencies]:
        if not self.asks_readiness:
            yield dependencies.NONE
            return
        self.console.print("Starting what readiness depends on.", style="dim", highlight=False)
        with dependencies.running(self.cores) as started:
            yield started

    def _run(self, record: journal.Journal, began_s: float | None, started: Dependencies) -> Run:
        from benchmarks.measure.runner import Runner  # noqa: PLC0415 (only what measures drives load)
        from benchmarks.report.progress import RunProgress  # noqa: PLC0415 (the same)

        run = record.run
        if run.state == "complete":
            told = f"{record.folder} is complete: there is nothing to measure. {report_command(record.folder)}"
            click.echo(told, err=True)
            return run
        _announce(self, run)
        with RunProgress(self.console, run.plan, len(run.calibration) + len(run.trials)) as progress:
            measured = Runner(
                engine=self.loader,
                cores=self.cores,
                listener=progress,
                stop=_stop(run, self.claims, began_s),
                dependencies=started,
            ).run(record)
        # Wherever it was put: `latest` is a name of results/ alone.
        self.console.print(f"The run is kept: {report_command(record.folder)}", highlight=False, soft_wrap=True)
        return measured


def _stop(run: Run, claims: Sequence[Claim], began_s: float | None) -> Callable[[Run], str | None]:
    """Return what is asked after each round: whether the precision is reached, or another round would take too long.

    Args:
        run: As it begins, or as it is gone on with.
        claims: The ledger, which says what is a headline.
        began_s: When its budget began, on the monotonic clock; ``None`` for one that is gone on with, which has of its
            budget as much as it lacks of its plan.
    """
    plan, now_s = run.plan, time.monotonic()
    rounds_before = max((trial.round for trial in run.trials), default=0)
    ends_s: float | None = None
    if plan.budget_s is not None:
        share = _estimate_s(_left(run)) / max(1.0, schedule.estimate_s(plan))
        ends_s = began_s + plan.budget_s if began_s is not None else now_s + share * plan.budget_s

    def stop(so_far: Run) -> str | None:
        if plan.precision is not None:
            from benchmarks.judge.judge import reached  # noqa: PLC0415 (only who judges needs it)

            if (reason := reached(so_far, claims, plan.precision)) is not None:
                return reason
        later_s = time.monotonic()
        ended = max(trial.round for trial in so_far.trials)
        if ends_s is not None and later_s + (later_s - now_s) / max(1, ended - rounds_before) > ends_s:
            return f"Another round would not have fitted into the budget after {ended}."
        return None

    return stop


def _left(run: Run) -> list[ScheduledTrial]:
    """Return what a run lacks of its plan."""
    return [*remaining.calibration_left(run), *(trial for block in remaining.blocks_left(run) for trial in block)]


def _estimate_s(trials: Sequence[ScheduledTrial]) -> float:
    return sum(map(schedule.estimate_trial_s, trials))


def _announce(course: Course, run: Run) -> None:
    plan, left, cores, facts = run.plan, _left(run), course.cores, course.facts
    minutes, seconds = divmod(round(_estimate_s(left)), 60)
    if "load_workers" in facts:
        pinning = f"workers that ask: {facts['load_workers']}"
    elif cores.server:
        pinning = f"server on core {cores.server[0]}, loader on {_cores(cores.loader)}"
    else:
        pinning = "server and loader share the cores: expect wider intervals"
    rounds = max(plan.rounds.values())
    at_most = "at most " if plan.precision is not None else ""
    gone_on = f"; {len(left)} trials are left of the run of {run.started_at}" if run.resumptions else ""
    course.console.print(
        f"{plan.preset}: {len(plan.contenders)} contenders, {at_most}{rounds} rounds, seed {plan.seed}; "
        f"{pinning}{gone_on}; {at_most or 'about '}{minutes} min {seconds:02} s.",
        highlight=False,
    )


def _cores(cpus: Sequence[int]) -> str:
    return f"core{'' if len(cpus) == 1 else 's'} {', '.join(map(str, cpus))}"


def _kept(what: str, record: journal.Journal | None) -> str:
    """Say what went wrong, what there is all the same, and how to go on."""
    if record is None or not (record.run.trials or record.run.calibration):
        return f"{what}\nNothing was measured yet."
    trials = len(record.run.trials)
    kept = (
        f"{trials} trials are kept: {report_command(record.folder)}"
        if trials
        else "The loader was calibrated, no more."
    )
    return f"{what}\n{kept}\nTo go on: {resume_command(record.folder, record.run.environment)}"
