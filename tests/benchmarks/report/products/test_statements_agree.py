"""Headline word, badge, sentence and figure of a comparison say the same, in every format, whatever a run was like."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmarks.contenders import catalogue
from benchmarks.judge.claims import Claim
from benchmarks.judge.crossover import judge_map
from benchmarks.judge.diff import diff
from benchmarks.judge.judge import judge
from benchmarks.judge.pool import pool
from benchmarks.measure.journal import read_run
from benchmarks.model import LoadResult, Run
from benchmarks.report.document import Block, Document, Paragraph, Section, Square, Table, Verdict
from benchmarks.report.figures import amount, estimated
from benchmarks.report.formats import render
from benchmarks.report.products.crossover import keyword_answer, keyword_grid, winners_grid, winners_sentence
from benchmarks.report.products.run import run_document
from benchmarks.report.products.several import diff_document, pool_document
from benchmarks.report.words import size_of
from tests.benchmarks.cli.kept_runs import keep_run
from tests.benchmarks.report.made_up_documents import undrawn
from tests.benchmarks.report.parsed_page import Page

Alter = Callable[[Run], Run]

FASTAPI = ("fastapi-*@uvicorn",)
BOTH = ("fastapi-*@uvicorn", "flask-*@hypercorn")
ALLOWED = {
    "Yes": {"replicated", "inconclusive", "contradicted"},
    "No, slower": {"contradicted"},
    "Faster": {"faster"},
    "Slower": {"slower"},
    "No difference": {"contradicted", "equal"},
    "Undecided": {"inconclusive", "contradicted", "undecided"},
    "Withheld": {"refused"},
}
"""Badges that may stand beside each headline word."""


def complete(run: Run) -> Run:
    """Leave a run as it is."""
    return run


def results(run: Run, change: Callable[[LoadResult], LoadResult], of: str = "") -> Run:
    """Change the results of the contenders whose id has this in it."""
    trials = []
    for trial in run.trials:
        assert trial.result is not None
        trials.append(dataclasses.replace(trial, result=change(trial.result)) if of in trial.contender else trial)
    return dataclasses.replace(run, trials=tuple(trials))


def killed(run: Run) -> Run:
    """Take away its end, and the last third of its trials."""
    return dataclasses.replace(run, state="running", finished_at=None, trials=run.trials[: 2 * len(run.trials) // 3])


def of_one_round(run: Run) -> Run:
    """Keep one round."""
    return dataclasses.replace(run, trials=tuple(trial for trial in run.trials if trial.round == 1))


def without_placebo(run: Run) -> Run:
    """Take away the A/A comparison."""
    plan = dataclasses.replace(run.plan, placebo=None)
    return dataclasses.replace(run, plan=plan, trials=tuple(trial for trial in run.trials if not trial.placebo))


def noisy(run: Run) -> Run:
    """Make rounds differ wildly, one way and the other."""
    factors = {1: 0.25, 2: 1.0, 3: 4.0}
    trials = []
    for trial in run.trials:
        assert trial.result is not None
        assert trial.result.latency is not None
        factor = factors[trial.round] if "-async" in trial.contender else 1.0
        shorter = {name: value / factor for name, value in dataclasses.asdict(trial.result.latency).items()}
        latency = dataclasses.replace(trial.result.latency, **shorter)
        completed = round(trial.result.completed * factor)
        result = dataclasses.replace(trial.result, completed=completed, latency=latency)
        trials.append(dataclasses.replace(trial, result=result))
    return dataclasses.replace(run, trials=tuple(trials))


def void(run: Run) -> Run:
    """Make every trial of def fail."""
    trials = (
        dataclasses.replace(trial, failure="it died") if "-sync" in trial.contender else trial for trial in run.trials
    )
    return dataclasses.replace(run, trials=tuple(trials))


def loader_bound(run: Run) -> Run:
    """Let the loader use nearly all of its core."""
    return results(run, lambda result: dataclasses.replace(result, loader_cpu_s=0.95 * result.duration_s))


def failing(run: Run) -> Run:
    """Let one request of a hundred fail."""
    return results(run, lambda result: dataclasses.replace(result, errors={"status": result.completed // 100}))


def giving_up(run: Run) -> Run:
    """Leave every client of async def without an answer."""

    def give_up(result: LoadResult) -> LoadResult:
        return dataclasses.replace(result, completed=0, statuses={}, errors={"timeout": 10}, latency=None)

    return results(run, give_up, "-async")


def at_a_rate(run: Run) -> Run:
    """Ask the health workload 500 times a second."""
    loads = {**run.plan.loads, "health": dataclasses.replace(run.plan.loads["health"], rate_per_s=500.0)}
    trials = []
    for trial in run.trials:
        assert trial.result is not None
        result = dataclasses.replace(trial.result, completed=5000)
        load = dataclasses.replace(trial.load, rate_per_s=500.0)
        trials.append(dataclasses.replace(trial, load=load, result=result) if trial.workload == "health" else trial)
    return dataclasses.replace(run, plan=dataclasses.replace(run.plan, loads=loads), trials=tuple(trials))


def stopped_at_a_precision(run: Run) -> Run:
    """Let it have looked after each round whether to stop."""
    plan = dataclasses.replace(run.plan, precision=0.03)
    return dataclasses.replace(run, plan=plan, stopped_early="Every headline interval was within ±3 % after 3 rounds.")


def of_two_minds(run: Run) -> Run:
    """Let async def halve the latency on average, and not at the 95th percentile."""

    def stretch(result: LoadResult) -> LoadResult:
        assert result.latency is not None
        longer = {name: 2 * getattr(result.latency, name) for name in ("p95_ms", "p99_ms", "maximum_ms")}
        return dataclasses.replace(result, latency=dataclasses.replace(result.latency, **longer))

    return results(run, stretch, "-async")


def every(blocks: Sequence[Block]) -> Iterator[Block]:
    """Yield blocks, also those within sections."""
    for block in blocks:
        yield block
        if isinstance(block, Section):
            yield from every(block.blocks)


def told(document: Document) -> dict[str, str]:
    """Return a document's text in each format for people, on one line."""
    document = undrawn(document)
    texts = {form: " ".join(render(document, form).split()) for form in ("terminal", "markdown")}
    return {**texts, "html": Page(render(document, "html")).text}


def unspaced(text: str) -> str:
    """Return a text without blanks, which a page has around code."""
    return "".join(text.split())


def check_answer(verdict: Verdict) -> None:
    """The word follows from the interval, the badge allows it, and the figure beside it is the one of the sentence."""
    estimate = verdict.figures[0].estimate if verdict.figures else None
    assert verdict.outcome in ALLOWED[verdict.word]
    if verdict.word == "Yes":
        assert estimate is not None
        assert estimate.low is not None
        assert estimate.low > 1
    if verdict.word == "No, slower":
        assert estimate is not None
        assert estimate.high is not None
        assert estimate.high < 1
    if verdict.word == "Withheld":
        assert verdict.sentence.startswith("Not judged")
    assert bool(verdict.size) == (verdict.word in {"Yes", "No, slower", "Faster", "Slower"})
    assert not verdict.size or (estimate is not None and size_of(estimate.value) == verdict.size)


def sentences(document: Document) -> Iterator[str]:
    """Yield what a document says in texts of its own: findings, causes and paragraphs."""
    for block in every(document.blocks):
        told: tuple[str, ...] = ()
        if isinstance(block, Verdict):
            told = (f"{block.subject}: {block.sentence}" if block.sentence else "", block.why)
        elif isinstance(block, Paragraph):
            told = (block.text,)
        yield from (text for text in told if len(text.split()) > 5)


RUNS: dict[str, tuple[float, dict[str, Any], Alter, set[str]]] = {
    "replicated": (2.0, {"patterns": BOTH}, complete, {"Yes"}),
    "slower": (0.5, {"patterns": BOTH}, complete, {"No, slower"}),
    "equal": (1.0, {"patterns": BOTH}, complete, {"No difference"}),
    "inconclusive": (1.3, {"patterns": BOTH}, complete, {"Yes"}),
    "failed A/A": (2.0, {"patterns": FASTAPI, "placebo": 1.5}, complete, {"Withheld"}),
    "no A/A": (2.0, {"patterns": BOTH}, without_placebo, {"Yes"}),
    "another arrangement": (2.0, {"patterns": ("flask-*@uvicorn+eventloop",)}, complete, {"Yes"}),
    "other contenders": (
        0.7,
        {"patterns": ("flask-*@hypercorn+asgiref", "fastapi-*@hypercorn")},
        complete,
        {"No, slower"},
    ),
    "one contender": (2.0, {"patterns": ("fastapi-async@uvicorn",)}, complete, set()),
    "a bridge and none": (2.0, {"patterns": ("flask-async@hypercorn*",)}, complete, set()),
    "no view": (2.0, {"patterns": ("bare-asgi@uvicorn",)}, complete, set()),
    "killed half-way": (2.0, {"patterns": FASTAPI}, killed, {"Yes"}),
    "one round": (2.0, {"patterns": FASTAPI}, of_one_round, {"Withheld"}),
    "wild rounds": (1.0, {"patterns": FASTAPI}, noisy, {"Undecided"}),
    "def failed": (2.0, {"patterns": FASTAPI}, void, {"Withheld"}),
    "loader at its limit": (2.0, {"patterns": BOTH}, loader_bound, {"Withheld"}),
    "errors": (2.0, {"patterns": FASTAPI}, failing, {"Withheld"}),
    "gave up": (2.0, {"patterns": FASTAPI}, giving_up, {"Withheld"}),
    "at a rate": (2.0, {"patterns": BOTH}, at_a_rate, {"Withheld"}),
    "stopped at a precision": (2.0, {"patterns": BOTH}, stopped_at_a_precision, {"Yes"}),
    "quantities that differ": (2.0, {"patterns": BOTH}, of_two_minds, {"Yes"}),
    "readiness": (2.0, {"patterns": BOTH, "workloads": ("ready",)}, complete, {"Faster"}),
    "health alone": (2.0, {"patterns": BOTH, "workloads": ("health",)}, complete, {"Yes"}),
}
"""Ratio, what was planned, what became of it, and the headline words that it must have."""


@pytest.mark.parametrize(("ratio", "planned", "alter", "words"), RUNS.values(), ids=RUNS)
def test_no_two_statements_of_a_run_contradict_each_other(  # noqa: PLR0917 (pytest passes them by name)
    tmp_path: Path, claims: Sequence[Claim], ratio: float, planned: dict[str, Any], alter: Alter, words: set[str]
) -> None:
    """Neither within its headline, nor between headline, glance, list and captions, nor between formats."""
    run = alter(read_run(keep_run(tmp_path / "run", ratio, **planned)))
    judgement = judge(run, tuple(claims))
    document = run_document(run, judgement, claims)
    texts = told(document)
    first = [block for block in document.blocks if isinstance(block, Verdict)]

    # The headline.
    assert words == {verdict.word for verdict in first if verdict.word}
    for verdict in first:
        if verdict.word:
            check_answer(verdict)
        for text in texts.values():
            assert verdict.answer in text
            assert unspaced(verdict.sentence) in unspaced(text)
    assert len(first) == len({verdict.subject for verdict in first})
    no_answer = "This run has no answer: it had no arrangement with both"
    assert all((no_answer in text) == (not judgement.twins and not judgement.bridges) for text in texts.values())

    # No claim that has a card is among those that were left out, and no sentence stands twice.
    cards = {block.anchor for block in every(document.blocks) if isinstance(block, Section) and block.is_card}
    for text in texts.values():
        for left_out in re.findall(r"Not asked in this run, so without a verdict: (.+?)\.(?= |$)", text):
            assert not {f"claim-{number}" for number in re.findall(r"(\d)\\?\. ", left_out)} & cards
    said = list(sentences(document))
    assert [] == [sentence for sentence in dict.fromkeys(said) if said.count(sentence) > 1]

    # Intervals are of one level, and a ratio that is withheld says so wherever it stands.
    level, other = ("97.5 %", "95 %") if run.plan.precision is not None else ("95 %", "97.5 %")
    for text in texts.values():
        assert f"Brackets hold {other} intervals" not in text
        assert not cards or f"Brackets hold {level} intervals" in text
    for table in every([part for block in document.blocks for part in getattr(block, "instead", ())]):
        assert isinstance(table, Table)
        assert ["Withheld" in words] * len(table.rows) == ["(not judged)" in str(row.cells[0]) for row in table.rows]


def test_no_two_statements_of_a_pool_contradict_each_other(tmp_path: Path) -> None:
    """The sentence has the figure of the line that sums the runs up."""
    ratios = {"monday": 2.0, "tuesday": 2.4, "wednesday": 1.8}
    kept = [(day, read_run(keep_run(tmp_path / day, ratio))) for day, ratio in ratios.items()]
    found = pool(kept, quantity="rate", workload="health", headlines=catalogue.HEADLINES)
    document = pool_document(found, found.ratios)

    assert found.ratios
    for ratio, text in ((ratio, text) for ratio in found.ratios for text in told(document).values()):
        assert ratio.estimate is not None
        assert estimated(ratio.estimate, "×") in text
        assert amount(ratio.estimate.value, "×") in ratio.sentence
        assert unspaced(ratio.sentence) in unspaced(text)


@pytest.mark.parametrize(("ratio", "said"), [(2.0, "No change was found"), (3.0, "4 of the 4 ratios")])
def test_no_two_statements_of_a_diff_contradict_each_other(tmp_path: Path, ratio: float, said: str) -> None:
    """The summary counts those whose line says that they changed."""
    first = read_run(keep_run(tmp_path / "a", 2.0, seed=0))
    second = read_run(keep_run(tmp_path / "b", ratio, seed=1))
    document = diff_document(diff(first, second), (first, None), (second, None))
    words = [str(row.cells[-1]) for table in document.blocks if isinstance(table, Table) for row in table.rows]

    assert all(said in text for text in told(document).values())
    assert [said.startswith("No change")] * 4 == ["equal" in word or "no difference" in word for word in words]


def test_a_run_beside_itself_has_one_statement(tmp_path: Path) -> None:
    """In every format."""
    run = read_run(keep_run(tmp_path / "run"))
    document = diff_document(diff(run, run), (run, None), (run, None))

    assert 1 == len([block for block in document.blocks if isinstance(block, Paragraph)])
    assert all("there is nothing to compare" in text and "×" not in text for text in told(document).values())


def test_no_two_statements_of_a_map_contradict_each_other(make_sweep: Callable[..., Run]) -> None:
    """Sentences are of the squares: who wins, and where async def pays."""
    found = judge_map(make_sweep(visits=2, noise=0.01))
    squares = [cell for row in winners_grid(found).rows for cell in row.cells if isinstance(cell, Square)]
    letters = [square for square in squares if square.tone not in {"equal", "unsure"}]

    won = sum(map(int, re.findall(r" on (\d+)(?=[;.])", winners_sentence(found).partition(" On ")[0] + ".")))
    assert len(letters) == won
    assert f"On {sum(square.tone == 'equal' for square in squares)} the first two" in winners_sentence(found)
    for keyword in found.keywords:
        rows = [[cell.tone for cell in row.cells if isinstance(cell, Square)] for row in keyword_grid(keyword).rows]
        for boundary, tones in zip(keyword.boundaries, rows, strict=True):
            assert boundary.begins is not None or "more" not in tones
            assert boundary.high is None or "more" in tones
        assert ("never pays" in keyword_answer(keyword)) == any(each.begins is None for each in keyword.boundaries)
