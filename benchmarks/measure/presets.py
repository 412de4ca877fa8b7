"""The ready-made sizes of run, one entry each."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.contenders import catalogue
from benchmarks.errors import InvalidValueError, did_you_mean
from benchmarks.model import LoadProfile, Workload


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A ready-made size of run.

    Attributes:
        summary: One line for a person.
        health: Load of what is answered at once; 10 virtual users, as in the tutorial.
        wait: Load of what waits; more virtual users than any server's threads, or nothing would queue.
        health_rounds: Rounds of what is answered at once.
        wait_rounds: Rounds of what waits, whose rates are stable because a timer makes them.
        beside_every: Arrangements on which no claim is judged are measured in one of this many rounds, in at least two.
        contenders: Ids or patterns of what it compares; empty for what a workshop compares.
        against: Id of the contender that every other is compared with; ``None`` for twins and bridges.
    """

    summary: str
    health: LoadProfile
    wait: LoadProfile
    health_rounds: int
    wait_rounds: int
    beside_every: int = 1
    contenders: tuple[str, ...] = ()
    against: str | None = None

    def load_of(self, workload: Workload) -> LoadProfile:
        """Return the load of a workload, but for what is its own to say."""
        return self.wait if workload.wait_ms else self.health

    def rounds_of(self, workload: Workload) -> int:
        """Return how many rounds a workload has."""
        return self.wait_rounds if workload.wait_ms else self.health_rounds


_SHORT = LoadProfile(vus=10, duration_s=0.6, warmup_s=0.2, slices=12)
_SHORT_WAIT = LoadProfile(vus=60, duration_s=0.8, warmup_s=0.2)


def _field(summary: str, name: str) -> Preset:
    """Return a preset that compares a field of the catalogue with its reference.

    To start a server takes as long as to measure it for most of a second, and half as long as a slice passes between
    two slices. So there are few rounds of long trials in longer slices; how much ratios vary is learnt from all
    contenders together.
    """
    return Preset(
        summary=summary,
        health=LoadProfile(vus=10, duration_s=2.0, warmup_s=0.2, slices=20),
        wait=LoadProfile(vus=60, duration_s=0.6, warmup_s=0.2),
        health_rounds=3,
        wait_rounds=3,
        contenders=catalogue.FIELDS[name],
        against=catalogue.REFERENCE,
    )


PRESETS: dict[str, Preset] = {
    "quick": Preset(
        summary="under three minutes; for a class",
        health=_SHORT,
        wait=_SHORT_WAIT,
        health_rounds=7,
        wait_rounds=3,
        beside_every=3,
    ),
    "tutorial": Preset(
        summary="10 virtual users for 30 s a trial, as in the tutorial",
        health=LoadProfile(vus=10, duration_s=30.0, warmup_s=2.0),
        wait=LoadProfile(vus=100, duration_s=5.0, warmup_s=1.0),
        health_rounds=3,
        wait_rounds=3,
    ),
    "full": Preset(
        summary="more and longer rounds; for figures to quote",
        health=LoadProfile(vus=10, duration_s=5.0, warmup_s=1.0, slices=100),
        wait=LoadProfile(vus=100, duration_s=5.0, warmup_s=1.0),
        health_rounds=10,
        wait_rounds=5,
    ),
    "frameworks": _field("every framework beside FastAPI, in a quarter of an hour", "frameworks"),
    "servers": _field("plain Flask and FastAPI on every server", "servers"),
}


def find_preset(name: str) -> Preset:
    """Return the preset of this name.

    Raises:
        InvalidValueError: There is none.
    """
    if name in PRESETS:
        return PRESETS[name]
    suggestion = did_you_mean(name, PRESETS)
    raise InvalidValueError(f"No preset is called {name!r}.{suggestion} There are: {', '.join(PRESETS)}.", "PRESET")
