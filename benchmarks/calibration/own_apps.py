"""Holds comparisons of a user's own app to account: a copy must come out equal, and one with 10 % more CPU slower.

Run as ``python -m benchmarks.calibration.own_apps``. Each run compares an app with a copy of itself, and with a copy
that spends more CPU time on each request, by one ``lab compare --budget`` as a user would type it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.calibration.frame import NotMeasuredError, Session, number, option, script
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


def compare(folder: Path, server: str, options: list[str]) -> dict[str, dict[str, float | str]]:
    """Compare the apps once; return what came out for each but the first, by its attribute.

    Args:
        folder: The apps'.
        server: That serves them.
        options: Of ``lab compare``.
    Raises:
        NotMeasuredError: The comparison failed.
    """
    targets = [f"shop:{name}@{server}" for name in _APPS]
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
        found = {}
        for duel in judgement["duels"]:
            name = duel["above"].removeprefix("shop:").partition("@")[0]
            found[name] = {
                "standing": duel["standing"],
                **{key: duel["rate"][key] for key in ("value", "low", "high")},
                "cpu": duel["cpu"]["value"],
            }
        cpu_us = next(each["cpu_us_per_request"]["value"] for each in judgement["summaries"])
    except (ForeignJSONError, KeyError, TypeError, StopIteration) as error:
        raise NotMeasuredError(f"The comparison failed ({error}): {done.stderr.strip()[-2000:]}") from error
    return {**found, "one": {"cpu_us": cpu_us}}


@script(
    "Compare an app with a copy of itself and with one that costs more CPU; count how often that is found.",
    number("--runs", 20, "comparisons"),
    option("--budget", default="2m", help="of each (%(default)s)"),
    number("--cost", 10.0, "CPU time added to the costly copy, percent", 0.0, 1000.0),
    option("--server", default="hypercorn", help="that serves the apps (%(default)s)"),
    packages=("flask", "hypercorn", "uvicorn"),
    statuses="0 found in 9 of 10, 1 not, 2 it could not be measured",
)
def main(session: Session) -> None:
    """Compare, print what came out each time, and count."""
    options = session.options
    with tempfile.TemporaryDirectory(prefix="lab-own-apps-") as name:
        folder = Path(name)
        write_apps(folder, 0)
        pilot = session.once("CPU time of a request", partial(compare, folder, options.server, list(_PILOT)))
        cost_us = float(pilot["one"]["cpu_us"]) * options.cost / 100
        print(f"a request takes {pilot['one']['cpu_us']:.0f} us of CPU; the costly copy takes {cost_us:.0f} us more\n")
        write_apps(folder, cost_us)
        equal = slower = 0
        for seed in range(1, options.runs + 1):
            settings = ["--budget", options.budget, "--seed", str(seed)]
            found = session.once(f"run {seed}", partial(compare, folder, options.server, settings))
            told = "; ".join(
                f"{name} {each['standing']} {each['value']:.3f} [{each['low']:.3f}, {each['high']:.3f}], "
                f"CPU {each['cpu']:.3f}"
                for name, each in found.items()
                if name != "one"
            )
            print(f"{seed:>3}  {told}", flush=True)
            equal += found["copy"]["standing"] == "equal"
            slower += found["costly"]["standing"] == "slower"
    least = round(options.runs * ENOUGH)
    session.bar(f"the copy is equal, of {options.runs}", equal, least=least)
    session.bar(f"the costly copy is slower, of {options.runs}", slower, least=least)
