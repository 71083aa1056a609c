"""What the keys and values of whole configurations are."""

from __future__ import annotations

import pytest

from cli.keepalived_conf.complaints import Severity
from cli.keepalived_conf.reading import read_conf, read_text
from tests.unit.cli import corpus

DIRECTOR = """
! Configuration File
global_defs {
    notification_email {
        admin@domain.com
        0633225522@domain.com
    }
    notification_email_from keepalived@domain.com
    smtp_server 192.168.200.20
    smtp_connect_timeout 30
    lvs_id LVS_MAIN
}
vrrp_sync_group VG1 { group { VI_1
    VI_2 } }
vrrp_script check { # every two seconds
    script "/usr/bin/check -a 'b c'"
    interval 2
    weight -20
    fall 3 }
bfd_instance far {
    neighbor_ip 192.168.200.1
    source_ip 192.168.200.2
    min_rx 3.312
    min_tx 20
    idle_tx 2000
    multiplier 3
    passive
    ttl 254
    hoplimit 100
    max_hops 2
    multihop
    weight -10 reverse
    vrrp
}
bfd_instance near { neighbour_ip 2001:DB8::1
    weight 0 noreverse }
vrrp_instance VI_1
{
    state MASTER
    interface eth0
    virtual_router_id 51
    priority 150
    advert_int 1
    authentication { auth_type PASS
        auth_pass k@l!ve1
    }
    virtual_ipaddress {
        192.168.200.10
        192.168.200.11/24 dev eth1 label eth1:1 brd + scope link
    }
    track_script { check weight 5 reverse }
    track_bfd { far
        near weight 30 }
    notify_master "/usr/local/bin/up.sh VI_1"
}
vrrp_instance VI_2 {
    interface eth1
    virtual_router_id 52
    advert_int 0.5
    version 3
    virtual_ipaddress { 192.168.100.10
    }
    nopreempt
    preempt
    garp_master_delay 0.25
    smtp_alert off
}
virtual_server 192.168.200.10 80 {
    delay_loop 30
    lb_algo wrr
    lb_kind NAT
    persistence_timeout
    protocol TCP
    sorry_server 192.168.100.100 80
    sorry_server_lvs_method DR
    real_server 192.168.100.2 80 {
        weight 2
        HTTP_GET {
            url {
                path /a
                digest ec90a42b99ea9a2f5ecbe213ac9eba03
            }
            url { path /b
                status_code 200-299 301 }
            connect_timeout 3
            retry 3
            delay_before_retry 2
        }
    }
    real_server 192.168.100.3 {
        TCP_CHECK { }
        MISC_CHECK {
            misc_path "/bin/check 1"
            misc_dynamic
        }
    }
}
virtual_server fwmark 5 {
    lb_algo rr
    lb_kind DR
    real_server 2001:DB8::1 80 {
        weight 0
        SSL_GET { url { path /
            } }
    }
}
"""

EXPECTED = {
    "config/global": {
        "notification_email": ["admin@domain.com", "0633225522@domain.com"],
        "notification_email_from": "keepalived@domain.com",
        "smtp_server": "192.168.200.20",
        "smtp_connect_timeout": "30s",
        "router_id": "LVS_MAIN",
    },
    "config/vrrp_sync_group/VG1": {"group": ["VI_1", "VI_2"]},
    "config/vrrp_script/check": {"script": "/usr/bin/check -a 'b c'", "interval": "2s", "weight": -20, "fall": 3},
    "config/bfd_instance/far": {
        "neighbor_ip": "192.168.200.1",
        "source_ip": "192.168.200.2",
        "min_rx": "0.003312s",
        "min_tx": "0.02s",
        "idle_tx": "2s",
        "multiplier": 3,
        "passive": True,
        "ttl": 254,
        "hoplimit": 100,
        "max_hops": 2,
        "multihop": True,
        "weight": -10,
        "reverse": True,
    },
    "config/bfd_instance/near": {"neighbor_ip": "2001:db8::1", "weight": 0, "reverse": False},
    "config/vrrp_instance/VI_1": {
        "state": "master",
        "interface": "eth0",
        "virtual_router_id": 51,
        "priority": 150,
        "advert_int": "1s",
        "authentication": {"auth_type": "pass", "auth_pass": "k@l"},
        "virtual_ipaddress": [
            {"address": "192.168.200.10"},
            {"address": "192.168.200.11/24", "dev": "eth1", "label": "eth1:1", "brd": "+", "scope": "link"},
        ],
        "track_script": [{"name": "check", "weight": 5, "reverse": True}],
        "track_bfd": [{"name": "far"}, {"name": "near", "weight": 30}],
        "notify_master": "/usr/local/bin/up.sh VI_1",
    },
    "config/vrrp_instance/VI_2": {
        "interface": "eth1",
        "virtual_router_id": 52,
        "advert_int": "0.5s",
        "version": 3,
        "virtual_ipaddress": [{"address": "192.168.100.10"}],
        "nopreempt": True,
        "garp_master_delay": "0.25s",
        "smtp_alert": False,
    },
    "config/virtual_server/tcp-192.168.200.10-80": {
        "address": "192.168.200.10",
        "port": 80,
        "delay_loop": "30s",
        "lb_algo": "wrr",
        "lb_kind": "nat",
        "persistence_timeout": "360s",
        "protocol": "tcp",
        "sorry_server": {"address": "192.168.100.100", "port": 80, "lb_kind": "dr"},
    },
    "config/real_server/tcp-192.168.200.10-80/192.168.100.2-80": {
        "address": "192.168.100.2",
        "port": 80,
        "weight": 2,
        "http_get": [
            {
                "url": [
                    {"path": "/a", "digest": "ec90a42b99ea9a2f5ecbe213ac9eba03"},
                    {"path": "/b", "status_code": "200-299 301"},
                ],
                "connect_timeout": "3s",
                "retry": 3,
                "delay_before_retry": "2s",
            }
        ],
    },
    "config/real_server/tcp-192.168.200.10-80/192.168.100.3-80": {
        "address": "192.168.100.3",
        "port": 80,
        "tcp_check": [{}],
        "misc_check": [{"misc_path": "/bin/check 1", "misc_dynamic": True}],
    },
    "config/virtual_server/fwmark-5-inet6": {"fwmark": 5, "lb_algo": "rr", "lb_kind": "dr"},
    "config/real_server/fwmark-5-inet6/2001:db8::1-80": {
        "address": "2001:db8::1",
        "port": 80,
        "weight": 0,
        "ssl_get": [{"url": [{"path": "/"}]}],
    },
}


def test_a_director_becomes_exactly_these_keys() -> None:
    conf = read_text(DIRECTOR)
    assert dict(conf.objects) == EXPECTED
    assert (conf.complaints, conf.exit_status) == ((), 0)


def instance(more: str) -> str:
    return f"vrrp_instance V {{\ninterface eth0\nvirtual_router_id 5\nvirtual_ipaddress {{\n10.0.0.1\n}}\n{more}\n}}\n"


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("/bin/x", "/bin/x"),
        ('"/bin/x a b"', "/bin/x a b"),
        ("'/bin/x a  b'", "/bin/x a b"),
        ('"/bin/x \'a b\' \\"c d\\""', "/bin/x 'a b' 'c d'"),
        (r'"/bin/x \x41\102 \\ \cA"', "/bin/x AB '\\' '\x01'"),
        ("\"/bin/x ''\"", "/bin/x ''"),
        (r'"/bin/x a\tb"', "/bin/x 'a\tb'"),
    ],
)
def test_commands_are_kept_as_a_shell_would_split_them(written: str, kept: str) -> None:
    conf = read_text(instance(f"notify {written}"))
    assert conf.complaints == ()
    assert conf.objects["config/vrrp_instance/V"]["notify"] == kept


URL = """virtual_server 10.0.0.1 80 {
protocol TCP
lb_algo rr
lb_kind NAT
real_server 10.0.0.2 80 {
SSL_GET {
url {
path /
%s
}
}
}
}"""


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("regex hello", "hello"),
        ("regex 'hello there'", "hello there"),
        (r'regex "a\\d+\\.b"', r"a\d+\.b"),
        (r'regex "a\x41\102\n"', "aAB\n"),
        (r'regex "h\xe9\351 \\x{ac}"', r"h\xe9\xe9 \x{ac}"),
        ('regex "é"', "é"),
        ('regex "it\'s #1!"', "it's #1!"),
    ],
)
def test_a_pattern_is_read_as_keepalived_reads_it(written: str, kept: str) -> None:
    conf = read_text(URL % written)
    assert conf.complaints == ()
    assert conf.objects["config/real_server/tcp-10.0.0.1-80/10.0.0.2-80"]["ssl_get"] == [
        {"url": [{"path": "/", "regex": kept}]}
    ]


def test_the_last_ssl_block_is_the_checkers_certificate() -> None:
    conf = read_text("SSL {\ncertificate /a\nkey /b\n}\nSSL {\ncertificate /c\npassword x\n}\n")
    assert conf.complaints == ()
    assert dict(conf.objects) == {"config/global": {"ssl": {"certificate": "/c", "password": "x"}}}


def test_all_words_about_a_pattern_are_kept() -> None:
    words = (
        "regex a+\nregex_no_match\nregex_options caseless utf\nregex_options multiline\nregex_min_offset 3\nregex_max_offset 9"
    )
    conf = read_text(URL % (words + "\ntls_compliant off"))
    assert conf.complaints == ()
    assert conf.objects["config/real_server/tcp-10.0.0.1-80/10.0.0.2-80"]["ssl_get"][0]["url"][0] == {
        "path": "/",
        "regex": "a+",
        "regex_no_match": True,
        "regex_options": ["caseless", "utf", "multiline"],
        "regex_min_offset": 3,
        "regex_max_offset": 9,
        "tls_compliant": False,
    }


def test_blocks_and_lists_given_again_add_up() -> None:
    conf = read_text(
        "global_defs {\nrouter_id a\nnotification_email { a@b }\n}\nglobal_defs {\nnotification_email { c@d }\n"
        "notification_email { e@f }\n}\n" + instance("virtual_ipaddress {\n10.0.0.2\n}\nvirtual_ipaddress {\n10.0.0.300\n}")
    )
    assert conf.objects["config/global"] == {"router_id": "a", "notification_email": ["c@d", "e@f"]}
    assert [row["address"] for row in conf.objects["config/vrrp_instance/V"]["virtual_ipaddress"]] == ["10.0.0.1", "10.0.0.2"]
    assert [(c.at.line, c.at.column) for c in conf.complaints] == [(19, 1)]


def test_a_virtual_server_without_protocol_is_udp_as_for_keepalived() -> None:
    conf = read_text("virtual_server 10.0.0.1 53 {\nlb_algo rr\nlb_kind NAT\nreal_server 10.0.0.2 53 {\n}\n}")
    assert list(conf.objects) == ["config/virtual_server/udp-10.0.0.1-53", "config/real_server/udp-10.0.0.1-53/10.0.0.2-53"]
    assert [c.severity for c in conf.complaints] == [Severity.NOTE]


def test_port_zero_gets_persistence_as_for_keepalived() -> None:
    conf = read_text("virtual_server 10.0.0.1 {\nprotocol TCP\nlb_algo rr\nlb_kind DR\nreal_server 10.0.0.2 {\n}\n}")
    assert conf.objects["config/virtual_server/tcp-10.0.0.1-0"]["persistence_timeout"] == "360s"
    assert "config/real_server/tcp-10.0.0.1-0/10.0.0.2-0" in conf.objects


@pytest.mark.parametrize(("written", "kept"), [("omega", True), ("omega true", True), ("omega off", False)])
def test_omega_is_taken_over(written: str, kept: bool) -> None:
    conf = read_text(
        f"virtual_server 10.0.0.1 53 {{\nprotocol UDP\nlb_algo rr\nlb_kind NAT\n{written}\nreal_server 10.0.0.2 53 {{\n}}\n}}"
    )
    assert (conf.objects["config/virtual_server/udp-10.0.0.1-53"]["omega"], conf.complaints) == (kept, ())


def test_what_is_given_twice_keeps_its_first_value_and_is_a_mistake() -> None:
    text = instance("priority 1") + instance("priority 2")
    conf = read_text(text)
    assert conf.objects["config/vrrp_instance/V"]["priority"] == 1
    [complaint] = conf.complaints
    assert (complaint.at.line, complaint.at.column, complaint.severity) == (9, 15, Severity.MISTAKE)


def test_a_keyword_given_again_counts_last_and_is_noted() -> None:
    conf = read_text(instance("priority 1\npriority 2"))
    assert conf.objects["config/vrrp_instance/V"]["priority"] == 2
    assert [(c.at.line, c.severity) for c in conf.complaints] == [(8, Severity.NOTE)]


def test_a_refused_file_gives_no_objects_at_all() -> None:
    conf = read_text(instance("priority"))
    assert (dict(conf.objects), conf.exit_status) == ({}, 4)


def test_a_virtual_server_that_cannot_be_used_takes_its_real_servers_along() -> None:
    conf = read_text(
        "virtual_server 10.0.0.1 80 {\nprotocol TCP\nlb_algo rr\nlb_kind NAT\nsorry_server 2001:db8::1 80\n"
        "real_server 10.0.0.2 80 {\n}\n}"
    )
    assert dict(conf.objects) == {}
    assert conf.exit_status == 5


@corpus.needed
def test_the_seeds_that_are_wholly_supported_have_nothing_to_complain_about() -> None:
    clean = {file.name for file in corpus.SEEDS if not read_conf(str(file), "n").complaints}
    assert clean == {
        "blog-backup.conf",
        "blog-dual-node1.conf",
        "blog-dual-node2.conf",
        "blog-master.conf",
        "blog-nginx-script.conf",
        "guide-healthcheck.conf",
        "guide-mixed-director1.conf",
        "guide-mixed-director2.conf",
        "guide-sslget.conf",
        "guide-vmac-notify.conf",
        "guide-vmac.conf",
    }


@corpus.needed
def test_the_first_director_of_the_guide() -> None:
    objects = read_conf(str(corpus.FOLDER / "seeds" / "guide-mixed-director1.conf"), "director1").objects
    assert sorted(objects) == [
        "config/global",
        "config/real_server/tcp-192.168.200.10-80/192.168.100.2-80",
        "config/real_server/tcp-192.168.200.10-80/192.168.100.3-80",
        "config/real_server/tcp-192.168.200.12-443/192.168.100.2-443",
        "config/real_server/tcp-192.168.200.12-443/192.168.100.3-443",
        "config/virtual_server/tcp-192.168.200.10-80",
        "config/virtual_server/tcp-192.168.200.12-443",
        "config/vrrp_instance/VI_1",
        "config/vrrp_instance/VI_2",
        "config/vrrp_instance/VI_3",
        "config/vrrp_instance/VI_4",
        "config/vrrp_sync_group/VG1",
        "config/vrrp_sync_group/VG2",
    ]
    assert objects["config/vrrp_instance/VI_3"] == {
        "state": "backup",
        "interface": "eth0",
        "virtual_router_id": 53,
        "priority": 100,
        "advert_int": "1s",
        "authentication": {"auth_type": "pass", "auth_pass": "k@l"},  # keepalived takes the rest for a comment too
        "virtual_ipaddress": [{"address": "192.168.200.12"}, {"address": "192.168.200.13"}],
    }
    assert objects["config/real_server/tcp-192.168.200.10-80/192.168.100.3-80"] == {
        "address": "192.168.100.3",
        "port": 80,
        "weight": 1,
        "http_get": [
            {
                "url": [{"path": "/testurl/test.jsp", "digest": "640205b7b0fc66c1ea91c463fac6334c"}],
                "connect_timeout": "3s",
                "retry": 3,
                "delay_before_retry": "2s",
            }
        ],
    }


WIRE = """
global_defs {
    vrrp_mcast_group6 ff02::99
    vrrp_check_unicast_src
    v3_checksum_as_v2
}
vrrp_instance V {
    interface eth0
    virtual_router_id 5
    native_ipv6
    unicast_src_ip 2001:db8::2
    unicast_peer {
        2001:DB8::3 min_ttl 254 max_ttl 255
        fe80::4
    }
    unicast_ttl 254
    check_unicast_src
    unicast_fault_no_peer
    old_unicast_checksum never
    v3_checksum_as_v2 off
    virtual_ipaddress {
        2001:DB8::10/64 -nodad home mngtmpaddr noprefixroute autojoin no_track preferred_lft forever
    }
    virtual_ipaddress_excluded {
        10.0.0.1 peer 10.0.0.2/30 preferred_lft 60
    }
}
vrrp_instance W {
    interface eth0
    virtual_router_id 6
    unicast_peer {
        10.0.0.9
    }
    old_unicast_checksum
    virtual_ipaddress {
        10.0.0.3
    }
}
"""


def test_unicast_ipv6_checksums_and_the_attributes_of_addresses() -> None:
    conf = read_text(WIRE)
    assert list(conf.complaints) == []
    assert conf.objects == {
        "config/global": {"vrrp_mcast_group6": "ff02::99", "vrrp_check_unicast_src": True, "v3_checksum_as_v2": True},
        "config/vrrp_instance/V": {
            "interface": "eth0",
            "virtual_router_id": 5,
            "native_ipv6": True,
            "unicast_src_ip": "2001:db8::2",
            "unicast_peer": [{"address": "2001:db8::3", "min_ttl": 254, "max_ttl": 255}, {"address": "fe80::4"}],
            "unicast_ttl": 254,
            "check_unicast_src": True,
            "unicast_fault_no_peer": True,
            "old_unicast_checksum": "never",
            "v3_checksum_as_v2": False,
            "virtual_ipaddress": [
                {
                    "address": "2001:db8::10/64",
                    "dad": True,
                    "home": True,
                    "mngtmpaddr": True,
                    "noprefixroute": True,
                    "autojoin": True,
                    "no_track": True,
                    "preferred_lft": "forever",
                }
            ],
            "virtual_ipaddress_excluded": [{"address": "10.0.0.1", "peer": "10.0.0.2/30", "preferred_lft": "60"}],
        },
        "config/vrrp_instance/W": {
            "interface": "eth0",
            "virtual_router_id": 6,
            "unicast_peer": [{"address": "10.0.0.9"}],
            "old_unicast_checksum": "always",
            "virtual_ipaddress": [{"address": "10.0.0.3"}],
        },
    }


def test_what_is_tracked_with_all_its_keywords() -> None:
    conf = read_text(
        """
vrrp_script s {
    script /bin/true
    weight -10 reverse
}
track_file load {
    file "/run/my load"
    weight 254 reverse
    init_file 7 overwrite
}
track_file plain {
    file /run/plain
    weight 0
    init_file
}
vrrp_track_process web {
    process "/usr/sbin/my web" -g "daemon off;"
    param_match partial
    full_command
    weight -254 noreverse
    quorum 2
    quorum_max 10
    delay 1.5
    fork_delay 0.25
    terminate_delay 2
}
vrrp_sync_group G {
    group {
        V
    }
    global_tracking
    track_interface {
        eth1
    }
    track_script {
        s weight 254
    }
    track_file {
        load weight -254 reverse
        plain
    }
    track_process {
        web
    }
}
"""
        + instance("track_file {\nload weight 1 noreverse\n}\ntrack_process {\nweb weight 0\n}")
    )
    assert conf.objects["config/vrrp_script/s"] == {"script": "/bin/true", "weight": -10, "reverse": True}
    assert conf.objects["config/track_file/load"] == {
        "file": "/run/my load",
        "weight": 254,
        "reverse": True,
        "init_file": {"value": 7, "overwrite": True},
    }
    assert conf.objects["config/track_file/plain"] == {"file": "/run/plain", "weight": 0, "init_file": {}}
    assert conf.objects["config/vrrp_track_process/web"] == {
        "process": ["/usr/sbin/my web", "-g", "daemon off;"],
        "param_match": "partial",
        "full_command": True,
        "weight": -254,
        "reverse": False,
        "quorum": 2,
        "quorum_max": 10,
        "delay": "1.5s",
        "fork_delay": "0.25s",
        "terminate_delay": "2s",
    }
    assert conf.objects["config/vrrp_sync_group/G"] == {
        "group": ["V"],
        "sync_group_tracking_weight": True,
        "track_interface": [{"name": "eth1"}],
        "track_script": [{"name": "s", "weight": 253}],
        "track_file": [{"name": "load", "weight": -254, "reverse": True}, {"name": "plain"}],
        "track_process": [{"name": "web"}],
    }
    instance_rows = conf.objects["config/vrrp_instance/V"]
    assert instance_rows["track_file"] == [{"name": "load", "weight": 1, "reverse": False}]
    assert instance_rows["track_process"] == [{"name": "web", "weight": 0}]
    assert [c.message for c in conf.complaints] == [
        "global_tracking is deprecated; expected sync_group_tracking_weight",
        "track_script weight: 254 counts as 253",
    ]


def test_numbers_of_init_file() -> None:
    conf = read_text("track_file a {\nfile /a\ninit_file 300\n}\ntrack_file b {\nfile /b\ninit_file x\n}")
    assert conf.objects["config/track_file/a"]["init_file"] == {"value": 300}
    assert [(c.at.line, c.severity) for c in conf.complaints] == [(3, Severity.NOTE), (7, Severity.MISTAKE)]
