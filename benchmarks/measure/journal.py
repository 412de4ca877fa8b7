"""Keeps a run on disk as it happens, and reads it back: ``journal.jsonl`` line by line, ``run.json`` at the end.

A trial is written and flushed to the disk the moment it ends, so a run that is killed is readable up to its last trial.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pydantic

from benchmarks.model import SCHEMA_VERSION, DocumentPair, Run, RunState, Trial

JOURNAL_NAME = "journal.jsonl"
RUN_NAME = "run.json"
LATEST_NAME = "latest"

_RUN: pydantic.TypeAdapter[Run] = pydantic.TypeAdapter(Run)
_TRIAL: pydantic.TypeAdapter[Trial] = pydantic.TypeAdapter(Trial)
_PAIR: pydantic.TypeAdapter[DocumentPair] = pydantic.TypeAdapter(DocumentPair)


class RunFileError(Exception):
    """A run cannot be read or written; the message says which file, what is wrong with it and what to do."""


class Journal:
    """The growing record of one run.

    Args:
        folder: Where to keep it; made by ``create``.
        run: What is known at the start, with no trials.
    """

    def __init__(self, folder: Path, run: Run) -> None:
        self.folder = folder
        self._run = run
        self._file = (folder / JOURNAL_NAME).open("x", encoding="utf-8")
        try:
            self._append("run", _RUN.dump_python(run, mode="json"))
        except BaseException:
            self._file.close()
            raise

    @classmethod
    def create(cls, results: Path, run: Run) -> Journal:
        """Make the run's folder under ``results`` and point ``latest`` to it.

        A run that began in the same second as another gets a number behind its name.

        Raises:
            RunFileError: It cannot be written.
        """
        try:
            folder = _new_folder(results, run.name)
            journal = cls(folder, dataclasses.replace(run, name=folder.name))
            _point_latest(results, folder.name)
        except OSError as error:
            raise RunFileError(
                f"Cannot write the run to {results}: {error.strerror or error}. "
                "Name a folder that can be written: --out FOLDER"
            ) from error
        return journal

    @property
    def run(self) -> Run:
        """The run as it stands."""
        return self._run

    def add_documents(self, framework: str, pair: DocumentPair) -> None:
        """Keep one framework's documents."""
        self._run = dataclasses.replace(self._run, documents={**self._run.documents, framework: pair})
        self._append("documents", {"framework": framework, "pair": _PAIR.dump_python(pair, mode="json")})

    def add_calibration(self, trial: Trial) -> None:
        """Keep one trial of a bare server."""
        self._run = dataclasses.replace(self._run, calibration=(*self._run.calibration, trial))
        self._append("calibration", _TRIAL.dump_python(trial, mode="json"))

    def add_trial(self, trial: Trial) -> None:
        """Keep one trial."""
        self._run = dataclasses.replace(self._run, trials=(*self._run.trials, trial))
        self._append("trial", _TRIAL.dump_python(trial, mode="json"))

    def finish(self, state: RunState, finished_at: str, stopped_early: str | None = None) -> Run:
        """End the record and write ``run.json``.

        Args:
            state: How it ended.
            finished_at: ISO 8601 in UTC.
            stopped_early: Why it is complete without the rest of its rounds.
        Raises:
            RunFileError: The disk refused; what the journal holds stays readable.
        """
        self._run = dataclasses.replace(self._run, state=state, finished_at=finished_at, stopped_early=stopped_early)
        self._append("end", {"state": state, "finished_at": finished_at, "stopped_early": stopped_early})
        self.close()
        write_run(self.folder / RUN_NAME, self._run)
        return self._run

    def close(self) -> None:
        """Close the file; harmless the second time."""
        # What a full disk would not take was reported when it was appended.
        with contextlib.suppress(OSError):
            self._file.close()

    def _append(self, kind: str, value: Mapping[str, Any]) -> None:
        try:
            self._file.write(json.dumps({"kind": kind, "value": value}, separators=(",", ":"), ensure_ascii=False))
            self._file.write("\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise RunFileError(
                f"Cannot write to {self.folder / JOURNAL_NAME}: {error.strerror or error}. "
                f"What was measured before is kept: lab report {self.folder}"
            ) from error


def write_run(path: Path, run: Run) -> None:
    """Write ``run.json`` whole or not at all.

    Raises:
        RunFileError: It cannot be written.
    """
    draft = path.with_suffix(".tmp")
    try:
        draft.write_bytes(_RUN.dump_json(run, indent=1))
        draft.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise RunFileError(f"Cannot write {path}: {error.strerror or error}.") from error


def read_run(place: Path) -> Run:
    """Read a run from its folder, its ``run.json`` or its ``journal.jsonl``.

    Raises:
        RunFileError: There is none, or it is not one that this version can read.
    """
    file = place
    if place.is_dir():
        file = place / RUN_NAME if (place / RUN_NAME).exists() else place / JOURNAL_NAME
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise RunFileError(f"There is no run at {place}. `lab compare` makes one under results/.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise RunFileError(f"Cannot read {file}: {error}.") from error
    return _parse_journal(file, text) if file.suffix == ".jsonl" else _parse_run(file, text)


def _parse_run(file: Path, text: str) -> Run:
    try:
        value = json.loads(text)
    except ValueError as error:
        beside = file.with_name(JOURNAL_NAME)
        advice = f" The journal beside it may be whole: lab report {beside}" if beside.exists() else ""
        raise RunFileError(f"{file} is not whole JSON ({error}).{advice}") from error
    return _validate(file, value)


def _parse_journal(file: Path, text: str) -> Run:
    parts: dict[str, list[Any]] = {"run": [], "documents": [], "calibration": [], "trial": [], "end": []}
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines, start=1):
        try:
            entry = json.loads(line)
            parts[entry["kind"]].append(entry["value"])
        except (ValueError, KeyError, TypeError) as error:
            # The last line may be half written: that is how a killed run ends.
            if number == len(lines) and not line.endswith("\n"):
                break
            raise RunFileError(f"{file}, line {number}: not an entry of a journal ({error}).") from error
    if not parts["run"]:
        raise RunFileError(f"{file} does not begin with a run: it was cut before anything was measured.")
    end: Mapping[str, Any] = parts["end"][-1] if parts["end"] else {"state": "interrupted"}
    try:
        value = {
            **parts["run"][0],
            **end,
            "documents": {entry["framework"]: entry["pair"] for entry in parts["documents"]},
            "calibration": parts["calibration"],
            "trials": parts["trial"],
        }
    except (TypeError, KeyError) as error:
        raise RunFileError(f"{file} is a journal of something else ({error!r}).") from error
    return _validate(file, value)


def _validate(file: Path, value: object) -> Run:
    version = value.get("schema_version") if isinstance(value, dict) else None
    if version != SCHEMA_VERSION:
        found = "no schema_version" if version is None else f"schema_version {version!r}"
        raise RunFileError(f"{file} has {found}; this version of lab reads schema_version {SCHEMA_VERSION}.")
    try:
        return _RUN.validate_python(value)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RunFileError(f"{file} is not a run: {where}: {first['msg']} ({error.error_count()} faults).") from error


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
