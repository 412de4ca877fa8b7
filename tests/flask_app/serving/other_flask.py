"""Runs the bridge's tests in process on another Flask than the environment's: one in a folder of its own beside it.

``make oldest-flask`` and ``make flask-next`` fill the folders. Run as a module, this tries the next Flask.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[3]
OLDEST_FOLDER = Path(sys.prefix) / "oldest-flask"
NEXT_FOLDER = Path(sys.prefix) / "next-flask"

BEHAVIOUR = (
    "test_bridge_against_wsgi.py",
    "test_bridge_around_apps.py",
    "test_bridge_replies_against_wsgi.py",
    "test_event_loop.py",
    "test_flask_contexts.py",
    "test_flask_errors.py",
    "test_flask_features.py",
    "test_hook_order.py",
)
"""What holds on every Flask."""
ON_THE_OLDEST = (*BEHAVIOUR, "test_flask_internals.py")
ON_THE_NEXT = BEHAVIOUR
NOT_ON_THE_NEXT = (
    # Def views leave async ones their threads.
    "test_bridge_around_apps.py::test_def_views_wait_for_a_thread_and_async_ones_do_not",
    # An async hook is in a copy of its request's context there, as in plain Flask, where a token is of no use.
    "test_flask_contexts.py::test_a_hook_may_take_back_what_another_set",
)
"""Single tests of those, of what the bridge does only on a Flask whose internals it knows."""
WARNINGS_OF_THE_NEXT = ("ignore:The '.+' method now takes 'ctx:DeprecationWarning",)
"""What the next Flask says of apps that are written for those before it, among which are the tests' own."""

# With the folder before the environment's own packages.
_RUN = """
import sys
from importlib.metadata import version

import flask
import pytest

print(flask.__file__, *(f"{name}=={version(name)}" for name in ("blinker", "flask", "werkzeug")), flush=True)
sys.exit(pytest.main(sys.argv[1:]))
"""


def run(
    folder: Path,
    tests: Sequence[str],
    *,
    without: Sequence[str] = (),
    warnings: Sequence[str] = (),
    captured: bool = False,
    timeout_s: float | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run tests on the Flask in a folder; the first line told is its file, and what it and its nearest are releases of.

    Properties are tried on fewer examples: many are for the environment's own Flask, and how a request is read is the
    bridge's own work.

    Args:
        folder: Of packages.
        tests: Names of files beside this one, or of tests in them.
        without: Tests that are left out.
        warnings: Filters, as pytest's settings have them, for what is not to be an error.
        captured: Keep what is told, or else let it through.
        timeout_s: When to end it; ``None`` for never.
    """
    here = Path(__file__).parent.relative_to(ROOT)
    filters = "\n".join(("error", *warnings))
    left_out = [argument for test in without for argument in ("--deselect", str(here / test))]
    return subprocess.run(
        [
            *(sys.executable, "-c", _RUN, "--quiet", "--hypothesis-profile", "few"),
            # What these tests do without, and what takes its time to import.
            *("-p", "no:cacheprovider", "-p", "no:schemathesis", "--confcutdir", str(here.parent)),
            *("--override-ini", f"filterwarnings={filters}"),
            *left_out,
            *(str(here / test) for test in tests),
        ],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(folder)},
        stdout=subprocess.PIPE if captured else None,
        stderr=subprocess.PIPE if captured else None,
        text=True,
        check=False,
        timeout=timeout_s,
    )


if __name__ == "__main__":
    sys.exit(run(NEXT_FOLDER, ON_THE_NEXT, without=NOT_ON_THE_NEXT, warnings=WARNINGS_OF_THE_NEXT).returncode)
