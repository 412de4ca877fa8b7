"""``lab compare`` measures, judges and reports; ``lab doctor`` compares one contender with itself."""

from __future__ import annotations

import contextlib
import functools
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click
from click.core import ParameterSource

from benchmarks.cli import runs
from benchmarks.cli.course import measure, measure_aside, own_turn, pinning, wait_option
from benchmarks.cli.exits import EXIT_REFUSED
from benchmarks.cli.group import lab
from benchmarks.cli.options import Percent, Rate, Seconds, seed_option
from benchmarks.cli.output import Output, document_options, new_console
from benchmarks.cli.subjects import Subjects, subject_options
from benchmarks.conformance import before_timing
from benchmarks.errors import RefusedError
from benchmarks.judge.claims import Claim
from benchmarks.measure import dependencies, environment, journal, parity, schedule
from benchmarks.measure.load.engine import DEFAULT_ENGINE, ENGINES, LoadEngine, find_engine
from benchmarks.measure.remaining import budget_stop, estimate_s, trials_left
from benchmarks.measure.runner import Instrument, RunListener, planned_route
from benchmarks.measure.workloads import HEALTH, WORKLOADS
from benchmarks.model import ALIKE, MARGIN, Plan, Run
from benchmarks.report.reproduce import report_command, resume_command

if TYPE_CHECKING:
    from rich.console import Console

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
@click.option(
    "--duration", "duration_s", type=Seconds(0.2, 3600), metavar="TIME", help="Measured time a trial: 30s, 500ms, 2m."
)
@click.option("--rounds", type=click.IntRange(1, 1000), help="Rounds of each workload.")
@click.option("--budget", type=Seconds(10, 86_400), metavar="TIME", help="Plan rounds and durations for this time: 5m.")
@click.option(
    "--precision", type=Percent(0.5, 50), metavar="PERCENT", help="Stop when headline intervals are within this."
)
@click.option(
    "--margin", type=Percent(0.5, 50), metavar="PERCENT", help="Within which two contenders count as equal (5%)."
)
@click.option("--engine", default=DEFAULT_ENGINE, help=f"Load generator: {', '.join(ENGINES)}.")
@click.option(
    "--rate", "rate_per_s", type=Rate(0.1, 100_000), help="Ask the health workload at this rate (open model): 2000/s."
)
@click.option(
    "--latency-at",
    type=Percent(1, 95),
    metavar="SHARE",
    help="Afterwards measure latency at one rate that all sustain: this share of the slowest one's, 70%.",
)
@seed_option
@click.option("--out", type=click.Path(path_type=Path), default=runs.RESULTS, help="Where runs are kept.")
@click.option("--resume", metavar="RUN", help="Resume an interrupted run: its plan, its seed, its remaining trials.")
@wait_option
@document_options
def compare(  # noqa: PLR0917 (click passes them by name)
    context: click.Context,
    /,
    subjects: Callable[[Console], Subjects],
    budget: float | None,
    engine: str,
    out: Path,
    resume: str | None,
    wait: bool,
    output: Output,
    **sizes: Any,
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
    sized = sizes["rounds"] is not None or sizes["duration_s"] is not None
    if budget is not None and sized:
        raise click.UsageError("--budget chooses rounds and duration itself: leave out --rounds and --duration.")
    if resume is not None:
        _refuse_other_options(context)
    begun = None if resume is None else runs.begun(resume)
    loader = _engine(context, engine) if begun is None else _loader_to_go_on(context, *begun)
    _refuse_unfit_options(loader, budget, sizes)
    began_s = time.monotonic()
    console = output.console
    claims = runs.ledger()
    asked = Subjects(preset="quick", contenders=()) if begun is not None else subjects(console)
    if budget is None and not sized:
        budget = asked.budget_s
    if asked.requests and sizes["workloads"]:
        raise click.UsageError("--workload is what the lab's own apps are asked; your app is asked for --path.")
    sizes["margin"] = sizes["margin"] or asked.margin or MARGIN
    if sizes["precision"] is not None and sizes["rounds"] is None:
        sizes["rounds"] = _MOST_ROUNDS
    plan_of = functools.partial(
        schedule.plan,
        asked.preset,
        asked.contenders,
        engine=loader.name,
        limits=loader.limits,
        requests=asked.requests,
        against=asked.against,
        **sizes,
    )
    plan = plan_of()
    if budget is not None:
        from benchmarks.judge import planning  # noqa: PLC0415 (only who judges needs it)

        # Before anything is begun.
        planning.check(budget, estimate_s(_pilot_of(plan)), _takes_s(plan_of, budget))
    instrument = Instrument.of(loader)
    instrument.look = before_timing.look

    def begin(facts: Mapping[str, environment.Fact]) -> journal.Journal:
        _warn(console, instrument.cores)
        if begun is not None:
            return runs.resume(begun[1], instrument.cores, facts)
        requests = asked.requests
        if requests:
            console.print("Asking each app, before anything is timed.", style="dim", highlight=False)
            requests = parity.agreed(asked.contenders, requests, may_differ=asked.may_differ)
        final = functools.partial(plan_of, requests=requests)
        return instrument.begin(
            out, final() if budget is None else _plan_for(console, budget, final), {**facts, **asked.facts}
        )

    with own_turn(wait=wait) as instrument.lock:
        run, folder = measure(
            console,
            instrument,
            begin,
            functools.partial(_follow, console, instrument),
            _kept,
            needs_dependencies=dependencies.needed_by(plan if begun is None else begun[0].plan),
            route=lambda run: planned_route(_stop(run, claims, began_s if begun is None else None)),
        )
    runs.tell(run, claims, folder, output)


def _engine(context: click.Context, name: str) -> LoadEngine:
    """Return the engine that an outer command has started and left in the context, else the one of this name."""
    return find_engine(name) if context.obj is None else cast("LoadEngine", context.obj)


def _loader_to_go_on(context: click.Context, run: Run, folder: Path) -> LoadEngine:
    """Return the engine that a run is resumed with: the one that it began with."""
    loader = _engine(context, run.plan.engine)
    with_workers = ["load_workers" in facts for facts in (run.environment, loader.facts())]
    if loader.name != run.plan.engine or with_workers[0] != with_workers[1]:
        raise RefusedError(f"Another engine measured that run. To go on: {resume_command(folder, run.environment)}")
    return loader


def _refuse_unfit_options(loader: LoadEngine, budget: float | None, sizes: Mapping[str, Any]) -> None:
    """Refuse what this engine cannot do."""
    if budget is not None and loader.name != DEFAULT_ENGINE:
        raise click.UsageError(
            f"--budget plans by the spread of the {DEFAULT_ENGINE} engine: leave it out, or --engine."
        )
    if (sizes["rate_per_s"] is not None or sizes["latency_at"] is not None) and not loader.limits.rates:
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
    pilot = _pilot_of(plan_of())
    console.print(f"Pilot: {pilot.placebo} against itself, {_PILOT_ROUNDS} rounds.", highlight=False)
    run = measure_aside(console, Instrument.of(), pilot)
    spent_s = time.monotonic() - began_s
    sizing = planning.size_by_pilot(run, budget_s, _takes_s(plan_of, budget_s), spent_s=spent_s)
    console.print(
        f"Two equal things differ by {100 * sizing.spread:.1f} % from round to round here. {sizing.rounds} rounds of "
        f"{sizing.duration_s:g} s will show differences above {100 * sizing.difference:.1f} %, "
        f"{100 * planning.POWER:.0f} times in 100.",
        highlight=False,
    )
    return _sized(plan_of, budget_s, sizing.rounds, sizing.duration_s)


def _pilot_of(plan: Plan) -> Plan:
    """Plan the pilot: the placebo alone, asked your request, or else health, which every other contender answers."""
    contender = next(contender for contender in plan.contenders if contender.id == plan.placebo)
    workload = plan.workloads[0] if plan.workloads[0].answer == ALIKE else HEALTH
    return schedule.placebo_plan(contender, plan.seed, _PILOT_ROUNDS, workload)


def _takes_s(plan_of: Callable[..., Plan], budget_s: float) -> Callable[[int, float], float]:
    return lambda rounds, duration_s: estimate_s(_sized(plan_of, budget_s, rounds, duration_s))


def _sized(plan_of: Callable[..., Plan], budget_s: float, rounds: int, duration_s: float) -> Plan:
    from benchmarks.judge.planning import wait_rounds  # noqa: PLC0415 (only who judges needs it)

    waiting = wait_rounds(rounds, precision=plan_of().precision)
    return plan_of(rounds=rounds, wait_rounds=waiting, duration_s=duration_s, budget_s=budget_s)


def _warn(console: Console, cores: environment.Cores) -> None:
    """Print what is wrong with the machine before it measures; the A/A comparison of the run itself says the rest."""
    from benchmarks.judge.fitness import judge_machine  # noqa: PLC0415 (only who judges needs it)
    from benchmarks.report.formats.terminal import print_blocks  # noqa: PLC0415 (kept beside its siblings)
    from benchmarks.report.products.doctor import sign_notes  # noqa: PLC0415 (the same)

    print_blocks(console, sign_notes(sign for sign in judge_machine(environment.look(cores)) if sign.level != "good"))


@contextlib.contextmanager
def _follow(console: Console, instrument: Instrument, run: Run) -> Iterator[RunListener]:
    """Announce the run, show its progress, and say where it is kept."""
    from benchmarks.report.progress import RunProgress  # noqa: PLC0415 (only what measures shows it)

    plan, left = run.plan, trials_left(run)
    minutes, seconds = divmod(round(estimate_s(plan, left)), 60)
    rounds = max(plan.rounds.values())
    at_most = "at most " if plan.precision is not None else ""
    gone_on = f"; {len(left)} trials are left of the run of {run.started_at}" if run.resumptions else ""
    console.print(
        f"{plan.preset}: {len(plan.contenders)} contenders, {at_most}{rounds} rounds, seed {plan.seed}; "
        f"{pinning(instrument)}{gone_on}; {at_most or 'about '}{minutes} min {seconds:02} s.",
        highlight=False,
    )
    with RunProgress(console, run.plan, len(run.calibration) + len(run.trials)) as progress:
        yield progress
    if instrument.record is not None:
        # Wherever it was put: `latest` is a name of results/ alone.
        told = f"The run is kept: {report_command(instrument.record.folder)}"
        console.print(told, highlight=False, soft_wrap=True)


def _stop(run: Run, claims: Sequence[Claim], began_s: float | None) -> Callable[[Run], str | None]:
    """Return the rule that ends a run after a round: the precision is reached, or another round would take too long."""
    precision, in_time = run.plan.precision, budget_stop(run, began_s)

    def stop(so_far: Run) -> str | None:
        if precision is not None:
            from benchmarks.judge.judge import reached  # noqa: PLC0415 (only who judges needs it)

            if (reason := reached(so_far, claims, precision)) is not None:
                return reason
        return in_time(so_far)

    return stop


def _kept(record: journal.Journal) -> str:
    trials = len(record.run.trials)
    kept = (
        f"{trials} trials are kept: {report_command(record.folder)}"
        if trials
        else "The loader was calibrated, no more."
    )
    return f"{kept}\nTo go on: {resume_command(record.folder, record.run.environment)}"


@lab.command()
@subject_options
@click.option("--rounds", type=click.IntRange(2, 1000), default=10, help="Of the A/A comparison.")
@seed_option
@wait_option
@document_options
def doctor(subjects: Callable[[Console], Subjects], rounds: int, seed: int, wait: bool, output: Output) -> None:
    """Is this machine fit to measure, and which differences will it show?

    Looks at cores, governor, power, clock and what else runs; calibrates the loader on bare servers; and runs one
    contender against itself (A/A), which must come out equal: if it does not, the exit status is 3. Takes about forty
    seconds.

    The contender is the steadiest of the lab's own, or the one that is named; it may be your own app, asked for --path.
    """
    from benchmarks.judge.fitness import judge_fitness  # noqa: PLC0415 (only who judges needs it)
    from benchmarks.report.products.doctor import fitness_document  # noqa: PLC0415 (the same)

    console = new_console(stderr=True)
    asked = subjects(console)
    # Of a project's file, the one that the others are compared with.
    contender = next((each for each in asked.contenders if asked.against in (None, each.id)), None)
    instrument = Instrument.of()
    with own_turn(wait=wait):
        request = parity.agreed((contender,), asked.requests[:1])[0] if contender and asked.requests else HEALTH
        seen = environment.look(instrument.cores)
        steal = environment.StealMeter()
        run = measure_aside(console, instrument, schedule.placebo_plan(contender, seed, rounds, request))
        fitness = judge_fitness(seen, run, steal.fraction())
    output.tell(fitness_document(seen, fitness))
    if not fitness.fit:
        sys.exit(EXIT_REFUSED)
