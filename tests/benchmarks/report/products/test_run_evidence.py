from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest

from benchmarks.contenders import catalogue
from benchmarks.judge.claims import Claim
from benchmarks.judge.judgement import Comparison, Estimate, Judgement, Summary
from benchmarks.measure import schedule
from benchmarks.model import EQUAL_RATE, LoadProfile, Run, Workload
from benchmarks.report.document import Chart, Note, Section, Table
from benchmarks.report.method import method_rules
from benchmarks.report.products.run import run_document
from benchmarks.report.products.run_evidence import refusals
from benchmarks.report.reproduce import compare_command

DOUBT = "flask-async@hypercorn did not sustain the rate: 97.5 % of what was asked was answered in time."


def near(value: float) -> Estimate:
    """Return an estimate with an interval of 2 % on both sides."""
    return Estimate(value=value, low=0.98 * value, high=1.02 * value, samples=5)


def latency(
    measured: Summary, contender: str, p95_ms: float | None, achieved: float | None = 1.0, doubt: str = ""
) -> Summary:
    """Return one contender's latencies, or that there are none."""
    estimate = None if p95_ms is None else near(p95_ms)
    return dataclasses.replace(
        measured,
        contender=contender,
        arrangement=contender.replace("-sync", "").replace("-async", ""),
        variant="async" if "-async" in contender else "sync",
        workload=EQUAL_RATE,
        latency_median_ms=estimate,
        latency_p95_ms=estimate,
        latency_p99_ms=None if p95_ms is None else near(3 * p95_ms),
        used=0 if p95_ms is None else 5,
        asked_per_s=683.0,
        achieved_fraction=achieved,
        dropped=None if achieved is None else 12 if doubt else 0,
        doubt=doubt,
    )


def twins(arrangement: str, p95: Estimate | None) -> Comparison:
    """Return the ratio of the twins' latencies."""
    return Comparison(
        above=arrangement.replace("@", "-async@"),
        below=arrangement.replace("@", "-sync@"),
        workload=EQUAL_RATE,
        arrangement=arrangement,
        latency_p95=p95,
        decides="latency_p95",
    )


@pytest.fixture
def at_equal_rate(run: Run) -> Run:
    """The run, with latencies at an equal rate beside its other workloads."""
    load = LoadProfile(vus=10, duration_s=1.0, warmup_s=0.2, timeout_s=2.0, slices=5)
    plan = dataclasses.replace(
        run.plan,
        workloads=(*run.plan.workloads, Workload(name=EQUAL_RATE, path="/health/{variant}")),
        loads={**run.plan.loads, EQUAL_RATE: load},
        rounds={**run.plan.rounds, EQUAL_RATE: 7},
        latency_at=0.7,
    )
    return dataclasses.replace(run, plan=plan)


@pytest.fixture
def compared(judgement: Judgement) -> Judgement:
    """What is judged of it: FastAPI's twins keep up, one of Flask's does not, and one was not measured."""
    measured = judgement.summaries[0]
    return dataclasses.replace(
        judgement,
        summaries=(
            *judgement.summaries,
            latency(measured, "flask-sync@hypercorn", 4.25),
            latency(measured, "flask-async@hypercorn", 31.5, 0.975, DOUBT),
            latency(measured, "fastapi-sync@uvicorn", 0.912),
            latency(measured, "fastapi-async@uvicorn", 0.456),
            latency(measured, "fastapi-sync@hypercorn", None, None),
        ),
        twins=(*judgement.twins, twins("flask@hypercorn", None), twins("fastapi@uvicorn", near(0.5))),
    )


def sections(run: Run, judgement: Judgement, claims: Sequence[Claim]) -> dict[str, Section]:
    """Return the sections of a run's document by title."""
    document = run_document(run, judgement, claims)
    return {block.title: block for block in document.blocks if isinstance(block, Section)}


def test_latencies_at_a_rate_have_a_section_of_their_own(
    at_equal_rate: Run, compared: Judgement, claims: Sequence[Claim]
) -> None:
    """A row for each contender, the twins' ratio, and who did not keep up; nothing of rates, which were given."""
    _, part = sections(at_equal_rate, compared, claims)["Latency at one rate for all"].blocks
    assert isinstance(part, Section)
    table, ratios, doubt = part.blocks

    assert "683 requests/s over at most 10 connections" in part.title
    assert isinstance(table, Table)
    assert ("async def", 31.5, near(31.5), 94.5, 12, 0.975, 5) == table.rows[1].cells
    assert ("def", None, None, None, None, None, 0) == table.rows[4].cells
    assert isinstance(ratios, Table)
    assert [("Flask on Hypercorn", None), ("FastAPI on uvicorn", near(0.5))] == [row.cells for row in ratios.rows]
    assert Note(DOUBT.replace("flask-async@hypercorn", "Flask on Hypercorn, async def"), "warning") == doubt


def test_what_was_planned_and_not_measured_has_no_section(
    at_equal_rate: Run, judgement: Judgement, claims: Sequence[Claim]
) -> None:
    """A run that was cut short before its latency rounds says nothing of them."""
    assert "Latency at one rate for all" not in sections(at_equal_rate, judgement, claims)


def test_a_rate_of_the_health_workload_leaves_no_ratio_of_rates(
    run: Run, compared: Judgement, claims: Sequence[Claim]
) -> None:
    """Asked at a rate, all served the same: there is no chart of it and no ratio."""
    load = dataclasses.replace(run.plan.loads["health"], rate_per_s=683.0)
    plan = dataclasses.replace(run.plan, loads={**run.plan.loads, "health": load})
    judgement = dataclasses.replace(
        compared,
        summaries=tuple(
            dataclasses.replace(each, workload="health") for each in compared.summaries if each.workload == EQUAL_RATE
        ),
        twins=tuple(
            dataclasses.replace(each, workload="health") for each in compared.twins if each.workload == EQUAL_RATE
        ),
    )
    document = run_document(dataclasses.replace(run, plan=plan), judgement, claims)

    assert not [block for block in document.blocks if isinstance(block, Chart)]
    assert "Latency at one rate for all" in {block.title for block in document.blocks if isinstance(block, Section)}


def test_the_same_views_stand_behind_each_bridge(run: Run, judgement: Judgement, claims: Sequence[Claim]) -> None:
    """Each ratio, what a request costs, and what the bridge changes; of def, and where views wait, on request."""
    _, *parts = sections(run, judgement, claims)["The same views behind each bridge"].blocks
    first = parts[0]
    assert isinstance(first, Section)
    ratios, costs, found = first.blocks

    assert [False, True, True, True] == [part.is_folded for part in parts if isinstance(part, Section)]
    assert isinstance(ratios, Table)
    assert [
        ("Flask on Hypercorn, async def", "flask-async@hypercorn"),
        ("FastAPI on Hypercorn, async def", "fastapi-async@hypercorn"),
    ] == [(row.cells[0], row.hint) for row in ratios.rows]
    assert isinstance(costs, Table)
    assert ("Flask on Hypercorn + eventloop, async def", 0.0, 0.0, 0.0, 265.0) == costs.rows[1].cells
    assert isinstance(found, Note)
    assert found.text.startswith("Behind the bridge async served 3.71 times")


def test_bridges_that_cannot_be_judged_say_why_once(run: Run, judgement: Judgement, claims: Sequence[Claim]) -> None:
    """However many there are; and a run without bridges has no such section."""
    refused = tuple(dataclasses.replace(each, refusal="The A/A failed.") for each in judgement.bridges)
    told = sections(run, dataclasses.replace(judgement, bridges=refused), claims)
    without = dataclasses.replace(judgement, bridges=(), bridge_costs=())
    first = told["The same views behind each bridge"].blocks[1]

    assert isinstance(first, Section)
    assert [Note("The A/A failed.", "warning")] == [block for block in first.blocks if isinstance(block, Note)]
    assert "The same views behind each bridge" not in sections(run, without, claims)
    assert [Note("a 1 more could not be judged either.", "warning")] == list(
        refusals([dataclasses.replace(judgement.bridges[0], refusal=reason) for reason in ("a", "b", "b")])
    )


def test_all_figures_and_void_trials_are_told(run: Run, judgement: Judgement, claims: Sequence[Claim]) -> None:
    """A contender with a void trial shows how many count, and why the other does not."""
    first, *others = judgement.summaries
    partial = dataclasses.replace(first, used=4, void=("round 3: the server died",), cpu_us_per_request=None)
    *workloads, void = sections(run, dataclasses.replace(judgement, summaries=(partial, *others)), claims)[
        "All figures"
    ].blocks
    assert isinstance(workloads[0], Section)
    figures, ratios = workloads[0].blocks
    assert isinstance(figures, Table)
    assert isinstance(ratios, Table)
    assert isinstance(void, Section)

    assert ("def", "4 of 5", None) == tuple(figures.rows[0].cells[column] for column in (0, -1, 5))
    assert "Flask on Hypercorn" == figures.rows[0].group
    assert ["FastAPI on uvicorn", "Flask on Hypercorn", "Flask on uvicorn + eventloop"] == [
        row.cells[0] for row in ratios.rows[:3]
    ]
    assert [True, True, False, False, False, False] == [row.strong for row in ratios.rows]
    assert (Note("Flask on Hypercorn, def under health: round 3: the server died"),) == void.blocks


def test_the_rules_tell_of_the_schedule(at_equal_rate: Run) -> None:
    """And do not say of this workload that users wait for their answers."""
    told = method_rules(at_equal_rate.plan, 0.05)

    (scheduled,) = [rule for rule in told if "open model" in rule]
    assert "one rate for all, 70 % of the slowest round of the slowest contender" in scheduled
    assert "free for 2 s is dropped" in scheduled
    (waiting,) = [rule for rule in told if rule.startswith("Each virtual user")]
    assert "latency" not in waiting


def test_the_command_repeats_rate_and_share() -> None:
    """What was asked is asked again."""
    assert "lab compare quick --seed 7 --latency-at 70%" == compare_command(
        schedule.plan("quick", [], seed=7, latency_at=0.7), {}
    )
    assert "lab compare quick --seed 7 --rate 2000/s" == compare_command(
        schedule.plan("quick", [], seed=7, rate_per_s=2000), {}
    )
    assert "lab compare quick --seed 7 --rounds 2 --latency-at 62.5% --contender fastapi-sync@uvicorn" == (
        compare_command(
            schedule.plan("quick", catalogue.select(["fastapi-sync@uvicorn"]), seed=7, rounds=2, latency_at=0.625), {}
        )
    )
