"""Builds the document of a machine's fitness to measure: the verdict, then what was seen, with advice."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from benchmarks.judge import wording
from benchmarks.judge.fitness import Fitness, Sign
from benchmarks.model import Machine
from benchmarks.report.document import Document, Note, Paragraph, Section, filled


def fitness_document(machine: Machine, fitness: Fitness) -> Document:
    """Return the document of ``lab doctor``: what was found of the machine that was looked at."""
    differ = None
    if (spread := fitness.spread) is not None:
        deviation = f"{100 * spread.value:.1f} % (standard deviation over {wording.rounds(spread.samples)})"
        differ = Paragraph(f"From round to round two equal things differ by {deviation}.")
    verdict = Paragraph(fitness.verdict, "strong") if fitness.fit else Note(fitness.verdict, "alert")
    seen = Section(title="What was seen", blocks=sign_notes(fitness.signs))
    return Document(
        kind="doctor",
        title="Is this machine fit to measure?",
        blocks=filled((verdict, differ, seen)),
        data={"machine": machine, **{each.name: getattr(fitness, each.name) for each in dataclasses.fields(fitness)}},
        records=[{"level": sign.level, "what": sign.what, "advice": sign.advice} for sign in fitness.signs],
    )


def sign_notes(signs: Iterable[Sign]) -> tuple[Note, ...]:
    """Return signs as notes, each with what to do about it."""
    return tuple(Note(sign.what, sign.level, sign.advice) for sign in signs)
