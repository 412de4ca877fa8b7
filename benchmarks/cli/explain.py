"""``lab explain``: where the time of one request goes, on a contender's real server."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console

from benchmarks.cli.course import own_turn, wait_option
from benchmarks.cli.group import lab
from benchmarks.cli.options import Seconds
from benchmarks.cli.output import json_option, write_json
from benchmarks.contenders import catalogue
from benchmarks.errors import InvalidValueError
from benchmarks.measure import environment

_MOST_REQUESTS = 20


@lab.command()
@click.argument("contender")
@click.option(
    "--view-wait", "wait_s", type=Seconds(0, 1), default="20ms", show_default=True, help="What each view waits for."
)
@click.option(
    "--requests", type=click.IntRange(1, _MOST_REQUESTS), default=3, show_default=True, help="Sent at the same moment."
)
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Also write a Chrome trace, which Perfetto opens."
)
@wait_option
@json_option
def explain(  # noqa: PLR0917 (click passes them by name)
    contender: str, wait_s: float, requests: int, out: Path | None, wait: bool, as_json: bool
) -> None:
    """Where does the time of a request go?

    Starts CONTENDER's real server with a recorder in it, sends a few requests at the same moment, and draws where each
    was from its sending to the last byte of its answer: on which thread, running, waiting, or queued. `lab contenders`
    lists what can be explained. The same bursts without the recorder show what recording costs.
    """
    from benchmarks.live import recording  # noqa: PLC0415 (kept beside its siblings)
    from benchmarks.live.drawing import chrome_trace, print_recording  # noqa: PLC0415 (the same)

    if out is not None and not out.parent.is_dir():
        raise click.BadParameter(f"there is no folder {out.parent}", param_hint="--out")
    wait_ms = round(wait_s * 1_000)
    if abs(wait_ms - wait_s * 1_000) > 1e-6:
        raise click.BadParameter("a view waits for whole milliseconds", param_hint="--view-wait")
    try:
        chosen = catalogue.find(contender)
        recording.recorded(chosen)
    except InvalidValueError as error:
        raise InvalidValueError(str(error), "CONTENDER") from error
    with own_turn(wait=wait):
        made = recording.record(chosen, wait_ms, requests, environment.share_cores())
    if out is not None:
        try:
            out.write_text(json.dumps(chrome_trace(made.timeline)) + "\n", encoding="utf-8")
        except OSError as error:
            raise click.ClickException(f"Cannot write {out}: {error.strerror or error}.") from error
    if as_json:
        write_json("timeline", **made.to_json())
        return
    print_recording(Console(), made)
    if out is not None:
        click.echo(f"\nTrace: {out} (open it on ui.perfetto.dev, or in chrome://tracing)")
