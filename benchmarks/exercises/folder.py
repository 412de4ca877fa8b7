"""Puts the starting state of an exercise into a folder of whoever works on it."""

from __future__ import annotations

from pathlib import Path

from benchmarks.errors import LabError
from benchmarks.exercises.catalogue import Exercise


def start(exercise: Exercise, folder: Path, *, force: bool) -> list[Path]:
    """Copy the starting state of an exercise.

    Args:
        exercise: Which.
        folder: Where to; made when it is not there.
        force: Write over files that are there. Files that are not the exercise's stay in any case.
    Returns:
        What was written.
    Raises:
        LabError: Something is there already, or it cannot be written.
    """
    files = exercise.starting_files()
    there = [name for name in files if (folder / name).exists()]
    if there and not force:
        raise LabError(
            f"{folder} holds {', '.join(there)} already. Go on with it (lab exercise check {exercise.number}), take "
            "another folder (--into FOLDER), or begin anew with --force, which writes over what you did."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, source in files.items():
            (folder / name).write_bytes(source.read_bytes())
    except OSError as error:
        raise LabError(
            f"Cannot write {folder}: {error.strerror or error}. Take another folder: --into FOLDER."
        ) from error
    return [folder / name for name in files]
