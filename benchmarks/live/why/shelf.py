"""Holds what there is to show: a recorded burst of every contender, as it was shipped or as it was recorded here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from benchmarks.contenders import catalogue
from benchmarks.errors import LabError
from benchmarks.foreign_json import ForeignJSONError, decode, read_object
from benchmarks.live.recording import Recording
from benchmarks.model import Contender

WAITS_MS: Final = (20, 0)
"""What the bursts on show wait for, milliseconds: a dependency, or, for what the framework alone costs, nothing."""

REQUESTS: Final = 3
"""How many requests are sent at the same moment."""

CONTENDERS: Final[tuple[Contender, ...]] = tuple(each for each in catalogue.CONTENDERS if each.variant is not None)
"""Whose time can be shown: all that have a view."""

SHIPPED: Final = Path(__file__).with_name("shipped") / "timelines.jsonl"
"""The bursts that come with the lab, one a line."""

Key = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exhibit:
    """A recorded burst, and where it is from.

    Attributes:
        recording: The burst and what recording it cost.
        recorded_at: When, ISO 8601, UTC.
        machine: On what, in words.
        shipped: Whether it came with the lab, rather than from this machine.
    """

    recording: Recording
    recorded_at: str
    machine: str
    shipped: bool

    def to_json(self) -> dict[str, Any]:
        """Return it as values of JSON."""
        return {**self.recording.to_json(), "recorded_at": self.recorded_at, "machine": self.machine}

    @classmethod
    def from_json(cls, document: Mapping[str, Any], *, shipped: bool) -> Exhibit:
        """Return the exhibit that ``to_json`` made a document of.

        Raises:
            LabError: It is of another shape.
        """
        try:
            where = {name: decode(str, document.get(name)) for name in ("recorded_at", "machine")}
        except ForeignJSONError as error:
            raise LabError(f"Not a shipped recording: {error}; record it again.") from error
        return cls(recording=Recording.from_json(document), **where, shipped=shipped)


class Shelf:
    """What is on show, by contender and wait; a burst recorded here takes the place of the one that was there.

    Args:
        exhibits: What it begins with.
    """

    def __init__(self, exhibits: Iterable[Exhibit]) -> None:
        self._exhibits = {_key(exhibit): exhibit for exhibit in exhibits}

    @classmethod
    def shipped(cls, path: Path = SHIPPED) -> Shelf:
        """Return a shelf with what comes with the lab.

        Raises:
            LabError: A line of the file is no exhibit.
        """
        lines = path.read_text(encoding="utf-8").splitlines()
        return cls(Exhibit.from_json(read_object(line), shipped=True) for line in lines)

    def get(self, contender: str, wait_ms: int) -> Exhibit | None:
        """Return a contender's burst; ``None`` where there is none."""
        return self._exhibits.get((contender, wait_ms))

    def put(self, exhibit: Exhibit) -> None:
        """Show this from now on."""
        self._exhibits[_key(exhibit)] = exhibit

    def contenders(self, wait_ms: int) -> tuple[Contender, ...]:
        """Return whose bursts there are, in the catalogue's order."""
        return tuple(contender for contender in CONTENDERS if (contender.id, wait_ms) in self._exhibits)


def twin_of(contender: Contender) -> Contender:
    """Return the contender that differs in the keyword alone."""
    other = replace(contender, variant="sync" if contender.variant == "async" else "async")
    return catalogue.find(other.id)


def _key(exhibit: Exhibit) -> Key:
    timeline = exhibit.recording.timeline
    return timeline.contender, round(timeline.wait_ms)
