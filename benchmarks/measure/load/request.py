"""The requests of a load order as they go over the wire: the same bytes every time, values that change, or a mix.

``{{$uuid}}`` and ``{{$randomInt}}`` in path, headers and body stand for another value in each request, as in the HTTP
clients of editors; ``{{$randomInt 1 6}}`` gives the bounds. The order's seed decides the sequence.
"""

from __future__ import annotations

import base64
import functools
import re
from collections.abc import Callable, Iterator
from itertools import repeat

from benchmarks.measure.load.engine import LoadOrder
from benchmarks.subjects import Workload

PLACEHOLDER = re.compile(r"\{\{\$(?:(uuid)|randomInt(?: (\d{1,9}) (\d{1,9}))?)\}\}")
_LEAST, _MOST = 0, 1_000
_WITH_BODY = ("POST", "PUT", "PATCH")


def requests(order: LoadOrder) -> Iterator[bytes]:
    """Return what is sent, request after request, without end."""
    if not varies(order):
        return repeat(request_bytes(order))
    fill = filler(order.seed)
    if not order.mix:
        return iter(lambda: request_bytes(order, fill), None)
    return _mixed(order, fill)


def _mixed(order: LoadOrder, fill: Callable[[str], str]) -> Iterator[bytes]:
    """Yield the requests of a mix, in a random order that is the same for every contender."""
    import random  # noqa: PLC0415 (only a mix needs it)

    chance = random.Random(order.seed)  # noqa: S311  # not a secret: see filler
    weights = [each.weight for each in order.mix]
    fixed = [None if varies(each) else request_bytes(each) for each in order.mix]
    numbers = range(len(order.mix))
    while True:
        (number,) = chance.choices(numbers, weights)
        yield fixed[number] or request_bytes(order.mix[number], fill)


def varies(order: LoadOrder | Workload) -> bool:
    """Say whether one request differs from the next."""
    if order.mix:
        return True
    texts = (order.path, *order.headers.values(), _body(order).decode("latin-1"))
    return any(PLACEHOLDER.search(text) for text in texts)


def request_bytes(order: LoadOrder, fill: Callable[[str], str] = str) -> bytes:
    """Return one request, with as few headers as HTTP/1.1 allows.

    Args:
        order: What to ask.
        fill: Puts values in the place of placeholders; leaves them by default.
    """
    body = _body(order)
    if body and fill is not str:
        body = fill(body.decode("latin-1")).encode("latin-1")
    given = {"Host" if name.lower() == "host" else name: fill(value) for name, value in order.headers.items()}
    headers = {"Host": order.authority, **given}
    if body or order.method in _WITH_BODY:
        headers["Content-Length"] = str(len(body))
    lines = (f"{order.method} {fill(order.path)} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()))
    return "\r\n".join((*lines, "", "")).encode("latin-1") + body


def _body(order: LoadOrder | Workload) -> bytes:
    return base64.b64decode(order.body_base64)


def filler(seed: int | None = None) -> Callable[[str], str]:
    """Return what puts the next values in the place of placeholders in a text.

    Args:
        seed: Of the values; random by default.
    """
    import random  # noqa: PLC0415 (only placeholders need them, and most loads have none)
    import uuid  # noqa: PLC0415 (the same)

    # Not for secrets: the same seed must give the same values to every contender.
    chance = random.Random(seed)  # noqa: S311

    def value(match: re.Match[str]) -> str:
        if match[1]:
            return str(uuid.UUID(int=chance.getrandbits(128), version=4))
        least, most = sorted((int(match[2] or _LEAST), int(match[3] or _MOST)))
        return str(chance.randint(least, most))

    return functools.partial(PLACEHOLDER.sub, value)
