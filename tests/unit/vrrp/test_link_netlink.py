"""Requests about links: what the kernel's refusals mean."""

from __future__ import annotations

from collections import deque
from struct import pack, unpack_from

import pytest

from services.vrrp.links.link_netlink import LinkRequests
from services.vrrp.links.plan import Adjust, Create, SetConf
from services.vrrp.links.vmac import IPVLAN, MACVLAN, VirtualLink

LINK = VirtualLink("vrrp.51", "eth0", MACVLAN, 4, bytes.fromhex("00005e000133"), group=7)


class Kernel:
    """A socket that answers each request with the next of these errors."""

    def __init__(self, *errors: int) -> None:
        self.sent: list[bytes] = []
        self._errors = deque(errors)
        self._answers: deque[bytes] = deque()

    def send(self, data: bytes, /) -> int:
        self.sent.append(data)
        sequence = unpack_from("=I", data, 8)[0]
        error = self._errors.popleft() if self._errors else 0
        self._answers.append(pack("=IHHIIi", 20, 2, 0, sequence, 0, -error))
        return len(data)

    def recv(self, size: int, flags: int, /) -> bytes:
        return self._answers.popleft()

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (0, ""),
        (1, "no permission to make links (the engine needs CAP_NET_ADMIN)"),
        (16, "another link on eth0 has the same MAC, or eth0 takes none (it is part of a bridge or bond)"),
        (98, "another link on eth0 has the same MAC, or eth0 takes none (it is part of a bridge or bond)"),
        (95, "the kernel has no macvlan on eth0 (modprobe macvlan?)"),
        (12, "Cannot allocate memory"),
    ],
)
def test_a_refusal_is_told_in_words(error: int, reason: str) -> None:
    assert LinkRequests(Kernel(error)).create(Create(LINK, 2)) == reason


def test_a_macvlan_is_asked_for_in_private_mode() -> None:
    kernel = Kernel()
    assert LinkRequests(kernel).create(Create(LINK, 2)) == ""
    data = pack("=HHI", 8, 1, 1)
    info = pack("=HH8s", 12, 1, b"macvlan\0") + pack("=HH", 12, 0x8002) + data
    body = pack("=HH8s", 12, 3, b"vrrp.51\0") + pack("=HHI", 8, 5, 2) + pack("=HH", 4 + len(info), 0x8012) + info
    assert kernel.sent[0][32:] == body + pack("=HH6s2x", 10, 1, LINK.mac)


def test_an_ipvlan_has_its_mode_and_its_own_address() -> None:
    link = VirtualLink("ip.1", "eth0", IPVLAN, 6, mode="vepa", address="fe80::5", prefix=64)
    kernel = Kernel(0, 0, 17)
    requests = LinkRequests(kernel)
    assert requests.create(Create(link, 2)) == ""
    assert pack("=HHH2xHHH2x", 6, 1, 0, 6, 2, 2) in kernel.sent[0]
    assert requests.adjust(Adjust(link, 9, "x", {})) == ""  # the address is there already
    assert [unpack_from("=H", data, 4)[0] for data in kernel.sent] == [16, 16, 20]


def test_a_kernel_without_ipv6_is_no_failure() -> None:
    kernel = Kernel(0, 0, 97)
    assert LinkRequests(kernel).adjust(Adjust(LINK, 9, "x", {19: 1})) == ""
    assert len(kernel.sent) == 3


@pytest.mark.parametrize("error", [0, 1])
def test_a_link_moves_to_a_vrf_where_that_is_wanted(error: int) -> None:
    kernel = Kernel(0, error)
    reason = "no permission to make links (the engine needs CAP_NET_ADMIN)"
    assert LinkRequests(kernel).adjust(Adjust(LINK, 9, "x", {}, 7)) == (reason if error else "")
    assert kernel.sent[1][16:] == pack("=BxHiII", 0, 0, 9, 0, 0) + pack("=HHI", 8, 10, 7)


def test_a_base_that_went_meanwhile_is_no_failure_and_everything_else_is() -> None:
    assert LinkRequests(Kernel(19)).set_conf(SetConf("eth0", 2, {19: 1})) == ""
    assert LinkRequests(Kernel(1)).set_conf(SetConf("eth0", 2, {19: 1})) == "the settings of eth0: Operation not permitted"


def test_a_dead_socket_is_told_in_words() -> None:
    class Dead(Kernel):
        def send(self, data: bytes, /) -> int:
            raise OSError(9, "Bad file descriptor")

    assert LinkRequests(Dead()).set_up(LINK, 9) == "Bad file descriptor"
