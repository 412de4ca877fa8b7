"""Builds the document of advice from a map: an answer for each framework, then each choice with its rate and limit."""

from __future__ import annotations

import dataclasses
from typing import Final

from benchmarks.conformance.matrix import Matrix
from benchmarks.contenders.catalogue import CONTENDERS
from benchmarks.judge import wording
from benchmarks.judge.advice import Advice, Basis
from benchmarks.judge.crossover import Choice
from benchmarks.judge.judgement import Comparison
from benchmarks.model import MARGIN
from benchmarks.report.document import Column, Command, Document, Note, Paragraph, table_of
from benchmarks.report.figures import amount, estimated
from benchmarks.report.products.conformance import failing_of
from benchmarks.report.products.onset import boundary_text
from benchmarks.report.words import arrangement_name, at_place, connections, contender_name, framework_name

_MOST_PROBES: Final = 3
_BASES: Final[dict[Basis, str]] = {
    "measured": "This place was measured",
    "between": "This place lies between measured ones and is estimated from them",
    "outside": "This place lies outside of what was measured: a prediction by theory, corrected as nearest by",
}


def advice_document(advice: Advice, works: Matrix | None = None) -> Document:
    """Return the document of ``lab advise``.

    Args:
        advice: What it says.
        works: What is known of how the choices behave, beside how fast they are.
    """
    failing = _failing(advice, works) if works is not None else {}
    sentences = advice_sentences(advice)
    answers, fastest, trust = sentences[:-2], *sentences[-2:]
    decision = " ".join((*answers, trust))
    choices = table_of(
        "What each choice would do, and what limits it",
        advice.choices,
        (
            (Column("Contender"), lambda choice: contender_name(choice.contender)),
            (Column("rate", "req/s"), lambda choice: choice.rate),
            (Column("limited by", is_text=True), lambda choice: _why(advice, choice)),
        ),
    )
    return Document(
        kind="advice",
        title="Should this view be `async def`?",
        blocks=(
            *(Paragraph(answer, "strong") for answer in answers),
            Paragraph(fastest),
            *(Note(sentence, "warning") for sentence in failing.values()),
            choices,
            Paragraph(trust),
            Command("For a decision document", decision),
        ),
        data={
            "sentences": sentences,
            "decision": decision,
            "failing": failing,
            **{each.name: getattr(advice, each.name) for each in dataclasses.fields(advice)},
        },
        records=[
            {
                "contender": choice.contender,
                "rate_per_s": choice.rate.value,
                "rate_low_per_s": choice.rate.low,
                "rate_high_per_s": choice.rate.high,
                "bound": choice.bound,
                "by_theory": "yes" if choice.by_theory else "no",
                "gave_up": "yes" if choice.gave_up else "no",
            }
            for choice in advice.choices
        ],
    )


def _failing(advice: Advice, works: Matrix) -> dict[str, str]:
    """Return a sentence about each arrangement among the choices that fails a probe, by its id."""
    told: dict[str, str] = {}
    titles = {about.id: about.title for about in works.probes}
    known = {contender.id: contender for contender in CONTENDERS}
    for choice in advice.choices:
        if (contender := known.get(choice.contender)) is None or (probed := failing_of(contender, works)) is None:
            continue
        if cells := probed.failing():
            listed = "; ".join(titles[cell.probe] for cell in cells[:_MOST_PROBES])
            more = f"; and {len(cells) - _MOST_PROBES} more" if len(cells) > _MOST_PROBES else ""
            told[contender.arrangement] = (
                f"{arrangement_name(contender.arrangement)} fails {wording.things(float(len(cells)), 'probe')} of "
                f"behaviour: {listed}{more}. `lab conformance {probed.id}` tries your versions."
            )
    return told


def advice_sentences(advice: Advice) -> tuple[str, ...]:
    """Return the answer: a sentence for each framework, what would serve the most, and how far to trust it."""
    first = advice.choices[0]
    label = "Predicted" if advice.predicted or first.by_theory else "Expected"
    fastest = f"{label} to serve the most: {contender_name(first.contender)}, {estimated(first.rate, 'req/s')}."
    return (*(_answer(advice, answer) for answer in advice.answers), fastest, confidence(advice))


def confidence(advice: Advice) -> str:
    """Say how far the answer can be trusted, and why."""
    told = [f"{_BASES[advice.basis]} (map {advice.map_name}, one process on one core)."]
    if advice.map_state != "complete":
        told.append("The map was cut short.")
    if advice.processes > 1:
        told.append(
            f"Prediction, not measured: {advice.processes} processes on as many cores that share the connections "
            "evenly and nothing else; a database and whatever else runs there would take their part."
        )
    if advice.threads is not None:
        held = [
            each.contender for each in advice.choices if advice.capacities[each.contender].threads == advice.threads
        ]
        threads = wording.things(float(advice.threads), "thread")
        by_theory = f"With {threads} by theory: {', '.join(held)}."
        told.append(by_theory if held else f"{threads} change nothing: no choice holds one to wait.")
    return " ".join(told)


def _answer(advice: Advice, comparison: Comparison) -> str:
    name = framework_name(comparison.framework)
    if comparison.rate is None:
        only = _keyword_on(comparison.above or comparison.below)
        return f"{name}: the map has only {only}, and nothing to hold that against."
    asked = advice.asked
    where = f"With a wait of {asked.wait_ms:g} ms and {wording.things(float(asked.connections), 'connection')}"
    told = (
        f"{where} {_keyword_on(comparison.above)} serves {wording.ratio(comparison.rate)} the requests of "
        f"{_keyword_on(comparison.below)}"
    )
    if (boundary := advice.boundaries.get(comparison.framework)) is not None:
        told += f"; with this wait async def {boundary_text(boundary)}"
    decided = {
        "faster": "yes, make it async def",
        "slower": "no, keep def",
        "equal": f"no difference beyond {wording.percent(MARGIN)}, so keep what is simpler",
    }.get(comparison.standing)
    if decided is None:
        return f"{name}: this map cannot tell. {told}. Measure more: lab crossover --budget 20m"
    return f"{name}: {decided}. {told}."


def _keyword_on(contender: str) -> str:
    """Say keyword and server of a contender: ``async def on Hypercorn + eventloop``."""
    name, _, word = contender_name(contender).rpartition(", ")
    return f"{word} on {name.partition(' on ')[2]}"


def _why(advice: Advice, choice: Choice) -> str:
    """Say what limits a choice, with the bound as it is calculated: ``6 threads / 20 ms = 300 req/s``."""
    place, capacity = advice.place, advice.capacities[choice.contender]
    threads = wording.things(float(capacity.threads or 0), "thread")
    name, formula = {
        "threads": ("its threads", f"{threads} / {amount(place.wait_ms, 'ms')}"),
        "connections": (
            "the connections",
            f"{connections(place.connections)} / {amount(place.wait_ms + capacity.service_ms, 'ms')}",
        ),
        "cpu": ("its CPU time", f"1 / {amount(capacity.cpu_us, 'µs')} of CPU"),
    }[choice.bound]
    each, many = (
        (f", each process at {at_place(place)}", f"{advice.processes} × ") if advice.processes > 1 else ("", "")
    )
    theory = "; by theory" if choice.by_theory else ""
    gave_up = "; its clients got errors or no answer at such a place" if choice.gave_up else ""
    rate = amount(choice.theory_per_s, "req/s")
    return f"{name}{each}: at most {many}{formula} = {rate}{theory}{gave_up}"
