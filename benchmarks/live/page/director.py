"""Takes a class from its guesses through a race to the verdict: one race at a time, serving viewers between trials."""

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

from benchmarks.errors import InvalidValueError, LabError, RefusedError
from benchmarks.judge.claims import Claim
from benchmarks.judge.judge import judge
from benchmarks.judge.judgement import Comparison, Judgement
from benchmarks.live.page import scenes, stage
from benchmarks.live.page.board import Board
from benchmarks.live.page.gate import Gate
from benchmarks.live.page.guesses import Guesses, asked_of
from benchmarks.live.page.listener import Connections
from benchmarks.live.page.racer import RaceProcess
from benchmarks.live.page.rendering import NOTHING_REVEALED, Renderer
from benchmarks.live.page.stage import Place
from benchmarks.measure import journal
from benchmarks.measure.environment import kept_off, share_cores
from benchmarks.measure.race import OWN, Lineup
from benchmarks.measure.schedule import calibration, trials
from benchmarks.model import RACE, Plan, Run
from benchmarks.report.figures import amount
from benchmarks.report.formats import RUN_KEPT, RUN_NAME, write_both
from benchmarks.report.products.run import run_document
from benchmarks.report.words import contender_name, server_name

_SETTLE_S: Final = 1.5
_ANNOUNCE_EVERY_S: Final = 0.4

_LOGGER: Final = logging.getLogger(__name__)

Phase = Literal["idle", "starting", "racing", "stopping", "over"]


class Director:
    """Holds the state of the workshop, and publishes it on the board.

    Args:
        out: Folder in which runs are kept.
        claims: The ledger.
        renderer: Makes the HTML for the board.
        gate: Shut during a trial.
        connections: Those on which the board is followed.
        lineup: Who can race.

    Attributes:
        plan: Of the next race, or of the one in progress; ``None`` while none is possible.
        place: Where the stage is.
        renderer: As given.
    """

    def __init__(
        self,
        *,
        out: Path,
        claims: Sequence[Claim],
        renderer: Renderer,
        gate: Gate,
        connections: Connections,
        lineup: Lineup = OWN,
    ) -> None:
        self.lineup = lineup
        self.plan: Plan | None = None
        self.place = Place()
        self.guesses = Guesses(asked_of(lineup))
        self.board = Board(connections, self.announce)
        self._out = out
        self._claims = claims
        self.renderer = renderer
        self._gate = gate
        self._phase: Phase = "idle"
        self._rounds = 0
        self._measuring = ""
        self._message = ""
        self._spoken = ""
        self._trials_planned = self._trials_done = 0
        self._folder: Path | None = None
        self._judged: tuple[Run, Judgement] | None = None
        self._html = self._scene = ""
        self._revealed = NOTHING_REVEALED
        self._race: RaceProcess | None = None
        self._is_to_stop = False
        self._driving: asyncio.Task[None] | None = None
        self._something_changed = asyncio.Event()
        self._showing = asyncio.Lock()

    @property
    def report(self) -> Path | None:
        """The report of the last race, once it is over."""
        return None if self._folder is None or self._driving is not None else self._folder / f"{RUN_NAME}.html"

    @property
    def pairs(self) -> list[Comparison]:
        """The comparisons of the last race that the stage shows."""
        return [] if self._judged is None else scenes.shown_pairs(self._judged[0].plan, self._judged[1])

    @property
    def raced(self) -> Run | None:
        """The last race, as far as it is known."""
        return None if self._judged is None else self._judged[0]

    @contextlib.asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Work during an ``async with`` block; a race still in progress at its end is stopped and kept."""
        await self._recall()
        await self._show()
        announcing = asyncio.create_task(self._announce())
        try:
            yield
        finally:
            announcing.cancel()
            await self.close()

    async def close(self) -> None:
        """Stop the race, keep what was measured, and end all streams; can be called again."""
        self._end_race()
        if self._driving is not None:
            await asyncio.wait([self._driving])
        await self.board.close()

    async def start(self, plan: Plan) -> None:
        """Start a race, and close the guesses.

        Raises:
            RefusedError: A race is in progress.
        """
        if self._driving is not None:
            raise RefusedError("A race is in progress: stop it first, or wait for its end.")
        self.guesses.is_open = False
        self._rounds, self._phase, self._message = max(plan.rounds.values()), "starting", ""
        self._folder, self._judged, self._html, self._is_to_stop = None, None, "", False
        self.plan, self.place, self._revealed = plan, Place("race"), NOTHING_REVEALED
        self._scene = self.renderer.lanes(plan)
        self._trials_planned, self._trials_done = len([*calibration(plan), *trials(plan)]), 0
        self._measuring = "Checking that all contenders give the same answer"
        self._spoken = "The race begins. Guesses are closed."
        self._driving = asyncio.create_task(self._drive(plan))
        await self._show()

    async def stop(self) -> None:
        """Stop the race; what was measured is kept and judged.

        Raises:
            RefusedError: No race is in progress.
        """
        if self._driving is None:
            raise RefusedError("No race is in progress.")
        self._phase = "stopping"
        self._end_race()

    async def ask_for_guesses(self) -> None:
        """Clear the guesses and open them again.

        Raises:
            RefusedError: A race is in progress.
        """
        if self._driving is not None:
            raise RefusedError("A race is in progress, so a new guess would not be a prediction.")
        self.guesses.clear()
        self._phase, self._spoken, self._message = "idle", "New guesses are open.", ""
        self.place = Place()
        await self._show()

    async def step(self, direction: str, place: str) -> None:
        """Move the stage forward or back, and do what belongs to that.

        Args:
            direction: Of the step.
            place: From which it is made, as ``str`` of it. Two steps at once, from two presenters or by a clicker that
                bounces, are one.
        Raises:
            RefusedError: The stage is elsewhere, or there is no such step from here now.
            InvalidValueError: This is no direction, or no race is chosen.
        """
        if place != str(self.place):
            raise RefusedError("The stage has moved on already.")
        is_racing, are_open = self._driving is not None, self.guesses.is_open
        facts = stage.Facts(is_racing=is_racing, are_open=are_open, parts=len(self.pairs))
        step = stage.step(self.place, direction, facts)
        match step.deed:
            case "start the race":
                if self.plan is None:
                    raise InvalidValueError("Choose the contenders on the console first.")
                # Another race has another order.
                await self.start(dataclasses.replace(self.plan, seed=secrets.randbelow(2**32)))
                return
            case "ask for guesses":
                await self.ask_for_guesses()
                return
            case "close guesses" | "open guesses":
                self.guesses.is_open = step.deed == "open guesses"
                self._spoken = f"Guesses are {'open again' if self.guesses.is_open else 'closed'}."
        self.place = step.place
        self._spoken = self._because()["because"] or self._spoken
        await self._show()

    def _because(self) -> dict[str, str]:
        if self._judged is not None and self.place.scene == "why" and self.pairs:
            return self.renderer.because(self._judged[0].plan, self.pairs[self.place.part])
        return {"because": "", "timeline": ""}

    async def choose(self, plan: Plan) -> None:
        """Choose the next race.

        Raises:
            RefusedError: A race is in progress.
        """
        if self._driving is not None:
            raise RefusedError("A race is in progress: choose the next one when it is over.")
        self.plan = plan
        self.announce()

    def announce(self) -> None:
        """Publish soon that a count has changed."""
        self._something_changed.set()

    async def _announce(self) -> None:
        # Two hundred guesses in ten seconds are not two hundred events for two hundred viewers.
        while True:
            await self._something_changed.wait()
            await self._gate.opened()
            self._something_changed.clear()
            # Not between the parts that are being published: a race is not over before its verdict is shown.
            async with self._showing:
                await self.board.publish("state", self._state())
            await asyncio.sleep(_ANNOUNCE_EVERY_S)

    async def _drive(self, plan: Plan) -> None:
        # Before this process keeps off a core, which its children inherit.
        cpus = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        try:
            # This process serves viewers while servers are measured, and must not do so on their core.
            with kept_off(share_cores().server):
                await self._measure(plan, cpus)
            await self._finish()
        except Exception as fault:
            # Whatever it is, the class must be informed, and another race must be possible.
            _LOGGER.exception("The page failed during a race.")
            self._judged, self._html = None, ""
            self._message = self._spoken = (
                f"The page failed during the race: {fault!r}. What was measured is kept in {self._out}."
            )
        self._phase, self._measuring, self._driving = "over", "", None
        # The needle drops when the race is over; without one the race can be started again.
        self.place = Place("closed" if self._judged is None else "reveal")
        await self._show()

    def _end_race(self) -> None:
        # Its process may be about to start, and is then stopped as soon as it exists.
        self._is_to_stop = True
        if self._race is not None:
            self._race.stop()

    async def _measure(self, plan: Plan, cpus: Sequence[int]) -> None:
        try:
            self._race = await RaceProcess.start(plan, self._out, cpus, self.lineup)
        except OSError as error:
            self._message = f"The race cannot be started: {error}."
            return
        if self._is_to_stop:
            self._race.stop()
        try:
            async for event in self._race.events():
                match event["event"]:
                    case "begun":
                        self._folder = Path(event["folder"])
                    case "pause":
                        await self._pause(event)
                    case "failed" | "note":
                        self._message = str(event["message"])
        finally:
            self._gate.open()
            await self._race.end()
            self._race = None

    async def _pause(self, event: Mapping[str, Any]) -> None:
        """Between two blocks: publish the results so far, and resume when the viewers have them."""
        self._gate.open()
        if self._phase != "stopping":
            self._phase = "racing"
        await self._judge(is_over=False)
        number = event["round"]
        self._measuring = (
            f"Round {number} of {self._rounds}, on {server_name(event['server'])}"
            if number
            else f"How fast can we ask? A bare server on {server_name(event['server'])}"
        )
        so_far = "" if self._judged is None else f" {_so_far(self._judged[1])}"
        self._spoken = f"{self._measuring}.{so_far}"
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
                    # A journal without an end may have been cut; this one still grows.
                    run = dataclasses.replace(run, state="running")
                self._trials_done = len(run.trials) + len(run.calibration)
                if run.trials:
                    await self._evaluate(run)

    async def _evaluate(self, run: Run) -> None:
        judgement = await asyncio.to_thread(judge, run, tuple(self._claims))
        self._html = await asyncio.to_thread(self.renderer.race, run, judgement)
        self._scene = await asyncio.to_thread(self.renderer.lanes, run.plan, run, judgement)
        self._judged = run, judgement

    async def _finish(self) -> None:
        await self._judge(is_over=True)
        if self._judged is None:
            self._message = self._spoken = self._message or "Stopped before anything was measured."
        else:
            duels = self._judged[1].duels
            told = (
                f"{contender_name(duel.above)} against {contender_name(duel.below)}: {duel.standing}." for duel in duels
            )
            self._revealed = await asyncio.to_thread(self.renderer.reveal, self.guesses, *self._judged)
            self._spoken = " ".join(("The race is over.", *told))
            await asyncio.to_thread(self._write_reports, *self._judged)

    def _write_reports(self, run: Run, judgement: Judgement) -> None:
        assert self._folder is not None  # noqa: S101 (the run was read from it)
        try:
            write_both(self._folder, RUN_NAME, run_document(run, judgement, self._claims, self._folder), RUN_KEPT)
        except LabError as error:
            self._message = str(error)

    async def _recall(self) -> None:
        """Show the last race again, after a restart."""
        found = await asyncio.to_thread(_last_race, self._out)
        if found is not None:
            self._folder, run = found
            await self._evaluate(run)
            assert self._judged is not None  # noqa: S101 (just now)
            self._revealed = await asyncio.to_thread(self.renderer.reveal, self.guesses, *self._judged)

    async def _show(self) -> None:
        # One after another: an older state must not be published after a newer one.
        async with self._showing:
            await self.board.publish("race", {"html": self._html, "scene": self._scene})
            # Guesses of others are not shown before the race is over.
            told = self._revealed.told if self._phase == "over" else ""
            scenes_shown = {"scene": self._revealed.scene, "next": self._revealed.next}
            await self.board.publish("guesses", {"html": told, **scenes_shown})
            # Last: a viewer who reads that the race is over has everything else already.
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
            "hasReport": self.report is not None and self._judged is not None,
            "stage": {**stage.told(self.place, is_racing=self._driving is not None), **self._because()},
            "lineup": scenes.lineup(self.plan),
            "raced": "" if self._folder is None else self._folder.name,
        }


def _so_far(judgement: Judgement) -> str:
    return " ".join(
        f"So far {contender_name(duel.above)} serves {amount(duel.rate.value, '×')} of {contender_name(duel.below)}."
        for duel in judgement.duels
        if duel.rate is not None and duel.refusal is None
    )


def _last_race(out: Path) -> tuple[Path, Run] | None:
    """Return the last kept race that has trials, and its folder."""
    with contextlib.suppress(OSError):
        for folder in sorted(out.glob(f"*-{RACE}*"), reverse=True)[:5]:
            with contextlib.suppress(journal.RunFileError):
                run = journal.read_run(folder)
                if run.plan.preset == RACE and run.trials:
                    # A race that was killed could not record that it was over.
                    return folder, run if run.state == "complete" else dataclasses.replace(run, state="interrupted")
    return None
