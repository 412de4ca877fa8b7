"""``lab check``: did this change make my service slower? Compares two versions of a repository in one run."""

from __future__ import annotations

import dataclasses
import math
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmarks.cli import sides
from benchmarks.cli.course import measure, own_turn, wait_option
from benchmarks.cli.exits import EXIT_FINDINGS, EXIT_REFUSED, EXIT_UNDECIDED
from benchmarks.cli.group import lab
from benchmarks.cli.options import Percent, Seconds, seed_option
from benchmarks.cli.output import Output, document_options
from benchmarks.cli.subjects import Asked, as_asked, asked_options
from benchmarks.contenders import worktrees
from benchmarks.contenders.lab_file import LabFile
from benchmarks.errors import InvalidValueError, LabError, RefusedError
from benchmarks.measure import schedule
from benchmarks.measure.alone import MachineLock
from benchmarks.measure.remaining import estimate_s
from benchmarks.measure.runner import Instrument, growing_route
from benchmarks.model import EQUAL_RATE, MARGIN, Contender, Plan, Run, Workload
from benchmarks.report.reproduce import report_command

if TYPE_CHECKING:
    from rich.console import Console

    from benchmarks.judge.check import CheckJudgement, Gate
    from benchmarks.report.document import Document
    from benchmarks.report.progress import RunProgress

_BUDGET_S = 180.0
_LATENCY_AT = 0.7
_LATENCY_ROUNDS = 6
_STATUSES = {"fine": 0, "regression": EXIT_FINDINGS, "refused": EXIT_REFUSED, "undecided": 0}
_AGAIN = ("gate", "setup", "carry")
"""Options that the command which repeats a check has too, as they were given."""

_SHARES = ("margin", "p95_margin", "memory_margin")
"""The same, given in percent."""


@lab.command()
@click.argument("words", nargs=-1, metavar="[NAME | TARGET]")
@asked_options
@click.option("--base", metavar="REF", help="What to compare with; by default where this left the default branch.")
@click.option("--budget", type=Seconds(10, 86_400), metavar="TIME", help="Time for all of the measuring (3m).")
@click.option("--margin", type=Percent(0.5, 50), metavar="PERCENT", help="Slower by more than this is an alarm (5%).")
@click.option(
    "--gate", type=click.Choice(("rate", "cpu")), default="rate", help="What decides: rate, or CPU time per request."
)
@click.option(
    "--p95-margin",
    type=Percent(0.5, 500),
    metavar="PERCENT",
    help="Measure p95 latency of the first request at an equal rate too; longer by more than this is an alarm.",
)
@click.option(
    "--memory-margin", type=Percent(0.5, 500), metavar="PERCENT", help="Memory that grows by more is an alarm too."
)
@click.option("--setup", metavar="COMMAND", help="Give each side an environment of its own by this: 'pip install .'.")
@click.option(
    "--carry", multiple=True, metavar="PATH", help="Copy this, which git does not track, to both sides: .env."
)
@click.option("--strict", is_flag=True, help="End with status 5 where something is undecided.")
@click.option("--junit", type=click.Path(path_type=Path, dir_okay=False), help="Also write JUnit XML to this file.")
@click.option(
    "--comment",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write Markdown to this file, but only if there is something to say.",
)
@click.option("--out", type=click.Path(path_type=Path), help="Keep the run, with every trial, under this folder.")
@seed_option
@wait_option
@document_options
def check(
    asked: Asked,
    *,
    strict: bool,
    junit: Path | None,
    comment: Path | None,
    wait: bool,
    output: Output,
    **options: Any,
) -> None:
    """Did this change make my service slower?

    Compares head, what git tracks here as it is now, with base, the commit where this left the default branch: both
    from worktrees beside the repository, in one run, their slices taking turns. Nothing in the repository changes. NAME
    is a contender of lab.toml, by default what it compares with, and TARGET is an app, MODULE:ATTRIBUTE[@SERVER]. Of
    lab.toml, the base's version counts.

    Before anything is timed, each side proves that its modules come from its own tree, and both must answer alike. A
    few rounds then say which regression the budget will show. A request that looks slower is measured again, in rounds
    of their own, before it is an alarm.

    \b
    Exit status:
      0  no request is slower beyond the margin, or there is nothing to compare with yet
      3  refused: nothing can be said (A/A failed, different answers, errors, loader at its limit, same code twice)
      4  regression: slower beyond the margin, confirmed
      5  undecided, with --strict
    \b
    Examples:
      lab check
      lab check shop:app@gunicorn --path /items
      lab check --base v1.4 --budget 10m --gate cpu
      lab check --setup 'pip install .' --carry .env
      lab check --junit lab.xml --comment comment.md --strict
    """  # noqa: D301 (\\b is click's mark against rewrapping)
    from benchmarks.report.products.check import has_news, refused_document  # noqa: PLC0415 (brings what judges)

    judgement = None
    try:
        with own_turn(wait=wait) as lock:
            document, judgement = _checked(output.console, lock, asked, options)
    except RefusedError as refusal:
        if output.form is not None:
            click.echo(f"Refused: {refusal}", err=True)
        document = refused_document(str(refusal))
    outcome = str(document.data["outcome"])
    is_news = outcome == "refused" or (judgement is not None and has_news(judgement))
    _write(document, junit, comment if is_news else None, strict=strict)
    output.tell(document)
    sys.exit(EXIT_UNDECIDED if strict and outcome == "undecided" else _STATUSES[outcome])


def _checked(
    console: Console, lock: MachineLock, asked: Asked, options: Mapping[str, Any]
) -> tuple[Document, CheckJudgement | None]:
    """Compare both sides, and judge them; there may be nothing to compare with."""
    from benchmarks.report.products.check import Sides, check_document, first_document  # noqa: PLC0415 (as above)

    repository = worktrees.repository(asked.folder)
    if (base := repository.base(options["base"])) is None:
        if options["setup"] is None:
            sides.see_here(asked)
        return first_document("there is no earlier commit"), None
    with repository.worktrees(base.commit) as (*trees, commit):
        repository.carry(options["carry"], trees)
        project = sides.project_of(
            repository, trees, (base, commit), carried=options["carry"], is_set_up=options["setup"] is not None
        )
        last = repository.git("rev-parse", "HEAD")
        both = Sides(
            base=base.commit,
            found=base.found,
            head=last,
            is_dirty=commit != last,
            said=project.said,
            command=_command(options, base.commit),
        )
        for line in filter(None, (both.sentence, *project.said, project.lacking)):
            console.print(line, style="dim", highlight=False, markup=False)
        compared = sides.contenders(console, repository, trees, asked, project, setup=options["setup"])
        began_s = time.monotonic()
        console.print("Asking both sides, before anything is timed.", style="dim", highlight=False)
        asking = sides.agreed(repository, trees, compared, asked, project)
        course = _Course(console, project.told, options, began_s)
        run = course.measure(compared, asking, lock, both.command, options["out"] or trees[0].root.with_name("run"))
        judgement = course.judge(run)
        return check_document(judgement, run, both), judgement


def _command(options: Mapping[str, Any], base: str) -> str:
    """Return the command that repeats this one."""
    told = ["lab check", as_asked(*_AGAIN)]
    told += [] if options["budget"] is None else [f"--budget {options['budget']:g}s"]
    told += [f"--{name.replace('_', '-')} {100 * options[name]:g}%" for name in _SHARES if options[name] is not None]
    return " ".join(filter(None, (*told, f"--base {base[:12]}", f"--seed {options['seed']}")))


class _Course:
    """The course of a check, decided as it goes: a few rounds, then as many as the budget allows, then suspects again.

    Args:
        console: Where is said what was decided.
        told: The project's file.
        options: Of the command.
        began_s: When the budget began, on the monotonic clock.
    Raises:
        InvalidValueError: The file has a budget or a margin that is none.
    """

    def __init__(self, console: Console, told: LabFile, options: Mapping[str, Any], began_s: float) -> None:
        self._console = console
        self._seed: int = options["seed"]
        self._is_kept = options["out"] is not None
        self._gate: Gate = options["gate"]
        self._latency_margin: float | None = options["p95_margin"]
        self._memory_margin: float | None = options["memory_margin"]
        kept = Seconds(10, 86_400).convert(told.budget, None, None) if told.budget else _BUDGET_S
        self._budget_s: float = options["budget"] or kept
        loose = Percent(0.5, 50).convert(told.margin, None, None) if told.margin else MARGIN
        self._margin: float = options["margin"] or loose
        self._ends_s = began_s + self._budget_s
        self._began_s = began_s
        self._first_s = self._latency_s = 0.0
        self._names: list[str] = []
        self._screened: int | None = None
        self._last: dict[str, int] | None = None
        self._progress: RunProgress | None = None

    def measure(
        self, sides: tuple[Contender, Contender], asking: tuple[Workload, ...], lock: MachineLock, again: str, out: Path
    ) -> Run:
        """Measure both sides, for as long as it takes to decide and the budget allows.

        Args:
            sides: Base and head.
            asking: What both are asked.
            lock: Of this machine.
            again: The command that repeats it.
            out: Under which the run is kept.
        Raises:
            InvalidValueError: The budget is too little for any check.
            LabError: It could not be measured.
        """
        from benchmarks.judge.check import MOST_ROUNDS, PILOT_ROUNDS  # noqa: PLC0415 (only who judges needs it)
        from benchmarks.report.progress import RunProgress  # noqa: PLC0415 (only what measures shows it)

        instrument = Instrument.of(lock=lock)
        plan = schedule.long_enough(
            schedule.plan(
                "quick",
                sides,
                self._seed,
                rounds=2 * MOST_ROUNDS,
                budget_s=self._budget_s,
                limits=instrument.engine.limits,
                latency_at=None if self._latency_margin is None else _LATENCY_AT,
                requests=asking,
                against=sides[0].id,
                margin=self._margin,
            )
        )
        self._names = [workload.name for workload in asking]
        self._latency_s = estimate_s(_lasting(plan, 0)) - estimate_s(_lasting(plan, 0, latency=0))
        self._check_budget(estimate_s(_lasting(plan, 2 * PILOT_ROUNDS)))
        facts = {schedule.CHECK_FACT: again}
        run, _ = measure(
            self._console,
            instrument,
            lambda more: instrument.begin(out, plan, {**more, **facts}),
            lambda run: self._follow(RunProgress(self._console, run.plan)),
            lambda record: report_command(record.folder) if self._is_kept else "It is not kept without --out.",
            route=lambda _run: growing_route(self.last_rounds),
        )
        return run

    def _follow(self, progress: RunProgress) -> RunProgress:
        self._progress = progress
        progress.expect(dict.fromkeys(self._names, 0))
        return progress

    def _check_budget(self, least_s: float) -> None:
        needed_s = time.monotonic() - self._began_s + least_s
        if self._budget_s < needed_s:
            raise InvalidValueError(
                f"A budget of {self._budget_s:g} s is too little: the least that a check of this takes is about "
                f"{math.ceil(needed_s)} s. Give more time, or ask for fewer requests.",
                "--budget",
            )

    def last_rounds(self, run: Run) -> Mapping[str, int]:
        """Return the last round of each request, as far as that is decided."""
        from benchmarks.judge.check import PILOT_ROUNDS, to_look_at_again  # noqa: PLC0415 (only who judges needs it)

        rounds = [trial.round for trial in run.trials if trial.workload != EQUAL_RATE]
        done = max(rounds, default=0)
        if done < PILOT_ROUNDS:
            if not rounds:
                self._first_s = time.monotonic()
            last = dict.fromkeys(self._names, PILOT_ROUNDS)
        elif self._screened is None or done < self._screened:
            self._screened = self._screened or self._planned(run, done)
            last = dict.fromkeys(self._names, self._screened)
        elif self._last is None:
            again = to_look_at_again(run, self._gate, self._screened)
            if again:
                self._say(f"Not decided yet: {', '.join(sorted(again))}. Measured again, in rounds of their own.")
            last = self._last = {name: 2 * self._screened if name in again else self._screened for name in self._names}
        else:
            # A machine that has become slower must not take more time than there is.
            enough = done - self._screened >= PILOT_ROUNDS and time.monotonic() > self._ends_s - self._latency_s
            last = {name: min(each, done) if enough else each for name, each in self._last.items()}
        last = {**last, EQUAL_RATE: 0 if self._latency_margin is None else _LATENCY_ROUNDS}
        if self._progress is not None:
            self._progress.expect(last)
        return last

    def _planned(self, run: Run, done: int) -> int:
        """Plan the rounds of each set, and say which regression they will show."""
        from benchmarks.judge.check import plan_course  # noqa: PLC0415 (only who judges needs it)

        now_s = time.monotonic()
        round_s = (now_s - self._first_s) / done
        course = plan_course(run, self._gate, left_s=self._ends_s - now_s - self._latency_s, round_s=round_s)
        told = (
            f"From round to round the ratio varies by {100 * course.spread:.1f} % here. With {course.rounds} rounds, "
            f"and as many again for what then looks slower, a regression of {100 * course.difference:.1f} % is found "
            "four times in five."
        )
        if course.is_coarse:
            longer_s = None if course.needed is None else 2 * course.needed * round_s + self._first_s - self._began_s
            cure = "a quieter machine" if longer_s is None else f"--budget {math.ceil(longer_s / 60)}m"
            told += (
                f" That is coarser than the margin of {100 * self._margin:g} %, so what is no slower may stay "
                f"undecided: it takes {cure}."
            )
        self._say(told)
        return course.rounds

    def _say(self, told: str) -> None:
        self._console.print(told, highlight=False, markup=False)

    def judge(self, run: Run) -> CheckJudgement:
        """Judge what was measured."""
        from benchmarks.judge.check import judge_check  # noqa: PLC0415 (only who judges needs it)

        screened = self._screened or max((trial.round for trial in run.trials), default=0)
        return judge_check(
            run,
            self._gate,
            screened,
            latency_margin=self._latency_margin,
            memory_margin=self._memory_margin,
        )


def _lasting(plan: Plan, rounds: int, latency: int = _LATENCY_ROUNDS) -> Plan:
    """Return a plan with this number of rounds of each request, for an estimate of its time."""
    return dataclasses.replace(plan, rounds={name: latency if name == EQUAL_RATE else rounds for name in plan.rounds})


def _write(document: Document, junit: Path | None, comment: Path | None, *, strict: bool) -> None:
    """Write a document where other programs look for it.

    Raises:
        LabError: A file cannot be written.
    """
    from benchmarks.report.formats import junit as xml  # noqa: PLC0415 (with the document)
    from benchmarks.report.formats import render, write_whole  # noqa: PLC0415 (the same)

    if junit is not None:
        write_whole(junit, xml.render(document, strict=strict))
    if comment is not None:
        write_whole(comment, render(document, "markdown"))
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        try:
            with Path(summary).open("a", encoding="utf-8") as file:
                file.write(render(document, "markdown"))
        except OSError as error:
            raise LabError(f"The summary cannot be written to {summary}: {error.strerror}.") from error
