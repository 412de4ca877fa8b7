from __future__ import annotations

import contextlib
import socket
import subprocess
import sys

import pytest

from benchmarks.live.page import listener as listening
from benchmarks.live.page.listener import Listener

# In a process of its own: what it uses up is everybody's.
WITHOUT_FILES = """
import contextlib, os, resource, socket
from benchmarks.live.page.listener import Listener
listener = Listener("127.0.0.1", 0)
listener.setblocking(False)
clients = [socket.create_connection(listener.getsockname()) for _ in range(3)]
taken = []
resource.setrlimit(resource.RLIMIT_NOFILE, (128, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
with contextlib.suppress(OSError):
    while True:
        taken.append(os.open(os.devnull, os.O_RDONLY))
for _ in range(2):
    try:
        print(listener.accept())
    except BlockingIOError:
        print("nobody")
print({client.recv(12) for client in clients})
for file in taken:
    os.close(file)
client = socket.create_connection(listener.getsockname())
accepted, address = listener.accept()
print(address == client.getsockname())
"""


def test_who_comes_when_no_file_is_left_is_told_so() -> None:
    """With a spare file; the queue is emptied, no error is raised, and one line reports it."""
    ran = subprocess.run([sys.executable, "-c", WITHOUT_FILES], capture_output=True, text=True, check=True)

    assert ["nobody", "nobody", "{b'HTTP/1.1 503'}", "True"] == ran.stdout.splitlines()
    assert 1 == len(ran.stderr.splitlines())


def test_a_refusal_says_when_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """If displaced connections do not close: a whole HTTP answer, then the end of the connection."""
    monkeypatch.setattr(listening, "_MOST_OPEN", 2)
    monkeypatch.setattr(listening, "_GOING_S", 0.0)
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(Listener("127.0.0.1", 0))
        listener.setblocking(False)
        for _ in range(2):
            stack.enter_context(socket.create_connection(listener.getsockname()))
        held = [stack.enter_context(listener.accept()[0]) for _ in range(2)]
        third = stack.enter_context(socket.create_connection(listener.getsockname()))
        with pytest.raises(BlockingIOError):
            listener.accept()

        head, _, body = third.makefile("rb").read().partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503 ")
        assert b"\r\nRetry-After: 5\r\n" in head
        assert f"Content-Length: {len(body)}".encode() in head

        held[0].close()
        fourth = stack.enter_context(socket.create_connection(listener.getsockname()))
        accepted, address = listener.accept()
        stack.enter_context(accepted)
        assert fourth.getsockname() == address


def test_a_port_that_was_used_again_is_not_the_one_that_was_dropped() -> None:
    """A late call about a closed client does not affect the next client with the same port."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(Listener("127.0.0.1", 0))
        client = stack.enter_context(socket.create_connection(listener.getsockname()))
        accepted, address = listener.accept()
        listener.drop(address)
        with pytest.raises(ConnectionResetError):
            accepted.recv(1)
        assert b"" == client.recv(1)
        accepted.close()
        listener.drop(address)
        listener.confirm(address)
