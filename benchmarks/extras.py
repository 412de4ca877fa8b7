"""Says how to install what an extra of this package brings, for a Python that lacks it."""

from __future__ import annotations

import importlib.metadata
import re
import sys


def installing(extra: str) -> str:
    """Return the command that installs an extra's packages into this Python, whatever this package came from.

    Args:
        extra: Of ``pyproject.toml``: ``bench`` or ``locust``.
    """
    lines = importlib.metadata.requires("sync-async-lab") or []
    ours = [line for line in lines if re.search(rf"extra == ['\"]{extra}['\"]", line)]
    # What is left of a marker is for pip to judge: some packages are not for every system.
    packages = [re.sub(r"(;| and)? *extra == .*$", "", line) for line in ours]
    # Double quotes, for those are quotes to every shell.
    return " ".join([f'"{sys.executable}" -m pip install', *(f'"{package}"' for package in packages)])
