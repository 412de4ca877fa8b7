"""The ledger of claims: its values, and how they are read from TOML."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from benchmarks.errors import LabError
from benchmarks.foreign_json import decode

RATIO_FIGURES = ("rate_per_s", "latency_average_ms", "latency_p95_ms")
"""Figures that the tutorial gives for both twins, whose ratio is claimed."""

_TWINS = ("framework", "serving", "workload")

TEST_KEYS: Mapping[str, tuple[str, ...]] = {
    "documents": ("framework",),
    "ratio": _TWINS,
    "waits": _TWINS,
    "event-loop": _TWINS,
    "best": ("framework", "against", "workload", "much", "among"),
}
"""The kinds of test, and what each must say beside ``kind`` and ``subject``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimFigure:
    """What the tutorial printed.

    Attributes:
        name: With its unit: one of ``RATIO_FIGURES``, or ``running_threads``.
        sync: For ``def``; ``None`` when the tutorial says it of ``async def`` alone.
        asynchronous: For ``async def``.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    name: Literal["rate_per_s", "latency_average_ms", "latency_p95_ms", "running_threads"]
    sync: float | None = None
    asynchronous: float

    @property
    def ratio(self) -> float | None:
        """Async over sync, dimensionless; ``None`` when there is nothing to divide by."""
        return None if self.sync is None else self.asynchronous / self.sync


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimTest:
    """How a claim is tested on one subject; text is empty, and ``much`` 0, where the kind needs none.

    Attributes:
        kind: One of ``TEST_KEYS``.
        subject: For a person: ``FastAPI``.
        framework: Of the contenders under test.
        serving: Of the arrangement that the claim is judged on; every other that ran is shown beside it.
        workload: Under which it is tested.
        against: The framework that ``framework`` is compared with.
        much: From what ratio on the first counts as much better.
        among: Ids of the contenders that must be measured for the best of each framework to be known.
        is_beside: Whether it is tested only where these were in the run; for others, a verdict says what is missing.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    kind: Literal["documents", "ratio", "waits", "event-loop", "best"]
    subject: str
    framework: str
    serving: str = ""
    workload: str = ""
    against: str = ""
    much: float = 0.0
    among: str = ""
    is_beside: bool = False

    @property
    def arrangement(self) -> str:
        """Framework and serving: ``flask@hypercorn``; empty if the claim is not about serving."""
        return f"{self.framework}@{self.serving}" if self.serving else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One sentence of the tutorial, with its figures and its tests.

    Attributes:
        id: For example ``async-throughput``.
        number: From 1.
        title: The claim in a few words.
        quote: The tutorial's words and printed lines, each exactly as they stand there.
        english: What the words say, in English.
        figures: What the tutorial printed, in the ledger's order; empty where it gave no number.
        tests: In the ledger's order.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    id: str
    number: int
    title: str
    quote: tuple[str, ...]
    english: str
    figures: tuple[ClaimFigure, ...]
    tests: tuple[ClaimTest, ...]


def parse_claims(text: str) -> tuple[Claim, ...]:
    """Read the ledger, in the TOML of ``claims.toml``.

    Raises:
        LabError: It is not TOML, or not a ledger: an unknown, missing or impossible entry; the message says where.
    """
    try:
        claims = decode(tuple[Claim, ...], [_entry(**table) for table in tomllib.loads(text)["claim"]])
    except KeyError:
        raise LabError("not a ledger: there is no [[claim]]") from None
    # Text that is no TOML, or tables of another shape.
    except (AttributeError, TypeError, ValueError, RecursionError) as error:
        raise LabError(f"not a ledger: {error}") from None
    for claim in claims:
        names = {figure.name for figure in claim.figures}
        for test in claim.tests:
            missing = [key for key in TEST_KEYS[test.kind] if not getattr(test, key)]
            if test.kind == "ratio" and names.isdisjoint(RATIO_FIGURES):
                missing.append(f"one of the figures {', '.join(RATIO_FIGURES)}")
            if test.kind == "event-loop" and "running_threads" not in names:
                missing.append("the figure running_threads")
            if missing:
                raise LabError(f"{claim.id}: a test of kind {test.kind} needs {', '.join(missing)}")
    return claims


def _entry(
    figures: Mapping[str, Mapping[str, Any]] | None = None, test: object = (), **words: object
) -> dict[str, object]:
    """Return a table of the ledger by the names of ``Claim``; ``async`` is a word of Python's."""
    named = [
        {"name": name, **{"asynchronous" if key == "async" else key: value for key, value in twins.items()}}
        for name, twins in (figures or {}).items()
    ]
    return {**words, "figures": named, "tests": test}
