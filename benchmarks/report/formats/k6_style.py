"""Prints a run in the layout of the k6 summary in the tutorial, so that the two can be compared side by side.

A block is one contender under one workload: the requests of its valid trials, pooled. Where an engine keeps no
histogram there are no percentiles of a pool, and each trial has a block of its own. A line whose figure was not
measured is left out, and said to be. Checks, which the tutorial had none of, stand there where one failed. The layout
is that of k6 up to 0.59, in which the tutorial's figures stand.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

from benchmarks.judge.trials import ValidTrial, ordinary_trials, participants, valid_trials
from benchmarks.model import Contender, LatencySummary, Run, Workload
from benchmarks.report.charts.latency import quantiles_ms
from benchmarks.report.plain_text import one_line
from benchmarks.trials import void_reason

_PERCENTS: Final = (50.0, 90.0, 95.0, 99.0)
_NAME_WIDTH: Final = 28
"""Of the longest name in the tutorial's own summary, with its indent; dots fill up to three more."""

_LEFT_OUT: Final = (
    "http_req_blocked, http_req_connecting, http_req_receiving, http_req_sending, http_req_tls_handshaking, "
    "http_req_waiting, iteration_duration"
)

_AT_A_RATE: Final = (
    "At a rate, http_req_duration counts from when a request was due, and so includes the wait for a free "
    "connection, which k6's does not."
)


def render_k6_style(run: Run) -> str:
    """Return a summary in k6's layout for each contender under each workload, in the order of the plan."""
    blocks = [
        block
        for workload in run.plan.workloads
        for contender in participants(run, workload.name)
        for block in _blocks(run, contender, workload)
    ]
    notes = [f"Not measured, so left out of k6's lines: {_LEFT_OUT}."]
    if any(run.plan.is_open(workload.name) for workload in run.plan.workloads):
        notes.append(_AT_A_RATE)
    return "\n\n\n".join([*blocks, "\n".join(notes)]) + "\n"


def _blocks(run: Run, contender: Contender, workload: Workload) -> Iterator[str]:
    head = f"  contender: {one_line(contender.id)}\n     target: GET {one_line(workload.path_for(contender))}\n"
    trials = ordinary_trials(run, contender.id, workload.name)
    valid = valid_trials(trials)
    if not valid:
        reason = next((void_reason(trial) for trial in trials), None) or "there is none"
        yield f"{head}\n     no valid trial: {one_line(reason)}"
        return
    latency = _pooled_latency(valid)
    pools = [(valid, latency)] if latency is not None else [([trial], trial.latency) for trial in valid]
    for pooled, latencies in pools:
        load, several = pooled[0].trial.load, len(pooled) > 1
        told = f"{len(pooled)}, their requests pooled" if several else f"1, of round {pooled[0].trial.round}"
        duration = _duration(1000 * load.duration_s)
        asked = (
            f"{load.vus} looping VUs for {duration}"
            if load.rate_per_s is None
            else f"{load.rate_per_s:.2f} iterations/s for {duration} (maxVUs: {load.vus})"
        )
        yield "\n".join(
            (
                f"{head}     trials: {told}\n",
                f"  scenarios: (100.00%) 1 scenario, {load.vus} max VUs:",
                f"           * default: {asked}{f', {len(pooled)} times' if several else ''}\n\n",
                *_lines(pooled, latencies),
            )
        )


def _lines(trials: Sequence[ValidTrial], latency: LatencySummary) -> Iterator[str]:
    results = [trial.result for trial in trials]
    duration_s = sum(result.duration_s for result in results)
    completed = sum(result.completed for result in results)
    failed = {kind: sum(result.errors.get(kind, 0) for result in results) for kind in ("status", "body")}
    unanswered = sum(result.error_count for result in results) - sum(failed.values())
    dropped = sum(result.dropped or 0 for result in results)
    asked = completed + sum(failed.values()) + unanswered
    failed_status = failed["status"] + unanswered
    vus = trials[0].trial.load.vus

    checks = {
        "status is 2xx": (asked - failed_status, failed_status),
        "body has the right length": (completed, failed["body"]),
    }
    failing = any(fails for _, fails in checks.values())
    if failing:
        for name, (passes, fails) in checks.items():
            yield f"     {'✗' if fails else '✓'} {name}"
            if fails:
                yield f"      ↳  {100 * passes // (passes + fails)}% — ✓ {passes} / ✗ {fails}"
        yield ""
    passes, fails = (sum(counts) for counts in zip(*checks.values(), strict=True))
    received = _total([result.received_bytes for result in results])
    sent = _total([result.sent_bytes for result in results])
    columns = [
        *([("checks", _percentage(passes, passes + fails), (f"✓ {passes}", f"✗ {fails}"))] if failing else []),
        *([] if received is None else [("data_received", _bytes(received), (f"{_bytes(received / duration_s)}/s",))]),
        *([] if sent is None else [("data_sent", _bytes(sent), (f"{_bytes(sent / duration_s)}/s",))]),
        *([("dropped_iterations", str(dropped), (f"{_plain(dropped / duration_s)}/s",))] if dropped else []),
        ("http_req_failed", _percentage(failed_status, asked), (f"✓ {failed_status}", f"✗ {asked - failed_status}")),
        ("http_reqs", str(asked), (f"{_plain(asked / duration_s)}/s",)),
        ("vus", str(vus), (f"min={vus}", f"max={vus}")),
        ("vus_max", str(vus), (f"min={vus}", f"max={vus}")),
    ]
    written = dict(_columns(columns))
    trend = _trend(latency)
    # Only valid answers have a latency: where others came, k6's first line is of more than was measured.
    written["http_req_duration"] = trend if asked == completed else None
    for name in sorted(written):
        if (text := written[name]) is not None:
            yield f"     {name}{'.' * (_NAME_WIDTH - len(name) + 3)}: {text}"
        if name == "http_req_duration":
            sub = "{ expected_response:true }"
            yield f"       {sub}{'.' * (_NAME_WIDTH - 2 - len(sub) + 3)}: {trend}"


def _columns(rows: Sequence[tuple[str, str, tuple[str, ...]]]) -> Iterator[tuple[str, str | None]]:
    """Line up the values of all rows, and the first of what stands behind them, as k6 does."""
    value_width = max(len(value) for _, value, _ in rows)
    extra_width = max(len(extras[0]) for _, _, extras in rows)
    for name, value, extras in rows:
        first = extras[0].ljust(extra_width) if len(extras) > 1 else extras[0]
        yield name, " ".join((value.ljust(value_width), first, *extras[1:]))


def _trend(latency: LatencySummary) -> str:
    names = {"avg": "average", "min": "minimum", "med": "median", "max": "maximum", "p(90)": "p90", "p(95)": "p95"}
    return " ".join(f"{name}={_duration(getattr(latency, f'{field}_ms'))}" for name, field in names.items())


def _pooled_latency(trials: Sequence[ValidTrial]) -> LatencySummary | None:
    """Return the latency of all requests of several trials; ``None`` where there are no histograms to add up."""
    if len(trials) == 1:
        return trials[0].latency
    histograms = [trial.result.histogram for trial in trials if trial.result.histogram is not None]
    if len(histograms) < len(trials):
        return None
    percentiles = quantiles_ms(histograms, _PERCENTS)
    if not percentiles:
        return None
    median_ms, p90_ms, p95_ms, p99_ms = percentiles
    completed = sum(trial.result.completed for trial in trials)
    return LatencySummary(
        average_ms=sum(trial.latency.average_ms * trial.result.completed for trial in trials) / completed,
        minimum_ms=min(trial.latency.minimum_ms for trial in trials),
        median_ms=median_ms,
        maximum_ms=max(trial.latency.maximum_ms for trial in trials),
        p90_ms=p90_ms,
        p95_ms=p95_ms,
        p99_ms=p99_ms,
    )


def _total(counts: Sequence[int | None]) -> int | None:
    return None if None in counts else sum(count or 0 for count in counts)


def _percentage(part: int, whole: int) -> str:
    # Cut off, not rounded: 99.99 % of something is not all of it.
    return f"{math.floor(10_000 * part / whole) / 100 if whole else 0:.2f}%"


def _plain(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")


def _bytes(count: float) -> str:
    power, unit = 0, "B"
    for power, unit in enumerate(("B", "kB", "MB", "GB", "TB")):  # noqa: B007 (both are wanted after the loop)
        if count < 1000 ** (power + 1):
            break
    scaled = round(count / 1000**power, 1)
    return f"{scaled:.1f} {unit}" if scaled < 10 and unit != "B" else f"{scaled:.0f} {unit}"


def _duration(milliseconds: float) -> str:
    """Write a duration as k6 does: in the unit that keeps it above 1, two decimals, cut off, no idle zeros."""
    if milliseconds <= 0:
        return "0s"
    if milliseconds < 0.001:
        return f"{int(milliseconds * 1_000_000)}ns"
    if milliseconds < 1:
        return f"{_cut(milliseconds * 1000)}µs"
    if milliseconds < 1000:
        return f"{_cut(milliseconds)}ms"
    minutes, seconds = divmod(milliseconds / 1000, 60)
    return f"{_cut(seconds)}s" if minutes == 0 else f"{minutes:.0f}m{seconds:.0f}s"


def _cut(value: float) -> str:
    # Rounded far behind the point first: 1.15 is a little less than that in binary.
    return _plain(math.floor(round(100 * value, 6)) / 100)
