from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from xml.etree import ElementTree as ET

import pytest

from benchmarks.judge.judgement import Estimate, Judgement, Summary
from benchmarks.model import LoadProfile, Run, Workload
from benchmarks.report.charts.bars import causes_chart, cost_chart, waiting_chart
from benchmarks.report.charts.canvas import NARROW, WIDE, Drawing
from benchmarks.report.charts.claims import claim_chart
from benchmarks.report.charts.forest import ratio_chart
from benchmarks.report.charts.latency import latency_chart
from benchmarks.report.words import arrangement_name

SVG = "{http://www.w3.org/2000/svg}"
WAIT = Workload(name="wait", path="/wait/{variant}?ms=50", wait_ms=50.0)
LOAD = LoadProfile(vus=60, duration_s=1.0, warmup_s=0.2)


def drawn(chart: Drawing | None) -> Drawing:
    """Return a chart that must be there."""
    assert chart is not None
    return chart


def headline(judgement: Judgement) -> Drawing:
    """Draw the ratios of the health workload."""
    return drawn(ratio_chart("health", judgement.twins, margin=judgement.margin, tutorial_value=2.0202))


@pytest.fixture(scope="module")
def charts(judgement: Judgement) -> dict[str, Drawing]:
    """Every chart of the judgement, by name."""
    every = (
        headline(judgement),
        cost_chart("health", judgement.summaries),
        latency_chart("health", judgement.summaries),
        waiting_chart(WAIT, LOAD, judgement.summaries),
    )
    return {chart.name: chart for chart in map(drawn, every)}


def parsed(chart: Drawing) -> list[ET.Element]:
    """Parse both drawings of a chart."""
    return [ET.fromstring(drawing) for drawing in (chart.wide, chart.narrow)]  # noqa: S314 (our own drawings)


def written(root: ET.Element) -> str:
    """Return what is written in a drawing, its text alternative left out."""
    return "\n".join(text.text or "" for text in root.iter(f"{SVG}text"))


def test_every_chart_is_well_formed_and_told_in_words(charts: dict[str, Drawing]) -> None:
    """It is an image with a title and a description, which it refers to by ids that it has."""
    for chart in charts.values():
        for root in parsed(chart):
            assert "img" == root.get("role")
            labels = {
                element.get("id"): element.text for element in root if element.tag in {f"{SVG}title", f"{SVG}desc"}
            }
            assert [chart.title, chart.description] == [
                labels[name] for name in root.get("aria-labelledby", "").split()
            ]


def test_ids_are_unique_on_a_page_of_all_charts(charts: dict[str, Drawing]) -> None:
    """No drawing can borrow another's marker or clip; every reference has its target."""
    roots = [root for chart in charts.values() for root in parsed(chart)]
    ids = [element.get("id") for root in roots for element in root.iter() if element.get("id")]

    assert len(set(ids)) == len(ids)
    for root in roots:
        own = {element.get("id") for element in root.iter()}
        for element in root.iter():
            for value in element.attrib.values():
                assert set(re.findall(r"url\(#(.+?)\)", value)) <= own
            assert element.get("href", "").removeprefix("#") in own | {""}


def test_a_drawing_takes_colour_and_font_from_the_page(charts: dict[str, Drawing]) -> None:
    """Dark mode and the page's policy work because no colour, style, font or metadata is inside."""
    for chart in charts.values():
        for drawing in (chart.wide, chart.narrow):
            assert drawing.startswith("<svg")
            assert not re.search(r"#[0-9a-f]{6}\b|style=|font-family|<metadata|<!DOCTYPE|<\?xml|<script", drawing)
            assert ["http://www.w3.org/2000/svg"] == re.findall(r"https?://[^\"' ]+", drawing)


def test_a_drawing_is_the_same_each_time(charts: dict[str, Drawing], judgement: Judgement) -> None:
    """The report of a run does not change when it is written again."""
    assert charts["ratio-health"] == headline(judgement)


def test_the_narrow_drawing_is_made_for_a_phone(charts: dict[str, Drawing]) -> None:
    """It is not the wide one made small: its text keeps its size."""
    for chart in charts.values():
        for root, layout in zip(parsed(chart), (WIDE, NARROW), strict=True):
            assert f"{layout.width_px:g}" == root.get("viewBox", "").split()[2]
            assert f"{layout.font_px:g}" == root.get("font-size")
            assert {None} == {text.get("font-size") for text in root.iter(f"{SVG}text")}


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("ratio-health", ("2.00 × [1.95, 2.07]", "0.50 × [0.48, 0.52]", "the tutorial: 2.02 ×", "async def is slower")),
        ("cost-health", ("248 µs", "117 µs", "451 µs", "907 µs", "4.7", "0.0", "8.7")),
        ("latency-health", ("async def", "50 %", "1 ms")),
        ("waiting-wait", ("112 (6 threads)", "1,161 (1 thread)", "60 connections ÷ 50 ms = 1,200 req/s at most")),
    ],
)
def test_a_chart_carries_its_numbers(charts: dict[str, Drawing], name: str, facts: tuple[str, ...]) -> None:
    """They are written in the drawing, in both layouts, and not only shown by length."""
    for root in parsed(charts[name]):
        for fact in facts:
            assert fact in written(root)


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("ratio-health", ("FastAPI on uvicorn: 2.00 × [1.95, 2.07].", "±5 %", "The tutorial found 2.02 ×.")),
        ("cost-health", ("Flask on Hypercorn: def 451 µs of CPU and 5.8 switches; async def 907 µs of CPU",)),
        ("latency-health", ("FastAPI on uvicorn: def half within 2.", "99.9 % within")),
        ("waiting-wait", ("At most 1,200 req/s", "def 112 req/s [110, 114] with 6 threads running")),
    ],
)
def test_a_description_states_the_data(charts: dict[str, Drawing], name: str, facts: tuple[str, ...]) -> None:
    """Who cannot see the drawing has its numbers."""
    for fact in facts:
        assert fact in charts[name].description


def altered(judgement: Judgement, change: Callable[[Summary], Summary]) -> list[Summary]:
    """Change the summary of one contender."""
    return [change(each) if each.contender == "flask-async@hypercorn" else each for each in judgement.summaries]


def shapes(chart: Drawing, name: str) -> int:
    """Count the elements of the wide drawing that are filled with a colour."""
    return sum(f"fill-{name}" in element.get("class", "").split() for element in parsed(chart)[0].iter())


def test_missing_costs_are_not_drawn_as_zero(charts: dict[str, Drawing], judgement: Judgement) -> None:
    """There is no bar, and the place says that it was not measured; a measured 0.0 stays 0.0."""
    chart = drawn(
        cost_chart(
            "health",
            altered(
                judgement,
                lambda one: dataclasses.replace(one, cpu_us_per_request=None, voluntary_switches_per_request=None),
            ),
        )
    )

    assert 2 == written(parsed(chart)[0]).count("not measured")
    assert "async def not measured of CPU and not measured switches" in chart.description
    assert 2 == shapes(charts["cost-health"], "flask") - shapes(chart, "flask")
    assert 4 == written(parsed(chart)[0]).split("\n").count("0.0")


def test_a_missing_rate_is_not_drawn_as_zero(judgement: Judgement) -> None:
    """The waiting chart says that it was not measured."""
    summaries = altered(judgement, lambda one: dataclasses.replace(one, rate_per_s=None))

    assert "not measured" in written(parsed(drawn(waiting_chart(WAIT, LOAD, summaries)))[0])


def test_several_waits_are_told_in_the_title(judgement: Judgement) -> None:
    """One connection has the bound of one, and the twins wait otherwise for two dependencies."""
    summaries = altered(judgement, lambda one: dataclasses.replace(one, workload="ready-1"))
    ready = Workload(name="ready-1", path="/health/ready/{variant}", wait_ms=20.0, waits=2, answer="ready")

    chart = drawn(waiting_chart(ready, dataclasses.replace(LOAD, vus=1), summaries))

    assert "Requests that wait 2 times 20 ms, async def for all at once, from 1 connection" == chart.title
    assert "1 connection ÷ 20 ms = 50.0 req/s at most" in written(parsed(chart)[0])


@pytest.mark.parametrize(("histograms", "absence"), [((), "not measured"), (("garbage",), "histogram unreadable")])
def test_a_missing_distribution_says_why(judgement: Judgement, histograms: tuple[str, ...], absence: str) -> None:
    """Its twin is drawn all the same."""
    summaries = altered(judgement, lambda one: dataclasses.replace(one, histograms=histograms))
    twins = [each for each in summaries if each.arrangement == "flask@hypercorn"]
    chart = drawn(latency_chart("health", twins))

    assert f"async def: {absence}" in written(parsed(chart)[0])
    assert f"async def {absence}" in chart.description


def test_a_missing_ratio_is_named(judgement: Judgement) -> None:
    """The line of the arrangement stays, without a mark."""
    twins = [dataclasses.replace(twin, rate=None) for twin in judgement.twins]
    chart = drawn(ratio_chart("health", twins, margin=0.05))

    assert 6 == written(parsed(chart)[0]).count("not measured")
    assert "tutorial" not in chart.description


def test_a_ratio_of_one_round_has_a_point_and_no_line(charts: dict[str, Drawing], judgement: Judgement) -> None:
    """What has no interval does not look precise."""
    lone = Estimate(value=2.0, low=None, high=None, samples=1)
    chart = drawn(
        ratio_chart("health", [dataclasses.replace(twin, rate=lone) for twin in judgement.twins], margin=0.05)
    )

    assert "2.00 × (no interval)" in written(parsed(chart)[0])
    assert len(charts["ratio-health"].wide) > len(chart.wide)


def test_nothing_to_draw_draws_nothing(run: Run, judgement: Judgement) -> None:
    """A chart without one number is left out, not drawn empty."""
    bare = [
        dataclasses.replace(
            one, histograms=(), rate_per_s=None, cpu_us_per_request=None, voluntary_switches_per_request=None
        )
        for one in judgement.summaries
    ]

    assert ratio_chart("health", [], margin=0.05) is None
    assert cost_chart("health", bare) is None
    assert latency_chart("health", bare) is None
    assert waiting_chart(WAIT, LOAD, bare) is None
    assert waiting_chart(run.plan.workloads[0], LOAD, judgement.summaries) is None


def test_hostile_names_are_text(judgement: Judgement) -> None:
    """Markup, mathematics, scripts of other languages and control characters are drawn as they are, or replaced."""
    name = 'x<script>&"$\\frac$測試\x00@y'
    twins = [dataclasses.replace(twin, arrangement=name) for twin in judgement.twins]
    summaries = [dataclasses.replace(each, arrangement=name) for each in judgement.summaries]
    every = (
        ratio_chart("health", twins, margin=0.05),
        cost_chart("health", summaries),
        latency_chart("health", summaries),
        waiting_chart(WAIT, LOAD, summaries),
    )

    for chart in map(drawn, every):
        for root in parsed(chart):
            assert "<script>" in written(root)
            assert [] == list(root.iter(f"{SVG}script"))


def test_thirty_contenders_have_room(judgement: Judgement) -> None:
    """A chart grows with what it shows."""
    twins = [
        dataclasses.replace(judgement.twins[0], arrangement=f"flask@server{number}+a-long-bridge-name")
        for number in range(30)
    ]
    one, many = (drawn(ratio_chart("health", chosen, margin=0.05)) for chosen in (twins[:1], twins))

    heights = [float(parsed(chart)[0].get("viewBox", "").split()[3]) for chart in (one, many)]
    assert heights[1] > 8 * heights[0]


def test_a_name_without_room_is_shortened_and_has_its_whole_in_a_title(judgement: Judgement) -> None:
    """In the latency chart it ends before the shares of its axis, in the weight that it is written in."""
    name = f"{'shop.main:create_app' * 3}@gunicorn"
    summaries = [dataclasses.replace(each, arrangement=name) for each in judgement.summaries]
    root = parsed(drawn(latency_chart("health", summaries)))[0]

    ((group, title),) = ((group, title) for group in root.iter(f"{SVG}g") for title in group.findall(f"{SVG}title"))
    text = next(group.iter(f"{SVG}text"))
    (share,) = {text.get("x") for text in root.iter(f"{SVG}text") if text.text == "100 %"}
    end_px = float(text.get("x", "")) + WIDE.text_px(text.text or "", bold=True)

    assert (arrangement_name(name), "…") == (title.text, (text.text or "")[-1])
    assert end_px <= float(share or 0) - WIDE.text_px("100 %")


def test_names_of_the_labs_own_contenders_are_written_whole(charts: dict[str, Drawing]) -> None:
    """The longest of them too."""
    for chart in charts.values():
        assert "Flask on Hypercorn + eventloop" in written(parsed(chart)[0])


def test_no_interval_passes_what_is_possible(judgement: Judgement) -> None:
    """It ends at the bound, with an arrow where it would go on; the figure stays as it was measured."""

    def chart(high: float) -> Drawing:
        rate = Estimate(value=1190.0, low=1150.0, high=high, samples=5)
        return drawn(
            waiting_chart(WAIT, LOAD, altered(judgement, lambda one: dataclasses.replace(one, rate_per_s=rate)))
        )

    within, beyond = chart(1195.0), chart(1300.0)

    for of_within, of_beyond in zip(parsed(within), parsed(beyond), strict=True):
        (bound,) = (path for path in of_beyond.iter(f"{SVG}path") if "stroke-dasharray" in path.attrib)
        most_px = float(bound.get("d", "").split()[1])
        ends = [
            float(path.get("d", "").split()[-2])
            for path in of_beyond.iter(f"{SVG}path")
            if path.get("stroke-width") == "1.5" and "stroke-ink" in path.get("class", "")
        ]
        assert max(ends) <= most_px + 0.2
        assert 1 == len(list(of_beyond.iter(f"{SVG}use"))) - len(list(of_within.iter(f"{SVG}use")))
    assert "async def 1,190 req/s [1,150, 1,300]" in beyond.description


def test_what_rests_on_two_rounds_is_faint(judgement: Judgement) -> None:
    """Mark and interval; three are enough to be firm."""

    def opacities(samples: int) -> int:
        ratio = Estimate(value=2.0, low=1.9, high=2.1, samples=samples)
        twins = [dataclasses.replace(judgement.twins[0], rate=ratio)]
        return drawn(ratio_chart("health", twins, margin=0.05)).wide.count("opacity")

    assert 0 == opacities(3)
    assert opacities(2) > 2


def test_each_round_is_a_dot_and_the_headline_comes_first(judgement: Judgement) -> None:
    """Then by effect; a mark says its rounds, and has its id."""
    twins = [dataclasses.replace(twin, rounds=(1.9, 2.0, 2.1)) for twin in judgement.twins]
    chart = drawn(ratio_chart("health", twins, margin=0.05, title="What it shows"))
    root = parsed(chart)[0]
    trials = [group for group in root.iter(f"{SVG}g") if group.get("class") == "trials"]

    assert "What it shows" == chart.title
    assert [str(row) for row in range(6)] == [group.get("data-row") for group in trials]
    assert {3} == {len(list(group.iter(f"{SVG}use"))) for group in trials}
    told = [group.findtext(f"{SVG}title") for group in root.iter(f"{SVG}g") if group.get("class") == "mark"]
    assert "FastAPI on uvicorn: 2.00 × [1.95, 2.07]; in its rounds 1.90 ×, 2.00 ×, 2.10 ×." == told[0]
    assert ["Flask on Hypercorn", "Flask on uvicorn + eventloop"] == [str(each).partition(":")[0] for each in told[1:3]]
    assert "fastapi-async@uvicorn over fastapi-sync@uvicorn" in [title.text for title in root.iter(f"{SVG}title")]


def test_a_claims_chart_has_the_tutorials_figure_and_the_half_way_mark(judgement: Judgement) -> None:
    """Each quantity on the claim's own axis; counts from zero, and nothing where nothing was measured."""
    of_claim = {number: [each for each in judgement.verdicts if each.number == number] for number in (2, 5)}
    ratios = drawn(claim_chart("async-throughput", "Twice", of_claim[2], margin=0.05))
    counts = drawn(claim_chart("event-loop", "One thread", of_claim[5], margin=0.05))
    empty = [dataclasses.replace(each, figures=()) for each in of_claim[2]]

    assert ratios.wide == ratios.narrow
    assert "FastAPI: rate: 2.00 × [1.95, 2.07], the tutorial 2.02 ×." in ratios.description
    assert "thick: the tutorial; dotted: half-way to it" in written(parsed(ratios)[0])
    assert "×" not in written(parsed(counts)[0])
    assert claim_chart("async-throughput", "Twice", empty, margin=0.05) is None


def test_causes_are_a_line_for_each_contender(judgement: Judgement) -> None:
    """With CPU time and switches; nothing where neither was seen."""
    shown = [each for each in judgement.summaries if each.workload == "health"][:2]
    chart = drawn(causes_chart("health", shown, "Why"))
    unseen = [dataclasses.replace(each, cpu_us_per_request=None, voluntary_switches_per_request=None) for each in shown]

    for root in parsed(chart):
        assert all(each in written(root) for each in ("Flask on Hypercorn, async def", "907 µs", "8.7"))
    assert causes_chart("health", unseen, "Why") is None
