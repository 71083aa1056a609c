"""Checks of a keepalived.conf as keys: what their blocks stand for."""

from __future__ import annotations

from typing import Any

import pytest

from cli.keepalived_conf.complaints import Severity
from cli.keepalived_conf.reading import read_text

FILE = "track_file load {\n file /run/load\n}\n"


def conf(checks: str, before: str = "", after: str = "") -> Any:
    service = "virtual_server 10.0.0.1 53 {\nlb_algo rr\nlb_kind NAT\nprotocol UDP\nreal_server 10.0.0.2 53 {\n%s\n}\n}\n"
    return read_text(before + service % checks + after)


def server(found: Any) -> dict[str, Any]:
    value: dict[str, Any] = found.objects["config/real_server/udp-10.0.0.1-53/10.0.0.2-53"]
    return {field: part for field, part in value.items() if field not in ("address", "port")}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("DNS_CHECK {\n}", {"dns_check": [{}]}),
        ("DNS_CHECK {\ntype aaaa\nname www.example.com.\n}", {"dns_check": [{"type": "AAAA", "name": "www.example.com."}]}),
        ("UDP_CHECK {\n}", {"udp_check": [{}]}),
        ("UDP_CHECK {\npayload Ab12f 3 456\n}", {"udp_check": [{"payload": "Ab12f 3 456"}]}),
        ('UDP_CHECK {\npayload "61 62" 63\n}', {"udp_check": [{"payload": "61 62 63"}]}),
        ("UDP_CHECK {\nrequire_reply\n}", {"udp_check": [{"require_reply": ""}]}),
        (
            "UDP_CHECK {\nrequire_reply 6x X1\nmin_reply_length 2\nmax_reply_length 9\n}",
            {"udp_check": [{"require_reply": "6x X1", "min_reply_length": 2, "max_reply_length": 9}]},
        ),
        ("PING_CHECK {\nconnect_timeout 2\nbind_if eth0\n}", {"ping_check": [{"connect_timeout": "2s", "bind_if": "eth0"}]}),
        ("SMTP_CHECK {\nhelo_name lb.example\n}", {"smtp_check": [{"helo_name": "lb.example"}]}),
        (
            "TCP_CHECK {\nalpha\nlog_all_failures on\n}\nMISC_CHECK {\nmisc_path /bin/x\nalpha off\n}",
            {"tcp_check": [{"alpha": True, "log_all_failures": True}], "misc_check": [{"misc_path": "/bin/x", "alpha": False}]},
        ),
    ],
)
def test_each_type_is_imported(text: str, value: dict[str, Any]) -> None:
    found = conf(text)
    assert found.complaints == ()
    assert server(found) == value


@pytest.mark.parametrize(
    ("text", "checks"),
    [
        # As keepalived 2.2.7 lists its checkers: hosts share what is no connection; what is around them counts if it has one.
        ("helo_name a\nretry 7\nhost {\nconnect_port 26\n}", [{"helo_name": "a", "retry": 7, "connect_port": 26}]),
        (
            "connect_port 25\nhost {\nconnect_port 26\n}\nhelo_name a",
            [{"helo_name": "a", "connect_port": 25}, {"helo_name": "a", "connect_port": 26}],
        ),
        ("connect_timeout 3\nhost {\nconnect_port 26\n}", [{"connect_timeout": "3s"}, {"connect_port": 26}]),
        ("host {\nconnect_port 26\n}\nhost {\nconnect_ip 10.0.0.3\n}", [{"connect_port": 26}, {"connect_ip": "10.0.0.3"}]),
        ("host {\n}", [{}]),
    ],
)
def test_each_host_of_a_mail_check_is_a_check(text: str, checks: list[dict[str, Any]]) -> None:
    assert server(conf(f"SMTP_CHECK {{\n{text}\n}}")) == {"smtp_check": checks}


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ("", {}),
        ("weight 300", {"weight": 300}),
        ("weight -2147483647 reverse", {"weight": -2147483647, "reverse": True}),
        ("weight 1 noreverse", {"weight": 1, "reverse": False}),
    ],
)
def test_the_weight_of_a_file_is_imported(line: str, fields: dict[str, Any]) -> None:
    found = conf(f"FILE_CHECK {{\ntrack_file load\n{line}\n}}", FILE)
    assert found.complaints == ()
    assert server(found) == {"file_check": [{"track_file": "load", **fields}]}


def test_a_file_that_is_defined_below_counts_with_a_note() -> None:
    found = conf("FILE_CHECK {\ntrack_file load\n}", after=FILE)
    assert [c.severity for c in found.complaints] == [Severity.NOTE]
    assert server(found) == {"file_check": [{"track_file": "load"}]}


def test_only_the_check_of_an_unknown_file_is_left_out() -> None:
    found = conf("FILE_CHECK {\ntrack_file nix\n}\nFILE_CHECK {\ntrack_file load\n}\nTCP_CHECK {\n}", FILE)
    assert [(c.severity, c.at.line) for c in found.complaints] == [(Severity.MISTAKE, 9)]
    assert server(found) == {"file_check": [{"track_file": "load"}], "tcp_check": [{}]}


def test_a_server_that_is_given_twice_costs_only_itself() -> None:
    unknown = "FILE_CHECK {\ntrack_file nix\n}"
    found = conf(f"TCP_CHECK {{\n}}\n}}\nreal_server 10.0.0.2 53 {{\n{unknown}")
    assert ["is there already" in c.message for c in found.complaints] == [True]
    assert server(found) == {"tcp_check": [{}]}


def test_a_pattern_that_is_none_still_requires_a_reply() -> None:
    """As keepalived 2.2.7 does."""
    assert server(conf("UDP_CHECK {\nrequire_reply zz\n}")) == {"udp_check": [{"require_reply": ""}]}


def test_that_all_failures_are_logged_is_a_global_setting() -> None:
    found = read_text("global_defs {\nchecker_log_all_failures on\n}\n")
    assert found.objects == {"config/global": {"checker_log_all_failures": True}}
