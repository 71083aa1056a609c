"""PING_CHECK where the kernel allows it in one way, in the other, or not at all."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kit.netns import Host, Net

pytestmark = pytest.mark.netns

ROOT = Path(__file__).resolve().parent.parent.parent

# One ping of each address; prints what came of each, and of which kind its socket was.
PROGRAM = """
import json, os, select, sys, time
from services.checker.kinds.ping import Ping
from services.checker.kinds.target import Target
from services.checker.probes.ping import PingProbe
from services.checker.probes.probe import Tools
from services.checker.schedule import Timing

epoll = select.epoll()
found = []
for address in sys.argv[1:]:
    address, _, interface = address.partition("%")
    probe = PingProbe(Ping(Target(address, 0, bind_if=interface)), Timing(10**9, 10**9, 0, 0, 0), Tools(epoll))
    cause = probe.start(time.monotonic_ns(), 0)
    table = ("icmp6", "raw6") if ":" in address else ("icmp", "raw")
    # each of these lists the sockets of its kind below one line of headings
    kinds = [name for name in table if len(open(f"/proc/net/{name}").readlines()) > 1]
    while cause is None:
        events = epoll.poll(1)
        cause = probe.ready(events[0][1], time.monotonic_ns()) if events else probe.expired(time.monotonic_ns())
    found.append([cause, kinds])
print(json.dumps(found))
"""


@pytest.fixture
def host() -> Iterator[Host]:
    with Net() as net:
        yield net.host("director")


def pinged(host: Host, *addresses: str, without: str = "") -> Any:
    less = ["setpriv", f"--bounding-set=-{without}", "--inh-caps=-all"] if without else []
    return json.loads(host.run([*less, sys.executable, "-c", PROGRAM, *addresses], cwd=ROOT).stdout)


def test_with_its_group_in_the_range_a_ping_needs_no_rights(host: Host) -> None:
    host.sysctl("net.ipv4.ping_group_range", "0 2147483647")
    assert pinged(host, "127.0.0.1", "::1", without="net_raw") == [["", ["icmp"]], ["", ["icmp6"]]]


def test_without_it_a_raw_socket_is_used(host: Host) -> None:
    host.sysctl("net.ipv4.ping_group_range", "1 0")
    assert pinged(host, "127.0.0.1", "::1") == [["", ["raw"]], ["", ["raw6"]]]


@pytest.mark.parametrize(("allowed", "kind"), [("0 0", "icmp6"), ("1 0", "raw6")])
def test_a_link_local_address_is_pinged_through_its_interface(allowed: str, kind: str) -> None:
    with Net() as net:
        director, lan = net.host("director"), net.bridge("lan")
        director.sysctl("net.ipv4.ping_group_range", allowed)
        director.join(lan, "eth0")
        net.host("server").join(lan, "eth0", "fe80::2:2/64")
        assert pinged(director, "fe80::2:2%eth0") == [["", [kind]]]
        ((cause, _),) = pinged(director, "fe80::2:2%eth9")
    assert cause == "cannot prepare a socket: No such device"


def test_without_either_the_cause_says_what_to_do(host: Host) -> None:
    host.sysctl("net.ipv4.ping_group_range", "1 0")
    cause = (
        "cannot prepare a socket: this service may not send pings: its group is not in the sysctl "
        "net.ipv4.ping_group_range, and it lacks CAP_NET_RAW"
    )
    assert pinged(host, "127.0.0.1", "::1", without="net_raw") == [[cause, []], [cause, []]]
