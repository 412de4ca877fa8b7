"""The matrix: what each probe came to on each arrangement, and whose doing a failure is. Pure: no I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from benchmarks.conformance.probe import About

Outcome = Literal["holds", "differs", "fails", "does not apply"]
Whose = Literal["app", "bridge", "server", "bridge or server", "server with this app"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What one probe came to on one arrangement.

    Attributes:
        probe: Its id.
        outcome: In a word.
        seen: The same in a sentence.
        whose: The part that a failure is put down to.
        is_unable: Whether the server did not even start.
    """

    probe: str
    outcome: Outcome
    seen: str = ""
    whose: Whose | None = None
    is_unable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """One arrangement with all that was seen of it.

    Attributes:
        id: Of its contender.
        command: That starts its server, on port 8000.
        versions: Of what it runs on, by import name.
        cells: In the order of the probes.
        bridge: Or ``none``.
        native: Id of the same app on its framework's native server, where that is in the matrix.
        bare: Id of the app without a framework on the same server, likewise.
        is_reference: Whether it was probed for the sake of others.
    """

    id: str
    command: str
    versions: Mapping[str, str]
    cells: tuple[Cell, ...]
    bridge: str = "none"
    native: str = ""
    bare: str = ""
    is_reference: bool = False

    def cell(self, probe: str) -> Cell | None:
        """Return what a probe came to here."""
        return next((cell for cell in self.cells if cell.probe == probe), None)

    def failing(self) -> tuple[Cell, ...]:
        """Return the cells that fail."""
        return tuple(cell for cell in self.cells if cell.outcome == "fails")


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """Probes x arrangements.

    Attributes:
        probes: For a reader, in their order.
        arrangements: Those that were asked for first.
        python: Version of the Python that the lab runs on.
    """

    probes: tuple[About, ...]
    arrangements: tuple[Probed, ...]
    python: str = ""
    schema_version: int = field(default=1)

    @property
    def asked(self) -> tuple[Probed, ...]:
        """The arrangements that were asked for."""
        return tuple(each for each in self.arrangements if not each.is_reference)

    def find(self, name: str) -> Probed | None:
        """Return the arrangement of an id."""
        return next((each for each in self.arrangements if each.id == name), None)


def judged(probes: Sequence[About], arrangements: Sequence[Probed], python: str) -> Matrix:
    """Return the matrix, with what holds held against the native server, and what fails put down to somebody.

    Args:
        probes: In their order.
        arrangements: With cells that hold, fail or do not apply, as each was seen alone.
        python: Version of the lab's own.
    """
    by_id = {each.id: each for each in arrangements}
    done = [replace(each, cells=tuple(_judged(each, cell, by_id) for cell in each.cells)) for each in arrangements]
    return Matrix(probes=tuple(probes), arrangements=tuple(done), python=python)


def _judged(each: Probed, cell: Cell, by_id: Mapping[str, Probed]) -> Cell:
    native = _cell_of(each.native, cell.probe, by_id)
    if cell.outcome == "holds" and native is not None and native.outcome == "holds" and native.seen != cell.seen:
        told = f"{cell.seen} On the framework's native server: {native.seen[:1].lower()}{native.seen[1:]}"
        return replace(cell, outcome="differs", seen=told)
    return replace(cell, whose=_whose(each, cell, by_id)) if cell.outcome == "fails" else cell


def _cell_of(name: str, probe: str, by_id: Mapping[str, Probed]) -> Cell | None:
    found = by_id.get(name)
    return None if found is None else found.cell(probe)


def _whose(each: Probed, cell: Cell, by_id: Mapping[str, Probed]) -> Whose:
    """Put a failure down: to the server if it fails with a bare app too, else to the app if it fails on its own server.

    What is left is the bridge's doing, or, where no bare app can tell, perhaps the server's; without a bridge it takes
    this server and this app.
    """
    bare = _cell_of(each.bare, cell.probe, by_id)
    told = {None if bare is None else bare.outcome}
    if not each.native or told == {"fails"}:
        return "server"
    native = by_id.get(each.native)
    failed = None if native is None else native.cell(cell.probe)
    if native is not None and failed is not None and failed.outcome == "fails":
        # Of its native server a bare app may tell what none can of this one.
        return "app" if native is each or told == {"holds"} else _whose(native, failed, by_id)
    if each.bridge != "none":
        return "bridge" if told == {"holds"} else "bridge or server"
    return "server with this app"
