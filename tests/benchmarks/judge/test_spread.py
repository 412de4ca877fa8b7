"""What many contenders of one run tell of how much a ratio varies."""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Callable

import pytest
from scipy import special

from benchmarks.judge.distributions import digamma, inverse_trigamma, trigamma
from benchmarks.judge.evidence import Evidence
from benchmarks.judge.spread import FEWEST, Spread, learnt
from benchmarks.judge.statistics import arithmetic_mean
from benchmarks.model import Run, Trial

REFERENCE = "fastapi-async@uvicorn"


@pytest.mark.parametrize("value", [0.01, 0.5, 1.0, 2.5, 9.99, 10.0, 123.4])
def test_the_gamma_functions_derivatives_are_scipys(value: float) -> None:
    """Also their inverse."""
    assert special.digamma(value) == pytest.approx(digamma(value), rel=1e-9)
    assert special.polygamma(1, value) == pytest.approx(trigamma(value), rel=1e-9)
    assert value == pytest.approx(inverse_trigamma(trigamma(value)), rel=1e-8)


def samples(chance: random.Random, deviations: list[float], rounds: int) -> list[list[float]]:
    """Return normal values for each contender, around 0."""
    return [[chance.gauss(0, deviation) for _ in range(rounds)] for deviation in deviations]


@pytest.mark.parametrize("deviations", [[0.05] * 30, [0.02, 0.05, 0.08] * 10], ids=["alike", "unlike"])
def test_an_interval_that_learns_from_others_holds_the_truth_as_often_as_it_says(deviations: list[float]) -> None:
    """In 95 of 100, over all contenders; and it is narrower than one of its own rounds alone."""
    chance = random.Random(5)  # noqa: S311 # not for secrets
    held = count = 0
    own = shared = 0.0
    for _ in range(60):
        drawn = samples(chance, deviations, 5)
        others = learnt(drawn)
        for sample in drawn:
            wide, narrow = arithmetic_mean(sample), arithmetic_mean(sample, others=others)
            assert narrow.low is not None
            assert narrow.high is not None
            assert wide.high is not None
            held += narrow.low <= 0 <= narrow.high
            count += 1
            own, shared = own + wide.high - wide.value, shared + narrow.high - narrow.value

    assert 0.93 < held / count < 0.97
    assert shared < 0.92 * own


def test_the_more_alike_variances_are_the_more_they_are_worth() -> None:
    """Where chance explains how they differ, they are worth all their rounds together."""
    chance = random.Random(7)  # noqa: S311 # not for secrets
    alike = learnt([[0.9, 1.1, 1.0]] * FEWEST)
    unlike = learnt(samples(chance, [0.001, 0.1, 1.0, 10.0] * 5, 6))

    assert alike is not None
    assert [0.01, 2 * FEWEST] == pytest.approx([*alike])
    assert unlike is not None
    assert unlike.freedom < 2
    assert Spread(2.5, 8) == Spread(1.0, 4).beside(Spread(4.0, 4))


def test_a_few_tell_nothing_of_each_other() -> None:
    """Nor do contenders of two rounds, or without any variation."""
    assert None is learnt([[1.0, 2.0, 3.0]] * (FEWEST - 1))
    assert None is learnt([*[[1.0, 2.0, 3.0]] * (FEWEST - 1), [1.0, 2.0], [1.0, 1.0, 1.0]])


@pytest.mark.parametrize(("contenders", "shares"), [(FEWEST, True), (FEWEST - 1, False)])
def test_contenders_of_one_reference_learn_from_each_other(
    make_trial: Callable[..., Trial], make_run: Callable[..., Run], contenders: int, *, shares: bool
) -> None:
    """If they are enough; of the ratio itself, and of other quantities, nothing changes."""
    chance = random.Random(9)  # noqa: S311 # not for secrets
    names = [REFERENCE, *(f"app{number}-async@x" for number in range(contenders))]
    run = make_run(
        [make_trial(name, 1_000 * math.exp(chance.gauss(0, 0.03)), number) for number in (1, 2, 3) for name in names]
    )
    alone = make_run([trial for trial in run.trials if trial.contender in names[:2]])
    compared = []
    for each in (run, alone):
        evidence = Evidence(dataclasses.replace(each, plan=dataclasses.replace(each.plan, against=REFERENCE)))
        there = {contender.id: contender for contender in evidence.run.plan.contenders}
        compared.append(evidence.compare(there[names[1]], there[REFERENCE], "health"))
    together, apart = compared

    assert together.rate is not None
    assert apart.rate is not None
    assert (apart.rate.value, apart.cpu) == (together.rate.value, together.cpu)
    assert shares == (apart.rate.high != together.rate.high)
