from __future__ import annotations

import pytest

from benchmarks.errors import InvalidValueError
from benchmarks.measure import schedule
from benchmarks.measure.race import plan_race
from benchmarks.model import Plan

FOUR = ("fastapi-async@uvicorn", "flask-sync@hypercorn", "fastapi-sync@uvicorn", "flask-async@hypercorn")


def plan(*contenders: str, wait_ms: int = 0, rounds: int = 3) -> Plan:
    """Plan a race."""
    return plan_race(contenders or FOUR, wait_ms=wait_ms, connections=20, rounds=rounds, seed=1)


def test_a_race_without_a_wait_asks_for_health_in_slices() -> None:
    """As `lab compare` does: all that runs on one server takes turns, and one of them runs twice a round."""
    raced = plan()
    blocks = list(schedule.blocks(raced))

    assert ["health"] == [workload.name for workload in raced.workloads]
    assert raced.loads["health"].slices > 1
    assert 20 == raced.loads["health"].vus
    assert 3 * 5 == sum(len(block) for block in blocks)
    assert {"hypercorn", "uvicorn"} == {trial.contender.server for block in blocks for trial in block}
    assert 3 == sum(trial.placebo for block in blocks for trial in block)


def test_a_race_with_a_wait_asks_for_that_wait() -> None:
    """Its A/A comparison is made under the same load; the loader is calibrated on health, as ever."""
    raced = plan(wait_ms=30)

    assert ["/wait/{variant}?ms=30"] == [workload.path for workload in raced.workloads]
    assert 3 == sum(trial.placebo for trial in schedule.trials(raced))
    assert [10, 10] == [trial.load.vus for trial in schedule.calibration(raced)]
    assert {0.0} == {trial.workload.wait_ms for trial in schedule.calibration(raced)}


def test_the_plan_is_the_same_whichever_was_chosen_first() -> None:
    """Contenders stand in the catalogue's order."""
    assert plan(*FOUR) == plan(*reversed(FOUR))


@pytest.mark.parametrize(
    ("contenders", "told"),
    [
        (FOUR[:1], "2 to 4"),
        ((FOUR[0], FOUR[0]), "different"),
        ((*FOUR, "flask-sync@hypercorn+asgiref"), "2 to 4"),
        ((FOUR[0], "flask-*"), "No contender with a view is called 'flask-\\*'"),
        ((FOUR[0], "bare-asgi@uvicorn"), "No contender with a view"),
    ],
)
def test_a_race_has_two_to_four_of_the_catalogue(contenders: tuple[str, ...], told: str) -> None:
    """Each by its id and once; patterns and bare servers are not taken."""
    with pytest.raises(InvalidValueError, match=told):
        plan(*contenders)


@pytest.mark.parametrize(("wait_ms", "rounds", "told"), [(101, 3, "wait"), (-1, 3, "wait"), (0, 1, "rounds")])
def test_the_dials_have_ends(wait_ms: int, rounds: int, told: str) -> None:
    """What is beyond them is refused with what is possible."""
    with pytest.raises(InvalidValueError, match=f"{told} must be from"):
        plan(wait_ms=wait_ms, rounds=rounds)
