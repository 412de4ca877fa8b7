from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.judge import ratio
from benchmarks.judge.claims import Claim
from benchmarks.judge.evidence import Evidence, RefusedError
from benchmarks.judge.judgement import Estimate, Verdict
from benchmarks.judge.ratio import outcome_of
from benchmarks.model import Observation, Run, Trial


def between(low: float | None, high: float | None) -> Estimate:
    """Return an estimate with this interval."""
    return Estimate(value=1.0, low=low, high=high, samples=5)


@pytest.mark.parametrize(
    ("low", "high", "claimed", "outcome"),
    [
        (1.94, 2.03, 2.02, "replicated"),
        (1.43, 1.5, 2.02, "replicated"),
        (3.0, 3.2, 2.02, "replicated"),
        (1.40, 1.45, 2.02, "inconclusive"),
        (1.30, 1.42, 2.02, "contradicted"),
        (0.48, 0.52, 2.02, "contradicted"),
        (1.43, 2.85, 2.02, "replicated"),
        (1.43, 3.00, 2.02, "inconclusive"),
        (0.20, 1.30, 2.02, "contradicted"),
        (0.48, 0.50, 0.4896, "replicated"),
        (0.10, 0.12, 0.4896, "replicated"),
        (0.69, 0.71, 0.4896, "inconclusive"),
        (0.71, 0.80, 0.4896, "contradicted"),
        (1.90, 2.10, 0.4896, "contradicted"),
        (0.65, 0.67, 0.4364, "inconclusive"),
        (0.30, 0.69, 0.4896, "inconclusive"),
        (0.0, math.inf, 2.02, "inconclusive"),
        (2.0, math.inf, 2.02, "inconclusive"),
        (0.0, 1.0, 2.02, "contradicted"),
        (None, None, 2.02, "inconclusive"),
    ],
)
def test_the_whole_interval_decides_about_the_midpoint(
    low: float | None, high: float | None, claimed: float, outcome: str
) -> None:
    """Beyond the square root of the claim it is borne out, short of it ruled out, across it or too wide neither."""
    assert outcome == outcome_of(between(low, high), claimed)


@pytest.mark.parametrize(
    ("low", "high", "resolution", "outcome"),
    [
        (0.50, 0.50, 0.0, "refused"),
        (0.49, 0.51, 1.67, "refused"),
        (0.49, 0.51, 0.01, "replicated"),
        (0.93, 0.94, 0.07, "contradicted"),
        (0.93, 0.93, 0.07, "refused"),
    ],
)
def test_figures_that_are_too_coarse_decide_nothing(low: float, high: float, resolution: float, outcome: str) -> None:
    """Where another reading of the counts would decide otherwise; and where rounds came out all the same."""
    estimate = dataclasses.replace(between(low, high), resolution=resolution)

    assert outcome == outcome_of(estimate, 0.4364)


def test_whole_milliseconds_do_not_tell_what_is_finer(
    make_run: Callable[..., Run],
    make_trial: Callable[..., Trial],
    make_evidence: Callable[..., Evidence],
    claim: Callable[[str], Claim],
) -> None:
    """Counts of 1 ms and of 2 ms may be of 1.48 and 1.52 ms: the claim on latencies is refused, with the reason."""

    def counted(contender: str, number: int, p95_ms: float, average_ms: float) -> Trial:
        trial = make_trial(contender, 10_000 / average_ms, number, average_ms=average_ms, p95_ms=p95_ms)
        assert trial.result is not None
        assert trial.result.latency is not None
        latency = dataclasses.replace(trial.result.latency, step_ms=1.0)
        return dataclasses.replace(trial, result=dataclasses.replace(trial.result, latency=latency))

    trials = [counted("fastapi-async@uvicorn", number, 1.0, 0.7 + number / 1_000) for number in range(1, 6)]
    trials += [counted("fastapi-sync@uvicorn", number, 2.0, 1.5 + number / 900) for number in range(1, 6)]
    on_latency = claim("async-latency")
    test = next(test for test in on_latency.tests if test.framework == "fastapi")

    finding = ratio.find(make_evidence(make_run(trials)), on_latency, test)

    assert "refused" == finding.outcome
    assert (
        "took 0.50 × [0.50, 0.50] the p95 latency of def (tutorial: 0.44 ×): counted too coarsely" in finding.sentence
    )
    assert finding.why.startswith(
        "The figures are counted too coarsely for it: it came out as 0.50 × in each of 5 rounds"
    )


# A deadline would make a busy machine a failure; the same examples every time make a failure the code's.
@settings(deadline=None, derandomize=True, max_examples=40)
@given(
    st.floats(min_value=0.01, max_value=100),
    st.floats(min_value=1, max_value=10),
    st.floats(min_value=1.05, max_value=10),
)
def test_a_claim_and_its_reciprocal_are_judged_alike(low: float, width: float, claimed: float) -> None:
    """It makes no difference which twin is the reference."""
    upright = outcome_of(between(low, low * width), claimed)
    turned = outcome_of(between(1 / (low * width), 1 / low), 1 / claimed)

    near = any(
        math.isclose(edge, 0.5 * math.log(claimed), abs_tol=1e-9) for edge in (math.log(low), math.log(low * width))
    )
    assert upright == turned or near or math.isclose(width, claimed)


@pytest.fixture
def find(
    make_run: Callable[..., Run],
    make_trial: Callable[..., Trial],
    make_observation: Callable[..., Observation],
    make_evidence: Callable[..., Evidence],
    claim: Callable[[str], Claim],
) -> Callable[..., Verdict]:
    """Judge the rates, or the latencies, of twins over rounds; async def costs half as much as def or twice."""

    def judge(
        asynchronous: Sequence[float],
        sync: Sequence[float],
        claim_id: str = "async-throughput",
        p95_ms: Sequence[float] | None = None,
    ) -> Verdict:
        trials = []
        for number, (async_rate, sync_rate) in enumerate(zip(asynchronous, sync, strict=True)):
            cheap, dear = (
                make_observation(cpu_us=117, switches=0.0),
                make_observation(cpu_us=248, switches=4.7, running=11),
            )
            faster = async_rate > sync_rate
            trials += [
                make_trial(
                    "fastapi-async@uvicorn",
                    async_rate,
                    number,
                    observation=cheap if faster else dear,
                    p95_ms=None if p95_ms is None else p95_ms[number],
                ),
                make_trial(
                    "fastapi-sync@uvicorn", sync_rate, number, observation=dear if faster else cheap, p95_ms=10.0
                ),
            ]
        ledger = claim(claim_id)
        return ratio.find(make_evidence(make_run(trials)), ledger, ledger.tests[0])

    return judge


def test_the_tutorials_doubling_is_borne_out(find: Callable[..., Verdict]) -> None:
    """Figure, interval, the tutorial's figure, the size in words and the cause."""
    finding = find([7900, 8100, 8000, 8060, 7940], [4000, 4000, 4000, 4000, 4000])

    assert "replicated" == finding.outcome
    assert (
        "async def served 2.00 × [1.97, 2.03] the requests of def (tutorial: 2.02 ×): double, as the tutorial found."
        == finding.sentence
    )
    assert (
        "Each def request hops to a worker thread and back: 4.7 voluntary switches and 248 µs of CPU per request, "
        "against "
        "0.0 voluntary switches and 117 µs of CPU with async def: the gain is the thread hop saved, not I/O: the "
        "endpoint "
        "does none." == finding.why
    )
    figure, cpu = finding.figures
    assert ("rate async/sync", "×", 5) == (figure.name, figure.unit, figure.estimate and figure.estimate.samples)
    assert 2.0202 == pytest.approx(figure.tutorial_value, abs=1e-4)
    assert ("CPU time per request async/sync", "×", None) == (cpu.name, cpu.unit, cpu.tutorial_value)
    assert 117 / 248 == pytest.approx(cpu.estimate and cpu.estimate.value)


def test_the_opposite_is_said_with_its_size(find: Callable[..., Verdict]) -> None:
    """Half is not called "not double" alone."""
    finding = find([1000, 1010, 990], [2000, 2000, 2000])

    assert "contradicted" == finding.outcome
    assert finding.sentence.endswith("(tutorial: 2.02 ×): half, not double.")


def test_an_undecided_ratio_says_what_to_do(find: Callable[..., Verdict]) -> None:
    """The midpoint that the interval reaches across, and how many rounds to try."""
    finding = find([1200, 2000, 1400], [1000, 1000, 1000])

    assert "inconclusive" == finding.outcome
    assert "the interval reaches to both sides of 1.42 ×, half-way to the claim." in finding.sentence
    assert finding.sentence.endswith(". Run more rounds (--rounds 6) or longer trials (--duration).")


def test_an_interval_wider_than_the_effect_is_undecided(find: Callable[..., Verdict]) -> None:
    """That it lies beyond the midpoint is not enough to bear a doubling out."""
    finding = find([3000, 6000, 5000], [1000, 1000, 1000])

    assert "inconclusive" == finding.outcome
    assert "the interval is wider than the claimed effect itself. Run more rounds" in finding.sentence


def test_a_smaller_effect_is_borne_out_and_said_to_be_smaller(find: Callable[..., Verdict]) -> None:
    """Beyond half-way to the claim it is replicated; that it is not as large stands beside it."""
    finding = find([1600, 1610, 1590], [1000, 1000, 1000])

    assert ("replicated", "faster") == (finding.outcome, finding.standing)
    assert "60 % more (same direction, smaller)" == finding.figures[0].finding


def test_what_says_next_to_nothing_has_too_few_rounds(find: Callable[..., Verdict]) -> None:
    """An interval from a halving to a doubling and beyond rules nothing out."""
    finding = find([100, 9_000], [1000, 1000])

    assert ("inconclusive", "undecided") == (finding.outcome, finding.standing)
    assert "too few rounds to tell" == finding.figures[0].finding


def test_equal_twins_do_not_double(find: Callable[..., Verdict]) -> None:
    """The whole interval inside the margin contradicts a doubling, and is called equal."""
    finding = find([1_000, 1_010, 995], [1_000, 1_001, 999])

    assert ("contradicted", "equal") == (finding.outcome, finding.standing)
    assert "equal within ±5 %" == finding.figures[0].finding


def test_both_latencies_must_hold(find: Callable[..., Verdict]) -> None:
    """Average and 95th percentile halve together, or the claim is not borne out."""
    finding = find([2000, 2010, 2005], [1000, 1000, 1000], "async-latency", p95_ms=[4.4, 4.4, 4.5])

    assert "replicated" == finding.outcome
    assert ["average latency async/sync", "p95 latency async/sync"] == [figure.name for figure in finding.figures[:2]]
    assert [
        ("replicated", "half, as the tutorial found"),
        ("replicated", "56 % shorter, as the tutorial found"),
        (None, ""),
    ] == [(figure.outcome, figure.finding) for figure in finding.figures]
    assert finding.sentence.startswith("average latency replicated: async def took 0.50 × [")
    assert "; p95 latency replicated: async def took 0.44 × [" in finding.sentence


def test_the_latency_that_fails_decides_and_comes_first(find: Callable[..., Verdict]) -> None:
    """A tail that does not shrink contradicts, whatever the average does."""
    finding = find([2000, 2010, 2005], [1000, 1000, 1000], "async-latency", p95_ms=[12.0, 12.1, 12.2])

    assert "contradicted" == finding.outcome
    assert ["p95 latency async/sync", "average latency async/sync"] == [figure.name for figure in finding.figures[:2]]
    assert [("contradicted", "21 % longer, not 56 % shorter"), ("replicated", "half, as the tutorial found")] == [
        (figure.outcome, figure.finding) for figure in finding.figures[:2]
    ]
    assert "21 % longer, not 56 % shorter; average latency replicated: async def took 0.50" in finding.sentence


def test_a_latency_in_doubt_leaves_the_claim_in_doubt(find: Callable[..., Verdict]) -> None:
    """One ratio borne out and one undecided is undecided."""
    finding = find([2000, 2010, 2005], [1000, 1000, 1000], "async-latency", p95_ms=[2.0, 9.0, 5.0])

    assert "inconclusive" == finding.outcome
    assert "p95 latency async/sync" == finding.figures[0].name


@pytest.mark.parametrize("gone", ["fastapi-sync@uvicorn", "fastapi-async@uvicorn"])
def test_a_missing_twin_is_refused(
    make_run: Callable[..., Run],
    make_trial: Callable[..., Trial],
    make_evidence: Callable[..., Evidence],
    claim: Callable[[str], Claim],
    gone: str,
) -> None:
    """The message names it, and how to add it."""
    names = {"fastapi-sync@uvicorn", "fastapi-async@uvicorn"} - {gone}
    run = make_run([make_trial(name, round=number) for name in names for number in (1, 2)])
    ledger = claim("async-throughput")

    with pytest.raises(RefusedError, match=f"{gone} was not in this run .* workload health: .* --contender {gone}"):
        ratio.find(make_evidence(run), ledger, ledger.tests[0])


def test_too_few_rounds_are_refused_with_their_void_trials(
    make_run: Callable[..., Run],
    make_trial: Callable[..., Trial],
    make_evidence: Callable[..., Evidence],
    claim: Callable[[str], Claim],
) -> None:
    """Only rounds in which both twins are valid count, and the message says why the others do not."""
    trials = [
        make_trial("fastapi-sync@uvicorn", round=1),
        make_trial("fastapi-async@uvicorn", round=1),
        make_trial("fastapi-sync@uvicorn", round=2, failure="the server died"),
        make_trial("fastapi-async@uvicorn", round=2),
    ]
    ledger = claim("async-throughput")

    with pytest.raises(
        RefusedError,
        match=r"^1 round with a valid trial of fastapi-async@uvicorn and fastapi-sync@uvicorn under health, and it "
        r"takes 2: run again with more --rounds\. Void: fastapi-sync@uvicorn, round 2: the server died\.$",
    ):
        ratio.find(make_evidence(make_run(trials)), ledger, ledger.tests[0])


def test_of_many_void_trials_the_first_are_told(
    make_run: Callable[..., Run],
    make_trial: Callable[..., Trial],
    make_evidence: Callable[..., Evidence],
    claim: Callable[[str], Claim],
) -> None:
    """And how many more there are: the same reason, round after round, tells nothing new."""
    trials = [make_trial("fastapi-async@uvicorn", round=number) for number in range(1, 6)]
    trials += [make_trial("fastapi-sync@uvicorn", round=number, failure="it died") for number in range(1, 6)]
    ledger = claim("async-throughput")

    with pytest.raises(RefusedError, match=r"round 1: it died; .*round 3: it died; and 2 more\.$"):
        ratio.find(make_evidence(make_run(trials)), ledger, ledger.tests[0])


def test_no_round_at_all_is_refused(
    make_run: Callable[..., Run], make_evidence: Callable[..., Evidence], claim: Callable[[str], Claim]
) -> None:
    """A run that was cut short before its first trial has nothing to say."""
    run = make_run(planned={"health": ["fastapi-sync@uvicorn", "fastapi-async@uvicorn"]})
    ledger = claim("async-throughput")

    with pytest.raises(RefusedError, match=r"^No round with a valid trial .* more --rounds.$"):
        ratio.find(make_evidence(run), ledger, ledger.tests[0])


def test_a_loader_bound_trial_is_refused(
    make_run: Callable[..., Run],
    make_trial: Callable[..., Trial],
    make_evidence: Callable[..., Evidence],
    claim: Callable[[str], Claim],
) -> None:
    """One trial near the loader's ceiling withholds the verdict, and the message says how near."""
    trials = [
        make_trial(f"fastapi-{variant}@uvicorn", rate, number)
        for number in (1, 2)
        for variant, rate in (("sync", 4000.0), ("async", 7000.0 + number))
    ]
    run = make_run(trials, calibration=[make_trial("bare-asgi@uvicorn", 10_002.0, 0)])
    ledger = claim("async-throughput")

    with pytest.raises(RefusedError, match=r"Loader-bound in 1 of 4 trials: 7,002 requests/s is 70 % of the 10,002"):
        ratio.find(make_evidence(run), ledger, ledger.tests[0])


def test_a_failed_placebo_withholds(
    make_run: Callable[..., Run],
    make_trial: Callable[..., Trial],
    make_evidence: Callable[..., Evidence],
    claim: Callable[[str], Claim],
) -> None:
    """When the same thing twice differs, a difference between two things proves nothing."""
    trials = [
        make_trial(f"fastapi-{variant}@uvicorn", rate, number, placebo=placebo)
        for number in (1, 2, 3)
        for variant, rate, placebo in (
            ("sync", 4000.0, False),
            ("async", 8000.0, False),
            ("async", 6800.0 + number, True),
        )
    ]
    ledger = claim("async-throughput")

    with pytest.raises(RefusedError, match="A/A comparison failed"):
        ratio.find(make_evidence(make_run(trials)), ledger, ledger.tests[0])
