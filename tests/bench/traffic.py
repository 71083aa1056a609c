"""A client and its servers, each a program of its own so that nothing else delays them.

`echo NAME`: answers UDP datagrams with NAME, on every address. `ask ADDRESS`: asks about five times a millisecond, and prints
a line `TIME NAME` (CLOCK_REALTIME in ns, as the kernel received it) for the first answer and for every change of who answers.
"""

from __future__ import annotations

import select
import socket
import struct
import sys
import time

PORT = 7000
PAUSE = 0.0001  # seconds between two questions, and as much again until the kernel wakes the client
_SO_TIMESTAMPNS = 35  # asm-generic/socket.h


def echo(name: str) -> None:
    """Serve until killed."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("", PORT))
        while True:
            server.sendto(name.encode(), server.recvfrom(64)[1])


def ask(address: str) -> None:
    """Ask until killed."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setblocking(False)
        client.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        last = b""
        while True:
            try:
                client.sendto(b"?", (address, PORT))
            except OSError:
                time.sleep(PAUSE)  # nobody there yet
            while select.select([client], [], [], PAUSE)[0]:
                try:
                    name, ancillary, _, _ = client.recvmsg(64, 64)
                except OSError:
                    continue
                if name != last:
                    seconds, nanoseconds = struct.unpack("qq", ancillary[0][2][:16])
                    print(seconds * 1_000_000_000 + nanoseconds, name.decode(), flush=True)
                    last = name


if __name__ == "__main__":
    {"echo": echo, "ask": ask}[sys.argv[1]](sys.argv[2])
