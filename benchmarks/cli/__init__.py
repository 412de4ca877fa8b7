"""The command line: arguments only; the work is in the packages beside it. One module a command, or two that belong."""

from benchmarks.cli import (  # noqa: F401 (each adds its commands to the group)
    advise,
    compare,
    crossover,
    doctor,
    exercise,
    explain,
    lists,
    locust,
    report,
    serve,
    several,
)
from benchmarks.cli.group import lab

__all__ = ["lab"]
