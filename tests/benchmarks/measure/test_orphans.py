from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from benchmarks import process as process_module
from benchmarks.measure.server import RunningServer, ServerError, running
from benchmarks.model import Contender
from benchmarks.orphan_watcher import watch
from tests.benchmarks.measure.children import children_with

pytestmark = pytest.mark.skipif(not Path("/bin/sh").exists(), reason="the watcher needs /bin/sh")

# Serves, says where, and then waits for somebody to kill it.
ABANDONING = """
import sys
from benchmarks.measure.server import RunningServer, ServerError, running
from benchmarks.model import Contender
contender = Contender(
    framework="scripted", variant="sync", server="script", arguments=(sys.argv[1], "{port}"), description="a script"
)
with running(contender, "/") as server:
    print(server.process.pid, server.port, flush=True)
    sys.stdin.read()
"""


def watchers() -> list[psutil.Process]:
    """Return the watchers of this process."""
    return children_with("orphan_watcher")


@pytest.mark.parametrize(
    ("lines", "left"),
    [
        ([b"+ 100\n", b"+ 200\n", b"- 100\n"], {200}),
        ([b"- 100\n"], set()),
        ([b"+ 0\n", b"+ 1\n", b"+ -5\n", b"+ x\n", b"rubbish\n", b"\n"], set()),
        ([], set()),
    ],
)
def test_what_has_begun_and_not_ended_is_left(lines: list[bytes], left: set[int]) -> None:
    """Nothing else, and never a number that means this group, or every process."""
    assert (left, set()) == watch(lines)


def test_folders_that_are_there_are_left() -> None:
    """Only temporary ones of the lab, whatever else is told."""
    lines = [b"> /tmp/lab-1\n", b"> /tmp/lab-2 3\n", b"< /tmp/lab-1\n", b"> /\n", b"> /home\n", b"> /tmp/lab-4/..\n"]

    assert (set(), {"/tmp/lab-2 3"}) == watch(lines)  # noqa: S108 (a name, no file)


def test_a_folder_goes_with_a_lab_that_is_killed(tmp_path: Path) -> None:
    """Whatever is in it."""
    folder = tmp_path / "lab-something"
    (folder / "inside").mkdir(parents=True)
    (folder / "inside" / "file").touch()

    with subprocess.Popen(
        [sys.executable, "-I", "-S", str(process_module.__file__).replace("process.py", "orphan_watcher.py")],
        stdin=subprocess.PIPE,
    ) as watcher:
        watcher.communicate(f"> {folder}\n".encode())

    assert 0 == watcher.returncode
    assert not folder.exists()
    assert tmp_path.exists()


def test_a_server_does_not_outlive_a_lab_that_is_killed(answering: Callable[..., Contender]) -> None:
    """Kill -9 leaves nobody to end it but the watcher: server, its children and its port are free."""
    with_child = answering(
        extra="import subprocess\nchild = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", ABANDONING, with_child.arguments[0]],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as lab:
        assert lab.stdout is not None
        pid, port = (int(word) for word in lab.stdout.readline().split())
        started = psutil.Process(lab.pid).children(recursive=True)
        assert pid in {process.pid for process in started}
        assert len(started) >= 3

        lab.kill()
        lab.wait()

    _, alive = psutil.wait_procs(started, timeout=10)
    assert [] == [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))


def test_servers_share_a_watcher_that_goes_with_the_last(answering: Callable[..., Contender]) -> None:
    """One small process beside however many servers, and none without."""
    with running(answering(), "/"):
        (watcher,) = watchers()
        with running(answering(), "/"):
            assert [watcher] == watchers()
        assert [watcher] == watchers()

    assert [] == watchers()


def test_a_watcher_that_was_killed_is_replaced(answering: Callable[..., Contender]) -> None:
    """And no server is the worse for it."""
    with running(answering(), "/") as first:
        (watcher,) = watchers()
        os.kill(watcher.pid, signal.SIGKILL)
        watcher.wait(timeout=10)
        with running(answering(), "/") as second:
            assert 200 == first.get("/").status == second.get("/").status
            assert 1 == len(watchers())

    assert [] == watchers()


def test_a_watched_server_has_no_hold_on_the_pipe(answering: Callable[..., Contender]) -> None:
    """Its standard input is /dev/null, as without a watcher, and its command line is its own."""
    with running(answering(), "/") as server:
        process = psutil.Process(server.process.pid)
        if Path("/proc/self/fd").exists():
            assert Path("/dev/null") == Path(f"/proc/{process.pid}/fd/0").readlink()
        assert str(server.port) == process.cmdline()[-1]
        assert "sh" != process.name()


def test_where_there_is_no_shell_servers_start_all_the_same(
    answering: Callable[..., Contender], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows: nobody watches."""
    monkeypatch.setattr(process_module, "_SHELL", Path("/no/such/shell"))

    with running(answering(), "/") as server:
        assert 200 == server.get("/").status
        assert [] == watchers()


ESCAPING = """
import os, subprocess, sys
os.environ["SEEN_BY"] = "the test"
sleeping = [sys.executable, "-c", "import time; time.sleep(60)"]
{escapes}
"""
ESCAPES = {
    "a session of its own": "subprocess.Popen(sleeping, start_new_session=True)",
    "a daemon": """
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execv(sleeping[0], sleeping)
    os._exit(0)
os.wait()
""",
    "a daemon without environment": """
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execve(sleeping[0], sleeping, {"SEEN_BY": "the test"})
    os._exit(0)
os.wait()
""",
}


def escaped() -> list[psutil.Process]:
    """Return what runs of the escaping children."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get("SEEN_BY") == "the test" and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def the_escaped() -> list[psutil.Process]:
    """Return the same once there is one: its environment shows only after its exec, maybe after the server is ready."""
    for _ in range(1_000):
        if found := escaped():
            break
        time.sleep(0.01)
    return found


@pytest.mark.parametrize("escape", list(ESCAPES))
def test_what_a_server_starts_ends_with_it_wherever_it_went(answering: Callable[..., Contender], escape: str) -> None:
    """Out of its group, out of its family, and on Linux out of its environment; and nobody is left unreaped."""
    if escape == "a daemon without environment" and sys.platform != "linux":
        pytest.skip("only Linux gives orphans to the lab")
    before = set(psutil.Process().children())

    with running(answering(extra=ESCAPING.format(escapes=ESCAPES[escape])), "/"):
        assert 1 == len(the_escaped())

    assert [] == escaped()
    assert before == set(psutil.Process().children())


def test_a_server_that_becomes_a_daemon_ends_all_the_same(answering: Callable[..., Contender]) -> None:
    """The command that started it has ended well long before; its port is free afterwards."""
    daemon = answering(extra="import os\nif os.fork():\n    os._exit(0)\nos.setsid()\nif os.fork():\n    os._exit(0)\n")

    with contextlib.ExitStack() as stack:
        launch = RunningServer(stack, daemon)
        with pytest.raises(ServerError, match="exited with status 0"):
            launch.wait_until_ready("/")
        port = launch.port

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))


def test_neighbours_are_left_alone(answering: Callable[..., Contender]) -> None:
    """A server that ends takes nothing of another's with it."""
    with running(answering(extra=ESCAPING.format(escapes=ESCAPES["a daemon"])), "/") as first:
        with running(answering(), "/"):
            pass
        assert 200 == first.get("/").status
        assert 1 == len(the_escaped())

    assert [] == escaped()


@pytest.mark.skipif(sys.platform != "linux", reason="the watcher looks into /proc")
def test_a_daemon_does_not_outlive_a_lab_that_is_killed(answering: Callable[..., Contender]) -> None:
    """The watcher finds what bears the lab's mark."""
    escaping = answering(extra=ESCAPING.format(escapes=ESCAPES["a daemon"]))
    with subprocess.Popen(
        [sys.executable, "-c", ABANDONING, escaping.arguments[0]], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as lab:
        assert lab.stdout is not None
        assert lab.stdout.readline()
        left = the_escaped()
        assert 1 == len(left)
        lab.kill()

    _, alive = psutil.wait_procs(left, timeout=10)
    assert [] == [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
