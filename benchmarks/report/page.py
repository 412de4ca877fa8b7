"""Renders a template as one HTML page that needs nothing else: its style is in it, and its policy admits no other."""

from __future__ import annotations

import base64
import functools
import hashlib
import re
from pathlib import Path
from typing import Final

import jinja2
from markupsafe import Markup, escape

from benchmarks.contenders.catalogue import FRAMEWORKS
from benchmarks.report.charts.palette import ACCENT, COLOURS, framework_colour

_TEMPLATES: Final = Path(__file__).with_name("templates")
_OPTION: Final = re.compile(r"(?<![\w-])(--[a-z]+(?: (?:\d+|[a-z]+-[a-z]+@[a-z+]+))?)")


def render_page(template: str, **content: object) -> str:
    """Render a template of ``templates/``.

    Args:
        template: Its file's name; it is given ``style`` and ``style_hash``, for its policy.
        content: What else it is given. Text is escaped, and has one line.
    """
    style = _style()
    return _environment().get_template(template).render(style=style, style_hash=_hash(style), **content)


@functools.cache
def _environment() -> jinja2.Environment:
    """Return what reads templates, which keeps them as it has compiled them."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["prose"] = _prose
    return environment


def palette_css() -> str:
    """Return the palette as variables, for light and dark, and classes for each chart colour and each framework."""
    light = "".join(f"--{colour.name}:{colour.light};" for colour in (*COLOURS, ACCENT))
    dark = "".join(f"--{colour.name}:{colour.dark};" for colour in (*COLOURS, ACCENT))
    classes = "".join(
        f".{kind}-{colour.name}{{{kind}:var(--{colour.name})}}" for colour in COLOURS for kind in ("fill", "stroke")
    )
    # What is about a framework has its id for a class, and inside of it `var(--hue)`.
    classes += "".join(f".{name}{{--hue:var(--{framework_colour(name).name})}}" for name in FRAMEWORKS)
    # Paper is light, whatever the screen is.
    variables = f":root{{{light}}}@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}"
    return f"{variables}\n{classes}\n"


def _style() -> str:
    return palette_css() + (_TEMPLATES / "report.css").read_text(encoding="utf-8")


def _prose(text: str) -> Markup:
    """Set the command-line options in a sentence as code, which also keeps a line from breaking inside them."""
    return Markup(_OPTION.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 (escaped just before)


def _hash(text: str) -> str:
    """Return the hash by which the page's policy admits this style sheet and no other."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"
