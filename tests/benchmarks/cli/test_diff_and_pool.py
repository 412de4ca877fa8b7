"""``lab diff`` and ``lab pool``: runs of two days, or of a class, held together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.cli.kept_runs import document_of, lab, told

KeptRun = Callable[..., Path]


def test_two_runs_are_held_together(kept_run: KeptRun) -> None:
    """Both ratios, the ratio of them, and what differs beside."""
    first, second = kept_run("day-1", 2.0), kept_run("day-2", 3.0, seed=2, package_flask="3.2.0")

    result = lab("diff", str(first), str(second))

    assert 0 == result.exit_code
    assert "flask: 3.1.2 → 3.2.0" in told(result)
    assert "fastapi@uvicorn 2.00 × [2.00, 2.00] 3.00 × [3.00, 3.00] 1.50 × [1.50, 1.50]" in told(result)
    value = document_of(lab("diff", str(first), str(second), "--json"))
    assert ("diff", "day-1", "day-2") == (value["document"], value["first"]["name"], value["second"]["name"])
    assert value["diff"]["same_machine"]


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ({"vus": 50}, "did not ask the same"),
        ({"patterns": ("flask-*@uvicorn+eventloop",)}, "no contender in common"),
    ],
)
def test_runs_that_do_not_belong_together_are_refused(kept_run: KeptRun, other: dict[str, Any], expected: str) -> None:
    """Exit status 3, the reason, and no figure."""
    result = lab("diff", str(kept_run("a")), str(kept_run("b", **other)))

    assert (3, "") == (result.exit_code, result.stdout)
    assert expected in told(result)


def test_a_diff_with_a_failed_placebo_is_no_evidence(kept_run: KeptRun) -> None:
    """Exit status 3; the figures are shown, and what they are not."""
    result = lab("diff", str(kept_run("a")), str(kept_run("noisy", placebo=1.5)))

    assert 3 == result.exit_code
    assert "No evidence: the A/A comparison of a run failed." in told(result)


def test_a_class_is_pooled_from_its_folder(kept_run: KeptRun, tmp_path: Path) -> None:
    """Folders and files as a teacher collects them; what cannot be read, or asked otherwise, is named."""
    for number, name in enumerate(("anna", "ben", "chen")):
        kept_run(name, 1.9 + 0.1 * number, seed=number)
    kept_run("hasty", vus=50, seed=8)
    folder = tmp_path / "class"
    (folder / "copy.json").write_bytes((folder / "anna" / "run.json").read_bytes())
    (folder / "broken.json").write_text("{", encoding="utf-8")
    (folder / "notes.txt").write_text("who is ill today", encoding="utf-8")
    page = tmp_path / "class.html"

    result = lab("pool", str(folder), "--out", str(page))

    assert 0 == result.exit_code
    for expected in (
        "GET /health/{variant}, 10 virtual users",
        "anna 1.90 ×",
        "chen 2.10 ×",
        "one more machine",
        "over 3 runs async def had",
        "- hasty: GET /health/{variant}, 50 virtual users",
        "- copy: the same run as anna, counted once",
        "- broken:",
    ):
        assert expected in told(result)
    assert "<svg" in page.read_text(encoding="utf-8")
    assert f"Page: {page}" in result.stdout
    value = document_of(lab("pool", str(folder), "--json"))
    assert ["anna", "ben", "chen"] == value["pool"]["runs"]
    assert {"fastapi@uvicorn", "flask@hypercorn"} == {ratio["arrangement"] for ratio in value["pool"]["ratios"]}


def test_a_class_is_pooled_from_a_pattern(kept_run: KeptRun, tmp_path: Path) -> None:
    """Runs of one name are told apart by the folder above; a ratio is chosen by its arrangement."""
    kept_run("one/run-of-today", 2.0)
    kept_run("two/run-of-today", 2.2, seed=2)

    result = lab("pool", str(tmp_path / "class" / "*" / "*" / "run.json"), "-r", "flask@*", "--workload", "wait")

    assert 0 == result.exit_code
    assert "one/run-of-today 2.00 ×" in told(result)
    assert "two/run-of-today 2.20 ×" in told(result)
    assert "FastAPI on uvicorn" in told(result).rpartition("All runs together")[2]


def test_what_cannot_be_pooled_says_why(kept_run: KeptRun, tmp_path: Path) -> None:
    """A run alone is refused, a name that is none is an error, an arrangement that none has is a usage error."""
    first, second = str(kept_run("a")), str(kept_run("b", seed=2))

    assert 3 == lab("pool", first).exit_code
    assert 1 == lab("pool", first, str(tmp_path / "nothing")).exit_code
    (tmp_path / "empty").mkdir()
    empty = lab("pool", str(tmp_path / "empty"))
    assert 1 == empty.exit_code
    assert "There is no run in" in empty.stderr
    wrong = lab("pool", first, second, "-r", "fastapi@uvicron")
    assert 2 == wrong.exit_code
    assert "Did you mean fastapi@uvicorn?" in told(wrong)
    unknown = lab("pool", first, second, "--workload", "helth")
    assert 2 == unknown.exit_code
    assert "Did you mean health?" in told(unknown)
    blocked = lab("pool", first, second, "--out", str(tmp_path / "no" / "page.html"))
    assert 1 == blocked.exit_code
    assert "Cannot write" in blocked.stderr


def test_a_run_beside_itself_is_the_same_run(kept_run: KeptRun) -> None:
    """It says so, and no figure."""
    folder = str(kept_run("a"))

    result = lab("diff", folder, folder)

    assert 0 == result.exit_code
    assert "Both are the same run" in told(result)
    assert "×" not in told(result)


@pytest.mark.parametrize("form", ["terminal", "markdown", "html", "json", "csv"])
def test_both_tell_in_every_format(kept_run: KeptRun, tmp_path: Path, form: str) -> None:
    """To standard output; or into a file, as the tests of ``lab report`` try, here with one format."""
    runs = str(kept_run("a")), str(kept_run("b", 3.0, seed=2))
    for command in ("diff", "pool"):
        printed = lab(command, *runs, "--format", form)

        assert 0 == printed.exit_code
        assert "fastapi@uvicorn" in printed.stdout
        if form == "csv":
            written = lab(command, *runs, "--format", form, "--output", str(tmp_path / "told"))
            assert (0, "") == (written.exit_code, written.stdout)
            assert printed.stdout_bytes == (tmp_path / "told").read_bytes()
