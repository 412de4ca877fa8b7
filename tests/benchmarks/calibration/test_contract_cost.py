import random
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from benchmarks.calibration.contract_cost import Pair, main
from benchmarks.calibration.frame import NotMeasuredError


def test_cost_of_both_twins(affinity: None, capsys: pytest.CaptureFixture[str]) -> None:
    """The script prints, for each twin, what the contract costs and the ratio, both with an interval."""
    # No bar that a busy machine could miss: this is about what is printed.
    assert 0 == main(["--rounds", "2", "--requests", "3", "--bar-us", "1e9"])

    printed = capsys.readouterr().out
    number = r"-?\d+\.\d+"
    for path in ("/health/sync", "/health/async"):
        assert re.search(rf"{path} +[\d,.]+ +[\d,.]+ +{number}   {number} to {number}", printed), printed
        assert re.search(rf"{path}: {number} µs \[{number}, {number}\], .* <= 1e\+09: holds\n", printed), printed


def test_a_cost_above_the_bar_is_an_exit_status() -> None:
    """A cost that is not within the bar is said, and ends a person's command with status 1."""
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.calibration.contract_cost", "--rounds=2", "--requests=1", "--bar-us=-1e9"],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert 1 == ran.returncode, ran.stderr
    assert 2 == ran.stdout.count("<= -1e+09: DOES NOT HOLD")


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    """The script says what it does and what it takes."""
    with pytest.raises(SystemExit) as ended:
        main(["--help"])

    assert 0 == ended.value.code
    told = capsys.readouterr().out
    assert "usage: python -m benchmarks.calibration.contract_cost " in told
    assert "what the contract costs a request" in told


class FakeView:
    """A view that is called by nobody: it has its answer."""

    def __init__(self, status: str, body: bytes, wrapped: "FakeView | None" = None) -> None:
        self.status = status
        self.body = body
        self.__wrapped__ = wrapped

    def __call__(self) -> None:
        """Be callable, as views are."""


class FakeApp:
    """An app that answers what its one view has."""

    def __init__(self, plain: FakeView, decorated: FakeView) -> None:
        decorated.__wrapped__ = plain
        self.view_functions: dict[str, Callable[..., Any]] = {"view": decorated}
        self.asked: list[object] = []

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer as the view says."""
        view = self.view_functions["view"]
        assert isinstance(view, FakeView)
        self.asked.append(view)
        start_response(view.status, [])
        return [view.body]


def test_both_views_are_asked_as_often() -> None:
    """In a round the plain and the decorated view take turns, each asked as often as said."""
    plain, decorated = FakeView("200 OK", b"x"), FakeView("200 OK", b"x")
    app = FakeApp(plain, decorated)
    pair = Pair(app, "view", "/")
    app.asked.clear()

    pair.round_us(20, random.Random(1))  # noqa: S311 - an order, not a secret

    turns = [app.asked[turn : turn + 2] for turn in range(0, 40, 2)]
    assert 20 == len([turn for turn in turns if {plain, decorated} == set(turn)])
    assert {plain, decorated} == {turn[0] for turn in turns}


@pytest.mark.parametrize(
    ("plain", "decorated"),
    [
        (FakeView("200 OK", b"x"), FakeView("200 OK", b"y")),
        (FakeView("200 OK", b"x"), FakeView("500 OOPS", b"x")),
        (FakeView("500 OOPS", b"x"), FakeView("500 OOPS", b"x")),
    ],
)
def test_what_does_not_answer_alike_is_not_compared(plain: FakeView, decorated: FakeView) -> None:
    """Views that differ in their answer, or fail, are an error that shows both answers."""
    with pytest.raises(
        NotMeasuredError, match=f"{plain.status}.* by the plain view and .*{decorated.status}.* under the contract"
    ):
        Pair(FakeApp(plain, decorated), "view", "/")
