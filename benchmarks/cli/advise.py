"""``lab advise``: should this view be async, and on what? Answered from a kept map."""

from __future__ import annotations

import click

from benchmarks.cli import maps
from benchmarks.cli.group import lab
from benchmarks.cli.options import Seconds
from benchmarks.cli.output import Output, document_options


@lab.command()
@click.argument("kept", metavar="[MAP]", default="latest")
@click.option(
    "--view-wait", "wait", type=Seconds(0, 10), required=True, metavar="TIME", help="The view waits for others: 20ms."
)
@click.option("--connections", type=click.IntRange(1, 1_000_000), required=True, help="How many ask at once.")
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

    MAP is its folder, a name under results/crossover/, or latest. What the map measured is told apart from what lies
    between its places, from the theory's predictions for other threads, and from those for more cores.

    \b
    Examples:
      lab advise --view-wait 20ms --connections 200
      lab advise --view-wait 20ms --connections 200 --threads 10 --cores 8
    """  # noqa: D301 (\\b is click's mark against rewrapping)
    from benchmarks.judge import advice  # noqa: PLC0415 (numpy is slow to import)
    from benchmarks.judge.atlas import EmptyMapError  # noqa: PLC0415 (the same)
    from benchmarks.report.products.advice import advice_document  # noqa: PLC0415 (the same)

    run, _ = maps.find_map(kept)
    # 1.1 s are 1100.0000000000001 ms, and a place that was measured must be found again.
    question = advice.Question(wait_ms=round(wait * 1000, 6), connections=connections, threads=threads, cores=cores)
    try:
        found = advice.advise(run, question)
    except EmptyMapError as error:
        raise click.ClickException(str(error)) from error
    output.tell(advice_document(found))
