from __future__ import annotations

import base64
import dataclasses
import hashlib
import re
from collections import Counter
from collections.abc import Sequence

import pytest

from benchmarks.judge.claims import Claim
from benchmarks.judge.judgement import Estimate, Judgement
from benchmarks.model import Run
from benchmarks.report.html import render_html
from tests.benchmarks.report.parsed_page import Page

HOSTILE = "\"><script>alert(1)</script><img src=http://host/x onerror=alert(1)> {{ 7*7 }} ' &amp;"


@pytest.fixture(scope="module")
def source(run: Run, judgement: Judgement, claims: Sequence[Claim]) -> str:
    """The report of the whole run."""
    return render_html(run, judgement, claims)


@pytest.fixture(scope="module")
def page(source: str) -> Page:
    """The same, parsed."""
    return Page(source)


def test_the_page_needs_nothing_but_itself(source: str, page: Page) -> None:
    """There is no script and no address of anything else: opened without a network it is whole."""
    assert {"http://www.w3.org/2000/svg"} == set(re.findall(r"https?://[^\"'\s<>)]+", source))
    assert not {"script", "img", "iframe", "object", "embed", "form", "base", "video", "audio"} & {
        tag for tag, _ in page.elements
    }
    references = [
        value
        for _, attributes in page.elements
        for name, value in attributes.items()
        if name in {"href", "src", "srcset"}
    ]
    assert [] == [value for value in references if not value.startswith("#") and value != "data:,"]
    assert not re.search(r"@import|url\(|@font-face", "".join(page.styles))


def test_the_policy_admits_the_style_sheet_and_nothing_else(page: Page) -> None:
    """Its hash is the sheet's, and no element carries a style or a handler, which it would block."""
    policy = next(meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    digest = base64.b64encode(hashlib.sha256("".join(page.styles).encode()).digest()).decode()

    assert 1 == len(page.all("style"))
    assert (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'" == policy
    )
    assert [] == [
        name for _, attributes in page.elements for name in attributes if name == "style" or name.startswith("on")
    ]


def test_the_answers_come_first(page: Page) -> None:
    """FastAPI's and Flask's, in words and with the figure, before any chart or table."""
    before = page.text.split("What the tutorial says")[0]

    assert "FastAPI on uvicorn: Yes 2.00 × [1.95, 2.07] ✓ replicated the tutorial: 2.02 ×" in before
    assert "Flask on Hypercorn: No, slower 0.50 × [0.48, 0.52] ✗ contradicted the tutorial: 2.02 ×" in before


def test_a_claim_stands_in_the_tutorials_words_and_in_english(page: Page, claims: Sequence[Claim]) -> None:
    """The Chinese is marked as Traditional Chinese, for fonts and for screen readers."""
    assert "zh-Hant" in {quote.get("lang") for quote in page.all("blockquote")}
    for claim in claims:
        assert claim.title in page.text
        assert " ".join(claim.english.split()) in page.text
        assert all(" ".join(words.split()) in page.text for words in claim.quote)


def test_every_verdict_has_a_word_a_sign_and_a_reason(page: Page, judgement: Judgement) -> None:
    """Colour is never alone; the cause stands beside the finding."""
    for verdict in judgement.verdicts:
        assert verdict.sentence in page.text
        assert verdict.why in page.text
    badges = Counter(
        value for _, attributes in page.elements for value in [attributes.get("class", "")] if "badge" in value
    )
    assert page.text.count("✓ replicated") == badges["badge replicated"]
    assert page.text.count("✗ contradicted") == badges["badge contradicted"]


def test_the_same_views_stand_behind_each_bridge(page: Page) -> None:
    """Each ratio with its interval, beside what a request costs, and below the table what the bridge changes."""
    (section,) = re.findall(r"The same views behind each bridge.*?All figures", page.text)

    assert 2 == section.count("async def on Hypercorn")
    assert "flask-async@hypercorn+eventloop 3.71 × [3.60, 3.82] of flask-async@hypercorn 1.02 × [0.99, 1.05]" in section
    assert 4 == section.count("Each request, without → behind the bridge")
    assert "the requests of fastapi" not in section


def test_bridges_that_cannot_be_judged_say_why(run: Run, judgement: Judgement, claims: Sequence[Claim]) -> None:
    """Once, however many there are; and a run without bridges has no such section."""
    refused = tuple(
        dataclasses.replace(each, refusal="The A/A comparison failed.", sentence="Not judged.")
        for each in judgement.bridges
    )
    text = Page(render_html(run, dataclasses.replace(judgement, bridges=refused), claims)).text

    # Under each workload, for each keyword.
    assert 4 == text.count("Not judged. The A/A comparison failed.")
    without = dataclasses.replace(judgement, bridges=(), bridge_costs=())
    assert "behind each bridge" not in Page(render_html(run, without, claims)).text


def test_ids_are_unique_and_references_have_targets(page: Page) -> None:
    """Labels, links and drawings point at what is there."""
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    referenced = {name for _, attributes in page.elements for name in attributes.get("aria-labelledby", "").split()} | {
        attributes["href"][1:] for _, attributes in page.elements if attributes.get("href", "").startswith("#")
    }

    assert len(set(ids)) == len(ids)
    assert referenced <= set(ids)


def test_every_chart_has_a_text_alternative_and_a_caption(page: Page) -> None:
    """Four charts, each for a wide page and a narrow one, each an image that is described."""
    drawings = [attributes for attributes in page.all("svg") if attributes.get("role") == "img"]

    assert 8 == len(drawings) == len(page.all("svg")) == len(page.all("title")) - 1 == len(page.all("desc"))
    assert 4 == len(page.all("figure")) == len(page.all("figcaption"))


def test_every_table_has_a_caption_and_its_headings_a_scope(page: Page) -> None:
    """A screen reader can say what a number is."""
    assert len(page.all("table")) == len(page.all("caption"))
    assert {"col", "row", "rowgroup", "colgroup"} == {heading.get("scope") for heading in page.all("th")}


def test_the_numbers_of_the_charts_are_in_tables_too(page: Page) -> None:
    """Rates, latencies, costs and ratios can be copied."""
    for row in (
        "fastapi-sync@uvicorn 4,105 2.0 % 2.39 3.17 4.14 248 4.7 0.1 11 1 61 5 of 5",
        "flask@hypercorn+asgiref 0.70 × [0.67, 0.73]",
        "flask-sync@hypercorn 112 2.0 %",
    ):
        assert row in page.text


def test_method_environment_and_command_are_told(page: Page) -> None:
    """Enough to doubt the figures, and to measure them again."""
    for fact in (
        "lab compare quick --seed 20260301",
        "Example CPU @ 2.10GHz",
        "uvicorn 0.38.0",
        "Load average was 0.21",
    ):
        assert fact in page.text


def test_the_page_has_a_dark_form_and_prints_light(page: Page) -> None:
    """Dark is for screens alone."""
    sheet = "".join(page.styles)

    assert "@media screen and (prefers-color-scheme:dark)" in sheet
    assert "@media print" in sheet


def test_the_report_is_the_same_each_time(source: str, run: Run, judgement: Judgement, claims: Sequence[Claim]) -> None:
    """Written again from the same run, it does not differ by a byte."""
    assert source == render_html(run, judgement, claims)


def test_hostile_text_stays_text(run: Run, judgement: Judgement, claims: Sequence[Claim]) -> None:
    """Whatever a run file holds is shown, and nothing of it becomes an element or an attribute."""
    hostile = dataclasses.replace(
        judgement,
        placebo_failed=HOSTILE,
        notes=(HOSTILE,),
        ceiling_per_s={HOSTILE: 1.0},
        verdicts=tuple(
            dataclasses.replace(each, arrangement=HOSTILE, subject=HOSTILE, sentence=HOSTILE, why=HOSTILE)
            for each in judgement.verdicts
        ),
        summaries=tuple(
            dataclasses.replace(each, contender=HOSTILE, arrangement=HOSTILE, void=(HOSTILE,))
            for each in judgement.summaries
        ),
        twins=tuple(dataclasses.replace(each, arrangement=HOSTILE, framework=HOSTILE) for each in judgement.twins),
    )
    workloads = tuple(dataclasses.replace(workload, path=HOSTILE) for workload in run.plan.workloads)
    plan = dataclasses.replace(run.plan, preset=HOSTILE, placebo=HOSTILE, workloads=workloads)
    ledger = [dataclasses.replace(claim, title=HOSTILE, english=HOSTILE, quote=(HOSTILE,)) for claim in claims]
    page = Page(render_html(dataclasses.replace(run, name=HOSTILE, plan=plan), hostile, ledger))

    assert not {"script", "img"} & {tag for tag, _ in page.elements}
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert HOSTILE in page.text


def test_a_workload_name_cannot_break_an_id(run: Run, judgement: Judgement, claims: Sequence[Claim]) -> None:
    """Ids and references hold together for a name with blanks and quotes."""
    odd = 'two words "x"\x00'
    plan = dataclasses.replace(
        run.plan,
        workloads=tuple(dataclasses.replace(workload, name=odd) for workload in run.plan.workloads[:1]),
        loads={odd: run.plan.loads["health"]},
    )
    renamed = dataclasses.replace(
        judgement,
        summaries=tuple(dataclasses.replace(each, workload=odd) for each in judgement.summaries[:8]),
        twins=tuple(dataclasses.replace(each, workload=odd) for each in judgement.twins[:4]),
    )

    page = Page(render_html(dataclasses.replace(run, plan=plan), renamed, claims))
    test_ids_are_unique_and_references_have_targets(page)
    assert 6 == len(page.all("svg"))
    assert 'workload two words "x"\ufffd' in page.text


def unobserved(judgement: Judgement) -> Judgement:
    """Take away all that the operating system would tell."""
    return dataclasses.replace(
        judgement,
        summaries=tuple(
            dataclasses.replace(
                each,
                cpu_us_per_request=None,
                voluntary_switches_per_request=None,
                involuntary_switches_per_request=None,
                running_threads=None,
                epoll_descriptors=None,
                resident_bytes=None,
            )
            for each in judgement.summaries
        ),
    )


def one_contender(judgement: Judgement) -> Judgement:
    """Keep one contender, which has no twin and no verdict."""
    return dataclasses.replace(judgement, verdicts=(), twins=(), summaries=judgement.summaries[:1])


def one_round(judgement: Judgement) -> Judgement:
    """Take away every interval."""

    def lone(estimate: Estimate | None) -> Estimate | None:
        return None if estimate is None else dataclasses.replace(estimate, low=None, high=None, samples=1)

    return dataclasses.replace(
        judgement,
        twins=tuple(dataclasses.replace(each, rate=lone(each.rate), cpu=lone(each.cpu)) for each in judgement.twins),
        summaries=tuple(
            dataclasses.replace(
                each, rate_per_s=lone(each.rate_per_s), cpu_us_per_request=lone(each.cpu_us_per_request)
            )
            for each in judgement.summaries
        ),
    )


def no_histogram(judgement: Judgement) -> Judgement:
    """Take away the distributions."""
    return dataclasses.replace(
        judgement, summaries=tuple(dataclasses.replace(each, histograms=()) for each in judgement.summaries)
    )


def thirty_contenders(judgement: Judgement) -> Judgement:
    """Add arrangements with long names."""
    names = [f"flask@server{number}+bridge-with-a-long-name" for number in range(15)]
    return dataclasses.replace(
        judgement,
        twins=tuple(dataclasses.replace(judgement.twins[0], arrangement=name) for name in names),
        summaries=tuple(
            dataclasses.replace(each, arrangement=name, contender=f"{each.contender}{number}")
            for number, name in enumerate(names)
            for each in judgement.summaries[:2]
        ),
    )


def nothing(judgement: Judgement) -> Judgement:
    """Take everything away."""
    return dataclasses.replace(judgement, verdicts=(), summaries=(), twins=(), placebo=None, ceiling_per_s={}, notes=())


@pytest.mark.parametrize(
    ("alter", "facts", "charts"),
    [
        (unobserved, ("not measured",), 3),
        (one_contender, ("This run has no answer", "No verdict in this run"), 2),
        (one_round, ("2.00 × (no interval)",), 4),
        (no_histogram, ("4,105",), 3),
        (thirty_contenders, ("flask-sync@hypercorn14",), 3),
        (nothing, ("No valid trial was measured", "No contender took part"), 0),
    ],
)
def test_a_lesser_run_is_told_truthfully(  # noqa: PLR0917 (pytest passes them by name)
    run: Run, judgement: Judgement, claims: Sequence[Claim], alter: object, facts: tuple[str, ...], charts: int
) -> None:
    """What is missing is said, what cannot be drawn is left out, and nothing reads None, nan or inf."""
    assert callable(alter)
    page = Page(render_html(run, alter(judgement), claims))

    for fact in facts:
        assert fact in page.text
    assert charts == len(page.all("figure"))
    assert not re.search(r"\b(None|nan|inf)\b", page.text)


def test_withheld_verdicts_are_announced(run: Run, judgement: Judgement, claims: Sequence[Claim]) -> None:
    """The alert stands above, and the answers are withheld, not guessed."""
    refused = dataclasses.replace(
        judgement,
        placebo_failed="The A/A comparison failed.",
        verdicts=tuple(
            dataclasses.replace(
                each,
                outcome="refused",
                figures=tuple(dataclasses.replace(figure, estimate=None) for figure in each.figures),
                sentence="Not judged.",
                why="Use --rounds 20.",
            )
            for each in judgement.verdicts
        ),
    )
    page = Page(render_html(dataclasses.replace(run, state="interrupted"), refused, claims))

    assert 2 == len([1 for attributes in page.all("p") if attributes.get("class") == "alert"])
    assert "FastAPI on uvicorn: Withheld ! refused Not judged." in page.text
    assert "The A/A comparison failed: these ratios are no evidence." in page.text
    assert "--rounds 20" in page.text
    assert "not measured" not in page.text
