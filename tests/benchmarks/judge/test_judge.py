from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from benchmarks.judge.claims import Claim
from benchmarks.judge.judge import judge
from benchmarks.judge.judgement import Judgement, Verdict
from benchmarks.model import DocumentPair, Run, Trial

ANSWER: dict[str, object] = {"properties": {"api": {}, "version": {}}}


def pair(before: object, after: object) -> DocumentPair:
    """Return documents of the twins whose answers have these schemas."""

    def document(schema: object) -> dict[str, object]:
        answer = {"get": {"responses": {"200": {"content": {"application/json": {"schema": schema}}}}}}
        return {"paths": {"/health/sync": answer, "/health/async": answer}}

    return DocumentPair(before=document(before), after=document(after))


@pytest.fixture
def first_run(
    make_run: Callable[..., Run], make_trial: Callable[..., Trial], first_trials: Callable[..., list[Trial]]
) -> Callable[..., Run]:
    """Make a run of the first real measurements."""

    def make(*, observed: bool = True, trials: list[Trial] | None = None, **of_run: object) -> Run:
        return make_run(
            first_trials(observed=observed) if trials is None else trials,
            calibration=[make_trial("bare-asgi@uvicorn", 17_000.0, 0), make_trial("bare-asgi@hypercorn", 3300.0, 0)],
            documents={"flask": pair({}, ANSWER), "fastapi": pair({}, ANSWER)},
            **of_run,
        )

    return make


def outcomes(judgement: Judgement) -> dict[tuple[int, str], str]:
    """Return the outcomes by number and arrangement, or subject where the claim is not about serving."""
    return {(verdict.number, verdict.arrangement or verdict.subject): verdict.outcome for verdict in judgement.verdicts}


def find(judgement: Judgement, number: int, arrangement: str) -> Verdict:
    """Return one verdict."""
    return next(
        verdict
        for verdict in judgement.verdicts
        if (verdict.number, verdict.arrangement or verdict.subject) == (number, arrangement)
    )


def test_the_first_measurements_are_judged(first_run: Callable[..., Run], claims: tuple[Claim, ...]) -> None:
    """FastAPI's async def bears the tutorial out, Flask's does the opposite on every serving there is."""
    judgement = judge(first_run(), claims)

    assert {
        (1, "FastAPI"): "replicated",
        (1, "Flask"): "replicated",
        (2, "fastapi@uvicorn"): "replicated",
        (2, "fastapi@hypercorn"): "replicated",
        (2, "flask@hypercorn"): "contradicted",
        (2, "flask@hypercorn+asgiref"): "contradicted",
        (3, "fastapi@uvicorn"): "replicated",
        (3, "fastapi@hypercorn"): "inconclusive",
        (3, "flask@hypercorn"): "contradicted",
        (3, "flask@hypercorn+asgiref"): "contradicted",
        (4, "fastapi@uvicorn"): "replicated",
        (4, "fastapi@hypercorn"): "replicated",
        (4, "flask@hypercorn"): "contradicted",
        (4, "flask@hypercorn+asgiref"): "contradicted",
        (5, "fastapi@uvicorn"): "replicated",
        (5, "fastapi@hypercorn"): "replicated",
        (5, "flask@hypercorn"): "contradicted",
        (5, "flask@hypercorn+asgiref"): "contradicted",
        # Without its bridge to uvicorn Flask's best is not there.
        (6, "FastAPI and Flask"): "refused",
    } == outcomes(judgement)
    assert judgement.placebo is not None
    assert 5 == judgement.placebo.samples
    assert judgement.placebo_failed is None
    assert {"bare-asgi@uvicorn": 17_000.0, "bare-asgi@hypercorn": 3300.0} == judgement.ceiling_per_s
    assert 0.05 == judgement.margin
    assert () == judgement.notes
    assert 16 == len(judgement.summaries)
    assert 8 == len(judgement.twins)


def test_verdicts_come_in_the_ledgers_order(first_run: Callable[..., Run], claims: tuple[Claim, ...]) -> None:
    """By claim, then subject, and the headline first; beside it stands every other serving of the run."""
    judgement = judge(first_run(), claims)

    assert sorted(verdict.number for verdict in judgement.verdicts) == [
        verdict.number for verdict in judgement.verdicts
    ]
    assert [
        ("FastAPI", "fastapi@uvicorn", True),
        ("FastAPI", "fastapi@hypercorn", False),
        ("Flask", "flask@hypercorn", True),
        ("Flask", "flask@hypercorn+asgiref", False),
    ] == [
        (verdict.subject, verdict.arrangement, verdict.headline)
        for verdict in judgement.verdicts
        if verdict.number == 2
    ]
    assert all(verdict.headline for verdict in judgement.verdicts if verdict.number in {1, 6})
    assert {"fastapi@uvicorn", "flask@hypercorn"} == {twin.arrangement for twin in judgement.twins if twin.headline}


def test_a_serving_that_no_ledger_names_stands_beside(
    first_run: Callable[..., Run], claims: tuple[Claim, ...], first_trials: Callable[..., list[Trial]]
) -> None:
    """A new bridge needs no change of the ledger."""
    trials = first_trials()
    looped = [
        dataclasses.replace(trial, contender=trial.contender.replace("hypercorn", "hypercorn+eventloop"))
        for trial in trials
        if trial.contender in {"fastapi-async@hypercorn", "fastapi-sync@hypercorn"}
    ]
    renamed = [dataclasses.replace(trial, contender=trial.contender.replace("fastapi", "flask")) for trial in looped]

    judged = outcomes(judge(first_run(trials=[*trials, *renamed]), claims))

    assert "replicated" == judged[2, "flask@hypercorn+eventloop"]
    assert "replicated" == judged[4, "flask@hypercorn+eventloop"]
    assert "replicated" == judged[5, "flask@hypercorn+eventloop"]


def test_causes_come_from_the_figures_not_from_the_names(
    first_run: Callable[..., Run], claims: tuple[Claim, ...], first_trials: Callable[..., list[Trial]]
) -> None:
    """With the frameworks' names exchanged, the causes go with the figures."""
    swapped = {"flask": "fastapi", "fastapi": "flask"}
    trials = []
    for trial in first_trials():
        framework, rest = trial.contender.split("-", 1)
        trials.append(dataclasses.replace(trial, contender=f"{swapped[framework]}-{rest}"))

    right, exchanged = judge(first_run(), claims), judge(first_run(trials=trials), claims)

    assert find(right, 2, "flask@hypercorn").why == find(exchanged, 2, "fastapi@hypercorn").why
    assert "hops to a worker thread" in find(exchanged, 2, "flask@hypercorn").why
    assert "starts a thread and an event loop" in find(exchanged, 2, "fastapi@hypercorn").why


def test_a_contender_that_is_missing_is_refused_and_the_rest_judged(
    first_run: Callable[..., Run], claims: tuple[Claim, ...], first_trials: Callable[..., list[Trial]]
) -> None:
    """The headline is always there, refused with what to do; what is beside it only when it ran."""
    trials = [trial for trial in first_trials() if trial.contender.startswith("flask-sync")]
    judgement = judge(first_run(trials=trials), claims)

    refused = find(judgement, 2, "flask@hypercorn")
    assert ("refused", "Not judged.") == (refused.outcome, refused.sentence)
    assert "--contender flask-async@hypercorn" in refused.why
    assert () == refused.figures
    assert "refused" == find(judgement, 2, "fastapi@uvicorn").outcome
    assert (2, "fastapi@hypercorn") not in outcomes(judgement)
    assert "refused" == find(judgement, 6, "FastAPI and Flask").outcome
    assert "replicated" == find(judgement, 1, "FastAPI").outcome
    assert {"refused"} == {verdict.outcome for verdict in judgement.verdicts if verdict.number > 1}


def test_a_failed_placebo_withholds_what_was_timed(
    first_run: Callable[..., Run], claims: tuple[Claim, ...], first_trials: Callable[..., list[Trial]]
) -> None:
    """Documents and threads do not depend on timing, and are judged all the same."""
    trials = []
    for trial in first_trials():
        if trial.placebo and trial.result is not None:
            slower = dataclasses.replace(trial.result, completed=trial.result.completed * 4 // 5)
            trials.append(dataclasses.replace(trial, result=slower))
        else:
            trials.append(trial)

    judgement = judge(first_run(trials=trials), claims)

    assert judgement.placebo_failed is not None
    for verdict in judgement.verdicts:
        if verdict.number in {1, 5}:
            assert "refused" != verdict.outcome
        elif verdict.number != 6:
            assert ("refused", judgement.placebo_failed) == (verdict.outcome, verdict.why)


def test_the_margin_is_the_plans(first_run: Callable[..., Run], claims: tuple[Claim, ...]) -> None:
    """It is kept in the judgement and in each comparison, and decides what is equal."""
    run = first_run()
    judgement = judge(dataclasses.replace(run, plan=dataclasses.replace(run.plan, margin=0.1)), claims)

    assert {0.1} == {judgement.margin, *(twin.margin for twin in judgement.twins)}


def test_what_no_platform_told_is_said_in_every_cause(first_run: Callable[..., Run], claims: tuple[Claim, ...]) -> None:
    """Rates are judged without observations; threads and waits are not, and no cause is made up."""
    judgement = judge(first_run(observed=False), claims)

    assert "replicated" == find(judgement, 2, "fastapi@uvicorn").outcome
    assert "inconclusive" == find(judgement, 4, "fastapi@uvicorn").outcome
    assert "inconclusive" == find(judgement, 5, "fastapi@uvicorn").outcome
    assert all("not observed" in verdict.why for verdict in judgement.verdicts if 1 < verdict.number < 6)


def test_a_run_that_holds_nothing_is_judged(make_run: Callable[..., Run], claims: tuple[Claim, ...]) -> None:
    """A run that was killed at once yields refusals and notes, not an error."""
    judgement = judge(make_run(state="running", environment={}), claims)

    assert {"refused"} == {verdict.outcome for verdict in judgement.verdicts}
    assert all(verdict.why for verdict in judgement.verdicts)
    assert () == judgement.summaries
    assert () == judgement.twins
    assert 4 == len(judgement.notes)


def test_claims_on_what_no_contender_was_are_left_out_of_a_run_of_other_apps(
    first_run: Callable[..., Run], claims: tuple[Claim, ...], first_trials: Callable[..., list[Trial]]
) -> None:
    """A run against a reference asked its own question: of the ledger only what its contenders can show is judged."""
    own = {"fastapi-sync@uvicorn": "shop-sync@uvicorn", "fastapi-async@uvicorn": "shop-async@uvicorn"}
    trials = [
        dataclasses.replace(trial, contender=own.get(trial.contender, trial.contender))
        for trial in first_trials()
        if trial.contender in {*own, "flask-sync@hypercorn", "flask-async@hypercorn"}
    ]
    run = dataclasses.replace(first_run(trials=trials), documents={})

    own_alone = [trial for trial in trials if trial.contender.startswith("shop")]

    def against(run: Run) -> Run:
        return dataclasses.replace(run, plan=dataclasses.replace(run.plan, against="shop-sync@uvicorn"))

    verdicts = judge(against(run), claims).verdicts
    only_own = dataclasses.replace(first_run(trials=own_alone), documents={})

    assert {"flask@hypercorn"} == {verdict.arrangement for verdict in verdicts}
    assert {2, 3, 4, 5} == {verdict.number for verdict in verdicts}
    assert "refused" not in {verdict.outcome for verdict in verdicts}
    assert () == judge(against(only_own), claims).verdicts
    assert "refused" in {verdict.outcome for verdict in judge(only_own, claims).verdicts}


def test_without_claims_the_figures_remain(first_run: Callable[..., Run]) -> None:
    """Summaries and ratios do not need a ledger."""
    judgement = judge(first_run(), ())

    assert () == judgement.verdicts
    assert 8 == len(judgement.twins)
    assert not any(twin.headline for twin in judgement.twins)


def test_a_workload_that_was_not_asked_has_no_verdict(first_run: Callable[..., Run], claims: tuple[Claim, ...]) -> None:
    """Nobody who compares health checks is told that readiness was not tried; a verdict says under what it was made."""
    run = first_run()
    waiting = dataclasses.replace(
        run, plan=dataclasses.replace(run.plan, workloads=tuple(each for each in run.plan.workloads if each.wait_ms))
    )

    assert {"", "health", "wait"} == {verdict.workload for verdict in judge(run, claims).verdicts}
    assert {1, 4} == {verdict.number for verdict in judge(waiting, claims).verdicts}
