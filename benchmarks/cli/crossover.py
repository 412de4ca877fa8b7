"""``lab crossover``: maps where async def pays, over waits and connections."""

from __future__ import annotations

import secrets
from pathlib import Path

import click
from rich.console import Console

from benchmarks.cli import maps
from benchmarks.cli.course import measure, own_turn, pinning, wait_option
from benchmarks.cli.group import lab
from benchmarks.cli.options import Seconds
from benchmarks.cli.output import Output, document_options
from benchmarks.contenders import catalogue
from benchmarks.errors import InvalidValueError
from benchmarks.measure import sweep
from benchmarks.measure.assembly import Assembly, Instrument
from benchmarks.measure.journal import Journal
from benchmarks.model import Contender, Place, Run


@lab.command()
@click.option(
    "-c", "--contender", "contenders", multiple=True, help="These, not the usual four: an id or a pattern ('flask-*')."
)
@click.option("--budget", type=Seconds(60, 6 * 3600), default="10m", show_default=True, metavar="TIME", help="In all.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="Of the random orders; chosen and recorded if absent.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=maps.MAPS, show_default=True, help="Where maps are kept."
)
@click.option("--from", "kept", metavar="MAP", help="Measure nothing; tell this kept map again, or latest.")
@wait_option
@document_options
def crossover(  # noqa: PLR0917 (click passes them by name)
    contenders: tuple[str, ...],
    budget: float,
    seed: int | None,
    out: Path,
    kept: str | None,
    wait: bool,
    output: Output,
) -> None:
    """Map where async def pays: who serves the most, for each wait and number of connections, and by how much.

    Waits go from 0 to 100 ms and connections from 1 to 500. A coarse grid comes first, then the places at which the
    answer is least sure, until the time is up. The theory stands beside it: threads / wait, connections / (wait +
    service time), 1 / CPU per request. A sweep that is cut short keeps what it has.

    \b
    Examples:
      lab crossover
      lab crossover --budget 3m --seed 7
      lab crossover -c 'fastapi-*@uvicorn' -c 'flask-*@hypercorn+eventloop'
      lab crossover --from latest
    """  # noqa: D301 (\\b is click's mark against rewrapping)
    if kept is not None:
        maps.tell_map(*maps.find_map(kept), output)
        return
    chosen = _select(contenders)
    with own_turn(wait=wait) as lock:
        assembly = Assembly(instrument=Instrument.of(), lock=lock)
        seed = secrets.randbelow(2**32) if seed is None else seed
        run, folder = _measure(output.console, assembly, chosen, budget_s=budget, seed=seed, out=out)
    maps.tell_map(run, folder, output)


def _measure(
    console: Console, assembly: Assembly, contenders: tuple[Contender, ...], *, budget_s: float, seed: int, out: Path
) -> tuple[Run, Path]:
    from benchmarks.judge import exploration  # noqa: PLC0415 (numpy is slow to import)
    from benchmarks.report.progress import SweepProgress  # noqa: PLC0415 (only what measures shows it)

    def choose(run: Run, elapsed_s: float, visits: sweep.Visits) -> Place | None:
        spending = exploration.Spending(budget_s=budget_s, elapsed_s=elapsed_s, visits=visits)
        return exploration.next_place(run, spending)

    waits_ms = (place.wait_ms for place in (*exploration.COARSE, *exploration.FINE))
    plan = sweep.plan_sweep(contenders, waits_ms, budget_s, seed)
    console.print(
        f"crossover: {len(contenders)} contenders, seed {plan.seed}; {pinning(assembly.instrument)}.", highlight=False
    )
    progress = SweepProgress(console, budget_s, len(contenders))
    return measure(
        console,
        assembly,
        lambda facts: assembly.instrument.begin(out, plan, facts),
        lambda _run: progress,
        _kept,
        route=lambda _run: sweep.Sweep(listener=progress, choose=choose),
    )


def _kept(record: Journal) -> str:
    trials = len(record.run.trials)
    return f"{trials} trials are kept: lab crossover --from {record.folder}" if trials else "Nothing was measured yet."


def _select(patterns: tuple[str, ...]) -> tuple[Contender, ...]:
    chosen = catalogue.select(patterns or catalogue.MAPPED)
    without_view = [contender.id for contender in chosen if contender.variant is None]
    if without_view:
        raise InvalidValueError(f"{without_view[0]} has no view that could wait: leave it out.", "--contender")
    return chosen
