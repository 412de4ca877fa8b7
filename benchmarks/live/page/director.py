"""Takes a class from its guesses through a race to the verdict: one race at a time, and viewers between its trials."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import os
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

from benchmarks.errors import LabError, RefusedError
from benchmarks.judge.claims import Claim
from benchmarks.live.page.board import Board
from benchmarks.live.page.gate import Gate
from benchmarks.live.page.guesses import Guesses
from benchmarks.live.page.listener import Connections
from benchmarks.live.page.racer import RaceOrder, RaceProcess
from benchmarks.live.page.telling import RaceStory, Renderer, tell_race
from benchmarks.measure import journal
from benchmarks.measure.environment import kept_off, share_cores
from benchmarks.measure.schedule import calibration, trials
from benchmarks.model import RACE, Run
from benchmarks.report.figures import amount
from benchmarks.report.formats import RUN_KEPT, RUN_NAME, write_both
from benchmarks.report.products.run import run_document

_SETTLE_S: Final = 1.5
_ANNOUNCE_EVERY_S: Final = 0.4

_LOGGER: Final = logging.getLogger(__name__)

Phase = Literal["idle", "starting", "racing", "stopping", "over"]


class Director:
    """Holds what goes on, and lets the board show it.

    Args:
        out: Folder in which runs are kept.
        claims: The ledger.
        renderer: Makes HTML of what is told.
        gate: Shut while a trial is under way.
        connections: Those on which the board is followed.
    """

    def __init__(
        self,
        *,
        out: Path,
        claims: Sequence[Claim],
        renderer: Renderer,
        gate: Gate,
        connections: Connections,
    ) -> None:
        self.guesses = Guesses()
        self.board = Board(connections, self.announce)
        self._out = out
        self._claims = claims
        self._renderer = renderer
        self._gate = gate
        self._phase: Phase = "idle"
        self._choice: RaceOrder | None = None
        self._measuring = ""
        self._message = ""
        self._spoken = ""
        self._trials_planned = self._trials_done = 0
        self._folder: Path | None = None
        self._story: RaceStory | None = None
        self._race: RaceProcess | None = None
        self._is_to_stop = False
        self._driving: asyncio.Task[None] | None = None
        self._something_changed = asyncio.Event()
        self._showing = asyncio.Lock()

    @property
    def is_racing(self) -> bool:
        """Whether a race is on."""
        return self._driving is not None

    @property
    def report(self) -> Path | None:
        """The report of the last race, once it is over."""
        return None if self._folder is None or self.is_racing else self._folder / f"{RUN_NAME}.html"

    @contextlib.asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Be at work for the length of an ``async with`` block; a race that is then still on is stopped and kept."""
        await self._recall()
        await self._show()
        announcing = asyncio.create_task(self._announce())
        try:
            yield
        finally:
            announcing.cancel()
            await self.close()

    async def close(self) -> None:
        """Stop what is on, keep what was measured, and end all streams; harmless the second time."""
        self._end_race()
        if self._driving is not None:
            await asyncio.wait([self._driving])
        await self.board.close()

    async def start(self, choice: RaceOrder) -> None:
        """Start a race; guesses are closed from now on.

        Raises:
            RefusedError: One is on already.
            InvalidValueError: It cannot be run.
        """
        if self._driving is not None:
            raise RefusedError("A race is on already: stop it first, or wait for its end.")
        seed = secrets.randbelow(2**32)
        order = dataclasses.replace(choice, seed=seed, out=str(self._out), cpus=_usable_cpus())
        # To refuse it here and now, if it must be.
        plan = order.plan()
        self.guesses.is_open = False
        self._choice, self._phase, self._message = choice, "starting", ""
        self._folder, self._story, self._is_to_stop = None, None, False
        self._trials_planned, self._trials_done = len([*calibration(plan), *trials(plan)]), 0
        self._measuring = "Checking that all give the same answer"
        self._spoken = "The race begins. Guesses are closed."
        self._driving = asyncio.create_task(self._drive(order))
        await self._show()

    async def stop(self) -> None:
        """Stop the race; what was measured is kept and judged.

        Raises:
            RefusedError: None is on.
        """
        if self._driving is None:
            raise RefusedError("No race is on.")
        self._phase = "stopping"
        self._end_race()

    async def ask_for_guesses(self) -> None:
        """Forget the guesses and take new ones.

        Raises:
            RefusedError: A race is on.
        """
        if self.is_racing:
            raise RefusedError("A race is on: new guesses would know too much.")
        self.guesses.clear()
        self._phase, self._spoken = "idle", "New guesses are taken."
        await self._show()

    def announce(self) -> None:
        """Let the class know soon that a count has changed."""
        self._something_changed.set()

    async def _announce(self) -> None:
        # Two hundred guesses in ten seconds are not two hundred events for two hundred viewers.
        while True:
            await self._something_changed.wait()
            await self._gate.opened()
            self._something_changed.clear()
            # Not between the parts of what is being shown: a race is not over before its verdict is there.
            async with self._showing:
                await self.board.publish("state", self._state())
            await asyncio.sleep(_ANNOUNCE_EVERY_S)

    async def _drive(self, order: RaceOrder) -> None:
        try:
            # It serves viewers while servers are measured, and must not do so on their core.
            with kept_off(share_cores().server):
                await self._measure(order)
            await self._finish()
        except Exception as fault:
            # Whatever it is, the class must be told, and another race must be possible.
            _LOGGER.exception("A race ended by a fault of the page.")
            self._story = None
            self._message = (
                f"The race ended by a fault of the page: {fault!r}. What was measured is kept in {self._out}."
            )
            self._spoken = self._message
        self._phase, self._measuring, self._driving = "over", "", None
        await self._show()

    def _end_race(self) -> None:
        # Its process may be about to start, and is then ended as soon as there is one.
        self._is_to_stop = True
        if self._race is not None:
            self._race.stop()

    async def _measure(self, order: RaceOrder) -> None:
        try:
            self._race = await RaceProcess.start(order)
        except OSError as error:
            self._message = f"The race cannot be started: {error}."
            return
        if self._is_to_stop:
            self._race.stop()
        try:
            async for event in self._race.events():
                await self._follow(event)
        finally:
            self._gate.open()
            await self._race.end()
            self._race = None

    async def _follow(self, event: Mapping[str, Any]) -> None:
        match event["event"]:
            case "begun":
                self._folder = Path(event["folder"])
            case "pause":
                await self._pause(event)
            case "failed":
                self._message = str(event["message"])
            case "note":
                self._message = str(event["message"])

    async def _pause(self, event: Mapping[str, Any]) -> None:
        """Between two blocks: draw what came out, let the class have it, and go on when nobody asks any more."""
        self._gate.open()
        if self._phase != "stopping":
            self._phase = "racing"
        await self._judge(is_over=False)
        number, rounds = event["round"], self._choice.rounds if self._choice else 0
        self._measuring = (
            f"Round {number} of {rounds}, on {event['server']}"
            if number
            else f"How fast can the loader ask? A bare server on {event['server']}"
        )
        self._spoken = f"{self._measuring}." if self._story is None else f"{self._measuring}. {_so_far(self._story)}"
        await self._show()
        await self.board.settle(_SETTLE_S)
        await self._gate.shut_when_quiet()
        assert self._race is not None  # noqa: S101 (it is what pauses)
        self._race.go_on()

    async def _judge(self, *, is_over: bool) -> None:
        if self._folder is not None:
            with contextlib.suppress(journal.RunFileError):
                run = await asyncio.to_thread(journal.read_run, self._folder)
                if not is_over:
                    # A journal without its end may be one that was cut; this one grows.
                    run = dataclasses.replace(run, state="running")
                self._trials_done = len(run.trials) + len(run.calibration)
                if run.trials:
                    self._story = await asyncio.to_thread(tell_race, run, self._claims)

    async def _finish(self) -> None:
        await self._judge(is_over=True)
        if self._story is None:
            self._message = self._message or "Stopped before anything was measured."
            self._spoken = self._message
        else:
            self._spoken = _verdicts(self._story)
            await asyncio.to_thread(self._write_reports, self._story)

    def _write_reports(self, story: RaceStory) -> None:
        assert self._folder is not None  # noqa: S101 (the story is of what is in it)
        try:
            document = run_document(story.run, story.judgement, self._claims, self._folder)
            write_both(self._folder, RUN_NAME, document, RUN_KEPT)
        except LabError as error:
            self._message = str(error)

    async def _recall(self) -> None:
        """Show the last race again, after a restart."""
        found = await asyncio.to_thread(_last_race, self._out)
        if found is not None:
            self._folder, run = found
            self._story = await asyncio.to_thread(tell_race, run, self._claims)
            (workload,) = run.plan.workloads
            self._choice = RaceOrder(
                contenders=tuple(contender.id for contender in run.plan.contenders),
                wait_ms=round(workload.wait_ms),
                connections=run.plan.loads[workload.name].vus,
                rounds=run.plan.rounds[workload.name],
            )

    async def _show(self) -> None:
        # One after another: what is drawn now must not come after what is drawn next.
        async with self._showing:
            story, is_over = self._story, self._phase == "over"
            html = "" if story is None else await asyncio.to_thread(self._renderer.race, story)
            await self.board.publish("race", {"html": html})
            reveal = await asyncio.to_thread(self._renderer.guesses, self.guesses, story if is_over else None)
            await self.board.publish("guesses", {"html": reveal})
            # Last: who reads in it that the race is over has the rest already.
            await self.board.publish("state", self._state())

    def _state(self) -> dict[str, Any]:
        return {
            "phase": self._phase,
            "guesses": {"open": self.guesses.is_open, "count": len(self.guesses.counted)},
            "viewers": self.board.viewers,
            "measuring": self._measuring,
            "message": self._message,
            "spoken": self._spoken,
            "trials": self._trials_done,
            "trialsPlanned": self._trials_planned,
            "hasReport": self.report is not None and self._story is not None,
        }


def _usable_cpus() -> tuple[int, ...]:
    return tuple(sorted(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else ()


def _so_far(story: RaceStory) -> str:
    return " ".join(
        f"So far {duel.above} serves {amount(duel.rate.value, '×')} of {duel.below}."
        for duel in story.judgement.duels
        if duel.rate is not None and duel.refusal is None
    )


def _verdicts(story: RaceStory) -> str:
    told = " ".join(f"{duel.above} against {duel.below}: {duel.standing}." for duel in story.judgement.duels)
    return f"The race is over. {told}"


def _last_race(out: Path) -> tuple[Path, Run] | None:
    """Return the last race that was kept with something to judge, and its folder."""
    with contextlib.suppress(OSError):
        for folder in sorted(out.glob(f"*-{RACE}*"), reverse=True)[:5]:
            with contextlib.suppress(journal.RunFileError):
                run = journal.read_run(folder)
                if run.plan.preset == RACE and run.trials:
                    # One that was killed has nobody who could have written down that it is over.
                    return folder, run if run.state == "complete" else dataclasses.replace(run, state="interrupted")
    return None
