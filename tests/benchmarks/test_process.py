from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from benchmarks import process

# A child from the main thread and one from another, each with a child of its own. All end with their standard input.
FAMILY = """
import subprocess, sys, threading
PARENT = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(1, flush=True); input()'])"
def start():
    subprocess.run([sys.executable, "-c", PARENT])
threading.Thread(target=start, daemon=True).start()
start()
"""


@pytest.fixture(scope="module")
def root() -> Iterator[psutil.Process]:
    """A process with two children and two grandchildren, all of which have begun."""
    (reader, writer), (idle, held) = os.pipe(), os.pipe()
    with contextlib.ExitStack() as stack:
        child = process.start(stack, [sys.executable, "-c", FAMILY], steps=(), stdin=idle, stdout=writer)
        os.close(writer)
        os.close(idle)
        begun = b""
        while begun.count(b"1") < 2:
            begun += os.read(reader, 1) or pytest.fail("a grandchild did not begin")
        yield psutil.Process(child.process.pid)
    os.close(reader)
    os.close(held)


@pytest.mark.parametrize("proc", ["/proc", "/nowhere"])
def test_a_tree_has_the_children_of_every_thread(
    root: psutil.Process, proc: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process is first, and all below it follow, whether or not the system lists children."""
    expected = set(root.children(recursive=True))
    monkeypatch.setattr(process, "_PROC", Path(proc))

    first, *others = process.tree(root)

    assert root == first
    assert 4 == len(others)
    assert expected == set(others)


def test_a_process_that_has_ended_is_alone() -> None:
    """It has no children, and to ask for them is no error."""
    with contextlib.ExitStack() as stack:
        child = process.start(stack, [sys.executable, "-c", "input()"], steps=())
        ended = psutil.Process(child.process.pid)

    assert [ended] == process.tree(ended)
