from __future__ import annotations

import dataclasses
import io
import re
from xml.etree import ElementTree as ET

import pytest
from rich.cells import cell_len
from rich.console import Console

from benchmarks.judge.comparable import Asked
from benchmarks.judge.diff import Change, Diff, Difference
from benchmarks.judge.judgement import Estimate
from benchmarks.judge.pool import Pool, PooledRatio, Study, Together
from benchmarks.model import Run
from benchmarks.report.charts.forest import forest_chart
from benchmarks.report.diff_terminal import print_diff
from benchmarks.report.pool_page import render_pool
from benchmarks.report.pool_terminal import print_pool

HOSTILE = "</title><script>alert(1)</script>\x1b[2J[bold]"


def estimate(value: float, percent: float = 3.0) -> Estimate:
    """Return an estimate with an interval of so many percent on both sides."""
    return Estimate(value=value, low=value * (1 - percent / 100), high=value * (1 + percent / 100), samples=7)


def change(subject: str, quantity: str = "requests per second", unit: str = "×", word: str = "no difference") -> Change:
    """Return a change of a tenth."""
    return Change(
        workload="health",
        subject=subject,
        quantity=quantity,
        unit=unit,
        left=estimate(2.0),
        right=estimate(2.2),
        change=estimate(1.1),
        word=word,
    )


DIFF = Diff(
    ratios=(change("fastapi@uvicorn"), change("fastapi@uvicorn", "p95 latency"), change("flask@hypercorn")),
    contenders=(change("fastapi-async@uvicorn", unit="req/s"), change("fastapi-async@uvicorn", "p95 latency", "ms")),
    same_machine=False,
    environment=(
        Difference(name="cpu_model", left="One CPU", right="Another"),
        Difference(name="memory_bytes", left=8 * 2**30, right=None),
    ),
    packages=(Difference(name="package_flask", left="3.1.2", right="3.2.0"),),
    only_left=("flask-sync@hypercorn",),
    only_right=(),
    withheld=None,
    notes=("The second run is not complete.",),
    margin=0.05,
)


def pooled(runs: int, arrangement: str = "fastapi@uvicorn", label: str = "laptop") -> PooledRatio:
    """Return the ratios of a class."""
    mean = estimate(2.1)
    return PooledRatio(
        arrangement=arrangement,
        framework=arrangement.partition("@")[0],
        workload="health",
        headline=True,
        studies=tuple(
            Study(label=f"{label} {number}", ratio=estimate(1.8 + 0.02 * number), weight=1 / runs)
            for number in range(1, runs + 1)
        ),
        left_out=(("noisy", "The A/A comparison failed: run again, with more --rounds."),),
        together=Together(
            mean=mean,
            predicted=estimate(2.1, 20.0),
            between_factor=1.08,
            tau_squared=0.006,
            i_squared=0.92,
            q=300.0,
            q_probability=0.0,
        ),
        sentence=f"{arrangement}: over {runs} runs async def had 2.10 × that of def.",
    )


def pool_of(*ratios: PooledRatio) -> Pool:
    """Return a pool of these ratios."""
    return Pool(
        quantity="requests per second",
        workload="health",
        asked=Asked(path="/health/{variant}", wait_ms=0.0, vus=10, rate_per_s=None, in_slices=True, engine="builtin"),
        runs=tuple(study.label for study in ratios[0].studies),
        left_out=(("hasty", "GET /health/{variant}, 50 virtual users"),),
        ratios=ratios,
        margin=0.05,
    )


def printed_diff(run: Run, diff: Diff = DIFF, width: int = 100, *, encoding: str = "utf-8") -> str:
    """Print a diff and return what was written."""
    output = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    print_diff(Console(file=output, width=width), diff, run, dataclasses.replace(run, name="the second"))
    output.seek(0)
    return output.read()


def printed_pool(pool: Pool, chosen: list[PooledRatio], width: int = 100) -> str:
    """Print a pool and return what was written."""
    output = io.StringIO()
    print_pool(Console(file=output, width=width), pool, chosen)
    return output.getvalue()


def test_a_diff_tells_the_ratios_last(run: Run) -> None:
    """First, second, and the one over the other; above it what differs in machine and packages."""
    told = printed_diff(run, width=140)

    assert told.index("cpu model: One CPU → Another") < told.index("flask: 3.1.2 → 3.2.0")
    assert "memory: 8.0 GiB → not known" in told
    rates = told.rindex("requests per second: first, second, second over first")
    assert told.index("p95 latency: first") < rates
    (line,) = [line for line in told[rates:].splitlines() if "fastapi@uvicorn" in line]
    assert ["2.00 × [1.94, 2.06]", "2.20 × [2.13, 2.27]", "1.10 × [1.07, 1.13]"] == re.findall(r"\d\S+ × \[.*?\]", line)
    assert line.endswith("no difference")
    assert "These are runs of two machines." in told
    assert "Only in the first: flask-sync@hypercorn." in told


def test_a_diff_without_a_difference_says_so(run: Run) -> None:
    """Nothing to tell is told as that."""
    same = dataclasses.replace(DIFF, environment=(), packages=(), same_machine=True, only_left=(), notes=())

    assert 2 == printed_diff(run, same).count("the same in both")
    assert "one machine, as far as is known" in printed_diff(run, same)


def test_a_diff_that_is_no_evidence_ends_with_that(run: Run) -> None:
    """So that it is what stands on the screen."""
    withheld = dataclasses.replace(DIFF, withheld="The A/A comparison failed.")

    assert "! No evidence, for a placebo failed." in printed_diff(run, withheld).splitlines()[-1]


@pytest.mark.parametrize("width", [100, 80, 50])
def test_nothing_is_wider_than_the_terminal(run: Run, width: int) -> None:
    """At any width, for both; every figure is there."""
    told = printed_diff(run, width=width)
    assert [] == [line for line in told.splitlines() if cell_len(line) > width]
    assert "1.10 × [1.07, 1.13]" in told

    ratio = pooled(30)
    forest = printed_pool(pool_of(ratio), [ratio], width)
    assert [] == [line for line in forest.splitlines() if cell_len(line) > width]
    assert "laptop 30" in forest


def test_a_terminal_without_our_signs_gets_ascii(run: Run) -> None:
    """The figures are the same."""
    told = printed_diff(run, encoding="ascii", width=140)

    assert told.isascii()
    assert "1.10 x [1.07, 1.13]" in told
    assert "One CPU -> Another" in told


def test_what_a_run_carries_cannot_steer_the_terminal(run: Run) -> None:
    """Names and words are somebody else's."""
    hostile = dataclasses.replace(DIFF, ratios=(change(HOSTILE, word=HOSTILE),), notes=(HOSTILE,))
    told = printed_diff(run, hostile) + printed_pool(pool_of(pooled(2, label=HOSTILE)), [pooled(2, label=HOSTILE)])

    assert "\x1b" not in told
    assert "[bold]" in told


def test_a_pool_is_a_forest(run: Run) -> None:
    """A strip a run on one axis, then all together, then what one more machine may show; who was left out, and why."""
    ratio, other = pooled(3), pooled(3, "flask@hypercorn")
    told = printed_pool(pool_of(ratio, other), [ratio])

    lines = told.splitlines()
    strips = [line for line in lines if "●" in line]
    assert 1 + 3 + 2 == len(strips)
    assert 1 == len({line.index("│") for line in strips[1:]})
    assert strips[-2].strip().startswith("together")
    assert strips[-1].strip().startswith("one more machine")
    assert "left out: hasty: GET /health/{variant}, 50 virtual users" in told
    assert "left out: noisy: The A/A comparison failed" in told
    assert told.index("flask@hypercorn") < told.index("FastAPI on uvicorn: async def over def")


def test_a_ratio_without_a_sum_is_shown_without_one() -> None:
    """One run, or none."""
    single = dataclasses.replace(pooled(1), together=None, sentence="One run has a ratio to pool.")
    none = dataclasses.replace(single, studies=())

    assert "together" not in printed_pool(pool_of(single), [single])
    assert "One run has" in printed_pool(pool_of(none), [none])
    assert forest_chart(none, "requests per second", margin=0.05) is None
    page = render_pool(pool_of(none), [none])
    assert "not measured" in page
    assert "<svg" not in page


def test_two_runs_have_no_last_line() -> None:
    """There is nothing to say of a third machine."""
    ratio = pooled(2)
    assert ratio.together is not None
    alone = Estimate(value=2.1, low=None, high=None, samples=2)
    ratio = dataclasses.replace(ratio, together=dataclasses.replace(ratio.together, predicted=alone))

    assert "one more machine" not in printed_pool(pool_of(ratio), [ratio])
    chart = forest_chart(ratio, "requests per second", margin=0.05)
    assert chart is not None
    assert "one more machine" not in chart.description


def test_the_forest_of_a_class_is_drawn_and_told_in_words() -> None:
    """Well-formed in both layouts; the description has every run."""
    chart = forest_chart(pooled(30), "requests per second", margin=0.05)

    assert chart is not None
    assert "forest-fastapi-uvicorn" in chart.name
    for drawing in (chart.wide, chart.narrow):
        written = [text.text for text in ET.fromstring(drawing).iter("{http://www.w3.org/2000/svg}text")]  # noqa: S314 (ours)
        assert {"laptop 1", "laptop 30", "together", "one more machine", "2.10 × [2.04, 2.16]"} <= set(written)
    assert "laptop 30: 2.40 × [2.33, 2.47]." in chart.description


def test_an_interval_without_end_does_not_break_the_forest() -> None:
    """Two rounds that differ wildly have one."""
    ratio = pooled(2)
    endless = Estimate(value=2.0, low=0.0, high=float("inf"), samples=2)
    nothing = Estimate(value=float("inf"), low=None, high=None, samples=2)
    wild = dataclasses.replace(
        ratio, studies=tuple(dataclasses.replace(ratio.studies[0], ratio=each) for each in (endless, nothing))
    )

    chart = forest_chart(wild, "requests per second", margin=0.05)

    assert chart is not None
    assert "∞" in chart.description


def test_the_page_is_whole_without_a_network() -> None:
    """No script, no address, and a policy that admits its own style alone; text of a run is text."""
    ratio = pooled(30, label=HOSTILE)
    page = render_pool(pool_of(ratio, pooled(30, "flask@hypercorn")), [ratio])

    assert {"http://www.w3.org/2000/svg"} == set(re.findall(r"https?://[^\"'\s<>)]+", page))
    assert "<script" not in page
    assert "default-src 'none'; style-src 'sha256-" in page
    assert "<code>--rounds</code>" in page
    assert "30 runs together" in page
    assert page.count("<svg") == 2
