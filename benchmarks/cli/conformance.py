"""``lab conformance``: what works where, before anybody asks how fast it is."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmarks.cli.course import own_turn, wait_option
from benchmarks.cli.exits import EXIT_FINDINGS
from benchmarks.cli.group import lab
from benchmarks.cli.output import Output, document_options
from benchmarks.contenders import own_python, probed, targets
from benchmarks.errors import InvalidValueError, did_you_mean
from benchmarks.measure.server import ServerError

if TYPE_CHECKING:
    from benchmarks.conformance.matrix import Probed
    from benchmarks.conformance.probe import Probe
    from benchmarks.contenders.probed import Arrangement


@lab.command()
@click.argument("words", nargs=-1, metavar="[ARRANGEMENT | TARGET]...")
@click.option("--probe", "names", multiple=True, metavar="ID", help="Only this probe; may be repeated.")
@click.option("--path", default="/", help="What an app of yours is asked for: it must answer GET.")
@click.option("--with-probe-routes", is_flag=True, help="Add the probe routes to your app, in its server's process.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=Path(),
    help="Where your app is imported and runs, unless here.",
)
@click.option("--python", help="Python of your app, or its environment; by default the one beside the app.")
@click.option("--workers", type=click.IntRange(1, 64), help="Worker processes of your app's server (1).")
@click.option("--threads", type=click.IntRange(1, 1000), help="Threads of each; by default the server decides.")
@click.option(
    "--from",
    "kept",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Probe nothing; show a matrix that --json has written.",
)
@wait_option
@document_options
def conformance(  # noqa: PLR0917 (click passes them by name)
    words: tuple[str, ...],
    names: tuple[str, ...],
    path: str,
    with_probe_routes: bool,
    folder: Path,
    python: str | None,
    workers: int | None,
    threads: int | None,
    kept: Path | None,
    wait: bool,
    output: Output,
) -> None:
    """What works where? Try the behaviours that every server, bridge and framework must have.

    A rate means nothing where HEAD answers 500, uploads arrive empty, or ten closed tabs stop the service. Each probe
    is a request or more over a real socket against a real server, and says: holds; differs (correct, but not as on the
    framework's native server); fails; or does not apply. For each failure it tells what happens to a user, whose doing
    it is (app, bridge or server), and the smallest request that shows it.

    Without a word, the lab tries its own probe apps on every server and bridge that is installed. ARRANGEMENT is one
    of these, as flask@uvicorn+eventloop, or a pattern. TARGET is an app of yours, MODULE:ATTRIBUTE[@SERVER][+BRIDGE];
    it runs in its own folder, with the Python found beside it, and need not change. It is asked for --path only. With
    --with-probe-routes it is asked everything: routes under /_lab-probe are added while it is probed.

    \b
    Exit status:
      0    no finding, or a survey without a name
      4    an arrangement or app that was named fails a probe

    \b
    Examples:
      lab conformance
      lab conformance 'flask@hypercorn*'
      lab conformance shop:app@uvicorn+eventloop --path /items --with-probe-routes
      lab conformance flask@hypercorn --probe head --probe body-chunked
      lab conformance --json > works.json; lab conformance --from works.json --format html
    """  # noqa: D301 (\\b is click's mark against rewrapping)
    from benchmarks.conformance import examine, kept_matrix  # noqa: PLC0415 (only this command probes)
    from benchmarks.report.products.conformance import conformance_document  # noqa: PLC0415 (the same)

    if kept is not None:
        output.tell(conformance_document(kept_matrix.read(kept)))
        return
    chosen = _chosen(names)
    arrangements: list[Arrangement] = []
    patterns = [word for word in words if not targets.is_target(word)]
    if patterns or not words:
        arrangements += probed.field_of(patterns)
    where = own_python.surroundings(folder.absolute(), python)
    for word in words:
        if targets.is_target(word):
            arrangements += probed.of_target(
                word, where, path, workers=workers, threads=threads, with_probes=with_probe_routes
            )
    if with_probe_routes and len(patterns) == len(words):
        raise InvalidValueError("It is for an app of yours: name one, such as shop:app.", "--with-probe-routes")
    console = output.console
    console.print(
        f"{len(chosen)} probes on {sum(not each.is_reference for each in arrangements)} arrangements, and on "
        f"{sum(each.is_reference for each in arrangements)} more that show whose doing a failure is.",
        style="dim",
        highlight=False,
    )

    def told(each: Probed) -> None:
        count = len(each.failing())
        # Any thread may end first, and a line is printed whole.
        console.print(f"  {each.id}: {count} failing" if count else f"  {each.id}", style="dim", highlight=False)

    with own_turn(wait=wait):
        matrix = examine.conformance(arrangements, chosen, told)
    unable = [each for each in matrix.asked if words and all(cell.is_unable for cell in each.cells)]
    if unable:
        raise ServerError(f"{unable[0].id}: {unable[0].cells[0].seen}")
    output.tell(conformance_document(matrix))
    if words and any(each.failing() for each in matrix.asked):
        sys.exit(EXIT_FINDINGS)


def _chosen(names: Sequence[str]) -> list[Probe]:
    """Return the probes of these ids; all where there is none.

    Raises:
        InvalidValueError: There is no such probe.
    """
    from benchmarks.conformance.probe import probes  # noqa: PLC0415 (only this command probes)

    known = probes()
    for name in names:
        if name not in known:
            raise InvalidValueError(
                f"No probe is called {name!r}.{did_you_mean(name, known)} There are: {', '.join(known)}.", "--probe"
            )
    return [each for name, each in known.items() if not names or name in names]
