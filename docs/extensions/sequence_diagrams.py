"""Draws the pages' ``mermaid`` sequence diagrams as SVG, while the handbook is built.

GitHub draws them in the browser, by a script from elsewhere. A room without internet has none, so they are drawn here:
the part of the language that the pages use. The rest is an error, which fails ``make docs``.
"""

from __future__ import annotations

import html
import re
import textwrap
from dataclasses import dataclass, field
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

# Pixels of the drawing: three lanes are as wide as the handbook's text, and it never gets smaller than its text allows.
_LANE, _MARGIN, _FONT, _LINE_PX, _HEAD, _GAP = 240, 10, 15, 19, 40, 10
_CHARACTER = 0.54 * _FONT
_SMALLEST_FONT_PX = 14
_LINE = re.compile(
    r"participant (?P<key>\w+) as (?P<name>.+)"
    r"|(?P<source>\w+)(?P<arrow>-?->>)(?P<target>\w+): (?P<message>.+)"
    r"|Note over (?P<over>\w+): (?P<note>.+)"
    r"|opt (?P<opt>.+)|(?P<end>end)"
)


class DiagramError(ValueError):
    """A line is none that this draws; the message quotes it."""


@dataclass
class Diagram:
    """A sequence diagram, read.

    Attributes:
        names: What stands above each lane, by its key, from left to right.
        steps: What happens, from top to bottom: the named parts of one line each.
    """

    names: dict[str, str] = field(default_factory=dict)
    steps: list[dict[str, str]] = field(default_factory=list)


def read(source: str) -> Diagram:
    """Read a diagram.

    Args:
        source: Its lines, as mermaid writes them.
    Raises:
        DiagramError: It has something that is not drawn here, or names a lane that it does not have.
    """
    first, *lines = [line.strip() for line in source.strip().splitlines()]
    if first != "sequenceDiagram":
        raise DiagramError(f"Only a sequenceDiagram is drawn here, not {first!r}.")
    diagram = Diagram()
    for line in lines:
        match = _LINE.fullmatch(line)
        if match is None:
            raise DiagramError(f"This line is not drawn here: {line!r}. See docs/extensions/sequence_diagrams.py.")
        parts = {name: part for name, part in match.groupdict().items() if part is not None}
        if "key" in parts:
            diagram.names[parts["key"]] = parts["name"]
            continue
        strangers = {parts[part] for part in ("source", "target", "over") if part in parts} - diagram.names.keys()
        if strangers:
            raise DiagramError(f"{line!r} names {', '.join(sorted(strangers))}, which is no participant above it.")
        diagram.steps.append(parts)
    return diagram


def in_words(diagram: Diagram) -> str:
    """Return what a diagram shows as one line of text, for those who do not see it."""
    told = []
    for step in diagram.steps:
        if "arrow" in step:
            told.append(f"{diagram.names[step['source']]} to {diagram.names[step['target']]}: {step['message']}")
        elif "note" in step:
            told.append(f"{diagram.names[step['over']]}: {step['note']}")
        elif "opt" in step:
            told.append(f"where there are any, {step['opt']}")
    return "; ".join(told) + "."


def draw(diagram: Diagram) -> str:
    """Return a diagram as SVG, in the colour of the text around it, so that it reads in light and dark.

    Long texts take several lines. A page too narrow for legible text scrolls the drawing inside its own frame, which a
    keyboard reaches.
    """
    middles = {key: _LANE * (lane + 0.5) for lane, key in enumerate(diagram.names)}
    width = _LANE * len(diagram.names)
    parts: list[str] = []
    opened: list[float] = []
    top = float(_HEAD)
    for step in diagram.steps:
        if "arrow" in step:
            start, end = middles[step["source"]], middles[step["target"]]
            lines = _wrapped(step["message"], abs(end - start) - 24)
            y = top + _GAP + _LINE_PX * len(lines) + 4
            parts.append(_arrow(start, end, y, "5 4" if step["arrow"] == "-->>" else ""))
            parts.append(_text((start + end) / 2, top + _GAP, lines))
            top = y
        elif "note" in step:
            lines = _wrapped(step["note"], _LANE - 36)
            parts.append(_box(middles[step["over"]], top + _GAP, lines))
            top += _GAP + _box_px(lines)
        elif "opt" in step:
            opened.append(top + _GAP / 2)
            parts.append(_text(12, top + _GAP, [f"where there are any: {step['opt']}"], "start"))
            top += _GAP + _LINE_PX
        else:
            begin, top = opened.pop(), top + _GAP
            parts.append(
                f'<rect x="2" y="{begin:g}" width="{width - 4}" height="{top - begin:g}" rx="4" opacity="0.5"/>'
            )
    heads = []
    for key, name in diagram.names.items():
        lane = _line(middles[key], _HEAD - 8, middles[key], top + _GAP, "2 4")
        heads += [lane, _box(middles[key], 2, _wrapped(name, _LANE - 36), bold=True)]
    across, told = width + 2 * _MARGIN, html.escape(in_words(diagram))
    lanes = html.escape(", ".join(diagram.names.values()))
    least = round(across * _SMALLEST_FONT_PX / _FONT)
    return (
        f'<div class="diagram" role="region" aria-label="Diagram of {lanes}" tabindex="0" style="overflow-x: auto">'
        f'<svg class="sequence-diagram" role="img" aria-label="{told}" '
        f'viewBox="{-_MARGIN} 0 {across} {top + _GAP + 2:g}" '
        f'style="display: block; width: 100%; min-width: {least}px; max-width: {round(1.15 * across)}px" '
        f'font-size="{_FONT}" fill="none" stroke="currentColor" xmlns="http://www.w3.org/2000/svg">'
        f"{''.join([*heads, *parts])}</svg></div>"
    )


def _wrapped(words: str, room: float) -> list[str]:
    return textwrap.wrap(words, max(10, int(room / _CHARACTER)), break_long_words=False) or [""]


def _text(x: float, top: float, lines: list[str], anchor: str = "middle", *, bold: bool = False) -> str:
    """Write lines below one another, the first of them below ``top``."""
    weight = ' font-weight="600"' if bold else ""
    opened = f'<text text-anchor="{anchor}" fill="currentColor" stroke="none"{weight}>'
    spans = (
        f'<tspan x="{x:g}" y="{top + _LINE_PX * number + _FONT - 1:g}">{html.escape(line)}</tspan>'
        for number, line in enumerate(lines)
    )
    return f"{opened}{''.join(spans)}</text>"


def _line(x1: float, y1: float, x2: float, y2: float, dashes: str = "") -> str:
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}"{dashed}/>'


def _box_px(lines: list[str]) -> float:
    return _LINE_PX * len(lines) + 10


def _box(middle: float, top: float, lines: list[str], *, bold: bool = False) -> str:
    width = min(_LANE - 12, max(map(len, lines)) * _CHARACTER * (1.08 if bold else 1) + 24)
    box = f'<rect x="{middle - width / 2:g}" y="{top:g}" width="{width:g}" height="{_box_px(lines):g}" rx="4"'
    style = 'style="fill: var(--color-background-primary, white)"'
    return f"{box} {style}/>{_text(middle, top + 5, lines, bold=bold)}"


def _arrow(start: float, end: float, y: float, dashes: str) -> str:
    back = 8 if end < start else -8
    head = f'<path d="M{end + back:g} {y - 5:g} L{end:g} {y:g} L{end + back:g} {y + 5:g}"/>'
    return _line(start, y, end, y, dashes) + head


class Mermaid(SphinxDirective):
    """``mermaid``: a sequence diagram, drawn."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the drawing; what cannot be drawn is an error at its line."""
        try:
            svg = draw(read("\n".join(self.content)))
        except DiagramError as error:
            raise self.error(str(error)) from error
        return [nodes.raw("", svg, format="html")]


def setup(app: Sphinx) -> dict[str, Any]:
    """Make the directive known to Sphinx."""
    app.add_directive("mermaid", Mermaid)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
