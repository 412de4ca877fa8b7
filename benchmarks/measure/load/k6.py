"""Asks with the k6 that the user has installed, by the tutorial's own command line."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from benchmarks.measure.load.engine import LOOPBACK, Limits, LoadEngineError, LoadOrder
from benchmarks.measure.load.order_check import check_order
from benchmarks.measure.load.session import LoaderProcess, ProcessSession
from benchmarks.process import output_of, python

SCRIPT = Path(__file__).with_name("http_get.js")
INSTALL_PAGE = "https://grafana.com/docs/k6/latest/set-up/install-k6/"


class K6Engine:
    """The load engine that is the installed k6, closed model.

    Raises:
        LoadEngineError: There is none.
    """

    name = "k6"
    # A shorter duration is refused by k6 itself, and it is typed in milliseconds.
    limits = Limits(slices=False, rates=False, least_s=1.0, step_s=0.001)
    uses_every_core = True
    # It runs twice.
    startup_s = 1.5
    method = (
        "k6 asks, by the tutorial's command line. It waits for the requests that are in flight when the time is up, "
        "and counts them; rates are over its own time. It has every core that the server leaves."
    )
    host = LOOPBACK

    def __init__(self) -> None:
        executable = shutil.which("k6")
        if executable is None:
            raise LoadEngineError(
                f"k6 is not installed, or not on PATH. Its own page says how to install it: {INSTALL_PAGE}\n"
                "`--engine builtin`, which is what runs unless told, needs nothing."
            )
        self._executable = executable

    def start(self, order: LoadOrder) -> ProcessSession:
        """Start one load: k6 once for the warm-up, which is thrown away, and once for the interval.

        Args:
            order: What to ask of which server; loopback only.
        Returns:
            The load under way; the caller closes it.
        Raises:
            LoadEngineError: The order cannot or must not be carried out, or the process could not be started.
        """
        check_order(order)
        if order.load.slices > 1:
            raise LoadEngineError("k6 cannot hold its load between slices: ask for an interval of one piece")
        command = python("-m", "benchmarks.measure.load.k6_process", self._executable)
        return ProcessSession(LoaderProcess(command), order)

    def facts(self) -> Mapping[str, str | int]:
        """Return what k6 says of itself, where it says something."""
        try:
            printed = output_of([self._executable, "version"], 10)
        except (OSError, subprocess.SubprocessError):
            return {}
        return {"load_engine_version": printed.strip().partition("\n")[0]}


def command_line(executable: str, order: LoadOrder, duration_s: float, summary: Path) -> list[str]:
    """Return the tutorial's command line, with what to ask.

    Args:
        executable: k6.
        order: What to ask, and by how many virtual users.
        duration_s: How long.
        summary: Where the summary goes.
    """
    settings = {
        "LAB_URL": f"http://{_in_url(order.host)}:{order.port}{order.path}",
        "LAB_BODY_BYTES": str(order.expected_body_bytes),
        "LAB_BODY_BASE64": order.expected_body_base64 or "",
        "LAB_TIMEOUT": _milliseconds(order.load.timeout_s),
        "LAB_SUMMARY": str(summary),
    }
    environment = [word for name, value in settings.items() for word in ("--env", f"{name}={value}")]
    size = ["--vus", str(order.load.vus), "--duration", _milliseconds(duration_s)]
    return [executable, "run", *size, "--quiet", "--no-color", *environment, str(SCRIPT)]


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _milliseconds(seconds: float) -> str:
    milliseconds = round(1000 * seconds)
    return f"{milliseconds // 1000}s" if milliseconds % 1000 == 0 else f"{milliseconds}ms"
