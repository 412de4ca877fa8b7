"""Plans a race of the workshop page: two to four contenders under one workload, in the rounds of any other run.

What comes of it is a run like those of ``lab compare``: the same runner drives it, and ``lab report`` judges it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.contenders import catalogue, installed
from benchmarks.errors import InvalidValueError
from benchmarks.measure import schedule
from benchmarks.measure.presets import PRESETS
from benchmarks.measure.workloads import HEALTH, WAIT
from benchmarks.model import MARGIN, RACE, Contender, Plan, Workload

FEWEST_CONTENDERS = 2
MOST_CONTENDERS = 4
LONGEST_WAIT_MS = 100
MOST_CONNECTIONS = 200
FEWEST_ROUNDS = 2
MOST_ROUNDS = 20

ROUNDS = 6
CONNECTIONS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineup:
    """Who can race, and what is asked.

    Attributes:
        contenders: In the order in which they are shown.
        request: To somebody's apps; ``None`` for the views of the lab's own, the one that waits or the health check.
        against: Id of the contender that every other is compared with; ``None`` for twins.
        may_differ: Whether answers that differ are only noted.
        margin: Half-width of what counts as equal, as a fraction.
        facts: What to record with a race.
    """

    contenders: tuple[Contender, ...] = tuple(each for each in catalogue.CONTENDERS if each.variant is not None)
    request: Workload | None = None
    against: str | None = None
    may_differ: bool = False
    margin: float = MARGIN
    facts: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def waits(self) -> bool:
        """Whether the request has a place for a wait."""
        request = self.request
        return request is None or any("{wait_ms}" in (each.path or request.path) for each in self.contenders)


OWN = Lineup()
"""Every contender of the catalogue that has a view."""


def plan_race(
    contenders: Sequence[str], *, wait_ms: int, connections: int, rounds: int, seed: int, lineup: Lineup = OWN
) -> Plan:
    """Plan a race.

    Args:
        contenders: Ids of the lineup's, each once; patterns are not taken.
        wait_ms: What every view waits for, whole milliseconds; at 0 the lab's own are asked for their health check.
        connections: Virtual users, one keep-alive connection each.
        rounds: How often each takes its turn.
        seed: Of the random order in each round.
        lineup: Who can race.
    Raises:
        InvalidValueError: A contender is not in the lineup, or a number is out of bounds.
    """
    chosen = _chosen(contenders, lineup)
    if wait_ms and not lineup.waits:
        raise InvalidValueError("The request has no place for a wait: --path '/report?ms={wait_ms}' would have one.")
    for name, value, least, most in (
        ("wait", wait_ms, 0, LONGEST_WAIT_MS),
        ("number of connections", connections, 1, MOST_CONNECTIONS),
        ("number of rounds", rounds, FEWEST_ROUNDS, MOST_ROUNDS),
    ):
        if not least <= value <= most:
            raise InvalidValueError(f"The {name} must be from {least} to {most}, not {value}.")
    workload = _workload(wait_ms, lineup)
    usual = PRESETS["quick"]
    load = dataclasses.replace(usual.wait if workload.wait_ms else usual.health, vus=connections)
    ids = [contender.id for contender in chosen]
    against = lineup.against and (lineup.against if lineup.against in ids else ids[0])
    plan = schedule.plan_of_one(RACE, chosen, workload, load, rounds=rounds, seed=seed)
    return dataclasses.replace(plan, placebo=against or plan.placebo, against=against, margin=lineup.margin)


def _workload(wait_ms: int, lineup: Lineup) -> Workload:
    if lineup.request is not None:
        return dataclasses.replace(lineup.request, wait_ms=float(wait_ms)) if lineup.waits else lineup.request
    if wait_ms == 0:
        return HEALTH
    # The claims about waiting are tested on the workload of this name, however long it waits.
    return Workload(name=WAIT.name, path=f"/wait/{{variant}}?ms={wait_ms}", wait_ms=float(wait_ms))


def _chosen(ids: Sequence[str], lineup: Lineup) -> tuple[Contender, ...]:
    able = {contender.id: contender for contender in lineup.contenders}
    for name in ids:
        if name not in able and lineup.request is None:
            raise InvalidValueError(f"No contender with a view is called {name!r}. `lab contenders` lists them all.")
        if name not in able:
            raise InvalidValueError(f"{name!r} is not on this page. There are: {', '.join(able)}.")
        if packages := installed.lacking(able[name]):
            raise InvalidValueError(
                f"{name} needs {' and '.join(packages)}, not installed here. `lab contenders` says how."
            )
    if len(set(ids)) != len(ids) or not FEWEST_CONTENDERS <= len(ids) <= MOST_CONTENDERS:
        raise InvalidValueError(f"A race takes {FEWEST_CONTENDERS} to {MOST_CONTENDERS} different contenders.")
    # In the lineup's order, whichever was chosen first: the same race has the same plan.
    return tuple(contender for name, contender in able.items() if name in ids)
