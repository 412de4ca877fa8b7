"""Run calls that may never return in a limited number of threads that can be abandoned.

Some waits have no timeout of their own: a name lookup, a file on a missing disk, an upstream that sends a byte per
second. Each dependency has its own threads, so that a stuck one never uses another's.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

Result = TypeVar("Result")

THREADS = 64
_POLL_S = 0.005


class Bulkhead:
    """The threads of one dependency.

    Args:
        name: The dependency's name; it is part of the threads' names.
        threads: The maximum number at once; a further call waits until one is free.
    """

    def __init__(self, name: str, threads: int = THREADS) -> None:
        self._name = name
        self._free = threading.BoundedSemaphore(threads)

    def call(self, function: Callable[[], Result], *, until_s: float) -> Result:
        """Return a function's result, or abandon the function if it takes too long.

        Args:
            function: Called once, in a thread; not called if no thread is free in time.
            until_s: When to give up, seconds of ``time.monotonic``.
        Raises:
            TimeoutError: It did not return in time.
            BaseException: The function's exception.
        """
        if not self._free.acquire(timeout=max(0.0, until_s - time.monotonic())):
            raise TimeoutError
        return self._start(function).result(max(0.0, until_s - time.monotonic()))

    async def call_async(self, function: Callable[[], Result]) -> Result:
        """Return a function's result; when cancelled, abandon the function.

        Args:
            function: Called once, in a thread, as soon as one is free.
        Raises:
            BaseException: The function's exception.
        """
        while not self._free.acquire(blocking=False):
            await asyncio.sleep(_POLL_S)
        return await asyncio.wrap_future(self._start(function))

    def _start(self, function: Callable[[], Result]) -> Future[Result]:
        outcome: Future[Result] = Future()
        # A running future cannot be cancelled by a caller that gives up, so the thread can still set its result.
        outcome.set_running_or_notify_cancel()
        # Daemon: a stuck thread must not keep the process from ending, as a ThreadPoolExecutor's would.
        thread = threading.Thread(target=self._run, args=(function, outcome), name=f"check-{self._name}", daemon=True)
        try:
            thread.start()
        except BaseException:
            self._free.release()
            raise
        return outcome

    def _run(self, function: Callable[[], Any], outcome: Future[Any]) -> None:
        try:
            result = function()
        except BaseException as error:  # noqa: BLE001 - passed to the caller, if it still waits
            self._free.release()
            outcome.set_exception(error)
        else:
            self._free.release()
            outcome.set_result(result)
