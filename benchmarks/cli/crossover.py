"""``lab crossover`` maps where async def pays, over waits and connections; ``lab advise`` answers from a map."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path

import click
from rich.console import Console

from benchmarks.cli import runs
from benchmarks.cli.course import measure, own_turn, pinning, wait_option
from benchmarks.cli.group import lab
from benchmarks.cli.options import Seconds
from benchmarks.cli.output import Output, document_options
from benchmarks.cli.subjects import Subjects, subject_options
from benchmarks.contenders import catalogue
from benchmarks.errors import InvalidValueError, LabError, did_you_mean
from benchmarks.measure import journal, parity, sweep
from benchmarks.measure.assembly import Assembly, Instrument
from benchmarks.measure.journal import Journal
from benchmarks.measure.sweep import PRESET
from benchmarks.model import Contender, Place, Run, Workload
from benchmarks.report.reproduce import report_command

MAPS = runs.RESULTS / "crossover"
"""Where maps are kept: not among the runs, whose `latest` is a run to report."""

_KEPT = (
    "The sweep itself is kept; copy its folder to a place that can be written, and run `lab crossover --from FOLDER` "
    "there."
)


@lab.command()
@subject_options
@click.option("--budget", type=Seconds(60, 6 * 3600), default="10m", show_default=True, metavar="TIME", help="In all.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="Of the random orders; chosen and recorded if absent.")
@click.option("--out", type=click.Path(path_type=Path), default=MAPS, show_default=True, help="Where maps are kept.")
@click.option("--from", "kept", metavar="MAP", help="Measure nothing; report this kept map again, or latest.")
@wait_option
@document_options
def crossover(  # noqa: PLR0917 (click passes them by name)
    subjects: Callable[[Console], Subjects],
    budget: float,
    seed: int | None,
    out: Path,
    kept: str | None,
    wait: bool,
    output: Output,
) -> None:
    """Map where async def pays: who serves the most, for each wait and number of connections, and by how much.

    Waits go from 0 to 100 ms and connections from 1 to 500. A coarse grid comes first, then the places at which the
    answer is least sure, until the time is up. Beside it is the theory: threads / wait, connections / (wait +
    service time), 1 / CPU per request. A sweep that is cut short keeps what it has.

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
        tell_map(*find_map(kept), output)
        return
    asked = subjects(output.console)
    chosen = asked.contenders or catalogue.select(catalogue.MAPPED)
    request = _request(asked)
    with own_turn(wait=wait) as lock:
        assembly = Assembly(instrument=Instrument.of(), lock=lock)
        seed = secrets.randbelow(2**32) if seed is None else seed
        if request is not None:
            (request,) = parity.agreed(chosen, (request,), may_differ=asked.may_differ)
        run, folder = _measure(output.console, assembly, chosen, request, budget_s=budget, seed=seed, out=out)
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


def _measure(
    console: Console,
    assembly: Assembly,
    contenders: tuple[Contender, ...],
    request: Workload | None,
    *,
    budget_s: float,
    seed: int,
    out: Path,
) -> tuple[Run, Path]:
    from benchmarks.judge import exploration  # noqa: PLC0415 (numpy is slow to import)
    from benchmarks.report.progress import SweepProgress  # noqa: PLC0415 (only what measures shows it)

    def choose(run: Run, elapsed_s: float, visits: sweep.Visits) -> Place | None:
        return exploration.next_place(run, budget_s, elapsed_s, visits)

    waits_ms = (place.wait_ms for place in (*exploration.COARSE, *exploration.FINE))
    plan = sweep.plan_sweep(contenders, waits_ms, budget_s, seed, request)
    console.print(
        f"crossover: {len(contenders)} contenders, seed {plan.seed}; {pinning(assembly.instrument)}.", highlight=False
    )
    progress = SweepProgress(console, budget_s)
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


@lab.command()
@click.argument("kept", metavar="[MAP]", default="latest")
@click.option(
    "--view-wait", "wait", type=Seconds(0, 10), required=True, metavar="TIME", help="The view waits for others: 20ms."
)
@click.option("--connections", type=click.IntRange(1, 1_000_000), required=True, help="Concurrent connections.")
@click.option(
    "--threads", type=click.IntRange(1, 100_000), help="Of each process; as the map's servers had, if absent."
)
@click.option(
    "--cores", type=click.IntRange(1, 4096), default=1, show_default=True, help="A process on each: a prediction."
)
@document_options
def advise(  # noqa: PLR0917 (click passes them by name)
    kept: str, wait: float, connections: int, threads: int | None, cores: int, output: Output
) -> None:
    """Say whether a view should be async def, and on what, from a map that `lab crossover` measured.

    MAP is its folder, a name under results/crossover/, or latest. The answer says whether it is measured, estimated
    from measured neighbours, or predicted: for other threads by theory, and for more cores.

    \b
    Examples:
      lab advise --view-wait 20ms --connections 200
      lab advise --view-wait 20ms --connections 200 --threads 10 --cores 8
    """  # noqa: D301 (\\b is click's mark against rewrapping)
    from benchmarks.judge import advice  # noqa: PLC0415 (numpy is slow to import)
    from benchmarks.report.products.advice import advice_document  # noqa: PLC0415 (the same)

    run, _ = find_map(kept)
    # 1.1 s are 1100.0000000000001 ms, and a place that was measured must be found again.
    asked = Place(round(wait * 1000, 6), connections)
    output.tell(advice_document(advice.advise(run, asked, threads=threads, cores=cores)))


def find_map(name: str) -> tuple[Run, Path]:
    """Return a kept map and its folder.

    Args:
        name: A folder, a run.json, a journal.jsonl, a name under ``results/crossover/``, or ``latest``.
    Raises:
        LabError: There is none, or it cannot be read; the message says what to do.
    """
    place = Path(name)
    if not place.exists() and (MAPS / name).exists():
        place = MAPS / name
    if not place.exists():
        raise LabError(_absent(name))
    kept = journal.read_run(place)
    if kept.plan.preset != PRESET:
        raise LabError(f"{place} is a run of `lab compare`, not a crossover map: {report_command(place)}")
    return kept, (place if place.is_dir() else place.parent).resolve()


def _absent(name: str) -> str:
    kept = sorted(folder.name for folder in MAPS.iterdir() if folder.is_dir()) if MAPS.is_dir() else []
    if suggestion := did_you_mean(name, kept):
        return f"There is no crossover map called {name!r}.{suggestion}"
    where = f" in {MAPS}" if name == "latest" else f" called {name!r}"
    return f"There is no crossover map{where}. Measure one: lab crossover --budget 10m"


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
