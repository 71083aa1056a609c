"""A client that asks the same page again and again, and notes when it was answered by whom.

One attempt every 50 ms, whatever became of those before; each is given up after 500 ms. One line per answer:
CLOCK_MONOTONIC in nanoseconds, then the body. Standard library only: it starts fast.
"""

import contextlib
import selectors
import socket
import sys
import time
from typing import Any

TARGET = (sys.argv[1], int(sys.argv[2]))
PERIOD_S, PATIENCE_S = 0.05, 0.5


def main() -> None:
    selector = selectors.DefaultSelector()
    following = time.monotonic()
    while True:
        now = time.monotonic()
        if now >= following:
            following = max(following + PERIOD_S, now)
            line = socket.socket()
            line.setblocking(False)
            with contextlib.suppress(BlockingIOError, OSError):
                line.connect(TARGET)
            selector.register(line, selectors.EVENT_WRITE, now + PATIENCE_S)
        for key, events in selector.select(max(0.0, following - time.monotonic())):
            one: Any = key.fileobj
            try:
                if events & selectors.EVENT_WRITE:
                    one.sendall(b"GET / HTTP/1.0\r\n\r\n")
                    selector.modify(one, selectors.EVENT_READ, key.data)
                    continue
                body = one.recv(4096).rpartition(b"\r\n\r\n")[2].decode().strip()
                if body:
                    print(time.monotonic_ns(), body, flush=True)
            except OSError:
                pass  # refused, or no route: no answer
            selector.unregister(one)
            one.close()
        for key in list(selector.get_map().values()):
            if key.data < time.monotonic():
                late: Any = key.fileobj
                selector.unregister(late)
                late.close()


if __name__ == "__main__":
    main()
