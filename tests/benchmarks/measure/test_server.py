from __future__ import annotations

import socket
from collections.abc import Callable

import psutil
import pytest

from benchmarks.contenders import catalogue
from benchmarks.measure import server as server_module
from benchmarks.measure.server import RunningServer, ServerError, command_of, running
from benchmarks.model import Contender


def test_a_server_answers_inside_the_block_and_is_gone_after_it(answering: Callable[..., Contender]) -> None:
    """Leaving the block ends the process and frees the port."""
    with running(answering(), "/") as server:
        assert 200 == server.get("/").status
        pid, port = server.process.pid, server.port

    assert not psutil.pid_exists(pid)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", port))


def test_a_server_that_ignores_sigterm_is_killed(answering: Callable[..., Contender]) -> None:
    """Nothing outlives its block, however stubborn."""
    stubborn = answering(extra="signal.signal(signal.SIGTERM, signal.SIG_IGN)")

    with running(stubborn, "/", stop_grace_s=0.1) as server:
        pid = server.process.pid

    assert not psutil.pid_exists(pid)


def test_a_servers_children_go_with_it(answering: Callable[..., Contender]) -> None:
    """A worker process that the server left behind is ended by its process group."""
    parent = answering(
        extra="import subprocess\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import signal, time;"
        " signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)'])\n"
    )
    with running(parent, "/") as server:
        (child,) = psutil.Process(server.process.pid).children()

    _, alive = psutil.wait_procs([child], timeout=10)
    assert [] == [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]


def test_a_server_that_exits_shows_its_command_and_the_tail_of_its_log(scripted: Callable[[str], Contender]) -> None:
    """The reason that the server printed is in the error."""
    dying = scripted("import sys\nfor n in range(40): print('line', n)\nsys.exit('no such module: teapot')")

    with pytest.raises(ServerError) as caught, running(dying, "/"):
        pytest.fail("it must not get here")

    message = str(caught.value)
    assert "exited with status 1" in message
    assert "no such module: teapot" in message
    assert "line 39" in message
    assert "line 3\n" not in message
    assert dying.arguments[0] in message


def test_a_server_killed_by_a_signal_says_which(scripted: Callable[[str], Contender]) -> None:
    """An out-of-memory kill does not look like an exit."""
    killed = scripted("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")

    with pytest.raises(ServerError, match="killed by SIGKILL"), running(killed, "/"):
        pytest.fail("it must not get here")


@pytest.mark.parametrize(
    "source",
    [
        "import time\ntime.sleep(60)",
        """
import socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
connections = []
while True: connections.append(listener.accept())
""",
    ],
    ids=["never-listens", "accepts-and-says-nothing"],
)
def test_a_server_that_hangs_is_given_up_and_reaped(scripted: Callable[[str], Contender], source: str) -> None:
    """Waiting for readiness has an end."""
    before = set(psutil.Process().children())

    with (
        pytest.raises(ServerError, match=r"did not answer GET / within 0\.7 s"),
        running(scripted(source), "/", startup_timeout_s=0.7),
    ):
        pytest.fail("it must not get here")

    assert before == set(psutil.Process().children())


def test_a_port_taken_meanwhile_is_replaced(
    answering: Callable[..., Contender], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody may bind the free port before the server does: another is tried."""
    with socket.create_server(("127.0.0.1", 0)) as occupier:
        real_free_port = server_module.free_port
        ports = [occupier.getsockname()[1]]
        monkeypatch.setattr(server_module, "free_port", lambda host: ports.pop() if ports else real_free_port(host))

        with running(answering(), "/") as server:
            assert occupier.getsockname()[1] != server.port


def test_a_server_that_dies_later_says_how(answering: Callable[..., Contender]) -> None:
    """Death under load is told from silence."""
    with running(answering(), "/") as server:
        assert server.death() is None
        server.process.kill()
        server.process.wait()

        assert "the server was killed by SIGKILL" == server.death()
        with pytest.raises(ServerError, match="did not answer GET /"):
            server.get("/")


def test_the_persons_own_settings_do_not_reach_the_contender(
    scripted: Callable[[str], Contender], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A LAB_ variable in the shell must not change what is measured."""
    monkeypatch.setenv("LAB_HEALTH_VARIANT", "async")
    telling = scripted("import os, sys\nsys.exit(str([name for name in os.environ if name.startswith('LAB_')]))")

    with pytest.raises(ServerError, match=r"\| \[\]"), running(telling, "/"):
        pytest.fail("it must not get here")


def test_settings_that_are_meant_for_the_contender_reach_it(
    scripted: Callable[[str], Contender], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that its workload needs, and still none of the person's."""
    monkeypatch.setenv("LAB_HEALTH_VARIANT", "async")
    telling = scripted(
        "import os, sys\nsys.exit(str({name: text for name, text in os.environ.items() if name.startswith('LAB_')}))"
    )

    with (
        pytest.raises(ServerError, match=r"\| {'LAB_VERSION': '2'}"),
        running(telling, "/", settings={"LAB_VERSION": "2"}),
    ):
        pytest.fail("it must not get here")


def test_a_server_runs_only_on_its_cores(answering: Callable[..., Contender]) -> None:
    """Server and loader are kept apart by pinning, threads included."""
    process = psutil.Process()
    if not hasattr(process, "cpu_affinity"):
        pytest.skip("this platform cannot pin processes")
    core = process.cpu_affinity()[-1]

    with running(answering(), "/", cpus=(core,)) as server:
        assert [core] == psutil.Process(server.process.pid).cpu_affinity()


def test_a_server_starts_on_its_cores_and_on_its_starters(
    answering: Callable[..., Contender], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who starts it may have left its core alone, and several that start at once need more than one core."""
    process = psutil.Process()
    cores = process.cpu_affinity() if hasattr(process, "cpu_affinity") else []
    if len(cores) < 2:
        pytest.skip("this takes two cores, and a platform that can pin processes")
    starting_on: list[list[int]] = []
    await_answer = RunningServer._await_answer

    def look(server: RunningServer, path: str, timeout_s: float) -> None:
        starting_on.append(psutil.Process(server.process.pid).cpu_affinity())
        await_answer(server, path, timeout_s)

    monkeypatch.setattr(RunningServer, "_await_answer", look)
    process.cpu_affinity(cores[:1])
    try:
        with running(answering(), "/", cpus=cores[1:2]) as server:
            assert cores[1:2] == psutil.Process(server.process.pid).cpu_affinity()
    finally:
        process.cpu_affinity(cores)

    assert [cores[:2]] == starting_on


def test_the_command_is_what_a_person_would_type() -> None:
    """The interpreter, its arguments, and the place of the port."""
    command = command_of(catalogue.find("bare-asgi@hypercorn"), 8000)

    assert ["-P", "-m", "hypercorn"] == command[1:4]
    assert "127.0.0.1:8000" in command
