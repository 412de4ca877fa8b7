"""Builds the document of a conformance matrix: findings first, what each does to a user, then every cell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from benchmarks.conformance.matrix import Cell, Matrix, Outcome, Probed
from benchmarks.conformance.probe import About
from benchmarks.contenders.catalogue import FRAMEWORKS
from benchmarks.judge import wording
from benchmarks.model import Contender
from benchmarks.report.document import (
    Block,
    Column,
    Command,
    Document,
    Note,
    Paragraph,
    Row,
    Section,
    Table,
    Verdict,
    filled,
    table_of,
)
from benchmarks.report.words import arrangement_name

_OUTCOMES: Final[Sequence[Outcome]] = ("holds", "differs", "fails", "does not apply")
_ABSENT: Final = Cell(probe="", outcome="does not apply")


def conformance_document(matrix: Matrix) -> Document:
    """Return the document of ``lab conformance``."""
    asked = matrix.asked
    failing = [each for each in asked if each.failing()]
    sections = (
        Section(title="What fails, and what that does to a user", blocks=tuple(_findings(matrix, "fails"))),
        Section(
            title="What differs from the framework's native server, and is correct",
            blocks=tuple(_findings(matrix, "differs")),
            is_folded=True,
        ),
        Section(title="Every probe", blocks=filled((_every_cell(matrix),)), is_folded=True),
        Section(title="How each server was started", blocks=tuple(_started(matrix)), is_folded=True),
    )
    return Document(
        kind="conformance",
        title="What works where?" if len(asked) > 1 else f"What works on {arrangement_name(asked[0].id)}?",
        blocks=filled((Paragraph(_answer(asked, failing), "strong"), _summary(asked), *sections)),
        data={"conformance": matrix},
        records=[
            {
                "arrangement": each.id,
                "probe": cell.probe,
                "outcome": cell.outcome,
                "seen": cell.seen,
                "whose": cell.whose,
            }
            for each in asked
            for cell in each.cells
        ],
        about=f"{wording.things(float(len(matrix.probes)), 'probe')}, each a request or more over a real socket. "
        f"Python {matrix.python}.",
    )


def failing_of(contender: Contender, matrix: Matrix) -> Probed | None:
    """Return what a matrix has of the arrangement that a contender of the catalogue runs on; ``None`` if nothing."""
    framework = FRAMEWORKS.get(contender.framework)
    return matrix.find(f"{framework.probed}@{contender.serving}") if framework and framework.probed else None


def _answer(asked: Sequence[Probed], failing: Sequence[Probed]) -> str:
    if len(asked) == 1:
        (one,) = asked
        applying = [cell for cell in one.cells if cell.outcome != "does not apply"]
        name, probes, count = arrangement_name(one.id), len(applying), len(one.failing())
        if count:
            return f"{name} fails {count} of the {probes} probes that apply."
        return f"{name} holds every probe that applies ({probes})."
    if not failing:
        return f"All {len(asked)} arrangements hold every probe that applies to them."
    return f"{len(failing)} of {len(asked)} arrangements fail at least one probe."


def _summary(asked: Sequence[Probed]) -> Table:
    counts = {each.id: Counter(cell.outcome for cell in each.cells) for each in asked}
    return table_of(
        "Probes by what they came to.",
        sorted(asked, key=lambda each: counts[each.id]["fails"]),
        (
            (Column("Arrangement"), lambda each: arrangement_name(each.id)),
            *((Column(outcome), lambda each, it=outcome: counts[each.id][it]) for outcome in _OUTCOMES),
        ),
    )


def _findings(matrix: Matrix, outcome: Outcome) -> Iterator[Section]:
    """Yield a section for each probe with such an outcome: who, what was seen, whose doing; effect and request."""
    for about in matrix.probes:
        seen: dict[tuple[str, str | None], list[str]] = {}
        for each in matrix.asked:
            cell = each.cell(about.id)
            if cell is not None and cell.outcome == outcome:
                seen.setdefault((cell.seen, cell.whose), []).append(arrangement_name(each.id))
        if seen:
            yield Section(title=about.title, blocks=tuple(_finding(about, outcome, seen)), anchor=about.id)


def _finding(about: About, outcome: Outcome, seen: dict[tuple[str, str | None], list[str]]) -> Iterator[Block]:
    for (sentence, whose), names in seen.items():
        yield Verdict(
            subject=", ".join(names),
            outcome=outcome,
            sentence=sentence,
            why=f"It is the doing of the {whose}." if whose else "",
        )
    if outcome == "fails":
        yield Paragraph(about.effect)
    yield Paragraph(f"Source: {about.source}.", "quiet")
    yield Command("The smallest request that shows it", about.request)


def _every_cell(matrix: Matrix) -> Table:
    asked = matrix.asked
    return Table(
        caption="Each arrangement, probe by probe.",
        columns=(Column("Probe"), *(Column(arrangement_name(each.id), is_text=True) for each in asked)),
        rows=tuple(
            Row((about.title, *(_short(each.cell(about.id) or _ABSENT) for each in asked))) for about in matrix.probes
        ),
        kind="glance",
    )


def _short(cell: Cell) -> Verdict:
    # What holds needs no words, and the sections above have the rest where there are many.
    return Verdict(subject=cell.probe, outcome=cell.outcome)


def _started(matrix: Matrix) -> Iterator[Block]:
    for each in matrix.arrangements:
        versions = ", ".join(f"{name} {version}" for name, version in each.versions.items())
        yield Note(f"{arrangement_name(each.id)}: {versions}")
        yield Command("Started by", each.command)
