from __future__ import annotations

import base64
import hashlib
import re

from benchmarks.report.document import Paragraph, Section
from benchmarks.report.formats.html import anchored, render, script_hash, spans_css
from tests.benchmarks.report.made_up_documents import DRAWING, HOSTILE, everything
from tests.benchmarks.report.parsed_page import Page


def test_the_page_needs_nothing_but_itself() -> None:
    """There is no address of anything else: opened without a network it is whole."""
    source = render(everything())
    page = Page(source)

    assert {"http://www.w3.org/2000/svg"} == set(re.findall(r"https?://[^\"'\s<>)]+", source))
    assert not {"img", "iframe", "object", "embed", "form", "base"} & {tag for tag, _ in page.elements}
    references = [
        value
        for _, attributes in page.elements
        for name, value in attributes.items()
        if name in {"href", "src", "srcset"}
    ]
    assert [] == [value for value in references if not value.startswith("#") and value != "data:,"]
    assert not re.search(r"@import|url\(|@font-face", "".join(page.styles))


def test_the_policy_admits_the_style_sheet_and_the_script_and_nothing_else() -> None:
    """Its hashes are theirs, and no element carries a style or a handler, which it would block."""
    page = Page(render(everything()))
    policy = next(meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    style, script = (
        f"'sha256-{base64.b64encode(hashlib.sha256(''.join(own).encode()).digest()).decode()}'"
        for own in (page.styles, page.scripts)
    )

    assert (1, [{}]) == (len(page.all("style")), page.all("script"))
    assert (
        f"default-src 'none'; script-src {script}; style-src {style}; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    ) == policy
    assert f"'{script_hash()}'" == script
    assert [] == [
        name for _, attributes in page.elements for name in attributes if name == "style" or name.startswith("on")
    ]


def test_every_block_is_there() -> None:
    """In words: answers before all else, tables with captions and scopes, drawings, details, what is to be copied."""
    page = Page(render(everything()))

    assert page.text.index("2.00 × [1.95, 2.07] ✓ replicated the tutorial: 2.02 ×") < page.text.index("What was found")
    assert "def 4,105 – 2.00 × [1.95, 2.07] ✓ replicated 2.00 ×" in page.text
    assert len(page.all("table")) == len(page.all("caption"))
    assert {"col", "row", "rowgroup", "colgroup"} == {heading.get("scope") for heading in page.all("th")}
    assert 2 == len(page.all("svg"))
    assert 1 == len(page.all("details"))
    assert "! Unplugged. Plug it in." in page.text
    assert "lab compare quick --seed 20260301" in page.text
    assert "zh-Hant" in {quote.get("lang") for quote in page.all("blockquote")}
    assert "#more" in {link.get("href") for link in page.all("a")}
    assert "more" in {section.get("id") for section in page.all("section")}


def test_every_heading_can_be_linked_to() -> None:
    """By the section's own anchor, or one made of its title; no two are the same."""
    twice = [Section(title="The same!", blocks=(Paragraph("x"),)) for _ in range(2)]
    first, second = anchored(twice)
    page = Page(render(everything()))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    links = [link["href"] for link in page.all("a") if link.get("class") == "anchor"]

    assert isinstance(first, Section)
    assert isinstance(second, Section)
    assert ["the-same", "the-same-2"] == [first.anchor, second.anchor]
    assert len(set(ids)) == len(ids)
    assert {"#answer-1", "#more", "#drawn", "#signs"} == set(links)
    assert {link.removeprefix("#") for link in links} <= set(ids)


def test_code_and_options_are_set_as_code() -> None:
    """A line does not break inside them."""
    source = render(everything())

    assert "<code>async def</code>" in source
    assert "<code>--rounds 20</code>" in source


def test_what_cannot_be_drawn_is_told_in_figures() -> None:
    """The blocks that stand for the drawing take its place."""
    assert "Who serves the most" in Page(render(everything(drawing=None))).text
    assert "Who serves the most" not in Page(render(everything(drawing=DRAWING))).text


def test_hostile_text_stays_text() -> None:
    """Whatever a run file holds is shown, and nothing of it becomes an element, an attribute or a control."""
    source = render(everything(HOSTILE))
    page = Page(source)

    assert ["script"] == [tag for tag, _ in page.elements if tag in {"script", "img"}]
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert "<script>alert(1)</script> a | b # c [x](javascript:y)" in page.text
    assert "\x1b" not in source
    assert source == render(everything(HOSTILE))


def test_spans_take_their_tone_and_the_colour_of_their_label_by_class() -> None:
    """The class is the name of the state, with hyphens."""
    assert ".span.loop-created{--tone:var(--span-loop);--word:var(--paper)}" in spans_css()
    assert 2 == spans_css().count("--span-loop:#")
