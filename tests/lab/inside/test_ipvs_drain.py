"""Drains on a real table, with clients that hold connections: until they end, until the deadline, across kill -9."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kit.etcd import Etcd
from tests.kit.netns import Host, Net
from tests.kit.wait import until
from tests.lab.inside.test_ipvs_service import LIMIT_S, Checker, Service
from tests.lab.judge import clear, saved
from vipkeeper.common.v1 import event_pb2
from vipkeeper.ipvs.v1 import ipvs_pb2

pytestmark = [pytest.mark.lab(modules="veth,bridge,ip_vs_rr", mem="1G"), pytest.mark.timeout(500)]

VIP, OTHER_VIP = "192.168.200.15", "192.168.200.16"
BACKS = {"s2": "192.168.100.2", "s3": "192.168.100.3"}
WEB = {"address": VIP, "port": 80, "protocol": "tcp", "lb_algo": "rr"}
DNS = {"address": VIP, "port": 53, "protocol": "udp", "lb_algo": "rr"}
LONG = {"drain_on_removal": "600s"}
GROUP = {"address": [{"address": "192.168.200.15-16", "port": 80}]}
GROUPED = {"group": "both", "protocol": "tcp", "lb_algo": "rr"}


class Echo(threading.Thread):
    """Tells every client on port 80 of its host its name, then says everything again."""

    def __init__(self, host: Host, name: str) -> None:
        super().__init__(daemon=True)
        self._name = name.encode()
        with host.entered():
            self._socket = socket.create_server(("0.0.0.0", 80), backlog=16)
        self.start()

    def run(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            connection.sendall(self._name)
            try:
                while data := connection.recv(100):
                    connection.sendall(data)
            except OSError:
                return

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self.join()


class Answers(threading.Thread):
    """Tells everybody on UDP port 53 of its host its name."""

    def __init__(self, host: Host, name: str) -> None:
        super().__init__(daemon=True)
        self._name = name.encode()
        with host.entered():
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._socket.bind(("0.0.0.0", 53))
            self._knock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.start()

    def run(self) -> None:
        while True:
            data, sender = self._socket.recvfrom(100)
            if data == b"stop":
                return
            self._socket.sendto(self._name, sender)

    def close(self) -> None:
        self._knock.sendto(b"stop", ("127.0.0.1", 53))
        self.join()
        self._knock.close()
        self._socket.close()


class Client:
    """A connection through the director."""

    def __init__(self, host: Host, address: str = VIP) -> None:
        with host.entered():
            self._socket = socket.create_connection((address, 80), timeout=20)
        self.server = self._socket.recv(16).decode()

    def works(self) -> bool:
        self._socket.sendall(b"again")
        return self._socket.recv(16) == b"again"

    def reset(self) -> None:
        """Ends with RST: IPVS forgets it after ten seconds, not after the minutes of TIME_WAIT."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()


class Site:
    """A client, a director, two servers behind NAT."""

    def __init__(self, net: Net) -> None:
        front, back = net.bridge("front"), net.bridge("back")
        self.client, self.director = net.host("client"), net.host("director")
        self.client.join(front, "eth0", "192.168.200.9/24")
        self.director.join(front, "eth0", "192.168.200.1/24", f"{VIP}/32", f"{OTHER_VIP}/32")
        self.director.join(back, "eth1", "192.168.100.1/24")
        self.director.sysctl("net.ipv4.ip_forward", 1)
        self.director.sysctl("net.ipv4.vs.expire_nodest_conn", 1)  # as deploy/sysctl.d has it
        self.echoes: list[Echo | Answers] = []
        for name, address in BACKS.items():
            host = net.host(name)
            host.join(back, "eth1", f"{address}/24")
            host.ip("route add default via 192.168.100.1")
            self.echoes += [Echo(host, name), Answers(host, name)]

    def weights(self) -> dict[str, int]:
        """What the kernel has, by server."""
        return {name: weight for servers in self.by_service().values() for name, weight in servers.items()}

    def by_service(self) -> dict[str, dict[str, int]]:
        """The same by service."""
        names = {f"{address}:{port}": name for name, address in BACKS.items() for port in (80, 53)}
        with self.director.entered():
            rows = [line.split() for line in saved()]
        found: dict[str, dict[str, int]] = {row[2]: {} for row in rows if row[0] == "-A"}
        for row in rows:
            if row[0] == "-a":
                found[row[2]][names[row[4]]] = int(row[7])
        return found

    def become(self, weights: dict[str, int], service: Service) -> None:
        until(lambda: self.weights() == weights, LIMIT_S, lambda: f"{weights}: {self.weights()}\n{service.log.read_text()}")

    def ask(self, count: int) -> set[str]:
        """Who answers that many new clients."""
        found = set()
        for _ in range(count):
            client = Client(self.client)
            found.add(client.server)
            client.reset()
        return found


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Net() as net:
        made = Site(net)
        yield made
        for echo in made.echoes:
            echo.close()


@pytest.fixture
def service(site: Site, tmp_path: Path) -> Iterator[Service]:
    made = Service(site.director, tmp_path)
    yield made
    if made.process is not None and made.process.returncode is None:
        made.kill()
    made.close()
    with site.director.entered():
        clear()


def objects(*names: str, virtual: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """web with these servers."""
    servers = {f"config/real_server/web/{n}": {"address": BACKS[n], "weight": 3} for n in names}
    return {"config/virtual_server/web": (virtual or WEB) | more, **servers}


def client_of(site: Site, name: str, address: str = VIP) -> Client:
    """A connection to this server."""
    while (client := Client(site.client, address)).server != name:
        client.reset()
    return client


def drain(service: Service, name: str, after_s: float = 0) -> ipvs_pb2.DrainResponse:
    request = ipvs_pb2.DrainRequest(virtual_server="web", real_server=name, reason="test")
    if after_s:
        request.deadline.FromNanoseconds(time.time_ns() + int(after_s * 1e9))
    answer: ipvs_pb2.DrainResponse = service.stub.Drain(request, timeout=LIMIT_S)
    return answer


def row(service: Service, name: str) -> ipvs_pb2.RealServer:
    """A server as the live table shows it."""
    (web,) = service.listed().virtual_servers
    return next(s for s in web.real_servers if s.name == name)


def test_a_connection_lives_until_it_ends_and_then_the_server_goes(site: Site, service: Service) -> None:
    service.start(objects("s2", "s3"))
    site.become({"s2": 3, "s3": 3}, service)
    client = client_of(site, "s2")
    answer = drain(service, "s2")
    assert (answer.drain.step, answer.live_weight, answer.quorum_up) == (event_pb2.DRAIN_STEP_DRAINING, 3, True)
    assert site.weights() == {"s2": 0, "s3": 3}
    assert (site.ask(4), client.works()) == ({"s3"}, True)
    shown = row(service, "s2")
    assert (shown.drain.reason, shown.drain.connections > 0, shown.in_kernel) == ("test", True, True)
    client.reset()
    site.become({"s3": 3}, service)
    shown = row(service, "s2")
    assert (shown.drain.step, shown.in_kernel) == (event_pb2.DRAIN_STEP_DRAINED, False)
    service.stub.EndDrain(ipvs_pb2.EndDrainRequest(virtual_server="web", real_server="s2"), timeout=LIMIT_S)
    assert site.weights() == {"s2": 3, "s3": 3}
    assert site.ask(4) == {"s2", "s3"}


def test_at_the_deadline_it_goes_with_its_connection(site: Site, service: Service) -> None:
    service.start(objects("s2", "s3"))
    site.become({"s2": 3, "s3": 3}, service)
    client = client_of(site, "s3")
    drain(service, "s3", after_s=4)
    assert client.works()
    site.become({"s2": 3}, service)
    until(lambda: "connections were left" in service.log.read_text(), LIMIT_S, "what was cut off is said")
    client.reset()


@pytest.fixture
def patient_kernel(site: Site) -> Iterator[None]:
    """Connections whose server goes wait for it to come back, instead of being ended at once."""
    site.director.sysctl("net.ipv4.vs.expire_nodest_conn", 0)
    yield
    site.director.sysctl("net.ipv4.vs.expire_nodest_conn", 1)


@pytest.mark.usefixtures("patient_kernel")
def test_a_server_of_a_group_leaves_when_the_connections_of_all_services_have_ended(site: Site, service: Service) -> None:
    both = objects("s2", "s3", virtual=GROUPED) | {"config/virtual_server_group/both": GROUP}
    for name in BACKS:
        both[f"config/real_server/web/{name}"]["port"] = 80

    def become(weights: dict[str, int]) -> None:
        wanted = {f"{VIP}:80": weights, f"{OTHER_VIP}:80": weights}
        until(lambda: site.by_service() == wanted, LIMIT_S, lambda: f"{site.by_service()}\n{service.log.read_text()}")

    service.start(both)
    become({"s2": 3, "s3": 3})
    clients = [client_of(site, "s2", address) for address in (VIP, OTHER_VIP)]
    drain(service, "s2")
    become({"s2": 0, "s3": 3})
    with site.director.entered():
        clear()  # what somebody empties in the midst of a drain comes back with the drain
    become({"s2": 0, "s3": 3})
    assert all(client.works() for client in clients)
    assert row(service, "s2").drain.step == event_pb2.DRAIN_STEP_DRAINING
    service.kill()
    done = service.operations()
    service.start()
    until(lambda: row(service, "s2").drain.connections >= 2, LIMIT_S, "those of both services are counted")
    clients[0].reset()
    until(lambda: row(service, "s2").drain.connections == 1, LIMIT_S, "the connection to the other address is left")
    become({"s2": 0, "s3": 3})
    assert (clients[1].works(), service.operations()) == (True, done)
    clients[1].reset()
    become({"s3": 3})
    assert row(service, "s2").drain.step == event_pb2.DRAIN_STEP_DRAINED


def test_udp_goes_at_once_and_its_clients_go_elsewhere(site: Site, service: Service) -> None:
    service.start(objects("s2", "s3", virtual=DNS))
    site.become({"s2": 3, "s3": 3}, service)
    with site.client.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect((VIP, 53))  # one port, and so one entry in the kernel
        client.settimeout(1)

        def answer() -> str:
            client.send(b"who?")
            try:
                return client.recv(16).decode()
            except OSError:  # the packet with which the kernel notices that the server is gone
                return ""

        before = until(answer, LIMIT_S, "an answer")
        assert answer() == before
        (other,) = BACKS.keys() - {before}
        assert drain(service, before).drain.step == event_pb2.DRAIN_STEP_DRAINED
        assert site.weights() == {other: 3}
        until(lambda: answer() == other, LIMIT_S, "the other one answers the same client")


def test_killed_in_the_midst_it_goes_on_at_the_same_step(site: Site, service: Service) -> None:
    service.start(objects("s2", "s3"))
    site.become({"s2": 3, "s3": 3}, service)
    client = client_of(site, "s2")
    drain(service, "s2")
    service.kill()
    done = service.operations()
    assert (site.weights(), client.works()) == ({"s2": 0, "s3": 3}, True)
    service.start()
    assert row(service, "s2").drain.step == event_pb2.DRAIN_STEP_DRAINING
    assert (site.weights(), client.works(), service.operations()) == ({"s2": 0, "s3": 3}, True, done)
    client.reset()
    site.become({"s3": 3}, service)
    service.kill()
    done = service.operations()
    service.start()
    assert row(service, "s2").drain.step == event_pb2.DRAIN_STEP_DRAINED
    assert (site.weights(), service.operations()) == ({"s3": 3}, done)


def test_a_server_whose_key_is_removed_drains_across_a_kill_and_goes(site: Site, service: Service) -> None:
    service.start(objects("s2", "s3", **LONG))
    site.become({"s2": 3, "s3": 3}, service)
    client = client_of(site, "s2")
    service.put(objects("s3", **LONG))
    site.become({"s2": 0, "s3": 3}, service)
    shown = row(service, "s2")
    assert (shown.drain.removed, shown.drain.reason, client.works()) == (True, "its key is gone", True)
    deadline = shown.drain.deadline.ToNanoseconds()
    service.kill()
    service.start()
    assert row(service, "s2").drain.deadline.ToNanoseconds() == deadline
    assert (site.weights(), client.works()) == ({"s2": 0, "s3": 3}, True)
    client.reset()
    site.become({"s3": 3}, service)
    until(lambda: not service.stub.ListDrains(ipvs_pb2.ListDrainsRequest(), timeout=LIMIT_S).drains, LIMIT_S, "no drain")


def test_a_key_that_is_removed_while_the_service_is_dead_drains_too(site: Site, service: Service) -> None:
    service.start(objects("s2", "s3", **LONG))
    site.become({"s2": 3, "s3": 3}, service)
    client = client_of(site, "s2")
    service.kill()
    service.put(objects("s3", **LONG))
    service.start()
    site.become({"s2": 0, "s3": 3}, service)
    assert client.works()
    client.reset()
    site.become({"s3": 3}, service)


def test_a_key_that_returns_takes_its_server_back(site: Site, service: Service) -> None:
    service.start(objects("s2", "s3", **LONG))
    site.become({"s2": 3, "s3": 3}, service)
    client = client_of(site, "s2")
    service.put(objects("s3", **LONG))
    site.become({"s2": 0, "s3": 3}, service)
    service.put(objects("s2", "s3", **LONG))
    site.become({"s2": 3, "s3": 3}, service)
    assert client.works()
    client.reset()


def test_without_the_virtual_servers_word_a_removed_key_goes_at_once(site: Site, service: Service) -> None:
    service.start(objects("s2", "s3"))
    site.become({"s2": 3, "s3": 3}, service)
    client = client_of(site, "s2")
    service.put(objects("s3"))
    site.become({"s3": 3}, service)
    client.reset()


def test_a_server_under_a_lease_joins_and_drains_when_its_lease_ends(site: Site, service: Service, tmp_path: Path) -> None:
    site.director.ip("link set lo up")
    with Etcd(tmp_path, host=site.director, address="127.0.0.1") as etcd:
        etcd.put("/vipkeeper/config/virtual_server/web", '{"address": "192.168.200.15", "port": 80, "protocol": "tcp",'
                 ' "lb_algo": "rr", "drain_on_removal": "600s"}')  # fmt: skip
        etcd.put("/vipkeeper/config/real_server/web/s3", '{"address": "192.168.100.3"}')
        service.start(store=etcd.url)
        site.become({"s3": 1}, service)
        lease = etcd.etcdctl("lease", "grant", "600").split()[1]
        etcd.etcdctl("put", f"--lease={lease}", "/vipkeeper/config/real_server/web/s2", '{"address": "192.168.100.2"}')
        site.become({"s2": 1, "s3": 1}, service)
        client = client_of(site, "s2")
        etcd.etcdctl("lease", "revoke", lease)
        site.become({"s2": 0, "s3": 1}, service)
        assert (site.ask(4), client.works()) == ({"s3"}, True)
        client.reset()
        site.become({"s3": 1}, service)


def checked(**more: Any) -> dict[str, Any]:
    """web with both servers, which somebody checks; s3 is of a later priority group."""
    both = objects("s2", "s3", **more)
    for group, name in enumerate(("s2", "s3"), start=1):
        both[f"config/real_server/web/{name}"] |= {"tcp_check": [{}], "priority_group": group}
    return both


def test_a_group_that_stood_in_keeps_its_connections_when_the_first_one_is_back(site: Site, service: Service) -> None:
    service.start(checked())
    site.become({"s2": 3, "s3": 0}, service)
    assert site.ask(3) == {"s2"}
    checker = Checker(service.stub)
    checker.say(snapshot=True, s2=False, s3=True)
    assert site.weights() == {"s3": 3}
    client = client_of(site, "s3")
    checker.say(s2=True)
    assert site.weights() == {"s2": 3, "s3": 0}
    assert (site.ask(3), client.works()) == ({"s2"}, True)
    client.reset()
    service.kill()
    done = service.operations()
    service.start()
    row(service, "s3")
    assert (site.weights(), service.operations()) == ({"s2": 3, "s3": 0}, done)


def test_in_a_panic_the_checks_are_distrusted_and_clients_are_served(site: Site, service: Service) -> None:
    service.start(checked(panic_threshold=50))
    site.become({"s2": 3, "s3": 0}, service)
    checker = Checker(service.stub)
    checker.say(snapshot=True, s2=False, s3=False)
    assert site.weights() == {"s2": 3, "s3": 3}
    assert site.ask(4) == {"s2", "s3"}
    (web,) = service.listed().virtual_servers
    assert (web.panic, web.quorum_up) == (True, True)
    checker.say(s2=True, s3=True)
    assert site.weights() == {"s2": 3, "s3": 0}
    checker.hang_up()


def test_a_server_that_joins_rises_slowly_and_goes_on_rising_after_a_kill(site: Site, service: Service) -> None:
    both = objects("s2", "s3", slow_start="3600s")
    both["config/real_server/web/s2"]["weight"] = 1000
    service.start({k: v for k, v in both.items() if not k.endswith("s2")})
    site.become({"s3": 3}, service)
    service.put(both)
    site.become({"s2": 100, "s3": 3}, service)
    ledger = service.folder / "state/ledger.json"
    until(lambda: '["web", "s2"' in ledger.read_text(), LIMIT_S, "the ledger knows of the slow start")
    service.kill()
    done = service.operations()
    service.start()
    shown = row(service, "s2")
    assert (shown.weight, shown.configured_weight, shown.HasField("slow_start_since")) == (100, 1000, True)
    assert service.operations() == done
