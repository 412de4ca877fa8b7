from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import pytest

import benchmarks
from benchmarks.errors import InvalidValueError, RefusedError
from benchmarks.judge.claims import parse_claims
from benchmarks.judge.judge import judge
from benchmarks.judge.judgement import Judgement
from benchmarks.live.page import director as directors
from benchmarks.live.page import gate as gates
from benchmarks.live.page.director import Director
from benchmarks.live.page.gate import Gate
from benchmarks.live.page.racer import RaceProcess
from benchmarks.live.page.rendering import Renderer
from benchmarks.measure import journal
from benchmarks.measure.race import plan_race
from benchmarks.model import Run
from tests.benchmarks.live.page.fake_connections import FakeConnections
from tests.benchmarks.live.page.made_up_race import CONTENDERS, keep_race
from tests.benchmarks.live.page.reading import take, told

PLAN = plan_race(CONTENDERS, wait_ms=0, connections=10, rounds=6, seed=1)
TEMPLATES = Path(directors.__file__).with_name("templates")
CLAIMS = parse_claims((Path(benchmarks.__file__).parent / "claims.toml").read_text(encoding="utf-8"))


class FakeRace:
    """A race that yields given events, and notes whether the gate was shut when it resumed."""

    def __init__(self, events: Sequence[Mapping[str, Any]], gate: Gate) -> None:
        self._events = events
        self._gate = gate
        self.went_on_with_gate_shut: list[bool] = []
        self.is_stopped = False
        self.may_end = asyncio.Event()

    async def events(self) -> AsyncIterator[Mapping[str, Any]]:
        """Yield the events, the last one only when the race may end."""
        for event in self._events:
            if event["event"] in {"done", "stopped"}:
                await self.may_end.wait()
            yield event

    def go_on(self) -> None:
        """Note whether anybody could be served from now on."""
        self.went_on_with_gate_shut.append(self._gate.is_shut)

    def stop(self) -> None:
        """End."""
        self.is_stopped = True
        self.may_end.set()

    async def end(self) -> None:
        """Be gone."""


Story = Callable[[Director, FakeRace, Gate], Awaitable[None]]


@pytest.fixture(scope="module")
def raced(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Judgement]:
    """A race of four, and what is judged of it."""
    run = journal.read_run(keep_race(tmp_path_factory.mktemp("raced")))
    return run, judge(run, CLAIMS)


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raced: tuple[Run, Judgement]) -> Callable[..., None]:
    """Play a story with a director whose races are fakes, with kept results.

    Nothing is judged, drawn and reported in it, unless it is ``really`` to be.
    """
    run, judgement = raced
    monkeypatch.setattr(gates, "QUIET_S", 0.0)
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True)

    def played(
        story: Story,
        *,
        out: Path | None = None,
        really: bool = False,
        so_far: int | None = None,
        pauses: Sequence[int] = (0, 3),
    ) -> None:
        folder = tmp_path / "kept" / run.name
        if really or so_far is not None:
            keep_race(folder.parent, so_far=so_far)
        else:
            monkeypatch.setattr(journal, "read_run", lambda _folder: run)
            monkeypatch.setattr(directors, "judge", lambda _run, _claims: judgement)
            monkeypatch.setattr(Renderer, "race", lambda *_: "a race")
        if not really:
            monkeypatch.setattr(directors, "write_both", lambda *_: None)
        events: Sequence[Mapping[str, Any]] = (
            {"event": "begun", "folder": str(folder)},
            *({"event": "pause", "round": number, "server": "hypercorn"} for number in pauses),
            {"event": "done"},
        )

        async def all_of_it() -> None:
            gate = Gate(always=[])
            race = FakeRace(events, gate)

            async def start(*_: object) -> FakeRace:
                return race

            monkeypatch.setattr(RaceProcess, "start", start)
            director = Director(
                out=out or tmp_path / "none",
                claims=CLAIMS,
                renderer=Renderer(environment, CLAIMS),
                gate=gate,
                connections=FakeConnections(),
            )
            async with director.at_work():
                await story(director, race, gate)

        asyncio.run(all_of_it())

    return played


async def shown(director: Director) -> dict[str, Any]:
    """Return the parts of the board as they are."""
    return dict(told(await take(director.board.follow(None, compressed=False), 2)))


async def until_it_is_over(director: Director) -> None:
    """Wait until the board shows that the race is over."""
    async for piece in director.board.follow(None, compressed=False):
        if any(name == "state" and content["phase"] == "over" for name, content in told(piece)):
            return


def test_trials_run_behind_a_shut_gate_only(play: Callable[..., None]) -> None:
    """Every pause ends with the gate shut, and the end of the race opens it."""

    async def story(director: Director, race: FakeRace, gate: Gate) -> None:
        await director.start(PLAN)
        race.may_end.set()
        await until_it_is_over(director)
        assert [True, True] == race.went_on_with_gate_shut
        assert not gate.is_shut

    play(story)


@pytest.mark.parametrize(("so_far", "told_of_a_duel"), [(1, "round 1 of 6"), (3, "so far")])
def test_a_healthy_race_is_shown_as_one_while_it_runs(
    play: Callable[..., None], monkeypatch: pytest.MonkeyPatch, so_far: int, told_of_a_duel: str
) -> None:
    """No alarm, no verdict and no option of a command: only the results so far, and the progress."""

    async def story(director: Director, race: FakeRace, _gate: Gate) -> None:
        await director.start(PLAN)
        while not race.went_on_with_gate_shut:
            await asyncio.sleep(0.01)
        page = (await shown(director))["race"]["html"]
        assert f'<span class="word">{told_of_a_duel}</span>' in page
        for word in ("interrupted", 'class="alert"', "refused", "Not judged", "replicated", "--rounds", "lab "):
            assert word not in page
        # Nobody looks at its end, which would be drawn again.
        monkeypatch.setattr(Renderer, "race", lambda *_: "")

    play(story, so_far=so_far, pauses=[so_far])


def test_one_race_at_a_time(play: Callable[..., None]) -> None:
    """Meanwhile no other race starts, guesses stay closed, and there is no report."""

    async def story(director: Director, race: FakeRace, _gate: Gate) -> None:
        with pytest.raises(RefusedError, match="No race is in progress"):
            await director.stop()
        await director.start(PLAN)
        assert (False, None) == (director.guesses.is_open, director.report)
        with pytest.raises(RefusedError, match="stop it first"):
            await director.start(PLAN)
        with pytest.raises(RefusedError, match="would not be a prediction"):
            await director.ask_for_guesses()

        race.may_end.set()
        await until_it_is_over(director)
        assert director.report is not None
        await director.ask_for_guesses()
        assert director.guesses.is_open

    play(story)


@pytest.mark.parametrize("by", ["the presenter", "the end of the page"])
def test_a_race_is_stopped_also_while_its_process_starts(
    play: Callable[..., None], monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    """A stop works at any moment, and the end of the page does not wait for the whole race."""
    races: list[FakeRace] = []
    may_start = asyncio.Event()

    async def story(director: Director, race: FakeRace, _gate: Gate) -> None:
        async def start(*_: object) -> FakeRace:
            races.append(race)
            await may_start.wait()
            return race

        monkeypatch.setattr(RaceProcess, "start", start)
        await director.start(PLAN)
        while not races:
            await asyncio.sleep(0)
        if by == "the presenter":
            await director.stop()
            may_start.set()
            await until_it_is_over(director)
        else:
            asyncio.get_running_loop().call_soon(may_start.set)
            await director.close()

    play(story)
    assert races[0].is_stopped


@pytest.mark.usefixtures("undrawn")
def test_the_reveal_comes_with_the_verdict(play: Callable[..., None]) -> None:
    """Nobody sees the guesses of others before; then they are shown against what was measured."""

    async def story(director: Director, race: FakeRace, _gate: Gate) -> None:
        director.guesses.take("one", {"flask": 2, "fastapi": 2})
        assert "" == (await shown(director))["guesses"]["html"]
        await director.start(PLAN)
        race.may_end.set()
        await until_it_is_over(director)
        parts = await shown(director)
        assert "the class guessed 2.00 × (median) of 1; measured 0.5" in parts["guesses"]["html"]
        assert "contradicted" in parts["race"]["html"]
        assert ("reveal-0", "Show why") == (parts["state"]["stage"]["place"], parts["state"]["stage"]["forward"])
        assert '<p class="word">About half.</p>' in parts["guesses"]["scene"]
        assert "▼</span> About half.</b>" in parts["guesses"]["next"]
        assert (
            "The race is over. Flask on Hypercorn, async def against Flask on Hypercorn, def: slower."
            in parts["state"]["spoken"]
        )
        assert director.report is not None
        assert director.report.is_file()

    play(story, really=True, pauses=())


def test_a_fault_of_the_page_ends_a_race_and_no_more(
    play: Callable[..., None], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is reported, the gate is open, and the next race can begin."""

    def fail(*_: object) -> None:
        raise ZeroDivisionError("a figure that nobody thought of")

    async def story(director: Director, _race: FakeRace, gate: Gate) -> None:
        monkeypatch.setattr(directors, "judge", fail)
        await director.start(PLAN)
        await until_it_is_over(director)
        state = (await shown(director))["state"]
        assert ("over", "closed") == (state["phase"], state["stage"]["scene"])
        assert "a figure that nobody thought of" in state["message"]
        assert not gate.is_shut
        await director.start(PLAN)

    play(story)
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.usefixtures("undrawn")
def test_who_serves_again_sees_the_last_race(play: Callable[..., None], tmp_path: Path) -> None:
    """An interrupted one is called interrupted; other runs, and unreadable ones, are skipped."""
    out = tmp_path / "again"
    keep_race(out, state="interrupted")
    (out / "2099-live").mkdir()
    (out / "2099-live" / "run.json").write_text("{", encoding="utf-8")

    async def story(director: Director, _race: FakeRace, _gate: Gate) -> None:
        parts = await shown(director)
        assert ("idle", "join") == (parts["state"]["phase"], parts["state"]["stage"]["scene"])
        assert "This run was interrupted" in parts["race"]["html"]
        assert "" == parts["guesses"]["html"]
        for place in ("join-0", "next-0"):
            await director.step("back", place)
        assert "thread" in (await shown(director))["state"]["stage"]["because"]

    play(story, out=out, really=True)


def test_a_class_is_led_by_steps_alone(play: Callable[..., None]) -> None:
    """A clicker closes the guesses, starts the race that was chosen, and leads around to new guesses."""

    async def story(director: Director, race: FakeRace, _gate: Gate) -> None:
        director.guesses.take("one", {"flask": 2, "fastapi": 2})
        await director.step("forward", "join-0")
        assert not director.guesses.is_open
        with pytest.raises(InvalidValueError, match="Choose the contenders"):
            await director.step("forward", "closed-0")
        await director.choose(PLAN)
        await director.step("forward", "closed-0")
        begun = await shown(director)
        assert ("race", "", 4) == (
            begun["state"]["stage"]["scene"],
            begun["state"]["stage"]["forward"],
            begun["race"]["scene"].count('class="lane '),
        )
        with pytest.raises(RefusedError, match="in progress"):
            await director.step("forward", "race-0")
        with pytest.raises(RefusedError, match="choose the next one"):
            await director.choose(PLAN)

        race.may_end.set()
        await until_it_is_over(director)
        places = []
        while director.place.scene != "join":
            places.append(str(director.place))
            await director.step("forward", places[-1])
        assert ["reveal-0", "why-0", "why-1", "next-0"] == places
        assert (True, 0) == (director.guesses.is_open, len(director.guesses.counted))

    play(story)


def test_two_presenters_who_press_at_once_make_one_step(play: Callable[..., None]) -> None:
    """As does a clicker that bounces: a step names the place that it is made from."""

    async def story(director: Director, _race: FakeRace, _gate: Gate) -> None:
        await director.step("forward", "join-0")
        with pytest.raises(RefusedError, match="moved on"):
            await director.step("forward", "join-0")
        assert "closed" == director.place.scene

    play(story)


def test_a_race_that_measured_nothing_can_be_started_again(play: Callable[..., None]) -> None:
    """There is nothing to reveal: the stage is where it was before, and another race has another order."""
    plans: list[int] = []

    async def story(director: Director, race: FakeRace, _gate: Gate) -> None:
        await director.choose(PLAN)
        race.may_end.set()
        await director.step("forward", "join-0")
        for _ in range(2):
            await director.step("forward", "closed-0")
            assert director.plan is not None
            plans.append(director.plan.seed)
            await until_it_is_over(director)
            assert "closed" == director.place.scene

    play(story, so_far=0, pauses=())
    assert 2 == len(set(plans))
