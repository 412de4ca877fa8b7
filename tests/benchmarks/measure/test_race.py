from __future__ import annotations

import dataclasses

import pytest

from benchmarks.contenders import installed
from benchmarks.errors import InvalidValueError
from benchmarks.measure import schedule
from benchmarks.measure.race import Lineup, plan_race
from benchmarks.model import ALIKE, Contender, Plan, Workload

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


def test_any_four_of_the_field_may_race(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is compared with the first, for they are no twins; one that lacks its package is refused by its name."""
    four = (
        "plainflask-async@gunicorn-gthread",
        "starlette-async@uvicorn",
        "aiohttp-async@aiohttp",
        "fastapi-async@granian",
    )
    raced = plan(*four)

    assert set(four) == {contender.id for contender in raced.contenders}
    monkeypatch.setattr(installed, "version_here", {"uvicorn": "1"}.get)
    with pytest.raises(InvalidValueError, match=r"aiohttp.* not installed here.*lab contenders"):
        plan("starlette-async@uvicorn", "aiohttp-async@aiohttp")


@pytest.mark.parametrize(("wait_ms", "rounds", "told"), [(101, 3, "wait"), (-1, 3, "wait"), (0, 1, "rounds")])
def test_the_dials_have_ends(wait_ms: int, rounds: int, told: str) -> None:
    """What is beyond them is refused with what is possible."""
    with pytest.raises(InvalidValueError, match=f"{told} must be from"):
        plan(wait_ms=wait_ms, rounds=rounds)


SHOP = tuple(
    Contender(framework="shop:app", variant=None, server=server, arguments=(), description="", program="python")
    for server in ("gunicorn", "waitress", "granian")
)
ITEMS = Workload(name="GET /items", path="/items", answer=ALIKE)


def lineup(path: str = "/items") -> Lineup:
    """Return a shop on three servers."""
    return Lineup(contenders=SHOP, request=dataclasses.replace(ITEMS, path=path), against=SHOP[0].id)


def test_somebodys_apps_race_against_the_first_of_them() -> None:
    """Under their own request; where the first does not take part, against the first that does."""
    ids = [contender.id for contender in SHOP]
    all_of_them = plan_race(ids, wait_ms=0, connections=7, rounds=2, seed=1, lineup=lineup())
    others = plan_race(ids[1:], wait_ms=0, connections=7, rounds=2, seed=1, lineup=lineup())

    assert ((ITEMS,), "shop:app@gunicorn") == (all_of_them.workloads, all_of_them.against)
    assert 7 == all_of_them.loads[ITEMS.name].vus
    assert ("shop:app@waitress", "shop:app@waitress") == (others.against, others.placebo)


def test_an_app_waits_where_its_path_has_a_place_for_it() -> None:
    """And is refused a wait where it has none."""
    ids = [contender.id for contender in SHOP]
    waiting = plan_race(ids, wait_ms=30, connections=7, rounds=2, seed=1, lineup=lineup("/report?ms={wait_ms}"))

    assert "/report?ms=30" == waiting.workloads[0].path_for(SHOP[0])
    with pytest.raises(InvalidValueError, match="no place for a wait"):
        plan_race(ids, wait_ms=30, connections=7, rounds=2, seed=1, lineup=lineup())


def test_only_what_the_page_was_started_with_can_race() -> None:
    """The message names what there is."""
    with pytest.raises(InvalidValueError, match="There are: shop:app@gunicorn"):
        plan_race(FOUR[:2], wait_ms=0, connections=7, rounds=2, seed=1, lineup=lineup())
