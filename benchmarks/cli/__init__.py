"""The command line: arguments only; the work is in the packages beside it. One module a command, or two that belong."""

from benchmarks.cli.group import lab

__all__ = ["lab"]
