"""Lines of routes and rules in a keepalived.conf: numbers for names, priorities, what is left out and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cli.keepalived_conf.complaints import Severity
from cli.keepalived_conf.reading import Configuration, read_text
from cli.keepalived_conf.routing import names_of

INSTANCE = "vrrp_instance V {\n interface eth0\n virtual_router_id 5\n virtual_ipaddress {\n 10.0.0.1\n }\n"


def instance(*blocks: str) -> Configuration:
    return read_text(INSTANCE + "\n".join(blocks) + "\n}\n")


def block(keyword: str, *lines: str) -> str:
    return keyword + " {\n" + "\n".join(lines) + "\n}\n"


def value(conf: Configuration, key: str = "config/vrrp_instance/V") -> dict[str, Any]:
    return dict(conf.objects[key])


def test_lines_are_kept_as_they_are() -> None:
    conf = instance(
        block("virtual_routes", "10.1.0.0/16   via 10.0.0.254 dev eth0  table main", "blackhole 10.2.0.0/16"),
        block("virtual_rules", "from 10.1.0.0/16 table 5 priority 100"),
    )
    assert conf.complaints == ()
    assert value(conf)["virtual_routes"] == ["10.1.0.0/16 via 10.0.0.254 dev eth0 table main", "blackhole 10.2.0.0/16"]
    assert value(conf)["virtual_rules"] == ["from 10.1.0.0/16 table 5 priority 100"]


def test_rules_without_a_priority_get_keepaliveds_in_the_order_of_the_file() -> None:
    text = block("static_rules", "from 10.1.0.0/16 table 5", "inet6 table 5") + INSTANCE
    conf = read_text(text + block("virtual_rules", "from 10.2.0.0/16 table 5", "table 6 order 7", "inet6 table 6") + "}\n")
    assert value(conf, "config/static/main")["static_rules"] == [
        "from 10.1.0.0/16 table 5 priority 16384",
        "inet6 table 5 priority 16384",
    ]
    assert value(conf)["virtual_rules"] == [
        "from 10.2.0.0/16 table 5 priority 16383",
        "table 6 order 7",
        "inet6 table 6 priority 16383",
    ]
    assert [c.severity for c in conf.complaints] == [Severity.NOTE] * 4
    assert conf.importable


def test_static_blocks_of_a_file_are_one_object() -> None:
    conf = read_text(
        block("static_routes", "10.1.0.0/16 dev eth0")
        + block("static_ipaddress", "10.0.0.2/24 dev eth1 track_group G", "10.0.0.3/24")
        + block("static_routes", "10.2.0.0/16 dev eth0 track_group G")
        + "track_group G {\n group {\n V\n }\n}\n"
        + INSTANCE
        + "}\n"
    )
    assert conf.complaints == ()
    assert value(conf, "config/static/main") == {
        "static_routes": ["10.1.0.0/16 dev eth0", "10.2.0.0/16 dev eth0 track_group G"],
        "static_ipaddress": [{"address": "10.0.0.2/24", "dev": "eth1", "track_group": "G"}, {"address": "10.0.0.3/24"}],
    }
    assert value(conf, "config/track_group/G") == {"group": ["V"]}


@pytest.mark.parametrize(
    ("kind", "line", "severity", "message"),
    [
        ("virtual_routes", "10.1.0.0/16", Severity.MISTAKE, "virtual_routes: '10.1.0.0/16': leads nowhere"),
        (
            "virtual_routes",
            "10.1.0.0/16 dev eth0 encap seg6 mode encap segs fd00::1",
            Severity.MISTAKE,
            "encap: expected ip, ip6, mpls, ila, got 'seg6'",
        ),
        ("virtual_routes", "10.1.0.0/16 dev eth0 track_group G", Severity.MISTAKE, "track_group is for static entries"),
        ("virtual_rules", "from 10.1.0.0/16", Severity.MISTAKE, "virtual_rules: 'from 10.1.0.0/16': does nothing"),
        ("virtual_rules", "table nosuchtable", Severity.MISTAKE, "got 'nosuchtable'"),
        ("virtual_ipaddress_excluded", "10.0.0.9 track_group G", Severity.MISTAKE, "track_group is for static entries"),
    ],
)
def test_a_line_that_cannot_be_used_is_left_out_and_the_rest_is_used(
    kind: str, line: str, severity: Severity, message: str
) -> None:
    conf = instance(block(kind, line))
    assert [(c.severity, message in c.message) for c in conf.complaints] == [(severity, True)]
    assert value(conf)["virtual_ipaddress"] == [{"address": "10.0.0.1"}]


def test_tunnels_and_vrfs_are_kept_and_what_keepalived_does_not_heed_is_left_out() -> None:
    line = "10.1.0.0/16 encap mpls 5 via 10.0.0.254 ttl-propagate enabled vrf blue"
    conf = instance(block("virtual_routes", line, "10.2.0.0/16 as to 10.0.0.1 dev eth0", "10.3.0.0/16 dev eth0 as 10.0.0.1"))
    assert value(conf)["virtual_routes"] == [line, "10.2.0.0/16 dev eth0", "10.3.0.0/16 dev eth0"]
    assert [(c.severity, "as is for MPLS routes" in c.message) for c in conf.complaints] == [(Severity.MISTAKE, True)] * 2


def test_the_names_of_a_machine_are_numbers_of_its_files(tmp_path: Path) -> None:
    machine, package = tmp_path / "etc", tmp_path / "usr"
    (machine / "rt_tables.d").mkdir(parents=True)
    package.mkdir()
    (machine / "rt_tables").write_text("# names\n254 main\n200 small # a comment\n")
    (machine / "rt_tables.d" / "more.conf").write_text("201 big\n202 small\nrubbish\n")
    (package / "rt_tables").write_text("7 small\n8 tiny\n")
    assert names_of("rt_tables", (machine, package)) == {"main": "254", "small": "200", "big": "201", "tiny": "8"}
    assert names_of("rt_realms", (machine, package)) == {}
