"""Short words for services, servers and settings, shared by the tests of ipvs."""

from __future__ import annotations

import ipaddress
from typing import Any

from services.ipvs import settings
from services.ipvs.fields import family_of
from services.ipvs.model import ANYWHERE, HOST_BITS, INET, TCP, Destination, DestinationKey, Method, Service, ServiceKey


def packed(address: str) -> bytes:
    return ipaddress.ip_address(address).packed


def key(address: str = "10.0.0.1", port: int = 80, protocol: int = TCP) -> ServiceKey:
    return ServiceKey(family_of(packed(address)), protocol, packed(address), port)


def mark(number: int, family: int = INET) -> ServiceKey:
    return ServiceKey(family, 0, ANYWHERE[family], 0, number)


def service(of: ServiceKey | None = None, scheduler: str = "wlc", **more: Any) -> Service:
    of = of or key()
    return Service(of, scheduler, **{"netmask": HOST_BITS[of.family], **more})


def place(address: str, port: int = 80) -> DestinationKey:
    return DestinationKey(family_of(packed(address)), packed(address), port)


def server(address: str, weight: int = 1, port: int = 80, method: Method = Method.NAT, **more: Any) -> Destination:
    return Destination(place(address, port), method, weight, **more)


def virtual(name: str = "web", **fields: Any) -> settings.VirtualServer:
    return settings.virtual_server(name, {"address": "10.0.0.1", "port": 80, "protocol": "tcp", **fields})


def marked(name: str = "marked", number: int = 5, **fields: Any) -> settings.VirtualServer:
    return settings.virtual_server(name, {"fwmark": number, **fields})


def real(name: str, address: str = "", of: str = "web", checked: bool = True, **fields: Any) -> settings.RealServer:
    """`real("s2")` is 10.0.1.2; checked unless said otherwise."""
    value = {"address": address or f"10.0.1.{name.removeprefix('s')}", **fields}
    return settings.real_server(f"{of}/{name}", value | ({"tcp_check": [{}]} if checked else {}))
