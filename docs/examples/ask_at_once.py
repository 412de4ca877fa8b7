"""Request a URL from many clients at the same moment, and report how many were served at a time.

    python docs/examples/ask_at_once.py 'http://127.0.0.1:8000/wait/async?ms=50' 12

First a single client sends requests, to measure one request without other load. Then all clients send one at once. If
their requests overlap, the last answer arrives hardly later than a single one would; if they queue, it arrives as many
times later as they had to wait.
"""

from __future__ import annotations

import argparse
import collections
import http.client
import statistics
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import SplitResult, urlsplit

ALONE = 5  # requests; their median is used
PATIENCE_S = 30.0
MOST_CLIENTS = 500


def connect(url: SplitResult) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection(url.hostname or "", url.port or 80, timeout=PATIENCE_S)
    connection.connect()  # before the timing starts
    return connection


def ask(connection: http.client.HTTPConnection, url: SplitResult) -> int:
    connection.request("GET", f"{url.path or '/'}?{url.query}")
    answer = connection.getresponse()
    answer.read()
    return answer.status


def alone_s(url: SplitResult) -> float:
    connection = connect(url)
    took_s = []
    for _ in range(ALONE):
        began_s = time.perf_counter()
        ask(connection, url)
        took_s.append(time.perf_counter() - began_s)
    connection.close()
    return statistics.median(took_s)


def together_s(url: SplitResult, clients: int) -> tuple[float, collections.Counter[int]]:
    gate = threading.Barrier(clients + 1)

    def client() -> int:
        connection = connect(url)
        gate.wait(PATIENCE_S)
        status = ask(connection, url)
        connection.close()
        return status

    with ThreadPoolExecutor(clients) as pool:
        asked = [pool.submit(client) for _ in range(clients)]
        gate.wait(PATIENCE_S)
        began_s = time.perf_counter()
        statuses = collections.Counter(future.result() for future in asked)
        return time.perf_counter() - began_s, statuses


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", help="what to ask, over http")
    parser.add_argument("clients", type=int, nargs="?", default=12, help=f"1 to {MOST_CLIENTS}; 12 unless told")
    chosen = parser.parse_args()
    url = urlsplit(chosen.url)
    if url.scheme != "http" or not url.hostname:
        parser.error(f"{chosen.url!r} is no http:// URL. Start a server with `lab serve` and ask one that it prints.")
    if not 1 <= chosen.clients <= MOST_CLIENTS:
        parser.error(f"{chosen.clients} clients are not between 1 and {MOST_CLIENTS}.")
    try:
        one_s = alone_s(url)
        all_s, statuses = together_s(url, chosen.clients)
    except OSError as error:
        print(f"{url.netloc} does not answer ({error}). Is it served? lab serve", file=sys.stderr)
        return 1
    told = ", ".join(f"{count} times status {status}" for status, count in sorted(statuses.items()))
    print(f"one client alone:    {1_000 * one_s:7.1f} ms")
    print(f"{f'{chosen.clients} clients at once:':<21}{1_000 * all_s:7.1f} ms until the last answer ({told})")
    print(f"so it served         {chosen.clients * one_s / all_s:7.1f} at a time")
    return 0


if __name__ == "__main__":
    sys.exit(main())
