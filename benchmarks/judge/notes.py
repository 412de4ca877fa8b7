"""Notes what the reader of a run must know beside its verdicts: what is missing, void, noisy or shared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from benchmarks.judge import trials, wording
from benchmarks.judge.evidence import Evidence
from benchmarks.judge.statistics import drift, excludes_one
from benchmarks.judge.trials import participants
from benchmarks.model import ALIKE, EQUAL_RATE, Run
from benchmarks.trials import void_reason

BUSY_LOAD_PER_CORE = 0.5
"""One-minute load average per core, before the run, above which the machine was not quiet."""

_REASONS_SHOWN = 3
_FEWEST_FOR_A_TREND = 4
_ONLY_READ = frozenset({"GET", "OPTIONS"})


def notes(evidence: Evidence) -> tuple[str, ...]:
    """Return the sentences, the most serious first; empty if there is nothing to note."""
    return (
        *_course(evidence),
        *_counted(evidence),
        *machine_notes(evidence.run),
        *_asked(evidence.run),
        *_trends(evidence),
    )


def _trends(evidence: Evidence) -> Iterable[str]:
    """Yield whose rate changes over the rounds: requests that write leave something behind for later trials."""
    run = evidence.run
    writing = [each.name for each in run.plan.workloads if each.answer == ALIKE and each.method not in _ONLY_READ]
    for workload in writing:
        for contender in participants(run, workload):
            valid = evidence.valid(contender, workload)
            if len(valid) < _FEWEST_FOR_A_TREND:
                continue
            change = drift([each.trial.round for each in valid], [each.result.rate_per_s for each in valid])
            if excludes_one(change):
                way = "rises" if change.value > 1 else "falls"
                yield (
                    f"The rate of {contender.id} under {workload} {way} by {100 * abs(change.value - 1):.1f} % from "
                    "round to round: either the machine changed its speed, or requests leave something behind that "
                    "later trials find. before_trial in lab.toml names a command that puts the state back."
                )


def machine_notes(run: Run) -> Iterable[str]:
    """Yield the sentences about the machine alone."""
    average, cores = run.environment.get("load_average_1m"), run.environment.get("logical_cores")
    known = cores if isinstance(cores, int) and cores > 0 else 1
    if isinstance(average, int | float) and average / known > BUSY_LOAD_PER_CORE:
        yield (
            f"The load average before the start was {average:.2f} on {wording.things(known, 'core')}: something else "
            "was running, so rates are lower and intervals wider than on a quiet machine."
        )
    server, loader = run.environment.get("server_cpus"), run.environment.get("loader_cpus")
    if (workers := run.environment.get("load_workers")) is not None:
        yield (
            f"The load came from {workers} load workers: rates and latencies are those that their machines and the "
            "network between allowed. Their CPU time and the rate on a bare server tell whether they had head-room."
        )
    elif cores == 1:
        yield "There is one core, which server and loader shared: rates are lower than the server alone would reach."
    elif server is None or loader is None or server == loader:
        yield "Server and loader were not kept on cores of their own, so each may have slowed the other."


def _course(evidence: Evidence) -> Iterable[str]:
    """Yield whether the run came to its end, and how."""
    run = evidence.run
    if run.state != "complete":
        ended = "was interrupted" if run.state == "interrupted" else "did not finish, or has not yet"
        planned = sum(
            len(run.plan.rounds_of(contender, workload))
            for workload, contenders in run.plan.workload_contenders.items()
            for contender in contenders
        )
        ran = sum(not trial.placebo for trial in run.trials)
        yield f"The run {ended}: it is judged on the {ran} trials that it has of {planned}."
    if run.stopped_early is not None:
        yield f"Stopped before its last round: {run.stopped_early}"
    if run.plan.precision is not None:
        level = wording.percent(evidence.confidence)
        yield f"It looked after each round whether to stop, so intervals of ratios are {level} ones; see verdicts.md."
    if run.resumptions:
        times = "once" if len(run.resumptions) == 1 else f"{len(run.resumptions)} times"
        again = f"; {len(run.superseded)} trials of an interrupted block were measured again" if run.superseded else ""
        yield (
            f"The run was interrupted and resumed {times}, last at {run.resumptions[-1].resumed_at}: what is "
            f"compared is still of one round and one time{again}."
        )


def _counted(evidence: Evidence) -> Iterable[str]:
    """Yield which trials and answers do not count, or less than others."""
    run = evidence.run
    reasons = Counter(reason for trial in run.trials if (reason := void_reason(trial)) is not None)
    if reasons:
        shown = [reason if count == 1 else f"{reason} ({count} times)" for reason, count in reasons.most_common()]
        more = len(shown) - _REASONS_SHOWN
        rest = f"; and {more} more" if more > 0 else ""
        told = "; ".join(shown[:_REASONS_SHOWN])
        yield f"Void, so not counted: {reasons.total()} of {len(run.trials)} trials. {told}{rest}."
    results = [trial.result for trial in run.trials if trial.result is not None]
    bodies = [(result.completed, result.bodies_compared) for result in results if result.bodies_compared is not None]
    completed, compared = sum(count for count, _ in bodies), sum(count for _, count in bodies)
    if compared < completed:
        yield (
            f"Of {completed:,} valid answers the bodies of {compared:,} were compared with the one from before the "
            "timing; of the others, the lengths."
        )
    if evidence.ceiling_per_s is None:
        yield "The loader was not calibrated on a bare server: only its own CPU time tells whether it had head-room."
    valid = trials.valid_trials(run.trials)
    bound = sum(trials.loader_bound_reason(trial, evidence.ceiling_per_s) is not None for trial in valid)
    if bound:
        yield f"Loader-bound: {bound} of {len(valid)} valid trials, whose figures may be the loader's own."


def _asked(run: Run) -> Iterable[str]:
    """Yield what must be known of workloads at one rate, and of readiness."""
    rate_per_s = trials.asked_rate_per_s(run, EQUAL_RATE) if run.plan.is_open(EQUAL_RATE) else None
    if rate_per_s is not None:
        yield (
            f"Latencies were also measured at one rate, {wording.count(rate_per_s)} requests/s. The verdict on latency "
            "does not rest on them: it is tested as the tutorial measured, each virtual user waiting for its answer."
        )
    elif run.plan.is_open(EQUAL_RATE) and run.state == "complete":
        yield (
            "No latency was measured at an equal rate: no trial under health is valid, so there was no rate to take a "
            "share of."
        )
    for ready in [workload for workload in run.plan.workloads if workload.answer == "ready"][:1]:
        database = run.environment.get("ready_database") or "a database"
        yield (
            f"Readiness asked {database} and {ready.waits} upstreams of {ready.wait_ms:g} ms each, which ran beside "
            "the loader: def one after another, async def all at once. Waits in progress are those for the upstreams."
        )
        if (reason := run.environment.get("ready_database_reason")) is not None:
            yield (
                f"The database was not PostgreSQL: {reason}. SQLite has no way to be asked but to hold a thread, so "
                "async def asks it in one."
            )
