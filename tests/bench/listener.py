"""A cheap target for checks: accepts TCP connections on a port of every address, and lets the peer close them."""

from __future__ import annotations

import select
import socket
import sys


def main(port: int) -> None:
    """Serve until killed. A connection is closed once its peer has closed it."""
    listener = socket.create_server(("", port), backlog=65535)
    listener.setblocking(False)
    poll = select.epoll()
    poll.register(listener, select.EPOLLIN)
    open_connections: dict[int, socket.socket] = {}
    while True:
        for fd, _ in poll.poll():
            if fd != listener.fileno():
                open_connections.pop(fd).close()
                continue
            for _ in range(256):
                try:
                    connection, _ = listener.accept()
                except BlockingIOError:
                    break
                connection.setblocking(False)
                open_connections[connection.fileno()] = connection
                poll.register(connection, select.EPOLLIN | select.EPOLLRDHUP)


if __name__ == "__main__":
    main(int(sys.argv[1]))
