"""Errors counted as throughput: every response counts as an answer.

Two views use a database of four connections for 20 ms each. One waits for its turn; the other answers 503 when all four
are taken, which is fast. A loader that counts every answer reports the second as many times faster.

    python docs/examples/mistakes/errors_as_throughput.py
"""

from __future__ import annotations

import asyncio
import datetime as dt
import sys

import honest
from flask import Flask

from benchmarks.judge.statistics import paired_ratio
from benchmarks.model import HEALTH_BODY, LoadProfile, LoadResult, Trial
from benchmarks.trials import void_reason
from flask_app.serving.bridge import EventLoopBridge

VUS = 40
DATABASE_CONNECTIONS = 4
QUERY_S = 0.02

flask_app = Flask(__name__)
turn = asyncio.Semaphore(DATABASE_CONNECTIONS)


@flask_app.get("/patient")
async def patient() -> dict[str, str | int]:
    async with turn:
        await asyncio.sleep(QUERY_S)
    return dict(HEALTH_BODY)


@flask_app.get("/hasty")
async def hasty() -> dict[str, str | int] | tuple[dict[str, str], int]:
    if turn.locked():
        return {"title": "no connection is free"}, 503
    return await patient()


app = EventLoopBridge(flask_app)


def compare(setting: honest.Setting) -> None:
    with honest.serving([honest.own_app(__file__, "app")], "/patient", setting) as (server,):
        body_bytes = len(server.get("/patient").body)
        seen = honest.in_rounds(
            {
                "hasty": lambda: honest.ask(server, "/hasty", setting, vus=VUS, expected_body_bytes=body_bytes),
                "patient": lambda: honest.ask(server, "/patient", setting, vus=VUS, expected_body_bytes=body_bytes),
            },
            setting,
        )
    print(f"503 when busy over waiting for a turn: requests served per second, {VUS} connections")
    honest.tell(
        paired_ratio([answers_per_s(hasty) for hasty in seen["hasty"]], [answers_per_s(p) for p in seen["patient"]]),
        "every answer counted",
        paired_ratio([hasty.rate_per_s for hasty in seen["hasty"]], [p.rate_per_s for p in seen["patient"]]),
        "valid answers only",
    )
    print(f"  and the lab would not even compare: {void_reason(as_trial(seen['hasty'][0]))}")
    print("An error is no throughput. Count what is right, and throw a trial away in which much is not.")


def answers_per_s(result: LoadResult) -> float:
    """Return the number of answers per second, with any status."""
    return sum((result.statuses or {}).values()) / result.duration_s


def as_trial(result: LoadResult) -> Trial:
    """Return the result as a trial, which the lab can judge."""
    return Trial(
        round=1,
        position=1,
        contender="hasty",
        workload="query",
        started_at=dt.datetime.now(dt.UTC).isoformat(),
        load=LoadProfile(vus=VUS, duration_s=result.duration_s, warmup_s=honest.WARMUP_S),
        result=result,
        observation=None,
    )


if __name__ == "__main__":
    sys.exit(honest.run(__doc__, compare))
