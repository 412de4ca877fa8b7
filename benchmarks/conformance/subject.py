"""A server under probe, as a probe asks it: over connections of its own, each bounded in time."""

from __future__ import annotations

import contextlib
import itertools
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import urlencode

from benchmarks.conformance.probe import ProbeFailedError
from benchmarks.conformance.wire import PATIENCE_S, Headers, NoAnswerError, Reply, Wire
from benchmarks.measure.server import RunningServer

PREFIX: Final = "/_lab-probe"
"""Of the probe routes; the same as in ``contenders/probes``, which other Pythons import."""

_LIMIT_S: Final = 15.0
_LOOK_S: Final = 0.02
_numbers = itertools.count()

_T = TypeVar("_T")


class Subject:
    """A server that answers.

    Args:
        server: Runs.
        path: A path that answers GET.
        speaks: The interface of the app itself.
        stop_file: Where a probe app notes that it was told to stop.
        headers: Of every request that is asked.

    Attributes:
        server: The same.
        path: The same.
        speaks: The same.
        stop_file: The same.
    """

    def __init__(
        self,
        server: RunningServer,
        path: str,
        speaks: str,
        stop_file: Path | None = None,
        headers: Headers = (),
    ) -> None:
        self._headers = headers
        self.server, self.path, self.speaks, self.stop_file = server, path, speaks, stop_file
        self.until_s = time.monotonic() + _LIMIT_S

    def begin(self) -> None:
        """Give the next probe its time."""
        self.until_s = time.monotonic() + _LIMIT_S

    def wire(self, window_bytes: int | None = None) -> Wire:
        """Return a new connection, to be closed.

        Raises:
            NoAnswerError: It does not come about.
        """
        try:
            return Wire(self.server.host, self.server.port, self.until_s, window_bytes, self._headers)
        except OSError as error:
            raise NoAnswerError("It accepted no connection.") from error

    def ask(
        self,
        path: str,
        method: str = "GET",
        headers: Headers = (),
        body: bytes | None = None,
        within_s: float = PATIENCE_S,
    ) -> Reply:
        """Ask once, over a new connection.

        Raises:
            NoAnswerError: There is no whole answer in time.
        """
        with self.wire() as wire:
            wire.ask(path, method, headers, body)
            return wire.reply(method, within_s)

    def check_serves(self, what: str, within_s: float = PATIENCE_S) -> None:
        """See that a new client is served.

        Args:
            what: Has just happened, as the beginning of a sentence.
            within_s: How long it may take, seconds.
        Raises:
            ProbeFailedError: It is not.
        """
        try:
            status = self.ask(self.path, within_s=within_s).status
        except (NoAnswerError, OSError):
            raise ProbeFailedError(f"{what}, the next client got no answer within {within_s:g} s.") from None
        if status >= 500:
            raise ProbeFailedError(f"{what}, the next client got status {status}.")

    def side_by_side(self, number: int, do: Callable[[int], _T]) -> list[_T]:
        """Do something several times at once, and return what came of each; its first error is raised."""
        with ThreadPoolExecutor(number) as pool:
            return list(pool.map(do, range(number)))

    def seen(self, key: str) -> list[str]:
        """Return what the app has noted under a key.

        Raises:
            NoAnswerError: It cannot be asked.
        """
        events = self.ask(route("seen", of=key)).json().get("seen", [])
        return [str(each) for each in events]

    def seen_once(self, key: str, event: str, within_s: float = PATIENCE_S) -> list[str]:
        """Return what the app has noted, as soon as an event is among it, or when the time is over.

        Args:
            key: Of the request.
            event: Or the first word of it.
            within_s: The time, seconds.
        """
        ends_s = time.monotonic() + within_s
        while True:
            events = self.seen(key)
            if any(each.split()[0] == event for each in events) or time.monotonic() > ends_s:
                return events
            time.sleep(_LOOK_S)


def key() -> str:
    """Return a key that no other request has."""
    return f"{secrets.token_hex(4)}-{next(_numbers)}"


def route(name: str, **query: object) -> str:
    """Return the path of a probe route."""
    asked = urlencode({each.replace("_at", "-at"): value for each, value in query.items()})
    return f"{PREFIX}/{name}{f'?{asked}' if asked else ''}"


def most_at_once(events: Sequence[str]) -> int:
    """Return how many requests were under way at the same time, by what each noted as it came in and went out."""
    steps = itertools.accumulate(1 if event == "in" else -1 for event in events if event in ("in", "out"))
    return max(steps, default=0)


def closes(answer: Reply) -> bool:
    """Tell whether an answer says that its connection will be closed."""
    return "close" in (answer.header("connection") or "").lower()


def check_next(on: Subject, wire: Wire, path: str, before: Reply, what: str) -> None:
    """See that the next request on a connection is answered; a new client's, where that was to be closed.

    Args:
        on: Whose connection it is.
        wire: The connection.
        path: To ask for.
        before: The answer that came last.
        what: That was about, for the sentence.
    Raises:
        ProbeFailedError: It is answered with an error.
        NoAnswerError: It is not answered.
    """
    if closes(before):
        on.check_serves(f"After {what}")
        return
    try:
        wire.ask(path)
        status = wire.reply().status
    except OSError as error:
        raise NoAnswerError(f"After {what}, it ended the connection without a word.") from error
    except NoAnswerError as error:
        raise NoAnswerError(f"After {what}, the next request on the connection: {error}") from error
    if status >= 400:
        raise ProbeFailedError(f"After {what}, the next request on the connection is answered {status}.")


@contextlib.contextmanager
def left_open(subject: Subject, paths: Sequence[str]) -> Iterator[list[Wire]]:
    """Ask for paths, wait for the first bytes of each answer, and leave the connections open.

    Raises:
        NoAnswerError: One does not begin.
    """
    with contextlib.ExitStack() as stack:
        wires = []
        for path in paths:
            wires.append(wire := stack.enter_context(subject.wire()))
            wire.ask(path)
            wire.some()
        yield wires
