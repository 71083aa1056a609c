"""VMACs and ipvlans on paper: what may be said of them, what they are called, what must be done about the links."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest

from services.common.errors import InvalidValue
from services.vrrp.config.resolve import Resolved, resolve
from services.vrrp.config.settings import DECODERS
from services.vrrp.links.plan import (
    ACCEPT_LOCAL,
    ARP_ANNOUNCE,
    ARP_FILTER,
    ARP_IGNORE,
    PROMOTE_SECONDARIES,
    RP_FILTER,
    Adjust,
    Blocked,
    Create,
    Links,
    Raise,
    Remove,
    SetConf,
    Step,
)
from services.vrrp.links.vmac import IPVLAN, MACVLAN, VirtualLink

Objects = dict[tuple[str, str], dict[str, Any]]
MAC = bytes.fromhex("00005e000133")
LINK = VirtualLink("vrrp.51", "eth0", MACVLAN, 4, MAC)
RIGHT = {ARP_IGNORE: 1, ACCEPT_LOCAL: 1, RP_FILTER: 2, PROMOTE_SECONDARIES: 1}


def vrrp(vrid: int = 51, *addresses: str, **more: Any) -> dict[str, Any]:
    listed = [{"address": a} for a in addresses or (f"192.0.2.{vrid}",)]
    return {"interface": "eth0", "virtual_router_id": vrid, "virtual_ipaddress": listed, **more}


def resolved(**objects: dict[str, Any]) -> Resolved:
    found: Objects = {("global", "") if name == "config" else ("vrrp_instance", name): v for name, v in objects.items()}
    return resolve({(kind, name): DECODERS[kind](name, value) for (kind, name), value in found.items()})


def named(found: Resolved, instance: str) -> list[tuple[str, str, str]]:
    return [(link.name, link.base, link.mac.hex(":")) for link in found.routers[instance].links]


def places(found: Resolved, instance: str) -> list[str]:
    router = found.routers[instance]
    return [f"{row.address} {row.dev}" for row in router.addresses + router.excluded]


class TestWhatMayBeSaid:
    @pytest.mark.parametrize(
        ("more", "field", "reason"),
        [
            ({"use_vmac": {"mac": "1:2:3:4"}}, "use_vmac.mac", "expected five or six octets"),
            ({"use_vmac": {"mac": "x:2:3:4:5"}}, "use_vmac.mac", "expected five or six octets"),
            ({"use_vmac": {"mac": "01:02:03:04:05"}}, "use_vmac.mac", "is a multicast address"),
            ({"use_vmac": {"mac": "00:00:5e:00:01:07"}}, "use_vmac.mac", "belongs to another virtual router"),
            ({"use_vmac": {"mac": "00:00:5e:00:02"}}, "use_vmac.mac", "belongs to another virtual router"),
            ({"use_vmac": {"mac": "0:0:0:0:0:0"}}, "use_vmac.mac", "all octets are zero"),
            ({"use_vmac": {"name": "much-too-long-a-name"}}, "use_vmac.name", "cannot be an interface"),
            ({"use_vmac": {}, "use_ipvlan": {}}, "use_ipvlan", "either a VMAC or an ipvlan"),
            ({"use_ipvlan": {}}, "use_ipvlan.address", "is required for IPv4 adverts"),
            ({"use_ipvlan": {"address": "fe80::5"}}, "use_ipvlan.address", "is not an IPv4 address"),
            ({"use_ipvlan": {"address": "10.0.0.5/33"}}, "use_ipvlan.address", "expected a prefix length of 1 to 32"),
            ({"use_ipvlan": {"address": "10.0.0"}}, "use_ipvlan.address", "expected an IP address"),
            ({"use_ipvlan": {"address": "10.0.0.5", "name": "a b"}}, "use_ipvlan.name", "cannot be an interface"),
        ],
    )
    def test_what_cannot_be_is_refused(self, more: dict[str, Any], field: str, reason: str) -> None:
        with pytest.raises(InvalidValue) as refused:
            DECODERS["vrrp_instance"]("A", vrrp(**more))
        assert refused.value.field == field
        assert reason in refused.value.reason

    @pytest.mark.parametrize("prefix", ["", "ninebytes", "a/b"])
    def test_a_prefix_leaves_room_for_the_rest_of_the_name(self, prefix: str) -> None:
        with pytest.raises(InvalidValue) as refused:
            DECODERS["global"]("", {"vmac_prefix": prefix})
        assert refused.value.field == "vmac_prefix"

    def test_a_static_address_has_no_vmac(self) -> None:
        with pytest.raises(InvalidValue, match="is for virtual addresses"):
            DECODERS["static"]("x", {"static_ipaddress": [{"address": "10.0.0.1", "use_vmac": True}]})


class TestNamesAndPlaces:
    def test_the_link_has_the_rfcs_mac_and_holds_the_addresses(self) -> None:
        found = resolved(A=vrrp(use_vmac={}, virtual_ipaddress_excluded=[{"address": "192.0.2.9", "dev": "eth0"}]))
        assert named(found, "A") == [("vrrp.51", "eth0", "00:00:5e:00:01:33")]
        assert places(found, "A") == ["192.0.2.51 vrrp.51", "192.0.2.9 vrrp.51"]
        assert found.routers["A"].frame_mac == MAC
        assert found.routers["A"].quiet_links == ()

    def test_names_collide_as_in_keepalived(self) -> None:
        six = vrrp(51, "fe80::1", use_vmac={})
        other = vrrp(51, use_vmac={}) | {"interface": "eth1"}
        found = resolved(A=vrrp(use_vmac={}), B=other, C=six, D=six | {"interface": "eth1"}, config={"vmac_prefix": "vm"})
        assert [named(found, name)[0][0] for name in "ABCD"] == ["vm.51", "vm1.51", "vm6.51", "vm2.51"]
        assert found.routers["C"].quiet_links == ("vm6.51",)
        assert found.routers["C"].frame_mac.hex(":") == "00:00:5e:00:02:33"

    def test_a_given_name_is_nobody_elses(self) -> None:
        found = resolved(A=vrrp(51, use_vmac={}), B=vrrp(52, use_vmac={"name": "vrrp.51", "mac": "02:0:0:0:0"}))
        assert named(found, "A") == [("vrrp1.51", "eth0", "00:00:5e:00:01:33")]
        assert named(found, "B") == [("vrrp.51", "eth0", "02:00:00:00:00:34")]

    def test_addresses_elsewhere_and_of_the_other_family_stay_without_a_link(self) -> None:
        more = [{"address": "2001:db8::1"}, {"address": "192.0.2.7", "dev": "eth1"}]
        found = resolved(A=vrrp(use_vmac={}, virtual_ipaddress_excluded=more))
        assert places(found, "A") == ["192.0.2.51 vrrp.51", "2001:db8::1 eth0", "192.0.2.7 eth1"]

    def test_use_vmac_addr_gives_them_links_and_own_macs_are_for_the_own_family(self) -> None:
        more = [{"address": "2001:db8::1"}, {"address": "192.0.2.7", "dev": "eth1"}]
        own = {"mac": "02:01:02:03:04:05"}
        found = resolved(
            A=vrrp(use_vmac=own, use_vmac_addr=True, virtual_ipaddress_excluded=more), config={"vmac_addr_prefix": "va"}
        )
        assert named(found, "A") == [
            ("vrrp.51", "eth0", "02:01:02:03:04:05"),
            ("va.51", "eth0", "00:00:5e:00:02:33"),
            ("va1.51", "eth1", "02:01:02:03:04:05"),
        ]
        assert places(found, "A") == ["192.0.2.51 vrrp.51", "2001:db8::1 va.51", "192.0.2.7 va1.51"]
        assert found.routers["A"].quiet_links == ("va.51",)

    def test_an_address_may_ask_for_a_link_alone(self) -> None:
        listed = [{"address": "192.0.2.1"}, {"address": "192.0.2.2", "use_vmac": True}]
        found = resolved(A=vrrp() | {"virtual_ipaddress": listed})
        assert places(found, "A") == ["192.0.2.1 eth0", "192.0.2.2 vrrp.51"]
        assert found.routers["A"].frame_mac == b""

    @pytest.mark.parametrize("more", [{"vmac_xmit_base": True}, {"unicast_peer": [{"address": "192.0.2.200"}]}])
    def test_adverts_have_the_bases_mac_where_asked_and_by_unicast(self, more: dict[str, Any]) -> None:
        assert resolved(A=vrrp(use_vmac={}, **more)).routers["A"].frame_mac == b""

    def test_an_ipvlan_has_an_address_of_its_own_and_the_bases_mac(self) -> None:
        found = resolved(A=vrrp(use_ipvlan={"address": "192.0.2.100/24", "mode": "vepa", "group": 7}))
        (link,) = found.routers["A"].links
        assert link == VirtualLink("vrrp.51", "eth0", IPVLAN, 4, b"", "vepa", 7, "192.0.2.100", 24)
        assert (found.routers["A"].source, found.routers["A"].frame_mac) == ("192.0.2.100", b"")
        assert places(found, "A") == ["192.0.2.51 eth0"]

    @pytest.mark.parametrize(
        ("one", "other", "reason"),
        [
            (
                vrrp(51, use_vmac={"name": "x"}),
                vrrp(52, use_vmac={"name": "x"}),
                "vrrp_instance 'A' has a link named x: not started",
            ),
            (
                vrrp(51, use_vmac={"mac": "02:0:0:0:0:1"}),
                vrrp(52, use_vmac={"mac": "02:0:0:0:0:1"}),
                "vrrp_instance 'A' has a VMAC with the same MAC on eth0: not started",
            ),
        ],
    )
    def test_a_link_belongs_to_one_instance(self, one: dict[str, Any], other: dict[str, Any], reason: str) -> None:
        found = resolved(A=one, B=other)
        assert set(found.routers) == {"A"}
        assert [(p.key, p.field, p.reason) for p in found.problems] == [("config/vrrp_instance/B", "use_vmac", reason)]


class Here(NamedTuple):
    """An interface as netlink would show it."""

    number: int
    name: str
    flags: int = 1
    mac: bytes = b""
    lower: int = 0
    kind: str = ""
    mode: int = 0
    group: int = 0
    alias: str = ""
    conf: Mapping[int, int] = {}
    master: int = 0


class Kernel:
    """Carries steps out on paper."""

    def __init__(self, *interfaces: Here) -> None:
        self.seen = {one.name: one for one in interfaces}
        self.log: list[Step] = []
        self._next = 100

    def settle(self, links: Links, *wanted: VirtualLink) -> list[str]:
        """Until there is nothing left to do; gives the kinds of the steps."""
        before = len(self.log)
        for _ in range(10):
            steps = links.plan({link.name: link for link in wanted}, self.seen)
            if not steps:
                return [type(step).__name__ for step in self.log[before:]]
            for step in steps:
                self.carry_out(links, step)
        raise AssertionError("never settles")

    def carry_out(self, links: Links, step: Step) -> None:
        self.log.append(step)
        match step:
            case Create(link, lower):
                self._next += 1
                mode = 1 if link.kind == MACVLAN else 0
                self.seen[link.name] = Here(self._next, link.name, 0, link.mac, lower, link.kind, mode)
            case Adjust(link, _number, alias, conf, master):
                here = self.seen[link.name]
                here = here._replace(master=master) if master >= 0 else here
                self.seen[link.name] = here._replace(alias=alias, conf={**here.conf, **conf}, mac=link.mac, flags=1)
                links.adjusted(step)
            case Raise(link):
                self.seen[link.name] = self.seen[link.name]._replace(flags=1)
            case SetConf(name, _number, conf):
                self.seen[name] = self.seen[name]._replace(conf={**self.seen[name].conf, **conf})
            case Remove(names, _numbers, first):
                if not first:
                    links.leaving(step)
                for name in names:
                    del self.seen[name]


ETH0 = Here(2, "eth0", conf={ARP_IGNORE: 0, ARP_FILTER: 0, ARP_ANNOUNCE: 0})


class TestWhatMustBeDone:
    def test_a_link_is_made_and_adjusted_and_then_its_base_is_told_to_be_silent(self) -> None:
        kernel, links = Kernel(ETH0), Links()
        assert kernel.settle(links, LINK) == ["Create", "Adjust", "SetConf"]
        assert kernel.seen["vrrp.51"] == Here(
            101,
            "vrrp.51",
            1,
            MAC,
            2,
            MACVLAN,
            1,
            alias="vipkeeper on eth0 arp_ignore=0 arp_filter=0 arp_announce=0",
            conf=RIGHT,
        )
        assert kernel.seen["eth0"].conf == {ARP_IGNORE: 1, ARP_FILTER: 1, ARP_ANNOUNCE: 2}
        assert kernel.settle(links, LINK) == []

    def test_a_link_is_in_the_vrf_of_its_base_and_follows_it(self) -> None:
        red, bridge = Here(7, "red", kind="vrf"), Here(8, "br0", kind="bridge")
        kernel, links = Kernel(red, bridge, ETH0._replace(master=7)), Links()
        kernel.settle(links, LINK)
        assert kernel.seen["vrrp.51"].master == 7
        for master, found in ((0, 0), (7, 7), (8, 0)):
            kernel.seen["eth0"] = kernel.seen["eth0"]._replace(master=master)
            assert kernel.settle(links, LINK) == ["Adjust"]
            assert kernel.seen["vrrp.51"].master == found
        assert kernel.settle(links, LINK) == []

    def test_what_the_base_had_comes_back_with_the_last_link(self) -> None:
        kernel, links = Kernel(ETH0._replace(conf={ARP_IGNORE: 2, ARP_FILTER: 0, ARP_ANNOUNCE: 0})), Links()
        other = LINK._replace(name="vrrp.52", mac=MAC[:5] + b"\x34")
        kernel.settle(links, LINK, other)
        assert kernel.seen["eth0"].conf == {ARP_IGNORE: 2, ARP_FILTER: 1, ARP_ANNOUNCE: 2}
        assert kernel.settle(links, other) == ["Remove"]
        assert kernel.seen["eth0"].conf[ARP_FILTER] == 1
        assert kernel.settle(links) == ["SetConf", "Remove"]
        assert kernel.seen == {"eth0": ETH0._replace(conf={ARP_IGNORE: 2, ARP_FILTER: 0, ARP_ANNOUNCE: 0})}

    def test_a_successor_reads_from_the_links_what_the_base_had(self) -> None:
        kernel = Kernel(ETH0)
        kernel.settle(Links(), LINK)
        assert kernel.settle(Links(), LINK) == ["Adjust"]  # once, so that what netlink does not show is right too
        assert kernel.settle(Links()) == ["SetConf", "Remove"]
        assert kernel.seen == {"eth0": ETH0}

    def test_what_somebody_else_set_meanwhile_stays(self) -> None:
        kernel, links = Kernel(ETH0), Links()
        kernel.settle(links, LINK)
        kernel.seen["eth0"] = kernel.seen["eth0"]._replace(conf={ARP_IGNORE: 8, ARP_FILTER: 1, ARP_ANNOUNCE: 1})
        kernel.settle(links)
        assert kernel.seen["eth0"].conf == {ARP_IGNORE: 8, ARP_FILTER: 0, ARP_ANNOUNCE: 1}

    @pytest.mark.parametrize(
        ("change", "kinds"),
        [
            ({"flags": 0}, ["Raise"]),
            ({"mac": b"\2\0\0\0\0\1"}, ["Adjust"]),
            ({"alias": ""}, ["Adjust"]),
            ({"conf": {}}, ["Adjust"]),
            ({"mode": 4}, ["Remove", "Create", "Adjust"]),
            ({"lower": 9}, ["Remove", "Create", "Adjust"]),
        ],
    )
    def test_what_somebody_changes_is_put_right(self, change: dict[str, Any], kinds: list[str]) -> None:
        kernel, links = Kernel(ETH0), Links()
        kernel.settle(links, LINK)
        kernel.seen["vrrp.51"] = kernel.seen["vrrp.51"]._replace(**change)
        assert kernel.settle(links, LINK) == kinds
        assert kernel.seen["vrrp.51"].mac == MAC

    def test_somebody_elses_macvlan_is_adopted_if_it_fits_and_left_alone_if_not(self) -> None:
        fits = Here(7, "vrrp.51", 1, b"\2\0\0\0\0\1", 2, MACVLAN, 1)
        kernel = Kernel(ETH0, fits)
        assert kernel.settle(Links(), LINK) == ["Adjust", "SetConf"]
        kernel = Kernel(ETH0, fits._replace(mode=4))
        reason = "there is an interface vrrp.51 already, and it is not a private macvlan on eth0"
        assert Links().plan({"vrrp.51": LINK}, kernel.seen)[0] == Blocked(LINK, reason)

    def test_without_its_base_there_is_nothing_to_do(self) -> None:
        assert Kernel().settle(Links(), LINK) == []

    def test_a_link_under_another_name_gives_way_first(self) -> None:
        kernel, links = Kernel(ETH0), Links()
        kernel.settle(links, LINK)
        assert kernel.settle(links, LINK._replace(name="other")) == ["Remove", "Create", "Adjust"]
        assert set(kernel.seen) == {"eth0", "other"}

    def test_nothing_is_done_twice_about_a_link_that_is_leaving(self) -> None:
        kernel, links = Kernel(ETH0), Links()
        kernel.settle(links, LINK)
        for step in links.plan({}, kernel.seen):
            if isinstance(step, Remove):
                links.leaving(step)
            else:
                kernel.carry_out(links, step)
        assert links.plan({}, kernel.seen) == []
        assert [type(step) for step in links.plan({"vrrp.51": LINK}, kernel.seen)] == [SetConf]

    def test_ipv6_and_ipvlans_ask_nothing_of_the_base(self) -> None:
        six = LINK._replace(name="vrrp6.51", family=6, mac=bytes.fromhex("00005e000233"))
        ipvlan = VirtualLink("ip.1", "eth0", IPVLAN, 4, mode="bridge", address="192.0.2.5", prefix=24)
        kernel = Kernel(ETH0)
        assert kernel.settle(Links(), six, ipvlan) == ["Create", "Create", "Adjust", "Adjust"]
        assert kernel.seen["eth0"] == ETH0
        assert kernel.seen["ip.1"].alias == "vipkeeper on eth0"
