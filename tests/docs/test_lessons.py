"""Every lesson has what a teacher looks for, in the same place, and the timetable adds up."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
LESSONS = sorted((DOCS / "lessons").glob("[1-8]*.md"))
TIMETABLE = (DOCS / "how-to" / "run-a-workshop.md").read_text(encoding="utf-8")


def minutes_of(lesson: Path) -> int:
    """Return how long a lesson says that it takes."""
    (minutes,) = re.findall(r"\*\*Time\.\*\* (\d+) minutes", lesson.read_text(encoding="utf-8"))
    return int(minutes)


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.stem)
def test_a_lesson_has_all_its_parts_in_order(lesson: Path) -> None:
    """Question, time, objectives, steps, something to unfold, an exercise, key points, and a note for the teacher."""
    text = lesson.read_text(encoding="utf-8")
    parts = [
        r"^\*\*Question\.\*\*",
        r"^\*\*Time\.\*\*",
        r"^Afterwards you can$",
        r"^\*\*You need\*\*",
        r"^## Step 1\.",
        r"^<details>$",
        r"^## Exercise$",
        r"^\$ lab exercise start \d\d$",
        r"^## Key points$",
        r"^## For the teacher$",
        r"^\| minutes \| what \|$",
        r"^\| they say \|",
    ]
    found = [re.search(part, text, flags=re.MULTILINE) for part in parts]

    assert [] == [part for part, match in zip(parts, found, strict=True) if match is None]
    places = [match.start() for match in found if match is not None]
    assert sorted(places) == places
    assert re.search(r"predict|guess", text, flags=re.IGNORECASE)


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.stem)
def test_a_teachers_minutes_fill_the_lesson(lesson: Path) -> None:
    """The note's rows follow one another without a gap, to the minute at which the lesson ends."""
    note = lesson.read_text(encoding="utf-8").partition("## For the teacher")[2]
    spans = [(int(begins), int(ends)) for begins, ends in re.findall(r"^\| (\d+)–(\d+) \|", note, flags=re.MULTILINE)]

    assert 0 == spans[0][0]
    assert [begins for begins, _ in spans[1:]] == [ends for _, ends in spans[:-1]]
    assert minutes_of(lesson) == spans[-1][1]


def test_the_timetable_of_a_workshop_adds_up() -> None:
    """Each row begins when the one before has ended, and a lesson has the minutes that it says."""
    rows = re.findall(r"^\| (\d+):(\d\d) \| (.+) \| (\d+) \|$", TIMETABLE, flags=re.MULTILINE)
    begins = [60 * int(hour) + int(minute) for hour, minute, _, _ in rows]
    lasts = [int(minutes) for *_, minutes in rows]

    assert [begin + last for begin, last in zip(begins, lasts, strict=True)][:-1] == begins[1:]
    taught = {
        DOCS / "how-to" / link: int(minutes)
        for _, _, what, minutes in rows
        for link in re.findall(r"\]\((.+?)\)", what)
    }
    assert {lesson.resolve(): minutes_of(lesson) for lesson in LESSONS} == {
        path.resolve(): minutes for path, minutes in taught.items()
    }
