from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from benchmarks.contenders import catalogue
from benchmarks.measure import presets, schedule
from benchmarks.measure.environment import Fact
from benchmarks.measure.load.engine import Limits
from benchmarks.model import Run
from benchmarks.report.method import environment_facts, method_rules, workload_title
from benchmarks.report.reproduce import compare_command, resume_command


def test_the_rules_name_this_runs_seed_rounds_and_loads(run: Run) -> None:
    """A reader sees how this run was made, not how runs are made in general."""
    told = " ".join(method_rules(run.plan, 0.05))

    assert "seed 20260301: 7 rounds of health and 3 rounds of wait" in told
    assert "health, 10 users for 0.7 s" in told
    assert "within ±5 %" in told
    assert "(A/A)" in told


def test_a_rule_that_was_not_followed_is_not_told(run: Run) -> None:
    """Without a placebo nothing is said of A/A."""
    told = " ".join(method_rules(dataclasses.replace(run.plan, placebo=None), 0.05))

    assert "(A/A)" not in told


def test_facts_are_named_in_words_and_packages_stand_apart(run: Run) -> None:
    """A size has its unit, what the platform did not tell is not known, and versions are a list of their own."""
    facts = dict(environment_facts(run.environment))

    assert "7.8 GiB" == facts["memory"]
    assert "not known" == facts["governor"]
    assert "0.21" == facts["load average 1m"]
    assert {"fastapi", "Flask", "Hypercorn", "uvicorn"} == dict(
        environment_facts(run.environment, packages=True)
    ).keys()
    assert "yes" == dict(environment_facts({"pinned": True}))["pinned"]


def test_a_workload_without_a_load_is_still_named(run: Run) -> None:
    """A plan from elsewhere may lack it."""
    plan = dataclasses.replace(run.plan, loads={})

    assert "health: GET /health/{variant}" == workload_title(plan.workloads[0], plan)
    assert "health: GET /health/{variant}, 10 virtual users" == workload_title(run.plan.workloads[0], run.plan)


@pytest.mark.parametrize("preset", presets.PRESETS)
def test_the_command_repeats_preset_and_seed(preset: str) -> None:
    """A plan that is its preset needs no more."""
    named, against = presets.PRESETS[preset].contenders, presets.PRESETS[preset].against
    plan = schedule.plan(preset, catalogue.select(named), seed=7, against=against)

    assert f"lab compare {preset} --seed 7" == compare_command(plan, {})


def test_the_command_names_the_reference_and_the_pythons() -> None:
    """Contenders are named once, on whichever of them they run."""
    contenders = [
        dataclasses.replace(each, interpreter=f"/{build}/bin/python", build=build)
        for build in ("3.12.1", "3.13.1t")
        for each in catalogue.select(["fastapi-*@uvicorn"])
    ]
    plan = schedule.plan("quick", contenders, seed=7, against="fastapi-async@uvicorn~3.12.1", rounds=7)

    assert (
        "lab compare quick --seed 7 --contender fastapi-sync@uvicorn --contender fastapi-async@uvicorn "
        "--pythons /3.12.1/bin/python,/3.13.1t/bin/python --against fastapi-async@uvicorn"
    ) == compare_command(plan, {}).replace(" --rounds 7", "")


def test_the_command_and_the_rules_name_the_engine() -> None:
    """Its limits stand in the method, and a run with workers is repeated with workers."""
    plan = schedule.plan("tutorial", [], seed=7, engine="k6", limits=Limits(slices=False))

    assert "lab compare tutorial --engine k6 --seed 7" == compare_command(plan, {})
    assert "k6 asks, by the tutorial's command line." in " ".join(method_rules(plan, 0.05))
    locust = dataclasses.replace(plan, engine="locust")
    assert "lab locust master tutorial --workers 3 --seed 7" == compare_command(locust, {"load_workers": 3})
    elsewhere: dict[str, Fact] = {"load_workers": 3, "load_host": "192.168.1.20", "load_port": 0}
    assert ("lab locust master tutorial --workers 3 --host 192.168.1.20 --port 0 --seed 7") == compare_command(
        locust, elsewhere
    )
    assert "whole milliseconds" in " ".join(method_rules(locust, 0.05))
    assert "The load generator is wrk." in method_rules(dataclasses.replace(plan, engine="wrk"), 0.05)


def test_a_run_is_gone_on_with_by_the_command_that_began_it() -> None:
    """Its load comes from where it came from before."""
    folder = Path("my results/today")

    assert "lab compare --resume 'my results/today'" == resume_command(folder, {})
    assert "lab locust master --workers 3 --port 6000 --resume 'my results/today'" == resume_command(
        folder, {"load_workers": 3, "load_port": 6000}
    )


def test_the_command_repeats_what_differs_from_the_preset() -> None:
    """Sizes and contenders that were chosen are chosen again."""
    chosen = catalogue.select(["flask-*@hypercorn"])
    plan = schedule.plan("quick", chosen, seed=7, vus=20, duration_s=2.5, rounds=9)

    assert (
        "lab compare quick --seed 7 --vus 20 --duration 2.5s --rounds 9 "
        "--contender flask-sync@hypercorn --contender flask-async@hypercorn"
    ) == compare_command(plan, {})


def test_the_command_repeats_rounds_in_which_nobody_sat_out() -> None:
    """As many rounds as the preset's, but asked for, is another plan: everything takes part in each."""
    rounds = presets.PRESETS["quick"].health_rounds

    assert f"lab compare quick --seed 7 --rounds {rounds}" == compare_command(
        schedule.plan("quick", [], seed=7, rounds=rounds), {}
    )


@pytest.mark.parametrize(
    ("sizes", "options"),
    [
        ({}, ""),
        ({"rounds": 3}, " --rounds 3"),
        ({"duration_s": 0.5}, " --duration 0.5s"),
    ],
)
def test_the_command_repeats_the_workloads(sizes: dict[str, Any], options: str) -> None:
    """By the names that a person gives them: readiness is one, by however many connections it is asked."""
    plan = schedule.plan("quick", [], seed=7, workloads=["wait", "ready"], **sizes)

    assert f"lab compare quick --seed 7 --workload wait --workload ready{options}" == compare_command(plan, {})


def test_the_command_repeats_the_reference() -> None:
    """That each contender was compared with."""
    chosen = catalogue.select(["starlette-async@uvicorn", "fastapi-async@uvicorn"])
    plan = schedule.plan("quick", chosen, seed=7, against="fastapi-async@uvicorn")

    assert compare_command(plan, {}).endswith(
        "--contender fastapi-async@uvicorn --contender starlette-async@uvicorn --against fastapi-async@uvicorn"
    )


def test_the_command_of_an_unknown_preset_is_quoted_for_a_shell(run: Run) -> None:
    """A name with a blank or worse is one word of the command."""
    plan = dataclasses.replace(run.plan, preset="my; rm -rf", loads={}, rounds={})

    assert "lab compare 'my; rm -rf' --seed 20260301" == compare_command(plan, {})


def test_slices_and_rounds_sat_out_are_told() -> None:
    """Who reads how it was measured learns that twins took turns, and that not everybody ran in every round."""
    quick = " ".join(method_rules(schedule.plan("quick", [], seed=1), 0.05))
    assert "take turns in slices of 0.05 s" in quick
    assert "skip some rounds" in quick

    tutorial = " ".join(method_rules(schedule.plan("tutorial", [], seed=1), 0.05))
    assert "slices" not in tutorial
    assert "skip" not in tutorial
