"""The page on security, held against the sockets of the commands that it tells of."""

from __future__ import annotations

import contextlib
import ipaddress
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import psutil
import pytest

from benchmarks import cli
from benchmarks.exercises import catalogue
from benchmarks.measure.server import free_port

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "security.md"
TABLE = re.findall(
    r"^\| (`lab .*?) \| (.*?) \| (.*?) \| (.*?) \| (.*?) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE
)
WHERE = {command: where for commands, where, *_ in TABLE for command in re.findall(r"`(lab [^`]+)`", commands)}
ELSEWHERE = "127.0.0.2"
"""An address that is asked for by ``--host``; loopback too, as a test must not listen on a network."""

PLACES = 3
"""So many sockets of a command that starts one server after another are looked at."""

LISTENS = "0A"
"""State of a socket in the kernel's tables."""

LOOK_EVERY_S = 0.05
QUICKLY = ("--duration", "200ms", "--rounds", "1")


def leaves(command: click.Command, name: str) -> list[str]:
    """Return the commands that there are, those of groups included."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        inner = {word: command.get_command(context, word) for word in command.list_commands(context)}
        return [leaf for word, each in inner.items() if each is not None for leaf in leaves(each, f"{name} {word}")]
    return [name]


def listening(process: subprocess.Popen[bytes]) -> set[tuple[str, int]]:
    """Return where a command and all that it has started listen now."""
    own: set[str] = set()
    with contextlib.suppress(psutil.Error):
        command = psutil.Process(process.pid)
        for each in (command, *command.children(recursive=True)):
            # A process or a descriptor may end meanwhile.
            with contextlib.suppress(OSError):
                for descriptor in Path(f"/proc/{each.pid}/fd").iterdir():
                    with contextlib.suppress(OSError):
                        own.add(str(descriptor.readlink()))
    # Not by psutil, which looks into every process of the machine: that took a third of the time of these tests.
    return {
        (address_of(fields[1]), int(fields[1].partition(":")[2], 16))
        for table in Path("/proc/net").glob("tcp*")
        for fields in map(str.split, table.read_text(encoding="ascii").splitlines())
        if fields[3] == LISTENS and f"socket:[{fields[9]}]" in own
    }


def address_of(local: str) -> str:
    """Read an address of the kernel's tables: words of the machine's byte order, and a port."""
    words = re.findall("[0-9A-F]{8}", local.partition(":")[0])
    packed = b"".join(int(word, 16).to_bytes(4, sys.byteorder) for word in words)
    return socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed)


def opened(arguments: list[str], *, places: int | None = None) -> set[str]:
    """Run a command, look at its sockets, and interrupt it.

    Args:
        arguments: Of ``lab``.
        places: Look until it ends, or so many were seen; unless told, look once, when it says that it is there.
    """
    with lab(arguments) as process:
        seen: set[tuple[str, int]] = set()
        assert process.stdout is not None
        if places is None and process.stdout.readline():
            seen = listening(process)
        while places is not None and len(seen) < places and process.poll() is None:
            seen |= listening(process)
            # Often enough for a server that answers at least once, and no more: each look goes through /proc.
            time.sleep(LOOK_EVERY_S)
    return {address for address, _ in seen}


@contextlib.contextmanager
def lab(arguments: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command for the length of a ``with`` block, at whose end it is interrupted."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks", *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate()


def test_a_socket_that_listens_is_seen() -> None:
    """By its address and port, and no other than those of the command."""
    listens = (
        "import socket, sys\n"
        "with socket.create_server((sys.argv[1], 0)) as server:\n"
        "    print(server.getsockname()[1], flush=True)\n"
        "    sys.stdin.read()\n"
    )
    with (
        socket.create_server(("127.0.0.1", 0)),
        subprocess.Popen(
            [sys.executable, "-c", listens, ELSEWHERE], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as one,
    ):
        assert one.stdout is not None
        assert {(ELSEWHERE, int(one.stdout.readline()))} == listening(one)
        one.communicate()


@pytest.mark.parametrize(
    ("local", "address"),
    [("0200007F:1F90", ELSEWHERE), ("00000000:0050", "0.0.0.0"), (f"{'0' * 24}01000000:0050", "::1")],  # noqa: S104
)
def test_an_address_of_the_kernel_is_read(local: str, address: str) -> None:
    """Of either family; one that is all zeros is every address of the machine."""
    assert address == address_of(local)


def test_the_table_has_every_command() -> None:
    """A new command says what it opens to whom, or this fails."""
    assert sorted(leaves(cli.lab, "lab")) == sorted(WHERE)


@pytest.mark.parametrize("command", ["lab serve", "lab live", "lab locust master"])
def test_a_command_with_a_host_listens_there_and_nowhere_else(command: str, tmp_path: Path) -> None:
    """On loopback by default, and else at the given address, though the machine has others; a master's is below."""
    more = ["--workers", "1"] if "locust" in command else ["--out", str(tmp_path)] if "live" in command else []
    arguments = [*command.split()[1:], "--port", str(free_port("127.0.0.1")), *more]

    assert WHERE[command].startswith("`--host`, 127.0.0.1 by default")
    assert {"127.0.0.1"} == opened(arguments)
    if "locust" not in command:
        assert {ELSEWHERE} == opened([*arguments, "--host", ELSEWHERE])


@pytest.mark.parametrize(
    "arguments",
    [
        ["compare", "-c", "fastapi-*@uvicorn", "--workload", "health", "--wait", *QUICKLY],
        ["compare", "-c", "fastapi-*@uvicorn", "--workload", "ready", "--wait", *QUICKLY],
        ["crossover", "--wait"],
    ],
    ids=" ".join,
)
def test_what_is_measured_listens_on_loopback_alone(arguments: list[str], tmp_path: Path) -> None:
    """Servers, loaders, the slow service and the database."""
    assert "127.0.0.1, free ports" == WHERE[f"lab {arguments[0]}"]
    assert {"127.0.0.1"} == opened([*arguments, "--out", str(tmp_path)], places=PLACES)


def test_what_is_explained_listens_on_loopback_alone() -> None:
    """The contender's server with the recorder, and the one without."""
    assert "127.0.0.1, free ports" == WHERE["lab explain"]
    assert {"127.0.0.1"} == opened(["explain", "fastapi-async@uvicorn", "--wait"], places=2)


def test_what_workers_load_listens_at_the_masters_host_and_they_do_not_listen(tmp_path: Path) -> None:
    """The master's own socket and the servers', in a run so far; a worker has no listening socket."""
    of_run = ["-c", "bare-*@uvicorn", "--workload", "health", "--vus", "2", "--wait", "--out", str(tmp_path)]
    at_host = ["--workers", "1", "--host", ELSEWHERE, "--port", str(free_port(ELSEWHERE))]
    of_master, of_worker = set[tuple[str, int]](), set[tuple[str, int]]()

    with lab(["locust", "master", *at_host, *of_run]) as master:
        assert master.stdout is not None
        _, _, command = master.stdout.readline().decode().partition(": lab ")
        with lab(shlex.split(command)) as worker:
            while len(of_master) < PLACES and master.poll() is None:
                of_master |= listening(master)
                of_worker |= listening(worker)
                time.sleep(LOOK_EVERY_S)

    assert WHERE["lab locust master"].endswith("port 5557 and the servers' free ports")
    # Before anything is timed, each contender's answer is looked at on loopback, as the page says.
    assert {ELSEWHERE} == {address for address, _ in of_master} - {"127.0.0.1"}
    assert "nothing" == WHERE["lab locust worker"]
    assert set() == of_worker


@pytest.mark.parametrize("exercise", ["make-it-async", "fix-the-shared-pool", "concurrent-readiness"])
def test_an_answer_is_served_on_loopback_alone(exercise: str, tmp_path: Path) -> None:
    """And so is what it asks."""
    catalogue.find(exercise).start_in(tmp_path, force=False)

    assert "127.0.0.1, free ports" == WHERE["lab exercise check"]
    assert {"127.0.0.1"} == opened(["exercise", "check", exercise, "--into", str(tmp_path)], places=1)


@pytest.mark.parametrize("command", [command for command, where in WHERE.items() if where == "nothing"])
def test_what_listens_to_nobody_has_no_option_to_listen(command: str) -> None:
    """No ``--host`` where there is nothing to bind."""
    found: click.Command = cli.lab
    for word in command.split()[1:]:
        assert isinstance(found, click.Group)
        command_of_group = found.get_command(click.Context(found), word)
        assert command_of_group is not None
        found = command_of_group

    assert "--host" not in {option for parameter in found.params for option in parameter.opts}


def test_loopback_is_what_the_page_calls_so() -> None:
    """Both addresses that the tests above ask for."""
    assert all(ipaddress.ip_address(address).is_loopback for address in ("127.0.0.1", ELSEWHERE))
