"""Paints a chart twice, for a wide page and for a phone, as SVG that takes colours, fonts and ids from the page."""

from __future__ import annotations

import io
import re
import warnings
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal
from xml.etree import ElementTree as ET

from benchmarks.judge.comparison import equal_band
from benchmarks.judge.judgement import Estimate
from benchmarks.report.charts.palette import BAND, COLOURS, GRID, INK, MUTED, PAPER
from benchmarks.report.figures import is_faint
from benchmarks.report.plain_text import one_line, shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Sans-serif text is about this wide, in units of its size; matplotlib's own font, which lays out, is the wider one.
_CHARACTER_EM: Final = 0.56
_BOLD_EM: Final = 0.62
_LONGEST: Final = 20_000
"""Of a text alternative, which has all the data."""

_SVG: Final = "{http://www.w3.org/2000/svg}"
_WITH_TEXT: Final = frozenset(f"{_SVG}{tag}" for tag in ("title", "desc", "text", "tspan"))
_XLINK_HREF: Final = "{http://www.w3.org/1999/xlink}href"
_CLASS_BY_COLOUR: Final = {colour.light: colour.name for colour in COLOURS}
_NO_METADATA: Final = dict.fromkeys(("Creator", "Date", "Format", "Type"))
_WHOLE: Final = "whole text: "
"""Begins the id of a text on its way through matplotlib; what follows becomes the text's title."""

_SHOWN: Final = "shown as "
"""Begins the id of what a pointer can rest on, on the same way: its class, the number of its row, and its title."""

_DECIMAL: Final = re.compile(r"-?\d+\.\d+")
_PLACES: Final = ("d", "x", "y", "points", "transform")
_FAINT: Final = 0.4

_ENDLESS: Final = 1e6
_ON_PAPER: Final = {"facecolor": PAPER.light, "edgecolor": "none", "pad": 1}

REFERENCE: Final[Mapping[str, Any]] = {"color": MUTED.light, "linewidth": 2, "linestyle": (0, (3, 2)), "zorder": 2}
"""Style of a line that bars or marks are compared with."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The room that a chart has; lengths are CSS pixels at the size that it is meant to be seen in.

    Attributes:
        is_narrow: Whether it is for a phone: labels go above what they name, there being no room beside it.
        width_px: Of the drawing.
        font_px: Of its text.
        row_px: Height of one line of a chart that is made of lines.
    """

    is_narrow: bool
    width_px: float
    font_px: float
    row_px: float

    def text_px(self, text: str, *, bold: bool = False) -> float:
        """Estimate how wide a text is."""
        return len(text) * self.font_px * (_BOLD_EM if bold else _CHARACTER_EM)


WIDE: Final = Layout(False, 920, 17, 30)
NARROW: Final = Layout(True, 350, 12.5, 22)
SMALL: Final = Layout(True, 410, 13, 22)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A chart, ready to be put into a page.

    Attributes:
        name: Unique on the page, for example ``ratio-health``.
        title: What it shows, in a line.
        description: Its data, in words.
        wide: SVG for a projector or a desk.
        narrow: SVG for a phone; the same where the chart is small.
    """

    name: str
    title: str
    description: str
    wide: str
    narrow: str


@dataclass(frozen=True, slots=True)
class Scale:
    """One direction of a chart's axes.

    Attributes:
        low: Value at the left end, or below.
        high: Value at the right end, or above.
        ticks: What is written at which value.
        is_log: Whether it is logarithmic.
        has_lines: Whether a thin line behind the data shows where each tick is.
    """

    low: float
    high: float
    ticks: Mapping[float, str] = field(default_factory=dict)
    is_log: bool = False
    has_lines: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A figure under way, and its layout."""

    figure: Figure
    layout: Layout
    height_px: float

    def axes(self, x: Scale, y: Scale, *, left: float, top: float, width: float, height: float) -> Axes:
        """Add axes at a place given in pixels from the top left corner; tick labels go below it."""
        across, down = self.layout.width_px, self.height_px
        axes = self.figure.add_axes((left / across, 1 - (top + height) / down, width / across, height / down))
        axes.set_facecolor("none")
        for spine in axes.spines.values():
            spine.set_visible(False)
        axes.tick_params(length=0, labelcolor=MUTED.light, pad=5)
        axes.set(xscale="log" if x.is_log else "linear", yscale="log" if y.is_log else "linear")
        axes.set(xlim=(x.low, x.high), ylim=(y.low, y.high))
        for scale, axis, line in ((x, axes.xaxis, axes.axvline), (y, axes.yaxis, axes.axhline)):
            axis.set_ticks(list(scale.ticks), labels=list(scale.ticks.values()))
            axis.set_ticks([], minor=True)
            for tick in scale.ticks if scale.has_lines else ():
                line(tick, color=GRID.light, linewidth=1, zorder=0)
        return axes

    def line(self, x: float, top: float, bottom: float) -> None:
        """Draw an upright line at a place given in pixels from the top left corner."""
        from matplotlib.lines import Line2D  # noqa: PLC0415 (see _svg)

        ends = [1 - y / self.height_px for y in (top, bottom)]
        across = [x / self.layout.width_px] * 2
        self.figure.add_artist(Line2D(across, ends, color=MUTED.light, linewidth=2, solid_capstyle="butt"))

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
        room_px: float | None = None,
        hint: str = "",
    ) -> None:
        """Write a text whose middle line is ``y`` pixels below the top.

        ``over_lines`` keeps lines from crossing it. What does not fit into ``room_px`` is shortened; a pointer that
        rests on it shows the whole, and the hint.
        """
        shown = whole = one_line(text)
        if room_px is not None:
            shown = shorten(whole, max(4, int(room_px / self.layout.text_px(" ", bold=bold))))
        title = "; ".join(filter(None, ("" if shown == whole else whole, one_line(hint))))
        self.figure.text(
            x / self.layout.width_px,
            1 - y / self.height_px,
            shown,
            color=colour,
            ha=anchor,
            va="center_baseline",
            fontweight="bold" if bold else "normal",
            bbox=_ON_PAPER if over_lines else None,
            gid=f"{_WHOLE}{title}" if title else None,
        )


def shown_as(kind: str, row: int, title: str) -> str:
    """Return the id of a shape that a pointer can rest on: of a class of this name, in a row, with a title."""
    return f"{_SHOWN}{kind} {row} {one_line(title)}"


def label(
    axes: Axes,
    text: str,
    place: tuple[float, float],
    offset_px: tuple[float, float] = (0, 0),
    *,
    colour: str = INK.light,
    anchor: Literal["left", "center", "right"] = "left",
    over_lines: bool = False,
    **style: Any,
) -> None:
    """Write a text beside a place of the data; ``over_lines`` keeps lines from crossing it."""
    style = {"va": "center_baseline", "ha": anchor, "bbox": _ON_PAPER if over_lines else None, **style}
    axes.annotate(text, place, xytext=offset_px, textcoords="offset points", color=colour, **style)


def interval(  # noqa: PLR0917 (what is drawn, then how)
    axes: Axes,
    estimate: Estimate,
    place: float,
    layout: Layout,
    colour: str,
    weight: float,
    mark: str,
    *,
    is_hollow: bool = False,
    upright: bool = False,
    gid: str | None = None,
) -> None:
    """Draw a measured value as a mark, and its interval as a line with ends; a heavier line has a larger mark.

    Values lie along x, or along y if the interval is upright, at a place of the other direction. What rests on too few
    rounds is faint. The mark has the ``gid``, see ``shown_as``.
    """
    value, error = estimate.value, None
    if estimate.low is not None and estimate.high is not None:
        # Two rounds that differ wildly have an interval without end, which a logarithmic scale cannot place.
        error = [[value - max(estimate.low, value / _ENDLESS)], [min(estimate.high, value * _ENDLESS) - value]]
    x, y = (place, value) if upright else (value, place)
    drawn = axes.errorbar(
        [x],
        [y],
        xerr=None if upright else error,
        yerr=error if upright else None,
        fmt=mark,
        markersize=layout.font_px * (0.5 if weight > 2 else 0.38),
        markerfacecolor=PAPER.light if is_hollow else colour,
        color=colour,
        elinewidth=weight,
        capsize=layout.font_px * 0.36,
        capthick=weight,
        zorder=4,
        alpha=_FAINT if is_faint(estimate) else None,
    )
    drawn.lines[0].set_gid(gid)


def around_one(axes: Axes, margin: float, *, upright: bool = False) -> None:
    """Draw the line at a ratio of 1, and the band of what counts as equal; ratios lie along y if upright."""
    line, span = (axes.axhline, axes.axhspan) if upright else (axes.axvline, axes.axvspan)
    span(*equal_band(margin), color=BAND.light, linewidth=0, zorder=0)
    line(1, color=INK.light, linewidth=1.5, zorder=1)


def draw(
    kind: str,
    workload: str,
    title: str,
    description: str,
    *,
    height: Callable[[Layout], float],
    paint: Callable[[Sheet], None],
    is_small: bool = False,
) -> Drawing:
    """Paint a chart in each layout: ``height`` gives the pixels that it needs in one, ``paint`` paints it.

    There is one chart of a kind for each workload. The description, its text alternative, has its data in words. One
    that is small has one layout everywhere.
    """
    identifier = re.sub(r"[^a-z0-9]+", "-", workload.lower())
    if identifier != workload:
        # Two names may have the same letters.
        identifier += f"-{zlib.crc32(workload.encode('utf-8', 'replace')):08x}"
    name, title, description = f"{kind}-{identifier}", one_line(title), one_line(description, _LONGEST)

    def drawing(layout: Layout) -> str:
        own_name = f"{name}-{'narrow' if layout.is_narrow else 'wide'}"
        svg = _svg(own_name, layout, height(layout), paint)
        return _domesticate(svg, own_name, layout.font_px, title, description)

    narrow = drawing(SMALL if is_small else NARROW)
    wide = narrow if is_small else drawing(WIDE)
    return Drawing(name=name, title=title, description=description, wide=wide, narrow=narrow)


def _svg(name: str, layout: Layout, height_px: float, paint: Callable[[Sheet], None]) -> str:
    """Paint a chart in one layout, and return it as a document of SVG."""
    # They take a second to import, and few commands draw.
    import matplotlib as mpl  # noqa: PLC0415
    from matplotlib.backends.backend_svg import FigureCanvasSVG  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    buffer = io.StringIO()
    with mpl.rc_context(), warnings.catch_warnings():
        mpl.rcParams["svg.fonttype"] = "none"  # text stays text: read aloud, searched, and set in the page's font
        mpl.rcParams["svg.hashsalt"] = name  # the same ids each time, and others in other drawings
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


def _domesticate(svg: str, name: str, font_px: float, title: str, description: str) -> str:
    """Make a standalone SVG part of a page: no prolog, size, style or id that could reach beyond it."""
    root = ET.fromstring(svg)  # noqa: S314 (our own drawing, made a moment ago)
    for definitions in root.iter(f"{_SVG}defs"):
        for style in definitions.findall(f"{_SVG}style"):
            definitions.remove(style)
    for element in root.iter():
        _style_to_attributes(element)
        if target := element.attrib.pop(_XLINK_HREF, None):
            element.set("href", target)
    for group in root.iter(f"{_SVG}g"):
        # Every drawing has the same ids of groups, which nothing refers to; others have the drawing's name in them.
        if (known := group.attrib.pop("id", "")).startswith(_WHOLE):
            group.insert(0, _element("title", known.removeprefix(_WHOLE)))
        elif known.startswith(_SHOWN):
            kind, row, text = known.removeprefix(_SHOWN).split(" ", 2)
            group.attrib |= {"class": kind, "data-row": row}
            group.insert(0, _element("title", text))
    _prune(root)
    for size in ("width", "height", "version"):
        root.attrib.pop(size, None)
    root.attrib |= {
        "class": "chart",
        "role": "img",
        "aria-labelledby": f"{name}-title {name}-description",
        "stroke-linejoin": "round",
        "font-size": f"{font_px:g}",
    }
    root.insert(0, _element("title", title, id=f"{name}-title"))
    root.insert(1, _element("desc", description, id=f"{name}-description"))
    ET.register_namespace("", _SVG.strip("{}"))
    return ET.tostring(root, encoding="unicode")


def _element(tag: str, text: str, **attributes: str) -> ET.Element:
    element = ET.Element(f"{_SVG}{tag}", attributes)
    element.text = text
    return element


def _style_to_attributes(element: ET.Element) -> None:
    """Turn a style attribute, which the page's policy forbids, into attributes, and colours into the page's classes."""
    declarations = element.attrib.pop("style", "")
    classes = []
    for declaration in filter(None, (part.strip() for part in declarations.split(";"))):
        key, _, value = (part.strip() for part in declaration.partition(":"))
        if key in {"font-family", "font-size"}:
            # The font is the page's, and the size is the drawing's.
            continue
        if key in {"fill", "stroke"} and value in _CLASS_BY_COLOUR:
            classes.append(f"{key}-{_CLASS_BY_COLOUR[value]}")
        else:
            element.set(key, value)
    if classes:
        element.set("class", " ".join(classes))
    if element.get("transform", "").startswith("rotate(-0 "):
        del element.attrib["transform"]
    for place in _PLACES:
        if place in element.attrib:
            # A tenth of a pixel is fine enough, and half of the file.
            element.set(place, _DECIMAL.sub(_to_tenths, " ".join(element.attrib[place].split())))


def _to_tenths(number: re.Match[str]) -> str:
    return f"{float(number[0]):.1f}".removesuffix(".0")


def _prune(element: ET.Element) -> None:
    """Take out what shows nothing: blanks, groups that group nothing, and paths without colour."""
    kept: list[ET.Element] = []
    for child in element:
        _prune(child)
        plain = child.tag in {f"{_SVG}g", f"{_SVG}defs"} and not child.attrib
        if plain and child.find(f"{_SVG}title") is None and (child.tag == f"{_SVG}g" or not len(child)):
            kept += list(child)
        elif child.tag != f"{_SVG}path" or child.keys() != ["d", "fill"] or child.get("fill") != "none":
            kept.append(child)
    element[:] = kept
    for each in (element, *kept):
        each.tail = None
    if element.tag not in _WITH_TEXT:
        element.text = None
