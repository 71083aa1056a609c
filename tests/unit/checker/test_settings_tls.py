"""Which name a certificate must be for, and what the words about it refuse."""

from __future__ import annotations

from typing import Any

import pytest

from services.checker.kinds.http import Http
from services.checker.kinds.tls import Identity, Trust, host_of, trust_of
from services.checker.servers import Global
from services.checker.settings import checks_of, decode_global, decode_real_server, decode_virtual_server
from services.common import values
from services.common.errors import InvalidValue
from tests.unit.checker.test_settings_regex import pages


def test_nothing_is_verified_unless_asked_for() -> None:
    assert trust_of({}) is None
    assert trust_of({"tls_verify": False}) is None
    assert trust_of({"tls_verify": True}) == Trust("", 0)
    assert trust_of({"tls_verify": True, "tls_ca_file": "/etc/ca.pem", "tls_min_days": 14}) == Trust("/etc/ca.pem", 14)


@pytest.mark.parametrize(
    ("check", "name"),
    [
        ({}, "192.0.2.2"),
        ({"virtualhost": "www.example"}, "www.example"),
        ({"virtualhost": "www.example:8443"}, "www.example"),
        ({"virtualhost": "www.example", "sni_name": "own.example"}, "own.example"),
        ({"virtualhost": "[2001:db8::1]:443"}, "2001:db8::1"),
    ],
)
def test_the_certificate_must_be_for_what_is_asked_for(check: dict[str, Any], name: str) -> None:
    assert pages({"url": [{}], "tls_verify": True, **check}, "ssl_get").sni == (name,)


@pytest.mark.parametrize(
    ("virtualhost", "host"),
    [("a:b", "a:b"), ("::1", "::1"), ("[::1]", "::1"), ("a:1", "a"), ("", ""), (":1", "")],
)
def test_a_host_header_without_its_port(virtualhost: str, host: str) -> None:
    assert host_of(virtualhost) == host


@pytest.mark.parametrize(
    ("check", "field", "reason"),
    [
        ({"tls_ca_file": "/x"}, "ssl_get[0].tls_ca_file", "has no effect without tls_verify"),
        ({"tls_min_days": 3}, "ssl_get[0].tls_min_days", "has no effect without tls_verify"),
        ({"tls_verify": True, "tls_ca_file": "x"}, "ssl_get[0].tls_ca_file", "expected an absolute path, got 'x'"),
        ({"tls_verify": True, "tls_ca_file": "/x\0"}, "ssl_get[0].tls_ca_file", "expected an absolute path, got '/x\\x00'"),
    ],
)
def test_what_cannot_be_verified_is_refused(check: dict[str, Any], field: str, reason: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        pages({"url": [{}], **check}, "ssl_get")
    assert (caught.value.field, caught.value.reason) == (field, reason)


def test_without_tls_there_is_nothing_to_verify() -> None:
    with pytest.raises(InvalidValue) as caught:
        pages({"url": [{}], "tls_verify": True}, "http_get")
    assert caught.value.field == "http_get[0].tls_verify"


def test_checks_over_tls_show_the_checkers_own_certificate() -> None:
    ssl = {"certificate": "/c.pem", "key": "/k.pem", "password": "x"}
    settings = decode_global("", values.check("global", {"ssl": ssl}))
    assert settings == Global(identity=Identity("/c.pem", "/k.pem", "x"))
    virtual = decode_virtual_server("v", {"address": "192.0.2.1", "port": 80, "protocol": "tcp"})
    page: list[dict[str, Any]] = [{"url": [{}]}]
    value = {"address": "192.0.2.2", "port": 80, "http_get": page, "ssl_get": page, "grpc_check": [{}, {"tls": True}]}
    found = checks_of("v", virtual, "r", decode_real_server("v/r", values.check("real_server", value)), settings)
    shown = {check.name: check.what.identity for check in found}
    identity = settings.identity
    assert shown == {"http_get[0]": None, "ssl_get[0]": identity, "grpc_check[0]": None, "grpc_check[1]": identity}
    assert isinstance(found[1].what, Http)
    assert "x'" not in repr(found[1].what)


@pytest.mark.parametrize(
    ("ssl", "field", "reason"),
    [
        ({"certificate": "c"}, "ssl.certificate", "expected an absolute path, got 'c'"),
        ({"certificate": "/c", "key": "k"}, "ssl.key", "expected an absolute path, got 'k'"),
        ({"key": "/k"}, "ssl.certificate", "is missing; expected the file of the certificate that the key is for"),
    ],
)
def test_a_certificate_that_cannot_be_shown_is_refused(ssl: dict[str, str], field: str, reason: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        decode_global("", {"ssl": ssl})
    assert (caught.value.field, caught.value.reason) == (field, reason)


def test_no_certificate_is_shown_unless_one_is_named() -> None:
    assert decode_global("", {"ssl": {}}).identity is None
    assert decode_global("", {}).identity is None
