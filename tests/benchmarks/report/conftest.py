"""A run and its judgement with the figures of a quiet two-core machine, and a browser, for tests of the renderers."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, sync_playwright

import benchmarks
from benchmarks.judge.claims import Claim, parse_claims
from benchmarks.judge.judgement import Estimate, Judgement
from benchmarks.model import Run
from benchmarks.report.formats import render
from benchmarks.report.products.run import run_document
from tests.benchmarks.report.quiet_machine import bridge_costs, bridges, complete_run, summaries, twins
from tests.benchmarks.report.quiet_verdicts import verdicts


@pytest.fixture(scope="session")
def claims() -> tuple[Claim, ...]:
    """The ledger that the product ships."""
    return parse_claims(Path(benchmarks.__file__).with_name("claims.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def run() -> Run:
    """A complete run of every contender under two workloads; a judgement holds what its trials said."""
    return complete_run()


@pytest.fixture(scope="session")
def judgement() -> Judgement:
    """What that run says of each claim."""
    return Judgement(
        verdicts=verdicts(),
        summaries=summaries(),
        twins=twins(),
        bridges=bridges(),
        bridge_costs=bridge_costs(),
        placebo=Estimate(value=1.001, low=0.989, high=1.012, samples=5),
        placebo_failed=None,
        ceiling_per_s={"bare-asgi@hypercorn": 9800.0, "bare-asgi@uvicorn": 24100.0},
        margin=0.05,
        notes=("Load average was 0.21 before the first trial.",),
    )


@pytest.fixture(scope="session")
def report_page(run: Run, judgement: Judgement, claims: tuple[Claim, ...]) -> str:
    """The page of the report of that run, with its drawings."""
    return render(run_document(run, judgement, claims), "html")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, as the machine or as playwright has it."""
    installed = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        try:
            # A container's root may not sandbox; the pages are ours and have no script.
            launched = playwright.chromium.launch(executable_path=installed, args=["--no-sandbox", "--disable-gpu"])
        except Error:
            if os.environ.get("CI") == "true":
                raise
            pytest.skip("there is no Chromium here")
        yield launched
        launched.close()
