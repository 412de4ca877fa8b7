"""Whether checks of equal versions are alarms, and costly ones are found where they are, often enough."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from benchmarks.calibration import check

Answer = Callable[[int, bool, bool], dict[str, str]]
REAL_RUN = subprocess.run


def honest(_number: int, items: bool, orders: bool) -> dict[str, str]:
    """Return the standings of a check that finds what is there."""
    return {"items": "slower" if items else "equal", "orders": "slower" if orders else "equal"}


def costs(text: str) -> list[int]:
    """Read the costs of an app."""
    return [int(each) for each in re.findall(r'": (\d+)', text)[:2]]


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[Answer]:
    """Return what decides on each check, by its number and whether each request became costlier; the last repeats."""
    given: list[Answer] = [honest]
    numbers = iter(range(1000))

    def run(command: Sequence[str], **options: Any) -> subprocess.CompletedProcess[Any]:
        if command[0] == "git":
            return REAL_RUN(command, **options)
        folder = Path(command[command.index("--folder") + 1])
        base = command[command.index("--base") + 1]
        shown = REAL_RUN(["git", "show", f"{base}:shop.py"], cwd=folder, capture_output=True, text=True, check=True)
        before, now = costs(shown.stdout), costs((folder / "shop.py").read_text(encoding="utf-8"))
        number = next(numbers)
        found = given[min(number, len(given) - 1)](number, now[0] > before[0], now[1] > before[1])
        if "status" in found:
            return subprocess.CompletedProcess(command, int(found["status"]), found["printed"], "no such server")
        findings = [{"comparison": {"workload": name, "standing": standing}} for name, standing in found.items()]
        told = {"findings": findings, "summaries": [{"cpu_us_per_request": {"value": 1000.0}}]}
        return subprocess.CompletedProcess(command, 4 if "slower" in found.values() else 0, json.dumps(told), "")

    monkeypatch.setattr("benchmarks.calibration.check.subprocess.run", run)
    return given


def test_what_finds_what_is_there_holds_every_bar(answers: list[Answer], capsys: pytest.CaptureFixture[str]) -> None:
    """Ten commits, and the four bars; no process is left that keeps the machine busy."""
    assert 0 == check.main(["--equal-runs", "2", "--costly-runs", "2", "--busy-runs", "2"])
    told = capsys.readouterr().out
    assert "the costly one takes 100 us more" in told
    assert "commit  4  items slower, orders equal" in told
    assert "commit  8  items equal, orders slower" in told
    assert 8 == told.count(": holds")
    assert [] == psutil.Process().children()


@pytest.mark.parametrize(
    ("part", "wrong"),
    [
        ("equal", lambda _number, _items, _orders: {"items": "slower", "orders": "equal"}),
        ("equal", lambda _number, _items, _orders: {"items": "undecided", "orders": "equal"}),
        ("costly", lambda _number, _items, _orders: {"items": "undecided", "orders": "equal"}),
        ("costly", lambda _number, items, _orders: {"items": "slower" if items else "equal", "orders": "slower"}),
        ("busy", lambda _number, _items, _orders: {"items": "refused", "orders": "refused"}),
        ("busy", lambda _number, _items, _orders: {"items": "equal", "orders": "slower"}),
        ("commits", lambda _number, _items, _orders: {"items": "equal", "orders": "equal"}),
        ("commits", lambda _number, _items, _orders: {"items": "slower", "orders": "slower"}),
    ],
)
def test_what_does_not_fails_its_bar(part: str, wrong: Answer, answers: list[Answer]) -> None:
    """False alarms, missed costs, and what is decided too seldom."""
    answers[:] = [wrong]

    assert 1 == check.main([part, "--equal-runs", "4", "--costly-runs", "4", "--busy-runs", "4"])


@pytest.mark.parametrize(
    ("status", "printed"),
    [("1", ""), ("0", "no JSON"), ("0", '{"findings": [{}]}'), ("3", '{"outcome": "refused", "refusal": "same code"}')],
)
def test_a_check_that_fails_is_no_result(
    status: str, printed: str, answers: list[Answer], capsys: pytest.CaptureFixture[str]
) -> None:
    """Its last words are printed."""
    answers[:] = [lambda *_: {"status": status, "printed": printed}]

    assert 2 == check.main(["equal", "--equal-runs", "1"])
    told = capsys.readouterr().err
    assert "no such server" in told or "same code" in told


def test_a_journal_keeps_each_check(answers: list[Answer], tmp_path: Path) -> None:
    """What was interrupted is resumed, and no check is made twice."""
    seen: list[int] = []

    def counted(number: int, items: bool, orders: bool) -> dict[str, str]:
        seen.append(number)
        return {"status": "1", "printed": ""} if number == 2 else honest(number, items, orders)

    answers[:] = [counted]
    command = ["equal", "--equal-runs", "4", "--journal", str(tmp_path / "check.jsonl")]
    assert 2 == check.main(command)
    assert 0 == check.main(command)
    assert [0, 1, 2, 3, 4] == seen
