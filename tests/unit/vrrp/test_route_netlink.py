"""Messages of routes and rules, byte by byte (linux/rtnetlink.h, linux/fib_rules.h)."""

from __future__ import annotations

from collections import deque
from struct import pack

import pytest

from services.vrrp.election.actions import AddRouting, RemoveRouting
from services.vrrp.election.events import StaticResult
from services.vrrp.engine.jobs import Jobs
from services.vrrp.netlink import Interface, Requests
from services.vrrp.routing.route_netlink import MissingInterfaceError, RouteRequests, encode
from services.vrrp.routing.routes import parse_route
from services.vrrp.routing.rules import parse_rule

ETH0 = {"eth0": Interface(7, "eth0", 0, b"")}


def test_a_route_is_struct_rtmsg_and_its_attributes() -> None:
    body = encode(parse_route("192.168.3.0/24 via 10.0.0.1 dev eth0 table 300 mtu lock 1400", "x"), ETH0)
    assert body[:12] == bytes([2, 24, 0, 0, 0, 18, 0, 1, 0, 0, 0, 0])
    assert body[12:] == (
        pack("=HH4s", 8, 1, bytes([192, 168, 3, 0]))
        + pack("=HHI", 8, 15, 300)
        + pack("=HH4s", 8, 5, bytes([10, 0, 0, 1]))
        + pack("=HHI", 8, 4, 7)
        + pack("=HHHHIHHI", 20, 8, 8, 1, 1 << 2, 8, 2, 1400)
    )


def test_several_ways_are_struct_rtnexthop_each() -> None:
    body = encode(parse_route("default nexthop via 10.0.0.1 dev eth0 weight 3 onlink nexthop via 10.0.0.2", "x"), ETH0)
    first = pack("=HBBiHH4s", 16, 4, 2, 7, 8, 5, bytes([10, 0, 0, 1]))
    second = pack("=HBBiHH4s", 16, 0, 0, 0, 8, 5, bytes([10, 0, 0, 2]))
    assert body[12:] == pack("=HHI", 8, 15, 254) + pack("=HH", 36, 9) + first + second


@pytest.mark.parametrize(
    ("words", "kind", "nested"),
    [  # what keepalived 2.2.7 sends for the same words
        (
            "ip id 100 dst 10.0.0.9 flags 32",
            2,
            pack("=HHQ", 12, 1, 100 << 56) + pack("=HH4s", 8, 2, bytes([10, 0, 0, 9])) + pack("=HHHxx", 6, 6, 32),
        ),
        ("ip ttl 5 tos 3", 2, pack("=HHB3x", 5, 4, 5) + pack("=HHB3x", 5, 5, 3)),
        (
            "ip6 dst fd00::9 tc 3 hoplimit 0",
            4,
            pack("=HH16s", 20, 2, bytes([0xFD, *bytes(14), 9])) + pack("=HHB3x", 5, 4, 0) + pack("=HHB3x", 5, 5, 3),
        ),
        ("mpls 100/200", 1, pack("=HH8s", 12, 1, bytes.fromhex("00064000000c8100"))),
        ("mpls 1048575", 1, pack("=HH4s", 8, 1, bytes.fromhex("fffff100"))),
        ("ila 2001:db8:1:1", 3, pack("=HH8s", 12, 1, bytes.fromhex("20010db800010001"))),
    ],
)
def test_a_tunnel_is_nested_attributes_and_its_kind(words: str, kind: int, nested: bytes) -> None:
    body = encode(parse_route(f"10.0.0.0/8 encap {words} dev eth0 ttl-propagate enabled", "x"), ETH0)
    place = pack("=HH4s", 8, 1, bytes([10, 0, 0, 0])) + pack("=HHI", 8, 15, 254) + pack("=HHI", 8, 4, 7)
    tunnel = pack("=HH", 4 + len(nested), 22) + nested + pack("=HHHxx", 6, 21, kind)
    assert body[12:] == place + tunnel + pack("=HHB3x", 5, 26, 1)


def test_each_of_several_ways_may_have_a_tunnel_of_its_own() -> None:
    body = encode(parse_route("default nexthop dev eth0 encap mpls 16 weight 2 nexthop via 10.0.0.2", "x"), ETH0)
    first = pack("=HBBi", 28, 0, 1, 7) + pack("=HHHH4s", 12, 22, 8, 1, bytes.fromhex("00010100")) + pack("=HHHxx", 6, 21, 1)
    second = pack("=HBBiHH4s", 16, 0, 0, 0, 8, 5, bytes([10, 0, 0, 2]))
    assert body[20:] == pack("=HH", 48, 9) + first + second


def test_a_route_of_a_vrf_is_in_the_table_that_the_vrf_has_now() -> None:
    route = parse_route("default dev eth0 vrf blue", "x")
    blue = Interface(9, "blue", 0, b"", kind="vrf", mode=300)
    body = encode(route, ETH0 | {"blue": blue})
    assert (body[4], body[12:20]) == (0, pack("=HHI", 8, 15, 300))
    for interfaces in (ETH0, ETH0 | {"blue": Interface(9, "blue", 0, b"")}):
        with pytest.raises(MissingInterfaceError, match="there is no VRF blue"):
            encode(route, interfaces)


def test_a_rule_is_struct_fib_rule_hdr_and_its_attributes() -> None:
    body = encode(parse_rule("not from 10.0.0.0/8 iif eth9 table 5 priority 7 sport 5-6", "x"), {})
    assert body[:12] == bytes([2, 0, 8, 0, 5, 0, 0, 1, 2, 0, 0, 0])
    assert body[12:] == (
        pack("=HH4s", 8, 2, bytes([10, 0, 0, 0]))
        + pack("=HHI", 8, 6, 7)
        + pack("=HHI", 8, 15, 5)
        + pack("=HH5s3x", 9, 3, b"eth9\0")
        + pack("=HHB3x", 5, 21, 18)
        + pack("=HHHH", 8, 23, 5, 6)
    )


def test_a_row_whose_interface_is_missing_cannot_be_sent() -> None:
    with pytest.raises(MissingInterfaceError, match="interface eth5 does not exist"):
        encode(parse_route("default dev eth5", "x"), ETH0)


class Kernel:
    """A socket that answers each request with the next of these errors."""

    def __init__(self, *errors: int) -> None:
        self.errors = deque(errors)
        self.answers: deque[bytes] = deque()

    def send(self, data: bytes, /) -> int:
        at = 0
        while at < len(data):
            length = int.from_bytes(data[at : at + 4], "little")
            error = -self.errors.popleft()
            self.answers.append(pack("=IHHIIi", 20, 2, 0, int.from_bytes(data[at + 8 : at + 12], "little"), 0, error))
            at += length
        return len(data)

    def recv(self, size: int, flags: int, /) -> bytes:
        if not self.answers:
            raise BlockingIOError
        return self.answers.popleft()

    def close(self) -> None: ...


def test_only_what_really_failed_is_told() -> None:
    rows = [parse_route(line, "x") for line in ("10.0.0.0/8 via 10.0.0.1", "11.0.0.0/8 dev eth5", "12.0.0.0/8 dev eth0")]
    rows += [parse_route(line, "x") for line in ("blackhole 13.0.0.0/8", "14.0.0.0/8 dev eth0", "15.0.0.0/8 dev eth0")]
    rows.append(parse_route("16.0.0.0/8 dev eth0 encap mpls 5", "x"))
    kernel = Kernel(101, 17, 0, 1, 22, 95)
    failed = RouteRequests(kernel).change(True, rows, ETH0)
    assert {row.text: reason.split(" (")[0] for row, reason in failed} == {
        "11.0.0.0/8 dev eth5": "interface eth5 does not exist",
        "10.0.0.0/8 via 10.0.0.1": "its gateway cannot be reached",
        "14.0.0.0/8 dev eth0": "no permission to change routes",
        "15.0.0.0/8 dev eth0": "the kernel finds it invalid",
        "16.0.0.0/8 dev eth0 encap mpls 5": "this kernel cannot do it",
    }
    assert RouteRequests(Kernel(3, 2, 19, 0, 0, 0)).change(False, rows, ETH0) == []


def jobs(kernel: Kernel) -> Jobs:
    queue = Jobs(Requests(kernel), lambda number, addresses: None, ETH0)
    queue.routing = RouteRequests(kernel)
    return queue


def test_what_is_removed_is_not_added_any_more_and_is_no_trouble() -> None:
    rows = tuple(parse_route(f"10.{n}.0.0/16 dev eth0", "x") for n in range(3))
    kernel = Kernel(1, 0, 0, 0, 0)
    queue = jobs(kernel)
    queue.add(AddRouting("A", rows[:1]))
    assert queue.run(lambda: 0) == [("A", "route")]
    assert list(queue.routing_troubles) == [("A", rows[0])]
    queue.add(AddRouting("A", rows[1:]))
    queue.add(AddRouting("B", rows[2:]))
    queue.add(RemoveRouting("A", rows))
    assert queue.run(lambda: 0) == []
    assert (queue.routing_troubles, len(kernel.errors)) == ({}, 0)


def test_static_rows_are_told_whether_they_are_in_place() -> None:
    rows = tuple(parse_route(line, "x") for line in ("10.0.0.0/8 dev eth0", "11.0.0.0/8 dev eth0"))
    queue = jobs(Kernel(0, 101))
    queue.add(AddRouting("static/main", rows))
    queue.run(lambda: 0)
    assert queue.placed == [
        StaticResult("static/main", rows[0], ""),
        StaticResult("static/main", rows[1], "its gateway cannot be reached"),
    ]


class Broken(Kernel):
    def send(self, data: bytes, /) -> int:
        raise OSError(105, "No buffer space available")


def test_a_message_that_cannot_be_sent_is_a_trouble_of_all_its_rows() -> None:
    queue = jobs(Broken())
    queue.add(AddRouting("A", (parse_route("10.0.0.0/8 dev eth0", "x"),)))
    assert queue.run(lambda: 0) == [("A", "route")]
    assert list(queue.routing_troubles.values()) == ["No buffer space available"]
