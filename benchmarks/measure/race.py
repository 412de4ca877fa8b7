"""Plans a race of the workshop page: two to four contenders under one workload, in the rounds of any other run.

What comes of it is a run like those of ``lab compare``: the same runner drives it, and ``lab report`` judges it.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.contenders import catalogue
from benchmarks.errors import InvalidValueError
from benchmarks.measure import schedule
from benchmarks.measure.workloads import HEALTH, WAIT
from benchmarks.model import RACE, Contender, LoadProfile, Plan, Workload

FEWEST_CONTENDERS = 2
MOST_CONTENDERS = 4
LONGEST_WAIT_MS = 100
MOST_CONNECTIONS = 200
FEWEST_ROUNDS = 2
MOST_ROUNDS = 20

ROUNDS = 6
CONNECTIONS = 10


def plan_race(contenders: Sequence[str], *, wait_ms: int, connections: int, rounds: int, seed: int) -> Plan:
    """Plan a race.

    Args:
        contenders: Ids of the catalogue, each once; patterns are not taken.
        wait_ms: What every view waits for, whole milliseconds; at 0 it is the health check that is asked.
        connections: Virtual users, one keep-alive connection each.
        rounds: How often each takes its turn.
        seed: Of the random order in each round.
    Raises:
        InvalidValueError: A contender is not in the catalogue or has no view, or a number is out of bounds.
    """
    chosen = _chosen(contenders)
    for name, value, least, most in (
        ("wait", wait_ms, 0, LONGEST_WAIT_MS),
        ("number of connections", connections, 1, MOST_CONNECTIONS),
        ("number of rounds", rounds, FEWEST_ROUNDS, MOST_ROUNDS),
    ):
        if not least <= value <= most:
            raise InvalidValueError(f"The {name} must be from {least} to {most}, not {value}.")
    workload = HEALTH if wait_ms == 0 else _wait(wait_ms)
    usual = schedule.PRESETS["quick"]
    load = usual.health if wait_ms == 0 else usual.wait
    ids = tuple(contender.id for contender in chosen)
    return Plan(
        preset=RACE,
        seed=seed,
        contenders=chosen,
        workloads=(workload,),
        loads={
            workload.name: LoadProfile(
                vus=connections, duration_s=load.duration_s, warmup_s=load.warmup_s, slices=load.slices
            )
        },
        rounds={workload.name: rounds},
        workload_contenders={workload.name: ids},
        placebo=catalogue.steadiest(chosen),
        ceilings=catalogue.CEILINGS,
    )


def _wait(wait_ms: int) -> Workload:
    # The claims about waiting are tested on the workload of this name, however long it waits.
    return Workload(name=WAIT.name, path=f"/wait/{{variant}}?ms={wait_ms}", wait_ms=float(wait_ms))


def _chosen(ids: Sequence[str]) -> tuple[Contender, ...]:
    with_views = {contender.id: contender for contender in catalogue.CONTENDERS if contender.variant is not None}
    for name in ids:
        if name not in with_views:
            raise InvalidValueError(f"No contender with a view is called {name!r}. `lab contenders` lists them all.")
    if len(set(ids)) != len(ids) or not FEWEST_CONTENDERS <= len(ids) <= MOST_CONTENDERS:
        raise InvalidValueError(f"A race takes {FEWEST_CONTENDERS} to {MOST_CONTENDERS} different contenders.")
    # In the catalogue's order, whichever was chosen first: the same race has the same plan.
    return tuple(contender for name, contender in with_views.items() if name in ids)
