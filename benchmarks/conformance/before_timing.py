"""Looks at how a contender behaves when it is asked what is to be timed: cheap probes of a workload's own path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from benchmarks.conformance.probe import ProbeFailedError, probes
from benchmarks.conformance.subject import Subject
from benchmarks.conformance.wire import NoAnswerError
from benchmarks.measure.load.request import filler
from benchmarks.measure.server import RunningServer, rendered
from benchmarks.model import Contender, Workload

PROBES: Final = ("content-length", "keep-alive", "head")
"""What is asked of every workload that only reads: some ten requests, milliseconds."""


def look(server: RunningServer, contender: Contender, workload: Workload) -> Mapping[str, str]:
    """Return which of these probes a contender fails under a workload, each with what was seen.

    Args:
        server: Runs it.
        contender: Whose view is asked.
        workload: What is asked. One that may change something is left alone, and so is a mix.
    """
    if workload.method != "GET" or workload.mix or workload.body:
        return {}
    path, _, headers = rendered(workload, contender, filler())
    subject = Subject(server, path, "", headers=tuple(headers.items()))
    found = {}
    for name in PROBES:
        subject.begin()
        try:
            probes()[name].look(subject)
        except (ProbeFailedError, NoAnswerError, OSError) as error:
            found[name] = str(error)
    return found
