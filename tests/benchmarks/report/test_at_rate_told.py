from __future__ import annotations

import dataclasses
import io
from collections.abc import Sequence

import pytest
from rich.cells import cell_len
from rich.console import Console

from benchmarks.contenders import catalogue
from benchmarks.judge.claims import Claim
from benchmarks.judge.judgement import Comparison, Estimate, Judgement, Summary
from benchmarks.measure import schedule
from benchmarks.model import EQUAL_RATE, LoadProfile, Run, Workload
from benchmarks.report.html import render_html
from benchmarks.report.markdown import render_markdown
from benchmarks.report.method import method_rules
from benchmarks.report.reproduce import compare_command
from benchmarks.report.telling import tell
from benchmarks.report.terminal import print_report

DOUBT = "flask-async@hypercorn did not sustain the rate: 97.5 % of what was asked was answered in time."
HOSTILE = "<script>alert(1)</script> | [x](javascript:alert)"


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


def printed(run: Run, judgement: Judgement, claims: Sequence[Claim], width: int) -> str:
    """Print a report for a terminal of some width."""
    output = io.StringIO()
    print_report(Console(file=output, width=width), run, judgement, claims)
    return output.getvalue()


def test_the_terminal_shows_latencies_in_place_of_rates(
    at_equal_rate: Run, compared: Judgement, claims: Sequence[Claim]
) -> None:
    """The rate in the heading, a row for each contender, the twins' ratio on an axis, and who did not keep up."""
    report = printed(at_equal_rate, compared, claims, 80)
    told = report[report.index("latency: GET") : report.index("What was found")]
    rows = [line.split() for line in told.splitlines()]

    assert "683 requests/s over at most 10 connections" in " ".join(told.split())
    assert ["def", "0.912", "0.912", "±2.0", "%", "2.74", "0", "100.0", "%"] in rows
    assert ["async", "def", "31.5", "31.5", "±2.0", "%", "94.5", "12", "97.5", "%"] in rows
    assert ["def", "–", "–", "–", "–", "–"] in rows
    assert "–: not measured" in told
    assert any(line.split()[:4] == ["fastapi@uvicorn", "0.50", "×", "[0.49,"] for line in told.splitlines())
    assert "flask@hypercorn  no ratio" in told
    assert DOUBT in " ".join(told.replace("! ", "").split())
    assert "switches" not in told


@pytest.mark.parametrize("width", [80, 60, 40])
def test_no_line_is_wider_than_the_terminal(
    at_equal_rate: Run, compared: Judgement, claims: Sequence[Claim], width: int
) -> None:
    """A narrow one gets paragraphs, with every figure."""
    report = printed(at_equal_rate, compared, claims, width)

    wide = [line for line in report.splitlines() if cell_len(line) > width and not line.startswith("Measure it again")]
    assert [] == wide
    assert "97.5 %" in report
    assert "2.74" in report


def test_markdown_has_them_as_tables(at_equal_rate: Run, compared: Judgement, claims: Sequence[Claim]) -> None:
    """Percentiles, dropped requests, the ratio with its interval and the doubt."""
    document = render_markdown(at_equal_rate, compared, claims)

    assert "Latency at 683 req/s, from when a request was due, in ms:" in document
    assert "| `flask-async@hypercorn` | 31.5 | 31.5 | 2.0 % | 94.5 | 12 | 97.5 % | 5 |" in document
    assert "| `fastapi@uvicorn` | 0.50 × [0.49, 0.51] |" in document
    assert f"- {DOUBT}" in document


def test_the_page_has_a_section_of_its_own(at_equal_rate: Run, compared: Judgement, claims: Sequence[Claim]) -> None:
    """After how long requests took at the limit; the headline chart stays the closed model's."""
    page = render_html(at_equal_rate, compared, claims)

    assert "Latency at one rate for all" in page
    assert "<td>31.5</td><td>31.5</td><td>2.0 %</td><td>94.5</td><td>12</td><td>97.5 %</td>" in page
    assert "0.50 × [0.49, 0.51]" in page
    assert DOUBT in page
    assert page.index("Requests per second of async def over def") < page.index("Latency at one rate for all")


def test_hostile_text_stays_text(at_equal_rate: Run, compared: Judgement, claims: Sequence[Claim]) -> None:
    """In a name or a doubt; the page escapes all that it is given."""
    judgement = dataclasses.replace(
        compared,
        summaries=tuple(
            dataclasses.replace(each, contender=HOSTILE, doubt=HOSTILE) if each.doubt else each
            for each in compared.summaries
        ),
        twins=(*compared.twins, twins(HOSTILE, None)),
    )

    assert r"- \<script\>alert(1)\</script\> \| [x\](javascript:alert)" in render_markdown(
        at_equal_rate, judgement, claims
    )


def test_what_was_planned_and_not_measured_has_no_figures(
    at_equal_rate: Run, judgement: Judgement, claims: Sequence[Claim]
) -> None:
    """A run that was cut short before its latency rounds says nothing of them."""
    workload = tell(at_equal_rate, judgement, claims).workloads[-1]

    assert (EQUAL_RATE, (), (), None) == (workload.name, workload.contenders, workload.ratios, workload.at_rate)


def test_a_rate_of_the_health_workload_leaves_no_ratio_of_rates(
    run: Run, compared: Judgement, claims: Sequence[Claim]
) -> None:
    """Asked at a rate, all served the same: there is no chart of it and no table of bridges."""
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
        bridges=tuple(bridge for bridge in compared.bridges if bridge.workload != "health"),
        bridge_costs=tuple(cost for cost in compared.bridge_costs if cost.workload != "health"),
    )

    page = render_html(dataclasses.replace(run, plan=plan), judgement, claims)

    assert "Requests per second of async def over def" not in page
    assert "Latency at one rate for all" in page


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
