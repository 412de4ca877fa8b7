"""What can go wrong with an answer before its check has anything to say."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from benchmarks.errors import InvalidValueError, LabError
from benchmarks.exercises import catalogue, checks, judging, serving
from benchmarks.exercises.answer import Finding
from benchmarks.exercises.catalogue import EXERCISES, Exercise
from benchmarks.exercises.checks import measuring
from benchmarks.exercises.checks.measuring import simulate
from benchmarks.exercises.judging import judge_answer
from benchmarks.judge import ratio
from benchmarks.judge.comparison import is_equal
from benchmarks.judge.judgement import Estimate
from benchmarks.judge.trials import MAXIMUM_CEILING_FRACTION

FIRST = catalogue.find("make-it-async")


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """Begin the first exercise, in a folder whose name has a space."""
    place = tmp_path / "my exercise"
    FIRST.start_in(place, force=False)
    return place


def last(exercise: Exercise, place: Path, limit_s: float = 30.0) -> Finding:
    """Judge, and return what was found last."""
    return judge_answer(exercise, place, limit_s).findings[-1]


def test_a_file_that_is_gone_is_named(begun: Path) -> None:
    """With the command that restores it."""
    (begun / "app.py").unlink()

    found = last(FIRST, begun)
    assert "missing-file" == found.cause
    assert "app.py" in str(found.hint)


def test_a_syntax_error_is_named_with_its_line(begun: Path) -> None:
    """No traceback through the check."""
    (begun / "app.py").write_text("import flask\napp = flask.Flask(\n", encoding="utf-8")

    found = last(FIRST, begun)
    assert "does-not-import" == found.cause
    assert "app.py, line 2" in str(found.hint)


@pytest.mark.parametrize("raising", ["1 / 0", "raise SystemExit('no')"])
def test_an_error_at_import_is_named_with_its_line(begun: Path, raising: str) -> None:
    """Also one that would end the process."""
    (begun / "app.py").write_text(f"def ready():\n    {raising}\n\n\nready()\n", encoding="utf-8")

    found = last(FIRST, begun)
    assert "does-not-import" == found.cause
    assert "app.py, line 2" in str(found.hint)


def test_a_name_that_the_check_needs_is_asked_for(begun: Path) -> None:
    """A renamed attribute gets its own hint."""
    source = (begun / "app.py").read_text(encoding="utf-8")
    (begun / "app.py").write_text(source.replace("served =", "bridge ="), encoding="utf-8")

    found = last(FIRST, begun)
    assert "missing-name" == found.cause
    assert "`served`" in str(found.hint)


def test_an_error_of_the_answers_own_code_is_named_with_its_line(tmp_path: Path) -> None:
    """Where a check calls it directly."""
    loading = catalogue.find("errors-are-not-throughput")
    loading.start_in(tmp_path, force=False)
    (tmp_path / "loader.py").write_text("def measure(*_):\n    return 1 / 0\n", encoding="utf-8")

    found = last(loading, tmp_path)
    assert "raises" == found.cause
    assert "ZeroDivisionError: division by zero (loader.py, line 2)" in str(found.hint)


@pytest.mark.parametrize("forever", ["threading.Event().wait()", "all(True for _ in iter(int, 1))"])
def test_an_answer_that_never_ends_is_ended_and_told_where_it_was(begun: Path, forever: str) -> None:
    """Whether it waits or computes."""
    (begun / "app.py").write_text(f"import threading\n\n{forever}\n", encoding="utf-8")

    found = last(FIRST, begun, limit_s=2.0)
    assert "does-not-end" == found.cause
    assert "app.py, line 3" in str(found.hint)


def test_the_persons_own_settings_and_folder_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """LAB_* variables do not reach a check, and it writes nothing into the folder."""
    monkeypatch.setenv("LAB_VERSION", "nonsense")
    contract = catalogue.find("declare-the-contract")
    contract.start_in(tmp_path, force=False)
    source = (tmp_path / "app.py").read_text(encoding="utf-8").replace("create_app(Settings())", "create_app()")
    (tmp_path / "app.py").write_text(source, encoding="utf-8")

    assert "not-validated" == last(contract, tmp_path).cause
    assert sorted(contract.starting_files()) == sorted(path.name for path in tmp_path.iterdir())


def test_a_check_that_crashes_is_not_a_finding(begun: Path) -> None:
    """It is an error with the end of the check's output."""
    (begun / "app.py").write_text("import os\n\nprint('these')\nos._exit(7)\n", encoding="utf-8")

    with pytest.raises(LabError, match=r"status 7(.|\n)*these"):
        judge_answer(FIRST, begun)


def test_start_refuses_to_write_over_what_was_done(begun: Path) -> None:
    """Unless it is forced, and then it leaves alone what is not the exercise's."""
    (begun / "app.py").write_text("mine", encoding="utf-8")
    (begun / "notes.txt").write_text("mine too", encoding="utf-8")

    with pytest.raises(LabError, match=r"app\.py.*--into FOLDER.*--force"):
        FIRST.start_in(begun, force=False)
    assert "mine" == (begun / "app.py").read_text(encoding="utf-8")

    FIRST.start_in(begun, force=True)
    assert "mine" != (begun / "app.py").read_text(encoding="utf-8")
    assert "mine too" == (begun / "notes.txt").read_text(encoding="utf-8")


def test_start_says_what_to_do_where_it_cannot_write(tmp_path: Path) -> None:
    """A file stands where the folder is to be."""
    (tmp_path / "file").write_text("", encoding="utf-8")

    with pytest.raises(LabError, match="Take another folder: --into FOLDER"):
        FIRST.start_in(tmp_path / "file", force=False)


@pytest.mark.parametrize(
    ("name", "script", "variable"),
    [("make-it-async", "dependency.py", "DEPENDENCY"), ("fix-the-shared-pool", "pool.py", "DATABASE")],
)
def test_a_port_in_use_is_a_sentence(tmp_path: Path, name: str, script: str, variable: str) -> None:
    """The scripts to try an app by hand say so in one sentence."""
    catalogue.find(name).start_in(tmp_path, force=False)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        environment = os.environ | {variable: f"127.0.0.1:{port}"}
        command = [sys.executable, str(tmp_path / script)]
        found = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert 1 == found.returncode
    assert found.stderr.startswith(f"Cannot listen on port {port}: ")
    assert f"{variable}=127.0.0.1:" in found.stderr
    assert "Traceback" not in found.stderr


@pytest.mark.parametrize("word", ["9", "09", "concurrent-readiness", "09-concurrent-readiness"])
def test_an_exercise_is_found_by_its_number_or_name(word: str) -> None:
    """However it is written."""
    assert 9 == catalogue.find(word).number


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("concurent-readines", "Did you mean concurrent-readiness?"),
        ("12-fix-the-pool", "Did you mean fix-the-shared-pool?"),
        ("14", "numbered 1 to 13"),
        ("0", "numbered 1 to 13"),
        ("zzz", "`lab exercise list` names them"),
    ],
)
def test_an_unknown_exercise_is_answered_with_the_nearest(word: str, told: str) -> None:
    """Or with where they are listed."""
    with pytest.raises(InvalidValueError, match=told.replace("?", r"\?")):
        catalogue.find(word)


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.label)
def test_an_exercise_has_all_that_it_takes(exercise: Exercise) -> None:
    """A task that says how to check it, and a solution of the files that are worked on."""
    begun = exercise.starting_files()
    task = begun["task.md"].read_text(encoding="utf-8")

    assert f"lab exercise check {exercise.number}`" in task
    assert task.startswith(f"# {exercise.number:02} ")
    assert set(exercise.answers) == {path.name for path in (exercise.home / "solution").iterdir()}
    assert set(exercise.answers) <= set(begun)
    assert exercise.explanation()


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.label)
def test_every_hint_is_one_that_a_check_can_give(exercise: Exercise) -> None:
    """A hint belongs to a cause that the check looks for; a cause without a hint fails in every check's own run."""
    source = (Path(checks.__file__).parent / f"{exercise.check}.py").read_text(encoding="utf-8")
    # Which framework is undocumented, and which misunderstanding a cause has, is added to what the source says.
    known = {re.sub(r"^.*: |^(flask|fastapi)-", "", key) for each in exercise.findings.values() for key in each}

    assert all("what" in each for each in exercise.findings.values())
    assert [] == [key for key in sorted(known | set(exercise.hints)) if key != "what" and key not in source]
    assert [] == [name for name in exercise.findings if f'"{name}"' not in source]


def test_the_exercises_are_numbered_in_the_order_of_the_lessons() -> None:
    """From 1, without a gap: what comes next belongs to the same lesson, or to the next one that has some."""
    assert list(range(1, 14)) == [exercise.number for exercise in EXERCISES]
    lessons = [exercise.lesson for exercise in EXERCISES]
    assert sorted(lessons) == lessons


LINE = re.compile(
    r"^ +(?P<number>\d)  (?P<what>.+?)  +(?P<value>[\d.]+) x +\[(?P<low>[\d.]+), (?P<high>[\d.]+)\] +(?P<says>\w.*)$",
    flags=re.MULTILINE,
)


def follows(match: re.Match[str], ceiling_per_s: float) -> str:
    """Return the word that follows from the figures of a verdict: of ten rounds, at ±5 %, on a claim of 2.02 times."""
    value, low, high = (float(match[name]) for name in ("value", "low", "high"))
    estimate = Estimate(value=value, low=low, high=high, samples=10)
    rate = re.search(r"\(([\d,]+) a second\)", match["what"])
    if rate and number(rate[1]) > MAXIMUM_CEILING_FRACTION * ceiling_per_s:
        return "refused"
    if match["says"].strip() in measuring.WORDS[:3]:
        return ratio.outcome_of(estimate, 2.02)
    return "equal" if is_equal(estimate, 0.05) else "no difference found"


def number(text: str) -> float:
    """Read a number with commas."""
    return float(text.replace(",", ""))


def test_one_verdict_of_the_report_is_wrong_by_the_labs_own_rules() -> None:
    """And each right one that looks wrong has a reason to give."""
    text = catalogue.find("which-verdict-is-wrong").starting_files()["report.txt"].read_text(encoding="utf-8")
    ceiling = re.search(r"ceiling is ([\d,]+) requests", text)
    assert ceiling
    words = {
        int(match["number"]): (match["says"].strip(), follows(match, number(ceiling[1])))
        for match in LINE.finditer(text)
    }

    assert [1, 2, 3, 4, 5, 6] == list(words)
    wrong = {place: (says, should) for place, (says, should) in words.items() if says != should}
    assert {4: ("equal", "no difference found")} == wrong
    assert wrong == {measuring.WRONG: ("equal", measuring.FOLLOWS)}
    assert {1, 2, 3, 5, 6} == set(measuring.RIGHT)


def test_a_pool_of_too_few_places_has_a_queue_that_only_grows() -> None:
    """A pool that is large enough has none; and the same seed gives the same waits."""
    few = simulate(25, rate_per_s=120, held_s=0.25, for_s=600)
    enough = simulate(45, rate_per_s=120, held_s=0.25, for_s=600)

    assert few[-1] > 10_000
    assert 0 == sorted(enough)[int(0.95 * len(enough))]
    assert few == simulate(25, rate_per_s=120, held_s=0.25, for_s=600)


SCATTERING = """
import os, time
for _ in range(100):
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        time.sleep(60)
        os._exit(0)
time.sleep(60)
"""
GREEDY = {
    # Each ends by itself, should nobody end it.
    "processes": (
        "import os, time\nends = time.monotonic() + 5\nwhile time.monotonic() < ends:\n    os.fork()\n",
        "processes at once, and an answer may have 32",
    ),
    "sessions": (SCATTERING, "processes at once, and an answer may have 32"),
    "memory": (
        "import time\nkept = []\nwhile True:\n    kept.append(bytearray(b'x' * 10_000_000))\n    time.sleep(0.01)\n",
        "MiB, and an answer may have 1,024 MiB",
    ),
    "memory at once": ("x = bytearray(10**11)\n", "MemoryError"),
    "output": ("import sys\nwhile True:\n    sys.stdout.write('x' * 10**6)\n", "OSError"),
}


STARVING = ("processes", "sessions", "memory")
"""Those that whatever runs beside them would suffer from."""


@pytest.mark.skipif(sys.platform != "linux", reason="as Linux keeps and shows them")
@pytest.mark.parametrize("of", [pytest.param(of, marks=[pytest.mark.alone] * (of in STARVING)) for of in GREEDY])
def test_an_answer_has_limits_of_its_own(begun: Path, of: str) -> None:
    """An answer that exceeds a limit is ended with everything that it started, and the hint names the limit."""
    source, told = GREEDY[of]
    (begun / "app.py").write_text(source, encoding="utf-8")

    judged = judge_answer(FIRST, begun)

    assert not judged.solved
    assert told in str(judged.findings[-1].hint)
    assert [] == [left for left in psutil.process_iter(["cmdline"]) if str(begun) in (left.info["cmdline"] or ())]


def test_cpu_time_is_limited_too(begun: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the answer and what it has started together."""
    monkeypatch.setattr(judging, "MAXIMUM_CPU_S", 0.2)
    (begun / "app.py").write_text("while True:\n    pass\n", encoding="utf-8")

    found = last(FIRST, begun)

    assert "too-much" == found.cause
    assert "of CPU time, and an answer may use 0 s: it was ended with everything that it had started." in str(
        found.hint
    )


@pytest.mark.parametrize("body", [b"[" * 100_000, b"1" * 5_000, b'{"thing": NaN}', b'"\\ud800"', b"\xff"])
def test_whatever_an_answer_sends_is_read_or_refused(body: bytes) -> None:
    """A reply that is not usable JSON does not end the check."""
    assert serving.Reply(200, body).json is None


def test_findings_that_the_answer_wrote_itself_are_no_findings(begun: Path) -> None:
    """The answer runs in the process of its check, and could write the file of findings."""
    (begun / "app.py").write_text(
        "import os, pathlib, sys\npathlib.Path(sys.argv[3]).write_text('[' * 100_000)\nos._exit(0)\n", encoding="utf-8"
    )

    with pytest.raises(LabError, match="cannot be read: it is nested more than 100 levels deep"):
        judge_answer(FIRST, begun)


def test_what_an_answer_leaves_behind_is_ended(begun: Path) -> None:
    """Also processes in a session of their own."""
    (begun / "app.py").write_text(
        "import subprocess, sys\n"
        "left = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], start_new_session=True)\n"
        "print('left', left.pid)\n",
        encoding="utf-8",
    )

    judged = judge_answer(FIRST, begun)

    assert not judged.solved
    assert not psutil.pid_exists(int(judged.output.split()[-1]))
