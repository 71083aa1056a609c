"""Flags, VIPKEEPER_* and defaults of a service."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.common.errors import UsageError
from services.common.options import parse


def test_defaults_follow_the_service() -> None:
    options = parse("ipvs", ["--store", "file:/etc/x.json", "--node", "d1"], {})
    assert options.listen == ("unix:/run/vipkeeper/ipvs.sock",)
    assert (options.state_dir, options.prefix) == (Path("/var/lib/vipkeeper/ipvs"), "/vipkeeper/")
    assert options.socket_of("notify") == "unix:/run/vipkeeper/notify.sock"


def test_a_flag_wins_over_the_environment() -> None:
    environ = {"VIPKEEPER_STORE": "etcd://a:1", "VIPKEEPER_NODE": "env", "VIPKEEPER_LISTEN": "unix:/a 127.0.0.1:7"}
    options = parse("vrrp", ["--node", "flag"], environ)
    assert (options.store, options.node, options.listen) == ("etcd://a:1", "flag", ("unix:/a", "127.0.0.1:7"))


def test_the_prefix_ends_with_a_slash() -> None:
    assert parse("vrrp", ["--store", "file:x", "--prefix", "/site"], {}).prefix == "/site/"


@pytest.mark.parametrize(
    ("argv", "environ"),
    [([], {}), (["--store", "http://x"], {}), (["--store", "file:x"], {"VIPKEEPER_LOG_LEVEL": "loud"})],
)
def test_a_setting_that_cannot_be_meant_is_refused(argv: list[str], environ: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        parse("vrrp", argv, environ)


@pytest.mark.parametrize("store", ["", "file:", "etcd://", "etcd://a:0", "http://a"])
def test_a_store_that_cannot_be_meant_is_wrong_usage(store: str) -> None:
    with pytest.raises(UsageError, match="--store: expected etcd://HOST:PORT"):
        parse("vrrp", ["--store", store], {})
