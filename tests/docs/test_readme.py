"""Whoever opens the README is on the way within a screen, and has read it all in three minutes."""

from __future__ import annotations

import re
from pathlib import Path

TEXT = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def test_the_two_commands_are_on_the_first_screen() -> None:
    """A screen has some 25 lines."""
    first_screen = "\n".join(TEXT.splitlines()[:25])

    assert "$ make compare" in first_screen
    assert "$ make test" in first_screen


def test_what_comes_before_more_is_short_and_has_one_picture() -> None:
    """What goes deeper is in the handbook."""
    before, _, _ = TEXT.partition("\n## More\n")

    assert 700 >= len(before.split())
    assert 1 == len(re.findall(r"!\[", before))
