"""Which addresses has this node? For ha_suspend: checks pause while their virtual server's address is elsewhere.

Shell: listens to rtnetlink's address events and reads the list anew after each (rtnetlink(7); linux/if_addr.h).
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import os
import socket
import struct
from collections.abc import Callable, Iterator

from services.checker.servers import VirtualServer

log = logging.getLogger(__name__)

_GROUPS = 0x10 | 0x100  # RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR
_NLMSG = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_IFADDRMSG = struct.Struct("=BBBBI")  # family, prefix length, flags, scope, interface
_ATTRIBUTE = struct.Struct("=HH")
_RTM_NEWADDR, _RTM_GETADDR, _NLMSG_ERROR, _NLMSG_DONE = 20, 22, 2, 3
_NLM_F_REQUEST_DUMP = 0x1 | 0x300
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_SETTLE_S = 0.02  # address events come in bursts


def suspended(virtual: VirtualServer, local: frozenset[str]) -> bool:
    """The service asks to be checked only where its address is, and that is not here (fwmark services have none)."""
    return virtual.ha_suspend and bool(virtual.address) and canonical(virtual.address) not in local


def canonical(address: str) -> str:
    """One spelling for each address."""
    return str(ipaddress.ip_address(address))


def local_addresses() -> frozenset[str]:
    """All addresses of this network namespace.

    :raises OSError: the kernel does not tell.
    """
    found: set[str] = set()
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE) as s:
        s.settimeout(2.0)
        body = _IFADDRMSG.pack(0, 0, 0, 0, 0)
        s.send(_NLMSG.pack(_NLMSG.size + len(body), _RTM_GETADDR, _NLM_F_REQUEST_DUMP, 1, 0) + body)
        while True:
            for kind, message in _messages(s.recv(1 << 20)):
                if kind == _RTM_NEWADDR:
                    found |= {address for address in (_address(message),) if address}
                elif kind == _NLMSG_DONE:
                    return frozenset(found)
                elif kind == _NLMSG_ERROR:
                    code = -struct.unpack_from("=i", message)[0]
                    raise OSError(code, os.strerror(code))


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and body of each netlink message."""
    at = 0
    while at + _NLMSG.size <= len(data):
        length, kind, *_ = _NLMSG.unpack_from(data, at)
        if length < _NLMSG.size:
            return
        yield kind, data[at + _NLMSG.size : at + length]
        at += (length + 3) & ~3


def _address(message: bytes) -> str:
    """The address of an RTM_NEWADDR: IFA_LOCAL where there is one (point-to-point), else IFA_ADDRESS."""
    attributes: dict[int, bytes] = {}
    at = _IFADDRMSG.size
    while at + _ATTRIBUTE.size <= len(message):
        length, kind = _ATTRIBUTE.unpack_from(message, at)
        if length < _ATTRIBUTE.size:
            break
        attributes[kind] = message[at + _ATTRIBUTE.size : at + length]
        at += (length + 3) & ~3
    packed = attributes.get(_IFA_LOCAL) or attributes.get(_IFA_ADDRESS)
    return str(ipaddress.ip_address(packed)) if packed else ""


async def follow(changed: Callable[[frozenset[str]], None]) -> None:
    """Call `changed` with the addresses now and after each change, until cancelled."""
    loop = asyncio.get_running_loop()
    event = asyncio.Event()
    event.set()
    with socket.socket(
        socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE
    ) as s:
        s.bind((0, _GROUPS))

        def heard() -> None:
            with contextlib.suppress(OSError):  # ENOBUFS: events were lost, which the new list makes good
                s.recv(1 << 16)
            event.set()

        loop.add_reader(s.fileno(), heard)
        try:
            known: frozenset[str] | None = None
            while True:
                await event.wait()
                event.clear()
                try:
                    now = await asyncio.to_thread(local_addresses)
                except OSError as e:
                    log.warning("cannot read the node's addresses: %s; tried again", e.strerror)
                    event.set()
                    await asyncio.sleep(1)
                    continue
                if now != known:
                    known = now
                    changed(now)
                await asyncio.sleep(_SETTLE_S)
        finally:
            loop.remove_reader(s.fileno())
