from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from benchmarks.contenders import catalogue
from benchmarks.errors import InvalidValueError
from benchmarks.judge.claims import parse_claims
from benchmarks.measure import presets, remaining, schedule
from benchmarks.measure.load.engine import Limits
from benchmarks.measure.load.k6 import K6Engine
from benchmarks.measure.schedule import ScheduledTrial
from benchmarks.measure.workloads import WORKLOADS
from benchmarks.model import Contender, Workload


def test_every_round_has_every_contender_once_and_the_placebo_twice() -> None:
    """Interleaving is what makes a ratio inside a round fair."""
    plan = schedule.plan("full", [], seed=7)
    trials = list(schedule.trials(plan))

    for number in range(1, plan.rounds["health"] + 1):
        entries = [trial for trial in trials if trial.round == number and trial.workload.name == "health"]
        assert list(range(1, len(entries) + 1)) == [entry.position for entry in entries]
        assert sorted(plan.workload_contenders["health"]) == sorted(
            entry.contender.id for entry in entries if not entry.placebo
        )
        assert [plan.placebo] == [entry.contender.id for entry in entries if entry.placebo]


@pytest.mark.parametrize("preset", ["full", "tutorial"])
def test_twins_are_neighbours_in_either_order(preset: str) -> None:
    """What is divided by what was measured right before or after it; neither twin always comes first."""
    trials = list(schedule.trials(schedule.plan(preset, [], seed=7)))
    first_variants = set()

    for _, entries in itertools.groupby(trials, key=lambda trial: (trial.round, trial.workload.name)):
        blocks = [list(block) for _, block in itertools.groupby(entries, key=lambda trial: trial.contender.arrangement)]
        assert 6 == len(blocks)
        first_variants |= {block[0].contender.variant for block in blocks}
    assert {"sync", "async"} == first_variants


def test_what_runs_on_one_server_is_a_block_where_slices_take_turns() -> None:
    """So that any two of them can be compared; in one piece they would only wait for each other."""
    plan = schedule.plan("full", [], seed=7)
    arrangements: dict[str, set[str]] = {"hypercorn": set(), "uvicorn": set()}
    for contender in plan.contenders:
        arrangements[contender.server].add(contender.arrangement)

    for block in schedule.blocks(plan):
        together = {trial.contender.arrangement for trial in block}
        assert (arrangements[block[0].contender.server] == together) == (block[0].workload.name == "health")
        assert (1 == len(together)) == (block[0].workload.name == "wait")


def own(name: str, server: str) -> Contender:
    """Return a contender that is somebody's app."""
    return Contender(framework=name, variant=None, server=server, arguments=(), description=name, program="python")


def request(**changes: Any) -> Workload:
    """Return a request to somebody's apps."""
    return Workload(name="GET /", path="/", answer="alike", **changes)


def test_somebodys_apps_are_one_block_whatever_serves_them() -> None:
    """Each is compared with the first: their slices take turns."""
    apps = [own("shop:app", "gunicorn"), own("shop:app", "uvicorn")]

    plan = schedule.plan("quick", apps, seed=7, requests=[request()], against=apps[0].id)

    assert {3} == {len(block) for block in schedule.blocks(plan)}


@pytest.mark.parametrize(
    ("alone_ms", "is_sliced"), [({}, True), ({"a": 1.0, "b": 4.0}, True), ({"a": 1.0, "b": 6.0}, False)]
)
def test_a_load_is_cut_into_slices_where_many_answers_fit_into_each(
    alone_ms: dict[str, float], is_sliced: bool
) -> None:
    """What the slowest contender answers in more than 5 ms is measured in one piece."""
    apps = [own("shop:app", "gunicorn")]

    plan = schedule.plan("quick", apps, seed=7, requests=[request(alone_ms=alone_ms)], against=apps[0].id)

    assert is_sliced == (plan.loads["GET /"].slices > 1)


def test_a_request_may_have_its_own_rate_and_a_run_its_own_margin() -> None:
    """What a project's file says of a request; others are asked as fast as they are answered."""
    fast = dataclasses.replace(request(), name="fast")
    apps = [own("shop:app", "gunicorn")]

    plan = schedule.plan(
        "quick", apps, seed=7, requests=[request(rate_per_s=200.0), fast], against=apps[0].id, margin=0.02
    )

    assert (200.0, None, 0.02) == (plan.loads["GET /"].rate_per_s, plan.loads["fast"].rate_per_s, plan.margin)


@pytest.mark.parametrize("changes", [{"path": "/{{$uuid}}"}, {"mix": (request(), request())}, {"rate_per_s": 200.0}])
def test_what_an_engine_cannot_do_is_refused_before_anything_runs(changes: dict[str, Any]) -> None:
    """k6 sends the same request every time, in the closed model."""
    wanted = dataclasses.replace(request(), **changes)
    with pytest.raises(InvalidValueError, match="k6"):
        schedule.plan("quick", [own("shop:app", "gunicorn")], 7, requests=[wanted], engine="k6", limits=K6Engine.limits)


def test_no_arrangement_has_a_place_of_its_own_in_its_block() -> None:
    """What stands at the edge of a block, whose slices follow one another, is another from round to round."""
    plan = schedule.plan("full", [], seed=7)

    first = {
        block[0].contender.arrangement
        for block in schedule.blocks(plan)
        if block[0].workload.name == "health" and block[0].contender.server == "hypercorn"
    }
    assert 3 <= len(first)


def test_quick_gives_its_time_to_the_arrangements_that_decide() -> None:
    """The others sit out most rounds, twins together; whoever asks for contenders or rounds gets all in each."""
    rounds: dict[tuple[str, str], list[int]] = {}
    for trial in schedule.trials(schedule.plan("quick", [], seed=1)):
        if not trial.placebo:
            rounds.setdefault((trial.workload.name, trial.contender.id), []).append(trial.round)

    for headline in ("flask-async@hypercorn", "fastapi-sync@uvicorn"):
        assert [1, 2, 3, 4, 5, 6, 7] == rounds["health", headline]
        assert [1, 2, 3] == rounds["wait", headline]
    for beside in ("flask-async@hypercorn+asgiref", "flask-sync@hypercorn+asgiref"):
        assert [1, 4, 7] == rounds["health", beside]
        assert [1, 3] == rounds["wait", beside]
    assert {} == schedule.plan("quick", [], seed=1, rounds=2).every
    assert {} == schedule.plan("quick", catalogue.select(["flask-*"]), seed=1).every


def test_the_headlines_are_the_ledgers() -> None:
    """Measurement must not import the judge, so the two lists are held together here."""
    ledger = parse_claims((Path(catalogue.__file__).parents[1] / "claims.toml").read_text(encoding="utf-8"))

    judged = {f"{test.framework}@{test.serving}" for claim in ledger for test in claim.tests if test.serving}
    assert set(catalogue.HEADLINES) == judged


def test_the_seed_decides_the_order() -> None:
    """The same seed repeats a run; another shuffles anew, and rounds differ within a run."""

    def order(seed: int) -> list[str]:
        return [trial.contender.id for trial in schedule.trials(schedule.plan("quick", [], seed=seed))]

    assert order(1) == order(1)
    assert order(1) != order(2)
    plan = schedule.plan("quick", [], seed=3)
    rounds = {
        number: [t.contender.id for t in schedule.trials(plan) if t.round == number and t.workload.name == "health"]
        for number in (1, 2)
    }
    assert rounds[1] != rounds[2]


def test_a_run_cut_short_has_something_of_each_workload() -> None:
    """Round 1 of every workload comes before round 2 of any."""
    rounds = [trial.round for trial in schedule.trials(schedule.plan("full", [], seed=1))]

    assert sorted(rounds) == rounds


def test_bare_servers_calibrate_and_do_not_compete_unless_asked() -> None:
    """They are the ceiling; a person may still ask to see one in the rounds."""
    plan = schedule.plan("quick", [], seed=1)
    assert not set(plan.ceilings) & set(plan.workload_contenders["health"])
    assert list(catalogue.CEILINGS) == [trial.contender.id for trial in schedule.calibration(plan)]

    asked = schedule.plan("quick", catalogue.select(["bare-*", "flask-*@hypercorn"]), seed=1)
    assert "bare-asgi@uvicorn" in asked.workload_contenders["health"]
    assert "bare-asgi@uvicorn" not in asked.workload_contenders["wait"]


def test_a_run_of_the_field_is_calibrated_on_its_servers_too() -> None:
    """A default run has the usual contenders and the usual ceilings alone."""
    usual = schedule.plan("quick", [], seed=1)
    field = schedule.plan("quick", catalogue.select(["starlette-*@granian", "fastapi-async@uvicorn"]), seed=1)

    assert [each.id for each in catalogue.USUAL if each.variant] == [each.id for each in usual.contenders]
    assert (*catalogue.CEILINGS, "bare-asgi@granian") == field.ceilings
    assert "fastapi-async@uvicorn" == field.placebo


def test_the_reference_of_a_field_is_twice_in_every_block() -> None:
    """So each ratio to it is made inside a block; no block is larger than what runs side by side, and these two."""
    plan = schedule.plan("frameworks", catalogue.CONTENDERS, seed=1, against="fastapi-async@uvicorn")
    first = [block for block in schedule.blocks(plan) if (block[0].round, block[0].workload.name) == (1, "health")]

    references = [[trial for trial in block if trial.contender.id == plan.against] for block in first]
    assert all([False, True] == sorted(trial.placebo for trial in own) for own in references)
    assert schedule.MOST_SIDE_BY_SIDE + 2 >= max(map(len, first))
    measured = [trial.contender.id for block in first for trial in block]
    assert set(plan.workload_contenders["health"]) == set(measured)
    assert {1} == {measured.count(each) for each in set(measured) - {plan.against}}
    assert list(range(1, len(first) + 1)) == [block[0].block for block in first]


def test_what_shares_a_server_shares_a_block_of_a_field_and_small_servers_share_one() -> None:
    """A server has more blocks than one only where its contenders do not fit; no two blocks would fit into one."""
    plan = schedule.plan("frameworks", catalogue.CONTENDERS, seed=1, against="fastapi-async@uvicorn")
    first = [block for block in schedule.blocks(plan) if (block[0].round, block[0].workload.name) == (1, "health")]

    others = [[trial.contender for trial in block if trial.contender.id != plan.against] for block in first]
    servers = Counter(contender.server for block in others for contender in block)
    for server, count in servers.items():
        there = sum(server in {contender.server for contender in block} for block in others)
        assert there == 1 or count > schedule.MOST_SIDE_BY_SIDE
    two_smallest = sorted(map(len, others))[:2]
    assert sum(two_smallest) > schedule.MOST_SIDE_BY_SIDE
    twins = Counter((contender.arrangement, number) for number, block in enumerate(others) for contender in block)
    assert len(twins) == len({arrangement for arrangement, _ in twins})


def test_few_contenders_with_a_reference_share_one_block() -> None:
    """Whatever serves them."""
    chosen = catalogue.select(["flask-*@hypercorn", "fastapi-*@uvicorn"])
    plan = schedule.plan("quick", chosen, seed=1, workloads=["health"], against="fastapi-async@uvicorn")

    assert {5} == {len(block) for block in schedule.blocks(plan)}


def test_what_the_caller_asks_overrides_the_preset() -> None:
    """--vus is the health workload's; --duration and --rounds are everybody's."""
    plan = schedule.plan("tutorial", catalogue.select(["flask-*"]), seed=1, vus=3, duration_s=0.5, rounds=2)

    assert (3, 0.5) == (plan.loads["health"].vus, plan.loads["health"].duration_s)
    assert (100, 0.5) == (plan.loads["wait"].vus, plan.loads["wait"].duration_s)
    assert {"health": 2, "wait": 2} == plan.rounds


def test_the_tutorial_preset_is_the_tutorials_load() -> None:
    """k6 run --vus 10 --duration 30s."""
    load = schedule.plan("tutorial", [], seed=1).loads["health"]

    assert (10, 30.0) == (load.vus, load.duration_s)


def test_quick_fits_a_lesson() -> None:
    """The whole of the default run is meant to take under three minutes, on a slower machine than this too."""
    assert remaining.estimate_s(schedule.plan("quick", [], seed=1)) <= 170


def test_an_unknown_preset_suggests_the_nearest() -> None:
    """And names them all."""
    with pytest.raises(InvalidValueError, match=r"Did you mean quick\? There are: quick, tutorial, full"):
        presets.find_preset("quikc")


@pytest.mark.parametrize(
    ("patterns", "placebo"),
    [
        (["flask-*", "fastapi-*"], "fastapi-async@uvicorn"),
        (["flask-*@hypercorn"], "flask-sync@hypercorn"),
        (["fastapi-sync@uvicorn", "flask-*@hypercorn"], "fastapi-sync@uvicorn"),
    ],
)
def test_the_placebo_is_the_steadiest_of_those_that_run(patterns: list[str], placebo: str) -> None:
    """A/A is run on something that is in the run anyway."""
    assert placebo == schedule.plan("quick", catalogue.select(patterns), seed=1).placebo


def test_a_contender_that_is_added_later_does_not_become_the_placebo() -> None:
    """What is run twice is chosen for what it is, not for its place in the catalogue."""
    added = dataclasses.replace(catalogue.find("fastapi-async@uvicorn"), framework="starlette")

    assert "fastapi-async@uvicorn" == catalogue.steadiest([*catalogue.CONTENDERS, added])
    assert "flask-async@hypercorn+eventloop" == catalogue.steadiest(catalogue.select(["flask-*"]))


@pytest.mark.parametrize("preset", presets.PRESETS)
def test_a_preset_is_made_to_fit_its_engine(preset: str) -> None:
    """k6 refuses to run for less than a second, be it for a warm-up."""
    plan = schedule.plan(preset, [], seed=7, engine="k6", limits=K6Engine.limits)

    assert all(load.warmup_s >= 1 and load.duration_s >= 1 for load in plan.loads.values())


@pytest.mark.parametrize(
    ("duration_s", "told"),
    [(0.7, "k6 measures for 1 s at least, not for 0.7 s"), (1.0005, "k6 takes durations in steps of 1 ms")],
)
def test_a_duration_that_its_engine_cannot_keep_is_refused(duration_s: float, told: str) -> None:
    """Before anything is timed."""
    with pytest.raises(InvalidValueError, match=told):
        schedule.plan("quick", [], seed=7, engine="k6", limits=K6Engine.limits, duration_s=duration_s)


def test_an_engine_that_cannot_hold_has_every_interval_in_one_piece() -> None:
    """And the plan records which engine that is."""
    plan = schedule.plan("quick", [], seed=7, engine="k6", limits=Limits(slices=False))

    assert "k6" == plan.engine
    assert {1} == {load.slices for load in plan.loads.values()}
    assert {1, 2, 3} >= {len(block) for block in schedule.blocks(plan)}
    in_one_piece = schedule.plan("quick", [], seed=7, limits=Limits(slices=False))
    assert remaining.estimate_s(plan) > remaining.estimate_s(in_one_piece)


def test_a_person_chooses_the_workloads() -> None:
    """In the order of the catalogue of workloads, whatever the order of the options; readiness is three of them."""
    plan = schedule.plan("quick", [], seed=1, workloads=["ready", "wait"])

    assert ["wait", "ready-1", "ready-10", "ready-100"] == [workload.name for workload in plan.workloads]
    assert [1, 10, 100] == [plan.loads[f"ready-{connections}"].vus for connections in (1, 10, 100)]
    assert {"wait": 3, "ready-1": 3, "ready-10": 3, "ready-100": 3} == plan.rounds
    assert {1} == {load.slices for load in plan.loads.values()}
    assert schedule.plan("quick", [], seed=1) == schedule.plan("quick", [], seed=1, workloads=["health", "wait"])


def test_the_placebo_runs_under_the_last_workload_where_health_is_not_asked() -> None:
    """A run without health has an A/A comparison too."""
    trials = list(schedule.trials(schedule.plan("quick", [], seed=1, workloads=["ready"])))

    assert {"ready-100"} == {trial.workload.name for trial in trials if trial.placebo}
    assert 3 == sum(trial.placebo for trial in trials)


def test_readiness_takes_longer_to_start_and_to_get_steady() -> None:
    """Its libraries are loaded first; and behind asgiref each connection waits for the others' waits, one by one."""
    (health, *_), (*_, ready) = (WORKLOADS[name].workloads for name in ("health", "ready"))
    load = presets.PRESETS["quick"].wait

    def estimate(name: str, workload: Workload) -> float:
        return remaining.estimate_trial_s(ScheduledTrial(1, 1, catalogue.find(name), workload, load))

    assert estimate("fastapi-sync@uvicorn", health) < estimate("fastapi-sync@uvicorn", ready)
    assert estimate("flask-async@hypercorn+asgiref", ready) < estimate("flask-sync@hypercorn+asgiref", ready)


@pytest.mark.parametrize(
    ("patterns", "asked", "told"),
    [
        ([], {"vus": 3}, "--vus belongs to the workload health, which is not asked: add --workload health"),
        ([], {"latency_at": 0.7}, "--latency-at belongs to the workload health"),
        ([], {"rate_per_s": 100.0, "vus": 3}, "--vus and --rate belongs"),
        (["bare-*"], {}, "A bare server has no view that could wait, so it takes no part in wait and ready"),
    ],
)
def test_what_does_not_go_with_the_workloads_is_refused(patterns: list[str], asked: dict[str, Any], told: str) -> None:
    """Before anything is started, with what would go."""
    contenders = catalogue.select(patterns) if patterns else []

    with pytest.raises(InvalidValueError, match=told):
        schedule.plan("quick", contenders, seed=1, workloads=["ready", "wait"], **asked)


def test_a_trial_of_a_check_is_long_enough_for_slow_answers() -> None:
    """As long as 200 answers of one user, within limits; a slice stays as short as it was."""
    requests = [
        Workload(name=name, path="/", answer="alike", alone_ms={"base": alone_ms / 2, "head": alone_ms})
        for name, alone_ms in (("quick", 1.0), ("middling", 4.5), ("slow", 10.0), ("slowest", 900.0))
    ]
    sides = (catalogue.find("fastapi-sync@uvicorn"), catalogue.find("fastapi-async@uvicorn"))
    planned = schedule.long_enough(schedule.plan("quick", sides, 1, requests=requests))

    assert {"quick": 0.6, "middling": 0.9, "slow": 2.0, "slowest": 5.0} == {
        name: pytest.approx(load.duration_s) for name, load in planned.loads.items()
    }
    assert {"quick": 12, "middling": 18, "slow": 1, "slowest": 1} == {
        name: load.slices for name, load in planned.loads.items()
    }


def test_the_placebo_of_own_requests_is_not_under_an_equal_rate() -> None:
    """A/A compares rates, which are given there."""
    requests = [Workload(name=name, path="/", answer="alike") for name in ("items", "orders")]
    sides = (catalogue.find("fastapi-sync@uvicorn"), catalogue.find("fastapi-async@uvicorn"))
    planned = schedule.plan("quick", sides, 1, requests=requests, against=sides[0].id, latency_at=0.7)

    assert {"orders"} == {trial.workload.name for trial in schedule.trials(planned) if trial.placebo}
