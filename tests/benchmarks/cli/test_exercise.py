"""The command: what it prints, what a program gets, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from benchmarks import cli
from benchmarks.cli import exits
from benchmarks.errors import LabError
from benchmarks.exercises import judging
from benchmarks.exercises.catalogue import EXERCISES


@pytest.fixture(autouse=True)
def folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lab(*arguments: str, answer: str | None = None) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(cli.lab, ["exercise", *arguments], prog_name="lab", input=answer)


def told(result: Result) -> str:
    """Return what it printed, whatever the terminal's width."""
    return " ".join(result.output.split())


def test_the_list_names_all_and_where_those_are_that_were_begun() -> None:
    """In the order of their numbers."""
    lab("start", "5")

    output = lab("list").output
    places = [output.index(exercise.name) for exercise in EXERCISES]
    assert sorted(places) == places
    assert 1 == output.count("begun in exercises/05-find-the-blocking-call")


def test_an_exercise_from_its_start_to_its_end() -> None:
    """Begun, not solved yet, solved."""
    begun = lab("start", "size-the-pool")
    assert 0 == begun.exit_code
    assert "lab exercise check 6" in begun.output
    folder = Path("exercises/06-size-the-pool")
    assert (folder / "task.md").is_file()

    checked = lab("check", "6")
    assert exits.EXIT_NOT_SOLVED == checked.exit_code
    assert "no whole number from 1 under threads" in told(checked)
    assert "Not solved yet" in checked.output

    (folder / "answer.toml").write_text("threads = 40\nconnections = 9\n", encoding="utf-8")
    checked = lab("check", "06")
    assert 0 == checked.exit_code
    assert "06-size-the-pool is solved" in told(checked)
    assert "Next: lab exercise start 7." in told(checked)


def test_begun_twice_is_refused() -> None:
    """Unless it is forced."""
    lab("start", "1", "--into", "mine")

    again = lab("start", "1", "--into", "mine")
    assert exits.EXIT_ERROR == again.exit_code
    assert "--force" in again.output
    assert 0 == lab("start", "1", "--into", "mine", "--force").exit_code


def test_a_check_of_what_was_never_begun_says_how_to_begin() -> None:
    """With the same folder."""
    result = lab("check", "2", "--into", "nowhere")

    assert exits.EXIT_ERROR == result.exit_code
    assert "lab exercise start 2 --into nowhere" in told(result)


@pytest.mark.parametrize(
    ("arguments", "suggested"),
    [
        (("chekc", "1"), "Did you mean check?"),
        (("check", "keep-context"), "Did you mean keep-the-context?"),
        (("start", "99"), "numbered 1 to 13"),
        (("solution", "1", "--json"), "add --yes"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_wrong_word_is_a_usage_error_that_helps(arguments: tuple[str, ...], suggested: str) -> None:
    """Exit status 2."""
    result = lab(*arguments)

    assert exits.EXIT_USAGE == result.exit_code
    assert suggested in told(result)


def test_a_solution_is_shown_only_when_somebody_is_sure() -> None:
    """Asked first, or told beforehand."""
    assert exits.EXIT_ERROR == lab("solution", "7", answer="n\n").exit_code
    assert "to_thread" not in lab("solution", "7", answer="n\n").output

    sure = lab("solution", "7", "--yes")
    assert 0 == sure.exit_code
    assert "await dependency.ask_async(thing)" in sure.output
    assert "Show the solution" in lab("solution", "7", answer="y\n").output


def test_a_program_gets_one_document_of_each_command() -> None:
    """And nothing else on standard output."""
    listed = json.loads(lab("list", "--json").stdout)
    assert ("exercises", 13) == (listed["document"], len(listed["exercises"]))

    begun = json.loads(lab("start", "4", "--json").stdout)
    assert ("exercise-start", "04-which-verdict-is-wrong") == (begun["document"], begun["exercise"])

    checked = lab("check", "4", "--json")
    found = json.loads(checked.stdout)
    assert exits.EXIT_NOT_SOLVED == checked.exit_code
    assert ("exercise-check", False) == (found["document"], found["solved"])
    assert "not-answered" == found["findings"][-1]["cause"]

    solution = json.loads(lab("solution", "4", "--yes", "--json").stdout)
    assert 'should_say = "no difference found"' in solution["files"]["answer.toml"]


def test_a_check_that_fails_itself_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not the learner's."""

    def broken(*_: object) -> None:
        raise LabError("The check ended with status 9.")

    lab("start", "1")
    monkeypatch.setattr(judging, "judge_answer", broken)

    result = lab("check", "1")
    assert exits.EXIT_ERROR == result.exit_code
    assert "status 9" in result.output


def test_what_is_printed_fits_a_terminal_of_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    """No sign that it cannot show."""
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    lab("start", "4")

    result = CliRunner(charset="ascii").invoke(cli.lab, ["exercise", "check", "4"], prog_name="lab")
    assert exits.EXIT_NOT_SOLVED == result.exit_code
    assert result.output.isascii()


def test_a_check_from_inside_the_exercises_folder_finds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who tries an app by hand is there already."""
    lab("start", "6")
    monkeypatch.chdir("exercises/06-size-the-pool")

    assert exits.EXIT_NOT_SOLVED == lab("check", "6").exit_code
