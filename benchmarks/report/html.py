"""Renders a report as one HTML file that needs nothing else: no network, no script, no font."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import jinja2
from markupsafe import Markup, escape

from benchmarks.judge.claims import Claim
from benchmarks.judge.judgement import Judgement
from benchmarks.model import Run
from benchmarks.report.charts.canvas import Chart
from benchmarks.report.charts.cost import cost_chart
from benchmarks.report.charts.latency import latency_chart
from benchmarks.report.charts.palette import COLOURS
from benchmarks.report.charts.ratios import ratio_chart
from benchmarks.report.charts.waiting import waiting_chart
from benchmarks.report.outcomes import SYMBOLS
from benchmarks.report.telling import HEADLINE_CLAIM, tell

_TEMPLATES: Final = Path(__file__).with_name("templates")
_OPTION: Final = re.compile(r"(?<![\w-])(--[a-z]+(?: (?:\d+|[a-z]+-[a-z]+@[a-z+]+))?)")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Charts:
    headline: Chart | None
    cost: tuple[Chart, ...]
    latency: tuple[Chart, ...]
    waiting: tuple[Chart, ...]


def render_html(run: Run, judgement: Judgement, claims: Sequence[Claim]) -> str:
    """Return the report as one HTML document.

    Args:
        run: What was measured.
        judgement: What was judged of it.
        claims: The ledger that it was judged by.
    """
    return render_page(
        "report.html.j2",
        story=tell(run, judgement, claims),
        charts=_charts(run, judgement, claims),
        symbols=SYMBOLS,
        withheld=judgement.placebo_failed is not None,
        margin=f"{100 * judgement.margin:g} %",
    )


def render_page(template: str, **values: object) -> str:
    """Return a page that has this report's style and policy.

    Args:
        template: Its file's name.
        values: What it shows.
    """
    style = _style()
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["prose"] = _prose
    return environment.get_template(template).render(**values, style=style, style_hash=_hash(style))


def _charts(run: Run, judgement: Judgement, claims: Sequence[Claim]) -> _Charts:
    headline, cost, latency, waiting = None, [], [], []
    for workload in run.plan.workloads:
        if workload.wait_ms > 0:
            load = run.plan.loads.get(workload.name)
            waiting.append(waiting_chart(workload, load, judgement.summaries) if load else None)
            continue
        latency.append(latency_chart(workload.name, judgement.summaries))
        if run.plan.is_open(workload.name):
            # Rates that were given are no finding, and what a request costs stands in the tables.
            continue
        if headline is None:
            headline = ratio_chart(
                workload.name,
                judgement.twins,
                margin=judgement.margin,
                tutorial_value=_tutorial_ratio(claims),
            )
        cost.append(cost_chart(workload.name, judgement.summaries))
    return _Charts(headline=headline, cost=_drawn(cost), latency=_drawn(latency), waiting=_drawn(waiting))


def _drawn(charts: Sequence[Chart | None]) -> tuple[Chart, ...]:
    return tuple(chart for chart in charts if chart is not None)


def _tutorial_ratio(claims: Sequence[Claim]) -> float | None:
    """Return the tutorial's async over sync for the claim that the report opens with."""
    return next((figure.ratio for claim in claims if claim.id == HEADLINE_CLAIM for figure in claim.figures), None)


def _style() -> str:
    """Return the style sheet: the palette as variables, a class for each chart colour, and the page's own rules."""
    light = "".join(f"--{colour.name}:{colour.light};" for colour in COLOURS)
    dark = "".join(f"--{colour.name}:{colour.dark};" for colour in COLOURS)
    classes = "".join(
        f".{kind}-{colour.name}{{{kind}:var(--{colour.name})}}" for colour in COLOURS for kind in ("fill", "stroke")
    )
    # Paper is light, whatever the screen is.
    variables = f":root{{{light}}}@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}"
    return f"{variables}\n{classes}\n{(_TEMPLATES / 'report.css').read_text(encoding='utf-8')}"


def _prose(text: str) -> Markup:
    """Set the command-line options in a sentence as code, which also keeps a line from breaking inside them."""
    return Markup(_OPTION.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 (escaped just before)


def _hash(text: str) -> str:
    """Return the hash by which the page's policy admits this style sheet and no other."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"
