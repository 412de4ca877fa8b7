from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import pytest

from benchmarks.judge.claims import Claim
from benchmarks.judge.evidence import Evidence, RefusedError
from benchmarks.judge.judgement import Verdict
from benchmarks.judge.ratio import find_best
from benchmarks.model import Observation, Run, Trial

COSTS = {"flask": 451.0, "fastapi": 117.0}


@pytest.fixture
def find(
    make_run: Callable[..., Run],
    make_trial: Callable[..., Trial],
    make_observation: Callable[..., Observation],
    make_evidence: Callable[..., Evidence],
    claim: Callable[[str], Claim],
) -> Callable[..., Verdict]:
    """Judge rates of contenders over rounds; Flask's requests cost 451 µs of CPU, FastAPI's 117."""

    def judge(rates: Mapping[str, Sequence[float]], ceiling: float = 1e6, among: str | None = "") -> Verdict:
        trials = [
            make_trial(name, rate, number, observation=make_observation(cpu_us=COSTS.get(name.split("-")[0], 50.0)))
            for name, measured in rates.items()
            for number, rate in enumerate(measured)
        ]
        run = make_run(trials, calibration=[make_trial("bare-asgi@uvicorn", ceiling, 0)])
        ledger = claim("fastapi-not-much-better")
        test = ledger.tests[0] if among is None else dataclasses.replace(ledger.tests[0], among=among)
        return find_best(make_evidence(run), ledger, test)

    return judge


FIRST = {
    "bare-asgi@uvicorn": [15_000.0, 15_000.0, 15_000.0],
    "flask-sync@hypercorn": [2200.0, 2215.0, 2230.0],
    "flask-async@hypercorn": [1090.0, 1095.0, 1100.0],
    "fastapi-sync@uvicorn": [3990.0, 3994.0, 4000.0],
    "fastapi-async@hypercorn": [2890.0, 2900.0, 2910.0],
    "fastapi-async@uvicorn": [8790.0, 8799.0, 8810.0],
}


def test_the_best_are_compared_only_when_they_took_part(find: Callable[..., Verdict]) -> None:
    """A run of a few would call the fastest of these few the best, and find the opposite."""
    with pytest.raises(RefusedError, match=r"and flask-async@uvicorn\+eventloop was not: add --contender flask-async@"):
        find(FIRST, among=None)

    whole = find({**FIRST, "flask-async@uvicorn+eventloop": [8890.0, 8900.0, 8920.0]}, among=None)

    assert "replicated" == whole.outcome


def test_the_fastest_of_each_are_compared(find: Callable[..., Verdict]) -> None:
    """Any variant on any server, but not the bare server; and then both on one server."""
    finding = find(FIRST)

    assert "contradicted" == finding.outcome
    assert (
        "fastapi-async@uvicorn, the fastest here of its framework, served 3.97 × [3.92, 4.03] the requests of "
        "flask-sync@hypercorn, the fastest of its own: much better, which begins at 1.50 ×. The two differ in server "
        "as "
        "well; on hypercorn alone, one factor at a time, fastapi-async@hypercorn served 1.31 × [1.30, 1.32]."
        == finding.sentence
    )
    assert (
        "CPU time per request explains it (3.85 ×): fastapi-async@uvicorn took 0.0 voluntary switches and 117 "
        "µs of "
        "CPU per request, flask-sync@hypercorn 0.0 voluntary switches and 451 µs of CPU." == finding.why
    )
    assert ["rate fastapi/flask", "rate fastapi/flask, both on hypercorn"] == [
        figure.name for figure in finding.figures
    ]


@pytest.mark.parametrize(
    ("fastapi", "outcome", "told"),
    [
        ([1000.0, 1001.0, 999.0], "replicated", "equal within ±5 %."),
        ([1000.0, 1200.0, 900.0], "replicated", "no difference found, which is not the same as equal."),
        ([1300.0, 1301.0, 1299.0], "replicated", "better, but not 1.50 ×."),
        ([700.0, 701.0, 699.0], "replicated", "not better at all."),
        ([1510.0, 1511.0, 1512.0], "contradicted", "much better, which begins at 1.50 ×."),
        (
            [1400.0, 1500.0, 1600.0],
            "inconclusive",
            "run more rounds (--rounds 6) or longer trials (--duration).",
        ),
    ],
)
def test_much_better_begins_at_the_ledgers_ratio(
    find: Callable[..., Verdict], fastapi: list[float], outcome: str, told: str
) -> None:
    """The whole interval decides, and the sentence says what below "much" was found."""
    finding = find({"flask-sync@s": [1000.0, 1000.0, 1000.0], "fastapi-sync@s": fastapi})

    assert outcome == finding.outcome
    assert "the fastest of its own: " in finding.sentence
    assert finding.sentence.endswith(told)
    assert 1 == len(finding.figures)


def test_a_framework_that_is_not_on_the_other_server_leaves_a_gap(find: Callable[..., Verdict]) -> None:
    """How much is the server's stays unseen, and that is said."""
    finding = find({name: rates for name, rates in FIRST.items() if name != "fastapi-async@hypercorn"})

    assert finding.sentence.endswith("fastapi was not measured on hypercorn, so the server's share is unknown.")
    assert finding.figures[1].estimate is None


def test_a_best_behind_a_bridge_has_the_best_without_one_beside_it(find: Callable[..., Verdict]) -> None:
    """What a bridge makes of a framework is not what most of its users have."""
    finding = find(FIRST | {"flask-async@uvicorn+eventloop": [8800.0, 8790.0, 8795.0]})

    assert "replicated" == finding.outcome
    assert (
        "fastapi-async@uvicorn, the fastest here of its framework, served 1.00 × [1.00, 1.00] the requests of "
        "flask-async@uvicorn+eventloop, the fastest of its own: equal within ±5 %. Without a bridge, "
        "fastapi-async@uvicorn served 3.97 × [3.92, 4.03] the requests of flask-sync@hypercorn." == finding.sentence
    )
    assert ["rate fastapi/flask", "rate fastapi/flask, neither behind a bridge"] == [
        figure.name for figure in finding.figures
    ]


def test_a_run_with_bridges_alone_leaves_a_gap(find: Callable[..., Verdict]) -> None:
    """What was not measured is not guessed."""
    finding = find({"flask-async@s+eventloop": [1000.0, 1001.0], "fastapi-sync@s": [1000.0] * 2})

    assert finding.sentence.endswith(": equal within ±5 %. How they compare without a bridge is unknown.")
    assert finding.figures[1].estimate is None


def test_a_cause_that_the_cpu_does_not_show_is_not_claimed(find: Callable[..., Verdict]) -> None:
    """When the rates differ by another ratio than the CPU time, the figures do not explain it."""
    finding = find({"flask-sync@s": [1000.0, 1001.0], "fastapi-sync@s": [1600.0, 1601.0]})

    assert finding.why.startswith("Cause not seen in these figures: CPU time per request alone would make it 3.85 ×;")


def test_one_lucky_round_makes_no_winner(find: Callable[..., Verdict]) -> None:
    """A contender needs two valid rounds to be the best of its framework."""
    finding = find({"flask-sync@s": [1000.0, 1001.0], "flask-async@s": [9000.0], "fastapi-sync@s": [2000.0] * 2})

    assert "the requests of flask-sync@s" in finding.sentence


def test_rounds_that_came_out_all_the_same_are_refused(find: Callable[..., Verdict]) -> None:
    """What is measured varies; what does not was counted too coarsely."""
    with pytest.raises(RefusedError, match="counted too coarsely"):
        find({name: rates[:1] * 3 for name, rates in FIRST.items()})


@pytest.mark.parametrize("missing", ["flask", "fastapi"])
def test_a_framework_without_a_contender_is_refused(find: Callable[..., Verdict], missing: str) -> None:
    """The message says which, and how to add one."""
    rates = {name: measured for name, measured in FIRST.items() if not name.startswith(missing)}

    with pytest.raises(
        RefusedError,
        match=f"No contender of {missing} has 2 valid rounds under the workload health: .* --contender '{missing}-",
    ):
        find(rates)


def test_a_winner_near_the_loaders_ceiling_is_refused(find: Callable[..., Verdict]) -> None:
    """Its rate may be the loader's."""
    with pytest.raises(RefusedError, match="Loader-bound in 3 of 6 trials"):
        find(FIRST, ceiling=10_000.0)
