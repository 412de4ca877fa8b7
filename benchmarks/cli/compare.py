"""``lab compare``: measures, judges and reports."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from benchmarks.cli import runs
from benchmarks.cli.engines import engine_for
from benchmarks.cli.exits import exit_interrupted, terminable
from benchmarks.cli.group import lab
from benchmarks.cli.options import Percent, Rate, Seconds
from benchmarks.cli.placebo import run_placebo
from benchmarks.contenders import catalogue
from benchmarks.judge.claims import Claim
from benchmarks.measure import environment, journal, machine, schedule
from benchmarks.measure.load.engine import LoadEngineError
from benchmarks.measure.parity import ParityError
from benchmarks.measure.server import ServerError
from benchmarks.model import Contender, Plan, Run

_PILOT_ROUNDS = 6
_MOST_ROUNDS = 40


@lab.command()
@click.pass_context
@click.argument("preset", default="quick")
@click.option("-c", "--contender", "contenders", multiple=True, help="Only these: an id or a pattern ('flask-*').")
@click.option("--vus", type=click.IntRange(1, 10_000), help="Virtual users of the health workload.")
@click.option("--duration", type=Seconds(0.2, 3600), metavar="TIME", help="Measured time a trial: 30s, 500ms, 2m.")
@click.option("--rounds", type=click.IntRange(1, 1000), help="Rounds of each workload.")
@click.option("--budget", type=Seconds(10, 86_400), metavar="TIME", help="Plan rounds and durations for this time: 5m.")
@click.option(
    "--precision", type=Percent(0.5, 50), metavar="PERCENT", help="Stop when headline intervals are so narrow."
)
@click.option("--engine", default="builtin", show_default=True, help="What asks: builtin, k6 or locust.")
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
def compare(  # noqa: PLR0917 (click passes them by name)
    context: click.Context,
    preset: str,
    contenders: tuple[str, ...],
    vus: int | None,
    duration: float | None,
    rounds: int | None,
    budget: float | None,
    precision: float | None,
    engine: str,
    rate: float | None,
    latency_at: float | None,
    seed: int | None,
    out: Path,
) -> None:
    """Measure, judge and report: PRESET is quick, tutorial or full.

    Every contender is started anew for every trial and asked by a load engine on another core; trials are interleaved
    in rounds, in a random order. A killed run keeps every finished trial.

    With --budget, a pilot first runs one contender against itself, and rounds and durations are chosen so that the
    smallest difference shows in the time there is; it says beforehand how small. With --precision, the run ends after
    the first round at which every headline interval is that narrow.

    \b
    Examples:
      lab compare
      lab compare tutorial --seed 7
      lab compare -c 'flask-*@hypercorn' -c 'fastapi-*@uvicorn' --rounds 8 --duration 2s
      lab compare --budget 5m
      lab compare --precision 3% --budget 20m
      lab compare tutorial --engine k6
      lab compare --latency-at 70%
    """  # noqa: D301 (\\b is click's mark against rewrapping)
    from benchmarks.measure.runner import Runner  # noqa: PLC0415 (only what measures drives load)
    from benchmarks.report.progress import RunProgress  # noqa: PLC0415 (the same)

    if budget is not None and (rounds is not None or duration is not None):
        raise click.UsageError("--budget chooses rounds and duration itself: leave out --rounds and --duration.")
    loader = engine_for(context, engine)
    if budget is not None and loader.name != "builtin":
        raise click.UsageError("--budget plans by the spread of the builtin engine: leave it out, or --engine.")
    if loader.name != "builtin" and (rate is not None or latency_at is not None):
        raise click.UsageError("Only the builtin engine asks at a given rate: leave out --rate and --latency-at.")
    began_s = time.monotonic()
    console = Console()
    claims = runs.ledger()
    if precision is not None and rounds is None:
        rounds = _MOST_ROUNDS
    seed = secrets.randbelow(2**32) if seed is None else seed

    def plan_of(**sizes: Any) -> Plan:
        usual = {"vus": vus, "duration_s": duration, "rounds": rounds, "precision": precision}
        asked = {
            "engine": loader.name,
            "sliced": loader.supports_slices,
            "rate_per_s": rate,
            "latency_at": latency_at,
        }
        return _plan(preset, contenders, seed, **{**usual, **asked, **sizes})

    plan = plan_of()
    facts = loader.facts()
    cores = environment.share_cores()
    _warn(console, cores)
    if "load_workers" in facts:
        # They have cores of their own, on their own machines.
        cores = environment.Cores(cores.server, ())
    if budget is not None:
        plan = _plan_for(console, cores, budget, plan_of)
    _announce(console, plan, cores, facts)
    with terminable():
        record = runs.begin(out, plan, cores, facts)
        try:
            with RunProgress(console, plan) as progress:
                run = Runner(
                    engine=loader,
                    cores=cores,
                    listener=progress,
                    stop=_stop(plan, claims, None if budget is None else began_s + budget),
                ).run(record)
        except (ParityError, ServerError, LoadEngineError, journal.RunFileError) as error:
            raise click.ClickException(_kept(str(error), record)) from error
        except KeyboardInterrupt as interrupt:
            click.echo(_kept("Interrupted.", record), err=True)
            exit_interrupted(interrupt)
        runs.tell(console, run, claims, record.folder)


def _plan(preset: str, patterns: tuple[str, ...], seed: int, **sizes: Any) -> Plan:
    try:
        return schedule.plan(preset, catalogue.select(patterns), seed, **sizes)
    except catalogue.UnknownContenderError as error:
        raise click.BadParameter(str(error), param_hint="--contender") from error
    except schedule.UnknownPresetError as error:
        raise click.BadParameter(str(error), param_hint="PRESET") from error
    except schedule.UnfitRateError as error:
        raise click.BadParameter(str(error), param_hint="--rate") from error


def _plan_for(console: Console, cores: environment.Cores, budget_s: float, plan_of: Callable[..., Plan]) -> Plan:
    """Run the pilot, and plan what the rest of the time is best spent on."""
    from benchmarks.judge import budget, power  # noqa: PLC0415 (scipy is slow to import)
    from benchmarks.judge.placebo import placebo_pairs  # noqa: PLC0415 (the same)

    began_s = time.monotonic()
    contender = _placebo_of(plan_of())
    console.print(f"Pilot: {contender.id} against itself, {_PILOT_ROUNDS} rounds.", highlight=False)
    pilot = run_placebo(console, cores, contender, None, _PILOT_ROUNDS)
    pairs = placebo_pairs(pilot)
    if len(pairs) < 2:
        raise click.ClickException("The pilot has too few valid rounds to plan by: lab doctor says more.")
    spread = power.spread_of([one.result.rate_per_s for one, _ in pairs], [two.result.rate_per_s for _, two in pairs])

    def sized(rounds: int, duration_s: float) -> Plan:
        # Ratios under the wait are a timer's doing and vary less.
        wait_rounds = max(budget.FEWEST_ROUNDS if plan_of().precision else 3, rounds // 2)
        return plan_of(rounds=rounds, wait_rounds=wait_rounds, duration_s=duration_s, budget_s=budget_s)

    try:
        sizing = budget.size(
            budget_s - (time.monotonic() - began_s),
            spread.cautious,
            pairs[0][0].trial.load.duration_s,
            lambda rounds, duration_s: schedule.estimate_s(sized(rounds, duration_s)),
        )
    except budget.BudgetError as error:
        raise click.ClickException(str(error)) from error
    console.print(
        f"Two equal things differ by {100 * spread.value:.1f} % from round to round here. {sizing.rounds} rounds of "
        f"{sizing.duration_s:g} s will show differences above {100 * sizing.difference:.1f} %, "
        f"{100 * power.POWER:.0f} times in 100.",
        highlight=False,
    )
    return sized(sizing.rounds, sizing.duration_s)


def _placebo_of(plan: Plan) -> Contender:
    return next(contender for contender in plan.contenders if contender.id == plan.placebo)


def _stop(plan: Plan, claims: Sequence[Claim], ends_s: float | None) -> Callable[[Run], str | None]:
    """Return what is asked after each round: whether the precision is reached, or another round would take too long."""
    began_s = time.monotonic()

    def stop(run: Run) -> str | None:
        from benchmarks.judge.precision import reached  # noqa: PLC0415 (scipy is slow to import)

        if plan.precision is not None and (reason := reached(run, claims, plan.precision)) is not None:
            return reason
        now_s = time.monotonic()
        ended = max(trial.round for trial in run.trials)
        if ends_s is not None and now_s + (now_s - began_s) / ended > ends_s:
            return f"Another round would not have fitted into the budget after {ended}."
        return None

    return stop


def _warn(console: Console, cores: environment.Cores) -> None:
    """Print what is wrong with the machine before it measures; the A/A comparison of the run itself says the rest."""
    from benchmarks.judge.fitness import judge_machine  # noqa: PLC0415 (scipy is slow to import)
    from benchmarks.report.doctor import print_signs  # noqa: PLC0415 (kept beside its siblings)

    print_signs(console, [sign for sign in judge_machine(machine.look(cores)) if sign.level != "good"])


def _announce(console: Console, plan: Plan, cores: environment.Cores, facts: Mapping[str, str | int]) -> None:
    minutes, seconds = divmod(round(schedule.estimate_s(plan)), 60)
    if "load_workers" in facts:
        pinning = f"workers that ask: {facts['load_workers']}"
    elif cores.server:
        pinning = f"server on core {cores.server[0]}, loader on core {cores.loader[0]}"
    else:
        pinning = "server and loader share the cores: expect wider intervals"
    rounds = max(plan.rounds.values())
    at_most = "at most " if plan.precision is not None else ""
    console.print(
        f"{plan.preset}: {len(plan.contenders)} contenders, {at_most}{rounds} rounds, seed {plan.seed}; "
        f"{pinning}; {at_most or 'about '}{minutes} min {seconds:02} s.",
        highlight=False,
    )


def _kept(what: str, record: journal.Journal) -> str:
    trials = len(record.run.trials)
    if not trials:
        return f"{what}\nNothing was measured yet."
    return f"{what}\n{trials} trials are kept: lab report {record.folder}"
