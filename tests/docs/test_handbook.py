"""The handbook as it is built: without a warning, without a network, and ready to be translated."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.docs.conftest import Build

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [page.relative_to(DOCS).with_suffix("") for page in sorted(DOCS.rglob("*.md"))]
LESSON = "lessons/1-a-health-check-and-its-contract"  # it links to no other page, so it can be built alone


def test_every_page_is_built_and_in_the_navigation(handbook: Path) -> None:
    """Whoever opens the first page finds all others at its side."""
    index = (handbook / "index.html").read_text(encoding="utf-8")
    sidebar = index[index.index('class="sidebar-tree"') : index.index("</aside>")]

    assert [] == [str(page) for page in PAGES if not (handbook / f"{page}.html").is_file()]
    others = [page for page in PAGES if str(page) != "index"]
    assert [] == [str(page) for page in others if f'href="{page}.html"' not in sidebar]


def test_pages_ask_no_other_host(handbook: Path) -> None:
    """In a room without internet they look the same."""
    asked = {
        address
        for page in handbook.rglob("*.html")
        for tag in re.findall(r"<(?:script|link|img|iframe|source)\b[^>]*>", page.read_text(encoding="utf-8"))
        for address in re.findall(r"(?:src|href|srcset)=\"((?:https?:)?//[^\"]+)", tag)
    }
    styles = [sheet.read_text(encoding="utf-8") for sheet in handbook.rglob("*.css")]

    assert set() == asked
    assert [] == [
        address for sheet in styles for address in re.findall(r"(?:url\(|@import )[\"']?(https?:[^)\"']+)", sheet)
    ]


def test_every_picture_is_made_by_a_script_and_shown() -> None:
    """None shows what nobody can take again, and none is taken for nobody."""
    images = DOCS / "images"
    made = {runpy.run_path(str(images / "report_screen.py"))["PICTURE"]}
    made |= set(runpy.run_path(str(images / "live_screens.py"))["PICTURES"])
    made |= {runpy.run_path(str(images / "map_screen.py"))["PICTURES"][name] for name in ("projector", "phone")}
    for drawn in ("field_page.py", "lesson_figures.py"):
        script = runpy.run_path(str(images / drawn))
        made |= {*script["PICTURES"].values(), *script["PHONES"].values()}
    pages = [ROOT / "README.md", *DOCS.rglob("*.md")]
    shown = {
        (page.parent / target).resolve()
        for page in pages
        for target in re.findall(r"!\[[^\]]*\]\(([^)]+\.(?:png|svg))\)", page.read_text(encoding="utf-8"))
    }
    # The handbook shows it in the other's place where it is narrow.
    shown |= {phone for phone in images.glob("*-phone.svg") if phone.with_stem(phone.stem[: -len("-phone")]) in shown}

    assert {*images.glob("*.png"), *images.glob("*.svg")} == made == shown


@pytest.mark.usefixtures("undrawn")
def test_the_figures_of_the_lessons_say_what_their_pages_quote() -> None:
    """Each is drawn, at both sizes, from the figures that its page has today."""
    script = runpy.run_path(str(DOCS / "images" / "lesson_figures.py"))

    for name, drawing in script["drawings"]().items():
        for picture in (script["PICTURES"][name], script["PHONES"][name]):
            title, description = (
                element.text
                for kind in ("title", "desc")
                if (element := ET.parse(picture).find(f"{{http://www.w3.org/2000/svg}}{kind}")) is not None  # noqa: S314 (ours)
            )
            assert (drawing.title, drawing.description) == (title, description)


@pytest.mark.parametrize("lesson", sorted((DOCS / "lessons").glob("[1-8t]*.md")), ids=lambda lesson: lesson.stem)
def test_each_lesson_has_a_picture_and_no_drawing_of_letters(lesson: Path) -> None:
    """What is drawn is a picture or a diagram; text blocks are outputs."""
    text = lesson.read_text(encoding="utf-8")

    assert re.search(r"!\[[^\]]+\]\([^)]+\.svg\)|^```mermaid$", text, flags=re.MULTILINE)
    assert [] == re.findall(r"^.*(?:\|?-{5,}\||-●-|\|-{5,}).*$", text, flags=re.MULTILINE)


def test_the_page_of_the_field_says_what_its_run_says() -> None:
    """Its figures come from the run that is kept, as it is judged today."""
    script = runpy.run_path(str(DOCS / "images" / "field_page.py"))
    (written,) = script["WRITTEN"].findall(script["PAGE"].read_text(encoding="utf-8"))

    assert script["figures"](script["kept"]()) == written.strip()


@pytest.mark.parametrize("lesson", ["6-when", "7-three-bridges"])
def test_a_lesson_quotes_the_field_as_its_page_has_it(lesson: str) -> None:
    """Each ratio in a lesson's tables is one of the page's."""
    page = (DOCS / "explanation" / "the-field.md").read_text(encoding="utf-8")
    text = (DOCS / "lessons" / f"{lesson}.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    quoted = {ratio for row in rows for ratio in re.findall(r"[\d.]+ × \[[\d., ]+\]", row)}

    assert quoted
    assert set() == {ratio for ratio in quoted if ratio not in page}


def test_diagrams_are_drawn_and_told_in_words(handbook: Path) -> None:
    """No script draws them in the browser, and who does not see them hears what they show."""
    page = (handbook / "explanation" / "bridges.html").read_text(encoding="utf-8")

    assert 3 == page.count('class="sequence-diagram" role="img"')
    assert "Worker thread to New thread, new loop: start a thread with an event loop" in page


def test_links_to_code_lead_to_copies(handbook: Path) -> None:
    """A room without internet can follow them too."""
    page = (handbook / "explanation" / "bridges.html").read_text(encoding="utf-8")
    (link,) = re.findall(r'href="([^"]+flask_internals\.py)"', page)

    assert (handbook / "explanation" / link).is_file()


def test_what_does_not_hold_fails_the_build(tmp_path: Path, build: Build) -> None:
    """The message says what, and Sphinx says where."""
    faults = {
        "[nowhere](gone.md)": "gone.md",
        "[there](#not-there)": "not-there",
        "```mermaid\npie title Half\n```": "Only a sequenceDiagram is drawn here",
        "```mermaid\nsequenceDiagram\nA->>B: hello\n```": "names A, B, which is no participant above it",
        "```mermaid\nsequenceDiagram\nloop for ever\n```": "This line is not drawn here: 'loop for ever'",
    }
    (tmp_path / "index.md").write_text("# A page\n\n" + "\n\n".join(faults), encoding="utf-8")
    built = build(tmp_path, tmp_path / "out", "--conf-dir", str(DOCS))

    assert 0 != built.returncode
    assert [] == [message for message in faults.values() if message not in built.stderr]


def test_a_translation_can_follow(tmp_path: Path, build: Build) -> None:
    """Catalogues are written, one a page; what a translator fills in stands in the page, and the rest stays English."""
    lesson = tmp_path / "docs" / f"{LESSON}.md"
    lesson.parent.mkdir(parents=True)
    lesson.write_text((DOCS / f"{LESSON}.md").read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "docs" / "index.md").write_text(f"# A page\n\n```{{toctree}}\n{LESSON}\n```\n", encoding="utf-8")
    configured = ("--conf-dir", str(DOCS))

    catalogues = build(tmp_path / "docs", tmp_path / "catalogues", *configured, "--builder", "gettext")
    assert "" == catalogues.stderr
    catalogue = (tmp_path / "catalogues" / f"{LESSON}.pot").read_text(encoding="utf-8")

    translated = tmp_path / "locales" / "zh_TW" / "LC_MESSAGES" / f"{LESSON}.po"
    translated.parent.mkdir(parents=True)
    for english, chinese in (("Key points", "重點"), ("What came out for 5000", "5000 的結果")):
        assert f'msgid "{english}"\nmsgstr ""\n' in catalogue
        catalogue = catalogue.replace(f'msgid "{english}"\nmsgstr ""', f'msgid "{english}"\nmsgstr "{chinese}"')
    translated.write_text(catalogue, encoding="utf-8")
    language = ("--define", "language=zh_TW", "--define", f"locale_dirs={tmp_path / 'locales'}")
    build(tmp_path / "docs", tmp_path / "out", *configured, *language)

    page = (tmp_path / "out" / f"{LESSON}.html").read_text(encoding="utf-8")
    assert "重點" in page
    assert re.search("<summary[^>]*>5000 的結果</summary>", page)
    assert "For the teacher" in page
