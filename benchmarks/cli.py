"""The command line: arguments only; the work is in the packages below."""

from __future__ import annotations

import contextlib
import datetime as dt
import difflib
import re
import secrets
import shlex
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any, ClassVar, NoReturn

import click
from rich.console import Console

from benchmarks import serve as serving
from benchmarks.contenders import catalogue
from benchmarks.judge.claims import Claim, ClaimsError, parse_claims
from benchmarks.measure import environment, journal, schedule
from benchmarks.measure.load.engine import LoadEngineError
from benchmarks.measure.parity import ParityError
from benchmarks.measure.server import ServerError, command_of
from benchmarks.model import Plan, Run

RESULTS = Path("results")
LEDGER = Path(__file__).with_name("claims.toml")

EXIT_ERROR = 1
EXIT_REFUSED = 3
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143


class Seconds(click.ParamType[float]):
    """A duration: ``30s``, ``500ms``, ``2m``, or a plain number of seconds; within bounds."""

    name = "duration"
    _UNITS: ClassVar = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0}

    def __init__(self, minimum: float, maximum: float) -> None:
        self.minimum, self.maximum = minimum, maximum

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return seconds."""
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|m|)", str(value).strip())
        if match is None:
            self.fail(f"{value!r} is not a duration; write 30s, 500ms or 2m", param, ctx)
        seconds = float(match[1]) * self._UNITS[match[2]]
        if not self.minimum <= seconds <= self.maximum:
            self.fail(f"{value} is outside {self.minimum:g} s to {self.maximum:g} s", param, ctx)
        return seconds


class _Lab(click.Group):
    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Suggest the nearest command for an unknown one."""
        name = args[0] if args else ""
        if name and self.get_command(ctx, name) is None and not name.startswith("-"):
            near = difflib.get_close_matches(name, self.list_commands(ctx), n=1, cutoff=0.4)
            ctx.fail(f"There is no command {name!r}." + (f" Did you mean {near[0]}?" if near else ""))
        return super().resolve_command(ctx, args)


@click.group(cls=_Lab, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="sync-async-lab", prog_name="lab")
def lab() -> None:
    """Is async faster? Try the claims of a FastAPI tutorial on real servers, for FastAPI and for Flask.

    Begin with `lab compare`: in three minutes it prints a verdict on each claim, with its uncertainty and the cause,
    and leaves a report to open. `lab serve` starts the Flask app for a browser.

    \b
    Exit status:
      0    measured
      1    error; the message says what to do
      2    usage
      3    measured, but verdicts are withheld: the A/A placebo failed
      130  interrupted (143 by SIGTERM); what was measured is kept
    """  # noqa: D301 (\\b is click's mark against rewrapping)


@lab.command()
@click.argument("preset", default="quick")
@click.option("-c", "--contender", "contenders", multiple=True, help="Only these: an id or a pattern ('flask-*').")
@click.option("--vus", type=click.IntRange(1, 10_000), help="Virtual users of the health workload.")
@click.option("--duration", type=Seconds(0.2, 3600), metavar="TIME", help="Measured time a trial: 30s, 500ms, 2m.")
@click.option("--rounds", type=click.IntRange(1, 1000), help="Rounds of each workload.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="Of the random order; chosen and recorded if absent.")
@click.option("--out", type=click.Path(path_type=Path), default=RESULTS, show_default=True, help="Where runs are kept.")
def compare(  # noqa: PLR0917 (click passes them by name)
    preset: str,
    contenders: tuple[str, ...],
    vus: int | None,
    duration: float | None,
    rounds: int | None,
    seed: int | None,
    out: Path,
) -> None:
    """Measure, judge and report: PRESET is quick, tutorial or full.

    Every contender is started anew for every trial and asked by a load engine on another core; trials are interleaved
    in rounds, in a random order. A killed run keeps every finished trial.

    \b
    Examples:
      lab compare
      lab compare tutorial --seed 7
      lab compare -c 'flask-*@hypercorn' -c 'fastapi-*@uvicorn' --rounds 8 --duration 2s
    """  # noqa: D301 (\\b is click's mark against rewrapping)
    from benchmarks.measure.load.builtin import BuiltinEngine  # noqa: PLC0415 (only this command drives load)
    from benchmarks.measure.runner import Runner  # noqa: PLC0415 (the same)
    from benchmarks.report.progress import RunProgress  # noqa: PLC0415 (the same)

    console = Console()
    claims = _claims()
    plan = _plan(preset, contenders, seed, vus=vus, duration_s=duration, rounds=rounds)
    cores = environment.share_cores()
    _announce(console, plan, cores)
    with _terminable():
        record = _create_journal(out, plan, cores)
        try:
            with RunProgress(console, plan) as progress:
                run = Runner(engine=BuiltinEngine(), cores=cores, listener=progress).run(record)
        except (ParityError, ServerError, LoadEngineError, journal.RunFileError) as error:
            raise click.ClickException(_kept(str(error), record)) from error
        except KeyboardInterrupt as interrupt:
            click.echo(_kept("Interrupted.", record), err=True)
            sys.exit(EXIT_TERMINATED if interrupt.args else EXIT_INTERRUPTED)
        _tell(console, run, claims, record.folder)


@lab.command()
@click.argument("run", default="latest")
def report(run: str) -> None:
    """Judge and report a kept RUN again.

    Prints it, and writes report.md and report.html into its folder.
    RUN is a folder, a run.json, a journal.jsonl, a name under results/, or latest. It works on a run that was killed.
    """
    place = Path(run)
    if not place.exists() and (RESULTS / run).exists():
        place = RESULTS / run
    try:
        kept = journal.read_run(place)
    except journal.RunFileError as error:
        raise click.ClickException(str(error)) from error
    _tell(Console(), kept, _claims(), (place if place.is_dir() else place.parent).resolve())


@lab.command()
@click.argument("claim", required=False)
def claims(claim: str | None) -> None:
    """List the tutorial's claims and how each is tested.

    CLAIM is one of them, by its id or number; all when it is left out.
    """
    from benchmarks.report.ledger import print_claims  # noqa: PLC0415 (only this command prints the ledger)

    ledger = _claims()
    if claim is not None:
        chosen = [entry for entry in ledger if claim in (entry.id, str(entry.number))]
        if not chosen:
            near = difflib.get_close_matches(claim, [entry.id for entry in ledger], n=1, cutoff=0.3)
            raise click.BadParameter(
                f"No claim is called {claim!r}." + (f" Did you mean {near[0]}?" if near else ""), param_hint="CLAIM"
            )
        ledger = tuple(chosen)
    print_claims(Console(), ledger)


@lab.command()
def contenders() -> None:
    """List what can be compared, with exact start commands."""
    console = Console(highlight=False, soft_wrap=True)
    for twins in catalogue.by_command():
        for contender in twins:
            console.print(f"[bold]{contender.id:<30}[/bold] {contender.description}")
        console.print(f"  [dim]{shlex.join(['python', *command_of(twins[0])[1:]])}[/dim]\n")


@lab.command()
@click.option("--bridge", type=click.Choice(list(serving.BRIDGES)), default="none", show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="0.0.0.0 lets the class in.")
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True)
def serve(bridge: str, host: str, port: int) -> None:
    """Serve the Flask app on Hypercorn.

    Natively as WSGI, or through a bridge to ASGI. Ctrl-C stops it.
    """
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104 (compared, not bound)
    base = f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"

    def ready() -> None:
        click.echo(f"Flask on Hypercorn, bridge {bridge}. Ctrl-C stops it.")
        for path, what in (
            ("/", "start here"),
            ("/health", "the probe's endpoint"),
            ("/health/sync", "def"),
            ("/health/async", "async def"),
            ("/docs", "Swagger UI"),
            ("/redoc", "the same document, to read"),
        ):
            click.echo(f"  {base}{path:<15} {what}")

    try:
        with _terminable():
            status = serving.serve(bridge, host, port, ready)
    except serving.ServeError as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt as interrupt:
        sys.exit(EXIT_TERMINATED if interrupt.args else EXIT_INTERRUPTED)
    if status:
        raise click.ClickException(f"Hypercorn ended with status {status}; its message is above.")


def _plan(preset: str, patterns: tuple[str, ...], seed: int | None, **sizes: Any) -> Plan:
    try:
        return schedule.plan(
            preset, catalogue.select(patterns), secrets.randbelow(2**32) if seed is None else seed, **sizes
        )
    except catalogue.UnknownContenderError as error:
        raise click.BadParameter(str(error), param_hint="--contender") from error
    except schedule.UnknownPresetError as error:
        raise click.BadParameter(str(error), param_hint="PRESET") from error


def _claims() -> tuple[Claim, ...]:
    try:
        return parse_claims(LEDGER.read_text(encoding="utf-8"))
    except (ClaimsError, OSError) as error:
        raise click.ClickException(f"{LEDGER.name}: {error}") from error


def _announce(console: Console, plan: Plan, cores: environment.Cores) -> None:
    minutes, seconds = divmod(round(schedule.estimate_s(plan)), 60)
    pinning = (
        f"server on core {cores.server[0]}, loader on core {cores.loader[0]}"
        if cores.server
        else "server and loader share the cores: expect wider intervals"
    )
    console.print(
        f"{plan.preset}: {len(plan.contenders)} contenders, {max(plan.rounds.values())} rounds, seed {plan.seed}; "
        f"{pinning}; about {minutes} min {seconds:02} s.",
        highlight=False,
    )


def _create_journal(out: Path, plan: Plan, cores: environment.Cores) -> journal.Journal:
    now = dt.datetime.now(dt.UTC)
    run = Run(
        name=f"{now:%Y-%m-%dT%H-%M-%S}-{plan.preset}",
        state="running",
        started_at=now.isoformat(timespec="milliseconds"),
        finished_at=None,
        plan=plan,
        environment=environment.environment(cores),
    )
    try:
        return journal.Journal.create(out, run)
    except journal.RunFileError as error:
        raise click.ClickException(str(error)) from error


def _tell(console: Console, run: Run, ledger: tuple[Claim, ...], folder: Path) -> None:
    from benchmarks.judge.judge import judge  # noqa: PLC0415 (scipy is slow to import)
    from benchmarks.report.files import ReportFileError, write_reports  # noqa: PLC0415 (so is matplotlib)
    from benchmarks.report.terminal import print_report  # noqa: PLC0415 (kept beside its siblings)

    judgement = judge(run, ledger)
    page, fault = None, None
    try:
        page = write_reports(folder, run, judgement, ledger)
    except ReportFileError as error:
        fault = error
    print_report(console, run, judgement, ledger, page)
    if fault is not None:
        raise click.ClickException(str(fault)) from fault
    if judgement.placebo_failed is not None:
        sys.exit(EXIT_REFUSED)


def _kept(what: str, record: journal.Journal) -> str:
    trials = len(record.run.trials)
    if not trials:
        return f"{what}\nNothing was measured yet."
    return f"{what}\n{trials} trials are kept: lab report {record.folder}"


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM unwind as Ctrl-C does, so that no server outlives the lab."""

    def interrupt(number: int, _frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt(number)

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
