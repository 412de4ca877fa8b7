"""Turns a painted matplotlib figure into SVG that lives inside a page: its colours, fonts and ids are the page's."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterator
from typing import Final
from xml.etree import ElementTree as ET

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from benchmarks.report.charts.palette import COLOURS

_SVG: Final = "http://www.w3.org/2000/svg"
_XLINK_HREF: Final = "{http://www.w3.org/1999/xlink}href"
_CLASS_BY_COLOUR: Final = {colour.light: colour.name for colour in COLOURS}
_REFERENCE: Final = re.compile(r"url\(#([^)]+)\)")
_NO_METADATA: Final = dict.fromkeys(("Creator", "Date", "Format", "Type"))


def render(
    name: str,
    title: str,
    description: str,
    *,
    width_px: float,
    height_px: float,
    font_px: float,
    paint: Callable[[Figure], None],
) -> str:
    """Paint a figure and return it as an ``svg`` element.

    Args:
        name: Unique on the page; ids begin with it.
        title: Accessible name.
        description: Text alternative.
        width_px: Width of the drawing.
        height_px: Height of it.
        font_px: Size of its text.
        paint: Paints.
    """
    buffer = io.StringIO()
    with mpl.rc_context(), warnings.catch_warnings():
        mpl.rcParams["svg.fonttype"] = "none"  # text stays text: read aloud, searched, and set in the page's font
        mpl.rcParams["svg.hashsalt"] = name  # the same drawing each time
        mpl.rcParams["text.parse_math"] = False  # a dollar in a name is a dollar
        mpl.rcParams["font.size"] = font_px
        mpl.rcParams["font.family"] = ["DejaVu Sans"]  # comes with matplotlib, so the layout is the same everywhere
        # A glyph that the layout's font lacks is drawn by the browser's.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        # A point is 1/72 inch: at 72 dots an inch the SVG's units are the caller's pixels.
        figure = Figure(figsize=(width_px / 72, height_px / 72), dpi=72, facecolor="none")
        FigureCanvasSVG(figure)
        paint(figure)
        figure.savefig(buffer, format="svg", metadata=_NO_METADATA, facecolor="none")
    return _domesticate(buffer.getvalue(), name, title, description)


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
