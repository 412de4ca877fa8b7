"""Hypercorn's settings for every contender: what would otherwise differ from uvicorn's defaults.

Read by ``hypercorn --config python:benchmarks.contenders.hypercorn_settings``.
"""

# Hypercorn closes a connection after 1,000 requests and uvicorn never does; a closed connection is not under study.
keep_alive_max_requests = 1_000_000_000

# uvicorn's default. Hypercorn's own, 100, would refuse connections of a large class.
backlog = 2048
