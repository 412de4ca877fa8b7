"""Paints a chart twice, for a wide page and for a phone, as SVG that takes colours, fonts and ids from the page."""

from __future__ import annotations

import io
import re
import warnings
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal
from xml.etree import ElementTree as ET

from benchmarks.report.charts.palette import COLOURS, GRID, INK, MUTED, PAPER
from benchmarks.report.plain_text import one_line, shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Sans-serif text is about this wide, in units of its size; matplotlib's own font, which lays out, is the wider one.
_CHARACTER_EM: Final = 0.56
_LONGEST: Final = 20_000
"""Of a text alternative, which has all the data."""

_SVG: Final = "http://www.w3.org/2000/svg"
_XLINK_HREF: Final = "{http://www.w3.org/1999/xlink}href"
_CLASS_BY_COLOUR: Final = {colour.light: colour.name for colour in COLOURS}
_REFERENCE: Final = re.compile(r"url\(#([^)]+)\)")
_NO_METADATA: Final = dict.fromkeys(("Creator", "Date", "Format", "Type"))


@dataclass(frozen=True, slots=True)
class Layout:
    """The room that a chart has; lengths are CSS pixels at the size that it is meant to be seen in.

    Attributes:
        name: ``wide`` for a projector or a desk, ``narrow`` for a phone.
        width_px: Of the drawing.
        font_px: Of its text.
        row_px: Height of one line of a chart that is made of lines.
    """

    name: Literal["wide", "narrow"]
    width_px: float
    font_px: float
    row_px: float

    @property
    def is_narrow(self) -> bool:
        """Whether labels go above what they name, there being no room beside it."""
        return self.name == "narrow"

    def text_px(self, text: str) -> float:
        """Estimate how wide a text is."""
        return len(text) * self.font_px * _CHARACTER_EM

    def fit(self, text: str, width_px: float) -> str:
        """Shorten a text to a width."""
        return shorten(text, max(4, int(width_px / (self.font_px * _CHARACTER_EM))))


WIDE: Final = Layout("wide", 920, 17, 30)
NARROW: Final = Layout("narrow", 350, 12.5, 22)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A chart, ready to be put into a page.

    Attributes:
        name: Unique on the page, for example ``ratio-health``.
        title: What it shows, in a line.
        description: Its data, in words.
        wide: SVG for a projector or a desk.
        narrow: SVG for a phone.
    """

    name: str
    title: str
    description: str
    wide: str
    narrow: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A figure under way, and its layout."""

    figure: Figure
    layout: Layout
    height_px: float

    def axes(self, *, left: float, top: float, width: float, height: float) -> Axes:
        """Add bare axes at a place given in pixels from the top left corner; tick labels go below it."""
        axes = self.figure.add_axes(
            (
                left / self.layout.width_px,
                1 - (top + height) / self.height_px,
                width / self.layout.width_px,
                height / self.height_px,
            )
        )
        axes.set_facecolor("none")
        for spine in axes.spines.values():
            spine.set_visible(False)
        axes.tick_params(length=0, labelcolor=MUTED.light, pad=5)
        return axes

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        colour: str = INK.light,
        anchor: Literal["left", "center", "right"] = "left",
        bold: bool = False,
        over_lines: bool = False,
    ) -> None:
        """Write a text whose middle line is ``y`` pixels below the top; ``over_lines`` keeps lines from crossing it."""
        self.figure.text(
            x / self.layout.width_px,
            1 - y / self.height_px,
            one_line(text),
            color=colour,
            ha=anchor,
            va="center_baseline",
            fontweight="bold" if bold else "normal",
            bbox={"facecolor": PAPER.light, "edgecolor": "none", "pad": 1.5} if over_lines else None,
        )


def draw(
    kind: str,
    workload: str,
    title: str,
    description: str,
    *,
    height: Callable[[Layout], float],
    paint: Callable[[Sheet], None],
) -> Drawing:
    """Paint a chart in each layout.

    Args:
        kind: What is charted, in a word; one chart of a kind for each workload.
        workload: Whose it is.
        title: What the chart shows.
        description: Its data, in words: the text alternative.
        height: Gives the height in pixels that the chart needs in a layout.
        paint: Paints it.
    """
    name, title, description = f"{kind}-{_identifier(workload)}", one_line(title), one_line(description, _LONGEST)

    def drawing(layout: Layout) -> str:
        own_name = f"{name}-{layout.name}"
        return _domesticate(_svg(own_name, layout, height(layout), paint), own_name, title, description)

    return Drawing(name=name, title=title, description=description, wide=drawing(WIDE), narrow=drawing(NARROW))


def _svg(name: str, layout: Layout, height_px: float, paint: Callable[[Sheet], None]) -> str:
    """Paint a chart in one layout, and return it as a document of SVG."""
    # They take a second to import, and few commands draw.
    import matplotlib as mpl  # noqa: PLC0415
    from matplotlib.backends.backend_svg import FigureCanvasSVG  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    buffer = io.StringIO()
    with mpl.rc_context(), warnings.catch_warnings():
        mpl.rcParams["svg.fonttype"] = "none"  # text stays text: read aloud, searched, and set in the page's font
        mpl.rcParams["svg.hashsalt"] = name  # the same drawing each time
        mpl.rcParams["text.parse_math"] = False  # a dollar in a name is a dollar
        mpl.rcParams["font.size"] = layout.font_px
        mpl.rcParams["font.family"] = ["DejaVu Sans"]  # comes with matplotlib, so the layout is the same everywhere
        # A glyph that the layout's font lacks is drawn by the browser's.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        # A point is 1/72 inch: at 72 dots an inch the SVG's units are the caller's pixels.
        figure = Figure(figsize=(layout.width_px / 72, height_px / 72), dpi=72, facecolor="none")
        FigureCanvasSVG(figure)
        paint(Sheet(figure=figure, layout=layout, height_px=height_px))
        figure.savefig(buffer, format="svg", metadata=_NO_METADATA, facecolor="none")
    return buffer.getvalue()


def _domesticate(svg: str, name: str, title: str, description: str) -> str:
    """Make a standalone SVG part of a page: no prolog, size, style or id that could reach beyond it."""
    root = ET.fromstring(svg)  # noqa: S314 (our own drawing, made a moment ago)
    _drop_metadata_and_styles(root)
    referenced = set(_references(root))
    for element in root.iter():
        _style_to_attributes(element)
        _own_ids(element, name, referenced)
    for size in ("width", "height", "version"):
        root.attrib.pop(size, None)
    root.attrib |= {
        "class": "chart",
        "role": "img",
        "aria-labelledby": f"{name}-title {name}-description",
        "stroke-linejoin": "round",
    }
    for position, (tag, text) in enumerate((("title", title), ("desc", description))):
        element = ET.Element(f"{{{_SVG}}}{tag}", {"id": f"{name}-{'title' if tag == 'title' else 'description'}"})
        element.text = text
        root.insert(position, element)
    ET.register_namespace("", _SVG)
    return ET.tostring(root, encoding="unicode")


def _drop_metadata_and_styles(root: ET.Element) -> None:
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in {f"{{{_SVG}}}metadata", f"{{{_SVG}}}style"}:
                parent.remove(child)


def _references(root: ET.Element) -> Iterator[str]:
    for element in root.iter():
        for value in element.attrib.values():
            yield from _REFERENCE.findall(value)
        if target := element.get(_XLINK_HREF):
            yield target.removeprefix("#")


def _own_ids(element: ET.Element, name: str, referenced: set[str]) -> None:
    """Drop ids that nothing refers to, and make the others unique on a page of several charts."""
    identifier = element.attrib.pop("id", None)
    if identifier in referenced:
        element.set("id", f"{name}-{identifier}")
    if target := element.attrib.pop(_XLINK_HREF, None):
        element.set("href", f"#{name}-{target.removeprefix('#')}")
    for key, value in element.attrib.items():
        element.set(key, _REFERENCE.sub(rf"url(#{name}-\1)", value))


def _style_to_attributes(element: ET.Element) -> None:
    """Turn a style attribute, which the page's policy forbids, into attributes, and colours into the page's classes."""
    declarations = element.attrib.pop("style", "")
    classes = []
    for declaration in filter(None, (part.strip() for part in declarations.split(";"))):
        key, _, value = (part.strip() for part in declaration.partition(":"))
        if key == "font-family":
            continue
        if key in {"fill", "stroke"} and value in _CLASS_BY_COLOUR:
            classes.append(f"{key}-{_CLASS_BY_COLOUR[value]}")
        else:
            element.set(key, value.removesuffix("px") if key == "font-size" else value)
    if classes:
        element.set("class", " ".join(classes))
    if element.get("transform", "").startswith("rotate(-0 "):
        del element.attrib["transform"]


def _identifier(workload: str) -> str:
    """Make an id of a workload's name: the name, or what is left of it with a checksum that keeps two such apart."""
    kept = re.sub(r"[^a-z0-9]+", "-", workload.lower())
    return kept if kept == workload else f"{kept}-{zlib.crc32(workload.encode('utf-8', 'replace')):08x}"


def gridline(axes: Axes, x: float) -> None:
    """Draw a thin vertical line behind the data."""
    axes.axvline(x, color=GRID.light, linewidth=1, zorder=0)
