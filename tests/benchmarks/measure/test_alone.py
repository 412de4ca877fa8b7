from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from benchmarks.measure import alone as alone_module
from benchmarks.measure.alone import MachineBusyError, alone, lock_path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no lock of this kind")

HOLDING = """
import pathlib, sys
from benchmarks.measure.alone import alone
with alone(wait=False, say=print) as machine:
    machine.note(pathlib.Path(sys.argv[1]))
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put the lock into a folder of the test's own."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that measures, into a folder of its own."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(tmp_path / "its-run")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert "held\n" == process.stdout.readline()
        yield process
        process.kill()


def can_be_had() -> bool:
    """Return whether the machine is free."""
    try:
        with alone(wait=False, say=pytest.fail):
            return True
    except MachineBusyError:
        return False


def test_the_second_is_refused_and_learns_who_the_first_is(holder: subprocess.Popen[str], tmp_path: Path) -> None:
    """Its process id, its folder, and what to do."""
    with pytest.raises(MachineBusyError) as caught, alone(wait=False, say=pytest.fail):
        pytest.fail("it must not get here")

    assert f"(process {holder.pid}, into {tmp_path / 'its-run'})" in str(caught.value)
    assert "--wait" in str(caught.value)


def test_the_second_can_wait_for_the_first_to_end(holder: subprocess.Popen[str]) -> None:
    """It says for whom it waits, and then has the machine."""
    said: list[str] = []

    def say(sentence: str) -> None:
        said.append(sentence)
        assert holder.stdin is not None
        holder.stdin.write("\n")
        holder.stdin.flush()

    with alone(wait=True, say=say):
        assert 0 == holder.wait(timeout=10)

    (sentence,) = said
    assert f"Waiting until another `lab` (process {holder.pid}, into" in sentence


def test_the_lock_of_a_killed_process_is_free(holder: subprocess.Popen[str]) -> None:
    """The kernel releases it; the file stays."""
    assert not can_be_had()

    holder.kill()
    holder.wait()

    assert lock_path().exists()
    assert can_be_had()


def test_ctrl_c_ends_the_wait(holder: subprocess.Popen[str]) -> None:
    """The process ends at once."""
    waiting = (
        "from benchmarks.measure.alone import alone\nwith alone(wait=True, say=lambda s: print(s, flush=True)): pass"
    )
    with subprocess.Popen(
        [sys.executable, "-c", waiting], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        assert f"Waiting until another `lab` (process {holder.pid}" in process.stdout.readline()
        while psutil.Process(process.pid).status() != psutil.STATUS_SLEEPING:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        assert -signal.SIGINT == process.wait(timeout=10)


def test_a_released_lock_can_be_taken_again() -> None:
    """Also in one process; in between, the file is empty."""
    with alone(wait=False, say=pytest.fail) as machine:
        machine.note(Path("somewhere"))
        assert {"pid": os.getpid(), "folder": str(Path("somewhere").resolve())} == json.loads(lock_path().read_text())

    assert "" == lock_path().read_text()
    assert can_be_had()


@pytest.mark.parametrize(
    "note", ["", "rubbish", "[]", '{"pid": "me", "folder": "x"}', '{"pid": 99999999, "folder": "x"}', '{"pid": 1}']
)
def test_a_useless_note_is_no_traceback(
    holder: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch, note: str
) -> None:
    """Anybody who may write the file may write rubbish."""
    lock_path().write_text(note, encoding="utf-8")

    with pytest.raises(MachineBusyError, match=r"^Another `lab` is measuring"), alone(wait=False, say=pytest.fail):
        pytest.fail("it must not get here")


def test_a_folder_that_would_steer_the_terminal_is_not_shown(holder: subprocess.Popen[str]) -> None:
    """Only the process id is."""
    lock_path().write_text(json.dumps({"pid": holder.pid, "folder": "\x1b[2J"}), encoding="utf-8")

    with (
        pytest.raises(MachineBusyError, match=rf"\(process {holder.pid}\) is measuring"),
        alone(wait=False, say=pytest.fail),
    ):
        pytest.fail("it must not get here")


@pytest.mark.parametrize("made", [lambda path: path.mkdir(), lambda path: path.symlink_to("/etc/passwd"), os.mkfifo])
def test_where_there_is_no_lock_it_says_so_and_continues(made: Callable[[Path], None]) -> None:
    """A link or a pipe in its place is not opened, and what it points to is not written."""
    made(lock_path())
    said: list[str] = []

    with alone(wait=False, say=said.append) as machine:
        machine.note(Path("somewhere"))

    assert 1 == len(said)
    assert "make sure that this is the only one" in said[0]


def test_a_file_system_without_locks_is_like_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """So is Windows."""
    monkeypatch.setattr(alone_module, "try_lock", lambda _: None)
    said: list[str] = []

    with alone(wait=False, say=said.append):
        assert 1 == len(said)


def test_every_user_may_lock_the_machine() -> None:
    """Two people measure the same machine."""
    with alone(wait=False, say=pytest.fail):
        assert 0o666 == lock_path().stat().st_mode & 0o777
