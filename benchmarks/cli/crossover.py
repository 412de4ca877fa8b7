"""``lab crossover``: maps where async def pays, over waits and connections."""

from __future__ import annotations

import secrets
from pathlib import Path

import click
from rich.console import Console

from benchmarks.cli import maps, runs
from benchmarks.cli.exits import exit_interrupted, words_for
from benchmarks.cli.group import lab
from benchmarks.cli.options import Seconds
from benchmarks.cli.output import json_option
from benchmarks.cli.turn import own_turn, wait_option
from benchmarks.contenders import catalogue
from benchmarks.measure import environment, journal, sweep
from benchmarks.measure.load.engine import LoadEngineError
from benchmarks.measure.parity import ParityError
from benchmarks.measure.server import ServerError
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
@json_option
def crossover(  # noqa: PLR0917 (click passes them by name)
    contenders: tuple[str, ...],
    budget: float,
    seed: int | None,
    out: Path,
    kept: str | None,
    wait: bool,
    as_json: bool,
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
    console = Console(stderr=as_json)
    if kept is not None:
        run, folder = maps.find_map(kept)
        maps.tell_map(console, run, folder, as_json=as_json)
        return
    chosen = _select(contenders)
    with own_turn(wait=wait):
        run, folder = _measure(console, chosen, budget, seed, out)
    maps.tell_map(console, run, folder, as_json=as_json)


def _measure(
    console: Console, contenders: tuple[Contender, ...], budget_s: float, seed: int | None, out: Path
) -> tuple[Run, Path]:
    from benchmarks.judge import exploration  # noqa: PLC0415 (numpy is slow to import)
    from benchmarks.measure.load.builtin import BuiltinEngine  # noqa: PLC0415 (only what measures drives load)
    from benchmarks.report.crossover.progress import SweepProgress  # noqa: PLC0415 (the same)

    def choose(run: Run, elapsed_s: float, visits: sweep.Visits) -> Place | None:
        spending = exploration.Spending(budget_s=budget_s, elapsed_s=elapsed_s, visits=visits)
        return exploration.next_place(run, spending)

    waits_ms = (place.wait_ms for place in (*exploration.COARSE, *exploration.FINE))
    plan = sweep.plan_sweep(contenders, waits_ms, budget_s, secrets.randbelow(2**32) if seed is None else seed)
    cores = environment.share_cores()
    _announce(console, contenders, plan.seed, cores)
    record = runs.begin(out, plan, cores)
    try:
        with SweepProgress(console, budget_s, len(contenders)) as progress:
            run = sweep.Sweep(engine=BuiltinEngine(), cores=cores, listener=progress, choose=choose).run(record)
    except (ParityError, ServerError, LoadEngineError, journal.RunFileError) as error:
        raise click.ClickException(_kept(str(error), record)) from error
    except KeyboardInterrupt as interrupt:
        click.echo(_kept(words_for(interrupt), record), err=True)
        exit_interrupted(interrupt)
    return run, record.folder.resolve()


def _select(patterns: tuple[str, ...]) -> tuple[Contender, ...]:
    try:
        chosen = catalogue.select(patterns or catalogue.MAPPED)
    except catalogue.UnknownContenderError as error:
        raise click.BadParameter(str(error), param_hint="--contender") from error
    without_view = [contender.id for contender in chosen if contender.variant is None]
    if without_view:
        raise click.BadParameter(
            f"{without_view[0]} has no view that could wait: leave it out.", param_hint="--contender"
        )
    return chosen


def _announce(console: Console, contenders: tuple[Contender, ...], seed: int, cores: environment.Cores) -> None:
    pinning = (
        f"server on core {cores.server[0]}, loader on core {cores.loader[0]}"
        if cores.server
        else "server and loader share the cores: expect wider intervals"
    )
    console.print(f"crossover: {len(contenders)} contenders, seed {seed}; {pinning}.", highlight=False)


def _kept(what: str, record: journal.Journal) -> str:
    trials = len(record.run.trials)
    if not trials:
        return f"{what}\nNothing was measured yet."
    return f"{what}\n{trials} trials are kept: lab crossover --from {record.folder}"
