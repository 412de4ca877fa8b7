from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.judge.claims import Claim
from benchmarks.judge.judgement import Estimate, Figure, Judgement, Outcome, Standing, Verdict
from benchmarks.model import Run
from benchmarks.report.document import Block, Chart, Document, Note, Paragraph, Section
from benchmarks.report.document import Verdict as Told
from benchmarks.report.formats import render
from benchmarks.report.formats.terminal import print_document
from benchmarks.report.products import run as product
from benchmarks.report.products.poster import HEADLINE_CLAIM, source_of
from benchmarks.report.products.run import run_document
from benchmarks.report.products.verdicts import was_asked
from tests.benchmarks.report.made_up_documents import HOSTILE, undrawn
from tests.benchmarks.report.parsed_page import Page

WAITS = (4, "fastapi@uvicorn")
WHAT_THE_TUTORIAL_SAYS = "What the tutorial says, and what this run found"
FORMS = ("terminal", "markdown", "html")
CONTROLS = (
    "A/A 1.00 × [0.99, 1.01]: equal",
    "A/A 1.00 × [0.99, 1.01]: failed",
    "A/A 1.00 × [0.80, 1.20]: not shown to be equal",
    "no A/A comparison",
)


def every(blocks: Sequence[Block]) -> Iterator[Block]:
    """Yield blocks, also those within sections."""
    for block in blocks:
        yield block
        if isinstance(block, Section):
            yield from every(block.blocks)


def answers(document: Document) -> list[tuple[str, str, str]]:
    """Return subject, word and badge of each answer."""
    return [
        (block.subject, block.word, block.outcome)
        for block in document.blocks
        if isinstance(block, Told) and block.word
    ]


def section(document: Document, title: str) -> Section:
    """Return a section by its title."""
    (found,) = [block for block in every(document.blocks) if isinstance(block, Section) and block.title == title]
    return found


def tried_on(document: Document, number: int) -> list[str]:
    """Return what a claim was tried on, of those that it is judged on."""
    (claim,) = [
        block for block in every(document.blocks) if isinstance(block, Section) and block.anchor == f"claim-{number}"
    ]
    return [block.subject for block in claim.blocks if isinstance(block, Told)]


def test_the_ledger_has_the_claim_that_the_report_opens_with(claims: Sequence[Claim]) -> None:
    """Were it renamed there, no report would have an answer."""
    assert HEADLINE_CLAIM in {claim.id for claim in claims}


def test_the_answers_come_first_and_have_opposite_signs(
    run: Run, judgement: Judgement, claims: Sequence[Claim]
) -> None:
    """FastAPI and Flask each get one, on the arrangement that the claim is judged on; then the picture."""
    document = run_document(run, judgement, claims)

    assert [
        ("FastAPI on uvicorn", "Yes", "replicated"),
        ("Flask on Hypercorn", "No, slower", "contradicted"),
    ] == answers(document)
    assert isinstance(document.blocks[2], Chart)


@pytest.mark.parametrize(
    ("standing", "outcome", "word"),
    [
        ("faster", "replicated", "Yes"),
        ("slower", "contradicted", "No, slower"),
        ("equal", "contradicted", "No difference"),
        ("undecided", "inconclusive", "Undecided"),
        ("faster", "refused", "Withheld"),
        (None, "inconclusive", "Undecided"),
    ],
)
def test_the_word_is_of_the_standing_that_the_badge_is_of(  # noqa: PLR0917 (pytest passes them by name)
    run: Run,
    judgement: Judgement,
    claims: Sequence[Claim],
    standing: Standing | None,
    outcome: Outcome,
    word: str,
) -> None:
    """A refused verdict withholds it, whatever the figure is."""
    verdicts = tuple(dataclasses.replace(verdict, outcome=outcome, standing=standing) for verdict in judgement.verdicts)
    document = run_document(run, dataclasses.replace(judgement, verdicts=verdicts), claims)

    assert {(word, outcome)} == {(said, badge) for _, said, badge in answers(document)}


def test_alerts_come_for_what_must_be_read_first(run: Run, judgement: Judgement, claims: Sequence[Claim]) -> None:
    """A failed placebo, a run cut short and an empty run each have one; a clean run has none."""
    empty = dataclasses.replace(
        judgement,
        placebo_failed="The A/A comparison failed: 1.20 × [1.15, 1.25].",
        summaries=tuple(dataclasses.replace(summary, used=0) for summary in judgement.summaries),
    )

    def alerts(told: Run, judged: Judgement) -> list[str]:
        blocks = run_document(told, judged, claims).blocks
        return [block.text for block in blocks if isinstance(block, Note) and block.level == "alert"]

    assert [] == alerts(run, judgement)
    withheld, cut, nothing = alerts(dataclasses.replace(run, state="interrupted"), empty)
    assert "1.20 × [1.15, 1.25]" in withheld
    assert "interrupted" in cut
    assert "No valid trial" in nothing
    assert "did not come to its end" in alerts(dataclasses.replace(run, state="running"), judgement)[0]


def test_probes_that_contenders_fail_are_read_first(run: Run, judgement: Judgement, claims: Sequence[Claim]) -> None:
    """Each once, with what was seen and the contenders; one that failed none is not named."""
    seen = {"head": "HEAD answers 500, GET answers 200."}
    failing = dataclasses.replace(run, failing={"one": seen, "another": seen, "good": {}})
    first, *_ = run_document(failing, judgement, claims).blocks

    assert isinstance(first, Note)
    assert "alert" == first.level
    assert [] == [word for word in ("`one` and `another`", "`head`", seen["head"]) if word not in first.text]
    assert "good" not in first.text
    none = run_document(dataclasses.replace(run, failing={"good": {}}), judgement, claims).blocks
    assert [] == [block for block in none if isinstance(block, Note) and block.level == "alert"]


def test_the_source_says_how_the_control_came_out(run: Run, judgement: Judgement) -> None:
    """Beside the machine, the versions and the seed."""

    def placebo(judged: Judgement) -> str:
        return next(told for told in CONTROLS if told in source_of(run, judged))

    doubtful = Estimate(value=1.0, low=0.8, high=1.2, samples=3)
    assert "A/A 1.00 × [0.99, 1.01]: equal" == placebo(judgement)
    assert "A/A 1.00 × [0.80, 1.20]: not shown to be equal" == placebo(dataclasses.replace(judgement, placebo=doubtful))
    assert "no A/A comparison" == placebo(dataclasses.replace(judgement, placebo=None))
    assert "A/A 1.00 × [0.99, 1.01]: failed" == placebo(dataclasses.replace(judgement, placebo_failed="It failed."))


def test_every_claim_has_a_card_and_the_tutorials_words_on_request(
    run: Run, judgement: Judgement, claims: Sequence[Claim]
) -> None:
    """The headline's first, then by effect; what other arrangements came to is folded too."""
    document = run_document(run, judgement, claims)
    cards = [block for block in section(document, WHAT_THE_TUTORIAL_SAYS).blocks if isinstance(block, Section)]
    first = cards[0]

    assert ["claim-2", "claim-4", "claim-6", "claim-3", "claim-1", "claim-5"] == [card.anchor for card in cards]
    assert all(card.is_card and not card.is_folded for card in cards)
    assert ["FastAPI on uvicorn", "Flask on Hypercorn"] == tried_on(document, 2)
    assert isinstance(first.blocks[2], Chart)
    evidence = first.blocks[3]
    assert isinstance(evidence, Section)
    assert evidence.is_folded
    assert ["FastAPI on Hypercorn", "Flask on Hypercorn + asgiref"] == [
        block.subject for block in every(evidence.blocks) if isinstance(block, Told)
    ]
    page = Page(render(undrawn(document), "html")).text
    for claim in claims:
        assert claim.title in page
        assert all(" ".join(words.split()) in page for words in (claim.english, *claim.quote))


def test_a_terminal_has_the_outcome_of_each_claim_and_its_sentences_on_request(
    run: Run, judgement: Judgement, claims: Sequence[Claim]
) -> None:
    """A line for each subject of a card."""
    output = io.StringIO()
    print_document(Console(file=output, width=100), run_document(run, judgement, claims))
    told = output.getvalue()

    assert "FastAPI on uvicorn  ✓ replicated    2.00 × [1.95, 2.07]" in told
    assert "async def served 2.00 × the requests of def" not in told
    assert "async def served 2.00 × the requests of def" in render(run_document(run, judgement, claims), "terminal")


def test_names_of_people_stand_for_ids_which_stay_where_a_pointer_rests(
    run: Run, judgement: Judgement, claims: Sequence[Claim]
) -> None:
    """No text of the report has an id, but for what is to be copied; a card's subject has its own."""
    document = run_document(run, judgement, claims)
    ids = [contender.id for contender in run.plan.contenders]

    for form in FORMS:
        rendered = render(undrawn(document), form)
        told = Page(rendered).text if form == "html" else rendered
        assert [] == [each for each in ids if each in told.replace("\\", "")]
    assert "flask@hypercorn" in [abbr.get("title") for abbr in Page(render(undrawn(document), "html")).all("abbr")]


def test_each_cause_is_told_once(run: Run, judgement: Judgement, claims: Sequence[Claim]) -> None:
    """Where several verdicts have the same, the first says it."""
    same = tuple(dataclasses.replace(verdict, why="One cause for all.") for verdict in judgement.verdicts)
    document = run_document(run, dataclasses.replace(judgement, verdicts=same), claims)

    for form in FORMS:
        assert 1 == " ".join(render(undrawn(document), form).split()).count("One cause for all.")


def test_a_claim_that_is_tried_under_several_workloads_says_which(
    run: Run, judgement: Judgement, claims: Sequence[Claim]
) -> None:
    """Or two verdicts on one arrangement would contradict each other; where there is one, nothing need be said."""
    (waits,) = [verdict for verdict in judgement.verdicts if (verdict.number, verdict.arrangement) == WAITS]
    both = [dataclasses.replace(waits, workload=workload) for workload in ("wait", "ready-100")]

    def told(*verdicts: Verdict) -> list[str]:
        return tried_on(run_document(run, dataclasses.replace(judgement, verdicts=verdicts), claims), 4)

    assert ["FastAPI on uvicorn, wait", "FastAPI on uvicorn, ready-100"] == told(*both)
    assert ["FastAPI on uvicorn"] == told(both[1])


def test_what_was_not_asked_is_left_out_in_one_line(run: Run, judgement: Judgement, claims: Sequence[Claim]) -> None:
    """A refusal for want of a contender is none; the answer is then that of what took part."""
    kept = tuple(contender for contender in run.plan.contenders if contender.arrangement == "flask@hypercorn+asgiref")
    few = dataclasses.replace(run, plan=dataclasses.replace(run.plan, contenders=kept))
    verdicts = tuple(
        verdict
        if verdict.arrangement in {"", "flask@hypercorn+asgiref"} and verdict.number != 6
        else dataclasses.replace(verdict, outcome="refused", figures=(), why="It was not in this run: add it.")
        for verdict in judgement.verdicts
    )
    document = run_document(few, dataclasses.replace(judgement, verdicts=verdicts), claims)

    assert [("Flask on Hypercorn + asgiref", "No, slower", "contradicted")] == answers(document)
    (note,) = [block for block in section(document, WHAT_THE_TUTORIAL_SAYS).blocks if isinstance(block, Note)]
    assert note.text.startswith("Not asked in this run, so without a verdict: 2. ")
    assert all(claim.title in note.text for claim in claims if claim.number > 1)
    for form in FORMS:
        assert "It was not in this run" not in render(undrawn(document), form)
    assert was_asked(run, claims, verdicts[1])


def test_a_refusal_of_what_was_asked_says_why(run: Run, judgement: Judgement, claims: Sequence[Claim]) -> None:
    """Below the outcomes, each reason once."""
    verdicts = tuple(
        dataclasses.replace(verdict, outcome="refused", figures=(), why="Too few rounds.")
        if verdict.number in {3, 4}
        else verdict
        for verdict in judgement.verdicts
    )
    document = run_document(run, dataclasses.replace(judgement, verdicts=verdicts), claims)

    assert Note("3, 4: Too few rounds.", "warning") in section(document, WHAT_THE_TUTORIAL_SAYS).blocks


def test_a_verdict_of_several_quantities_shows_each(run: Run, judgement: Judgement, claims: Sequence[Claim]) -> None:
    """With its own outcome and finding, in every format."""
    average = Figure(
        name="average latency",
        unit="×",
        estimate=Estimate(value=0.59, low=0.57, high=0.61, samples=5),
        tutorial_value=0.49,
        outcome="replicated",
        finding="41 % shorter",
    )
    p95 = dataclasses.replace(
        average, name="p95 latency", outcome="contradicted", estimate=Estimate(value=0.86, low=0.8, high=0.9, samples=5)
    )
    verdicts = tuple(
        dataclasses.replace(verdict, figures=(p95, average)) if verdict.number == 3 else verdict
        for verdict in judgement.verdicts
    )
    document = run_document(run, dataclasses.replace(judgement, verdicts=verdicts), claims)

    for form in FORMS:
        rendered = render(document, form)
        told = " ".join((Page(rendered).text if form == "html" else rendered).split())
        assert "0.59 ×" in told
        assert "0.86 ×" in told
        assert "41 % shorter" in told or form == "html"


def test_a_run_of_bridges_alone_tells_what_they_are_first(
    run: Run, judgement: Judgement, claims: Sequence[Claim]
) -> None:
    """It has no twins to answer by; each is told with its workload, and where none can be judged, it says why."""
    without = dataclasses.replace(judgement, verdicts=(), twins=())
    first = run_document(run, without, claims).blocks[0]
    assert isinstance(first, Told)
    assert (
        "Flask on Hypercorn + eventloop, async def against Flask on Hypercorn, async def, health",
        "Faster, 3.7 times",
        "flask-async@hypercorn+eventloop against flask-async@hypercorn, health",
    ) == (first.subject, first.answer, first.hint)

    refused = dataclasses.replace(
        without, bridges=tuple(dataclasses.replace(each, refusal="One round.") for each in judgement.bridges)
    )
    assert Note("One round.", "warning") == run_document(run, refused, claims).blocks[0]


def test_a_section_is_a_function_and_shows_in_every_format(
    run: Run, judgement: Judgement, claims: Sequence[Claim], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One more in the list is told everywhere."""
    further = Section(title="Further", blocks=(Paragraph("A section of its own."),))
    monkeypatch.setattr(product, "SECTIONS", [*product.SECTIONS, lambda _: (further,)])

    for form in FORMS:
        assert "A section of its own." in render(undrawn(run_document(run, judgement, claims)), form)


def test_programs_get_the_judgement_without_every_latency(
    run: Run, judgement: Judgement, claims: Sequence[Claim]
) -> None:
    """And which run it is, and how to measure it again."""
    value = json.loads(render(run_document(run, judgement, claims, Path("/kept/here")), "json"))

    assert ("judgement", run.name, "/kept/here") == (value["document"], value["run"]["name"], value["run"]["folder"])
    assert value["run"]["command"].startswith("lab compare quick --seed")
    assert len(judgement.verdicts) == len(value["judgement"]["verdicts"])
    assert not any("histograms" in summary for summary in value["judgement"]["summaries"])


def test_hostile_text_stays_text(run: Run, judgement: Judgement, claims: Sequence[Claim]) -> None:
    """Whatever a run file holds is shown, and nothing of it becomes an element or steers a terminal."""
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
    document = run_document(dataclasses.replace(run, name=HOSTILE, plan=plan), hostile, ledger)
    rendered = {form: render(document, form) for form in FORMS}
    page = Page(rendered["html"])

    assert ["script"] == [tag for tag, _ in page.elements if tag in {"script", "img"}]
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert "<script>alert(1)</script>" in page.text
    assert "\x1b[2J" not in "".join(rendered.values())


def test_a_workload_name_cannot_break_an_id(
    run: Run, judgement: Judgement, claims: Sequence[Claim], report_page: str
) -> None:
    """Ids are unique and references have targets, for a name with blanks and quotes too."""
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

    for source in (render(run_document(dataclasses.replace(run, plan=plan), renamed, claims), "html"), report_page):
        page = Page(source)
        ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
        wanted = {name for _, attributes in page.elements for name in attributes.get("aria-labelledby", "").split()}
        wanted |= {
            attributes["href"][1:] for _, attributes in page.elements if attributes.get("href", "").startswith("#")
        }
        assert len(set(ids)) == len(ids)
        assert wanted <= set(ids)
        # A card's drawing is the same at every size.
        assert len(page.all("figure")) < len(page.all("svg")) < 2 * len(page.all("figure"))


def test_the_page_is_small_enough_to_be_sent(report_page: str) -> None:
    """With all of its drawings."""
    assert 400_000 > len(report_page.encode())
