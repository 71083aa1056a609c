"""BFD between our vrrp service and Debian's keepalived, each on a host of a test network."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.kit.netns import Host
from tests.kit.node import Node
from tests.kit.process import Process
from tests.kit.wait import until
from vipkeeper.vrrp.v1 import vrrp_pb2, vrrp_pb2_grpc

PATIENCE_S = 60


def start_keepalived_bfd(host: Host, folder: Path, text: str) -> Process:
    """keepalived on `host` with its BFD and VRRP processes and this configuration; ends with the network."""
    program = shutil.which("keepalived") or "/usr/sbin/keepalived"
    if not Path(program).exists():
        pytest.skip("keepalived is not installed (apt-get install keepalived)")
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "keepalived.conf"
    config.write_text(text)
    config.chmod(0o644)
    run = Path(tempfile.mkdtemp(dir=folder))  # a killed one leaves pid files that keep the next from starting
    pids = [word for flag in ("-p", "-r", "-c", "-b") for word in (flag, str(run / flag[1:]))]
    return host.start([program, "--dont-fork", "--log-console", "--log-detail", "-f", str(config), *pids])


def bfd_instance(neighbor: str, source: str, multiplier: int = 5, more: str = "") -> str:
    """The text of a keepalived bfd_instance with 20 ms intervals."""
    return f"""
bfd_instance b1 {{
    neighbor_ip {neighbor}
    source_ip {source}
    min_rx 20
    min_tx 20
    multiplier {multiplier}
    {more}
}}
"""


class Ours:
    """Our vrrp service on `host`, with a file store that `configure` writes whole."""

    def __init__(self, host: Host, folder: Path, **objects: Any) -> None:
        self._store = folder / f"{host.name}.json"
        self.configure(**objects)
        self.node = Node(host, host.name, folder / host.name, f"file:{self._store}")
        self.node.start("vrrp")

    def configure(self, **objects: Any) -> None:
        """Objects by KIND__NAME."""
        fresh = self._store.with_suffix(".new")
        fresh.write_text(json.dumps({f"config/{key.replace('__', '/')}": value for key, value in objects.items()}))
        fresh.rename(self._store)

    def sessions(self) -> list[vrrp_pb2.BfdSession]:
        """ListBfdSessions; none while the service does not answer."""
        with grpc.insecure_channel(self.node.target("vrrp")) as channel:
            try:
                stub = vrrp_pb2_grpc.VrrpServiceStub(channel)
                return list(stub.ListBfdSessions(vrrp_pb2.ListBfdSessionsRequest(), timeout=10).sessions)
            except grpc.RpcError:
                return []

    def session(self, check: Callable[[vrrp_pb2.BfdSession], object], name: str = "b1") -> vrrp_pb2.BfdSession:
        """A session, once it is as wanted."""
        found = until(
            lambda: next((s for s in self.sessions() if s.name == name and check(s)), None),
            PATIENCE_S,
            what=lambda: f"{self.sessions()}\n{self.node.logs()}",
        )
        assert found is not None
        return found

    def is_up(self, name: str = "b1") -> vrrp_pb2.BfdSession:
        """The session, once it is up."""
        return self.session(lambda s: s.state == vrrp_pb2.BFD_STATE_UP and s.current, name)

    def instance(self) -> vrrp_pb2.Instance:
        """VI_1."""
        with grpc.insecure_channel(self.node.target("vrrp")) as channel:
            stub = vrrp_pb2_grpc.VrrpServiceStub(channel)
            return stub.GetInstance(vrrp_pb2.GetInstanceRequest(name="VI_1"), timeout=10).instance

    def explain(self) -> vrrp_pb2.ExplainResponse:
        """VI_1, explained."""
        with grpc.insecure_channel(self.node.target("vrrp")) as channel:
            return vrrp_pb2_grpc.VrrpServiceStub(channel).Explain(vrrp_pb2.ExplainRequest(name="VI_1"), timeout=10)

    def pids(self) -> list[int]:
        """The bfd processes of the service."""
        return self.node.pids("vrrp", "services.vrrp.bfd")
