"""The machines of the demo, as network namespaces, and what runs on them besides vipkeeper."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import TracebackType

from tests.demo import configs
from tests.demo.configs import Machine
from tests.demo.director import Director
from tests.kit.adverts import Wire
from tests.kit.etcd import Etcd
from tests.kit.mailbox import Mailbox
from tests.kit.netns import Host, Net
from tests.kit.process import Process

HERE = Path(__file__).resolve().parent
WEBSERVER = HERE.parent / "kit/webserver.py"
# Neither site packages nor the user's own: these two start in a few milliseconds.
PLAIN_PYTHON = (sys.executable, "-S", "-I")


class Topology:
    """Two directors, three real servers, a client, a mail server, etcd and a listener on three switches."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._net = Net()
        self.directors = tuple(Director(machine, self.plug_in, folder) for machine in configs.DIRECTORS)
        self._machines: dict[str, Host] = {}
        self.web: dict[str, Process] = {}

    @property
    def etcd_host(self) -> Host:
        """Where etcd runs, and where an operator's commands do."""
        return self._machines["etcd"]

    def plug_in(self, host: Host, machine: Machine) -> None:
        """Give a host its interfaces, addresses and default route."""
        for switch, interface, address in machine.interfaces:
            host.join(self._net.bridge(switch), interface, address)
        if machine.gateway:
            host.ip(f"route add default via {machine.gateway}")

    def set_up(self) -> None:
        """Everything but vipkeeper: machines, web servers, etcd, the client's and the listener's programs."""
        for machine in (*configs.REAL_SERVERS, configs.CLIENT, configs.WIRE, configs.MAIL, configs.ETCD):
            host = self._machines[machine.name] = self._net.host(machine.name)
            self.plug_in(host, machine)
        for machine in configs.REAL_SERVERS:
            host = self._machines[machine.name]
            # What director 2 sent on port 443 goes back through the address of its own group.
            host.ip(f"route add default via {configs.BACK}.11 table 100")
            host.ip("rule add ipproto tcp sport 443 lookup 100")
            self.start_web(machine.name)
        self.wire = Wire(self._machines["wire"])
        self.mailbox = Mailbox(self._machines["mail"])
        self.etcd = Etcd(self.folder, host=self._machines["etcd"], address=f"{configs.MANAGEMENT}.10").start()
        for director in self.directors:
            director.power_on(self.etcd.url)

    def start_web(self, name: str) -> None:
        """The web server of one real server."""
        pages = json.dumps({path: page.decode() for path, page in configs.PAGES[name].items()})
        argv = (*PLAIN_PYTHON, str(WEBSERVER), name, pages)
        self.web[name] = self._machines[name].start(argv, log=self.folder / f"{name}.log")

    def start_client(self) -> None:
        """Ask the first virtual server's page for the rest of the demo."""
        argv = (*PLAIN_PYTHON, str(HERE / "client.py"), f"{configs.FRONT}.10", "80")
        self._answers = self.folder / "client.log"
        self._machines["client"].start(argv, log=self._answers)

    def start_ticker(self) -> None:
        """Watch how long the machine itself stands still."""
        self._stalls = self.folder / "ticker.log"
        self._machines["wire"].start((*PLAIN_PYTHON, str(HERE / "ticker.py")), log=self._stalls)

    def longest_stall_s(self, since_ns: int) -> float:
        """The latest tick of a bare real-time timer since then (Unix time)."""
        lines = (line.split() for line in self._stalls.read_text().splitlines(keepends=True) if line.endswith("\n"))
        return max((int(late) for at, late in lines if int(at) > since_ns), default=0) / 1e9

    def answers(self) -> list[tuple[int, str]]:
        """CLOCK_MONOTONIC in nanoseconds, and who answered."""
        lines = (line.split() for line in self._answers.read_text().splitlines(keepends=True) if line.endswith("\n"))
        return [(int(at), who) for at, who in lines]

    def close(self) -> None:
        for director in self.directors:
            director.power_off()
        if hasattr(self, "mailbox"):
            self.mailbox.close()
        if hasattr(self, "etcd"):
            self.etcd.close()
        self._net.close()

    def __enter__(self) -> Topology:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
