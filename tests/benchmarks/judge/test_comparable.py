from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from benchmarks.judge.comparable import asked
from benchmarks.model import LoadProfile, Run, Trial

LOAD = LoadProfile(vus=10, duration_s=1.0, warmup_s=0.2, slices=10)


@pytest.fixture
def run(make_run: Callable[..., Run], make_trial: Callable[..., Trial]) -> Run:
    """Make a run with a load profile for the health workload alone."""
    run = make_run([make_trial()])
    return dataclasses.replace(run, plan=dataclasses.replace(run.plan, loads={"health": LOAD}))


def test_what_was_asked_is_told_in_words(run: Run) -> None:
    """Path, users, and how they took turns."""
    question = asked(run, "health")

    assert question is not None
    assert "GET /health/{variant}, 10 virtual users, in slices, by builtin" == question.told()
    assert "in one piece" in dataclasses.replace(question, in_slices=False).told()
    assert "10 virtual users at 500/s" in dataclasses.replace(question, rate_per_s=500.0).told()


def test_a_workload_without_load_or_contenders_was_not_asked(run: Run) -> None:
    """Neither what is unknown, nor what nobody took part in."""
    assert asked(run, "tea") is None
    assert asked(run, "wait") is None
    alone = dataclasses.replace(run, plan=dataclasses.replace(run.plan, workload_contenders={}))
    assert asked(alone, "health") is None


def test_how_long_a_trial_lasts_is_not_what_is_asked(run: Run) -> None:
    """Thirty seconds make a ratio surer, not another."""
    longer = dataclasses.replace(LOAD, duration_s=30.0, slices=300, warmup_s=2.0)

    assert asked(run, "health") == asked(
        dataclasses.replace(run, plan=dataclasses.replace(run.plan, loads={"health": longer})), "health"
    )
