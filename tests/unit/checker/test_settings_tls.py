"""Which name a certificate must be for, and what the words about it refuse."""

from __future__ import annotations

from typing import Any

import pytest

from services.checker.kinds.tls import Trust, host_of, trust_of
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
