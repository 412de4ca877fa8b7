"""Verifies ``lab check``: how often equal versions are alarms, and how often a known cost is found where it is.

Run as ``python -m benchmarks.calibration.check``. ``equal`` checks a commit against itself; ``costly`` one that spends
10 % more CPU time in one of two requests; ``busy`` a commit against itself while another process uses one core for half
of the time; ``commits`` ten commits, two of which cost more, each against the one before.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from benchmarks.calibration.frame import NotMeasuredError, Session, number, option, parts, script
from benchmarks.foreign_json import ForeignJSONError, read_object

APP = """
import time

from flask import Flask

COSTS_US = {"items": %d, "orders": %d}
app = Flask("shop")


def spend(cost_us):
    # CPU time, not wall-clock time: other load on the machine must not count as spent.
    until_ns = time.thread_time_ns() + cost_us * 1000
    while time.thread_time_ns() < until_ns:
        pass


@app.get("/items")
def items():
    spend(COSTS_US["items"])
    return {"items": [{"id": number, "name": f"article {number}"} for number in range(20)]}


@app.get("/orders")
def orders():
    spend(COSTS_US["orders"])
    return {"orders": list(range(20))}
"""
LAB = """
[contenders.shop]
app = "shop:app"
server = "%s"

[requests.items]
path = "/items"

[requests.orders]
path = "/orders"
"""
REGRESSIONS = {4: ("items", 15.0), 8: ("orders", 60.0)}
"""Of ten commits, by number: the request that becomes slower, and by how much more CPU time, percent."""

COMMITS = 10
_JUDGED = (0, 3, 4)
_BUSY_S = 0.1
_WHO = {f"GIT_{who}_{what}": "calibration" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}

Standings = dict[str, str]


def commit(folder: Path, costs_us: Mapping[str, float], server: str) -> None:
    """Commit the app with other costs of its requests, in a repository that begins with the first.

    Args:
        folder: The repository's.
        costs_us: CPU time added to each request, microseconds.
        server: That serves the app.
    """
    if not (folder / ".git").exists():
        _git(folder, "init", "--quiet", "--initial-branch=main")
    (folder / "shop.py").write_text(
        APP % tuple(round(costs_us[name]) for name in ("items", "orders")), encoding="utf-8"
    )
    (folder / "lab.toml").write_text(LAB % server, encoding="utf-8")
    _git(folder, "add", "shop.py", "lab.toml")
    _git(folder, "commit", "--quiet", "--allow-empty", "--message", "a change")


def check(folder: Path, base: str, options: list[str]) -> Standings:
    """Check what is checked out once; return the standing of each request, and the CPU time of the first.

    Args:
        folder: The repository's.
        base: Commit to compare with.
        options: Of ``lab check``.
    Raises:
        NotMeasuredError: The check failed.
    """
    command = [sys.executable, "-m", "benchmarks", "check", "--folder", str(folder), "--base", base, "--json", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in _JUDGED:
        raise NotMeasuredError(f"The check ended with status {done.returncode}: {done.stderr.strip()[-2000:]}")
    try:
        document = read_object(done.stdout)
        if "findings" not in document:
            raise NotMeasuredError(f"The check was refused: {document['refusal']}")
        found = {each["comparison"]["workload"]: each["comparison"]["standing"] for each in document["findings"]}
        cpu_us = next(each["cpu_us_per_request"]["value"] for each in document["summaries"])
        return {**found, "cpu_us": str(cpu_us)}
    except (ForeignJSONError, KeyError, TypeError, ValueError) as error:
        raise NotMeasuredError(f"The check failed ({error}): {done.stderr.strip()[-2000:]}") from error


@contextlib.contextmanager
def half_busy() -> Iterator[None]:
    """Have a process use one core for half of the time, for the length of a ``with`` block."""
    process = multiprocessing.Process(target=_work_and_rest, daemon=True)
    process.start()
    try:
        yield
    finally:
        process.kill()
        process.join()


def _work_and_rest() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        until_s = time.monotonic() + _BUSY_S
        while time.monotonic() < until_s:
            pass
        time.sleep(_BUSY_S)


def _git(folder: Path, *words: str) -> None:
    command = ["git", *words]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, env={**os.environ, **_WHO})


def _alike(session: Session, part: str, folder: Path, runs: int) -> list[Standings]:
    """Check a commit against itself some times."""
    return _checks(session, part, folder, "HEAD", runs)


def _checks(session: Session, part: str, folder: Path, base: str, runs: int) -> list[Standings]:
    found = []
    for seed in range(1, runs + 1):
        options = ["--budget", session.options.budget, "--seed", str(seed)]
        seen = session.once(f"{part} {seed}", partial(check, folder, base, options))
        print(f"{part} {seed:>3}  items {seen['items']}, orders {seen['orders']}", flush=True)
        found.append(seen)
    return found


def _is_alarm(seen: Standings) -> bool:
    return "slower" in (seen["items"], seen["orders"])


def _equal(session: Session, folder: Path) -> None:
    runs = session.options.equal_runs
    seen = _alike(session, "equal", folder, runs)
    equal = sum(each["items"] == each["orders"] == "equal" for each in seen)
    session.bar(f"equal: alarms in {runs} checks", sum(map(_is_alarm, seen)), most=max(1, runs // 40))
    session.bar(f"equal: both requests equal in {runs} checks", equal, least=round(0.9 * runs))


def _costly(session: Session, folder: Path, pilot_us: float) -> None:
    runs, options = session.options.costly_runs, session.options
    cost_us = pilot_us * options.cost / 100
    print(f"a request takes {pilot_us:.0f} us of CPU; the costly one takes {cost_us:.0f} us more")
    commit(folder, {"items": cost_us, "orders": 0.0}, options.server)
    seen = _checks(session, "costly", folder, "HEAD~1", runs)
    found = sum(each["items"] == "slower" for each in seen)
    session.bar(f"costly: alarms at the costly request in {runs} checks", found, least=round(0.9 * runs))
    session.bar("costly: alarms at the other", sum(each["orders"] == "slower" for each in seen), most=0)
    commit(folder, {"items": 0.0, "orders": 0.0}, options.server)


def _busy(session: Session, folder: Path) -> None:
    runs = session.options.busy_runs
    with half_busy():
        seen = _alike(session, "busy", folder, runs)
    decided = sum(not {"undecided", "refused"} & {each["items"], each["orders"]} for each in seen)
    session.bar(f"busy: alarms in {runs} checks", sum(map(_is_alarm, seen)), most=max(1, runs // 20))
    session.bar(f"busy: both requests decided in {runs} checks", decided, least=round(0.5 * runs))


def _commits(session: Session, folder: Path, pilot_us: float) -> None:
    costs_us = {"items": 0.0, "orders": 0.0}
    wrong = found = 0
    for place in range(1, COMMITS + 1):
        slower, percent = REGRESSIONS.get(place, ("", 0.0))
        if slower:
            costs_us[slower] += pilot_us * percent / 100
        commit(folder, costs_us, session.options.server)
        if place == 1:
            continue
        options = ["--budget", session.options.budget, "--seed", str(place)]
        seen = session.once(f"commit {place}", partial(check, folder, "HEAD~1", options))
        print(f"commit {place:>2}  items {seen['items']}, orders {seen['orders']}", flush=True)
        alarms = {name for name in ("items", "orders") if seen[name] == "slower"}
        found += bool(slower) and slower in alarms
        wrong += len(alarms - {slower})
    session.bar("commits: regressions found at their commit", found, least=len(REGRESSIONS))
    session.bar("commits: alarms elsewhere", wrong, most=0)


@script(
    "Check equal and costlier versions of an app, and count alarms.",
    parts("all", "equal", "costly", "busy", "commits"),
    number("--equal-runs", 40, "checks of equal versions"),
    number("--costly-runs", 20, "checks of a costlier version"),
    number("--busy-runs", 20, "checks of equal versions on a busy machine"),
    number("--cost", 10.0, "CPU time added to the costly request, percent", 0.0, 1000.0),
    option("--budget", default="3m", help="of each (%(default)s)"),
    option("--server", default="hypercorn", help="that serves the app (%(default)s)"),
    packages=("flask", "hypercorn", "uvicorn"),
)
def main(session: Session) -> None:
    """Check, print what came out each time, and count."""
    with tempfile.TemporaryDirectory(prefix="lab-check-calibration-") as made:
        folder = Path(made) / "shop"
        folder.mkdir()
        commit(folder, {"items": 0.0, "orders": 0.0}, session.options.server)
        pilot_us = 0.0
        if session.asks_for("costly") or session.asks_for("commits"):
            seen = session.once("CPU time of a request", partial(check, folder, "HEAD", ["--budget", "90s"]))
            pilot_us = float(seen["cpu_us"])
        if session.asks_for("equal"):
            _equal(session, folder)
        if session.asks_for("costly"):
            _costly(session, folder, pilot_us)
        if session.asks_for("busy"):
            _busy(session, folder)
        if session.asks_for("commits"):
            _commits(session, folder, pilot_us)
