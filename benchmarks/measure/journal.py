"""Keeps a run on disk as it happens (``journal.jsonl`` line by line, ``run.json`` at the end), and reads it back.

A trial is written and flushed to the disk the moment it ends, so a run that is killed is readable up to its last trial,
and can be resumed: what was there stays, and the rest is appended.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import os
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from io import FileIO
from pathlib import Path
from typing import Any, Final

from benchmarks.errors import LabError
from benchmarks.foreign_json import ForeignJSONError, adapter_of, decode, encode, read_json
from benchmarks.measure.alone import try_lock
from benchmarks.model import SCHEMA_VERSION, DocumentPair, Run, RunState, Trial
from benchmarks.process import uninterrupted
from benchmarks.trials import wrong_numbers

LATEST_NAME: Final = "latest"
JOURNAL_NAME: Final = "journal.jsonl"
RUN_NAME: Final = "run.json"

# A look-up fails for any other kind, as for any other fault of a line.
_KINDS: Final = {
    kind: kind for kind in ("run", "documents", "likeness", "failing", "calibration", "trial", "resume", "end")
}
_INTERRUPTED: Final = {"state": "interrupted", "finished_at": None, "stopped_early": None}
"""Of a run without an end."""


class RunFileError(LabError):
    """A run cannot be read or written; the message says which file, what is wrong with it and what to do."""


class Journal:
    """The growing record of one run; made by ``create`` or ``reopen``.

    Args:
        folder: Where it is kept.
        run: What is known so far.
        file: Open, its position where the next line goes; without a buffer, so that nothing is half kept in memory.
    """

    def __init__(self, folder: Path, run: Run, file: FileIO) -> None:
        self.folder = folder
        self._run = run
        self._file = file

    @classmethod
    def create(cls, results: Path, run: Run) -> Journal:
        """Make the run's folder under ``results`` and point ``latest`` to it.

        A run that began in the same second as another gets a number behind its name.

        Raises:
            RunFileError: It cannot be written.
        """
        try:
            folder = _new_folder(results, run.name)
            run = dataclasses.replace(run, name=folder.name)
            journal = cls(folder, run, FileIO(folder / JOURNAL_NAME, "x"))
            try_lock(journal._file.fileno())
            try:
                journal._append("run", encode(run))
            except BaseException:
                journal.close()
                raise
            _point_latest(results, folder.name)
        except OSError as error:
            raise RunFileError(
                f"Cannot write the run to {results}: {error.strerror or error}. "
                "Name a folder that can be written: --out FOLDER"
            ) from error
        return journal

    @classmethod
    def reopen(cls, folder: Path) -> Journal:
        """Open the journal of an interrupted run, to append to it; nothing is changed yet.

        Raises:
            RunFileError: There is none, it cannot be read or written, or another process is writing it.
        """
        path = folder / JOURNAL_NAME
        if not path.exists():
            raise RunFileError(f"There is no {JOURNAL_NAME} in {folder}, and a run is resumed from its journal.")
        try:
            file = FileIO(path, "r+")
        except OSError as error:
            raise RunFileError(f"Cannot write to {path}: {error.strerror or error}.") from error
        if try_lock(file.fileno()) is False:
            file.close()
            raise RunFileError(f"{folder} is being measured right now, by another process.")
        try:
            run, whole_bytes = read_journal(path)
            file.seek(whole_bytes)
        except BaseException:
            file.close()
            raise
        return cls(folder, run, file)

    @property
    def run(self) -> Run:
        """The run as it stands."""
        return self._run

    def resume(self, resumed_at: str, environment: Mapping[str, Any], again: tuple[Trial, ...]) -> None:
        """Record that the run is resumed.

        Args:
            resumed_at: ISO 8601 in UTC.
            environment: The facts that have changed since the run began.
            again: Trials of blocks that were cut; from now on they are superseded, because their blocks are repeated.
        Raises:
            RunFileError: The disk refused; nothing has changed then.
        """
        places = [[trial.workload, trial.round, trial.position] for trial in again]
        try:
            # Half a line is useless, and must not run into the next one.
            self._file.truncate()
        except OSError as error:
            raise self._refused(error) from error
        value = {"resumed_at": resumed_at, "environment": dict(environment), "superseded": places}
        self._append("resume", value)
        # It describes the first part only. The journal has all of it.
        with contextlib.suppress(OSError):
            (self.folder / RUN_NAME).unlink(missing_ok=True)
        self._run = read_journal(self.folder / JOURNAL_NAME)[0]

    def add_documents(self, framework: str, pair: DocumentPair) -> None:
        """Keep one framework's documents."""
        documents = {**self._run.documents, framework: pair}
        self._keep("documents", {"framework": framework, "pair": encode(pair)}, documents=documents)

    def add_likeness(self, contender: str, facts: Mapping[str, str]) -> None:
        """Keep what was observed of a contender before anything was timed."""
        likeness = {**self._run.likeness, contender: facts}
        self._keep("likeness", {"contender": contender, "facts": dict(facts)}, likeness=likeness)

    def add_failing(self, contender: str, failures: Mapping[str, str]) -> None:
        """Keep the probes that a contender failed before anything was timed, each with what was seen; maybe none."""
        failing = {**self._run.failing, contender: failures}
        self._keep("failing", {"contender": contender, "facts": dict(failures)}, failing=failing)

    def add_calibration(self, trial: Trial) -> None:
        """Keep one trial of a bare server."""
        self._keep("calibration", encode(trial), calibration=(*self._run.calibration, trial))

    def add_trial(self, trial: Trial) -> None:
        """Keep one trial."""
        self._keep("trial", encode(trial), trials=(*self._run.trials, trial))

    def finish(self, state: RunState, finished_at: str, stopped_early: str | None = None) -> Run:
        """End the record and write ``run.json``.

        Args:
            state: How it ended.
            finished_at: ISO 8601 in UTC.
            stopped_early: Why it is complete without the rest of its rounds.
        Raises:
            RunFileError: The disk refused; what the journal holds stays readable.
        """
        end = {"state": state, "finished_at": finished_at, "stopped_early": stopped_early}
        self._keep("end", end, **end)
        self.close()
        write_run(self.folder / RUN_NAME, self._run)
        return self._run

    def close(self) -> None:
        """Close the file; harmless the second time."""
        # A full disk was reported when the line was appended.
        with contextlib.suppress(OSError):
            self._file.close()

    def _keep(self, kind: str, value: Mapping[str, Any], **changes: Any) -> None:
        # Disk and memory must hold the same, and Ctrl-C may come at any moment.
        with uninterrupted():
            self._append(kind, value)
            self._run = dataclasses.replace(self._run, **changes)

    def _append(self, kind: str, value: Mapping[str, Any]) -> None:
        text = json.dumps({"kind": kind, "value": value}, separators=(",", ":"), ensure_ascii=False)
        line = memoryview(f"{text}\n".encode())
        whole_bytes = self._file.tell()
        try:
            # A disk may take a part of a line, and refuse only the rest.
            while line:
                line = line[self._file.write(line) or 0 :]
            os.fsync(self._file.fileno())
        except OSError as error:
            # A full disk still takes a truncation; and half a line would corrupt the next.
            with contextlib.suppress(OSError):
                self._file.truncate(whole_bytes)
                self._file.seek(whole_bytes)
            raise self._refused(error) from error

    def _refused(self, error: OSError) -> RunFileError:
        return RunFileError(
            f"Cannot write to {self.folder / JOURNAL_NAME}: {error.strerror or error}. "
            f"What was measured before is kept: lab report {shlex.quote(str(self.folder))}"
        )


def write_run(path: Path, run: Run) -> None:
    """Write ``run.json`` whole or not at all.

    Raises:
        RunFileError: It cannot be written.
    """
    draft = path.with_suffix(".tmp")
    try:
        draft.write_bytes(adapter_of(Run).dump_json(run, indent=1))
        draft.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise RunFileError(f"Cannot write {path}: {error.strerror or error}.") from error


def _new_folder(results: Path, name: str) -> Path:
    results.mkdir(parents=True, exist_ok=True)
    for number in itertools.count(1):
        folder = results / (name if number == 1 else f"{name}-{number}")
        with contextlib.suppress(FileExistsError):
            folder.mkdir()
            break
    return folder


def _point_latest(results: Path, name: str) -> None:
    latest = results / LATEST_NAME
    draft = results / f".{LATEST_NAME}.{os.getpid()}"
    try:
        draft.symlink_to(name, target_is_directory=True)
        draft.replace(latest)
    except (OSError, NotImplementedError):
        # Windows lets only some users make links: there the run is found by its name.
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)


def read_run(place: Path) -> Run:
    """Read a run from its folder, its ``run.json`` or its ``journal.jsonl``.

    Raises:
        RunFileError: There is none, or it is not one that this version can read.
    """
    file = place
    if place.is_dir():
        file = place / RUN_NAME if (place / RUN_NAME).exists() else place / JOURNAL_NAME
    if file.suffix == ".jsonl":
        return read_journal(file)[0]
    content = _bytes(place, file)
    try:
        return _validate(file, read_json(content))
    except ValueError as error:
        beside = file.with_name(JOURNAL_NAME)
        advice = f" The journal in its folder may be whole: lab report {shlex.quote(str(beside))}"
        raise RunFileError(f"{file} is not whole JSON ({error}).{advice if beside.exists() else ''}") from error


def read_journal(file: Path) -> tuple[Run, int]:
    """Read a journal.

    Returns:
        The run as far as it came, and the length of the whole lines in bytes: a half-written line may follow them.
    Raises:
        RunFileError: There is none, or it is not one that this version can read.
    """
    content = _bytes(file, file)
    entries: list[tuple[str, Any]] = []
    # Only line feeds end a line: a server's log, and so a failure, may contain any other line ending. What follows the
    # last one is half a line: that is how a killed run ends.
    *lines, half = content.split(b"\n")
    for number, line in enumerate(lines, start=1):
        try:
            entry = read_json(line)
            kind, value = _KINDS[entry["kind"]], entry["value"]
        except (ValueError, KeyError, TypeError) as error:
            raise RunFileError(f"{file}, line {number}: not an entry of a journal ({error}).") from error
        entries.append((kind, value))
    return _validate(file, _folded(file, entries)), len(content) - len(half)


def _bytes(place: Path, file: Path) -> bytes:
    try:
        content = file.read_bytes()
        content.decode("utf-8")
    except FileNotFoundError:
        raise RunFileError(f"There is no run at {place}. `lab compare` makes one under results/.") from None
    except (OSError, UnicodeDecodeError) as error:
        # A journal may be cut inside a character.
        cut = isinstance(error, UnicodeDecodeError) and error.reason == "unexpected end of data"
        if not cut or file.suffix != ".jsonl":
            raise RunFileError(f"Cannot read {file}: {error}.") from error
    return content


def _folded(file: Path, entries: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Combine the entries into a run, in their order."""
    if not entries or entries[0][0] != "run":
        raise RunFileError(f"{file} does not begin with a run: it was cut before anything was measured.")
    lists: dict[str, Any] = {name: [] for name in ("calibration", "trials", "superseded", "resumptions")}
    try:
        run = {**entries[0][1], **_INTERRUPTED, **lists, "documents": {}, "likeness": {}, "failing": {}}
        for kind, value in entries[1:]:
            match kind:
                case "documents":
                    run["documents"][value["framework"]] = value["pair"]
                case "likeness" | "failing":
                    run[kind][value["contender"]] = value["facts"]
                case "calibration":
                    run["calibration"].append(value)
                case "trial":
                    run["trials"].append(value)
                case "end":
                    run |= value
                case "resume":
                    # An earlier end was that of the first part only.
                    run |= _INTERRUPTED
                    _supersede(run, value)
                case _:
                    raise RunFileError(f"{file} begins a second run: two journals were put together.")
    except (TypeError, KeyError, ValueError) as error:
        raise RunFileError(f"{file} is a journal of something else ({error!r}).") from error
    return run


def _supersede(run: dict[str, Any], resumption: Mapping[str, Any]) -> None:
    again = {tuple(place) for place in resumption["superseded"]}
    cut = [trial for trial in run["trials"] if _place(trial) in again]
    run["trials"] = [trial for trial in run["trials"] if _place(trial) not in again]
    run["superseded"] += cut
    run["resumptions"].append(
        {
            "resumed_at": resumption["resumed_at"],
            "trials_kept": len(run["trials"]),
            "trials_superseded": len(cut),
            "environment": resumption["environment"],
        }
    )


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
        raise RunFileError(f"{file} contains what no run can: {fault}.")
    return run


def _fault(run: Run) -> str | None:
    """Say what no run of the lab contains: a trial twice, or a count below 0."""
    for trials in (run.calibration, run.trials):
        # A map measures a workload under one load after another, each in rounds of its own.
        places = Counter((trial.contender, trial.workload, trial.load, trial.round, trial.position) for trial in trials)
        for (contender, workload, _, number, _), times in places.items():
            if times > 1:
                return f"the trial of {contender} in round {number} of {workload} is there {times} times"
    for trial in (*run.calibration, *run.trials, *run.superseded):
        if trial.result is not None and (wrong := wrong_numbers(trial.result)):
            return f"round {trial.round} of {trial.workload} has {wrong[0]:g} of {trial.contender} in place of a count"
    return None
