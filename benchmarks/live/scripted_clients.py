"""Three clients that act by a script, each time the server that they ask has nothing left to do.

So two runs of a program take the same steps, and two programs can be laid side by side: they are asked the same.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Sequence
from typing import Any, Final

from benchmarks.errors import LabError

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
    ("hangs up", (1, 2, 3)),
)


# A verb as it is said of several clients.
_TOGETHER: Final = {
    "connects": "connect",
    "hangs up": "hang up",
    "sends its request": "send their requests",
    HAS_ITS_ANSWER: "have their answers",
}


def client_name(number: int) -> str:
    """Return what a client is called, from its number from 1."""
    return f"client {number}"


def tell_deeds(deeds: Sequence[str]) -> str:
    """Say what several clients did as one clause: ``client 1 connects and client 2 connects`` is a mouthful.

    Args:
        deeds: Each as ``take_happened`` gives it; at least one.
    """
    by_verb: dict[str, list[str]] = {}
    for deed in deeds:
        client, number, verb = deed.split(" ", 2)
        by_verb.setdefault(verb, []).append(number)
        assert client == "client"  # noqa: S101 (they are made here)
    parts = []
    for verb, numbers in by_verb.items():
        if len(numbers) > 1 and verb in _TOGETHER:
            parts.append(f"clients {listed(numbers)} {_TOGETHER[verb]}")
        else:
            parts += [f"{client_name(int(number))} {verb}" for number in numbers]
    return listed(parts)


def listed(parts: Sequence[str]) -> str:
    """Return parts as one enumeration; at least one."""
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last


class ScriptedClients:
    """The clients of one run.

    Args:
        program: Name of what they ask, for errors.
        address: Where it listens.
        patience_s: After so long they find that no answer comes.
        stack: Closes their sockets.
    """

    def __init__(self, program: str, address: Any, patience_s: float, stack: contextlib.ExitStack) -> None:
        self.names: dict[Any, str] = {}
        """Names of the clients by the address that the server sees."""
        self.answered: list[str] = []
        """Clients that have their whole answer."""
        self._program = program
        self._address = address
        self._patience_s = patience_s
        self._stack = stack
        self._script = iter(_SCRIPT)
        self._sockets: dict[int, socket.socket] = {}
        self._asked: list[int] = []
        self._happened: list[str] = []

    def take_happened(self) -> tuple[str, ...]:
        """Return what they did since this was last asked, in words."""
        happened, self._happened = tuple(self._happened), []
        return happened

    def read_answers(self) -> None:
        """Read the answers that are owed.

        Raises:
            LabError: One did not come.
        """
        while self._asked:
            number = self._asked.pop(0)
            self._read_answer(number)
            self.answered.append(client_name(number))
            self._happened.append(f"{client_name(number)} {HAS_ITS_ANSWER}")

    def act(self, arrived: Callable[[str, str], None]) -> int:
        """Do what the script says next.

        Args:
            arrived: Is told of each deed: at which of the server's sockets it arrives, and what it is, in words.
        Returns:
            How many deeds that were; 0 when the script is over.
        """
        verb, numbers = next(self._script, ("", ()))
        for number in numbers:
            deed = f"{client_name(number)} {verb}"
            self._do(number, verb)
            self._happened.append(deed)
            arrived("listener" if verb == "connects" else client_name(number), deed)
        return len(numbers)

    def _do(self, number: int, verb: str) -> None:
        if verb == "connects":
            client = self._sockets[number] = self._stack.enter_context(socket.socket())
            client.settimeout(self._patience_s)
            client.connect(self._address)
            self.names[client.getsockname()] = client_name(number)
        elif verb == "hangs up":
            self._sockets[number].close()
        else:
            self._sockets[number].sendall(_PARTS[verb])
            if verb != "sends half a request":
                self._asked.append(number)

    def _read_answer(self, number: int) -> None:
        answer = b""
        try:
            while b"}" not in answer:
                part = self._sockets[number].recv(65_536)
                if not part:
                    raise LabError(f"{self._program}: it hung up on {client_name(number)} instead of answering.")
                answer += part
        except TimeoutError:
            raise LabError(f"{self._program}: it sleeps, and {client_name(number)} has no answer.") from None
