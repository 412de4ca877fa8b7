"""Puts people's names for ids into the blocks of a document; the ids stay where a pointer rests, and in commands."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Iterable
from typing import Any, Final, TypeVar

from benchmarks.model import Run
from benchmarks.report.document import Block, Cell, Chart, Note, Paragraph, Row, Section, Table, Verdict
from benchmarks.report.plain_text import spans
from benchmarks.report.words import arrangement_name, contender_name

_BEFORE: Final = r"(?<![\w@:+~./-])(?<!--contender )(?<!-c )"
_AFTER: Final = r"(?![\w@+~-])"

_Part = TypeVar("_Part", Row, Verdict)


class Names:
    """The names of what took part in a run, by id.

    Args:
        run: Of which texts tell.
    """

    def __init__(self, run: Run) -> None:
        ids = [*(each.id for each in run.plan.contenders), *run.plan.ceilings]
        arrangements = [each.arrangement for each in run.plan.contenders]
        named = {
            **{each: arrangement_name(each) for each in arrangements},
            **{each: contender_name(each) for each in ids},
        }
        self._names = {each: name for each, name in named.items() if name != each}
        # The longest first: one id may begin with another.
        either = "|".join(map(re.escape, sorted(self._names, key=len, reverse=True)))
        self._pattern = re.compile(f"{_BEFORE}({either}){_AFTER}") if either else None

    def text(self, text: str) -> str:
        """Return a text with names for ids; in code, only where the code is an id and nothing else."""
        if self._pattern is None or not self._pattern.search(text):
            return text
        sub = functools.partial(self._pattern.sub, lambda match: self._names[match[1]])
        return "".join((self._names.get(part) or f"`{part}`") if code else sub(part) for part, code in spans(text))

    def blocks(self, blocks: Iterable[Block]) -> tuple[Block, ...]:
        """Return blocks with names for ids in all of their texts, but for what is to be copied."""
        return tuple(map(self._block, blocks))

    def _block(self, block: Block) -> Block:
        if isinstance(block, Verdict):
            return self._verdict(block)
        changes: dict[str, Any] = {}
        match block:
            case Paragraph():
                changes = {"text": self.text(block.text)}
            case Note():
                changes = {"text": self.text(block.text), "advice": self.text(block.advice)}
            case Table():
                columns = tuple(dataclasses.replace(each, title=self.text(each.title)) for each in block.columns)
                rows = tuple(map(self._row, block.rows))
                changes = {"caption": self.text(block.caption), "columns": columns, "rows": rows}
            case Chart():
                changes = {"caption": self.text(block.caption), "instead": self.blocks(block.instead)}
            case Section():
                changes = {"title": self.text(block.title), "blocks": self.blocks(block.blocks)}
        return dataclasses.replace(block, **changes)

    def _verdict(self, verdict: Verdict) -> Verdict:
        return self._hinted(
            dataclasses.replace(verdict, sentence=self.text(verdict.sentence), why=self.text(verdict.why)),
            verdict.subject,
            subject=self.text(verdict.subject),
        )

    def _row(self, row: Row) -> Row:
        cells = tuple(map(self._cell, row.cells))
        named = dataclasses.replace(row, group=self.text(row.group))
        return self._hinted(named, row.cells[0], cells=cells) if cells != row.cells else named

    def _cell(self, cell: Cell) -> Cell:
        if isinstance(cell, str):
            return self.text(cell)
        return self._verdict(cell) if isinstance(cell, Verdict) else cell

    def _hinted(self, part: _Part, told: Cell, **changes: Any) -> _Part:
        """Return a part with changes, and with what it said before as a hint where that was an id."""
        if isinstance(told, str) and not part.hint and self.text(told) != told:
            changes["hint"] = told.replace("`", "")
        return dataclasses.replace(part, **changes)
