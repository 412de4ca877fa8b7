"""Loads a tiny program of ``docs/examples/``, and acts as its three clients, by a script.

The clients act each time the program has nothing left to do. So two runs of a program take the same steps, and two
programs can be compared side by side: they get the same requests.
"""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from benchmarks.errors import LabError
from benchmarks.live.program_recordings import ProgramRecording, Step

EXAMPLES: Final = Path(__file__).parents[2] / "docs" / "examples"
PATIENCE_S = 5.0
"""A program that takes longer for one move has failed."""

CLIENTS: Final = 3
HAS_ITS_ANSWER: Final = "has its answer"

_REQUEST: Final = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
_PARTS: Final = {
    "sends its request": _REQUEST,
    "sends half a request": _REQUEST[: len(_REQUEST) // 2],
    "sends the rest": _REQUEST[len(_REQUEST) // 2 :],
}
# What happens each time the server would sleep: a verb, and the clients that do it.
_SCRIPT: Final[tuple[tuple[str, tuple[int, ...]], ...]] = (
    ("connects", (1,)),
    ("connects", (2, 3)),
    ("sends half a request", (2,)),
    ("sends its request", (3, 1)),
    ("sends the rest", (2,)),
    ("disconnects", (1, 2, 3)),
)


# The verbs for several clients.
_TOGETHER: Final = {
    "connects": "connect",
    "disconnects": "disconnect",
    "sends its request": "send their requests",
    HAS_ITS_ANSWER: "have their answers",
}


def load(path: Path) -> ModuleType:
    """Load a program; like a script, it can import from the folder of the examples.

    Raises:
        LabError: It is not there.
    """
    if not path.is_file():
        raise LabError(f"There is no {path}: the example comes with a clone, not with the installed package.")
    module = ModuleType(path.stem)
    sys.path.insert(0, str(EXAMPLES))
    try:
        code = compile(path.read_bytes(), path, "exec", dont_inherit=True)
        exec(code, vars(module))  # noqa: S102 (a program of the lab's own)
    finally:
        sys.path.remove(str(EXAMPLES))
    return module


def recording_of(path: Path, steps: Sequence[Step]) -> ProgramRecording:
    """Return the recording of a program's run, given its steps."""
    return ProgramRecording(
        source=tuple(path.read_text(encoding="utf-8").splitlines()),
        clients=tuple(f"client {number}" for number in range(1, CLIENTS + 1)),
        steps=tuple(steps),
    )


def describe_deeds(deeds: Sequence[str]) -> str:
    """Return what several clients did as one clause, ``clients 1 and 3 connect``.

    Args:
        deeds: As ``take_happened`` returns them; at least one.
    """
    by_verb: dict[str, list[str]] = {}
    for deed in deeds:
        _, number, verb = deed.split(" ", 2)
        by_verb.setdefault(verb, []).append(number)
    parts = []
    for verb, numbers in by_verb.items():
        if len(numbers) > 1 and verb in _TOGETHER:
            parts.append(f"clients {listed(numbers)} {_TOGETHER[verb]}")
        else:
            parts += [f"client {number} {verb}" for number in numbers]
    return listed(parts)


def listed(parts: Sequence[str]) -> str:
    """Return parts as one enumeration; at least one."""
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last


class ScriptedClients:
    """The clients of one run.

    Args:
        listener: The program's.
        path: Of the program, for errors.
        stack: Closes their sockets.
    """

    def __init__(self, listener: socket.socket, path: Path, stack: contextlib.ExitStack) -> None:
        self.answered: list[str] = []
        """Clients that have their whole answer."""
        self._listener = listener
        self._path = path
        self._stack = stack
        self._names: dict[Any, str] = {}
        self._script = iter(_SCRIPT)
        self._sockets: dict[str, socket.socket] = {}
        self._asked: list[str] = []
        self._happened: list[str] = []

    def name_of(self, sock: socket.socket) -> str:
        """Return what a socket of the program is called: ``listener``, or the client at its other end."""
        return "listener" if sock is self._listener else self._names[sock.getpeername()]

    def take_happened(self) -> tuple[str, ...]:
        """Return what they did since the last call, in words."""
        happened, self._happened = tuple(self._happened), []
        return happened

    def read_answers(self) -> None:
        """Read the answers that are due.

        Raises:
            LabError: One did not come.
        """
        while self._asked:
            client = self._asked.pop(0)
            answer = b""
            try:
                while b"}" not in answer:
                    if not (part := self._sockets[client].recv(65_536)):
                        raise LabError(f"{self._path}: it closed the connection to {client} instead of answering.")
                    answer += part
            except TimeoutError:
                raise LabError(f"{self._path}: it sleeps, and {client} has no answer.") from None
            self.answered.append(client)
            self._happened.append(f"{client} {HAS_ITS_ANSWER}")

    def act(self, arrived: Callable[[str, str], None] = lambda _at, _deed: None) -> Sequence[str]:
        """Do what the script says next.

        Args:
            arrived: Called after each deed, with the name of the program's socket at which it arrives, and the deed.
        Returns:
            The deeds, in words; none when the script is over.
        """
        verb, numbers = next(self._script, ("", ()))
        deeds = []
        for client in (f"client {number}" for number in numbers):
            deeds.append(f"{client} {verb}")
            self._do(client, verb)
            arrived("listener" if verb == "connects" else client, deeds[-1])
        self._happened += deeds
        return deeds

    def _do(self, client: str, verb: str) -> None:
        if verb == "connects":
            sock = self._sockets[client] = self._stack.enter_context(socket.socket())
            sock.settimeout(PATIENCE_S)
            sock.connect(self._listener.getsockname())
            self._names[sock.getsockname()] = client
        elif verb == "disconnects":
            self._sockets[client].close()
        else:
            self._sockets[client].sendall(_PARTS[verb])
            if verb != "sends half a request":
                self._asked.append(client)
