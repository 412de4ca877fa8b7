"""Keeps the schedule of requests at a constant rate: which are due, which wait, which have waited too long."""

from __future__ import annotations

import math
from array import array

_NS_PER_S = 1_000_000_000
_FUZZ_DIGITS = 6


class Arrivals:
    """The requests of one slice, as they come due; number *k* of the interval is due *k* / rate after its beginning.

    The numbers go on from slice to slice, so that slices have together what the interval would have in one piece,
    however few a slice has. Requests are due before the slice too, from where the schedule starts, and after it, until
    it is stopped; these do not count.

    Those that wait are a range of numbers: a backlog of any length takes no memory.

    Args:
        rate_per_s: Requests due per second.
        slice_s: Length of a slice, seconds.
        number: Of the slice, from 0.
        begins_ns: When the slice begins.
        starts_ns: From when on requests are due, before it.
        patience_ns: How long one waits before it is dropped.
    Attributes:
        counted: Numbers of the requests due inside the slice.
        dropped: How many of them were never sent.
        lateness_ns: How long after it was due each of them was noticed.
    """

    def __init__(
        self, *, rate_per_s: float, slice_s: float, number: int, begins_ns: int, starts_ns: int, patience_ns: int
    ) -> None:
        self._rate_per_s = rate_per_s
        self._patience_ns = patience_ns
        self._origin_ns = begins_ns - round(number * slice_s * _NS_PER_S)
        self.counted = range(
            _first_from(number * slice_s * rate_per_s), _first_from((number + 1) * slice_s * rate_per_s)
        )
        self._oldest = self._coming = _first_from((starts_ns - self._origin_ns) / _NS_PER_S * rate_per_s)
        self._stopped = False
        self.dropped = 0
        self.lateness_ns = array("q")

    @property
    def next_due_ns(self) -> int:
        """When the next request is due that is not yet."""
        return self._due_ns(self._coming)

    @property
    def waiting(self) -> int:
        """How many are due and have not been sent."""
        return self._coming - self._oldest

    @property
    def counted_waiting(self) -> int:
        """How many of these count."""
        return len(range(max(self._oldest, self.counted.start), min(self._coming, self.counted.stop)))

    def notice(self, now_ns: int) -> None:
        """Let come due what is due by now."""
        while not self._stopped and (due_ns := self._due_ns(self._coming)) <= now_ns:
            if self._coming in self.counted:
                self.lateness_ns.append(now_ns - due_ns)
            self._coming += 1

    def take(self, now_ns: int) -> tuple[int, bool] | None:
        """Take the one to send: the oldest of those that wait and have not waited too long.

        Returns:
            When it was due, and whether it counts; ``None`` when none waits.
        """
        self.drop_overdue(now_ns)
        if not self.waiting:
            return None
        number = self._oldest
        self._oldest += 1
        return self._due_ns(number), number in self.counted

    def drop_overdue(self, now_ns: int) -> None:
        """Drop those that have waited too long."""
        while self.waiting and now_ns - self._due_ns(self._oldest) >= self._patience_ns:
            self.dropped += self._oldest in self.counted
            self._oldest += 1

    def stop(self) -> None:
        """Let no more come due."""
        self._stopped = True

    def _due_ns(self, number: int) -> int:
        return self._origin_ns + round(number / self._rate_per_s * _NS_PER_S)


def _first_from(position: float) -> int:
    """Return the first whole number from a position on; one that missed its number by a rounding error has it."""
    return math.ceil(round(position, _FUZZ_DIGITS))
