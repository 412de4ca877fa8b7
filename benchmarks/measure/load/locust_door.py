"""Admits workers with the join token to Locust's master, and only messages that a worker sends.

Locust's own sockets admit anybody, and one frame that they cannot read ends their reading. Here ZeroMQ itself turns
away clients without a token, before it reads anything else from them (its PLAIN mechanism: the token, like everything,
crosses the network unencrypted). Workers are read in turns, and every message is checked.
"""

from __future__ import annotations

import functools
import hmac
import os
from collections.abc import Callable
from typing import Any

import gevent
import zmq.green as zmq
from locust.rpc import Message, rpc
from zmq.utils.monitor import parse_monitor_message

from benchmarks.measure.load import wire
from benchmarks.measure.load.engine import LoadEngineError
from benchmarks.measure.load.order_check import MAXIMUM_VUS

_ADMISSION = "inproc://zeromq.zap.01"
"""Where ZeroMQ asks whether to admit a connection (ZAP, https://rfc.zeromq.org/spec/27/)."""

_NO_TOKEN = "-"  # noqa: S105 (a password must have a character)
_HANDSHAKE_MS = 5_000
_MAXIMUM_BYTES = 2**20
"""Of a message; statistics of ten minutes are a tenth of it. A sender of more is cut off."""

_MAXIMUM_WAITING = 100
"""How many messages of one worker may wait to be read."""

_UNUSED = {"stats", "logs", "exception"}
"""Messages of Locust's workers that a trial does not need."""


class Door(rpc.Server):  # type: ignore[misc]  # Locust is not installed everywhere
    """The master's socket, at one address of this machine.

    Args:
        host: The address.
        port: 0 for a free one.
        token: What a worker must present.
        note: Called with who was turned away.
    Raises:
        LoadEngineError: It cannot listen there.
    """

    def __init__(self, host: str, port: int, *, token: str, note: Callable[[str], None]) -> None:
        rpc.BaseSocket.__init__(self, zmq.ROUTER, self.ipv4_only(host, port))
        self.socket.plain_server = True
        self.socket.handshake_ivl = _HANDSHAKE_MS
        self.socket.maxmsgsize = _MAXIMUM_BYTES
        self.socket.rcvhwm = _MAXIMUM_WAITING
        admission = self.socket.context.socket(zmq.REP)
        admission.bind(_ADMISSION)
        gevent.spawn(self._admit, admission, token.encode(), note)
        try:
            self.socket.bind(f"tcp://{host}:{port or '*'}")
        except zmq.ZMQError as error:
            raise LoadEngineError(
                f"Cannot listen for workers on {host} port {port}: {error}. Choose another with --port."
            ) from error
        self.port = int(self.socket.last_endpoint.rpartition(b":")[2])

    def recv_from_client(self) -> tuple[str, Any]:
        """Block until a worker sends something.

        Returns:
            The worker, and its message; one without a type if it cannot be read.
        """
        while True:
            # Other greenlets have their turn, however much is sent.
            gevent.sleep(0)
            identity, *frames = self.socket.recv_multipart()
            try:
                worker = identity.decode()
            except UnicodeDecodeError:
                continue
            try:
                (frame,) = frames
                return worker, Message.unserialize(frame)
            except Exception:  # noqa: BLE001 (whatever makes it unreadable)
                return worker, Message("", None, worker)

    def _admit(self, admission: Any, token: bytes, note: Callable[[str], None]) -> None:
        while True:
            version, sequence, _domain, address, *_, given = admission.recv_multipart()
            welcome = hmac.compare_digest(given, token)
            admission.send_multipart([version, sequence, b"200" if welcome else b"400", b"", b"", b""])
            if not welcome:
                note(f"Turned away a worker at {address.decode()}: it has no join token, or a wrong one.")


class Caller(rpc.Client):  # type: ignore[misc]  # the same
    """A worker's socket: its process ends if the master does not admit it."""

    def __init__(self, host: str, port: int, identity: str, token: str | None) -> None:
        rpc.BaseSocket.__init__(self, zmq.DEALER, self.ipv4_only(host, port))
        self.socket.plain_username = b"worker"
        self.socket.plain_password = (token or _NO_TOKEN).encode()
        self.socket.identity = identity.encode()
        monitor = self.socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_FAILED_AUTH)
        gevent.spawn(self._watch, monitor, f"{host}:{port}", token)
        self.socket.connect(f"tcp://{host}:{port}")

    def _watch(self, monitor: Any, master: str, token: str | None) -> None:
        parse_monitor_message(monitor.recv_multipart())
        given = "no join token was given" if token is None else "its join token is wrong"
        end(f"The master at {master} turned this worker away: {given}. Its terminal shows the whole command.")


def install_door(token: str, note: Callable[[str], None]) -> None:
    """Let Locust's master listen with this socket from now on; see ``Door`` for the arguments."""
    rpc.Server = functools.partial(Door, token=token, note=note)


def install_caller(token: str | None) -> None:
    """Let Locust's workers connect with this socket from now on, with this token."""
    rpc.Client = functools.partial(Caller, token=token)


def end(why: str) -> None:
    """End a worker's process with a reason."""
    wire.say("failed", why)
    os._exit(wire.EXIT_FAILED)


def guard(hear: Callable[[str, Any], None], send_home: Callable[[str, str], None]) -> Callable[[str, Any], None]:
    """Return a listener that sends home the sender of a bad message, and affects no other.

    Args:
        hear: Takes a worker and its message.
        send_home: Takes a worker, and what it did wrong.
    """

    def heard(worker: str, message: Any) -> None:
        try:
            _check(worker, message)
            if message.type not in _UNUSED:
                hear(worker, message)
        except LoadEngineError as error:
            send_home(worker, str(error))
        except Exception:  # noqa: BLE001 (whatever is wrong with it)
            send_home(worker, "it sent what no worker sends")

    return heard


def _check(worker: str, message: Any) -> None:
    """Raise ValueError for a message that is not one of those expected, with its required fields."""
    match message.type, message.data:
        case ("client_ready", str()) | ("heartbeat", {"state": str(), "current_cpu_usage": int() | float()}):
            known = True
        case "spawning_complete", {"user_classes_count": dict(counts)}:
            known = all(type(count) is int and 0 <= count <= MAXIMUM_VUS for count in counts.values())
        case str(kind), _:
            known = kind in {"spawning", "client_stopped", "quit"} | _UNUSED or kind.startswith("lab_")
        case _:
            known = False
    if message.node_id != worker or not known:
        raise ValueError(message)
