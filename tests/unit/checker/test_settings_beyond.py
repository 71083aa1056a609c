"""Checks that keepalived does not have: what they ask for, and what they refuse."""

from __future__ import annotations

import json
from typing import Any

import pytest

from services.checker import wire
from services.checker.http2 import Answer, Broken
from services.checker.kinds.agent import Agent
from services.checker.kinds.grpc_health import Grpc
from services.checker.kinds.target import Target
from services.checker.kinds.tls import Trust
from services.checker.kinds.what import What
from services.checker.probes.grpc_health import question, state_of, verdict_of
from services.checker.probing import Probing, Result, Update
from services.checker.schedule import Timing
from services.checker.servers import Global
from services.checker.settings import Check, checks_of, decode_real_server, decode_virtual_server
from services.checker.streak import Phase, Streak
from services.common import values
from services.common.errors import InvalidValue

S = 1_000_000_000


def one(kind: str, check: dict[str, Any], virtual: dict[str, Any] | None = None, **real: Any) -> Check:
    v = decode_virtual_server("v", {"address": "192.0.2.1", "port": 80, "protocol": "tcp", **(virtual or {})})
    value = values.check("real_server", {"address": "192.0.2.2", "port": 50, kind: [check], **real})
    (found,) = checks_of("v", v, "r", decode_real_server("v/r", value), Global())
    return found


def what(kind: str, check: dict[str, Any], **real: Any) -> What:
    return one(kind, check, **real).what


def test_a_grpc_check_asks_for_the_whole_server_without_tls() -> None:
    assert what("grpc_check", {}) == Grpc(Target("192.0.2.2", 50), "", "192.0.2.2:50")
    assert one("grpc_check", {}).timing == Timing(60 * S, 5 * S, 1, S, 60 * S)
    assert one("grpc_check", {"service": "a.B"}).target == "grpc://192.0.2.2:50/a.B"
    assert one("grpc_check", {"tls": True}).target == "grpcs://192.0.2.2:50/"


@pytest.mark.parametrize(
    ("check", "sni"),
    [
        ({}, ""),
        ({"authority": "a.example:443"}, "a.example"),
        ({"authority": "a.example", "sni_name": "b.example"}, "b.example"),
        ({"tls_verify": True}, "192.0.2.2"),
        ({"tls_verify": True, "authority": "a.example"}, "a.example"),
    ],
)
def test_a_grpc_server_is_asked_for_by_name(check: dict[str, Any], sni: str) -> None:
    found = what("grpc_check", {"tls": True, **check})
    assert isinstance(found, Grpc)
    assert found.sni == sni
    assert found.trust == (Trust() if "tls_verify" in check else None)


def test_an_agent_has_a_port_of_its_own_and_knows_the_weight() -> None:
    assert what("agent_check", {"connect_port": 9}) == Agent(Target("192.0.2.2", 9), 1)
    found = what("agent_check", {"connect_port": 9, "send": "s\n", "required": True}, weight=7)
    assert found == Agent(Target("192.0.2.2", 9), 7, "s\n", True)
    assert one("agent_check", {"connect_port": 9}, {"weight": 5}).what == Agent(Target("192.0.2.2", 9), 5)
    assert str(found) == "agent 192.0.2.2:9"
    assert one("agent_check", {"connect_port": 9}).timing.retry == 0


@pytest.mark.parametrize(
    ("kind", "check", "field", "reason"),
    [
        ("grpc_check", {"service": "a\n"}, "service", "expected a name of at most 1000 printable characters"),
        ("grpc_check", {"service": "a" * 1001}, "service", "expected a name of at most 1000 printable characters"),
        ("grpc_check", {"authority": "a b"}, "authority", "'a b' contains blanks or control characters"),
        ("grpc_check", {"authority": "a" * 1001}, "authority", "is longer than 1000 characters"),
        ("grpc_check", {"tls_verify": True}, "tls_verify", "has no effect without tls"),
        ("grpc_check", {"sni_name": "a"}, "sni_name", "has no effect without tls"),
        ("grpc_check", {"tls": True, "tls_min_days": 3}, "tls_min_days", "has no effect without tls_verify"),
        ("agent_check", {}, "connect_port", "is missing; expected the agent's port"),
        ("agent_check", {"connect_port": 9, "send": "a" * 1001}, "send", "expected a text of at most 1000 characters"),
        ("agent_check", {"connect_port": 9, "send": "\ud800"}, "send", "expected a text of at most 1000 characters"),
    ],
)
def test_what_cannot_be_used_is_named(kind: str, check: dict[str, Any], field: str, reason: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        one(kind, check)
    assert (caught.value.field, caught.value.reason) == (f"{kind}[0].{field}", reason)


def test_they_arrive_at_a_worker_as_they_were_sent() -> None:
    grpc = {"tls": True, "tls_verify": True, "tls_ca_file": "/x", "tls_min_days": 3, "service": "ü"}
    found = [one("grpc_check", grpc), one("grpc_check", {}), one("agent_check", {"connect_port": 9})]
    url = {"regex": "a", "regex_options": ["utf", "dotall"], "regex_max_offset": 9, "tls_compliant": True}
    found += [one("ssl_get", {"url": [url, {}], "tls_verify": True})]
    updates = [Update(Probing(n, c.kind, c.what, c.timing), Result(Streak(Phase.UP))) for n, c in enumerate(found)]
    (message,) = wire.start(updates)
    assert wire.read_starts(json.loads(message)) == updates


# --- HealthCheckRequest and HealthCheckResponse ---


def test_the_question_is_protobufs() -> None:
    from grpc_health.v1.health_pb2 import HealthCheckRequest

    for service in ("", "a", "ü" * 400):
        assert question(service) == HealthCheckRequest(service=service).SerializeToString()


@pytest.mark.parametrize(
    ("message", "state"),
    [
        ("", 0),
        ("0801", 1),
        ("0802", 2),
        ("1a0361626308 01", 1),
        ("0801 1105 0505 0505 0505 05", 1),
        ("1d 0000 0001 0803", 3),
        ("0801 0802", 2),
        ("88808000 01", 1),
    ],
)
def test_the_answer_is_protobufs(message: str, state: int) -> None:
    assert state_of(bytes.fromhex(message)) == state


@pytest.mark.parametrize("message", ["08", "0b", "1a05", "1a", "ff" * 11, "1100", "1d00"])
def test_what_is_no_answer_is_told(message: str) -> None:
    with pytest.raises(Broken, match="no HealthCheckResponse"):
        state_of(bytes.fromhex(message))


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (Answer(0, "", b"\x08\x01"), ""),
        (Answer(0, "", b"\x08\x02"), "NOT_SERVING"),
        (Answer(0, "", b""), "UNKNOWN"),
        (Answer(0, "", b"\x08\x03"), "SERVICE_UNKNOWN"),
        (Answer(0, "", b"\x08\x09"), "serving status 9"),
        (Answer(0), "an answer without a message"),
        (Answer(0, "", b"\x08"), "the message is no HealthCheckResponse"),
        (Answer(5, "x"), "the server does not know the service 'a.B'"),
        (Answer(12), "the server has no grpc.health.v1.Health"),
        (Answer(14, "later"), "status UNAVAILABLE: later"),
        (Answer(16), "status UNAUTHENTICATED"),
    ],
)
def test_only_serving_is_success(answer: Answer, verdict: str) -> None:
    assert verdict_of(answer, "a.B") == verdict
