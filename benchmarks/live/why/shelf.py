"""Holds the bursts on show: those that come with the lab, and how another is recorded on this machine.

A burst is recorded by ``lab explain`` in a process of its own, while the page's process serves viewers. That process
also takes the machine's lock, so nothing is recorded during a race, and no race starts during a recording.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import shlex
import subprocess
import tempfile
from collections import ChainMap
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from benchmarks.contenders import catalogue
from benchmarks.errors import LabError, RefusedError
from benchmarks.foreign_json import ForeignJSONError, read_object
from benchmarks.live.recording import Recording
from benchmarks.measure.race import Lineup
from benchmarks.measure.schedule import ASKED_FACT
from benchmarks.model import Contender
from benchmarks.process import python, start

WAITS_MS: Final = (0, 20)
"""How long views wait in the bursts on show, milliseconds: not at all, as in the race's health check, which is shown
first; or as for a dependency."""

REQUESTS: Final = 3
"""How many requests are sent at the same moment."""

CONTENDERS: Final[tuple[Contender, ...]] = catalogue.WORKSHOP
"""The usual ones with a view, whose time can be shown."""

SHIPPED: Final = Path(__file__).with_name("shipped") / "timelines.jsonl"
"""The bursts that come with the lab, one on each line."""

Key = tuple[str, int]
"""Id of a contender, and a wait in milliseconds."""

_TIMEOUT_S: Final = 60.0
_REFUSED: Final = 3
_LONGEST_REASON: Final = 600


def shipped(path: Path = SHIPPED) -> Mapping[Key, Recording]:
    """Return the bursts that come with the lab.

    Raises:
        ForeignJSONError: A line of the file is not a recording.
    """
    recordings = [Recording.from_json(read_object(line)) for line in path.read_text(encoding="utf-8").splitlines()]
    return {(each.timeline.contender, round(each.timeline.wait_ms)): each for each in recordings}


def twin_of(contender: Contender) -> Contender:
    """Return the contender that differs in the keyword alone."""
    other = replace(contender, variant="sync" if contender.variant == "async" else "async")
    return catalogue.find(other.id)


async def record_here(
    contender: Contender, wait_ms: int, *, timeout_s: float = _TIMEOUT_S, wait_turn: bool = False
) -> Recording:
    """Record a burst of one of the lab's own contenders on this machine.

    Args:
        contender: From the catalogue.
        wait_ms: How long each view waits, milliseconds.
        timeout_s: The limit for the whole recording, seconds.
        wait_turn: Whether to wait while another measurement runs; otherwise that is an error.
    Raises:
        RefusedError: Another measurement runs on this machine.
        LabError: It could not be recorded.
    """
    options = ["--view-wait", f"{wait_ms}ms", *(["--wait"] if wait_turn else [])]
    (recording,) = await record_words([contender.id, *options], timeout_s=timeout_s)
    return recording


async def record_words(words: Sequence[str], *, timeout_s: float = _TIMEOUT_S) -> tuple[Recording, ...]:
    """Record on this machine what ``lab explain`` records for these words and options.

    Args:
        words: Contenders, or somebody's apps with their request.
        timeout_s: The limit for all of them, seconds.
    Raises:
        RefusedError: Another measurement runs on this machine.
        LabError: One could not be recorded.
    """
    command = [*python("-m", "benchmarks", "explain"), *words, "--json", "--requests", str(REQUESTS)]
    with tempfile.TemporaryFile() as printed, tempfile.TemporaryFile() as complaints:
        ends = contextlib.ExitStack()
        try:
            # Not in a thread, where it could begin after this coroutine was cancelled.
            process = start(ends, command, stdout=printed, stderr=complaints).process
            status = await asyncio.to_thread(process.wait, timeout_s)
        except subprocess.TimeoutExpired:
            raise LabError(f"Recording took longer than {timeout_s:.0f} s and was stopped.") from None
        finally:
            await asyncio.to_thread(ends.close)
        printed.seek(0)
        complaints.seek(0)
        out, errors = printed.read(), complaints.read().decode("utf-8", "replace")
    if status:
        # What comes before the error says where apps were found.
        reason = re.split(r"(?:^| )Error: ", " ".join(errors.split()))[-1] or "It ended without a message."
        # The next step on a command line is of no use on a page.
        reason = reason.partition(" Wait for it to end,")[0][:_LONGEST_REASON]
        raise (RefusedError if status == _REFUSED else LabError)(reason)
    try:
        document = read_object(out)
        recordings = document["timelines"] if document["document"] == "timelines" else [document]
        return tuple(Recording.from_json(each) for each in recordings)
    except (ForeignJSONError, KeyError) as error:
        raise LabError(f"The recording cannot be read: {error}") from error


async def record_lineup(lineup: Lineup, wait_ms: int) -> tuple[Recording, ...]:
    """Record all of a lineup, by the words that it was asked for with."""
    words = shlex.split(lineup.facts.get(ASKED_FACT, ""))
    wait = ["--view-wait", f"{wait_ms}ms"] if lineup.waits else []
    return await record_words([*words, *wait], timeout_s=_TIMEOUT_S * len(lineup.contenders))


class Shelf:
    """The bursts on show, for one event loop.

    Args:
        record: Records a burst of one of the lab's own contenders, given its wait in milliseconds.
        others: Somebody's apps, of which nothing is shipped; shown first.
        record_others: Records all of these, given the wait.
    """

    def __init__(
        self,
        record: Callable[[Contender, int], Awaitable[Recording]] = record_here,
        others: Sequence[Contender] = (),
        record_others: Callable[[int], Awaitable[Sequence[Recording]]] | None = None,
    ) -> None:
        self.contenders = {contender.id: contender for contender in (*others, *CONTENDERS)}
        self.others = [contender.id for contender in others]
        self.recordings: ChainMap[Key, Recording] = ChainMap({}, dict(shipped()))
        """What is recorded here, in front of what was shipped."""
        self._record = record
        self._record_others = record_others
        self._is_recording = False

    async def record(self, contender: Contender, wait_ms: int) -> None:
        """Record a burst on this machine now, and show it from then on; of somebody's apps, all of them.

        Raises:
            RefusedError: This, or another measurement, is in progress.
            LabError: It could not be recorded.
        """
        if self._is_recording:
            raise RefusedError("A recording is in progress; try again in a few seconds.")
        self._is_recording = True
        try:
            if contender.id in self.others and self._record_others is not None:
                made = await self._record_others(wait_ms)
                self.recordings.update({(each.timeline.contender, wait_ms): each for each in made})
            else:
                self.recordings[contender.id, wait_ms] = await self._record(contender, wait_ms)
        finally:
            self._is_recording = False
