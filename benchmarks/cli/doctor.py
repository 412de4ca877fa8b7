"""``lab doctor``: whether this machine is fit to measure, and how finely."""

from __future__ import annotations

import sys
from collections.abc import Callable

import click
from rich.console import Console

from benchmarks.cli.course import measure_placebo, own_turn, wait_option
from benchmarks.cli.exits import EXIT_REFUSED
from benchmarks.cli.group import lab
from benchmarks.cli.output import Output, document_options
from benchmarks.cli.subjects import Subjects, subject_options
from benchmarks.measure import machine, parity
from benchmarks.measure.assembly import Instrument
from benchmarks.measure.workloads import HEALTH


@lab.command()
@subject_options
@click.option("--rounds", type=click.IntRange(2, 1000), default=10, show_default=True, help="Of the A/A comparison.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="Of the order in each round.")
@wait_option
@document_options
def doctor(subjects: Callable[[Console], Subjects], rounds: int, seed: int | None, wait: bool, output: Output) -> None:
    """Is this machine fit to measure, and which differences will it show?

    Looks at cores, governor, power, clock and what else runs; calibrates the loader on bare servers; and runs one
    contender against itself (A/A), which must come out equal: if it does not, the exit status is 3. Takes about forty
    seconds.

    The contender is the steadiest of the lab's own, or the one that is named; it may be your own app, asked for --path.
    """
    from benchmarks.judge.fitness import judge_fitness  # noqa: PLC0415 (only who judges needs it)
    from benchmarks.report.products.doctor import fitness_document  # noqa: PLC0415 (the same)

    console = Console(stderr=True)
    asked = subjects(console)
    # Of a project's file, the one that the others are compared with.
    contender = next((each for each in asked.contenders if asked.against in (None, each.id)), None)
    instrument = Instrument.of()
    with own_turn(wait=wait):
        request = parity.agreed((contender,), asked.requests[:1])[0] if contender and asked.requests else HEALTH
        seen = machine.look(instrument.cores)
        steal = machine.StealMeter()
        run = measure_placebo(console, instrument, contender, seed, rounds=rounds, workload=request)
        fitness = judge_fitness(seen, run, steal.fraction())
    output.tell(fitness_document(seen, fitness))
    if not fitness.fit:
        sys.exit(EXIT_REFUSED)
