"""Checks exercise 9: three dependencies are asked at once, and one that is down does not hide the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Future

from benchmarks.exercises import serving, upstream
from benchmarks.exercises.answer import Answer
from benchmarks.exercises.finding import Finding

DEPENDENCIES = ("database", "stock", "payments")
_TURNS = 5


def check(answer: Answer) -> Iterator[Finding]:
    """Try the answer."""
    with upstream.serving() as others, serving.on_its_loop(answer.load("app", "served")) as service:
        others.gather(len(DEPENDENCIES))
        yield tells(answer, "well", service.ask("/ready", timeout_s=20))
        most = others.most_at_once
        yield answer.found("at-once", {"one-after-another": most != len(DEPENDENCIES)}, most=most)
        others.gather(len(DEPENDENCIES) + 1)
        asked, health = others.meanwhile(service, "/ready", *DEPENDENCIES)
        yield answer.found("meanwhile", {"asked-once": not asked, "blocks-the-loop": health.status != 200})
        alone = _begin_with_stock_down(service, others)
        others.release()
        yield tells(answer, "down", alone.result(), down=("stock",))
        first = _begin_with_stock_down(service, others)
        others.fail("stock", 200)
        second = service.begin("/ready")
        others.wait_until_answered("stock", times=2)
        _let_it_be_read(service)
        others.release()
        replies = {"first": first.result(), "second": second.result()}
        is_apart = _is_told(replies["first"], ("stock",)) and _is_told(replies["second"], ())
        yield answer.found("apart", {"shared-between-requests": not is_apart}, **replies)


def tells(
    answer: Answer,
    name: str,
    reply: serving.Reply,
    before: Mapping[str, bool] | None = None,
    *,
    down: tuple[str, ...] = (),
    **values: object,
) -> Finding:
    """Return whether a reply tells the state of every dependency.

    Args:
        answer: Of which it is.
        name: Of the finding, where a colon and the misunderstanding follow the cause of a hint.
        reply: The reply.
        before: Faults that are considered first; see ``Answer.found``.
        down: The dependencies that are down.
        **values: For the words of those faults.
    """
    wrong = not _is_told(reply, down)
    checks = reply.json.get("checks") if isinstance(reply.json, dict) else None
    failing = {name for name in DEPENDENCIES if not isinstance(checks, dict) or checks.get(name) != "pass"}
    if reply.status == 500 or not isinstance(checks, dict):
        misunderstanding = "error came out"
    elif failing == set(down):
        misunderstanding = "status"
    elif not failing:
        misunderstanding = "failure unseen"
    else:
        misunderstanding = "others failed" if len(failing) > len(down) else "mixed up"
    keys = [key for key in answer.exercise.findings[name] if key.endswith(f": {misunderstanding}")]
    faults = {
        **(before or {}),
        "changed-answer": wrong and (not reply.status or not down),
        **dict.fromkeys(keys, wrong),
    }
    status, expected = _expected(down)
    values |= {"reply": reply, "status": status, "expected": expected, "down": " and ".join(down)}
    return answer.found(name, faults, **values)


def _expected(down: tuple[str, ...]) -> tuple[int, object]:
    checks = {name: "fail" if name in down else "pass" for name in DEPENDENCIES}
    return 503 if down else 200, {"checks": checks}


def _is_told(reply: serving.Reply, down: tuple[str, ...]) -> bool:
    return (reply.status, reply.json) == _expected(down)


def _begin_with_stock_down(service: serving.Served, others: upstream.Upstream) -> Future[serving.Reply]:
    """Send a request; the stock, which is down, has answered when this returns, and the other two have not."""
    others.fail("stock", 503)
    others.gather(2 * len(DEPENDENCIES) + 1)
    others.hold("database", "payments")
    asking = service.begin("/ready")
    others.wait_until_asked("stock")
    others.release_one("stock")
    others.wait_until_answered("stock")
    _let_it_be_read(service)
    return asking


def _let_it_be_read(service: serving.Served) -> None:
    """Wait until the loop has read the answers so far: it has when it has answered other requests since."""
    for _ in range(_TURNS):
        if not service.ask("/health", timeout_s=1).status:
            return
