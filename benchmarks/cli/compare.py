"""``lab compare``: measures, judges and reports."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource
from rich.console import Console

from benchmarks.cli import runs
from benchmarks.cli.exits import exit_interrupted, terminable
from benchmarks.cli.group import lab
from benchmarks.cli.json_output import json_option, talking
from benchmarks.cli.options import Percent, Seconds
from benchmarks.cli.placebo import run_placebo
from benchmarks.cli.turn import own_turn, wait_option
from benchmarks.contenders import catalogue
from benchmarks.judge.claims import Claim
from benchmarks.measure import environment, journal, machine, remaining, schedule
from benchmarks.measure.load.engine import LoadEngineError
from benchmarks.measure.parity import ParityError
from benchmarks.measure.schedule import ScheduledTrial
from benchmarks.measure.server import ServerError
from benchmarks.model import Contender, Plan, Run

_PILOT_ROUNDS = 6
_MOST_ROUNDS = 40
_BESIDE_RESUME = frozenset({"resume", "wait", "as_json"})


@lab.command()
@click.argument("preset", default="quick")
@click.option("-c", "--contender", "contenders", multiple=True, help="Only these: an id or a pattern ('flask-*').")
@click.option("--vus", type=click.IntRange(1, 10_000), help="Virtual users of the health workload.")
@click.option("--duration", type=Seconds(0.2, 3600), metavar="TIME", help="Measured time a trial: 30s, 500ms, 2m.")
@click.option("--rounds", type=click.IntRange(1, 1000), help="Rounds of each workload.")
@click.option("--budget", type=Seconds(10, 86_400), metavar="TIME", help="Plan rounds and durations for this time: 5m.")
@click.option(
    "--precision", type=Percent(0.5, 50), metavar="PERCENT", help="Stop when headline intervals are so narrow."
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="Of the random order; chosen and recorded if absent.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=runs.RESULTS, show_default=True, help="Where runs are kept."
)
@click.option("--resume", metavar="RUN", help="Go on with an interrupted run: its plan, its seed, what it lacks.")
@wait_option
@json_option
@click.pass_context
def compare(  # noqa: PLR0917 (click passes them by name)
    ctx: click.Context,
    preset: str,
    contenders: tuple[str, ...],
    vus: int | None,
    duration: float | None,
    rounds: int | None,
    budget: float | None,
    precision: float | None,
    seed: int | None,
    out: Path,
    resume: str | None,
    wait: bool,
    as_json: bool,
) -> None:
    """Measure, judge and report: PRESET is quick, tutorial or full.

    Every contender is started anew for every trial and asked by a load engine on another core; trials are interleaved
    in rounds, in a random order. A killed run keeps every finished trial, and --resume goes on with it.

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
      lab compare --resume latest
    """  # noqa: D301 (\\b is click's mark against rewrapping)
    from benchmarks.measure.load.builtin import BuiltinEngine  # noqa: PLC0415 (only this command drives load)
    from benchmarks.measure.runner import Runner  # noqa: PLC0415 (the same)
    from benchmarks.report.progress import RunProgress  # noqa: PLC0415 (the same)

    if resume is not None:
        _refuse_other_options(ctx)
    if budget is not None and (rounds is not None or duration is not None):
        raise click.UsageError("--budget chooses rounds and duration itself: leave out --rounds and --duration.")
    began_s = time.monotonic()
    console = talking(as_json)
    claims = runs.ledger()
    if precision is not None and rounds is None:
        rounds = _MOST_ROUNDS
    seed = secrets.randbelow(2**32) if seed is None else seed

    def plan_of(**sizes: Any) -> Plan:
        usual = {"vus": vus, "duration_s": duration, "rounds": rounds, "precision": precision}
        return _plan(preset, contenders, seed, **{**usual, **sizes})

    plan = plan_of()
    cores = environment.share_cores()
    record: journal.Journal | None = None
    with terminable():
        try:
            with own_turn(wait=wait) as turn:
                _warn(console, cores)
                if resume is not None:
                    record = runs.resume(resume, cores)
                else:
                    plan = plan if budget is None else _plan_for(console, cores, budget, plan_of)
                    record = runs.begin(out, plan, cores)
                turn.note(record.folder)
                run = record.run
                if run.state == "complete":
                    told = f"{record.folder} is complete: there is nothing to measure. lab report {record.folder}"
                    click.echo(told, err=True)
                else:
                    _announce(console, run, cores)
                    with RunProgress(console, run.plan, len(run.calibration) + len(run.trials)) as progress:
                        run = Runner(
                            engine=BuiltinEngine(),
                            cores=cores,
                            listener=progress,
                            stop=_stop(run, claims, None if resume is not None else began_s),
                        ).run(record)
        except (ParityError, ServerError, LoadEngineError, journal.RunFileError) as error:
            raise click.ClickException(_kept(str(error), record)) from error
        except OSError as error:
            # A full disk or no descriptor left, somewhere beside the journal.
            raise click.ClickException(_kept(f"The system refused: {error}.", record)) from error
        except KeyboardInterrupt as interrupt:
            click.echo(_kept("Interrupted.", record), err=True)
            exit_interrupted(interrupt)
        runs.tell(console, run, claims, record.folder, as_json=as_json)


def _plan(preset: str, patterns: tuple[str, ...], seed: int, **sizes: Any) -> Plan:
    try:
        return schedule.plan(preset, catalogue.select(patterns), seed, **sizes)
    except catalogue.UnknownContenderError as error:
        raise click.BadParameter(str(error), param_hint="--contender") from error
    except schedule.UnknownPresetError as error:
        raise click.BadParameter(str(error), param_hint="PRESET") from error


def _refuse_other_options(ctx: click.Context) -> None:
    """Refuse what would make another plan than the one that is gone on with."""
    for parameter in ctx.command.params:
        name = parameter.name or ""
        given = ctx.get_parameter_source(name) not in (ParameterSource.DEFAULT, ParameterSource.DEFAULT_MAP)
        if given and name not in _BESIDE_RESUME:
            raise click.UsageError(
                f"--resume goes on with the run's own plan, so it takes no {parameter.get_error_hint(ctx)}.", ctx
            )


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


def _stop(run: Run, claims: Sequence[Claim], began_s: float | None) -> Callable[[Run], str | None]:
    """Return what is asked after each round: whether the precision is reached, or another round would take too long.

    Args:
        run: As it begins, or as it is gone on with.
        claims: The ledger, which says what is a headline.
        began_s: When its budget began, on the monotonic clock; ``None`` for one that is gone on with, which has of its
            budget as much as it lacks of its plan.
    """
    plan, now_s = run.plan, time.monotonic()
    rounds_before = max((trial.round for trial in run.trials), default=0)
    ends_s: float | None = None
    if plan.budget_s is not None:
        share = _estimate_s(_left(run)) / max(1.0, schedule.estimate_s(plan))
        ends_s = began_s + plan.budget_s if began_s is not None else now_s + share * plan.budget_s

    def stop(so_far: Run) -> str | None:
        from benchmarks.judge.precision import reached  # noqa: PLC0415 (scipy is slow to import)

        if plan.precision is not None and (reason := reached(so_far, claims, plan.precision)) is not None:
            return reason
        later_s = time.monotonic()
        ended = max(trial.round for trial in so_far.trials)
        if ends_s is not None and later_s + (later_s - now_s) / max(1, ended - rounds_before) > ends_s:
            return f"Another round would not have fitted into the budget after {ended}."
        return None

    return stop


def _warn(console: Console, cores: environment.Cores) -> None:
    """Print what is wrong with the machine before it measures; the A/A comparison of the run itself says the rest."""
    from benchmarks.judge.fitness import judge_machine  # noqa: PLC0415 (scipy is slow to import)
    from benchmarks.report.doctor import print_signs  # noqa: PLC0415 (kept beside its siblings)

    print_signs(console, [sign for sign in judge_machine(machine.look(cores)) if sign.level != "good"])


def _left(run: Run) -> list[ScheduledTrial]:
    """Return what a run lacks of its plan."""
    return [*remaining.calibration_left(run), *(trial for block in remaining.blocks_left(run) for trial in block)]


def _estimate_s(trials: Sequence[ScheduledTrial]) -> float:
    return sum(map(schedule.estimate_trial_s, trials))


def _announce(console: Console, run: Run, cores: environment.Cores) -> None:
    plan, left = run.plan, _left(run)
    minutes, seconds = divmod(round(_estimate_s(left)), 60)
    pinning = (
        f"server on core {cores.server[0]}, loader on core {cores.loader[0]}"
        if cores.server
        else "server and loader share the cores: expect wider intervals"
    )
    rounds = max(plan.rounds.values())
    at_most = "at most " if plan.precision is not None else ""
    gone_on = f"; {len(left)} trials are left of the run of {run.started_at}" if run.resumptions else ""
    console.print(
        f"{plan.preset}: {len(plan.contenders)} contenders, {at_most}{rounds} rounds, seed {plan.seed}; "
        f"{pinning}{gone_on}; {at_most or 'about '}{minutes} min {seconds:02} s.",
        highlight=False,
    )


def _kept(what: str, record: journal.Journal | None) -> str:
    """Say what went wrong, what there is all the same, and how to go on."""
    if record is None or not (record.run.trials or record.run.calibration):
        return f"{what}\nNothing was measured yet."
    trials = len(record.run.trials)
    kept = f"{trials} trials are kept: lab report {record.folder}" if trials else "The loader was calibrated, no more."
    return f"{what}\n{kept}\nTo go on: lab compare --resume {record.folder}"
