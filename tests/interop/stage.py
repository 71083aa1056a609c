"""A stage for one router and a scripted peer: the same script is played to keepalived and to vipkeeper, and looked at alike.

The router is .5; the peer is no program but adverts of this test, from any address. What is noted: the states that the
router tells of, the adverts that it sends, and whether it holds its address once it has settled.
"""

from __future__ import annotations

import os
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Protocol

from services.vrrp.wire.packet import Format, encode
from tests.kit.engine import Engine, Objects
from tests.kit.keepalived import start_keepalived
from tests.kit.netns import Host, Net
from tests.kit.process import Process
from tests.kit.wait import until
from tests.kit.wire import Wire

VIP, MORE = "192.168.200.10", "192.168.200.11"
ROUTER, LOWER, HIGHER = "192.168.200.5", "192.168.200.3", "192.168.200.7"
LISTED = {51: VIP, 52: MORE}  # by VRID; keepalived passes over adverts that do not list its addresses
SECOND = 1_000_000_000
STANDSTILL_S = 0.2  # of adverts at 0.2 s nobody hears enough then
GROUP = socket.inet_aton("224.0.0.18")
TO_GROUP = bytes.fromhex("01005e000012") + bytes.fromhex("020000000003") + b"\x08\x00"


class Router(NamedTuple):
    """One virtual router of the router under test. `interval` in seconds; VRRPv3. `script`: its weight, None: no script.

    `ignores`: `owner_ignore_adverts`, which keepalived 2.2.7 does not have.
    """

    priority: int = 100
    vrid: int = 51
    interval: float = 0.2
    master: bool = False
    nopreempt: bool = False
    preempt_delay: int = 0
    script: int | None = None
    ignores: bool = False
    addresses: tuple[str, ...] = (VIP,)


Routers = dict[str, Router]


class Subject(Protocol):
    """The router under test. `told`: the states that each virtual router has told, in order."""

    told: dict[str, list[str]]

    def start(self, routers: Routers, grouped: bool) -> None: ...
    def poll(self) -> None: ...
    def script(self, ok: bool) -> None: ...
    def reload(self, routers: Routers) -> None: ...
    def stop(self) -> None: ...
    def close(self) -> None: ...


class Keepalived:
    """Debian's keepalived, its states read from its own notify FIFO."""

    def __init__(self, host: Host, folder: Path) -> None:
        self.told: dict[str, list[str]] = {}
        self._host, self._folder = host, folder
        self._fifo, self._flag = folder / "fifo", folder / "script-ok"
        self._flag.touch()
        os.mkfifo(self._fifo)
        self._reader = os.open(self._fifo, os.O_RDONLY | os.O_NONBLOCK)
        self._rest = ""
        self._grouped = False
        self._process: Process | None = None

    def start(self, routers: Routers, grouped: bool = False) -> None:
        self._grouped = grouped
        self._process = start_keepalived(self._host, self._folder, self._text(routers))

    def poll(self) -> None:
        while True:
            try:
                data = os.read(self._reader, 65536)
            except BlockingIOError:
                return
            if not data:
                return
            *lines, self._rest = (self._rest + data.decode()).split("\n")
            for line in lines:
                kind, name, state, *_priority = line.split()
                if kind == "INSTANCE":
                    self.told.setdefault(name.strip('"'), []).append(state)

    def script(self, ok: bool) -> None:
        self._flag.touch() if ok else self._flag.unlink(missing_ok=True)

    def reload(self, routers: Routers) -> None:
        (self._folder / "keepalived.conf").write_text(self._text(routers))
        assert self._process is not None
        self._process.signal(signal.SIGHUP)

    def stop(self) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait()

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
        os.close(self._reader)

    def _text(self, routers: Routers) -> str:
        blocks = [
            "global_defs {\n vrrp_version 3\n vrrp_garp_master_delay 1\n script_user root\n vrrp_notify_fifo "
            f"{self._fifo}\n notify_deleted\n}}",
            f'vrrp_script chk {{\n script "/usr/bin/test -e {self._flag}"\n interval 1\n}}',
        ]
        for name, r in routers.items():
            lines = ["notify_deleted", "interface eth0", f"state {'MASTER' if r.master else 'BACKUP'}"]
            lines += [f"virtual_router_id {r.vrid}", f"priority {r.priority}", f"advert_int {r.interval:g}"]
            lines += ["nopreempt"] if r.nopreempt else []
            lines += [f"preempt_delay {r.preempt_delay}"] if r.preempt_delay else []
            lines += [f"track_script {{\n chk weight {r.script}\n }}"] if r.script is not None else []
            lines.append("virtual_ipaddress {\n" + "\n".join(r.addresses) + "\n}")
            blocks.append(f"vrrp_instance {name} {{\n" + "\n".join(lines) + "\n}")
        if self._grouped:
            blocks.append("vrrp_sync_group G {\n group {\n" + "\n".join(routers) + "\n}\n}")
        return "\n".join(blocks) + "\n"


class Vipkeeper:
    """vipkeeper's engine, its states as it tells its agent."""

    def __init__(self, host: Host, folder: Path) -> None:
        self.told: dict[str, list[str]] = {}
        self._host = host
        self._engine: Engine | None = None
        self._ok = True
        self._taken = 0
        self._revision = 1
        self._grouped = False

    def start(self, routers: Routers, grouped: bool = False) -> None:
        self._grouped = grouped
        self._engine = Engine(self._host, self._objects(routers))
        self.script(self._ok)

    def poll(self) -> None:
        assert self._engine is not None
        self._engine.poll()
        for message in self._engine.transitions[self._taken :]:
            if message["kind"] == "instance":
                self.told.setdefault(message["name"], []).append(message["to"])
        self._taken = len(self._engine.transitions)

    def script(self, ok: bool) -> None:
        self._ok = ok
        if self._engine is not None:
            self._engine.agent.send({"do": "script", "name": "chk", "ok": ok})

    def reload(self, routers: Routers) -> None:
        assert self._engine is not None
        self._revision += 1
        self._engine.apply(self._revision, self._objects(routers))

    def stop(self) -> None:
        assert self._engine is not None
        self._engine.signal(signal.SIGTERM)
        self._engine.wait()
        self.poll()

    def close(self) -> None:
        if self._engine is not None:
            self._engine.close()

    def _objects(self, routers: Routers) -> Objects:
        objects: Objects = {
            ("global", ""): {"vrrp_version": 3, "vrrp_garp_master_delay": SECOND},
            ("vrrp_script", "chk"): {"script": "/bin/true", "interval": SECOND},
        }
        for name, r in routers.items():
            value: dict[str, Any] = {
                "interface": "eth0",
                "virtual_router_id": r.vrid,
                "priority": r.priority,
                "state": "master" if r.master else "backup",
                "advert_int": round(r.interval * 100) * (SECOND // 100),
                "nopreempt": r.nopreempt,
                "owner_ignore_adverts": r.ignores,
                "preempt_delay": r.preempt_delay * SECOND,
                "virtual_ipaddress": [{"address": address} for address in r.addresses],
            }
            if r.script is not None:
                value["track_script"] = [{"name": "chk", "weight": r.script}]
            objects["vrrp_instance", name] = value
        if self._grouped:
            objects["vrrp_sync_group", "G"] = {"group": list(routers)}
        return objects


SUBJECTS: dict[str, Callable[[Host, Path], Subject]] = {"keepalived": Keepalived, "vipkeeper": Vipkeeper}


class Peer(threading.Thread):
    """Another router: adverts each interval while `priority` is set, and single ones. `sent` counts all.

    `stood_still`: it once woke later than any router waits, and with it the machine perhaps.
    """

    def __init__(self, wire: Wire) -> None:
        super().__init__(name="peer", daemon=True)
        self._wire = wire
        self._over = threading.Event()
        self._speaking: tuple[float, tuple[int, int, float, str]] | None = None
        self._lock = threading.Lock()
        self.sent = 0
        self.stood_still = False
        self.start()

    def speaks(self, priority: int, vrid: int = 51, interval: float = 0.2, source: str = HIGHER, every: float = 0) -> None:
        """From now on, until it says otherwise; `every`: the seconds that it really takes."""
        self._speaking = every or interval, (priority, vrid, interval, source)
        self.says(*self._speaking[1])

    def falls_silent(self) -> None:
        self._speaking = None

    def says(self, priority: int, vrid: int = 51, interval: float = 0.2, source: str = HIGHER, broken: bool = False) -> None:
        """One advert; `broken`: its checksum is wrong."""
        form = Format(3, vrid, round(interval * 100) * 10_000_000, None, GROUP)
        packet = bytearray(encode(form, priority, [socket.inet_aton(LISTED[vrid])], socket.inet_aton(source), 1))
        packet[26] ^= broken
        with self._lock:
            self._wire.send(TO_GROUP + bytes(packet))
            self.sent += 1

    def run(self) -> None:
        while True:
            speaking = self._speaking
            pause, began = speaking[0] if speaking is not None else 0.02, time.monotonic()
            if self._over.wait(pause):
                return
            self.stood_still |= time.monotonic() - began > pause + STANDSTILL_S
            if speaking is not None and speaking is self._speaking:
                self.says(*speaking[1])

    def close(self) -> None:
        self._over.set()
        self.join()
        self._wire.close()


class Stage:
    """One subject, its peer and what was seen. Scripts call its methods and end; `seen` is what they are compared by."""

    def __init__(self, make: Callable[[Host, Path], Subject]) -> None:
        self._net = Net()
        self._folder = tempfile.TemporaryDirectory(prefix="interop-")
        Path(self._folder.name).chmod(0o755)
        lan = self._net.bridge("lan")
        self.host, peer = self._net.host("router"), self._net.host("peer")
        self.cable = self.host.join(lan, "eth0", f"{ROUTER}/24", mac="02:00:00:00:00:05")
        peer.join(lan, "eth0", f"{LOWER}/24", mac="02:00:00:00:00:03")
        self.wire = Wire(peer, "eth0")
        self.peer = Peer(Wire(peer, "eth0"))
        self.subject = make(self.host, Path(self._folder.name))
        self._held: list[tuple[str, ...]] = []
        self._group: Routers = {}

    # -- what scripts do

    def start(self, grouped: bool = False, **routers: Router) -> None:
        self._group = routers if grouped else {}
        self.subject.start(routers, grouped)

    def reach(self, state: str, name: str = "VI_1") -> None:
        """Wait for a state, and for the addresses that go with it; note these."""
        until(lambda: self.told(name)[-1:] == [state], 30, lambda: f"{name} {state}: {self.subject.told}")
        until(lambda: bool(self.held()) == self._any_master(), 30, lambda: f"{name} {state}: holds {self.held()}")
        until(self._together, 30, lambda: f"{name} {state}: the group is not of one mind, {self.subject.told}")
        self._held.append(self.held())

    def hears(self, count: int) -> None:
        """The router has heard so many more adverts."""
        wanted = self.peer.sent + count
        until(lambda: self.peer.sent >= wanted, what="the peer speaks")
        self._held.append(self.held())

    def advertises(self, priority: int, more: int = 1, vrid: int = 51) -> None:
        """So many more adverts of a priority are seen."""
        wanted = self.adverts(vrid).count(priority) + more
        self.wire.until(lambda: self.adverts(vrid).count(priority) >= wanted, f"adverts of {priority}: {self.subject.told}")

    def answers(self, priority: int, altogether: int) -> None:
        """So many adverts of a priority are seen, from the beginning."""
        self.wire.until(
            lambda: self.adverts().count(priority) >= altogether, f"{altogether} adverts of {priority}: {self.subject.told}"
        )

    def holds(self, *addresses: str) -> None:
        until(lambda: self.held() == addresses, 30, lambda: f"{addresses}, holds {self.held()}")
        self._held.append(self.held())

    # -- what is seen

    def told(self, name: str = "VI_1") -> list[str]:
        self.subject.poll()
        return self.subject.told.get(name, [])

    def adverts(self, vrid: int = 51) -> list[int]:
        """Priorities of all adverts that the router has sent."""
        return [frame.priority for frame in self.wire.adverts(ROUTER) if frame.vrid == vrid]

    def held(self) -> tuple[str, ...]:
        text = self.host.ip("-4 addr show dev eth0", check=False)
        return tuple(address for address in (VIP, MORE) if f" {address}/" in text)

    def seen(self, exactly: bool) -> dict[str, Any]:
        """Everything, adverts that repeat the one before left out unless `exactly`."""
        self.subject.poll()
        found: dict[str, Any] = {"held": self._held}
        for name, told in self.subject.told.items():
            found[f"{name} told"] = [state for state, _group in groupby(told)]  # keepalived tells of each lower advert
        for vrid in LISTED:
            adverts = self.adverts(vrid)
            found[f"adverts of {vrid}"] = adverts if exactly else [priority for priority, _group in groupby(adverts)]
        return found

    def _any_master(self) -> bool:
        return any(self._is_master(name) for name in list(self.subject.told))  # others tell meanwhile

    def _is_master(self, name: str) -> bool:
        return self.told(name)[-1:] in (["MASTER"], ["MASTER_RX_LOWER_PRI"])

    def _together(self) -> bool:
        """A group moves one member after the other: what is seen in between is nobody's state."""
        held = tuple(address for router in self._group.values() for address in router.addresses)
        masters = {self._is_master(name) for name in self._group}
        return not self._group or (len(masters) == 1 and self.held() == (held if masters == {True} else ()))

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.peer.close()
        self.subject.close()
        self._net.close()
        self.wire.close()
        self._folder.cleanup()
