"""What a keepalived.conf says of IPVS becomes the fields that the kernel's attributes are made of, or a complaint."""

from __future__ import annotations

from typing import Any

import pytest

from cli.keepalived_conf.complaints import Severity
from cli.keepalived_conf.reading import Configuration, read_text

NAME = "config/virtual_server/udp-10.0.0.1-53"


def conf(lines: str, real: str = "", head: str = "10.0.0.1 53", protocol: str = "UDP") -> Configuration:
    return read_text(
        f"virtual_server {head} {{\n{f'protocol {protocol}' if protocol else ''}\n{lines}\n"
        f"real_server 10.0.0.2 53 {{\n{real}\n}}\n}}\n"
    )


def fields(lines: str, **more: str) -> dict[str, Any]:
    found = conf(lines, **more)
    assert found.complaints == ()
    (value,) = (v for k, v in found.objects.items() if k.startswith("config/virtual_server/"))
    return {k: v for k, v in value.items() if k not in ("address", "port", "protocol", "fwmark")}


RR = "lvs_sched rr\nlvs_method NAT\n"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("lvs_sched twos\nlvs_method NAT", {"lb_algo": "twos", "lb_kind": "nat"}),
        (
            "lvs_sched sh\nsh-port\nsh-fallback\nflag-3\nlvs_method NAT",
            {"lb_algo": "sh", "lb_kind": "nat", "sh_port": True, "sh_fallback": True, "flag_3": True},
        ),
        (
            "lb_algo mh\nmh-port\nmh-fallback\nlvs_method NAT",
            {"lb_algo": "mh", "lb_kind": "nat", "mh_port": True, "mh_fallback": True},
        ),
        (
            f"{RR}flag-1\nflag-2\nops",
            {"lb_algo": "rr", "lb_kind": "nat", "flag_1": True, "flag_2": True, "ops": True},
        ),
        (
            f"{RR}persistence_engine sip\npersistence_timeout 60",
            {"lb_algo": "rr", "lb_kind": "nat", "persistence_engine": "sip", "persistence_timeout": "60s"},
        ),
        ("lvs_sched rr\nlvs_method TUN type ipip", {"lb_algo": "rr", "lb_kind": "tun", "tunnel": {"type": "ipip"}}),
        (
            "lvs_sched rr\nlvs_method TUN type gue port 6080 remcsum",
            {"lb_algo": "rr", "lb_kind": "tun", "tunnel": {"type": "gue", "port": 6080, "checksum": "remcsum"}},
        ),
        (
            "lvs_sched rr\nlvs_method TUN type gre csum",
            {"lb_algo": "rr", "lb_kind": "tun", "tunnel": {"type": "gre", "checksum": "csum"}},
        ),
    ],
)
def test_keywords_become_fields(lines: str, expected: dict[str, Any]) -> None:
    assert fields(lines) == expected


def test_a_server_that_says_tun_alone_does_not_inherit_another_tunnel() -> None:
    found = conf(
        "lvs_sched rr\nlvs_method TUN type gre\nsorry_server 10.0.0.9 53\nsorry_server_lvs_method TUN", "lvs_method TUN"
    )
    assert found.objects[NAME]["sorry_server"]["tunnel"] == {"type": "ipip"}
    real = found.objects["config/real_server/udp-10.0.0.1-53/10.0.0.2-53"]
    assert (real["lb_kind"], real["tunnel"]) == ("tun", {"type": "ipip"})


@pytest.mark.parametrize(
    ("lines", "message", "lost"),
    [
        ("lvs_sched rr\nlvs_method TUN type gue", "lvs_method: expected port NUMBER for gue; it counts as TUN alone", "tunnel"),
        ("lvs_sched rr\nlvs_method TUN type vxlan", "lvs_method: expected ipip or gue or gre, got 'vxlan'", "tunnel"),
        ("lvs_sched rr\nlvs_method TUN type gue port 0", "expected a port from 1 to 65535, got '0'", "tunnel"),
        ("lvs_sched rr\nlvs_method TUN sum", "expected type {ipip|gue|gre}, port NUMBER or nocsum|csum|remcsum", "tunnel"),
        ("lvs_sched rr\nlvs_method TUN type gre port 5", "a port is for gue, not gre; it counts as TUN alone", "tunnel"),
        ("lvs_sched rr\nlvs_method TUN csum", "ipip has no csum; it counts as TUN alone", "tunnel"),
        ("lvs_sched rr\nlvs_method TUN type gre remcsum", "gre has no remcsum; it counts as TUN alone", "tunnel"),
        (f"sh-port\n{RR.replace('rr', 'sh')}", "sh-port: expected lvs_sched sh before it; left out", "sh_port"),
        (f"{RR}mh-fallback", "mh-fallback: expected lvs_sched mh before it; left out", "mh_fallback"),
        (f"{RR}persistence_engine sip", "'sip' has no effect without persistence_timeout; left out", "persistence_engine"),
        (f"{RR}persistence_engine rtp", "persistence_engine: expected one of sip, got 'rtp'", "persistence_engine"),
    ],
)
def test_what_does_not_fit_is_left_out_by_itself(lines: str, message: str, lost: str) -> None:
    found = conf(lines)
    assert [c.severity for c in found.complaints if message in c.message] == [Severity.MISTAKE], found.complaints
    assert lost not in found.objects[NAME]
    assert ("tun" in found.objects[NAME].values()) == (lost == "tunnel")


@pytest.mark.parametrize("line", ["ops", "persistence_timeout 60\npersistence_engine sip"])
def test_what_is_for_datagrams_is_left_out_of_tcp(line: str) -> None:
    found = conf(RR + line, protocol="TCP")
    (complaint,) = found.complaints
    assert (complaint.severity, "expected protocol UDP or fwmark; left out" in complaint.message) == (Severity.MISTAKE, True)
    assert {"ops", "persistence_engine"}.isdisjoint(found.objects[NAME.replace("udp", "tcp")])


def test_a_port_that_only_nat_could_change_is_that_of_the_virtual_server() -> None:
    found = read_text(
        "virtual_server 10.0.0.1 53 {\nprotocol UDP\nlvs_sched rr\nlvs_method DR\n"
        "real_server 10.0.0.2 5353 {\n}\nreal_server 10.0.0.3 5353 {\nlvs_method NAT\n}\n}\n"
    )
    assert [(c.at.line, c.severity, c.message) for c in found.complaints] == [
        (5, Severity.MISTAKE, "real_server: only NAT changes the port; 53 is used")
    ]
    assert {k.split("/")[-1]: v["port"] for k, v in found.objects.items()} == {
        "udp-10.0.0.1-53": 53, "10.0.0.2-5353": 53, "10.0.0.3-5353": 5353,
    }  # fmt: skip


def test_words_without_effect_are_notes() -> None:
    found = conf(f"{RR}hashed\nip_family inet")
    assert {c.severity for c in found.complaints} == {Severity.NOTE}
    assert {"hashed", "ip_family"}.isdisjoint(found.objects[NAME])


@pytest.mark.parametrize(
    ("lines", "real", "name"),
    [
        ("", "10.0.0.2", "fwmark-5"),
        ("", "2001:db8::2", "fwmark-5-inet6"),
        ("ip_family inet6\n", "10.0.0.2", "fwmark-5-inet6"),
        ("ip_family inet\n", "2001:db8::2", "fwmark-5"),
        ("persistence_granularity 64\n", "10.0.0.2", "fwmark-5-inet6"),
        ("persistence_granularity 255.255.255.0\n", "2001:db8::2", "fwmark-5"),
    ],
)
def test_one_mark_may_have_a_virtual_server_of_each_family(lines: str, real: str, name: str) -> None:
    found = read_text(f"virtual_server fwmark 5 {{\nlvs_sched rr\nlvs_method TUN\n{lines}real_server {real} {{\n}}\n}}\n")
    assert [key.split("/")[2] for key in found.objects] == [name, name]


# --- groups ---


GROUP = """
virtual_server_group web {
    10.0.0.1-20 80
    10.0.1.0/29 80
    2001:db8::1-ff 80
    fwmark 5
    fwmark 6 inet6
}
virtual_server group web {
    protocol TCP
    lvs_sched rr
    lvs_method TUN
    real_server 10.0.2.2 80 {
    }
    real_server 10.0.2.3 {
    }
}
"""


def test_a_group_keeps_its_ranges_and_marks() -> None:
    found = read_text(GROUP)
    assert found.complaints == ()
    assert dict(found.objects) == {
        "config/virtual_server_group/web": {
            "address": [
                {"address": "10.0.0.1-20", "port": 80},
                {"address": "10.0.1.0/29", "port": 80},
                {"address": "2001:db8::1-ff", "port": 80},
            ],
            "fwmark": [{"fwmark": 5}, {"fwmark": 6, "ip_family": "inet6"}],
        },
        "config/virtual_server/group-web-tcp": {"group": "web", "protocol": "tcp", "lb_algo": "rr", "lb_kind": "tun"},
        "config/real_server/group-web-tcp/10.0.2.2-80": {"address": "10.0.2.2", "port": 80},
        "config/real_server/group-web-tcp/10.0.2.3": {"address": "10.0.2.3"},
    }


@pytest.mark.parametrize(
    ("line", "severity", "message"),
    [
        ("10.0.0.300 80", Severity.MISTAKE, "expected an IPv4 or IPv6 address, got '10.0.0.300'"),
        ("10.0.0.5-4 80", Severity.MISTAKE, "expected a range from 10.0.0.5 upwards, got 10.0.0.5-4"),
        ("10.0.0.5 99999", Severity.MISTAKE, "expected a port from 0 to 65535, got '99999'"),
        ("10.0.0.5 80 81", Severity.NOTE, "'81' is ignored"),
        ("fwmark", Severity.MISTAKE, "fwmark: expected a number from 1 to 4294967295"),
        ("fwmark 5 inet4", Severity.MISTAKE, "fwmark: expected inet or inet6, got 'inet4'"),
        ("10.1.0.0/16 80", Severity.MISTAKE, "the group would have 65813 services; at most 4096"),
        ("10.0.0.6", Severity.NOTE, "port 0 needs persistence: 360 s is used"),
        ("10.0.0.6 0", Severity.NOTE, "port 0 needs persistence: 360 s is used"),
    ],
)
def test_what_is_wrong_in_a_group_is_said(line: str, severity: Severity, message: str) -> None:
    found = read_text(GROUP.replace("10.0.1.0/29 80", line))
    assert [c.severity for c in found.complaints if message in c.message] == [severity], found.complaints


def test_a_group_may_stand_below_its_virtual_server_and_without_a_name_is_refused() -> None:
    head, _, rest = GROUP.partition("virtual_server group")
    assert read_text(f"virtual_server group{rest}{head}").complaints == ()
    assert read_text(GROUP.replace("virtual_server_group web", "virtual_server_group")).exit_status == 4
    (first, *_) = read_text(GROUP.replace("virtual_server_group web", "virtual_server_group a/b")).complaints
    assert "expected a name without a slash" in first.message


def test_a_group_has_no_address_for_ha_suspend() -> None:
    found = read_text(GROUP.replace("protocol TCP", "protocol TCP\nha_suspend"))
    assert [(c.severity, "ha_suspend" in c.message) for c in found.complaints] == [(Severity.UNSUPPORTED, True)]


# --- the table as a whole ---


def global_defs(line: str) -> Configuration:
    return read_text(f"global_defs {{\n{line}\n}}\n")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("lvs_flush", {"lvs_flush": True}),
        ("lvs_flush_on_stop", {"lvs_flush_on_stop": "all"}),
        ("lvs_flush_on_stop VS", {"lvs_flush_on_stop": "vs"}),
        ("lvs_timeouts tcp 60 udp 5", {"lvs_timeouts": {"tcp": "60s", "udp": "5s"}}),
        ("lvs_timeouts tcpfin 7", {"lvs_timeouts": {"tcpfin": "7s"}}),
        ("lvs_sync_daemon eth0", {"lvs_sync_daemon": {"interface": "eth0"}}),
        ("lvs_sync_daemon eth0 VI_1 id 5", {"lvs_sync_daemon": {"interface": "eth0", "vrrp_instance": "VI_1", "id": 5}}),
        (
            "lvs_sync_daemon eth0 id 0 inst VI_1 maxlen 1400 port 9000 ttl 3 group 224.0.0.99",
            {
                "lvs_sync_daemon": {
                    "interface": "eth0", "id": 0, "vrrp_instance": "VI_1", "maxlen": 1400, "port": 9000, "ttl": 3,
                    "group": "224.0.0.99",
                }
            },
        ),
    ],
)  # fmt: skip
def test_global_keywords_become_fields(line: str, expected: dict[str, Any]) -> None:
    found = global_defs(line)
    assert (found.complaints, found.objects["config/global"]) == ((), expected)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("lvs_timeouts tcp 0", "lvs_timeouts tcp: expected 1 to 2678400 seconds, got '0'"),
        ("lvs_timeouts tcp 5 udp", "lvs_timeouts udp: expected 1 to 2678400 seconds, got 'udp'"),
        ("lvs_timeouts sctp 5", "lvs_timeouts: expected tcp, tcpfin or udp, got 'sctp'"),
        ("lvs_flush_on_stop RS", "'RS' is ignored; expected VS, or nothing"),
        ("lvs_flush_onstop VS", "lvs_flush_onstop is deprecated; expected lvs_flush_on_stop"),
        ("lvs_sync_daemon eth0eth0eth0eth0", "expected an interface name of 1 to 15 bytes"),
        ("lvs_sync_daemon eth0 id 256", "lvs_sync_daemon id: expected a number from 0 to 255, got '256'"),
        ("lvs_sync_daemon eth0 VI_1 VI_2", "expected inst, id, maxlen, port, ttl or group with a value, got 'VI_2'"),
        ("lvs_sync_daemon eth0 group 10.0.0.1", "lvs_sync_daemon group: expected a multicast address, got '10.0.0.1'"),
        ("lvs_sync_daemon eth0 group", "expected inst, id, maxlen, port, ttl or group with a value, got 'group'"),
    ],
)
def test_what_is_wrong_of_the_global_keywords_is_said(line: str, message: str) -> None:
    assert [c for c in global_defs(line).complaints if message in c.message] != []


INSTANCE = (
    "vrrp_instance %s {\ninterface eth0\nvirtual_router_id %d\nlvs_sync_daemon_interface eth1\nvirtual_ipaddress {\n%s\n}\n}\n"
)


def test_the_old_keyword_of_an_instance_becomes_the_global_one_that_follows_it() -> None:
    found = read_text(INSTANCE % ("VI_1", 51, "10.0.0.1"))
    assert found.objects["config/global"] == {"lvs_sync_daemon": {"interface": "eth1", "vrrp_instance": "VI_1"}}
    assert [(c.at.line, c.severity) for c in found.complaints] == [(4, Severity.NOTE)]


def test_there_is_one_sync_daemon_whoever_asks_for_it() -> None:
    two = read_text(INSTANCE % ("VI_1", 51, "10.0.0.1") + INSTANCE % ("VI_2", 52, "10.0.0.2"))
    assert two.objects["config/global"]["lvs_sync_daemon"]["vrrp_instance"] == "VI_1"
    assert [c.at.line for c in two.complaints if "there is a sync daemon already (line 4)" in c.message] == [12]
