"""Takes the picture of a report: ``python docs/images/report_screen.py [run's folder] [picture]``.

Debian's Chromium opens the run's ``report.html`` from the disk, as large as a projector shows it. Without an argument
it is the latest run, and the picture of the README.
"""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

PICTURE = Path(__file__).parent / "report.png"
SIZE = {"width": 1024, "height": 768}


def main() -> None:
    """Take it."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "results/latest")
    picture = Path(sys.argv[2]) if len(sys.argv) > 2 else PICTURE
    report = (folder / "report.html").resolve()
    if not report.exists():
        sys.exit(f"There is no report.html in {folder}: `lab report --output {folder}/report.html` makes one.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": SIZE["width"], "height": SIZE["height"]})
        page.goto(report.as_uri())
        page.screenshot(path=picture)
        browser.close()


if __name__ == "__main__":
    main()
