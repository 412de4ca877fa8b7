"""``lab crossover`` maps where async def pays, over waits and connections; ``lab advise`` answers from a map."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmarks.cli import runs
from benchmarks.cli.course import measure, own_turn, pinning, wait_option
from benchmarks.cli.group import lab
from benchmarks.cli.options import Seconds, seed_option
from benchmarks.cli.output import Output, document_options
from benchmarks.cli.subjects import Subjects, subject_options
from benchmarks.contenders import catalogue
from benchmarks.errors import InvalidValueError
from benchmarks.measure import environment, parity, sweep
from benchmarks.measure.journal import Journal
from benchmarks.measure.runner import Instrument
from benchmarks.model import Place, Run, Workload

if TYPE_CHECKING:
    from rich.console import Console

_KEPT = (
    "The sweep itself is kept; copy its folder to a place that can be written, and run `lab crossover --from FOLDER` "
    "there."
)


@lab.command()
@subject_options
@click.option("--budget", type=Seconds(60, 6 * 3600), default="10m", metavar="TIME", help="In all.")
@seed_option
@click.option("--out", type=click.Path(path_type=Path), default=runs.MAPS, help="Where maps are kept.")
@click.option("--from", "kept", metavar="MAP", help="Measure nothing; report this kept map again, or latest.")
@wait_option
@document_options
def crossover(  # noqa: PLR0917 (click passes them by name)
    subjects: Callable[[Console], Subjects],
    budget: float,
    seed: int,
    out: Path,
    kept: str | None,
    wait: bool,
    output: Output,
) -> None:
    """Map where async def pays: who serves the most, for each wait and number of connections, and by how much.

    Waits go from 0 to 100 ms and connections from 1 to 500. A coarse grid comes first, then the places at which the
    answer is least sure, until the time is up. The rest of the map is estimated from measured neighbours, and marked
    as such. Beside it is the theory: threads / wait, connections / (wait + service time), 1 / CPU per request. A sweep
    that is cut short keeps what it has.

    Your own apps get each wait in the request: --path '/report?ms={wait_ms}'. A preset is not used.

    \b
    Examples:
      lab crossover
      lab crossover --budget 3m --seed 7
      lab crossover 'fastapi-*@uvicorn' 'flask-*@hypercorn+eventloop'
      lab crossover shop:app@gunicorn shop:app@uvicorn+eventloop --path '/report?ms={wait_ms}'
      lab crossover --from latest
    """  # noqa: D301 (\\b is click's mark against rewrapping)
    if kept is not None:
        tell_map(*runs.find_run(kept, is_map=True), output)
        return
    from benchmarks.judge import exploration  # noqa: PLC0415 (numpy is slow to import)
    from benchmarks.report.progress import SweepProgress  # noqa: PLC0415 (only what measures shows it)

    console = output.console
    asked = subjects(console)
    chosen = asked.contenders or catalogue.select(catalogue.MAPPED)
    request = _request(asked)
    progress = SweepProgress(console, budget)

    def begin(facts: Mapping[str, environment.Fact]) -> Journal:
        agreed = None
        if request is not None:
            (agreed,) = parity.agreed(chosen, (request,), may_differ=asked.may_differ)
        waits_ms = (place.wait_ms for place in (*exploration.COARSE, *exploration.FINE))
        plan = sweep.plan_sweep(chosen, waits_ms, budget, seed, agreed)
        told = f"crossover: {len(chosen)} contenders, seed {plan.seed}; {pinning(instrument)}."
        console.print(told, highlight=False)
        return instrument.begin(out, plan, facts)

    def choose(run: Run, elapsed_s: float, visits: sweep.Visits) -> Place | None:
        return exploration.next_place(run, budget, elapsed_s, visits)

    with own_turn(wait=wait) as lock:
        instrument = Instrument.of(lock=lock)
        run, folder = measure(
            console,
            instrument,
            begin,
            lambda _run: progress,
            _kept,
            route=lambda _run: sweep.sweep_route(progress, choose),
        )
    tell_map(run, folder, output)


def _request(asked: Subjects) -> Workload | None:
    """Return what a user's apps are asked at every place; ``None`` for the lab's own apps.

    Raises:
        InvalidValueError: There is no wait in it, there are several, or a contender has no view that could wait.
    """
    without_view = [each.id for each in asked.contenders if each.is_own and each.variant is None]
    if without_view:
        raise InvalidValueError(f"{without_view[0]} has no view that could wait: leave it out.", "--contender")
    if not asked.requests:
        return None
    paths = [each.path for each in asked.contenders if each.path] or [each.path for each in asked.requests]
    if len(asked.requests) > 1 or not all("{wait_ms}" in path for path in paths):
        raise InvalidValueError(
            "A map asks one request with a wait in it, such as --path '/report?ms={wait_ms}': the lab fills in "
            "milliseconds from 0 to 100.",
            "--path",
        )
    return asked.requests[0]


def _kept(record: Journal) -> str:
    trials = len(record.run.trials)
    return f"{trials} trials are kept: lab crossover --from {record.folder}" if trials else "Nothing was measured yet."


@lab.command()
@click.argument("kept", metavar="[MAP]", default="latest")
@click.option(
    "--view-wait", "wait", type=Seconds(0, 10), required=True, metavar="TIME", help="The view waits for others: 20ms."
)
@click.option("--connections", type=click.IntRange(1, 1_000_000), required=True, help="Concurrent connections.")
@click.option(
    "--threads", type=click.IntRange(1, 100_000), help="Of each process; as the map's servers had, if absent."
)
@click.option("--cores", type=click.IntRange(1, 4096), default=1, help="A process on each: a prediction.")
@document_options
def advise(  # noqa: PLR0917 (click passes them by name)
    kept: str, wait: float, connections: int, threads: int | None, cores: int, output: Output
) -> None:
    """Say whether a view should be async def, and on what, from a map that `lab crossover` measured.

    MAP is its folder, a name under results/crossover/, or latest. The answer says whether it is measured, estimated
    from measured neighbours, or predicted: for other threads by theory, and for more cores. A choice that fails probes
    of behaviour is named with them.

    \b
    Examples:
      lab advise --view-wait 20ms --connections 200
      lab advise --view-wait 20ms --connections 200 --threads 10 --cores 8
    """  # noqa: D301 (\\b is click's mark against rewrapping)
    from benchmarks.conformance import kept_matrix  # noqa: PLC0415 (only advice needs it)
    from benchmarks.judge import advice  # noqa: PLC0415 (numpy is slow to import)
    from benchmarks.report.products.advice import advice_document  # noqa: PLC0415 (the same)

    run, _ = runs.find_run(kept, is_map=True)
    # 1.1 s are 1100.0000000000001 ms, and a place that was measured must be found again.
    asked = Place(round(wait * 1000, 6), connections)
    output.tell(advice_document(advice.advise(run, asked, threads=threads, cores=cores), kept_matrix.shipped()))


def tell_map(run: Run, folder: Path, output: Output) -> None:
    """Judge a map, write its report into its folder, and print it.

    Args:
        run: The sweep.
        folder: Its own.
        output: How to print it.
    Raises:
        LabError: Nothing of it counts, or the report cannot be written.
    """
    from benchmarks.judge.crossover import judge_map  # noqa: PLC0415 (numpy is slow to import)
    from benchmarks.report.products.crossover import map_document  # noqa: PLC0415 (the same)

    document = map_document(judge_map(run))
    output.tell_and_keep(document, folder, "map", _KEPT)
