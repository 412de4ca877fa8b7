"""Locust's master under attack, from outside and from workers that misbehave: legitimate workers are still served."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import secrets
import shlex
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest
from click.testing import CliRunner

from benchmarks import cli
from benchmarks.measure.load import wire
from benchmarks.measure.load.engine import LoadEngineError
from benchmarks.measure.load.locust_engine import LocustMaster, start_worker

PATIENCE_S = 60.0
SILENT_CONNECTIONS = 300


@pytest.fixture(scope="module")
def notes() -> list[str]:
    """The notes of the master."""
    return []


@pytest.fixture(scope="module")
def master(notes: list[str]) -> Iterator[LocustMaster]:
    """Run a master that needs one worker."""
    if importlib.util.find_spec("locust") is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("Locust is not installed")
    with contextlib.closing(LocustMaster(1, "127.0.0.1", 0, notes.append)) as master:
        yield master


@pytest.fixture(scope="module")
def worker(master: LocustMaster) -> Iterator[None]:
    """Start a worker as a person does, after two without the token."""
    at_port = ["locust", "worker", "127.0.0.1", "--port", str(master.port)]
    arguments = shlex.split(master.worker_command)[1:]
    with (
        # All start at the same time, as that takes long.
        contextlib.closing(start_worker("127.0.0.1", master.port, "0000000000", pytest.fail)) as mistaken,
        subprocess.Popen([sys.executable, "-m", "benchmarks", *arguments], stdout=subprocess.DEVNULL) as process,
    ):
        uninvited = CliRunner().invoke(cli.lab, at_port)
        assert 1 == uninvited.exit_code
        assert "turned this worker away: no join token was given. Its terminal shows the whole" in uninvited.output
        with pytest.raises(LoadEngineError, match="turned this worker away: its join token is wrong"):
            mistaken.take_event(time.monotonic() + PATIENCE_S, PATIENCE_S, "while it worked")
        master.wait_for_workers(PATIENCE_S, lambda _there: None)
        yield
        process.kill()


class Guest:
    """A client with the token, whose messages a test writes itself."""

    def __init__(self, master: LocustMaster, name: str) -> None:
        import zmq  # noqa: PLC0415 (comes with Locust)

        self.name = name
        context: Any = zmq.Context.instance()
        self.socket = context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.rcvtimeo = 100
        self.socket.plain_username, self.socket.plain_password = b"worker", master.worker_command.split()[-1].encode()
        self.socket.identity = name.encode("latin-1")
        self.socket.connect(f"tcp://127.0.0.1:{master.port}")

    def say(self, kind: str, data: Any = None, name: str | None = None) -> None:
        """Send a message as Locust's workers do."""
        import msgpack  # type: ignore[import-untyped]  # noqa: PLC0415 (the same)

        self.socket.send(msgpack.dumps((kind, data, name or self.name)))

    def hear(self) -> tuple[str, Any] | None:
        """Return what the master says next; ``None`` when it says nothing for a while."""
        import msgpack  # noqa: PLC0415 (the same)
        import zmq  # noqa: PLC0415 (the same)

        try:
            kind, data, _ = msgpack.loads(self.socket.recv())
        except zmq.Again:
            return None
        return kind, data


def lie(guest: Guest, told: dict[str, Any], sent_home: list[str], here: threading.Event) -> None:
    """Be a worker that obeys the master but reports false figures, until it is sent home."""
    guest.say("client_ready", "2.0")
    trial, users = 0, 0
    while not sent_home:
        guest.say("heartbeat", {"state": "ready", "current_cpu_usage": 1})
        match guest.hear():
            case "ack", _:
                guest.say("lab_here", 3)
                here.set()
            case "lab_order", {"trial": trial}:
                pass
            case "spawn", {"user_classes_count": {"LabUser": users} as counts}:
                guest.say("spawning_complete", {"user_classes_count": counts})
            case "spawning_complete", _:
                guest.say("lab_warm", (trial, users))
            case "lab_measure", {"duration_s": float(duration_s)}:
                guest.say("lab_began", (trial, None))
                threading.Event().wait(duration_s)
                guest.say("lab_measured", (trial, json.dumps({**counted(duration_s), **told})))
            case "lab_home", str(why):
                sent_home.append(why)


def counted(duration_s: float) -> dict[str, Any]:
    """Return what an honest worker may count."""
    return {
        "duration_s": duration_s,
        "requests": 2,
        "errors": {},
        "latency_sum_ms": 3.0,
        "latency_minimum_ms": 1.0,
        "latency_maximum_ms": 2.0,
        "latencies_ms": [[1, 1], [2, 1]],
        "cpu_s": 0.01,
        "unanswered_ms": [],
    }


@pytest.fixture
def measured(master: LocustMaster, worker: None, serve: Any, order: Any, healthy: Any) -> Callable[[], Any]:
    """Return a function that runs a trial with the legitimate worker, and returns its result."""
    server = serve(healthy)

    def measure() -> Any:
        with contextlib.closing(master.start(order(server.port, vus=2, duration_s=0.2))) as session:
            return session.result(PATIENCE_S)

    return measure


def test_a_worker_without_the_token_is_turned_away_and_both_sides_learn_it(notes: list[str], measured: Any) -> None:
    """It is reported once, however many there were; a worker with the token is admitted."""
    assert measured().completed > 0
    assert ["Turned away a worker at 127.0.0.1: it has no join token, or a wrong one."] == notes


def test_workers_sent_home_during_a_run_are_reported_then(
    master: LocustMaster, notes: list[str], measured: Any
) -> None:
    """Each is reported once, and only as many as fit into a terminal, however many misbehave."""
    before = len(notes)
    guests = [Guest(master, f"stranger{number}_1") for number in range(3 * wire.NOTES_A_MINUTE)]
    for guest in guests * 2:
        guest.say("nothing of the kind")

    further = "There are more like these, which are not shown for a minute."
    while further not in notes[before:]:
        measured()

    told = notes[before : notes.index(further)]
    assert len(set(told)) == len(told) <= wire.NOTES_A_MINUTE
    assert {"it sent what no worker sends."} == {note.partition(": ")[2] for note in told}
    assert measured().completed > 0
    for guest in guests:
        guest.socket.close()


def test_a_master_listens_at_its_host_only(master: LocustMaster) -> None:
    """By default that is 127.0.0.1, whatever addresses the machine has."""
    listening = [
        tuple(connection.laddr)
        for connection in psutil.Process(master._loader.pid).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]

    assert [("127.0.0.1", master.port)] == listening


def test_silent_or_noisy_connections_do_not_block_workers(master: LocustMaster, measured: Any) -> None:
    """Hundreds of them come from one address."""
    with contextlib.ExitStack() as stack:
        for number in range(SILENT_CONNECTIONS):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", master.port)))
            if number % 3:
                # What another server closes while it is written to is no fault of the test.
                with contextlib.suppress(OSError):
                    connection.sendall((b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 70_000)[number % 2])
        assert measured().completed > 0


BAD: dict[str, Callable[[Any], None]] = {
    "no msgpack": lambda guest: guest.socket.send(b"\xc1\xff"),
    "nothing": lambda guest: guest.socket.send(b""),
    "a number": lambda guest: guest.socket.send(b"\x05"),
    "deep": lambda guest: guest.socket.send(b"\x91" * 100_000),
    "a length that is not there": lambda guest: guest.socket.send(b"\xdd\xff\xff\xff\xff"),
    "huge": lambda guest: guest.socket.send(b"x" * 3_000_000),
    "several frames": lambda guest: guest.socket.send_multipart([b"a", b"b"]),
    "an unknown kind": lambda guest: guest.say("nothing of the kind"),
    "an unknown kind of ours": lambda guest: guest.say("lab_nothing", (1, 1)),
    "a kind that is no text": lambda guest: guest.say(["client_ready"]),
    "a file": lambda guest: guest.say("locustfile", {"version": "2.47"}),
    "an empty heartbeat": lambda guest: guest.say("heartbeat"),
    "another protocol": lambda guest: guest.say("lab_here", 1),
    "users that are none": lambda guest: guest.say("spawning_complete", {"user_classes_count": {"LabUser": -1}}),
    "warm without number": lambda guest: guest.say("lab_warm", 5),
    "another's name": lambda guest: guest.say("quit", None, "somebody else"),
    "figures nobody asked for": lambda guest: guest.say("lab_measured", (1, "{}")),
}


def test_a_bad_message_affects_only_its_sender(master: LocustMaster, measured: Any) -> None:
    """Whatever the guests send, a thousand times, the worker's trial has a result."""
    guests = [Guest(master, f"guest {number}") for number in range(len(BAD))] + [Guest(master, "\xff\xfe")]
    for _ in range(1_000 // len(BAD)):
        for send, guest in zip(BAD.values(), guests, strict=False):
            send(guest)
        guests[-1].socket.send(b"noise")

    result = measured()

    assert result.completed > 0
    assert ("lab_home", "it sent what no worker sends") == guests[0].hear()
    for guest in guests:
        guest.socket.close()


@pytest.mark.parametrize(
    ("lies", "told"),
    [
        ({"requests": 4_000_000_000, "latencies_ms": [[1, 4_000_000_000]]}, "no process makes 4,000,000,000 requests"),
        ({"requests": -2, "latencies_ms": [[1, -2]]}, "not what a worker counts"),
        ({"cpu_s": float("nan")}, "not what a worker counts"),
        ({"cpu_s": 1e9}, "the loader used 1e"),
        ({"latency_sum_ms": 1e9, "latency_maximum_ms": 1e9}, "a latency of 1,000,000.0 s"),
        ({"duration_s": 0.001}, "an interval of 0.2 s took 0.001 s"),
    ],
)
def test_figures_that_cannot_be_true_are_no_result(
    master: LocustMaster, measured: Any, lies: dict[str, Any], told: str
) -> None:
    """The trial is refused with a sentence, the guest is sent home, and the worker continues."""
    guest, sent_home, here = Guest(master, f"liar_{secrets.token_hex(4)}"), list[str](), threading.Event()
    lying = threading.Thread(target=lie, args=(guest, lies, sent_home, here), daemon=True)
    lying.start()
    assert here.wait(PATIENCE_S)
    # The master may not have heard of it yet; then the trial is another's, and good.
    with pytest.raises(LoadEngineError, match=f"sent home, and the trial is void: .*{told}"):
        until(measured)
    lying.join(PATIENCE_S)
    guest.socket.close()

    assert [True] == [told in why for why in sent_home]
    assert measured().completed > 0


def until(measure: Callable[[], Any]) -> None:
    """Measure again and again, a few times; a trial that began as the guest joined is void for that reason."""
    for _ in range(10):
        try:
            measure()
        except LoadEngineError as error:
            if "a worker came or went as they began" not in str(error):
                raise
