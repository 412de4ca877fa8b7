"""Observes what is unequal between contenders beside what is compared, before anything is timed.

A server runs with an observer in its Python, which sees what runs while a request is answered. That is slow, so nothing
is timed on this server.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from benchmarks.contenders.parts import OBSERVER, PARTS, playing
from benchmarks.foreign_json import ForeignJSONError, read_object
from benchmarks.measure.server import RunningServer
from benchmarks.model import Contender, Workload

Facts = Mapping[str, str]
"""What was observed of one contender, by name; what was not seen is left out."""

Seen = Mapping[str, Any]
"""What one process of a server wrote; see ``observed/sitecustomize.py``."""

_REQUESTS = 3
_PATIENCE_S = 5.0
_LOOK_S = 0.02


class Observer:
    """What runs in a server, by the files that it writes when it is asked to.

    Args:
        folder: Of its own.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._commands = 0

    def settings(self, contender: Contender) -> dict[str, str]:
        """Return the variables by which a contender's server has the observer in it."""
        before = contender.environment.get("PYTHONPATH", os.environ.get("PYTHONPATH", ""))
        path = os.pathsep.join(filter(None, (str(OBSERVER), before)))
        return {"LAB_OBSERVED": str(self._folder), "PYTHONPATH": path}

    def facts(self, server: RunningServer, contender: Contender, workload: Workload) -> Facts:
        """Ask a contender a few times, and return what is observed."""
        self._tell("begin")
        printed = server.printed_bytes()
        answers = [server.ask(workload, twin=contender) for _ in range(_REQUESTS)]
        answer = answers[-1]
        logged = (server.printed_bytes() - printed) / _REQUESTS
        found = {
            "response body": f"{len(answer.body)} bytes",
            "response headers": ", ".join(sorted(answer.headers)),
            "access log": f"{logged:.0f} bytes per request" if logged else "none",
        }
        return {**found, **(self._inside() if self._tell("tell") else {})}

    def inside(self, server: RunningServer, contender: Contender, workloads: Sequence[Workload]) -> list[Seen]:
        """Ask a contender a few requests, and return what its processes tell of themselves; empty where none does."""
        for workload in workloads:
            server.ask(workload, twin=contender)
        return [told for told in self._files() if "files" in told] if self._tell("tell") else []

    def _tell(self, word: str) -> bool:
        """Write a command for the observers in the server's processes, and wait until each that lives has obeyed it."""
        self._commands += 1
        part = self._folder / "command.part"
        part.write_text(f"{self._commands} {word}\n", encoding="ascii")
        part.replace(self._folder / "command")
        ends_s = time.monotonic() + _PATIENCE_S
        while (files := self._files()) and time.monotonic() < ends_s:
            if all(told["command"] == self._commands for told in files):
                break
            time.sleep(_LOOK_S)
        return bool(files)

    def _files(self) -> list[Seen]:
        """Return what the processes that live have written; each writes as it begins."""
        found: list[Seen] = []
        for path in self._folder.glob("*.json"):
            with contextlib.suppress(OSError, ForeignJSONError):
                if _lives(int(path.stem)):
                    found.append(read_object(path.read_bytes()))
        return found

    def _inside(self) -> Facts:
        # Of several processes the one in which the most ran is the one that answered.
        inside = [each for each in self._files() if "modules" in each]
        if not inside:
            return {}
        told = max(inside, key=lambda each: len(each["modules"]))
        collector = told["collector"]
        every = collector["every"] if collector["enabled"] else 0
        frozen = f", {collector['frozen']:,} objects frozen" if collector["frozen"] else ""
        return {
            # A server that is no Python calls an app in threads which Python's hook does not see.
            **({part: playing(part, told["modules"]) for part in PARTS} if told["modules"] else {}),
            "event loop": ", ".join(told["loops"]) or "none",
            "garbage collector": f"every {every:,} objects{frozen}" if every else "off",
            "Python": told["python"].partition(" ")[0],
            "versions": ", ".join(f"{name} {version}" for name, version in sorted(told["versions"].items())),
        }


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


@contextlib.contextmanager
def observing() -> Iterator[Observer]:
    """Give an observer for one server."""
    with tempfile.TemporaryDirectory(prefix="lab-observed-", ignore_cleanup_errors=True) as name:
        yield Observer(Path(name))
