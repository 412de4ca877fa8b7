"""Draws the pages' ``mermaid`` sequence diagrams as SVG, while the handbook is built.

GitHub draws them in the browser, by a script from elsewhere. A room without internet has none, so they are drawn here:
the part of the language that the pages use. The rest is an error, which fails ``make docs``.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

_LANE, _MARGIN, _STEP, _HEAD, _CHARACTER = 300, 40, 44, 46, 7.2  # pixels of the drawing, which scales
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
    """Return a diagram as SVG, in the colour of the text around it, so that it reads in light and dark."""
    middles = {key: _LANE * (lane + 0.5) for lane, key in enumerate(diagram.names)}
    width = _LANE * len(diagram.names)
    height = _HEAD + _STEP * len(diagram.steps) + 16
    parts = [
        (
            f'<svg class="sequence-diagram" role="img" aria-label="{html.escape(in_words(diagram))}" '
            f'viewBox="{-_MARGIN} 0 {width + 2 * _MARGIN} {height}" style="width: 100%" font-size="13" fill="none" '
            'stroke="currentColor" xmlns="http://www.w3.org/2000/svg">'
        )
    ]
    for key, name in diagram.names.items():
        parts += [_box(middles[key], 4, name, _LANE - 60), _line(middles[key], _HEAD - 12, middles[key], height, "2 4")]
    opened: list[int] = []
    for number, step in enumerate(diagram.steps):
        top = _HEAD + _STEP * number
        if "arrow" in step:
            parts.append(_arrow(middles[step["source"]], middles[step["target"]], top + 30, step))
        elif "note" in step:
            parts.append(_box(middles[step["over"]], top + 6, step["note"], len(step["note"]) * _CHARACTER + 16))
        elif "opt" in step:
            opened.append(top)
            parts.append(_text(12, top + 22, f"where there are any: {step['opt']}", "start"))
        else:
            begin = opened.pop()
            parts.append(
                f'<rect x="0" y="{begin + 4}" width="{width}" height="{top - begin + 10}" rx="4" opacity="0.4"/>'
            )
    return "".join([*parts, "</svg>"])


def _text(x: float, y: float, words: str, anchor: str = "middle") -> str:
    opened = f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" fill="currentColor" stroke="none">'
    return f"{opened}{html.escape(words)}</text>"


def _line(x1: float, y1: float, x2: float, y2: float, dashes: str = "") -> str:
    dashed = f' stroke-dasharray="{dashes}" opacity="0.6"' if dashes else ""
    return f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}"{dashed}/>'


def _box(middle: float, top: float, words: str, width: float) -> str:
    box = f'<rect x="{middle - width / 2:g}" y="{top:g}" width="{width:g}" height="28" rx="4"'
    return f'{box} style="fill: var(--color-background-primary, white)"/>{_text(middle, top + 18, words)}'


def _arrow(start: float, end: float, y: float, step: dict[str, str]) -> str:
    back = 7 if end < start else -7
    head = f'<path d="M{end + back:g} {y - 4:g} L{end:g} {y:g} L{end + back:g} {y + 4:g}"/>'
    dashes = "5 4" if step["arrow"] == "-->>" else ""
    return _line(start, y, end, y, dashes) + head + _text((start + end) / 2, y - 7, step["message"])


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
