"""Whether a copy of an app comes out equal, and one that costs more slower, often enough."""

from __future__ import annotations

import importlib
import json
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmarks.calibration import own_apps


def told(standing: str) -> str:
    """Return what a comparison prints, as far as it is read."""
    duel = {"standing": standing, "rate": {"value": 0.99, "low": 0.97, "high": 1.01}, "cpu": {"value": 1.0}}
    return json.dumps({"judgement": {"duels": [duel], "summaries": [{"cpu_us_per_request": {"value": 1000.0}}]}})


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[tuple[int, str]]]:
    """Return the exit statuses and outputs that comparisons with an app will have, to be filled; the last repeats."""
    given = {"copy": [(0, told("equal"))], "costly": [(0, told("slower"))]}

    def lab(command: Sequence[str], **_: Any) -> subprocess.CompletedProcess[str]:
        folder = Path(command[command.index("--folder") + 1])
        assert "costly = serving(" in (folder / "shop.py").read_text(encoding="utf-8")
        first, second = (word for word in command if word.startswith("shop:"))
        assert "shop:one@hypercorn" == first
        of = given[second.removeprefix("shop:").removesuffix("@hypercorn")]
        status, printed = of.pop(0) if len(of) > 1 else of[0]
        return subprocess.CompletedProcess(command, status, printed, "no such server")

    monkeypatch.setattr("benchmarks.calibration.own_apps.subprocess.run", lab)
    return given


@pytest.mark.parametrize(
    ("copies", "costly", "status"),
    [
        (["equal"] * 10, ["slower"] * 10, 0),
        (["equal"] * 9 + ["undecided"], ["slower"] * 9 + ["undecided"], 0),
        (["equal"] * 8 + ["undecided"] * 2, ["slower"] * 10, 1),
        (["equal"] * 10, ["slower"] * 8 + ["equal"] * 2, 1),
    ],
)
def test_nine_of_ten_must_find_what_is_there(
    copies: list[str],
    costly: list[str],
    status: int,
    answers: dict[str, list[tuple[int, str]]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The first comparison is the pilot, from which 10 % of the CPU time of a request follow."""
    answers["copy"][1:] = [(0, told(each)) for each in copies]
    answers["costly"][:] = [(0, told(each)) for each in costly]

    assert status == own_apps.main(["--runs", "10"])
    assert "the costly copy takes 100 us more" in capsys.readouterr().out


def test_one_of_the_two_may_be_asked_for(
    answers: dict[str, list[tuple[int, str]]], capsys: pytest.CaptureFixture[str]
) -> None:
    """The pilot is the copy's all the same."""
    answers["copy"][1:] = [(1, "")]

    assert 0 == own_apps.main(["costly", "--runs", "3"])
    assert "copy, to be found" not in capsys.readouterr().out


@pytest.mark.parametrize("answer", [(1, ""), (0, "no JSON"), (0, '{"judgement": {"duels": [], "summaries": []}}')])
def test_a_comparison_that_fails_is_no_result(
    answer: tuple[int, str], answers: dict[str, list[tuple[int, str]]], capsys: pytest.CaptureFixture[str]
) -> None:
    """Its last words are printed."""
    answers["copy"][:] = [answer]

    assert 2 == own_apps.main(["--runs", "1"])
    assert "no such server" in capsys.readouterr().err


def test_the_apps_that_are_written_answer_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The costly copy differs in CPU time alone."""
    own_apps.write_apps(tmp_path, 3.0)
    monkeypatch.syspath_prepend(tmp_path)
    shop = importlib.import_module("shop")

    def answered() -> Iterator[Any]:
        for app in (shop.one, shop.copy, shop.costly):
            yield app.test_client().get("/items").get_json()

    one, copy, costly = answered()
    assert one == copy == costly
    assert 20 == len(one["items"])
