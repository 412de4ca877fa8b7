"""A further format is one module and one entry, and every command that tells a result has it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.cli import runs
from benchmarks.measure.journal import write_run
from benchmarks.model import Run
from benchmarks.report.formats import FORMATS
from tests.benchmarks.cli.kept_runs import lab

KeptRun = Callable[..., Path]


@pytest.fixture
def outline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A format of somebody else's: the title, and what kind each block is of."""
    source = """
def render(document):
    return "\\n".join([document.title, *(type(block).__name__ for block in document.blocks)])
"""
    (tmp_path / "somebodys_outline.py").write_text(source, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(FORMATS, "outline", "somebodys_outline:render")
    monkeypatch.delitem(sys.modules, "somebodys_outline", raising=False)


def test_every_command_that_tells_a_result_has_a_further_format(
    kept_run: KeptRun,
    outline: None,
    tmp_path: Path,
    make_sweep: Callable[..., Run],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Run, diff, pool, claims, map and advice; nothing of them knows a format."""
    first, second = str(kept_run("a")), str(kept_run("b", 3.0, seed=2))
    monkeypatch.chdir(tmp_path)
    (runs.MAPS / "m").mkdir(parents=True)
    write_run(runs.MAPS / "m" / "run.json", make_sweep())

    for command, title, block in (
        (("report", first), "Is `async def` faster than `def`?", "Verdict"),
        (("diff", first, second), "What changed from a to b?", "Table"),
        (("pool", first, second), "Is `async def` faster than `def`? 2 runs together", "Table"),
        (("claims",), "What the tutorial claims, and how it is tested", "Section"),
        (("crossover", "--from", "m"), "Flask: `async def` ", "Section"),
        (("advise", "m", "--view-wait", "20ms", "--connections", "20"), "Should this view be `async def`?", "Table"),
    ):
        result = lab(*command, "--format", "outline")

        assert 0 == result.exit_code, result.stderr
        told, *blocks = result.stdout.splitlines()
        assert told.startswith(title)
        assert block in blocks


def test_a_format_that_is_not_there_is_a_usage_error_that_names_those_that_are(kept_run: KeptRun) -> None:
    """In the help too."""
    result = lab("report", str(kept_run("a")), "--format", "outline")

    assert 2 == result.exit_code
    for form in ("terminal", "markdown", "html", "json", "csv"):
        assert form in result.stderr
        assert form in lab("report", "--help").stdout
