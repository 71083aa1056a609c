"""What is in the kernel's IPVS table? Read from /proc/net/ip_vs, independently of the code under test, without a fork."""

from __future__ import annotations

import socket
from pathlib import Path

from tests.kit.netns import Namespace


def table(host: Namespace) -> dict[str, dict[str, int]]:
    """Virtual server -> real server -> weight, TCP over IPv4: `{"192.168.200.10:80": {"192.168.100.2:80": 2}}`."""
    found: dict[str, dict[str, int]] = {}
    for line in _lines(host):
        match line.split():
            case ["TCP", service, *_]:
                servers = found[_address(service)] = {}
            case ["->", server, _, weight, *_] if server != "RemoteAddress:Port":
                servers[_address(server)] = int(weight)
    return found


def connections(host: Namespace) -> dict[str, int]:
    """Connections that the kernel remembers, active or not, by real server; a server that was put in anew has none."""
    found: dict[str, int] = {}
    for line in _lines(host):
        match line.split():
            case ["->", server, _, _, active, inactive] if server != "RemoteAddress:Port":
                found[_address(server)] = int(active) + int(inactive)
    return found


def _lines(host: Namespace) -> list[str]:
    with host.entered():
        return Path("/proc/thread-self/net/ip_vs").read_text().splitlines()


def _address(text: str) -> str:
    """`C0A8C80A:0050` as `192.168.200.10:80`."""
    address, _, port = text.partition(":")
    return f"{socket.inet_ntoa(bytes.fromhex(address))}:{int(port, 16)}"
