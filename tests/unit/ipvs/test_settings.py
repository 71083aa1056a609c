"""Settings: keepalived's defaults, refusals that name the field, and what a server inherits."""

from __future__ import annotations

from typing import Any

import pytest

from services.checker.kinds.registry import KINDS
from services.common.errors import InvalidValue
from services.ipvs import settings
from services.ipvs.fields import family_of
from services.ipvs.model import INET, INET6, Destination, Method, Service, Tunnel
from services.ipvs.settings import real_server, resolve, sorry_destination, virtual_server
from tests.unit.ipvs.words import key, mark, marked, packed, place, real, server, virtual
from vipkeeper.config.v1 import server_pb2

SECOND = 1_000_000_000


def service_of(**fields: Any) -> Service:
    return service_for(virtual(**fields))


def service_for(v: settings.VirtualServer, family: int = INET) -> Service:
    """Its only service."""
    (found,) = v.services(family).values()
    return found


def test_defaults_are_keepaliveds() -> None:
    v = virtual()
    assert service_of() == Service(key(), "wlc", 0, 32, False)
    assert (v.method, v.quorum, v.hysteresis, v.weight, v.alpha, v.inhibit_on_failure) == (Method.NAT, 1, 0, 1, False, False)


@pytest.mark.parametrize(
    "scheduler", ["rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh", "twos"]
)
def test_every_scheduler_of_the_kernel_can_be_chosen(scheduler: str) -> None:
    assert service_of(lb_algo=scheduler).scheduler == scheduler


@pytest.mark.parametrize(
    ("fields", "persistence", "netmask"),
    [
        ({"persistence_timeout": 300 * SECOND}, 300, 32),
        ({"persistence_timeout": 300 * SECOND, "persistence_granularity": "255.255.255.0"}, 300, 24),
        ({"persistence_granularity": "255.255.0.0"}, 360, 16),
        ({"address": "2001:db8::1", "persistence_granularity": "64"}, 360, 64),
        ({"address": "2001:db8::1", "persistence_timeout": SECOND}, 1, 128),
        ({"persistence_timeout": SECOND, "persistence_granularity": "0.0.0.0"}, 1, 0),
    ],
)
def test_persistence(fields: dict[str, Any], persistence: int, netmask: int) -> None:
    s = service_of(**fields)
    assert (s.persistence, s.netmask) == (persistence, netmask)


def test_a_firewall_mark_has_neither_address_nor_port() -> None:
    v = marked(number=5, port=80, protocol="udp", ops=True)
    assert service_for(v, INET).key == mark(5)
    assert service_for(v, INET6).key == mark(5, INET6)
    assert service_for(v, INET).ops


@pytest.mark.parametrize(
    ("fields", "family"),
    [
        ({}, INET),
        ({"ip_family": "inet"}, INET),
        ({"ip_family": "inet6"}, INET6),
        ({"persistence_granularity": "64"}, INET6),
        ({"persistence_granularity": "255.255.255.0"}, INET),
        ({"ip_family": "inet6", "persistence_granularity": "64"}, INET6),
    ],
)
def test_a_marks_family_is_given_or_that_of_its_granularity_or_of_its_servers(fields: dict[str, Any], family: int) -> None:
    assert service_for(marked(**fields), INET).key == mark(5, family)
    assert service_for(marked(**fields), INET6).key == mark(5, family if fields else INET6)


@pytest.mark.parametrize(
    ("fields", "flags"),
    [
        ({"lb_algo": "sh", "sh_fallback": True}, ("sh-fallback",)),
        ({"lb_algo": "sh", "sh_port": True, "flag_3": True}, ("sh-port", "flag-3")),
        ({"lb_algo": "mh", "mh_fallback": True, "mh_port": True}, ("mh-fallback", "mh-port")),
        ({"lb_algo": "mh", "flag_2": True, "mh_fallback": False}, ("mh-port",)),
        ({"lb_algo": "rr", "flag_1": True}, ("flag-1",)),
    ],
)
def test_a_schedulers_flags_have_its_words(fields: dict[str, Any], flags: tuple[str, ...]) -> None:
    assert service_of(**fields).flag_words == flags


def test_a_persistence_engine_is_for_datagrams() -> None:
    persistent = {"persistence_timeout": 60 * SECOND, "persistence_engine": "sip"}
    assert service_of(protocol="udp", **persistent).engine == "sip"
    assert service_for(marked(**persistent), INET).engine == "sip"


BAD_VIRTUAL = [
    ({"address": None}, "address", "either"),
    ({"fwmark": 5}, "address", "either"),
    ({"group": "g"}, "address", "either"),
    ({"address": None, "group": ""}, "group", "name of a virtual_server_group"),
    ({"address": None, "group": "g", "ha_suspend": True}, "ha_suspend", "none of its own"),
    ({"address": None, "group": "g", "ops": True}, "ops", "udp"),
    ({"address": "10.0.0"}, "address", "'10.0.0'"),
    ({"address": "0.0.0.0"}, "address", "host"),
    ({"address": "224.0.0.18"}, "address", "host"),
    ({"address": "fe80::1%eth0"}, "address", "host"),
    ({"protocol": None}, "protocol", "tcp, udp or sctp"),
    ({"port": 70000}, "port", "65535"),
    ({"port": 0}, "port", "persistence"),
    ({"lb_algo": "random"}, "lb_algo", "wrr"),
    ({"sh_port": True}, "sh_port", "scheduler sh, not wlc"),
    ({"lb_algo": "sh", "mh_fallback": True}, "mh_fallback", "scheduler mh, not sh"),
    ({"protocol": "udp", "persistence_engine": "sip"}, "persistence_engine", "without persistence"),
    ({"persistence_timeout": SECOND, "persistence_engine": "sip"}, "persistence_engine", "udp"),
    ({"protocol": "udp", "persistence_timeout": SECOND, "persistence_engine": "nix"}, "persistence_engine", "sip"),
    ({"ip_family": "inet6"}, "ip_family", "not the family"),
    ({"tunnel": {"type": "gre"}}, "tunnel", "lb_kind tun, not nat"),
    ({"lb_kind": "tun", "tunnel": {"type": "gue"}}, "tunnel.port", "1 to 65535, got 0"),
    ({"lb_kind": "tun", "tunnel": {"type": "gue", "port": 65536}}, "tunnel.port", "1 to 65535"),
    ({"lb_kind": "tun", "tunnel": {"type": "gre", "port": 5}}, "tunnel.port", "gue, not gre"),
    ({"lb_kind": "tun", "tunnel": {"checksum": "csum"}}, "tunnel.checksum", "ipip has no csum; expected none"),
    ({"lb_kind": "tun", "tunnel": {"type": "gre", "checksum": "remcsum"}}, "tunnel.checksum", "csum or nocsum"),
    ({"sorry_server": {"address": "10.0.9.9", "lb_kind": "dr", "tunnel": {}}}, "sorry_server.tunnel", "not dr"),
    ({"weight": 65536}, "weight", "65535"),
    ({"drain_on_removal": 0}, "drain_on_removal", "more than 0 s and at most 86400 s, got 0 s"),
    ({"drain_on_removal": 86_401 * SECOND}, "drain_on_removal", "at most 86400 s"),
    ({"slow_start": 3_601 * SECOND}, "slow_start", "at most 3600 s"),
    ({"panic_threshold": 101}, "panic_threshold", "0 to 100 per cent, got 101"),
    ({"quorum": 0}, "quorum", "1 or more"),
    ({"ops": True}, "ops", "udp"),
    ({"persistence_timeout": 0}, "persistence_timeout", "whole seconds"),
    ({"persistence_timeout": SECOND // 2}, "persistence_timeout", "whole seconds"),
    ({"persistence_granularity": "24"}, "persistence_granularity", "255.255.255.0"),
    ({"persistence_granularity": "0.0.0.255"}, "persistence_granularity", "255.255.255.0"),
    ({"persistence_granularity": "255.0.255.0"}, "persistence_granularity", "255.255.255.0"),
    ({"address": "2001:db8::1", "persistence_granularity": "255.255.255.0"}, "persistence_granularity", "1 to 128"),
    ({"address": "2001:db8::1", "persistence_granularity": "129"}, "persistence_granularity", "1 to 128"),
    ({"sorry_server": {"port": 80}}, "sorry_server.address", "missing"),
    ({"sorry_server": {"address": "nix"}}, "sorry_server.address", "'nix'"),
    ({"sorry_server": {"address": "10.0.9.9", "port": 65536}}, "sorry_server.port", "65535"),
]


@pytest.mark.parametrize(("fields", "field", "text"), BAD_VIRTUAL)
def test_a_bad_virtual_server_is_refused_by_its_field(fields: dict[str, Any], field: str, text: str) -> None:
    value = {"address": "10.0.0.1", "port": 80, "protocol": "tcp"} | fields
    with pytest.raises(InvalidValue, match=text) as caught:
        virtual_server("web", {k: v for k, v in value.items() if v is not None})
    assert caught.value.field == field


def test_a_marks_family_is_that_of_its_granularity() -> None:
    with pytest.raises(InvalidValue, match="1 to 128") as caught:
        marked(ip_family="inet6", persistence_granularity="255.255.255.0")
    assert caught.value.field == "persistence_granularity"


def test_a_firewall_mark_of_zero_is_refused() -> None:
    with pytest.raises(InvalidValue, match="4294967295"):
        virtual_server("m", {"fwmark": 0})


def test_a_mark_takes_either_form_of_granularity_and_nothing_else() -> None:
    assert marked(persistence_granularity="255.255.255.0").netmask == 24
    with pytest.raises(InvalidValue, match="netmask"):
        marked(persistence_granularity="many")


def test_port_zero_works_with_persistence() -> None:
    assert service_of(port=0, persistence_timeout=300 * SECOND).key.port == 0


BAD_REAL = [
    ("web", {}, "", "VIRTUAL_SERVER/NAME"),
    ("/s2", {}, "", "VIRTUAL_SERVER/NAME"),
    ("web/", {}, "", "VIRTUAL_SERVER/NAME"),
    ("web/s2", {}, "address", "missing"),
    ("web/s2", {"address": "::"}, "address", "host"),
    ("web/s2", {"address": "10.0.1.2", "port": 65536}, "port", "65535"),
    ("web/s2", {"address": "10.0.1.2", "weight": 65536}, "weight", "65535"),
    ("web/s2", {"address": "10.0.1.2", "uthreshold": 5, "lthreshold": 6}, "lthreshold", "at most"),
    ("web/s2", {"address": "10.0.1.2", "lthreshold": 6}, "lthreshold", "at most"),
]


@pytest.mark.parametrize(("name", "value", "field", "text"), BAD_REAL)
def test_a_bad_real_server_is_refused_by_its_field(name: str, value: dict[str, Any], field: str, text: str) -> None:
    with pytest.raises(InvalidValue, match=text) as caught:
        real_server(name, value)
    assert caught.value.field == field


def test_a_server_inherits_from_its_virtual_server() -> None:
    member = resolve(virtual(lb_kind="dr", weight=7, inhibit_on_failure=True, alpha=True), real("s2"))
    assert member.destination == server("10.0.1.2", 7, 80, Method.DR)
    assert (member.inhibit, member.alpha, member.checked) == (True, True, True)


def test_a_servers_own_words_win() -> None:
    own = real(
        "s2",
        checked=False,
        port=8080,
        weight=3,
        lb_kind="nat",
        inhibit_on_failure=False,
        alpha=False,
        uthreshold=9,
        lthreshold=4,
    )
    member = resolve(virtual(lb_kind="dr", weight=7, inhibit_on_failure=True, alpha=True), own)
    assert member.destination == Destination(place("10.0.1.2", 8080), Method.NAT, 3, 9, 4)
    assert (member.inhibit, member.alpha, member.checked) == (False, False, False)


@pytest.mark.parametrize("kind", ["dr", "tun"])
def test_only_nat_changes_ports(kind: str) -> None:
    with pytest.raises(InvalidValue, match="expected 80, got 8080") as caught:
        resolve(virtual(lb_kind=kind), real("s2", port=8080))
    assert caught.value.field == "port"


def test_behind_a_mark_a_server_may_have_any_port() -> None:
    assert resolve(marked(lb_kind="dr"), real("s2", of="marked", port=8080)).destination.key.port == 8080
    assert resolve(marked(lb_kind="dr"), real("s2", of="marked")).destination.key.port == 0


def test_only_a_tunnel_changes_the_family() -> None:
    six = real("s2", "2001:db8::2")
    assert resolve(virtual(lb_kind="tun"), six).destination.key.family == INET6
    with pytest.raises(InvalidValue, match="family") as caught:
        resolve(virtual(), six)
    assert caught.value.field == "address"


GUE = {"type": "gue", "port": 6080, "checksum": "remcsum"}


def test_a_tunnel_is_inherited_by_those_who_say_nothing_of_theirs() -> None:
    v = virtual(lb_kind="tun", tunnel=GUE)
    gue = server("10.0.1.2", method=Method.TUN, tunnel=Tunnel.GUE, tunnel_port=6080, tunnel_flags=2)
    assert resolve(v, real("s2")).destination == gue
    assert resolve(v, real("s2", lb_kind="tun")).destination == gue
    gre = server("10.0.1.2", method=Method.TUN, tunnel=Tunnel.GRE, tunnel_flags=1)
    assert resolve(v, real("s2", tunnel={"type": "gre", "checksum": "csum"})).destination == gre
    assert resolve(v, real("s2", lb_kind="dr")).destination == server("10.0.1.2", method=Method.DR)
    assert resolve(virtual(), real("s2", lb_kind="tun")).destination == server("10.0.1.2", method=Method.TUN)
    assert sorry_destination(virtual(lb_kind="tun", sorry_server={"address": "10.0.9.9", "tunnel": GUE})) == server(
        "10.0.9.9", method=Method.TUN, tunnel=Tunnel.GUE, tunnel_port=6080, tunnel_flags=2
    )


def test_a_tunnel_without_tun_is_refused() -> None:
    with pytest.raises(InvalidValue, match="the virtual server's is nat") as caught:
        resolve(virtual(), real("s2", tunnel=GUE))
    assert caught.value.field == "tunnel"


def test_behind_a_mark_of_one_family_a_server_of_the_other_needs_a_tunnel() -> None:
    six = marked(ip_family="inet6")
    assert resolve(six, real("s2", of="marked", lb_kind="tun")).destination.key.family == INET
    with pytest.raises(InvalidValue, match="family") as caught:
        resolve(six, real("s2", of="marked"))
    assert caught.value.field == "address"


def test_a_sorry_server_inherits_port_and_method_and_weighs_one() -> None:
    v = virtual(lb_kind="dr", weight=7, sorry_server={"address": "10.0.9.9"})
    assert sorry_destination(v) == server("10.0.9.9", 1, 80, Method.DR)
    own = virtual(lb_kind="dr", sorry_server={"address": "10.0.9.9", "port": 8080, "lb_kind": "nat"})
    assert sorry_destination(own) == server("10.0.9.9", 1, 8080, Method.NAT)
    assert sorry_destination(virtual()) is None


def test_a_sorry_server_that_does_not_fit_is_refused_by_its_field() -> None:
    with pytest.raises(InvalidValue, match="family") as caught:
        sorry_destination(virtual(sorry_server={"address": "2001:db8::9"}))
    assert caught.value.field == "sorry_server.address"


def test_families_are_told_by_length() -> None:
    assert (family_of(packed("10.0.0.1")), family_of(packed("::1"))) == (INET, INET6)


def test_every_kind_of_check_decides_about_its_server() -> None:
    rows = [
        f for f in server_pb2.RealServer.DESCRIPTOR.fields if f.message_type and f.message_type.name.endswith(("Check", "Get"))
    ]
    checks = {f.name for f in rows}
    assert checks > {"tcp_check", "ssl_get", "grpc_check"}
    assert {c for c in checks if real_server("web/s2", {"address": "10.0.1.2", c: [{}]}).checked} == checks


def test_a_server_with_a_check_of_any_type_is_a_checked_one() -> None:
    assert set(settings.CHECKS) == set(KINDS)
