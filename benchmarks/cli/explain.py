"""``lab explain``: where the time of one request goes, on a contender's real server."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from benchmarks.cli.course import own_turn, wait_option
from benchmarks.cli.group import lab
from benchmarks.cli.options import Seconds
from benchmarks.cli.output import json_option, new_console, write_json
from benchmarks.cli.subjects import Subjects, subject_options
from benchmarks.errors import InvalidValueError
from benchmarks.measure import environment
from benchmarks.model import Contender, Workload

if TYPE_CHECKING:
    from rich.console import Console

    # Only who records needs it.
    from benchmarks.live.recording import Recording

_MOST_REQUESTS = 20


@lab.command()
@click.pass_context
@subject_options
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
    context: click.Context,
    subjects: Callable[[Console], Subjects],
    wait_s: float,
    requests: int,
    out: Path | None,
    wait: bool,
    as_json: bool,
) -> None:
    """Where does the time of a request go?

    Starts each contender's real server with a recorder in it, sends a few requests at the same moment, and draws where
    each was from its sending to the last byte of its answer: on which thread, running, waiting, or queued. The same
    bursts without the recorder show what recording costs.

    CONTENDER is an id or a pattern of `lab contenders`. TARGET is an app of yours, as for `lab compare`; it is asked
    for --path, in which {wait_ms} stands for --view-wait, and needs no change. A preset is not used.

    \b
    Examples:
      lab explain flask-async@hypercorn
      lab explain shop:app@gunicorn shop:app@uvicorn+eventloop --path /items
    """  # noqa: D301 (\\b is click's mark against rewrapping)
    from benchmarks.live import recording  # noqa: PLC0415 (kept beside its siblings)

    if out is not None and not out.parent.is_dir():
        raise click.BadParameter(f"there is no folder {out.parent}", param_hint="--out")
    if (context.params["workers"] or 1) > 1:
        raise click.BadParameter("a recording follows one process: leave it out", param_hint="--workers")
    wait_ms = _whole_milliseconds(wait_s)
    asked = subjects(new_console(stderr=True))
    if not asked.contenders:
        raise click.UsageError("Name what to explain: a contender (`lab contenders` lists them) or an app of yours.")
    wait_is_told = context.get_parameter_source("wait_s") is ParameterSource.COMMANDLINE
    planned = [
        (contender, hooked, workload)
        for contender, hooked in _hooked(asked)
        for workload in _workloads(asked, contender, wait_ms, wait_is_told=wait_is_told)
    ]
    with own_turn(wait=wait):
        made = [recording.record(*each, requests, environment.share_cores()) for each in planned]
    if out is not None:
        _write_trace(out, made)
    if as_json and len(made) == 1:
        write_json("timeline", **made[0].to_json())
    elif as_json:
        write_json("timelines", timelines=[recording.to_json() for recording in made])
    else:
        _print(made, out)


def _print(made: Sequence[Recording], out: Path | None) -> None:
    from benchmarks.live.drawing import print_recording  # noqa: PLC0415 (kept beside its siblings)

    console = new_console()
    for number, recording in enumerate(made):
        if number:
            console.print()
        print_recording(console, recording)
    if out is not None:
        click.echo(f"\nTrace: {out} (open it on ui.perfetto.dev, or in chrome://tracing)")


def _whole_milliseconds(wait_s: float) -> int:
    wait_ms = round(wait_s * 1_000)
    if abs(wait_ms - wait_s * 1_000) > 1e-6:
        raise click.BadParameter("a view waits for whole milliseconds", param_hint="--view-wait")
    return wait_ms


def _write_trace(out: Path, made: Sequence[Recording]) -> None:
    from benchmarks.live.drawing import chrome_trace  # noqa: PLC0415 (kept beside its siblings)

    try:
        trace = chrome_trace(*(recording.timeline for recording in made))
        out.write_text(json.dumps(trace) + "\n", encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"Cannot write {out}: {error.strerror or error}.") from error


def _hooked(asked: Subjects) -> Iterator[tuple[Contender, Contender]]:
    """Yield each contender, and the same with the recorder in its server.

    Raises:
        InvalidValueError: One has no view, or is not imported by the lab.
    """
    from benchmarks.live import recording  # noqa: PLC0415 (kept beside its siblings)

    for contender in asked.contenders:
        if contender.is_own:
            try:
                yield contender, recording.recorded(contender)
            except InvalidValueError as error:
                raise InvalidValueError(str(error), "CONTENDER") from error
        elif contender.id not in asked.recorded_by:
            raise InvalidValueError(
                f"{contender.id} is not imported by the lab, which cannot put a recorder into it: name the app itself, "
                "such as shop:app@gunicorn.",
                "TARGET",
            )
        else:
            hooked = asked.recorded_by[contender.id](recording.RECORDER_FOLDER)
            # Under the name, and with the path, that it was given here.
            yield contender, dataclasses.replace(contender, arguments=hooked.arguments, environment=hooked.environment)


def _workloads(asked: Subjects, contender: Contender, wait_ms: int, *, wait_is_told: bool) -> Iterator[Workload]:
    """Yield what a contender is asked: its view that waits, or the requests to somebody's app.

    Raises:
        InvalidValueError: A wait was asked for, and the path has no place for it.
    """
    from benchmarks.live.recording import request_of  # noqa: PLC0415 (kept beside its siblings)

    if contender.is_own:
        yield request_of(contender, wait_ms)
        return
    for workload in (each for request in asked.requests for each in request.mix or (request,)):
        waits = "{wait_ms}" in (contender.path or workload.path)
        if wait_is_told and not waits:
            raise InvalidValueError(
                "Where does your app get the wait? Put it into the path: --path '/report?ms={wait_ms}'.", "--view-wait"
            )
        fills = waits and (wait_is_told or not workload.wait_ms)
        yield dataclasses.replace(workload, wait_ms=wait_ms) if fills else workload
