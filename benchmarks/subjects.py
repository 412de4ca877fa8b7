"""What is compared, and what it is asked: contenders, workloads and places; frozen values, like those of ``model``."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Variant = Literal["sync", "async"]

Steadiness = Literal["bytes", "length", "shape", "nothing"]
"""What of an answer's body stays the same: all, its length, the names and kinds of its JSON values, or nothing."""

ALIKE = "alike"
"""Name of the answer of requests to anybody's apps: all must answer like the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """One system under test: app x variant x server x bridge.

    Attributes:
        framework: What the app is written with, an id of the catalogue's; of somebody's own app, ``module:attribute``.
        variant: The keyword under study; ``None`` for the bare server, which has no view.
        server: What listens, an id of the catalogue's.
        bridge: How the app meets its server, or ``none``.
        arguments: Start command after the program, with ``{host}`` and ``{port}`` to fill in.
        description: One line for a person.
        program: What runs the arguments; empty for the Python that the lab runs on, in the lab's own folder.
        folder: In which it runs; empty with the program.
        environment: Its variables beside those of the lab, with ``${NAME}`` for one of the lab's.
        path: What it is asked for, where that is not the workload's path.
        name: Its id, where that is not made of the above.
        url: Where it listens already; empty for what the lab starts.
        interpreter: Path of the Python that one of the lab's own apps runs on; empty for the one that the lab runs on.
        build: Version and build of its Python, where several are compared: ``3.13.1t``.
    """

    framework: str
    variant: Variant | None
    server: str
    bridge: str = "none"
    arguments: tuple[str, ...]
    description: str
    program: str = ""
    folder: str = ""
    environment: Mapping[str, str] = field(default_factory=dict, hash=False)
    path: str = ""
    name: str = ""
    url: str = ""
    interpreter: str = ""
    build: str = ""

    @property
    def id(self) -> str:
        """The name by which everything refers to it, for example ``flask-async@hypercorn+asgiref``."""
        if self.name:
            return self.name
        name = self.framework if self.variant is None else f"{self.framework}-{self.variant}"
        return f"{name}@{self.serving}"

    @property
    def serving(self) -> str:
        """Server and bridge, and the Python where several are compared: ``hypercorn+asgiref~3.13.1``."""
        bridge = "" if self.bridge == "none" else f"+{self.bridge}"
        return f"{self.server}{bridge}{f'~{self.build}' if self.build else ''}"

    @property
    def arrangement(self) -> str:
        """What both twins share: ``flask@hypercorn+asgiref``."""
        return self.name if self.name and self.variant is None else f"{self.framework}@{self.serving}"

    @property
    def is_own(self) -> bool:
        """Whether it serves one of the lab's own apps."""
        return not self.program and not self.url


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What one request asks for.

    Attributes:
        name: In a run, for example ``health`` or ``ready-100``.
        path: Path and query, with ``{variant}`` and ``{wait_ms}`` to fill in.
        wait_ms: The delay of a dependency, milliseconds; 0 when the view waits for nothing.
        waits: How many of these there are: ``def`` waits for one after another, ``async def`` for all at once.
        answer: The name of the answer that all must give: ``health``, another of the workloads' own, or ``alike`` where
            all must answer like the first.
        method: Of the request.
        headers: Of the request, beside those that every request has.
        body_base64: Of the request; empty for none.
        statuses: Of a valid answer; empty for any from 200 to 299.
        holds: What of an answer's body must be as it was before anything was timed.
        differences: How the contenders' answers differ, where that was allowed.
        users: Virtual users; ``None`` for as many as the preset has.
        rate_per_s: At which it is asked, in the open model; ``None`` for as fast as it is answered.
        before_trial: Command that puts the state back before each trial; empty for none.
        alone_ms: How long each contender took to answer one user, before anything was timed, by its id.
        mix: The requests that it mixes, in a random order by their weights; empty where it is one request. What is said
            above is then the first's, and answers are known by their status.
        weight: How often it is asked, in proportion to the others of a mix.
    """

    name: str
    path: str
    wait_ms: float = 0.0
    waits: int = 1
    answer: str = "health"
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict, hash=False)
    body_base64: str = ""
    statuses: tuple[int, ...] = ()
    holds: Steadiness = "bytes"
    differences: tuple[str, ...] = ()
    users: int | None = None
    rate_per_s: float | None = None
    before_trial: str = ""
    alone_ms: Mapping[str, float] = field(default_factory=dict, hash=False)
    mix: tuple[Workload, ...] = ()
    weight: float = 1.0

    @property
    def body(self) -> bytes | None:
        """Of the request; ``None`` for none."""
        return base64.b64decode(self.body_base64) if self.body_base64 else None

    def wait_ms_in(self, variant: Variant | None) -> float:
        """Return how long a view of this variant waits in all, milliseconds."""
        return self.wait_ms * self.waits if variant == "sync" else self.wait_ms

    def path_for(self, contender: Contender) -> str:
        """Return the path that this contender serves the workload under."""
        path = contender.path or self.path
        return path.replace("{variant}", contender.variant or "async").replace("{wait_ms}", f"{self.wait_ms:g}")


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A place on the crossover map.

    Attributes:
        wait_ms: How long each request waits for its simulated dependency, milliseconds.
        connections: How many ask at once, each again when it has its answer.
    """

    wait_ms: float
    connections: float

    def asks_no_more_than(self, other: Place) -> bool:
        """Tell whether this place is no more demanding than another, in either respect."""
        return self.wait_ms <= other.wait_ms and self.connections <= other.connections
