"""``lab compare``: measures, judges and reports."""

from __future__ import annotations

import functools
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast

import click
from click.core import ParameterSource
from rich.console import Console

from benchmarks.cli import runs
from benchmarks.cli.course import measure_comparison, measure_placebo, own_turn, wait_option
from benchmarks.cli.group import lab
from benchmarks.cli.options import Percent, Rate, Seconds
from benchmarks.cli.output import Output, document_options
from benchmarks.cli.subjects import Subjects, subject_options
from benchmarks.errors import RefusedError
from benchmarks.measure import dependencies, environment, journal, machine, parity, schedule
from benchmarks.measure.assembly import Assembly, Instrument
from benchmarks.measure.load.engine import DEFAULT_ENGINE, ENGINES, LoadEngine, find_engine
from benchmarks.measure.workloads import HEALTH, WORKLOADS
from benchmarks.model import ALIKE, MARGIN, Contender, Plan, Workload
from benchmarks.report.reproduce import resume_command

_PILOT_ROUNDS = 6
_MOST_ROUNDS = 40
_BESIDE_RESUME = frozenset({"resume", "wait", "form", "file", "details", "as_json"})


@lab.command()
@click.pass_context
@subject_options
@click.option(
    "--workload",
    "workloads",
    multiple=True,
    type=click.Choice(tuple(WORKLOADS)),
    help="Only these, instead of health and wait; ready asks a real database and two upstreams.",
)
@click.option("--vus", type=click.IntRange(1, 10_000), help="Virtual users of the health workload.")
@click.option("--duration", type=Seconds(0.2, 3600), metavar="TIME", help="Measured time a trial: 30s, 500ms, 2m.")
@click.option("--rounds", type=click.IntRange(1, 1000), help="Rounds of each workload.")
@click.option("--budget", type=Seconds(10, 86_400), metavar="TIME", help="Plan rounds and durations for this time: 5m.")
@click.option(
    "--precision", type=Percent(0.5, 50), metavar="PERCENT", help="Stop when headline intervals are within this."
)
@click.option(
    "--margin", type=Percent(0.5, 50), metavar="PERCENT", help="Within which two contenders count as equal (5%)."
)
@click.option("--engine", default=DEFAULT_ENGINE, show_default=True, help=f"Load generator: {', '.join(ENGINES)}.")
@click.option("--rate", type=Rate(0.1, 100_000), help="Ask the health workload at this rate (open model): 2000/s.")
@click.option(
    "--latency-at",
    type=Percent(1, 95),
    metavar="SHARE",
    help="Afterwards measure latency at one rate that all sustain: this share of the slowest one's, 70%.",
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="Of the random order; chosen and recorded if absent.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=runs.RESULTS, show_default=True, help="Where runs are kept."
)
@click.option("--resume", metavar="RUN", help="Resume an interrupted run: its plan, its seed, its remaining trials.")
@wait_option
@document_options
def compare(  # noqa: PLR0917 (click passes them by name)
    context: click.Context,
    subjects: Callable[[Console], Subjects],
    workloads: tuple[str, ...],
    vus: int | None,
    duration: float | None,
    rounds: int | None,
    budget: float | None,
    precision: float | None,
    margin: float | None,
    engine: str,
    rate: float | None,
    latency_at: float | None,
    seed: int | None,
    out: Path,
    resume: str | None,
    wait: bool,
    output: Output,
) -> None:
    """Measure, judge and report: the lab's own contenders, or your apps.

    PRESET is quick, tutorial or full. CONTENDER is an id or a pattern of `lab contenders`. TARGET is an app of yours,
    MODULE:ATTRIBUTE[@SERVER][+BRIDGE], or the URL of one that runs on this machine already; it runs in its own folder,
    with the Python found beside it, and is asked for --path.

    Every contender is started anew for every trial and asked by a load engine on another core; trials are interleaved
    in rounds, in a random order. A killed run keeps every finished trial, and --resume continues it.

    With --budget, a pilot first runs one contender against itself, and rounds and durations are chosen so that the
    smallest difference shows in the time there is; it says beforehand how small. With --precision, the run ends after
    the first round at which every headline interval is that narrow.

    With --workload ready, requests wait for real I/O: a PostgreSQL of the lab's own (SQLite where it is not installed)
    and two upstreams of 20 ms, at 1, 10 and 100 connections. The lab starts them on loopback, and ends them.

    \b
    Examples:
      lab compare
      lab compare tutorial --seed 7
      lab compare 'flask-*@hypercorn' 'fastapi-*@uvicorn' --rounds 8 --duration 2s
      lab compare shop:app@gunicorn shop:app@uvicorn+eventloop --path /items
      lab compare shop:app shop_async:app@uvicorn --method POST --body @order.json
      lab compare --command 'node server.js --port {port}' shop:app
      lab compare --budget 5m
      lab compare --precision 3% --budget 20m
      lab compare tutorial --engine k6
      lab compare --latency-at 70%
      lab compare --workload wait --workload ready
      lab compare --resume latest
    """  # noqa: D301 (\\b is click's mark against rewrapping)
    if budget is not None and (rounds is not None or duration is not None):
        raise click.UsageError("--budget chooses rounds and duration itself: leave out --rounds and --duration.")
    loader = _loader_to_go_on(context, resume) if resume is not None else _engine(context, engine)
    _refuse_unfit_options(loader, budget=budget, rate=rate, latency_at=latency_at)
    began_s = time.monotonic()
    console = output.console
    claims = runs.ledger()
    asked = Subjects(preset="quick", contenders=()) if resume is not None else subjects(console)
    if budget is None and rounds is None and duration is None:
        budget = asked.budget_s
    if asked.requests and workloads:
        raise click.UsageError("--workload is what the lab's own apps are asked; your app is asked for --path.")
    plan_of = functools.partial(
        schedule.plan,
        asked.preset,
        asked.contenders,
        secrets.randbelow(2**32) if seed is None else seed,
        vus=vus,
        duration_s=duration,
        rounds=_MOST_ROUNDS if precision is not None and rounds is None else rounds,
        precision=precision,
        engine=loader.name,
        limits=loader.limits,
        rate_per_s=rate,
        latency_at=latency_at,
        workloads=workloads,
        requests=asked.requests,
        against=asked.against,
        margin=margin or asked.margin or MARGIN,
    )
    plan = plan_of()
    if budget is not None:
        _check_budget(budget, plan_of)
    instrument = Instrument.of(loader)

    def begin(facts: Mapping[str, environment.Fact]) -> journal.Journal:
        _warn(console, instrument.cores)
        if resume is not None:
            return runs.resume(resume, instrument.cores, facts)
        requests = asked.requests
        if requests:
            console.print("Asking each app, before anything is timed.", style="dim", highlight=False)
            requests = parity.agreed(asked.contenders, requests, may_differ=asked.may_differ)
        final = functools.partial(plan_of, requests=requests)
        return instrument.begin(
            out, final() if budget is None else _plan_for(console, budget, final), {**facts, **asked.facts}
        )

    with own_turn(wait=wait) as lock:
        run, folder = measure_comparison(
            console,
            claims,
            Assembly(instrument=instrument, lock=lock),
            begin,
            needs_dependencies=dependencies.needed_by(plan if resume is None else runs.begun(resume)[0].plan),
            began_s=None if resume is not None else began_s,
        )
    runs.tell(run, claims, folder, output)


def _engine(context: click.Context, name: str) -> LoadEngine:
    """Return the engine that an outer command has started and left in the context, else the one of this name."""
    return find_engine(name) if context.obj is None else cast("LoadEngine", context.obj)


def _loader_to_go_on(context: click.Context, resume: str) -> LoadEngine:
    """Return the engine that a run is resumed with: the one that it began with."""
    _refuse_other_options(context)
    run, folder = runs.begun(resume)
    loader = _engine(context, run.plan.engine)
    with_workers = ["load_workers" in facts for facts in (run.environment, loader.facts())]
    if loader.name != run.plan.engine or with_workers[0] != with_workers[1]:
        raise RefusedError(f"Another engine measured that run. To go on: {resume_command(folder, run.environment)}")
    return loader


def _refuse_unfit_options(
    loader: LoadEngine, *, budget: float | None, rate: float | None, latency_at: float | None
) -> None:
    """Refuse what this engine cannot do."""
    if budget is not None and loader.name != DEFAULT_ENGINE:
        raise click.UsageError(
            f"--budget plans by the spread of the {DEFAULT_ENGINE} engine: leave it out, or --engine."
        )
    if (rate is not None or latency_at is not None) and not loader.limits.rates:
        raise click.UsageError("Only the builtin engine asks at a given rate: leave out --rate and --latency-at.")


def _refuse_other_options(ctx: click.Context) -> None:
    """Refuse options that would change the plan of the run that is resumed."""
    for parameter in ctx.command.params:
        name = parameter.name or ""
        given = ctx.get_parameter_source(name) in (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)
        if given and name not in _BESIDE_RESUME:
            raise click.UsageError(
                f"--resume keeps the run's own plan, so it takes no {parameter.get_error_hint(ctx)}.", ctx
            )


def _plan_for(console: Console, budget_s: float, plan_of: Callable[..., Plan]) -> Plan:
    """Run the pilot, and plan what the rest of the time is best spent on."""
    from benchmarks.judge import planning  # noqa: PLC0415 (only who judges needs it)

    began_s = time.monotonic()
    contender = _placebo_of(plan_of())
    console.print(f"Pilot: {contender.id} against itself, {_PILOT_ROUNDS} rounds.", highlight=False)
    pilot = measure_placebo(
        console, Instrument.of(), contender, None, rounds=_PILOT_ROUNDS, workload=_piloted(plan_of())
    )
    sizing = planning.size_by_pilot(
        pilot,
        budget_s,
        lambda rounds, duration_s: schedule.estimate_s(_sized(plan_of, budget_s, rounds, duration_s)),
        spent_s=lambda: time.monotonic() - began_s,
    )
    console.print(
        f"Two equal things differ by {100 * sizing.spread:.1f} % from round to round here. {sizing.rounds} rounds of "
        f"{sizing.duration_s:g} s will show differences above {100 * sizing.difference:.1f} %, "
        f"{100 * planning.POWER:.0f} times in 100.",
        highlight=False,
    )
    return _sized(plan_of, budget_s, sizing.rounds, sizing.duration_s)


def _sized(plan_of: Callable[..., Plan], budget_s: float, rounds: int, duration_s: float) -> Plan:
    from benchmarks.judge.planning import wait_rounds  # noqa: PLC0415 (only who judges needs it)

    waiting = wait_rounds(rounds, precision=plan_of().precision)
    return plan_of(rounds=rounds, wait_rounds=waiting, duration_s=duration_s, budget_s=budget_s)


def _check_budget(budget_s: float, plan_of: Callable[..., Plan]) -> None:
    """Refuse a budget that the pilot and the shortest comparison do not fit into, before anything is begun."""
    from benchmarks.judge import planning  # noqa: PLC0415 (only who judges needs it)

    planning.check(
        budget_s,
        schedule.estimate_s(schedule.placebo_plan(_placebo_of(plan_of()), 0, _PILOT_ROUNDS, _piloted(plan_of()))),
        lambda rounds, duration_s: schedule.estimate_s(_sized(plan_of, budget_s, rounds, duration_s)),
    )


def _piloted(plan: Plan) -> Workload:
    """Return what a pilot asks: your request, or else health, which every other contender answers."""
    return plan.workloads[0] if plan.workloads[0].answer == ALIKE else HEALTH


def _placebo_of(plan: Plan) -> Contender:
    return next(contender for contender in plan.contenders if contender.id == plan.placebo)


def _warn(console: Console, cores: environment.Cores) -> None:
    """Print what is wrong with the machine before it measures; the A/A comparison of the run itself says the rest."""
    from benchmarks.judge.fitness import judge_machine  # noqa: PLC0415 (only who judges needs it)
    from benchmarks.report.formats.terminal import print_blocks  # noqa: PLC0415 (kept beside its siblings)
    from benchmarks.report.products.doctor import sign_notes  # noqa: PLC0415 (the same)

    print_blocks(console, sign_notes(sign for sign in judge_machine(machine.look(cores)) if sign.level != "good"))
