"""The checker in a network of its own: addresses that come and go, interfaces, source addresses."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.kit.checker import Node, real, virtual
from tests.kit.netns import Net
from tests.kit.process import Process
from tests.kit.wait import until_async
from vipkeeper.checker.v1 import checker_pb2

pytestmark = pytest.mark.netns

SERVER = """
import socket, sys
listener = socket.create_server((sys.argv[1], 80), family=socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET)
while True:
    connection, peer = listener.accept()
    print(peer[0], flush=True)
    connection.close()
"""


@pytest.fixture
def net() -> Iterator[Net]:
    with Net() as it:
        yield it


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    with tempfile.TemporaryDirectory(prefix="vk-") as folder:
        it = Node(Path(folder))
        await it.start_services()
        yield it
        await it.stop_services()
        assert it.ipvs.complaints == []


def serve(net: Net, host: str, address: str) -> Process:
    """A server that prints who connects."""
    return net.host(host).start([sys.executable, "-c", SERVER, address])


async def test_ha_suspend_follows_the_address(net: Net, node: Node) -> None:
    """No probe before the address is here; probes while it is; when it has gone, the last health stays."""
    director, lan = net.host("director"), net.bridge("lan")
    director.join(lan, "eth0", "192.168.100.1/24")
    net.host("server").join(lan, "eth0", "192.168.100.2/24")
    server = serve(net, "server", "192.168.100.2")
    node.put({"virtual_server/v": virtual(address="192.168.200.10", ha_suspend=True)})
    node.put({"real_server/v/a": {**real(80), "address": "192.168.100.2"}})
    node.put({"virtual_server/w": virtual(address="192.168.200.11")})
    node.put({"real_server/w/b": {**real(81), "address": "192.168.100.2"}})
    with node.checker(director.netns):
        await until_async(lambda: node.ipvs.up() == {"b": False}, what="the other service's health")
        assert server.output() == ""
        director.ip("address add 192.168.200.10/32 dev eth0")
        await until_async(lambda: node.ipvs.up() == {"a": True, "b": False}, what="a checked")
        director.ip("address delete 192.168.200.10/32 dev eth0")
        async with node.api() as api:
            request = checker_pb2.ListChecksRequest(virtual_server="v")

            async def suspended() -> bool:
                return (await api.ListChecks(request)).checks[0].suspended

            await until_async(suspended, what="the end of the probes")
        server.kill()
        probed = node.ipvs.health["w", "b"].probed_at
        node.put({"real_server/w/b": {**real(82), "address": "192.168.100.2"}})
        node.put({"real_server/w/c": {**real(83), "address": "192.168.100.2"}})
        await until_async(lambda: "c" in node.ipvs.up(), what="probes elsewhere")
        assert node.ipvs.up() == {"a": True, "b": False, "c": False}
        assert node.ipvs.health["w", "b"].probed_at == probed


@pytest.mark.parametrize(
    ("address", "fields", "peer"),
    [
        ("192.168.100.2", {"bindto": "192.168.100.9"}, "192.168.100.9"),
        ("192.168.100.2", {"bind_if": "eth0", "fwmark": 3}, "192.168.100.1"),
        ("2001:db8::2", {"bindto": "2001:db8::9"}, "2001:db8::9"),
    ],
)
async def test_probes_leave_as_configured(net: Net, node: Node, address: str, fields: dict[str, object], peer: str) -> None:
    director, lan = net.host("director"), net.bridge("lan")
    director.join(lan, "eth0", "192.168.100.1/24", "192.168.100.9/24", "2001:db8::1/64", "2001:db8::9/64")
    net.host("server").join(lan, "eth0", "192.168.100.2/24", "2001:db8::2/64")
    server = serve(net, "server", address)
    node.put({"virtual_server/v": virtual(), "real_server/v/a": {**real(80, **fields), "address": address}})
    with node.checker(director.netns):
        await until_async(lambda: node.ipvs.up() == {"a": True}, what="up")
        await until_async(lambda: len(server.output().split()) >= 3, what="three probes")
    assert set(server.output().split()) == {peer}


async def test_a_link_local_server_is_reached_through_its_interface(net: Net, node: Node) -> None:
    director, lan = net.host("director"), net.bridge("lan")
    director.join(lan, "eth0")
    net.host("server").join(lan, "eth0", "fe80::2:2/64", mac="02:00:00:00:00:02")
    server = net.host("server").start([sys.executable, "-c", SERVER, "::"])
    node.put({"virtual_server/v": virtual(), "real_server/v/a": {**real(80, bind_if="eth0"), "address": "fe80::2:2"}})
    with node.checker(director.netns):
        await until_async(lambda: node.ipvs.up().get("a"), what="up")
    assert server.returncode is None


async def test_a_server_whose_cable_is_cut_goes_down_and_comes_back(net: Net, node: Node) -> None:
    director, lan = net.host("director"), net.bridge("lan")
    director.join(lan, "eth0", "192.168.100.1/24")
    cable = net.host("server").join(lan, "eth0", "192.168.100.2/24")
    serve(net, "server", "192.168.100.2")
    node.put({"virtual_server/v": virtual(connect_timeout="0.3s")})
    node.put({"real_server/v/a": {**real(80), "address": "192.168.100.2"}})
    with node.checker(director.netns):
        await until_async(lambda: node.ipvs.up() == {"a": True}, what="up")
        cable.cut()
        await until_async(lambda: node.ipvs.up() == {"a": False}, what="down")
        cable.heal()
        await until_async(lambda: node.ipvs.up() == {"a": True}, what="up again")
