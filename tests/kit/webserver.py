"""A real server as a program: given pages on port 80, its name on every other path and on port 443.

Standard library only: it starts fast.
"""

import json
import selectors
import socket
import sys
from typing import Any

NAME: str = sys.argv[1]
PAGES: dict[str, str] = json.loads(sys.argv[2])


def answer(port: int, request: bytes) -> bytes:
    if port != 80:
        return NAME.encode()
    words = request.split()
    path = words[1].decode("latin-1") if len(words) > 1 else "/"
    body = PAGES.get(path, NAME + "\n").encode()
    return b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def main() -> None:
    selector = selectors.DefaultSelector()
    for port in (80, 443):
        listener = socket.create_server(("", port), backlog=128)
        selector.register(listener, selectors.EVENT_READ, port)
    while True:
        for key, _ in selector.select():
            line: Any = key.fileobj
            if isinstance(key.data, int):
                accepted, _ = line.accept()
                accepted.settimeout(1)
                selector.register(accepted, selectors.EVENT_READ, (key.data,))
                continue
            selector.unregister(line)
            try:
                request = line.recv(4096)
                if request:
                    line.sendall(answer(key.data[0], request))
            except OSError:
                pass  # the client gave up
            line.close()


if __name__ == "__main__":
    main()
