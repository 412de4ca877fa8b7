"""An event loop in one thread: serve GET /health to many clients at once. Run it: python tiny_loop.py 8000."""

import collections
import inspect
import json
import selectors
import socket
import sys

runable = collections.deque()  # jobs that can go on now
await_list = []  # what jobs have begun to wait for
kernel = selectors.DefaultSelector()  # on Linux: epoll
READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class Wait:
    """What a job awaits: until the kernel says that a socket is ready."""

    def __init__(self, sock, event):
        self.sock, self.event, self.job = sock, event, None

    def __await__(self):
        yield self  # here the job stops, and run() returns what it waits for


async def accept(listener):  # the first job: let clients in, each becomes a job of its own
    while True:
        await Wait(listener, READ)
        connection, _ = listener.accept()
        connection.setblocking(False)  # a call that would wait shall fail, not hold the only thread
        runable.append(serve(connection))


async def serve(connection):  # one job a client
    with connection:
        received = b""
        while True:
            while b"\r\n\r\n" not in received:  # the end of a request's head
                await Wait(connection, READ)
                part = connection.recv(65536)
                if not part or len(received) > 65536:
                    return  # the client has gone, or talks nonsense
                received += part
            head, _, received = received.partition(b"\r\n\r\n")
            left = answer(head.decode("latin-1"))
            while left:
                await Wait(connection, WRITE)
                left = left[connection.send(left) :]


def answer(head):  # no waiting in here: while this runs, nobody else does
    method, path, *_ = [*head.split(" "), "", ""]
    known = method in ("GET", "HEAD") and path.partition("?")[0] == "/health"
    status = "200 OK" if known else "404 Not Found"
    body = json.dumps({"api": "health", "version": 1} if known else {"title": "Not Found", "status": 404})
    headers = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nCache-Control: no-store"
    return f"HTTP/1.1 {status}\r\n{headers}\r\n\r\n{body if method != 'HEAD' else ''}".encode()


def run(job):  # until it waits: then return what for; None when the job is over
    try:
        return job.send(None)
    except (StopIteration, ConnectionError):
        return None


def loop():
    while True:
        for awaitable in await_list:  # tell the kernel what to watch
            kernel.register(awaitable.sock, awaitable.event, awaitable)
        await_list.clear()
        for key, _ in kernel.select(0 if runable else None):  # sleeps only when there is nothing to run
            kernel.unregister(key.fileobj)
            runable.append(key.data.job)  # what it waited for is here: it can go on
        if runable:
            job = runable.popleft()
            res = run(job)
            if inspect.isawaitable(res):  # it waits again: others run meanwhile
                res.job = job
                await_list.append(res)


def listen(port):  # on this machine alone
    try:
        return socket.create_server(("127.0.0.1", int(port)), backlog=1024)
    except OSError as error:
        sys.exit(f"Cannot listen on port {port}: {error.strerror}. Choose another: python {sys.argv[0]} 8001")


if __name__ == "__main__":
    runable.append(accept(listen(sys.argv[1])))
    loop()
