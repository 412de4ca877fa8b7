"""Reads a run back from what it left on disk: ``run.json``, or ``journal.jsonl`` up to its last whole line."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.errors import LabError
from benchmarks.foreign_json import ForeignJSONError, decode, read_json
from benchmarks.model import SCHEMA_VERSION, Run
from benchmarks.trials import wrong_numbers

JOURNAL_NAME: Final = "journal.jsonl"
RUN_NAME: Final = "run.json"

# A look-up that fails for any other kind, as for any other fault of a line.
_KINDS: Final = {kind: kind for kind in ("run", "documents", "calibration", "trial", "resume", "end")}

Entry = tuple[str, Any]
"""Kind and value of one line of a journal."""


class RunFileError(LabError):
    """A run cannot be read or written; the message says which file, what is wrong with it and what to do."""


@dataclass(frozen=True, slots=True)
class KeptJournal:
    """What a journal holds.

    Attributes:
        run: As far as it came.
        whole_bytes: Length of its whole lines; what follows was cut while it was written.
    """

    run: Run
    whole_bytes: int


def read_run(place: Path) -> Run:
    """Read a run from its folder, its ``run.json`` or its ``journal.jsonl``.

    Raises:
        RunFileError: There is none, or it is not one that this version can read.
    """
    file = place
    if place.is_dir():
        file = place / RUN_NAME if (place / RUN_NAME).exists() else place / JOURNAL_NAME
    if file.suffix == ".jsonl":
        return read_journal(file).run
    return _parse_run(file, _bytes(place, file))


def read_journal(file: Path) -> KeptJournal:
    """Read a journal.

    Raises:
        RunFileError: There is none, or it is not one that this version can read.
    """
    entries, whole_bytes = _entries(file, _bytes(file, file))
    return KeptJournal(_validate(file, _folded(file, entries)), whole_bytes)


def _bytes(place: Path, file: Path) -> bytes:
    try:
        content = file.read_bytes()
        content.decode("utf-8")
    except FileNotFoundError:
        raise RunFileError(f"There is no run at {place}. `lab compare` makes one under results/.") from None
    except UnicodeDecodeError as error:
        # A journal may be cut inside a character.
        if error.reason != "unexpected end of data" or file.suffix != ".jsonl":
            raise RunFileError(f"Cannot read {file}: {error}.") from error
    except OSError as error:
        raise RunFileError(f"Cannot read {file}: {error}.") from error
    return content


def _parse_run(file: Path, content: bytes) -> Run:
    try:
        value = read_json(content)
    except ValueError as error:
        beside = file.with_name(JOURNAL_NAME)
        advice = (
            f" The journal beside it may be whole: lab report {shlex.quote(str(beside))}" if beside.exists() else ""
        )
        raise RunFileError(f"{file} is not whole JSON ({error}).{advice}") from error
    return _validate(file, value)


def _entries(file: Path, content: bytes) -> tuple[list[Entry], int]:
    """Return the entries of a journal, and the length of the lines that hold them."""
    entries: list[Entry] = []
    whole_bytes = 0
    # By line feeds alone: a server's log, and so a failure, may hold any other sign that ends a line.
    for number, line in enumerate(content.split(b"\n"), start=1):
        ended = whole_bytes + len(line) < len(content)
        # The last line may be half written: that is how a killed run ends.
        if not ended:
            break
        try:
            entry = read_json(line)
            kind, value = _KINDS[entry["kind"]], entry["value"]
        except (ValueError, KeyError, TypeError) as error:
            raise RunFileError(f"{file}, line {number}: not an entry of a journal ({error}).") from error
        entries.append((kind, value))
        whole_bytes += len(line) + 1
    return entries, whole_bytes


def _folded(file: Path, entries: Sequence[Entry]) -> dict[str, Any]:
    """Make a run of its entries, in their order."""
    begun: dict[str, Any] | None = None
    end: Mapping[str, Any] = {"state": "interrupted"}
    documents: dict[str, Any] = {}
    calibration: list[Any] = []
    trials: list[Any] = []
    superseded: list[Any] = []
    resumptions: list[Any] = []
    try:
        for kind, value in entries:
            match kind:
                case "run":
                    if begun is not None:
                        raise RunFileError(f"{file} begins a second run: two journals were put together.")
                    begun = {**value}
                case "documents":
                    documents[value["framework"]] = value["pair"]
                case "calibration":
                    calibration.append(value)
                case "trial":
                    trials.append(value)
                case "end":
                    end = {**value}
                case _:
                    # Its end was that of its first part, and what came after is another's time.
                    end = {"state": "interrupted"}
                    again = {tuple(place) for place in value["superseded"]}
                    cut = [trial for trial in trials if _place(trial) in again]
                    trials = [trial for trial in trials if _place(trial) not in again]
                    superseded += cut
                    resumptions.append(
                        {
                            "resumed_at": value["resumed_at"],
                            "trials_kept": len(trials),
                            "trials_superseded": len(cut),
                            "environment": value["environment"],
                        }
                    )
    except (TypeError, KeyError) as error:
        raise RunFileError(f"{file} is a journal of something else ({error!r}).") from error
    if begun is None:
        raise RunFileError(f"{file} does not begin with a run: it was cut before anything was measured.")
    return {
        **begun,
        **end,
        "documents": documents,
        "calibration": calibration,
        "trials": trials,
        "superseded": superseded,
        "resumptions": resumptions,
    }


def _place(trial: Mapping[str, Any]) -> tuple[Any, ...]:
    return trial["workload"], trial["round"], trial["position"]


def _validate(file: Path, value: object) -> Run:
    version = value.get("schema_version") if isinstance(value, dict) else None
    if version != SCHEMA_VERSION:
        found = "no schema_version" if version is None else f"schema_version {version!r:.40}"
        raise RunFileError(f"{file} has {found}; this version of lab reads schema_version {SCHEMA_VERSION}.")
    try:
        run = decode(Run, value)
    except ForeignJSONError as error:
        raise RunFileError(f"{file} is not a run: {error}.") from error
    if fault := _fault(run):
        raise RunFileError(f"{file} is not what a run can have kept: {fault}.")
    return run


def _fault(run: Run) -> str | None:
    """Say what no run of the lab writes down: a trial twice, or a count below 0."""
    for trials in (run.calibration, run.trials):
        # A map asks a workload under one load after another, each in rounds of its own.
        places = Counter((trial.contender, trial.workload, trial.load, trial.round, trial.position) for trial in trials)
        for (contender, workload, _, number, _), times in places.items():
            if times > 1:
                return f"the trial of {contender} in round {number} of {workload} is there {times} times"
    for trial in (*run.calibration, *run.trials, *run.superseded):
        if trial.result is not None and (wrong := wrong_numbers(trial.result)):
            return f"round {trial.round} of {trial.workload} has {wrong[0]:g} of {trial.contender} in place of a count"
    return None
