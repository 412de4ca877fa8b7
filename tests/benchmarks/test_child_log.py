"""The log of a child: whole while it is small, its end where it is not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.child_log import KEPT_BYTES, MOST_BYTES, ChildLog
from benchmarks.process import output_of

# Waits until the lab has cut the file: what comes then is at its beginning.
FLOOD = """
import os, time
for number in range(200):
    os.write(1, b"%09d\\n" % number * 100_000)
while os.fstat(1).st_size > 5_000_000:
    time.sleep(0.01)
print("the end")
"""


def test_a_small_log_is_kept_whole() -> None:
    """Each line, also those that come after it was read."""
    with ChildLog() as log:
        for words in ("one\ntwo\n", "three\n"):
            subprocess.run(["/bin/echo", "-n", words], stdout=log.file, check=True)
            log.text()
        assert "one\ntwo\nthree\n" == log.text()
        assert ["two", "three"] == log.last_lines(2)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot cut a file that another writes to")
def test_of_a_large_log_the_end_is_kept() -> None:
    """200 MB of lines take no more than a few MB of the disk, and less of memory."""
    with ChildLog() as log:
        subprocess.run([sys.executable, "-c", FLOOD], stdout=log.file, check=True)
        assert MOST_BYTES >= os.fstat(log.file.fileno()).st_size
        assert MOST_BYTES + KEPT_BYTES >= len(log.text())
        assert ["000000199", "the end"] == log.last_lines(2)


def test_a_line_without_an_end_is_cut() -> None:
    """So that an error message stays one."""
    with ChildLog() as log:
        log.file.write(b"x" * 100_000)
        (line,) = log.last_lines(5)
    assert 501 == len(line)


def test_a_command_that_prints_much_gives_its_end(tmp_path: Path) -> None:
    """As much as is kept of a log."""
    (tmp_path / "flood.py").write_text(FLOOD, encoding="utf-8")
    told = output_of([sys.executable, "flood.py"], 60, cwd=tmp_path)
    assert (True, True) == (told.endswith("000000199\nthe end\n"), len(told) <= MOST_BYTES + KEPT_BYTES)
