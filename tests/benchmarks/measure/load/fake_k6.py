"""Behaves as k6 does where the engine looks: the command line, the words at the beginning, the summary, the end.

It asks with one virtual user over one connection a request, a hundred times a second at most: a test needs no more, and
has the cores to share. ``FAKE_K6`` in the environment makes it misbehave.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import signal
import sys
import time
import urllib.parse
from pathlib import Path

WAY = os.environ.get("FAKE_K6", "")
PAUSE_S = 0.01


def seconds(text: str) -> float:
    """Read a duration as k6 does."""
    number, unit = re.fullmatch(r"(\d+)(ms|s)", text).groups()  # type: ignore[union-attr]
    return int(number) / (1000 if unit == "ms" else 1)


def ask(url: urllib.parse.SplitResult, body_bytes: int) -> tuple[float, str | None]:
    """Ask once; return the latency in milliseconds and the kind of error."""
    began_s = time.perf_counter()
    connection = http.client.HTTPConnection(str(url.hostname), url.port, timeout=5)
    try:
        connection.request("GET", url.path + (f"?{url.query}" if url.query else ""))
        answer = connection.getresponse()
        body = answer.read()
    except OSError:
        time.sleep(0.05)
        return 0.0, "connection"
    finally:
        connection.close()
    latency_ms = 1000 * (time.perf_counter() - began_s)
    if not 200 <= answer.status <= 299:
        return latency_ms, "status"
    return latency_ms, None if len(body) == body_bytes else "body"


def trend(latencies_ms: list[float]) -> dict[str, float]:
    """Summarise as k6 does, but for the interpolation."""
    ascending = sorted(latencies_ms)
    at = {name: ascending[min(len(ascending) - 1, int(len(ascending) * share))] for name, share in SHARES.items()}
    return {"avg": sum(ascending) / len(ascending), "min": ascending[0], "max": ascending[-1], **at}


SHARES = {"med": 0.5, "p(90)": 0.9, "p(95)": 0.95, "p(99)": 0.99}


def counter(count: int, duration_s: float, contains: str = "default") -> dict[str, object]:
    """Write a counter as k6 does."""
    return {"type": "counter", "contains": contains, "values": {"count": count, "rate": count / duration_s}}


def main() -> None:
    """Run as ``k6 run`` does."""
    if sys.argv[1:] == ["version"]:
        sys.stdout.write("k6 v2.3.0 (a fake, go1.25, linux/amd64)\n")
        return
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["run"])
    parser.add_argument("--vus", type=int, required=True)
    parser.add_argument("--duration", type=seconds, required=True)
    parser.add_argument("--quiet", action="store_true")
    parser.add_argument("--no-color", action="store_true")
    parser.add_argument("--env", action="append", default=[])
    parser.add_argument("script", type=Path)
    options = parser.parse_args()
    settings = dict(setting.split("=", 1) for setting in options.env)
    assert options.script.is_file()
    assert "false" == os.environ["K6_NEW_MACHINE_READABLE_SUMMARY"]
    assert "K6_STAGES" not in os.environ
    if WAY == "refuses":
        sys.exit("a script exception: GoError: no such module")
    if options.duration < 1.0 or WAY == "too short":
        # Its own words and status.
        told = f"the duration must be at least 1s, but is {200 if WAY else 1000 * options.duration:g}ms"
        sys.stderr.write(f'time="2026-11-24T16:00:00Z" level=error msg="{told}"\n')
        sys.exit(104)
    sys.stderr.write('time="2026-11-24T16:00:00Z" level=info msg="lab: the load begins" source=console\n')
    sys.stderr.flush()
    if "FAKE_K6_PID" in os.environ:
        Path(os.environ["FAKE_K6_PID"]).write_text(str(os.getpid()), encoding="ascii")
    if WAY == "hangs":
        time.sleep(300)
    if WAY == "dies":
        os.kill(os.getpid(), signal.SIGKILL)

    began_s = time.monotonic()
    url = urllib.parse.urlsplit(settings["LAB_URL"])
    seen: list[tuple[float, str | None]] = []
    until_s = began_s + (0.0 if WAY in {"hurries", "rubbish", "forgets", "waits"} else options.duration)
    while not seen or time.monotonic() < until_s:
        seen.append(ask(url, int(settings["LAB_BODY_BYTES"])))
        time.sleep(PAUSE_S)
    # One in a hurry tells of a whole run all the same; one that waits has had requests in flight at the end.
    duration_s = max(time.monotonic() - began_s, options.duration) + (20.0 if WAY == "waits" else 0.0)
    valid_ms = [latency_ms for latency_ms, error in seen if error is None]
    errors = [error for _, error in seen if error is not None]
    metrics: dict[str, object] = {
        "http_reqs": counter(len(seen), duration_s),
        "data_sent": counter(80 * len(seen), duration_s, "data"),
        "data_received": counter(180 * len(seen), duration_s, "data"),
        **{f"lab_errors_{kind}": counter(errors.count(kind), duration_s) for kind in set(errors)},
    }
    if valid_ms:
        values = {"type": "trend", "contains": "time", "values": trend(valid_ms)}
        metrics["http_req_duration{expected_response:true}"] = values
    summary = {
        "root_group": {"path": "", "groups": [], "checks": [], "name": ""},
        "options": {"summaryTrendStats": [], "summaryTimeUnit": "", "noColor": True},
        "state": {"isStdOutTTY": False, "isStdErrTTY": False, "testRunDurationMs": 1000 * duration_s},
        "metrics": metrics,
    }
    text = "rubbish" if WAY == "rubbish" else json.dumps(summary)
    if WAY != "forgets":
        Path(settings["LAB_SUMMARY"]).write_text(text, encoding="utf-8")


main()
