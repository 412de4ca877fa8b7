"""Takes the pictures of a map: ``python docs/images/map_screen.py [map's folder]``.

Debian's Chromium opens a map's page, as a projector and as a phone shows it. Without an argument the map is made up:
the lab sweeps simulated servers, in simulated time, as benchmarks/calibration/crossover_map.py does.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Literal

from playwright.sync_api import sync_playwright

from benchmarks.calibration.crossover_map import simulate
from benchmarks.judge.crossover import judge_map
from benchmarks.judge.exploration import next_place
from benchmarks.measure.journal import read_run
from benchmarks.model import Run
from benchmarks.report.formats import render
from benchmarks.report.products.crossover import map_document

HERE = Path(__file__).parent
LOOKS: dict[str, tuple[int, int, Literal["light", "dark"]]] = {
    "projector": (1024, 768, "light"),
    "phone": (390, 844, "dark"),
}
PICTURES = {name: HERE / f"map-{name}-{scheme}.png" for name, (_, _, scheme) in LOOKS.items()}


def main() -> None:
    """Take them."""
    run: Run = read_run(Path(sys.argv[1])) if sys.argv[1:] else simulate(next_place, budget_s=180.0, seed=1)[0]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        page_file = Path(folder, "map.html")
        page_file.write_text(render(map_document(judge_map(run)), "html"), encoding="utf-8")
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for name, (width, height, scheme) in LOOKS.items():
            page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
            page.goto(page_file.as_uri())
            page.screenshot(path=PICTURES[name])
        browser.close()


if __name__ == "__main__":
    main()
