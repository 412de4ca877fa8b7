from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from benchmarks.errors import LabError
from benchmarks.measure.load.k6 import read_summary
from benchmarks.model import LatencySummary

# The shape of k6's documentation, with the figures that the tutorial prints of `async def`.
SUMMARY: dict[str, Any] = {
    "root_group": {"path": "", "groups": [], "checks": [], "name": ""},
    "options": {"summaryTrendStats": ["avg", "min", "med", "max", "p(90)", "p(95)", "p(99)"], "summaryTimeUnit": ""},
    "state": {"isStdOutTTY": True, "isStdErrTTY": True, "testRunDurationMs": 30001.17},
    "metrics": {
        "http_reqs": {"type": "counter", "contains": "default", "values": {"count": 249101, "rate": 8303.043402}},
        "data_sent": {"type": "counter", "contains": "data", "values": {"count": 19928080, "rate": 664000}},
        "data_received": {"type": "counter", "contains": "data", "values": {"count": 38859756, "rate": 1300000}},
        "http_req_failed": {"type": "rate", "contains": "default", "values": {"rate": 0, "passes": 0, "fails": 249101}},
        "http_req_duration": {"type": "trend", "contains": "time", "values": {"avg": 99.0}},
        "http_req_duration{expected_response:true}": {
            "type": "trend",
            "contains": "time",
            "values": {
                "avg": 1.18,
                "min": 0.215,
                "med": 1.179,
                "max": 5.87,
                "p(90)": 1.23,
                "p(95)": 1.27,
                "p(99)": 1.9,
            },
        },
    },
}


def with_part(path: str, value: object) -> str:
    """Return the summary with one part replaced; ``None`` removes it."""
    summary = copy.deepcopy(SUMMARY)
    *parents, last = path.split("/")
    part = summary
    for parent in parents:
        part = part[parent]
    if value is None:
        del part[last]
    else:
        part[last] = value
    return json.dumps(summary)


def test_a_summary_is_read_as_what_every_engine_returns() -> None:
    """The counts are k6's, over k6's duration; what it does not report is missing."""
    result = read_summary(json.dumps(SUMMARY), loader_cpu_s=12.5)

    assert 249101 == result.completed
    assert pytest.approx(8303.04, abs=0.01) == result.rate_per_s
    assert (19928080, 38859756, 12.5) == (result.sent_bytes, result.received_bytes, result.loader_cpu_s)
    assert {} == result.errors
    assert (None, None, None) == (result.statuses, result.unfinished, result.histogram)
    assert (
        LatencySummary(
            average_ms=1.18, minimum_ms=0.215, median_ms=1.179, maximum_ms=5.87, p90_ms=1.23, p95_ms=1.27, p99_ms=1.9
        )
        == result.latency
    )


def test_errors_are_counted_by_kind_and_not_completed() -> None:
    """The script has a counter for each kind."""
    counter = {"type": "counter", "contains": "default", "values": {"count": 101, "rate": 3.4}}

    result = read_summary(with_part("metrics/lab_errors_timeout", counter), None)

    assert {"timeout": 101} == result.errors
    assert 249000 == result.completed
    assert result.loader_cpu_s is None


def test_no_valid_answer_has_no_latency() -> None:
    """k6 then leaves the metric out."""
    summary = copy.deepcopy(SUMMARY)
    del summary["metrics"]["http_req_duration{expected_response:true}"]
    summary["metrics"]["lab_errors_status"] = summary["metrics"]["http_reqs"]

    result = read_summary(json.dumps(summary), None)

    assert (0, None) == (result.completed, result.latency)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "not whole JSON"),
        ("[]", "another shape"),
        (with_part("metrics", None), "it has no 'metrics'"),
        (with_part("metrics", [{"name": "http_reqs"}]), "another shape"),
        (with_part("metrics/http_req_duration{expected_response:true}", None), "it has no 'http_req_duration"),
        (with_part("metrics/http_req_duration{expected_response:true}/values/p(99)", None), r"it has no 'p\(99\)'"),
        (with_part("metrics/http_req_duration{expected_response:true}/values/med", "1ms"), "'1ms' is not a number"),
        (with_part("state/testRunDurationMs", 0), "249101 requests of 0 s"),
        (with_part("metrics/http_reqs/values/count", True), "True is not a number"),
        (
            with_part("metrics/lab_errors_body", {"values": {"count": 249102}}),
            "249102 errors in 249101 requests",
        ),
    ],
)
def test_anything_but_such_a_summary_is_refused(text: str, told: str) -> None:
    """The message says what is missing or wrong."""
    with pytest.raises(LabError, match=told):
        read_summary(text, None)
