"""Renders a document as one HTML file that needs nothing else: no network and no font. Its script only adds to it."""

from __future__ import annotations

import base64
import dataclasses
import functools
import hashlib
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import jinja2
from markupsafe import Markup, escape

from benchmarks.contenders.catalogue import FRAMEWORKS
from benchmarks.report import figures
from benchmarks.report.charts.canvas import Drawing
from benchmarks.report.charts.palette import ACCENT, COLOURS, SPANS, Colour, framework_colour
from benchmarks.report.document import Block, Column, Document, Row, Section, grouped, lead
from benchmarks.report.plain_text import one_line, spans

_TEMPLATES: Final = Path(__file__).parent.with_name("templates")
_OPTION: Final = re.compile(r"(?<![\w-])(--[a-z]+(?: (?:\d+|[a-z]+-[a-z]+@[a-z+]+))?)")


def render(document: Document) -> str:
    """Return the document as a page; its policy admits its own style sheet and script, by their hashes, alone."""
    style = palette_css() + (_TEMPLATES / "report.css").read_text(encoding="utf-8")
    template = _environment().get_template("document.html.j2")
    first, whole = lead(document.blocks), anchored(document.blocks)
    return template.render(
        document=document,
        first=first,
        others=whole[len(first) :],
        style=Markup(style),  # noqa: S704 (our own sheet)
        style_hash=_digest(style),
        script=Markup(_script()),  # noqa: S704 (our own script)
        script_hash=script_hash(),
    )


def script_hash() -> str:
    """Return by what a policy admits the script of a page."""
    return _digest(_script())


@functools.cache
def _script() -> str:
    return (_TEMPLATES / "report.js").read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}"


def anchored(blocks: Iterable[Block]) -> tuple[Block, ...]:
    """Return blocks whose sections all have an anchor of their own: that of the title, where they have no other."""
    return tuple(_anchored(blocks, set()))


def _anchored(blocks: Iterable[Block], taken: set[str]) -> Iterator[Block]:
    for block in blocks:
        if not isinstance(block, Section):
            yield block
            continue
        name = block.anchor or re.sub(r"[^a-z0-9]+", "-", block.title.lower()).strip("-") or "section"
        number = next(number for number in itertools.count(1) if _numbered(name, number) not in taken)
        taken.add(anchor := _numbered(name, number))
        yield dataclasses.replace(block, anchor=anchor, blocks=tuple(_anchored(block.blocks, taken)))


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name}-{number}"


def fragment(blocks: Iterable[Block], level: int) -> Markup:
    """Return blocks, with headings of this level, as a part of a page that has its own style sheet."""
    parts: Markup = _environment().get_template("blocks.html.j2").module.blocks_of(tuple(blocks), level)  # type: ignore[attr-defined] # a macro
    return parts


def palette_css() -> str:
    """Return the palette as variables, for light and dark, and classes for each chart colour and each framework."""
    classes = "".join(
        f".{kind}-{colour.name}{{{kind}:var(--{colour.name})}}" for colour in COLOURS for kind in ("fill", "stroke")
    )
    # What is about a framework has its id for a class, and inside of it `var(--hue)`.
    classes += "".join(f".{name}{{--hue:var(--{framework_colour(name).name})}}" for name in FRAMEWORKS)
    return f"{_variables((*COLOURS, ACCENT))}\n{classes}\n"


def spans_css() -> str:
    """Return the colours of a timeline's spans as variables, and for the class of each state its tone and its text."""
    colours = dict.fromkeys(look.colour for look in SPANS.values())
    classes = "".join(
        f".span.{state.replace(' ', '-')}{{--tone:var(--{look.colour.name});--word:var(--{look.text.name})}}"
        for state, look in SPANS.items()
    )
    return f"{_variables(colours)}\n{classes}\n"


def _variables(colours: Iterable[Colour]) -> str:
    colours = tuple(colours)
    light = "".join(f"--{colour.name}:{colour.light};" for colour in colours)
    dark = "".join(f"--{colour.name}:{colour.dark};" for colour in colours)
    # Paper is light, whatever the screen is.
    return f":root{{{light}}}@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}"


def standalone(drawing: Drawing, *, narrow: bool = False) -> str:
    """Return a drawing as a file of its own, which brings the page's colours with it."""
    style = f"{palette_css()}text{{font-family:system-ui,sans-serif}}svg{{background:var(--paper)}}"
    svg = drawing.narrow if narrow else drawing.wide
    return re.sub(r"(<svg[^>]*>)", rf"\1<style>{style}</style>", svg, count=1) + "\n"


@functools.cache
def _environment() -> jinja2.Environment:
    """Return what reads templates, which keeps them as it has compiled them."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # Whatever is written on the page is on one line and steers nothing; what is markup already has been made here.
        finalize=lambda value: one_line(value) if type(value) is str else value,
    )
    environment.filters |= {"prose": _prose, "words": words, "grouped": grouped, "runs": _runs}
    environment.globals |= {
        "figures": figures,
        "level": lambda rows: figures.level(row.estimate for row in rows),
        "headings": _headings,
    }
    return environment


def words(text: str, written: Callable[[str], Markup] = escape) -> Markup:
    """Set a text, with what stands between backticks as code, and the rest as it is written."""
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if code else written(part) for part, code in spans(text)
    )


def _prose(text: str) -> Markup:
    """Set a sentence; command-line options are code too, which also keeps a line from breaking inside them."""
    return words(text, lambda part: Markup(_OPTION.sub(r"<code>\1</code>", str(escape(part)))))  # noqa: S704 (escaped)


def _runs(rows: Iterable[Row]) -> list[tuple[str, list[Row]]]:
    """Return rows by their group, as they follow one another."""
    return [(group, list(those)) for group, those in itertools.groupby(rows, lambda row: row.group)]


def _headings(columns: Sequence[Column]) -> list[tuple[str, list[Column]]]:
    """Return columns by the heading above them; one without such a heading stands alone."""
    runs = itertools.groupby(columns, lambda column: column.group or id(column))
    return [(those[0].group, those) for those in (list(run) for _, run in runs)]
