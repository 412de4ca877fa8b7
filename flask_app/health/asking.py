"""Check every dependency, one after another or concurrently, each with a timeout, and cache the outcomes."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import logging
import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from flask_app.health.bulkhead import Bulkhead
from flask_app.health.checks import Check, WaitCheck, configured
from flask_app.health.connections import Connections, LoopConnections
from flask_app.health.memory import Memory, Question
from flask_app.health.outcome import CheckFailedError, Outcome, Readings, answer_of, answered, failed, no_answer_within
from flask_app.health.thread_deadline import deadline
from flask_app.settings import Settings

_log = logging.getLogger(__name__)


class Readiness:
    """The readiness of one app.

    Args:
        settings: The deployment's dependencies and timeouts.
    """

    def __init__(self, settings: Settings) -> None:
        self._checks = configured(settings)
        self._timeout_ms = settings.ready_timeout_ms
        self._warn_ms = settings.ready_warn_ms
        self._details = settings.ready_details
        self._memory = Memory(settings.ready_cache_ms / 1_000)
        self._bulkheads = {name: Bulkhead(name) for name in (*(check.name for check in self._checks), WaitCheck.name)}
        self.connections = Connections(
            settings.database_url,
            verifies=any(url.startswith("https:") for url in settings.upstream_urls),
            timeout_s=settings.ready_timeout_ms / 1_000,
        )

    def ask_in_turn(self, wait_ms: int) -> tuple[dict[str, Any], int]:
        """Check one dependency after another, and return the body and status of the answer.

        Args:
            wait_ms: Delay of an additional simulated dependency, milliseconds; 0 for none.
        """
        return self._answer([self._kept_or_asked(check) for check in self._checks_with(wait_ms)])

    async def ask_together(self, wait_ms: int) -> tuple[dict[str, Any], int]:
        """Check all dependencies concurrently, and return the body and status of the answer.

        Args:
            wait_ms: Delay of an additional simulated dependency, milliseconds; 0 for none.
        """
        # The database goes last: checking it keeps this loop busy, which would delay the other requests.
        database, *others = self._checks_with(wait_ms)
        async with self.connections.of_this_loop() as connections, asyncio.TaskGroup() as group:
            *asking, last = [
                group.create_task(self._kept_or_asked_async(check, connections)) for check in (*others, database)
            ]
        return self._answer([task.result() for task in (last, *asking)])

    def _checks_with(self, wait_ms: int) -> Sequence[Check]:
        return (*self._checks, WaitCheck(wait_ms)) if wait_ms else self._checks

    def _answer(self, outcomes: Sequence[Outcome]) -> tuple[dict[str, Any], int]:
        return answer_of(outcomes, details=self._details)

    def _kept_or_asked(self, check: Check) -> Outcome:
        until_s = self._until_s()
        if not (check.is_kept and self._memory.keeps):
            return self._asked(check, until_s)
        while True:
            known = self._memory.join(check.name)
            if isinstance(known, Outcome):
                return known
            if known.leads:
                with self._leading(known):
                    self._memory.settle(known, outcome := self._asked(check, until_s))
                return outcome
            try:
                theirs = known.answer.result(max(0.0, until_s - time.monotonic()))
            except TimeoutError:
                return self._late(check)
            if theirs is not None:
                return theirs

    async def _kept_or_asked_async(self, check: Check, connections: LoopConnections) -> Outcome:
        until_s = self._until_s()
        if not (check.is_kept and self._memory.keeps):
            return await self._asked_async(check, connections, until_s)
        while True:
            known = self._memory.join(check.name)
            if isinstance(known, Outcome):
                return known
            if known.leads:
                with self._leading(known):
                    self._memory.settle(known, outcome := await self._asked_async(check, connections, until_s))
                return outcome
            try:
                async with asyncio.timeout(until_s - time.monotonic()):
                    theirs = await asyncio.wrap_future(known.answer)
            except TimeoutError:
                return self._late(check)
            if theirs is not None:
                return theirs

    def _asked(self, check: Check, until_s: float) -> Outcome:
        asked_at = _now()
        try:
            readings = self._bulkheads[check.name].call(partial(self._ask, check, until_s), until_s=until_s)
        except Exception as error:  # noqa: BLE001 - any error means that the dependency failed
            # A driver's own timeout ends at the same moment, and may be raised first.
            is_late = time.monotonic() >= until_s
            return self._failed(check, asked_at, TimeoutError() if is_late else error)
        return self._answered(check, asked_at, readings)

    async def _asked_async(self, check: Check, connections: LoopConnections, until_s: float) -> Outcome:
        asked_at = _now()
        try:
            async with asyncio.timeout(until_s - time.monotonic()):
                readings = await check.ask_async(connections)
        except Exception as error:  # noqa: BLE001 - any error means that the dependency failed
            return self._failed(check, asked_at, error)
        return self._answered(check, asked_at, readings)

    def _ask(self, check: Check, until_s: float) -> Readings:
        with deadline(until_s):
            return check.ask(self.connections.threads)

    def _until_s(self) -> float:
        return time.monotonic() + self._timeout_ms / 1_000

    def _answered(self, check: Check, asked_at: str, readings: Readings) -> Outcome:
        return answered(check.name, check.component_type, time=asked_at, readings=readings, warn_ms=self._warn_ms)

    def _failed(self, check: Check, asked_at: str, error: Exception) -> Outcome:
        if isinstance(error, TimeoutError):
            output = no_answer_within(self._timeout_ms)
        elif isinstance(error, CheckFailedError):
            output = str(error)
        else:
            # The error's message may contain secrets.
            output = "the check failed"
            _log.warning("The check of %s failed: %s", check.name, type(error).__name__)
        return failed(check.name, check.component_type, time=asked_at, output=output)

    def _late(self, check: Check) -> Outcome:
        return failed(check.name, check.component_type, time=_now(), output=no_answer_within(self._timeout_ms))

    @contextlib.contextmanager
    def _leading(self, question: Question) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self._memory.abandon(question)
            raise


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
