from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.conformance.matrix import Cell, Matrix, Probed
from benchmarks.conformance.probe import About
from benchmarks.contenders.catalogue import CONTENDERS
from benchmarks.judge.advice import Advice, advise
from benchmarks.judge.judgement import Estimate, Standing
from benchmarks.model import Place, Run
from benchmarks.report.document import Command, Note, Paragraph, Table
from benchmarks.report.formats import render
from benchmarks.report.products.advice import advice_document, advice_sentences

Sweep = Callable[..., Run]


@pytest.fixture(scope="module")
def kept(make_sweep: Sweep) -> Run:
    """A map of servers that do what the theory allows, with 1 % of noise."""
    return make_sweep(visits=2, noise=0.01)


def ask(
    kept: Run, *, wait_ms: float = 20.0, connections: int = 200, threads: int | None = None, cores: int = 1
) -> Advice:
    """Ask about 20 ms and 200 connections, unless told otherwise."""
    return advise(kept, Place(wait_ms, connections), threads=threads, cores=cores)


def told(kept: Run, **question: Any) -> str:
    """Ask, and return the answer on one line."""
    return " ".join(advice_sentences(ask(kept, **question)))


def test_the_answer_comes_first_in_a_sentence(kept: Run) -> None:
    """Yes or no for each framework, with what is compared and the ratio."""
    answer = told(kept)

    assert answer.startswith(
        "Flask: yes, make it async def. With a wait of 20 ms and 200 connections async def on Hypercorn + eventloop "
        "serves 11."
    )
    assert "the requests of def on Hypercorn; with this wait async def pays from about" in answer
    assert "FastAPI: the map has only async def on uvicorn, and nothing to hold that against." in answer
    assert "Expected to serve the most: FastAPI on uvicorn, async def, 8," in answer
    assert "lies between measured ones" in answer


@pytest.mark.parametrize(
    ("standing", "low", "value", "high", "words"),
    [
        ("slower", 0.4, 0.5, 0.6, "Flask: no, keep def."),
        ("equal", 0.98, 1.0, 1.02, "Flask: no difference beyond 5 %, so keep what is simpler."),
        ("undecided", 0.5, 1.0, 2.0, "Flask: this map cannot tell."),
    ],
)
def test_no_and_neither_are_answers_too(  # noqa: PLR0917 (pytest passes them by name)
    kept: Run, standing: Standing, low: float, value: float, high: float, words: str
) -> None:
    """Each says what to do."""
    advice = ask(kept, connections=20)
    rate = Estimate(value=value, low=low, high=high, samples=2)
    answer = dataclasses.replace(advice.answers[0], rate=rate, standing=standing)

    assert words in advice_sentences(dataclasses.replace(advice, answers=(answer,)))[0]


def test_a_prediction_is_labelled(kept: Run) -> None:
    """For more cores, for other threads, and outside the map."""
    assert "Prediction, not measured: 8 processes on as many cores" in told(kept, cores=8)
    assert "Predicted to serve the most" in told(kept, cores=8)
    assert "lies outside of what was measured: a prediction by theory" in told(kept, wait_ms=500.0)
    assert "With 10 threads by theory: flask-sync@hypercorn, flask-async@hypercorn." in told(kept, threads=10)
    assert "was measured" in told(kept, connections=100)


def test_threads_that_nobody_holds_change_nothing(kept: Run) -> None:
    """Said, lest the reader think they were counted."""
    loops = dataclasses.replace(kept, trials=tuple(t for t in kept.trials if t.contender == "fastapi-async@uvicorn"))

    assert "10 threads change nothing: no choice holds one to wait." in told(loops, threads=10)


def test_a_map_that_was_cut_short_says_so(make_sweep: Sweep) -> None:
    """With the advice, not only with the map."""
    assert "The map was cut short." in told(make_sweep(state="interrupted"))


def limits(run: Run, **question: Any) -> dict[str, str]:
    """Ask, and return what limits each contender."""
    (table,) = [block for block in advice_document(ask(run, **question)).blocks if isinstance(block, Table)]
    return {str(row.cells[0]): str(row.cells[2]) for row in table.rows}


def test_every_choice_has_the_bound_that_limits_it(kept: Run) -> None:
    """As it is calculated, so that it can be checked by hand."""
    told = limits(kept, threads=10)

    assert "its threads: at most 10 threads / 20.0 ms = 500 req/s; by theory" == told["Flask on Hypercorn, def"]
    assert "its CPU time: at most 1 / 290 µs of CPU = 3,448 req/s" == told["Flask on Hypercorn + eventloop, async def"]
    assert "each process at 20 ms, 25 connections: at most 8 × 25 connections / 20.2 ms" in " ".join(
        limits(kept, cores=8).values()
    )


def test_the_answers_come_before_the_choices(kept: Run) -> None:
    """And how far to trust them, then both to be copied; a record each choice."""
    document = advice_document(ask(kept))
    first, *_, last, copied = document.blocks

    assert isinstance(first, Paragraph)
    assert isinstance(last, Paragraph)
    assert ("strong", "plain") == (first.kind, last.kind)
    assert isinstance(copied, Command)
    assert copied.text.startswith(first.text)
    assert copied.text.endswith(last.text)
    assert 4 == len(list(document.records))


def test_a_choice_that_fails_probes_is_named_with_them(kept: Run) -> None:
    """By the arrangement that it runs on, once for both keywords; the others are not named."""
    advice = ask(kept)
    arrangement = next(each.arrangement for each in CONTENDERS if each.id == advice.choices[0].contender)
    serving = arrangement.partition("@")[2]
    about = About(id="head", title="HEAD is answered", source="RFC", effect="It hurts.", request="curl")
    cell = Cell(probe="head", outcome="fails", seen="It is not.")
    frameworks = ("flask", "fastapi")
    works = Matrix(
        probes=(about,),
        arrangements=tuple(
            Probed(id=f"{name}@{serving}", command="", versions={}, cells=(cell,)) for name in frameworks
        ),
    )
    notes = [block.text for block in advice_document(advice, works).blocks if isinstance(block, Note)]

    assert notes
    assert all("HEAD is answered" in note for note in notes)
    assert [] == [block for block in advice_document(advice).blocks if isinstance(block, Note)]


def test_json_has_the_answer_in_words_and_in_numbers(kept: Run) -> None:
    """One document, for a program that decides."""
    document = json.loads(render(advice_document(ask(kept, threads=10)), "json"))

    assert ("advice", 2, "between", False) == tuple(
        document[name] for name in ("document", "format_version", "basis", "predicted")
    )
    assert "faster" == document["answers"][0]["standing"]
    assert ({"wait_ms": 20, "connections": 200}, 10, 1) == tuple(
        document[name] for name in ("asked", "threads", "cores")
    )
    assert document["choices"][0]["rate"]["low"] < document["choices"][0]["rate"]["value"]
    assert document["sentences"][0].startswith("Flask: yes")
