"""What was measured on a quiet two-core machine: a run, its summaries and ratios, for the renderers to tell."""

from __future__ import annotations

import random

from hdrh.histogram import HdrHistogram

from benchmarks.judge.comparison import conclude
from benchmarks.judge.judgement import Comparison, Estimate, RequestCost, Summary
from benchmarks.model import Contender, LoadProfile, Plan, Run, Variant, Workload

HEALTH = Workload(name="health", path="/health/{variant}")
WAIT = Workload(name="wait", path="/wait/{variant}?ms=50", wait_ms=50.0)
LOADS = {
    "health": LoadProfile(vus=10, duration_s=0.7, warmup_s=0.2, slices=7),
    "wait": LoadProfile(vus=60, duration_s=0.8, warmup_s=0.2),
}
ARRANGEMENTS = (
    ("flask", "hypercorn", "none"),
    ("flask", "hypercorn", "asgiref"),
    ("flask", "hypercorn", "eventloop"),
    ("flask", "uvicorn", "eventloop"),
    ("fastapi", "hypercorn", "none"),
    ("fastapi", "uvicorn", "none"),
)
VARIANTS: tuple[Variant, Variant] = ("sync", "async")

# contender: rate per s, CPU µs per request, voluntary switches per request, threads that ran
HEALTH_FIGURES = {
    "flask-sync@hypercorn": (1952.0, 451.0, 5.8, 11.0),
    "flask-async@hypercorn": (976.0, 907.0, 8.7, 11.0),
    "flask-sync@hypercorn+asgiref": (1710.0, 522.0, 5.1, 2.0),
    "flask-async@hypercorn+asgiref": (1197.0, 760.0, 7.9, 2.0),
    "flask-sync@hypercorn+eventloop": (1600.0, 560.0, 2.0, 11.0),
    "flask-async@hypercorn+eventloop": (3620.0, 265.0, 0.0, 1.0),
    "flask-sync@uvicorn+eventloop": (3800.0, 262.0, 2.2, 11.0),
    "flask-async@uvicorn+eventloop": (8900.0, 108.0, 0.0, 1.0),
    "fastapi-sync@hypercorn": (2210.0, 402.0, 4.9, 11.0),
    "fastapi-async@hypercorn": (3536.0, 271.0, 0.0, 1.0),
    "fastapi-sync@uvicorn": (4105.0, 248.0, 4.7, 11.0),
    "fastapi-async@uvicorn": (8210.0, 117.0, 0.0, 1.0),
}
WAIT_FIGURES = {
    "flask-sync@hypercorn": (112.0, 610.0, 6.1, 6.0),
    "flask-async@hypercorn": (109.0, 1190.0, 9.2, 6.0),
    "flask-sync@hypercorn+asgiref": (19.6, 705.0, 6.6, 2.0),
    "flask-async@hypercorn+asgiref": (19.5, 960.0, 8.8, 2.0),
    "flask-sync@hypercorn+eventloop": (790.0, 414.0, 2.0, 40.0),
    "flask-async@hypercorn+eventloop": (1105.0, 298.0, 0.1, 1.0),
    "flask-sync@uvicorn+eventloop": (780.0, 259.0, 2.2, 40.0),
    "flask-async@uvicorn+eventloop": (1170.0, 140.0, 0.1, 1.0),
    "fastapi-sync@hypercorn": (752.0, 520.0, 5.6, 40.0),
    "fastapi-async@hypercorn": (1098.0, 330.0, 0.6, 1.0),
    "fastapi-sync@uvicorn": (771.0, 390.0, 5.2, 40.0),
    "fastapi-async@uvicorn": (1161.0, 190.0, 0.5, 1.0),
}
RATIOS = {
    "health": {
        "flask@hypercorn": (0.50, 0.48, 0.52),
        "flask@hypercorn+asgiref": (0.70, 0.67, 0.73),
        "flask@hypercorn+eventloop": (2.26, 2.2, 2.32),
        "flask@uvicorn+eventloop": (2.34, 2.25, 2.43),
        "fastapi@hypercorn": (1.60, 1.55, 1.66),
        "fastapi@uvicorn": (2.004, 1.95, 2.07),
    },
    "wait": {
        "flask@hypercorn": (0.973, 0.94, 1.01),
        "flask@hypercorn+asgiref": (0.995, 0.98, 1.01),
        "flask@hypercorn+eventloop": (1.4, 1.38, 1.42),
        "flask@uvicorn+eventloop": (1.5, 1.47, 1.53),
        "fastapi@hypercorn": (1.46, 1.44, 1.48),
        "fastapi@uvicorn": (1.506, 1.49, 1.52),
    },
}
HEADLINES = ("flask@hypercorn", "fastapi@uvicorn")


def near(value: float, percent: float = 2.0, samples: int = 5) -> Estimate:
    """Return an estimate with an interval of so many percent on both sides."""
    return Estimate(value=value, low=value * (1 - percent / 100), high=value * (1 + percent / 100), samples=samples)


def histogram(median_ms: float, seed: int, requests: int = 1500) -> str:
    """Return a histogram of latencies with a tail, as the load engine encodes it."""
    random_source = random.Random(seed)  # noqa: S311 (latencies, not secrets)
    histogram = HdrHistogram(1, 3_600_000_000, 3)
    for _ in range(requests):
        histogram.record_value(max(1, int(1000 * random_source.lognormvariate(0, 0.12) * median_ms)))
    for _ in range(requests // 50):
        histogram.record_value(int(1000 * median_ms * random_source.uniform(1.2, 3)))
    return str(histogram.encode().decode("ascii"))


def contenders() -> tuple[Contender, ...]:
    """Return the contenders of the catalogue."""
    return tuple(
        Contender(
            framework=framework,
            variant=variant,
            server=server,
            bridge=bridge,
            arguments=("-m", server, "app:app", "--bind", "{host}:{port}"),
            description=f"{framework} on {server}",
        )
        for framework, server, bridge in ARRANGEMENTS
        for variant in VARIANTS
    )


def summaries() -> tuple[Summary, ...]:
    """Return a summary of each contender under each workload."""
    return tuple(
        Summary(
            contender=contender.id,
            arrangement=contender.arrangement,
            framework=contender.framework,
            variant=contender.variant,
            workload=workload.name,
            rate_per_s=near(rate),
            latency_average_ms=near(1000 * LOADS[workload.name].vus / rate),
            latency_median_ms=near(980 * LOADS[workload.name].vus / rate),
            latency_p95_ms=near(1300 * LOADS[workload.name].vus / rate),
            latency_p99_ms=near(1700 * LOADS[workload.name].vus / rate),
            cpu_us_per_request=near(cpu, 1.1),
            voluntary_switches_per_request=switches,
            involuntary_switches_per_request=0.12,
            threads_started_per_request=1.0 if contender.id == "flask-async@hypercorn" else 0.0,
            threads=threads + 1,
            running_threads=threads,
            epoll_descriptors=1.0,
            resident_bytes=61.0 * 2**20,
            histograms=tuple(histogram(980 * LOADS[workload.name].vus / rate, seed, requests=400) for seed in range(2)),
            used=5,
            void=(),
        )
        for workload, figures in ((HEALTH, HEALTH_FIGURES), (WAIT, WAIT_FIGURES))
        for contender in contenders()
        for rate, cpu, switches, threads in (figures[contender.id],)
    )


def twins() -> tuple[Comparison, ...]:
    """Return the ratios of every arrangement under every workload."""
    return tuple(
        conclude(
            Comparison(
                above=arrangement.replace("@", "-async@"),
                below=arrangement.replace("@", "-sync@"),
                arrangement=arrangement,
                framework=arrangement.partition("@")[0],
                workload=workload,
                headline=arrangement in HEADLINES,
                rate=Estimate(value=value, low=low, high=high, samples=5),
                latency_average=near(1 / value),
                latency_p95=near(1 / value, 4),
                cpu=near(0.97 / value, 1.5),
            )
        )
        for workload, ratios in RATIOS.items()
        for arrangement, (value, low, high) in ratios.items()
    )


def bridges() -> tuple[Comparison, ...]:
    """Return what the event-loop bridge makes of Flask's views on Hypercorn."""
    return tuple(
        Comparison(
            above=f"flask-{variant}@hypercorn+eventloop",
            below=f"{framework}-{variant}@hypercorn",
            framework="flask" if framework == "flask" else "",
            workload=workload,
            rate=Estimate(value=value, low=0.97 * value, high=1.03 * value, samples=5),
            standing="faster",
            sentence=f"Behind the bridge {variant} served {value:.2f} times the requests of {framework}.",
            cause="Each request, without → behind the bridge: voluntary switches 8.7 → none.",
        )
        for workload in ("health", "wait")
        for variant in ("async", "sync")
        for framework, value in (("flask", 3.71), ("fastapi", 1.02))
    )


def bridge_costs() -> tuple[RequestCost, ...]:
    """Return what a request of each of these costs."""
    return tuple(
        RequestCost(
            contender=f"{app}@hypercorn{bridge}",
            server="hypercorn",
            variant=variant,
            workload=workload,
            threads_started=started,
            loops_started=started,
            voluntary_switches=switches,
            cpu_us=cpu_us,
            waits=waits if workload == "wait" else None,
            running_threads=1.0,
        )
        for workload in ("health", "wait")
        for variant in ("async", "sync")
        for app, bridge, started, switches, cpu_us, waits in (
            (f"flask-{variant}", "", 1.0, 8.7, 907.0, 5.6),
            (f"flask-{variant}", "+eventloop", 0.0, 0.0, 265.0, 55.3),
            (f"fastapi-{variant}", "", 0.0, 0.02, 271.0, 54.9),
        )
    )


def complete_run() -> Run:
    """Return a complete run of every contender under two workloads; a judgement holds what its trials said."""
    ids = tuple(contender.id for contender in contenders())
    return Run(
        name="2026-03-01T09-30-00-quick",
        state="complete",
        started_at="2026-03-01T09:30:00+00:00",
        finished_at="2026-03-01T09:32:48+00:00",
        plan=Plan(
            preset="quick",
            seed=20260301,
            contenders=contenders(),
            workloads=(HEALTH, WAIT),
            loads=LOADS,
            rounds={"health": 7, "wait": 3},
            workload_contenders={"health": ids, "wait": ids},
            placebo="fastapi-async@uvicorn",
            ceilings=("bare-asgi@hypercorn", "bare-asgi@uvicorn"),
        ),
        environment={
            "cpu_model": "Example CPU @ 2.10GHz",
            "logical_cores": 2,
            "physical_cores": 1,
            "server_cpus": "1",
            "loader_cpus": "0",
            "governor": None,
            "memory_bytes": 8_323_072_000,
            "load_average_1m": 0.21,
            "operating_system": "Linux",
            "kernel": "6.8.0",
            "python": "3.11.9",
            "git_revision": "0123456789abcdef0123456789abcdef01234567",
            "git_changed_files": 0,
            "package_fastapi": "0.139.0",
            "package_Flask": "3.1.3",
            "package_Hypercorn": "0.18.0",
            "package_uvicorn": "0.38.0",
        },
    )
