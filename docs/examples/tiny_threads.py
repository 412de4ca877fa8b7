"""The same with a thread for each client, to lay beside tiny_loop.py. Run it: python tiny_threads.py 8000."""

import contextlib
import sys
import threading

from tiny_loop import answer, listen  # the work is the same; only the waiting differs


def accept(listener):  # the main thread: let clients in, each gets a thread of its own
    while True:
        connection, _ = listener.accept()  # no client: the kernel lets this thread sleep in here
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


def serve(connection):  # one thread a client
    with connection, contextlib.suppress(ConnectionError):  # a client may be gone at any time
        received = b""
        while True:
            while b"\r\n\r\n" not in received:  # the end of a request's head
                part = connection.recv(65536)  # nothing here yet: the thread sleeps, and can do nothing else
                if not part or len(received) > 65536:
                    return  # the client has gone, or talks nonsense
                received += part
            head, _, received = received.partition(b"\r\n\r\n")
            connection.sendall(answer(head.decode("latin-1")))  # sleeps too, should the client read too slowly


if __name__ == "__main__":
    accept(listen(sys.argv[1]))
