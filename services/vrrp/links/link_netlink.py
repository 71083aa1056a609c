"""How are links made, set and removed? rtnetlink, own packed messages, and the few settings that only /proc/sys has.

Layouts: linux/if_link.h, linux/ip.h. Making and setting take the kernel less than a millisecond; removing takes it about
20 ms whatever the number, so `remove_apart` does it beside the loop.
"""

from __future__ import annotations

import _socket
import os
from collections.abc import Mapping
from contextlib import suppress
from struct import Struct

from services.vrrp.addresses import IFA_F_NODAD, VirtualAddress
from services.vrrp.links.plan import IFF_UP, MACVLAN_PRIVATE, MODES, Adjust, Create, SetConf
from services.vrrp.links.vmac import MACVLAN, VirtualLink
from services.vrrp.netlink import (
    EEXIST,
    ERROR,
    FLAGS,
    HEADER,
    IFLA_ADDRESS,
    IFLA_AF_SPEC,
    IFLA_GROUP,
    IFLA_IFALIAS,
    IFLA_IFNAME,
    IFLA_INET_CONF,
    IFLA_INFO_DATA,
    IFLA_INFO_KIND,
    IFLA_LINK,
    IFLA_LINKINFO,
    IFLA_MASTER,
    LINK,
    NLM_F_ACK,
    NLM_F_CREATE,
    NLM_F_EXCL,
    NLM_F_REQUEST,
    NLMSG_ERROR,
    RTM_DELLINK,
    RTM_NEWADDR,
    RTM_NEWLINK,
    Exchange,
    address_body,
    attribute,
    messages,
    request_socket,
)

NESTED = 0x8000
IFLA_MACVLAN_MODE, IFLA_IPVLAN_MODE, IFLA_IPVLAN_FLAGS = 1, 1, 2
IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE = 8, 1
IPVLAN_MODE_L2 = 0
SHORT = Struct("=H")
EPERM, ENODEV, EBUSY, EAFNOSUPPORT, EOPNOTSUPP = 1, 19, 16, 97, 95
LEAVING = 0x76697031  # the group (IFLA_GROUP) of links that are to go: the kernel removes a group at once
STACK = 256 << 10  # of the thread that removes; all of it is locked into memory
SYSCTLS = "/proc/sys/net/ipv6/conf"


class LinkRequests:
    """Makes, sets and removes links by a netlink socket of its own."""

    def __init__(self, sock: Exchange) -> None:
        self._sock = sock
        self._sequence = 0

    def close(self) -> None:
        self._sock.close()

    def create(self, step: Create) -> str:
        """Why not, in words; empty: it is there now, down."""
        link = step.link
        data = (
            attribute(IFLA_MACVLAN_MODE, FLAGS.pack(MACVLAN_PRIVATE))
            if link.kind == MACVLAN
            else attribute(IFLA_IPVLAN_MODE, SHORT.pack(IPVLAN_MODE_L2))
            + attribute(IFLA_IPVLAN_FLAGS, SHORT.pack(MODES[link.mode]))
        )
        info = attribute(IFLA_INFO_KIND, link.kind.encode() + b"\0") + attribute(NESTED | IFLA_INFO_DATA, data)
        body = LINK.pack(0, 0, 0, 0, 0) + attribute(IFLA_IFNAME, link.name.encode() + b"\0")
        body += attribute(IFLA_LINK, FLAGS.pack(step.lower)) + attribute(NESTED | IFLA_LINKINFO, info)
        if link.mac:
            body += attribute(IFLA_ADDRESS, link.mac)
        return self._reason(self._ask(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, body), link)

    def adjust(self, step: Adjust) -> str:
        """Why not, in words."""
        link = step.link
        body = LINK.pack(0, 0, step.number, 0, 0) + attribute(IFLA_IFALIAS, step.alias.encode() + b"\0")
        if link.mac:
            body += attribute(IFLA_ADDRESS, link.mac)
        if link.group:
            body += attribute(IFLA_GROUP, FLAGS.pack(link.group))
        error = self._ask(RTM_NEWLINK, 0, body)
        if not error and step.master >= 0:
            error = self._ask(
                RTM_NEWLINK, 0, LINK.pack(0, 0, step.number, 0, 0) + attribute(IFLA_MASTER, FLAGS.pack(step.master))
            )
        error = error or self._conf(step.number, step.conf, link.kind == MACVLAN)
        if not error and link.address:
            flags = IFA_F_NODAD if ":" in link.address else 0
            row = VirtualAddress(link.address, link.prefix, flags=flags)
            error = self._ask(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, address_body(step.number, row))
            error = 0 if error == EEXIST else error
        return self._reason(error, link)

    def set_up(self, link: VirtualLink, number: int) -> str:
        """Why not, in words."""
        return self._reason(self._ask(RTM_NEWLINK, 0, LINK.pack(0, 0, number, IFF_UP, IFF_UP)), link)

    def set_conf(self, step: SetConf) -> str:
        """Why not, in words."""
        error = self._conf(step.number, step.conf, False)
        return f"the settings of {step.name}: {os.strerror(error)}" if error and error != ENODEV else ""

    def remove(self, numbers: tuple[int, ...]) -> None:
        """All at once; one that is gone already does not matter."""
        for number in numbers:
            self._ask(RTM_NEWLINK, 0, LINK.pack(0, 0, number, 0, 0) + attribute(IFLA_GROUP, FLAGS.pack(LEAVING)))
        self._ask(RTM_DELLINK, 0, LINK.pack(0, 0, 0, 0, 0) + attribute(IFLA_GROUP, FLAGS.pack(LEAVING)))

    def _conf(self, number: int, conf: Mapping[int, int], quiet: bool) -> int:
        """IPv4's settings; `quiet`: the kernel gives it no IPv6 address of its own. Gives errno."""
        head = LINK.pack(0, 0, number, 0, 0)
        four = b"".join(attribute(key, FLAGS.pack(value)) for key, value in conf.items())
        spec = attribute(NESTED | _socket.AF_INET, attribute(NESTED | IFLA_INET_CONF, four)) if four else b""
        error = self._ask(RTM_NEWLINK, 0, head + attribute(NESTED | IFLA_AF_SPEC, spec)) if spec else 0
        if not error and quiet:
            mode = attribute(IFLA_INET6_ADDR_GEN_MODE, bytes([IN6_ADDR_GEN_MODE_NONE]))
            spec = attribute(NESTED | _socket.AF_INET6, mode)
            error = self._ask(RTM_NEWLINK, 0, head + attribute(NESTED | IFLA_AF_SPEC, spec))
            error = 0 if error == EAFNOSUPPORT else error  # there is no IPv6 here at all
        return error

    def _ask(self, kind: int, flags: int, body: bytes) -> int:
        """One request; gives errno."""
        self._sequence += 1
        head = HEADER.pack(HEADER.size + len(body), kind, flags | NLM_F_REQUEST | NLM_F_ACK, self._sequence, 0)
        try:
            self._sock.send(head + body)
            while True:
                for answer, sequence, _port, part in messages(self._sock.recv(65536, _socket.MSG_DONTWAIT)):
                    if answer == NLMSG_ERROR and sequence == self._sequence:
                        return int(-ERROR.unpack_from(part)[0])
        except OSError as error:
            return error.errno or 5

    def _reason(self, error: int, link: VirtualLink) -> str:
        match error:
            case 0:
                return ""
            case 1:
                return "no permission to make links (the engine needs CAP_NET_ADMIN)"
            case 16 | 98:
                return (
                    f"another link on {link.base} has the same MAC, or {link.base} takes none (it is part of a bridge or bond)"
                )
            case 95:
                return f"the kernel has no {link.kind} on {link.base} (modprobe {link.kind}?)"
        return os.strerror(error)


def open_links() -> LinkRequests:
    """On a socket of its own."""
    return LinkRequests(request_socket())


def remove_apart(numbers: tuple[int, ...]) -> None:
    """Start removing beside the loop; the kernel tells when they are gone."""
    from _thread import stack_size, start_new_thread

    stack_size(STACK)
    start_new_thread(_remove, (numbers, os.sched_getscheduler(0), os.sched_getparam(0)))


def _remove(numbers: tuple[int, ...], policy: int, param: os.sched_param) -> None:
    if param.sched_priority:  # threads start in the ordinary class, where the loop would have to wait for this one
        with suppress(OSError):
            os.sched_setscheduler(0, policy, param)
    requests = open_links()
    requests.remove(numbers)
    requests.close()


def tune(link: VirtualLink) -> str:
    """The settings of IPv6 that netlink does not have; why not, in words, where one is needed and cannot be set.

    As keepalived has it there is no IPv6 on an IPv4 VMAC; on another one router advertisements would give addresses to it.
    """
    if link.kind != MACVLAN:
        return ""
    name, value = ("disable_ipv6", "1") if link.family == 4 else ("accept_ra", "0")
    try:
        _write(f"{SYSCTLS}/{link.name}/{name}", value)
    except OSError:
        return f"sysctl net.ipv6.conf.{link.name}.{name} cannot be set to {value}"
    return ""


def _write(path: str, value: str) -> None:
    """One setting, unless it is so already, or this kernel has no such thing.

    :raises OSError: it cannot be written.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if os.read(fd, 64).strip() == value.encode():
            return
    finally:
        os.close(fd)
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, value.encode())
    finally:
        os.close(fd)
