"""In which order links come to be: whoever is to be quiet is so before it is up."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from services.vrrp.config.resolve import Resolved, resolve
from services.vrrp.config.settings import DECODERS
from services.vrrp.links import virtual_links
from services.vrrp.links.plan import Adjust, Create
from services.vrrp.links.virtual_links import VirtualLinks
from services.vrrp.links.vmac import VirtualLink
from services.vrrp.netlink import IFF_UP, Interface

BASE = Interface(2, "eth0", IFF_UP, bytes(6))


class Kernel:
    """Makes what it is asked for, and notes it; in place of the netlink sockets and of the table."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.interfaces = {"eth0": BASE}

    def create(self, step: Create) -> str:
        link = step.link
        self.done.append(f"create {link.name}")
        self.interfaces[link.name] = Interface(7, link.name, 0, link.mac, lower=2, kind=link.kind, mode=1)
        return ""

    def adjust(self, step: Adjust) -> str:
        here = self.interfaces[step.link.name]
        self.interfaces[here.name] = here._replace(alias=step.alias, conf=step.conf)
        return ""

    def set_up(self, link: VirtualLink, number: int) -> str:
        self.done.append(f"set up {link.name}")
        self.interfaces[link.name] = self.interfaces[link.name]._replace(flags=IFF_UP)
        return ""

    def set_conf(self, step: object) -> str:
        return ""

    def keep(self, numbers: Iterable[int]) -> None:
        self.done.append(f"quiet {sorted(numbers)}")

    def look(self) -> dict[str, Interface]:
        return dict(self.interfaces)


class Absent:
    """In place of what sends and hears frames: it cannot be had."""

    def __init__(self, family: int) -> None:
        raise OSError

    @classmethod
    def on(cls, name: str) -> Absent:
        raise OSError


def backup() -> Resolved:
    value: dict[str, Any] = {"interface": "eth0", "virtual_router_id": 51, "version": 3, "use_vmac": {}}
    value["virtual_ipaddress"] = [{"address": "fe80::51"}, {"address": "2001:db8::51"}]
    return resolve({("vrrp_instance", "VI_1"): DECODERS["vrrp_instance"]("VI_1", value)})


def test_a_backups_link_is_quiet_before_it_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel()
    monkeypatch.setattr(virtual_links, "open_links", lambda: kernel)
    monkeypatch.setattr(virtual_links, "Silence", lambda: kernel)
    monkeypatch.setattr(virtual_links, "tune", lambda link: "")
    for name in ("FrameSender", "FrameReceiver"):
        monkeypatch.setattr(virtual_links, name, Absent)
    links = VirtualLinks(kernel.look, lambda: 0)
    links.configure(backup(), kernel.look())
    assert [what for what in kernel.done if what != "quiet []"][:3] == ["create vrrp.51", "quiet [7]", "set up vrrp.51"]
