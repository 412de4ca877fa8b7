"""What was judged on a quiet two-core machine: a verdict on each claim, for the renderers to tell."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.judge.comparison import standing
from benchmarks.judge.judgement import Estimate, Figure, Outcome, Verdict


def figure(name: str, unit: str, value: tuple[float, float, float] | float | None, tutorial: float | None) -> Figure:
    """Return a figure; a plain number is a count without an interval."""
    if isinstance(value, tuple):
        estimate = Estimate(value=value[0], low=value[1], high=value[2], samples=5)
    elif value is None:
        estimate = None
    else:
        estimate = Estimate(value=value, low=None, high=None, samples=5)
    return Figure(name=name, unit=unit, estimate=estimate, tutorial_value=tutorial)


def verdict(
    claim: tuple[int, str],
    subject: tuple[str, str],
    outcome: Outcome,
    figures: Sequence[Figure],
    told: tuple[str, str],
    *,
    headline: bool = True,
) -> Verdict:
    """Return a verdict; the pairs are number and id, framework and arrangement, sentence and cause."""
    decisive = figures[0].estimate
    return Verdict(
        claim=claim[1],
        number=claim[0],
        subject=subject[0],
        arrangement=subject[1],
        headline=headline,
        outcome=outcome,
        figures=tuple(figures),
        sentence=told[0],
        why=told[1],
        standing=standing(decisive) if claim[1] == "async-throughput" and decisive is not None else None,
    )


def verdicts() -> tuple[Verdict, ...]:
    """Return a verdict on each claim for each subject, and for one arrangement beside."""
    fastapi, flask = ("FastAPI", "fastapi@uvicorn"), ("Flask", "flask@hypercorn")
    throughput = (2, "async-throughput")
    latency = (3, "async-latency")
    loop = (5, "single-thread-event-loop")
    return (
        verdict(
            (1, "response-model"),
            ("FastAPI", ""),
            "replicated",
            [figure("documented response fields", "", 2, None), figure("without the model", "", 0, None)],
            (
                "With the response model the document describes 2 response fields; without it, none.",
                "FastAPI writes the document from the declared model, so what is not declared is not documented.",
            ),
        ),
        verdict(
            (1, "response-model"),
            ("Flask", ""),
            "replicated",
            [figure("documented response fields", "", 2, None), figure("without the model", "", 0, None)],
            (
                "With the response schema the document describes 2 response fields; without it, none.",
                "The contract of the view is the only source of its document.",
            ),
        ),
        verdict(
            throughput,
            fastapi,
            "replicated",
            [figure("rate async/sync", "×", (2.004, 1.95, 2.07), 2.0202)],
            (
                "async def served 2.00 × the requests of def, 95 % interval 1.95 to 2.07.",
                "Each def request hops to a worker thread: 4.7 voluntary switches and 248 µs, against 0.0 and 117 µs.",
            ),
        ),
        verdict(
            throughput,
            ("FastAPI", "fastapi@hypercorn"),
            "inconclusive",
            [figure("rate async/sync", "×", (1.60, 1.55, 1.66), 2.0202)],
            (
                "async def served 1.60 × the requests of def, faster but not twice as fast.",
                "Hypercorn costs both twins the same 150 µs, which dilutes the hop.",
            ),
            headline=False,
        ),
        verdict(
            throughput,
            flask,
            "contradicted",
            [figure("rate async/sync", "×", (0.50, 0.48, 0.52), 2.0202)],
            (
                "async def served 0.50 × the requests of def, 95 % interval 0.48 to 0.52: slower, not faster.",
                "Each async def request starts a thread: 8.7 voluntary switches and 907 µs, against 5.8 and 451 µs.",
            ),
        ),
        verdict(
            throughput,
            ("Flask", "flask@hypercorn+asgiref"),
            "contradicted",
            [figure("rate async/sync", "×", (0.70, 0.67, 0.73), 2.0202)],
            ("async def served 0.70 × the requests of def.", "It waits for one thread that serves the process."),
            headline=False,
        ),
        verdict(
            latency,
            fastapi,
            "replicated",
            [
                figure("average latency async/sync", "×", (0.499, 0.48, 0.51), 0.4896),
                figure("p95 latency async/sync", "×", (0.45, 0.42, 0.49), 0.4364),
            ],
            ("The average latency of async def was 0.50 × that of def.", "Ten users share twice the rate."),
        ),
        verdict(
            latency,
            flask,
            "contradicted",
            [
                figure("average latency async/sync", "×", (2.0, 1.92, 2.08), 0.4896),
                figure("p95 latency async/sync", "×", (2.1, 1.96, 2.2), 0.4364),
            ],
            ("The average latency of async def was 2.00 × that of def.", "Ten users share half the rate."),
        ),
        verdict(
            (4, "waits-do-not-block"),
            fastapi,
            "replicated",
            [figure("rate over the bound", "×", (0.967, 0.96, 0.974), 1.0)],
            ("async def reached 97 % of the 1,200 req/s that 60 connections allow.", "1 thread held all 60 waits."),
        ),
        verdict(
            (4, "waits-do-not-block"),
            flask,
            "contradicted",
            [figure("rate over the bound", "×", (0.091, 0.089, 0.093), 1.0)],
            (
                "async def reached 9 % of the 1,200 req/s that 60 connections allow.",
                "Each wait holds one of 6 threads.",
            ),
        ),
        verdict(
            loop,
            fastapi,
            "replicated",
            [figure("threads that ran", "", 1, 1), figure("epoll descriptors", "", 1, None)],
            ("1 thread ran, on 1 epoll descriptor, while async def was served.", "def needed 11 threads."),
        ),
        verdict(
            loop,
            flask,
            "contradicted",
            [figure("threads that ran", "", 11, 1), figure("epoll descriptors", "", 11, None)],
            ("11 threads ran while async def was served.", "Each request's loop is begun in a pool thread."),
        ),
        verdict(
            (6, "fastapi-not-much-better"),
            ("FastAPI and Flask", ""),
            "contradicted",
            [figure("best FastAPI over best Flask", "×", (4.21, 4.1, 4.32), None)],
            (
                "The best FastAPI arrangement served 4.21 × the requests of the best Flask arrangement.",
                "fastapi-async@uvicorn costs 117 µs of CPU per request, flask-sync@hypercorn 451 µs.",
            ),
        ),
    )
