"""What axe-core finds on a page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.benchmarks.live.page.served import Scheme

SIZES = ((1440, 900), (1024, 768), (390, 844))
OF_COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
SCHEMES: Sequence[tuple[Scheme, Mapping[str, Any]]] = (("light", {}), ("dark", OF_COLOURS))
"""With what axe-core is told: a scheme changes colours alone, so in the second one only they are looked at."""


def faults_at_any_size(page: Page) -> Iterator[str]:
    """Yield what is wrong on a desk, on a projector and on a phone, in either colour scheme."""
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        for scheme, options in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            yield from (f"{scheme}, {width} px: {fault}" for fault in faults(page, options))
            if (needed := page.evaluate("document.documentElement.scrollWidth")) > width:
                yield f"{scheme}: {needed} px wide, on a screen of {width} px"


def faults(page: Page, options: Mapping[str, Any]) -> list[str]:
    """Return what axe-core reports, however grave it is."""
    found = Axe().run(page, options={"resultTypes": ["violations"], **options}).response["violations"]
    return [f"{each['id']}: {node['html'][:120]}" for each in found for node in each["nodes"]]
