from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence

import pytest

from benchmarks.errors import RefusedError
from benchmarks.judge.pool import Pool, pool
from benchmarks.model import LoadProfile, Observation, Run, Trial

LOAD = LoadProfile(vus=10, duration_s=1.0, warmup_s=0.2, slices=10)

MakeRun = Callable[..., Run]


@pytest.fixture
def laptop(make_run: Callable[..., Run], make_trial: Callable[..., Trial]) -> MakeRun:
    """Make the run of one machine, by the ratio of each of its rounds; async over sync of two arrangements."""

    def make(
        name: str,
        ratios: Sequence[float],
        flask: Sequence[float] = (),
        *,
        vus: int = 10,
        speed: float = 1000.0,
        observation: Observation | None = None,
        placebo: float | None = None,
    ) -> Run:
        trials = []
        for arrangement, wanted in (("fastapi-{}@uvicorn", ratios), ("flask-{}@hypercorn", flask)):
            for number, ratio in enumerate(wanted, start=1):
                sync, fast = arrangement.format("sync"), arrangement.format("async")
                trials += [make_trial(sync, speed, number), make_trial(fast, speed * ratio, number)]
                if placebo is not None:
                    trials.append(make_trial(fast, speed * ratio * placebo, number, placebo=True))
        if observation is not None:
            trials = [dataclasses.replace(trial, observation=_of_trial(observation, trial)) for trial in trials]
        run = make_run(trials)
        plan = dataclasses.replace(run.plan, loads={"health": dataclasses.replace(LOAD, vus=vus)})
        return dataclasses.replace(run, name=name, plan=plan)

    return make


def _of_trial(observation: Observation, trial: Trial) -> Observation:
    """Let CPU time vary a little from round to round, as it does."""
    user_us = observation.cpu_user_us_per_request
    more = trial.round / 1_000 if "async" in trial.contender else 0.0
    return dataclasses.replace(observation, cpu_user_us_per_request=None if user_us is None else user_us * (1 + more))


def pooled(*runs: Run, headlines: Sequence[str] = ("fastapi@uvicorn",)) -> Pool:
    """Pool the rates of these runs, labelled by their names."""
    return pool([(run.name, run) for run in runs], quantity="rate", workload="health", headlines=headlines)


def test_thirty_laptops_have_one_mean(laptop: MakeRun) -> None:
    """Each found about double, on machines of any speed; what they found is pooled, not how fast they are."""
    runs = [
        laptop(f"laptop {number}", [2.0 * 1.01**step for step in (-1, 0, 1)], speed=500.0 * number)
        for number in range(1, 31)
    ]

    found = pooled(*runs)

    (ratio,) = found.ratios
    assert 30 == len(ratio.studies) == len(found.runs)
    assert ratio.rate is not None
    assert pytest.approx(2.0) == ratio.rate.value
    assert 30 == ratio.rate.samples
    assert ratio.effects is not None
    assert 0.0 == ratio.effects.i_squared
    assert pytest.approx(1 / 30) == ratio.effects.weights[0]
    assert "over 30 runs async def had 2.00 × [2.00, 2.00] that of def: double" in ratio.sentence
    assert "no more than their own errors explain" in ratio.sentence


def test_machines_that_differ_say_so(laptop: MakeRun) -> None:
    """By hand: logarithms -1, 0, 1 with next to no error of their own have a variance of 1 between them."""
    narrow = [0.9999, 1.0, 1.0001]
    runs = [
        laptop(name, [ratio * math.e**power for ratio in narrow]) for name, power in (("a", -1), ("b", 0), ("c", 1))
    ]

    (ratio,) = pooled(*runs).ratios

    assert ratio.effects is not None
    assert pytest.approx(1.0, rel=1e-4) == ratio.effects.tau_squared
    assert pytest.approx(math.e, rel=1e-4) == ratio.effects.between_factor
    assert ratio.effects.i_squared > 0.99
    assert "100 % of the spread between runs is more than their own errors explain" in ratio.sentence
    assert "a factor of 2.72" in ratio.sentence
    assert "too few rounds to tell" in ratio.finding
    assert "That includes 1: on one more machine it may be either." in ratio.sentence


def test_equal_everywhere_is_told_as_equal(laptop: MakeRun) -> None:
    """The whole interval of the mean lies inside the margin."""
    (ratio,) = pooled(*(laptop(name, [0.999, 1.0, 1.001]) for name in "abc")).ratios

    assert "equal within ±5 %" in ratio.sentence


def test_two_runs_have_a_mean_and_no_prediction(laptop: MakeRun) -> None:
    """It takes a third to say what one more would show."""
    (ratio,) = pooled(laptop("a", [2.0, 2.1, 2.2]), laptop("b", [2.1, 2.2, 2.3])).ratios

    assert ratio.predicted is not None
    assert ratio.predicted.low is None
    assert "It takes three runs" in ratio.sentence


def test_headlines_come_first(laptop: MakeRun) -> None:
    """Those on which the claims are judged, wherever they stand in the catalogue."""
    runs = [laptop(name, [2.0, 2.1, 2.2], [0.5, 0.51, 0.52]) for name in "ab"]

    assert ["fastapi@uvicorn", "flask@hypercorn"] == [ratio.arrangement for ratio in pooled(*runs).ratios]
    flask_first = pooled(*runs, headlines=("flask@hypercorn",)).ratios
    assert [("flask@hypercorn", True), ("fastapi@uvicorn", False)] == [
        (ratio.arrangement, ratio.headline) for ratio in flask_first
    ]


def test_an_arrangement_that_one_run_has_is_not_summed_up(laptop: MakeRun) -> None:
    """The others are no worse for it."""
    fastapi, flask = pooled(laptop("a", [2.0, 2.1, 2.2], [0.5, 0.51, 0.52]), laptop("b", [2.0, 2.1, 2.2])).ratios

    assert fastapi.estimate is not None
    assert (None, None, None) == (flask.estimate, flask.effects, flask.predicted)
    assert ["a"] == [study.run for study in flask.studies]
    assert "flask@hypercorn: One run has a ratio to pool, and it takes two." == flask.sentence


def test_a_run_that_cannot_judge_is_left_out_with_its_reason(laptop: MakeRun) -> None:
    """Too few rounds, rounds that came out all the same, or a placebo that failed."""
    found = pooled(
        laptop("good", [2.0, 2.1, 2.2]),
        laptop("short", [2.0, 2.1]),
        laptop("noisy", [2.0, 2.1, 2.2], placebo=1.5),
        laptop("single", [2.0]),
        laptop("coarse", [2.0, 2.0, 2.0]),
    )

    (ratio,) = found.ratios
    assert ["good"] == [study.run for study in ratio.studies]
    reasons = dict(found.left_out)
    assert {"short", "noisy", "single", "coarse"} == set(reasons)
    assert "it takes 3" in reasons["short"]
    assert "A/A comparison failed" in reasons["noisy"]
    assert "counted too coarsely" in reasons["coarse"]


def test_no_run_with_a_ratio_says_so(laptop: MakeRun) -> None:
    """Nothing is summed up of nothing."""
    (ratio,) = pooled(laptop("a", [2.0]), laptop("b", [2.0])).ratios

    assert "fastapi@uvicorn: No run has a ratio to pool, and it takes two." == ratio.sentence


def test_a_run_that_asked_otherwise_is_left_out(laptop: MakeRun) -> None:
    """What most of them asked is what is pooled."""
    found = pooled(*(laptop(name, [2.0, 2.1, 2.2]) for name in "abc"), laptop("hasty", [2.0, 2.1, 2.2], vus=50))

    assert ("a", "b", "c") == found.runs
    assert "GET /health/{variant}, 10 virtual users, in slices, by builtin" == found.asked
    assert (("hasty", "GET /health/{variant}, 50 virtual users, in slices, by builtin"),) == found.left_out


def test_a_run_without_the_workload_is_left_out(laptop: MakeRun) -> None:
    """It asked nothing of the kind."""
    without = laptop("without", [2.0, 2.1, 2.2])
    without = dataclasses.replace(without, plan=dataclasses.replace(without.plan, loads={}))

    assert (("without", "it has no workload health"),) == pooled(
        laptop("a", [2.0, 2.1, 2.2]), laptop("b", [2.0, 2.1, 2.2]), without
    ).left_out


def test_a_run_given_twice_is_counted_once(laptop: MakeRun) -> None:
    """A link, or a copy under another name."""
    first, second = laptop("a", [2.0, 2.1, 2.2]), laptop("b", [2.0, 2.1, 2.2])

    found = pool([("a", first), ("b", second), ("copy of a", first)], quantity="rate", workload="health", headlines=())

    assert ("a", "b") == found.runs
    assert (("copy of a", "the same run as a, counted once"),) == found.left_out


def test_runs_that_share_no_question_are_refused(laptop: MakeRun) -> None:
    """The message has what each of them asked."""
    with pytest.raises(RefusedError, match=r"(?s)a: GET .* 10 virtual users.*b: GET .* 50 virtual users"):
        pooled(laptop("a", [2.0]), laptop("b", [2.0], vus=50))
    with pytest.raises(RefusedError, match=r"a: no workload tea"):
        pool([("a", laptop("a", [2.0]))], quantity="rate", workload="tea", headlines=())


def test_twins_of_which_one_is_missing_are_no_ratio(
    laptop: MakeRun, make_run: Callable[..., Run], make_trial: Callable[..., Trial]
) -> None:
    """In one run, or in all."""
    lonely = make_run([make_trial("flask-sync@hypercorn", 1000.0, number) for number in (1, 2, 3)])
    lonely = dataclasses.replace(lonely, name="lonely", plan=dataclasses.replace(lonely.plan, loads={"health": LOAD}))

    found = pooled(laptop("a", [2.0, 2.1, 2.2], [0.5, 0.51, 0.5]), laptop("b", [2.0, 2.1, 2.2]), lonely)

    assert [2, 1] == [len(ratio.studies) for ratio in found.ratios]
    assert () == found.left_out


def test_what_was_not_observed_is_not_pooled(laptop: MakeRun, make_observation: Callable[..., Observation]) -> None:
    """A machine that does not tell the CPU time is left out of that ratio."""
    seen, blind = make_observation(cpu_us=100.0), make_observation(cpu_us=None)
    runs = [laptop(name, [2.0, 2.1, 2.2], observation=seen) for name in "ab"]
    runs.append(laptop("blind", [2.0, 2.1, 2.2], observation=blind))

    found = pool([(run.name, run) for run in runs], quantity="cpu", workload="health", headlines=())

    (ratio,) = found.ratios
    assert ["a", "b"] == [study.run for study in ratio.studies]
    assert ["blind"] == [label for label, _ in found.left_out]
    assert ratio.cpu is not None
    assert pytest.approx(1.0, abs=0.01) == ratio.cpu.value


def test_a_run_that_looked_after_every_round_keeps_its_wider_intervals(laptop: MakeRun) -> None:
    """Its own interval is the wider one; its error, by which it is weighed, is the same."""
    plain = [laptop(name, [2.0, 2.1, 2.2]) for name in "ab"]
    looking = [dataclasses.replace(run, plan=dataclasses.replace(run.plan, precision=0.03)) for run in plain]

    (narrow,), (wide,) = pooled(*plain).ratios, pooled(*looking).ratios

    assert [0.95, 0.975] == [ratio.studies[0].rate and ratio.studies[0].rate.confidence for ratio in (narrow, wide)]
    assert narrow.rate is not None
    assert wide.rate is not None
    assert pytest.approx(narrow.rate.high) == wide.rate.high
