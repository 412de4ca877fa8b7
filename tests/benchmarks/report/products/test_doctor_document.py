from __future__ import annotations

import dataclasses

from benchmarks.judge.fitness import Fitness, Sign
from benchmarks.judge.judgement import Estimate
from benchmarks.model import Machine
from benchmarks.report.document import Document, Note, Paragraph, Section
from benchmarks.report.products.doctor import fitness_document

FITNESS = Fitness(
    signs=(
        Sign(level="good", what="2 usable cores, server on 1 and loader on 0."),
        Sign(level="warning", what="The power supply is unplugged.", advice="Plug it in."),
        Sign(level="bad", what="A/A: 1.20 × [1.18, 1.22].", advice="Stop what else runs here."),
    ),
    placebo=Estimate(value=1.2, low=1.18, high=1.22, samples=10),
    spread=Estimate(value=0.041, low=0.0, high=0.052, samples=10),
    ceiling_per_s=30_000.0,
    difference=0.05,
    fit=False,
    verdict="Not fit to measure as it is now.",
)


def told(fitness: Fitness) -> Document:
    """Return the document of this fitness on some machine."""
    machine = Machine(
        logical_cores=2,
        usable_cores=2,
        server_cpus=(1,),
        loader_cpus=(0,),
        cores_are_siblings=False,
        governors=(),
        on_battery=False,
        load_average_1m=None,
        busiest=(),
        clock_step_ns=1.0,
    )
    return fitness_document(machine, fitness)


def test_the_verdict_comes_first_and_then_every_sign_with_its_advice() -> None:
    """A machine that is not fit begins with an alert."""
    verdict, spread, seen = told(FITNESS).blocks

    assert Note("Not fit to measure as it is now.", "alert") == verdict
    assert isinstance(spread, Paragraph)
    assert "4.1 %" in spread.text
    assert isinstance(seen, Section)
    assert [("good", ""), ("warning", "Plug it in."), ("bad", "Stop what else runs here.")] == [
        (note.level, note.advice) for note in seen.blocks if isinstance(note, Note)
    ]


def test_a_fit_machine_has_no_alert() -> None:
    """Nor a spread, where there is none."""
    blocks = told(dataclasses.replace(FITNESS, fit=True, spread=None)).blocks

    assert Paragraph("Not fit to measure as it is now.", "strong") == blocks[0]
    assert 2 == len(blocks)


def test_programs_get_the_machine_and_the_signs() -> None:
    """All fields beside one another, and a record each sign."""
    document = told(FITNESS)

    assert {"machine", "fit", "placebo", "spread", "difference"} <= document.data.keys()
    assert ["good", "warning", "bad"] == [record["level"] for record in document.records]
