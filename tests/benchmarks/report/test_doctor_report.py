from __future__ import annotations

import io

import pytest
from rich.console import Console

from benchmarks.judge.fitness import Fitness, Sign
from benchmarks.judge.judgement import Estimate
from benchmarks.judge.power import Spread
from benchmarks.report.doctor import print_fitness

FITNESS = Fitness(
    signs=(
        Sign(level="good", what="2 usable cores, server on 1 and loader on 0."),
        Sign(level="warning", what="The power supply is unplugged.", advice="Plug it in."),
        Sign(level="bad", what="A/A: 1.20 × [1.18, 1.22].", advice="Stop what else runs here."),
    ),
    placebo=Estimate(value=1.2, low=1.18, high=1.22, samples=10),
    spread=Spread(value=0.041, rounds=10),
    ceiling_per_s=30_000.0,
    difference=0.05,
    fit=False,
    verdict="Not fit to measure as it is now.",
)


def printed(encoding: str = "utf-8", width: int = 100) -> str:
    """Print the fitness on a console of this encoding."""
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    print_fitness(Console(file=file, width=width), FITNESS)
    return raw.getvalue().decode(encoding)


def test_every_sign_has_its_mark_and_its_advice() -> None:
    """The verdict comes last."""
    lines = [line.rstrip() for line in printed().splitlines()]

    assert [
        "✓ 2 usable cores, server on 1 and loader on 0.",
        "! The power supply is unplugged.",
        "  Plug it in.",
        "✗ A/A: 1.20 × [1.18, 1.22].",
        "  Stop what else runs here.",
        "From round to round two equal things differ by 4.1 % (standard deviation over 10 rounds).",
        "",
        "Not fit to measure as it is now.",
    ] == lines


def test_a_plain_terminal_gets_ascii() -> None:
    """Every sign has a plain one to stand for it."""
    assert "x A/A: 1.20 x [1.18, 1.22]." in printed("ascii")


@pytest.mark.parametrize("width", [20, 40])
def test_a_narrow_terminal_wraps(width: int) -> None:
    """No line is longer than there is room."""
    assert all(len(line) <= width for line in printed(width=width).splitlines())
