"""Builds the parts of a report about what else is unequal between contenders, and how they behaved when asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from benchmarks.report.document import Column, Paragraph, Row, Section, Table, filled
from benchmarks.report.figures import ABSENT, cell
from benchmarks.report.products.run_evidence import Told
from benchmarks.report.words import contender_name

_SHOWN: Final = (
    *("response body", "response headers", "JSON", "validation", "HTTP parser", "event loop", "garbage collector"),
    *("access log", "Python", "processes", "threads"),
)
_UNEQUAL: Final = "≠ "


def likeness(all_of_it: Told) -> Iterator[Section]:
    """Yield a table of what was observed of each contender; what differs from the reference's is marked.

    Without a reference, it is what most of them have that is not marked. What is the same for all is a sentence.
    """
    run = all_of_it.run
    facts = {contender: _shown(found, all_of_it, contender) for contender, found in run.likeness.items()}
    usual: dict[str, str] = {}
    for name in _SHOWN:
        counted = Counter(found[name] for found in facts.values() if name in found)
        if counted:
            usual[name] = facts.get(run.plan.against or "", {}).get(name) or counted.most_common(1)[0][0]
    differing = [
        name for name, value in usual.items() if any(found.get(name, value) != value for found in facts.values())
    ]
    if not facts:
        return
    same = "; ".join(f"{name}: {value}" for name, value in usual.items() if name not in differing)
    rows = tuple(
        Row((contender_name(contender), *(_marked(found.get(name), usual[name]) for name in differing)), hint=contender)
        for contender, found in facts.items()
    )
    columns = (
        Column("Contender"),
        *(Column(name, is_text=True, is_minor=name not in differing[:4]) for name in differing),
    )
    whom = f"`{run.plan.against}` has" if run.plan.against else "most have"
    table = Table(caption=f"{_UNEQUAL}: other than what {whom}.", columns=columns, rows=rows) if differing else None
    blocks = (
        Paragraph(
            "Observed in each server while it answered, before anything was timed. A ratio is of all that differs, and "
            f"not of the framework alone.{f' The same for all: {same}.' if same else ''}",
            "quiet",
        ),
        table,
    )
    yield Section(title="What else is unequal", blocks=filled(blocks), is_folded=True)


def behaviour(all_of_it: Told) -> Iterator[Section]:
    """Yield what contenders were asked before anything was timed, and how many of them answered as they should."""
    probed = all_of_it.run.failing
    if not probed:
        return
    sound = sum(not failures for failures in probed.values())
    count = "All" if sound == len(probed) else f"{sound} of {len(probed)}"
    told = (
        f"{count} contenders answered HEAD, told the right length and kept their connection, when they were asked what "
        "is timed, before it was. `lab conformance` asks more."
    )
    yield Section(title="Behaviour", blocks=(Paragraph(told),))


def _shown(found: Mapping[str, str], all_of_it: Told, contender: str) -> dict[str, str]:
    """Return the facts of a contender as a table shows them, with what its trials showed of processes and threads."""
    shown = dict(found)
    if headers := shown.get("response headers"):
        shown["response headers"] = str(headers.count(",") + 1)
    summary = next((each for each in all_of_it.judgement.summaries if each.contender == contender), None)
    counts = {} if summary is None else {"processes": summary.processes, "threads": summary.running_threads}
    return shown | {name: cell(value) for name, value in counts.items() if value is not None}


def _marked(value: str | None, usual: str) -> str:
    return ABSENT if value is None else value if value == usual else f"{_UNEQUAL}{value}"
