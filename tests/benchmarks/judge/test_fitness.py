from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from benchmarks.judge.fitness import Fitness, judge_fitness, judge_machine
from benchmarks.model import Machine, Run, Trial

QUIET_MACHINE = Machine(
    logical_cores=4,
    usable_cores=4,
    server_cpus=(2,),
    loader_cpus=(0,),
    cores_are_siblings=False,
    governors=("performance",),
    on_battery=False,
    load_average_1m=0.1,
    busiest=(),
    clock_step_ns=40.0,
)


@pytest.fixture
def judged(make_run: Callable[..., Run], make_trial: Callable[..., Trial]) -> Callable[..., Fitness]:
    """Judge a machine on which a contender reached 1,000 a second and then these rates against itself."""

    def judge(
        second: Sequence[float], *, stolen: float | None = 0.0, calibrated: bool = True, **of_machine: Any
    ) -> Fitness:
        trials = []
        for number, rate in enumerate(second, start=1):
            trials.append(make_trial("fastapi-async@uvicorn", 1000.0, number))
            trials.append(make_trial("fastapi-async@uvicorn", rate, number, placebo=True))
        ceiling = [make_trial("bare-asgi@uvicorn", 30_000.0, 0, loader_cpu_s=1.0)] if calibrated else []
        machine = dataclasses.replace(QUIET_MACHINE, **of_machine)
        return judge_fitness(machine, make_run(trials, calibration=ceiling), stolen)

    return judge


def test_a_quiet_machine_is_fit_and_says_how_finely_it_measures(judged: Callable[..., Fitness]) -> None:
    """Nothing but good signs, and the smallest difference that will show."""
    fitness = judged([1000.0, 1004.0, 996.0, 1001.0, 999.0, 1000.0])

    assert {"good"} == {sign.level for sign in fitness.signs}
    assert fitness.fit
    assert fitness.ceiling_per_s == 30_000.0
    assert fitness.placebo is not None
    assert fitness.difference is not None
    assert fitness.difference < 0.01
    assert "server and loader pinned apart: lab compare will show differences above" in fitness.verdict
    assert "rounds" not in fitness.verdict


def test_a_noisy_machine_says_how_many_rounds_a_fine_difference_takes(judged: Callable[..., Fitness]) -> None:
    """It is fit, but not for small differences in seven rounds."""
    fitness = judged([1100.0, 930.0, 1060.0, 950.0, 1000.0, 980.0], server_cpus=(), loader_cpus=())

    assert fitness.fit
    assert fitness.difference is not None
    assert fitness.difference > 0.05
    assert "sharing cores" in fitness.verdict
    assert "For 5.0 % it takes" in fitness.verdict
    assert "equality not shown" in fitness.signs[-1].what


def test_a_hopeless_machine_is_told_so(judged: Callable[..., Fitness]) -> None:
    """No number of rounds that anybody runs would do."""
    fitness = judged([5_000.0, 100.0, 20_000.0, 50.0])

    assert "more than a thousand rounds" in fitness.verdict


def test_a_failed_placebo_is_not_fit(judged: Callable[..., Fitness]) -> None:
    """Two equal things that surely differ."""
    fitness = judged([1200.0, 1201.0, 1199.0])

    assert not fitness.fit
    assert "Verdicts would be withheld" in fitness.verdict
    assert "bad" == fitness.signs[-1].level
    assert "Stop what else runs" in fitness.signs[-1].advice


def test_one_round_is_not_judged(judged: Callable[..., Fitness]) -> None:
    """There is a ratio, but nothing says how much it varies."""
    fitness = judged([1000.0])

    assert not fitness.fit
    assert fitness.placebo is not None
    assert fitness.spread is None
    assert fitness.difference is None
    assert "Run it with more --rounds." in fitness.verdict


def test_void_rounds_say_why(make_run: Callable[..., Run], make_trial: Callable[..., Trial]) -> None:
    """Without a valid round the reason is all that there is to tell."""
    trials = [make_trial(failure="the server was killed by SIGKILL", placebo=placebo) for placebo in (False, True)]

    fitness = judge_fitness(QUIET_MACHINE, make_run(trials), None)

    assert fitness.placebo is None
    assert "Void: the server was killed by SIGKILL." in fitness.verdict
    assert ["bad", "bad"] == [sign.level for sign in fitness.signs[-2:]]


def test_a_loader_without_calibration_is_bad(judged: Callable[..., Fitness]) -> None:
    """No verdict stands without the ceiling."""
    fitness = judged([1000.0, 1000.0], calibrated=False)

    assert fitness.ceiling_per_s is None
    assert any(sign.what == "The loader could not be calibrated." for sign in fitness.signs)


@pytest.mark.parametrize(("stolen", "level"), [(0.0, "good"), (0.1, "warning")])
def test_time_that_the_hypervisor_takes_is_seen(judged: Callable[..., Fitness], stolen: float, level: str) -> None:
    """A little is usual, much is a neighbour at work."""
    seen = next(sign for sign in judged([1000.0, 1000.0], stolen=stolen).signs if "hypervisor" in sign.what)

    assert level == seen.level


@pytest.mark.parametrize(
    ("fact", "what", "advice"),
    [
        ({"server_cpus": (), "loader_cpus": ()}, "cannot be kept apart", "Two cores and Linux"),
        ({"cores_are_siblings": True}, "two threads of one core", "taskset"),
        ({"governors": ("powersave",)}, "governor is powersave", "cpupower"),
        ({"on_battery": True}, "unplugged", "Plug it in"),
        ({"load_average_1m": 3.0}, "Load average 3", "Close what you can"),
        ({"busiest": (("firefox", 0.42),)}, "firefox (42 % of a core)", "Close what you can"),
        ({"clock_step_ns": 15_600_000.0}, "steps of 15,600 µs", "no finer"),
    ],
)
def test_what_makes_figures_suffer_is_a_warning_with_advice(fact: dict[str, Any], what: str, advice: str) -> None:
    """Each fact by itself, on a machine that is otherwise quiet."""
    (warning,) = [sign for sign in judge_machine(dataclasses.replace(QUIET_MACHINE, **fact)) if sign.level != "good"]

    assert "warning" == warning.level
    assert what in warning.what
    assert advice in warning.advice


def test_a_loader_on_other_machines_has_no_core_here() -> None:
    """Only the server's is told."""
    elsewhere = dataclasses.replace(QUIET_MACHINE, loader_cpus=())

    assert "4 usable cores, server on 2." == next(judge_machine(elsewhere)).what


def test_what_a_platform_does_not_tell_is_left_out() -> None:
    """No governor, no battery, no load average: no word of them."""
    silent = dataclasses.replace(
        QUIET_MACHINE, governors=(), on_battery=None, load_average_1m=None, cores_are_siblings=None
    )

    assert ["4 usable cores, server on 2 and loader on 0.", "The clock moves in steps of 40 ns."] == [
        sign.what for sign in judge_machine(silent)
    ]
