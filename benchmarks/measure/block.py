"""Runs the trials of one block: starts their servers, lets their slices take turns, and ends with a record of each.

A server or a loader that dies or misbehaves makes its own trial void; its block-mates go on.
"""

from __future__ import annotations

import base64
import contextlib
import time
from collections.abc import Callable, Sequence
from typing import ParamSpec

import psutil

from benchmarks.contenders.own_python import expanded
from benchmarks.measure import parity
from benchmarks.measure.dependencies import NONE, Dependencies
from benchmarks.measure.environment import Cores, timestamp
from benchmarks.measure.load.engine import LoadEngine, LoadEngineError, LoadOrder
from benchmarks.measure.load.session import LoadSession
from benchmarks.measure.observe import Observer
from benchmarks.measure.schedule import ScheduledTrial
from benchmarks.measure.server import RunningServer, ServerError, put_back
from benchmarks.model import LoadResult, Observation, Trial, Workload
from benchmarks.trials import impossibility

_P = ParamSpec("_P")

_LOOK_AT = 0.5
_END_AT = 0.95
"""Where in an interval or slice the observer looks and ends; after it the load may stop at any moment."""

_STOP_GRACE_S = 0.0
"""How long a server may take to stop, seconds: once the load is cut, its unfinished work is not needed."""

_PATIENCE_S = 15.0
"""How much longer than its own time the loader may be silent, seconds."""


def run_block(
    block: Sequence[ScheduledTrial],
    engine: LoadEngine,
    cores: Cores,
    dependencies: Dependencies = NONE,
) -> list[Trial]:
    """Run the trials of one block, each on a fresh server: what differs between two starts is part of its variance.

    Args:
        block: The trials of one arrangement, all of one load. Their slices take turns, or they follow one another.
        engine: Drives the load.
        cores: Which cores server and loader may use.
        dependencies: What the servers of readiness depend on.
    Returns:
        A record of each, in the block's order.
    """
    load = block[0].load
    with contextlib.ExitStack() as stack:
        lanes = [_Lane(scheduled, timestamp()) for scheduled in block]
        # To start takes as long as to measure, and servers can do it side by side; all are up before any is loaded.
        for lane in lanes:
            lane.attempt(lane.launch, stack, cores, engine.host, dependencies)
        for lane in lanes:
            lane.attempt(lane.wait_until_ready)
        if load.slices == 1:
            for lane in lanes:
                lane.attempt(lane.load, stack, engine, cores)
                lane.attempt(lane.measure, load.warmup_s + load.timeout_s, load.duration_s)
                lane.attempt(lane.finish)
        else:
            # While one warms up, the process of the next load starts: all are warm and at rest before any is measured.
            for lane, before in zip(lanes, (None, *lanes), strict=False):
                lane.attempt(lane.load, stack, engine, cores)
                if before is not None:
                    before.attempt(before.hold)
            lanes[-1].attempt(lanes[-1].hold)
            _take_turns(lanes, load.slices, load.duration_s / load.slices)
            for lane in lanes:
                lane.attempt(lane.finish)
    return [lane.record() for lane in lanes]


def _take_turns(lanes: Sequence[_Lane], slices: int, slice_s: float) -> None:
    for number in range(slices):
        # There and back again: what drifts steadily then takes from each as it gives.
        for lane in lanes if number % 2 == 0 else reversed(lanes):
            lane.attempt(lane.go)
            lane.attempt(lane.measure, 0.0, slice_s)
            if number < slices - 1:
                lane.attempt(lane.hold)


class _Lane:
    """One trial of the block on its way; what it holds is there once the step that gets it has succeeded."""

    _body: bytes
    _server: RunningServer
    _session: LoadSession
    _observer: Observer | None

    def __init__(self, scheduled: ScheduledTrial, started_at: str) -> None:
        self._scheduled = scheduled
        self._started_at = started_at
        self._result: LoadResult | None = None
        self._observation: Observation | None = None
        self._failure: str | None = None

    def attempt(self, step: Callable[_P, None], *args: _P.args, **kwargs: _P.kwargs) -> None:
        """Take a step, unless an earlier one has failed."""
        if self._failure is not None:
            return
        try:
            step(*args, **kwargs)
        except ServerError as error:
            self._failure = str(error)
        except LoadEngineError as error:
            # A loader may well fail because its server is gone: then that is what happened.
            death = self._server.death()
            self._failure = str(error) if death is None else self._server.explain(death)

    def launch(self, stack: contextlib.ExitStack, cores: Cores, host: str, dependencies: Dependencies) -> None:
        """Begin to start the server; it ends with the stack."""
        workload, contender = self._scheduled.workload, self._scheduled.contender
        if workload.before_trial:
            put_back(workload.before_trial, contender)
        settings = dependencies.settings_for(workload)
        self._server = RunningServer(
            stack, contender, cpus=cores.server, stop_grace_s=_STOP_GRACE_S, host=host, settings=settings
        )

    def wait_until_ready(self) -> None:
        """Wait until the server answers, and see that it answers what all must answer."""
        contender, workload = self._scheduled.contender, self._scheduled.workload
        self._server.wait_until_ready(workload.path_for(contender))
        pid = self._server.pid
        self._observer = None if pid is None else Observer(pid)
        self._body = parity.check_answer(self._server, contender, workload)

    def load(self, stack: contextlib.ExitStack, engine: LoadEngine, cores: Cores) -> None:
        """Start the loader; it ends with the stack."""
        self._session = engine.start(self._order(self._scheduled.workload, cores.loader))
        stack.callback(self._session.close)

    def _order(self, workload: Workload, cpus: tuple[int, ...]) -> LoadOrder:
        compared = workload.holds == "bytes"
        return LoadOrder(
            host=self._server.host,
            port=self._server.port,
            path=workload.path_for(self._scheduled.contender),
            load=self._scheduled.load,
            expected_body_bytes=len(self._body) if workload.holds in ("bytes", "length") else None,
            expected_body_base64=base64.b64encode(self._body).decode("ascii") if compared else None,
            cpus=cpus,
            method=workload.method,
            headers=expanded(workload.headers),
            body_base64=workload.body_base64,
            statuses=workload.statuses,
            # Another sequence in each round, the same for every contender.
            seed=self._scheduled.round,
            mix=tuple(self._order(each, cpus) for each in workload.mix),
            weight=workload.weight,
        )

    def hold(self) -> None:
        """Wait until the load is held."""
        load = self._scheduled.load
        self._session.wait_until_held(load.warmup_s + load.duration_s + 2 * load.timeout_s + _PATIENCE_S)

    def go(self) -> None:
        """Let the next slice run."""
        self._session.go()

    def measure(self, until_it_begins_s: float, duration_s: float) -> None:
        """Observe the interval, or the slice, that begins next."""
        began_s = self._session.wait_until_measuring(until_it_begins_s + _PATIENCE_S)
        if self._observer is None:
            return
        try:
            self._observer.begin()
            if self._scheduled.load.slices == 1:
                time.sleep(max(0.0, began_s + _LOOK_AT * duration_s - time.monotonic()))
                self._observer.look()
            time.sleep(max(0.0, began_s + _END_AT * duration_s - time.monotonic()))
            self._observer.end()
        except psutil.Error:
            # It died under load: the result will say so, and there is nothing left to look at.
            return

    def finish(self) -> None:
        """Fetch what the loader saw."""
        load = self._scheduled.load
        # In the open model what is still unanswered at the end is followed, until it has waited too long twice over.
        following_s = 0.0 if load.rate_per_s is None else 2 * load.timeout_s
        self._result = self._session.result(load.duration_s + following_s + _PATIENCE_S)
        if self._observer is not None:
            self._observation = self._observer.observation(self._result.rate_per_s)
        self._failure = self._server.death() or self._impossible(self._result)

    def _impossible(self, result: LoadResult) -> str | None:
        wait_s = self._scheduled.workload.wait_ms_in(self._scheduled.contender.variant) / 1_000
        fault = impossibility(result, self._scheduled.load, wait_s=wait_s)
        return None if fault is None else f"the load engine's figures cannot be true: {fault}"

    def record(self) -> Trial:
        """Return the trial as it is kept."""
        return Trial(
            round=self._scheduled.round,
            position=self._scheduled.position,
            contender=self._scheduled.contender.id,
            workload=self._scheduled.workload.name,
            placebo=self._scheduled.placebo,
            started_at=self._started_at,
            load=self._scheduled.load,
            result=self._result,
            observation=self._observation,
            failure=self._failure,
            block=self._scheduled.block,
        )
