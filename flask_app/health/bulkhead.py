"""Call what may never return in a thread that nobody has to wait for, and in no more of them than can be spared.

Some waits end at no time-out of their own: a name that is looked up, a file on a disk that is gone, an upstream that
sends a byte a second. Each dependency has threads of its own, so that a stuck one never holds another's.
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
    """Threads of one dependency.

    Args:
        name: Of the dependency; the threads have it too.
        threads: The most at once; a further call waits for one to be free.
    """

    def __init__(self, name: str, threads: int = THREADS) -> None:
        self._name = name
        self._free = threading.BoundedSemaphore(threads)

    def call(self, function: Callable[[], Result], *, until_s: float) -> Result:
        """Return what a function returns, unless it takes too long: then it is left to itself.

        Args:
            function: Called once, in a thread; not at all when none is free in time.
            until_s: When to give up, seconds of ``time.monotonic``.
        Raises:
            TimeoutError: It did not return in time.
            BaseException: What the function raised.
        """
        if not self._free.acquire(timeout=max(0.0, until_s - time.monotonic())):
            raise TimeoutError
        return self._start(function).result(max(0.0, until_s - time.monotonic()))

    async def call_async(self, function: Callable[[], Result]) -> Result:
        """Return what a function returns; cancelled, leave it to itself.

        Args:
            function: Called once, in a thread, as soon as one is free.
        Raises:
            BaseException: What the function raised.
        """
        while not self._free.acquire(blocking=False):
            await asyncio.sleep(_POLL_S)
        return await asyncio.wrap_future(self._start(function))

    def _start(self, function: Callable[[], Result]) -> Future[Result]:
        outcome: Future[Result] = Future()
        # Running, it cannot be cancelled by who gives it up, and the thread may still settle it.
        outcome.set_running_or_notify_cancel()
        # Daemon: a stuck one is not to keep the process from ending, as those of a ThreadPoolExecutor would.
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
        except BaseException as error:  # noqa: BLE001 - it is the caller's, if that still waits
            self._free.release()
            outcome.set_exception(error)
        else:
            self._free.release()
            outcome.set_result(result)
