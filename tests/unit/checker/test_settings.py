"""Defaults, inheritance and refusals of the checker's settings."""

from __future__ import annotations

from typing import Any

import pytest

from services.checker.kinds.dns import Dns
from services.checker.kinds.http import Http, Url
from services.checker.kinds.misc import Misc
from services.checker.kinds.smtp import Smtp
from services.checker.kinds.target import Target
from services.checker.kinds.tcp import Tcp
from services.checker.kinds.udp import Udp
from services.checker.schedule import Timing
from services.checker.servers import Global
from services.checker.settings import Check, decode_global, decode_real_server, decode_virtual_server
from services.common.errors import InvalidValue
from tests.unit.checker.values import VIRTUAL, S, checks, one


def http(check: Check) -> Http:
    assert isinstance(check.what, Http)
    return check.what


def misc(check: Check) -> Misc:
    assert isinstance(check.what, Misc)
    return check.what


@pytest.mark.parametrize(
    ("kind", "check", "timing"),
    [
        ("tcp_check", {}, Timing(60 * S, 5 * S, 1, S, 60 * S)),
        ("http_get", {"url": [{}]}, Timing(60 * S, 5 * S, 1, 3 * S, 60 * S)),
        ("ssl_get", {"url": [{}]}, Timing(60 * S, 5 * S, 1, 3 * S, 60 * S)),
        ("misc_check", {"misc_path": "/bin/true"}, Timing(60 * S, 5 * S, 0, S, 60 * S)),
    ],
)
def test_each_type_has_keepaliveds_defaults(kind: str, check: dict[str, Any], timing: Timing) -> None:
    assert one({kind: [check]}).timing == timing


def test_timing_is_inherited_from_virtual_server_to_real_server_to_check() -> None:
    virtual = {"delay_loop": "30s", "connect_timeout": "4s", "retry": 5, "delay_before_retry": "7s", "warmup": "9s"}
    real = {"delay_loop": "20s", "retry": 2, "misc_check": [{"misc_path": "/bin/true", "delay_loop": "10s"}]}
    assert one(real, virtual).timing == Timing(10 * S, 4 * S, 2, 7 * S, 9 * S)


def test_a_value_of_zero_is_not_absent() -> None:
    assert one({"tcp_check": [{"retry": 0, "warmup": "0s"}]}, {"retry": 3}).timing == Timing(60 * S, 5 * S, 0, S, 0)


def test_warmup_defaults_to_the_delay_loop_that_counts() -> None:
    assert one({"tcp_check": [{"delay_loop": "6s"}]}).timing.warmup == 6 * S


def test_the_seeds_http_check_reads_as_keepalived_reads_it() -> None:
    check = one(
        {
            "weight": 2,
            "http_get": [
                {
                    "url": [
                        {"path": "/testurl/test.jsp", "digest": "EC90A42B99EA9A2F5ECBE213AC9EBA03"},
                        {"path": "/testurl2/test.jsp", "digest": "640205b7b0fc66c1ea91c463fac6334c"},
                    ],
                    "connect_timeout": "3s",
                    "retry": 3,
                    "delay_before_retry": "2s",
                }
            ],
        },
        {"delay_loop": "30s"},
    )
    assert check.timing == Timing(30 * S, 3 * S, 3, 2 * S, 30 * S)
    assert check.what == Http(
        Target("192.168.100.2", 80),
        (
            Url("/testurl/test.jsp", "192.168.100.2:80", "ec90a42b99ea9a2f5ecbe213ac9eba03"),
            Url("/testurl2/test.jsp", "192.168.100.2:80", "640205b7b0fc66c1ea91c463fac6334c"),
        ),
        sni=("", ""),
    )
    assert (check.urls, check.kind, check.id) == (2, "http_get", "v/r/http_get[0]")


def test_the_nearest_virtualhost_wins() -> None:
    urls = [{"virtualhost": "url.example"}, {}]
    of = {"virtual": {"virtualhost": "vs.example"}, "real": {"virtualhost": "rs.example"}}
    assert http(one({"http_get": [{"url": urls}]})).pages[1].host == "192.168.100.2:80"
    assert http(one({"http_get": [{"url": urls}]}, of["virtual"])).pages[1].host == "vs.example"
    assert http(one({**of["real"], "http_get": [{"url": urls}]}, of["virtual"])).pages[1].host == "rs.example"
    check = one({**of["real"], "http_get": [{"url": urls, "virtualhost": "check.example"}]}, of["virtual"])
    assert [u.host for u in http(check).pages] == ["url.example", "check.example"]


def test_an_ipv6_address_is_bracketed_in_the_host_header() -> None:
    check = one({"address": "2001:db8::2", "http_get": [{"url": [{}]}]})
    assert http(check).pages[0].host == "[2001:db8::2]:80"
    assert check.target == "http://[2001:db8::2]:80"


def test_sni_is_sent_only_where_enabled_and_never_an_address() -> None:
    def sni(**fields: Any) -> tuple[str, ...]:
        return http(one({"ssl_get": [{"url": [{}], **fields}]})).sni

    assert sni(virtualhost="a.example", sni_name="b.example") == ("",)
    assert sni(virtualhost="a.example", sni_name="b.example", enable_sni=True) == ("b.example",)
    assert sni(virtualhost="a.example", enable_sni=True) == ("a.example",)
    assert sni(enable_sni=True) == ("",)


@pytest.mark.parametrize(
    ("text", "ranges"),
    [
        ("", ((200, 299),)),
        ("200", ((200, 200),)),
        ("200-299 400-499 503", ((200, 299), (400, 499), (503, 503))),
    ],
)
def test_status_codes_are_codes_and_ranges(text: str, ranges: tuple[tuple[int, int], ...]) -> None:
    assert http(one({"http_get": [{"url": [{"status_code": text}]}]})).pages[0].status == ranges


def test_network_options_are_honoured() -> None:
    fields = {
        "connect_ip": "10.0.0.9",
        "connect_port": 8080,
        "bindto": "10.0.0.1",
        "bind_port": 99,
        "bind_if": "eth1",
        "fwmark": 5,
    }
    assert one({"tcp_check": [fields]}).what == Tcp(Target("10.0.0.9", 8080, "10.0.0.1", 99, "eth1", 5))


def test_options_of_http_checks_are_honoured() -> None:
    check = http(one({"ssl_get": [{"url": [{"path": ""}], "http_protocol": "1.0c", "fast_recovery": True}]}))
    assert (check.tls, check.http_protocol, check.fast_recovery, check.pages[0].path) == (True, "1.0C", True, "/")


def test_a_program_is_split_and_runs_as_the_script_user() -> None:
    settings = decode_global("", {"script_user": "checks nogroup", "enable_script_security": False})
    check = one({"misc_check": [{"misc_path": "/bin/x 'a b' c", "misc_dynamic": True}]}, {"delay_loop": "20s"}, settings)
    assert check.what == Misc(("/bin/x", "a b", "c"), 20 * S, True, "checks nogroup", False)
    assert check.target == "/bin/x 'a b' c"
    own = one({"misc_check": [{"misc_path": "/bin/x", "user": "www", "misc_timeout": "3s"}]}, None, settings)
    assert (misc(own).user, misc(own).timeout) == ("www", 3 * S)


def test_without_global_settings_scripts_are_held_to_security() -> None:
    assert decode_global("", {}) == Global("", True)


@pytest.mark.parametrize(
    ("virtual", "real", "alpha"), [({}, {}, False), ({"alpha": True}, {}, True), ({"alpha": True}, {"alpha": False}, False)]
)
def test_alpha_is_inherited(virtual: dict[str, Any], real: dict[str, Any], alpha: bool) -> None:
    assert one({**real, "tcp_check": [{}]}, virtual).alpha is alpha


EVERY_TYPE: dict[str, dict[str, Any]] = {
    "tcp_check": {},
    "http_get": {"url": [{}]},
    "ssl_get": {"url": [{}]},
    "misc_check": {"misc_path": "/bin/true"},
    "dns_check": {},
    "udp_check": {},
    "ping_check": {},
    "smtp_check": {},
}


@pytest.mark.parametrize("kind", EVERY_TYPE)
def test_a_check_may_have_an_alpha_of_its_own(kind: str) -> None:
    check = EVERY_TYPE[kind]
    assert one({kind: [{**check, "alpha": True}]}).alpha is True
    assert one({"alpha": True, kind: [{**check, "alpha": False}]}, {"alpha": True}).alpha is False


@pytest.mark.parametrize("kind", EVERY_TYPE)
def test_failures_are_logged_as_the_check_says_else_as_all_do(kind: str) -> None:
    check = EVERY_TYPE[kind]
    everywhere = decode_global("", {"checker_log_all_failures": True})
    assert one({kind: [check]}).log_all_failures is False
    assert one({kind: [check]}, settings=everywhere).log_all_failures is True
    assert one({kind: [{**check, "log_all_failures": True}]}).log_all_failures is True
    assert one({kind: [{**check, "log_all_failures": False}]}, settings=everywhere).log_all_failures is False


@pytest.mark.parametrize("kind", ["tcp_check", "dns_check", "udp_check", "smtp_check"])
def test_network_checks_share_their_options(kind: str) -> None:
    fields = {"connect_ip": "10.0.0.9", "connect_port": 8080, "bindto": "10.0.0.1", "bind_port": 99, "bind_if": "eth1"}
    what = one({kind: [{**fields, "fwmark": 5, "connect_timeout": "2s"}]}).what
    assert isinstance(what, Tcp | Dns | Udp | Smtp)
    assert what.target == Target("10.0.0.9", 8080, "10.0.0.1", 99, "eth1", 5)


def test_all_checks_of_a_server_are_found_in_the_order_of_their_types() -> None:
    found = checks({"misc_check": [{"misc_path": "x"}], "tcp_check": [{}, {}], "http_get": [{"url": [{}]}]})
    assert [c.name for c in found] == ["tcp_check[0]", "tcp_check[1]", "http_get[0]", "misc_check[0]"]
    assert [c.urls for c in found] == [0, 0, 1, 0]


def test_a_fwmark_service_has_no_address() -> None:
    assert decode_virtual_server("v", {"fwmark": 5, "address": "ignored"}).address == ""
    assert decode_virtual_server("v", VIRTUAL).address == "192.168.200.10"
    assert decode_virtual_server("v", {"fwmark": 5}).weight == 1


@pytest.mark.parametrize(
    ("real", "field", "reason"),
    [
        ({"address": "nowhere"}, "address", "expected an IPv4 or IPv6 address, got 'nowhere'"),
        ({"port": 70000}, "port", "expected a port from 0 to 65535, got 70000"),
        ({"delay_loop": "0s"}, "delay_loop", "expected at least 0.001 s"),
        ({"connect_timeout": "0s"}, "connect_timeout", "expected at least 0.001 s"),
        ({"virtualhost": "a b"}, "virtualhost", "'a b' contains blanks or control characters"),
        ({"tcp_check": [{}, {"connect_ip": "x"}]}, "tcp_check[1].connect_ip", "expected an IPv4 or IPv6 address, got 'x'"),
        ({"tcp_check": [{"connect_port": 0}]}, "tcp_check[0].connect_port", "expected a port from 1 to 65535, got 0"),
        ({"tcp_check": [{"bindto": "::1"}]}, "tcp_check[0].bindto", "::1 is not of the same address family as 192.168.100.2"),
        (
            {"tcp_check": [{"bind_if": "a" * 16}]},
            "tcp_check[0].bind_if",
            "'aaaaaaaaaaaaaaaa' is too long for an interface; at most 15 characters",
        ),
        ({"tcp_check": [{}], "port": 0}, "tcp_check[0].connect_port", "is missing, and the real server has no port"),
        ({"http_get": [{}]}, "http_get[0].url", "is missing; expected at least one page"),
        (
            {"http_get": [{"url": [{}], "http_protocol": "2"}]},
            "http_get[0].http_protocol",
            "expected one of 1.0, 1.0C, 1.1, got '2'",
        ),
        (
            {"http_get": [{"url": [{}, {"digest": "abc"}]}]},
            "http_get[0].url[1].digest",
            "expected 32 hexadecimal digits, got 'abc'",
        ),
        (
            {"http_get": [{"url": [{"path": "/a\r\nX: y"}]}]},
            "http_get[0].url[0].path",
            "'/a\\r\\nX: y' contains blanks or control characters",
        ),
        (
            {"http_get": [{"url": [{"status_code": "2xx"}]}]},
            "http_get[0].url[0].status_code",
            "expected codes and ranges such as \"200-299 301\", got '2xx'",
        ),
        (
            {"http_get": [{"url": [{"status_code": "299-200"}]}]},
            "http_get[0].url[0].status_code",
            "'299-200' is not a range of codes from 100 to 999",
        ),
        ({"misc_check": [{}]}, "misc_check[0].misc_path", "is missing; expected a program with its arguments"),
        (
            {"misc_check": [{"misc_path": "a 'b"}]},
            "misc_check[0].misc_path",
            "cannot be split into words: No closing quotation",
        ),
        ({"misc_check": [{"misc_path": "a\0b"}]}, "misc_check[0].misc_path", "contains a NUL character"),
        (
            {"misc_check": [{"misc_path": "a", "user": "a b c"}]},
            "misc_check[0].user",
            'expected "USER" or "USER GROUP", got \'a b c\'',
        ),
    ],
)
def test_what_cannot_be_used_is_named(real: dict[str, Any], field: str, reason: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        checks(real)
    assert (caught.value.field, caught.value.reason) == (field, reason)


def test_a_real_server_without_address_is_refused() -> None:
    with pytest.raises(InvalidValue, match="address: is missing"):
        decode_real_server("v/r", {"port": 80})


def test_a_virtual_server_with_a_bad_address_is_refused() -> None:
    with pytest.raises(InvalidValue, match="expected an IPv4 or IPv6 address"):
        decode_virtual_server("v", {"address": "1.2.3", "port": 80})
