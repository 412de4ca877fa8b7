"""Holds comparisons of a user's own app to account: a copy must come out equal, and one with 10 % more CPU slower.

Run as ``python -m benchmarks.calibration.own_apps``. Each run compares an app with a copy of itself, or with a copy
that spends more CPU time on each request, by one ``lab compare --budget`` as a user would type it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.calibration.frame import NotMeasuredError, Session, number, option, parts, script
from benchmarks.foreign_json import ForeignJSONError, read_object

ENOUGH = 0.9
"""Share of the runs that must find what is there."""

APP = """
import time

from flask import Flask


def serving(cost_us):
    app = Flask("shop")

    @app.before_request
    def spend():
        # CPU time, not wall-clock time: other load on the machine must not count as spent.
        until_ns = time.thread_time_ns() + cost_us * 1000
        while time.thread_time_ns() < until_ns:
            pass

    @app.get("/items")
    def items():
        return {"items": [{"id": number, "name": f"article {number}"} for number in range(20)]}

    return app
"""
_APPS = {"one": "0", "copy": "0", "costly": "%d"}
_FOUND = {"copy": "equal", "costly": "slower"}
_JUDGED = (0, 3)
_PILOT = ("--rounds", "4", "--duration", "1s")


def write_apps(folder: Path, cost_us: float) -> None:
    """Write the app, its copy, and the copy that costs more, as the attributes of one module.

    Args:
        folder: Where.
        cost_us: Added to each request of the third, microseconds of CPU time.
    """
    served = "".join(f"{name} = serving({cost})\n" for name, cost in _APPS.items())
    (folder / "shop.py").write_text(APP + served % round(cost_us), encoding="utf-8")


def compare(folder: Path, server: str, other: str, options: list[str]) -> dict[str, float | str]:
    """Compare the app with one of the others once; return what came out.

    Args:
        folder: The apps'.
        server: That serves them.
        other: Its attribute.
        options: Of ``lab compare``.
    Raises:
        NotMeasuredError: The comparison failed.
    """
    targets = [f"shop:{name}@{server}" for name in ("one", other)]
    command = [sys.executable, "-m", "benchmarks", "compare", *targets, "--path", "/items", *options, "--json"]
    done = subprocess.run(
        [*command, "--folder", str(folder), "--out", str(folder / "results")],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in _JUDGED:
        raise NotMeasuredError(f"The comparison ended with status {done.returncode}: {done.stderr.strip()[-2000:]}")
    try:
        judgement = read_object(done.stdout)["judgement"]
        (duel,) = judgement["duels"]
        return {
            "standing": duel["standing"],
            **{key: duel["rate"][key] for key in ("value", "low", "high")},
            "cpu": duel["cpu"]["value"],
            "cpu_us": judgement["summaries"][0]["cpu_us_per_request"]["value"],
        }
    except (ForeignJSONError, KeyError, TypeError, ValueError, IndexError) as error:
        raise NotMeasuredError(f"The comparison failed ({error}): {done.stderr.strip()[-2000:]}") from error


@script(
    "Compare an app with a copy of itself, and with one that costs more CPU; count how often that is found.",
    parts("both", *_FOUND),
    number("--runs", 20, "comparisons with each"),
    option("--budget", default="2m", help="of each (%(default)s)"),
    number("--cost", 10.0, "CPU time added to the costly copy, percent", 0.0, 1000.0),
    option("--server", default="hypercorn", help="that serves the apps (%(default)s)"),
    packages=("flask", "hypercorn", "uvicorn"),
    statuses="0 found in 9 of 10, 1 not, 2 it could not be measured",
)
def main(session: Session) -> None:
    """Compare, print what came out each time, and count."""
    options = session.options
    with tempfile.TemporaryDirectory(prefix="lab-own-apps-") as made:
        folder = Path(made)
        write_apps(folder, 0)
        pilot = session.once("CPU time of a request", partial(compare, folder, options.server, "copy", list(_PILOT)))
        cost_us = float(pilot["cpu_us"]) * options.cost / 100
        print(f"a request takes {pilot['cpu_us']:.0f} us of CPU; the costly copy takes {cost_us:.0f} us more")
        write_apps(folder, cost_us)
        asked = {name: standing for name, standing in _FOUND.items() if session.asks_for(name)}
        counts = dict.fromkeys(asked, 0)
        for name, standing in asked.items():
            print(f"\n{name}, to be found {standing}", flush=True)
            for seed in range(1, options.runs + 1):
                settings = ["--budget", options.budget, "--seed", str(seed)]
                found = session.once(f"{name} {seed}", partial(compare, folder, options.server, name, settings))
                print(
                    f"{seed:>3}  {found['standing']} {found['value']:.3f} [{found['low']:.3f}, {found['high']:.3f}], "
                    f"CPU {found['cpu']:.3f}",
                    flush=True,
                )
                counts[name] += found["standing"] == standing
    for name, standing in asked.items():
        session.bar(f"{name} is {standing}, of {options.runs}", counts[name], least=round(options.runs * ENOUGH))
