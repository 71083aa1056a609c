"""use_vmac, use_ipvlan and their kin in a keepalived.conf."""

from __future__ import annotations

from typing import Any

import pytest

from cli.keepalived_conf.reading import read_text

INSTANCE = """
vrrp_instance V {
    interface eth0
    virtual_router_id 5
    %s
    virtual_ipaddress {
        10.0.0.1/24 dev eth1 use_vmac
    }
}
"""


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        ("use_vmac", "use_vmac", {}),
        ("use_vmac vip0", "use_vmac", {"name": "vip0"}),
        ("use_vmac name vip0 group 7", "use_vmac", {"name": "vip0", "group": 7}),
        ("use_vmac vip0 02:0:0:0:0", "use_vmac", {"name": "vip0", "mac": "02:0:0:0:0"}),
        ("use_vmac 02:00:00:00:00:05", "use_vmac", {"mac": "02:00:00:00:00:05"}),
        ("use_vmac group", "use_vmac", {"name": "group"}),
        ("vmac_xmit_base", "vmac_xmit_base", True),
        ("use_vmac_addr", "use_vmac_addr", True),
        ("use_ipvlan 10.0.0.5", "use_ipvlan", {"address": "10.0.0.5"}),
        (
            "use_ipvlan ip0 10.0.0.5/24 vepa group 7",
            "use_ipvlan",
            {"name": "ip0", "address": "10.0.0.5/24", "mode": "vepa", "group": 7},
        ),
    ],
)
def test_each_keyword_becomes_a_field(line: str, field: str, value: Any) -> None:
    conf = read_text(INSTANCE % line)
    assert [str(complaint) for complaint in conf.complaints] == []
    assert conf.objects["config/vrrp_instance/V"][field] == value


def test_an_address_and_the_prefixes_have_their_words_too() -> None:
    conf = read_text("global_defs {\n vmac_prefix vm\n vmac_addr_prefix va\n}\n" + INSTANCE % "")
    assert [str(complaint) for complaint in conf.complaints] == []
    assert conf.objects["config/global"] == {"vmac_prefix": "vm", "vmac_addr_prefix": "va"}
    (row,) = conf.objects["config/vrrp_instance/V"]["virtual_ipaddress"]
    assert row == {"address": "10.0.0.1/24", "dev": "eth1", "use_vmac": True}


@pytest.mark.parametrize(
    ("line", "column", "message"),
    [
        ("use_vmac a b", 16, "expected the end of the line, as name is a, got 'b'"),
        ("use_vmac 01:00:00:00:00:05", 14, "01:00:00:00:00:05 is a multicast address"),
        ("use_vmac netlink_notify_msg", 14, "netlink_notify_msg has no effect"),
        ("use_ipvlan bridge vepa 10.0.0.5", 23, "as mode is bridge, got 'vepa'"),
        ("use_ipvlan", 5, "is required for IPv4 adverts"),
    ],
)
def test_what_is_wrong_is_said_at_its_place(line: str, column: int, message: str) -> None:
    (complaint,) = read_text(INSTANCE % line).complaints
    assert (complaint.at.line, complaint.at.column) == (5, column)
    assert message in complaint.message
