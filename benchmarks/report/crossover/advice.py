"""Says advice in words, and prints it: the answer first, then what each choice would do and why."""

from __future__ import annotations

from typing import Final

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from benchmarks.judge import wording
from benchmarks.judge.advice import Advice, Basis, Choice, KeywordAnswer
from benchmarks.judge.keyword_map import MARGIN
from benchmarks.report.crossover.words import at_place, bound_formula, boundary_text, contender_name
from benchmarks.report.figures import estimated
from benchmarks.report.naming import framework_name
from benchmarks.report.plain_text import one_line
from benchmarks.report.printer import print_in_any_encoding

_BASES: Final[dict[Basis, str]] = {
    "measured": "This place was measured",
    "between": "This place lies between measured ones and is estimated from them",
    "outside": "This place lies outside of what was measured: a prediction by theory, corrected as nearest by",
}


def advice_sentences(advice: Advice) -> tuple[str, ...]:
    """Return the answer: a sentence for each framework, what would serve the most, and how far to trust it."""
    return (*(_answer(advice, answer) for answer in advice.answers), _fastest(advice), confidence(advice))


def confidence(advice: Advice) -> str:
    """Say how far the answer can be trusted, and why."""
    told = [f"{_BASES[advice.basis]} (map {one_line(advice.map_name)}, one process on one core)."]
    if advice.map_state != "complete":
        told.append("The map was cut short.")
    if advice.processes > 1:
        told.append(
            f"Prediction, not measured: {advice.processes} processes on as many cores that share the connections "
            "evenly and nothing else; a database and whatever else runs there would take their part."
        )
    if advice.question.threads is not None:
        changed = [choice.contender for choice in advice.choices if choice.capacity.threads == advice.question.threads]
        names = ", ".join(map(one_line, changed))
        threads = wording.things(float(advice.question.threads), "thread")
        told.append(
            f"With {threads} by theory: {names}."
            if changed
            else f"{threads} change nothing: no choice holds one to wait."
        )
    return " ".join(told)


def print_advice(console: Console, advice: Advice) -> None:
    """Print advice; a console whose encoding lacks the signs gets ASCII."""
    print_in_any_encoding(console, lambda chosen: _print(chosen, advice))


def _print(console: Console, advice: Advice) -> None:
    *answers, trust = advice_sentences(advice)
    for number, answer in enumerate(answers):
        console.print(Text(answer, "bold" if number < len(advice.answers) else ""))
    console.print()
    for choice in advice.choices:
        console.print(Text.assemble((one_line(choice.contender), "bold"), f"  {_expected(choice)}"))
        console.print(Padding(Text(_why(advice, choice), "dim"), (0, 0, 0, 2), expand=False))
    console.print()
    console.print(Text(trust))


def _answer(advice: Advice, answer: KeywordAnswer) -> str:
    name = framework_name(answer.framework)
    if answer.ratio is None or answer.asynchronous is None or answer.synchronous is None:
        only = _keyword_on(answer.asynchronous or answer.synchronous or "")
        return f"{name}: the map has only {only}, and nothing to hold that against."
    question = advice.question
    where = f"With a wait of {question.wait_ms:g} ms and {wording.things(float(question.connections), 'connection')}"
    told = (
        f"{where} {_keyword_on(answer.asynchronous)} serves {wording.ratio(answer.ratio)} the requests of "
        f"{_keyword_on(answer.synchronous)}"
    )
    if answer.boundary is not None:
        told += f"; with this wait async def {boundary_text(answer.boundary)}"
    if answer.standing == "more":
        return f"{name}: yes, make it async def. {told}."
    if answer.standing == "less":
        return f"{name}: no, keep def. {told}."
    if answer.standing == "equal":
        return f"{name}: no difference beyond {wording.percent(MARGIN)}, so keep what is simpler. {told}."
    return f"{name}: this map cannot tell. {told}. Measure more: lab crossover --budget 20m"


def _keyword_on(contender: str) -> str:
    """Say keyword and server of a contender: ``async def on Hypercorn + eventloop``."""
    name, _, word = contender_name(contender).rpartition(", ")
    return f"{word} on {name.partition(' on ')[2]}"


def _fastest(advice: Advice) -> str:
    first = advice.choices[0]
    label = "Predicted" if advice.predicted or first.by_theory else "Expected"
    return f"{label} to serve the most: {contender_name(first.contender)}, {estimated(first.rate, 'req/s')}."


def _expected(choice: Choice) -> str:
    label = "  (by theory)" if choice.by_theory else ""
    gave_up = "  (its clients got errors or no answer at such a place)" if choice.gave_up else ""
    return f"{estimated(choice.rate, 'req/s')}{label}{gave_up}"


def _why(advice: Advice, choice: Choice) -> str:
    formula = bound_formula(choice.bound, choice.capacity, advice.place, advice.processes)
    names = {"threads": "its threads bind", "connections": "the connections bind", "cpu": "the CPU binds"}
    each = f", each process at {at_place(advice.place)}" if advice.processes > 1 else ""
    return f"{names[choice.bound.name]}{each}: at most {formula}"
