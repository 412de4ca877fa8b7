"""Keeps a run on disk as it happens: ``journal.jsonl`` line by line, ``run.json`` at the end.

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
from collections.abc import Mapping
from io import FileIO
from pathlib import Path
from typing import Any

from benchmarks.foreign_json import adapter_of, encode
from benchmarks.measure.file_lock import try_lock
from benchmarks.measure.journal_reader import (
    JOURNAL_NAME,
    RUN_NAME,
    RunFileError,
    read_journal,
    read_run,
)
from benchmarks.model import DocumentPair, Run, RunState, Trial
from benchmarks.process import uninterrupted

__all__ = ["JOURNAL_NAME", "LATEST_NAME", "RUN_NAME", "Journal", "RunFileError", "read_run", "write_run"]

LATEST_NAME = "latest"


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
        try:
            _claim(file, folder)
            kept = read_journal(path)
            file.seek(kept.whole_bytes)
        except BaseException:
            file.close()
            raise
        return cls(folder, kept.run, file)

    @property
    def run(self) -> Run:
        """The run as it stands."""
        return self._run

    def resume(self, resumed_at: str, environment: Mapping[str, Any], again: tuple[Trial, ...]) -> None:
        """Record that the run is resumed.

        Args:
            resumed_at: ISO 8601 in UTC.
            environment: The facts that are not what they were when the run began.
            again: Trials of blocks that were cut, which will be measured again: from now on they are superseded.
        Raises:
            RunFileError: The disk refused; nothing has changed then.
        """
        places = [[trial.workload, trial.round, trial.position] for trial in again]
        try:
            # What was cut while it was written is of no use, and must not run into the next line.
            self._file.truncate()
        except OSError as error:
            raise self._refused(error) from error
        value = {"resumed_at": resumed_at, "environment": dict(environment), "superseded": places}
        self._append("resume", value)
        # It tells of the first part alone. The journal has all that it had.
        with contextlib.suppress(OSError):
            (self.folder / RUN_NAME).unlink(missing_ok=True)
        self._run = read_journal(self.folder / JOURNAL_NAME).run

    def add_documents(self, framework: str, pair: DocumentPair) -> None:
        """Keep one framework's documents."""
        value = {"framework": framework, "pair": encode(pair)}
        self._keep("documents", value, documents={**self._run.documents, framework: pair})

    def add_calibration(self, trial: Trial) -> None:
        """Keep one trial of a bare server."""
        value = encode(trial)
        self._keep("calibration", value, calibration=(*self._run.calibration, trial))

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
        value = {"state": state, "finished_at": finished_at, "stopped_early": stopped_early}
        self._keep("end", value, state=state, finished_at=finished_at, stopped_early=stopped_early)
        self.close()
        write_run(self.folder / RUN_NAME, self._run)
        return self._run

    def close(self) -> None:
        """Close the file; harmless the second time."""
        # What a full disk would not take was reported when it was appended.
        with contextlib.suppress(OSError):
            self._file.close()

    def _keep(self, kind: str, value: Mapping[str, Any], **changes: Any) -> None:
        # What is on the disk and what is in memory must not part, and Ctrl-C may come at any moment.
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
            # To give room back is possible on a full disk; and half a line would be in the way of the next.
            with contextlib.suppress(OSError):
                self._file.truncate(whole_bytes)
                self._file.seek(whole_bytes)
            raise self._refused(error) from error

    def _refused(self, error: OSError) -> RunFileError:
        return RunFileError(
            f"Cannot write to {self.folder / JOURNAL_NAME}: {error.strerror or error}. "
            f"What was measured before is kept: lab report {shlex.quote(str(self.folder))}"
        )


def _claim(file: FileIO, folder: Path) -> None:
    if try_lock(file.fileno()) is False:
        raise RunFileError(f"{folder} is being measured right now, by another process.")


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
