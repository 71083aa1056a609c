"""How does a backup's VMAC keep quiet? A table of nftables that drops what this machine would send by such a link.

All nodes have a link with the same MAC. The kernel of a backup that reports multicast groups by its own (as it does for IPv6
addresses that come and go) would draw the switches' traffic away from the master until the next advert. keepalived moves
such reports to the base interface; here nothing leaves by the link at all until the node is master. Adverts and
announcements of addresses are frames, which pass by the table. Layouts: linux/netfilter/nfnetlink.h, nf_tables.h. Blocks
nowhere. The table belongs to the socket: it goes with the process, however that ends, unless a successor was given the socket.
"""

from __future__ import annotations

import _socket
import os
from collections.abc import Iterable
from struct import Struct, pack

from services.vrrp.netlink import ERROR, HEADER, NLM_F_ACK, NLM_F_CREATE, NLM_F_REQUEST, NLMSG_ERROR, attribute, messages

TABLE, CHAIN, SET = b"vipkeeper_quiet\0", b"output\0", b"silent\0"
NETLINK_NETFILTER = 12
NFNL_MSG_BATCH_BEGIN, NFNL_MSG_BATCH_END, NFNL_SUBSYS_NFTABLES = 16, 17, 10
NFT_MSG_NEWTABLE, NFT_MSG_NEWCHAIN, NFT_MSG_NEWRULE, NFT_MSG_NEWSET, NFT_MSG_NEWSETELEM, NFT_MSG_DELSETELEM = 0, 3, 6, 9, 12, 14
NFPROTO_INET, NF_INET_LOCAL_OUT, NF_DROP, FILTER_PRIORITY = 1, 3, 0, -1
NFT_TABLE_F_OWNER, NFT_META_OIF, NFT_REG_VERDICT, NFT_REG_1 = 2, 5, 0, 1
TYPE_IFINDEX = 20  # what nft(8) calls iface_index; only its listing needs it
HOST_ENDIAN = pack("=BBI", 0, 4, 1)  # what nft(8) wants to know to list the members
NESTED = 0x8000
GENERIC = Struct("!BBH")  # struct nfgenmsg: family, version, resource
ENOENT = 2


class Silence:
    """The table, made with the first link that is to be silent; or a predecessor's, with what is `silent` there.

    :raises OSError: there are no netlink sockets of this kind.
    """

    def __init__(self, inherited: int = -1, silent: Iterable[int] = ()) -> None:
        kind = _socket.SOCK_RAW | _socket.SOCK_NONBLOCK | _socket.SOCK_CLOEXEC
        self._there = inherited >= 0
        if self._there:
            self._sock = _socket.socket(_socket.AF_NETLINK, _socket.SOCK_RAW, NETLINK_NETFILTER, inherited)
        else:
            self._sock = _socket.socket(_socket.AF_NETLINK, kind, NETLINK_NETFILTER)
            self._sock.bind((0, 0))
        self._sequence = 0
        self.silent = frozenset(silent)

    def fileno(self) -> int:
        return self._sock.fileno()

    def close(self) -> None:
        """The table goes too."""
        self._sock.close()

    def keep(self, numbers: Iterable[int]) -> None:
        """Exactly these interfaces, by their numbers, are silent from now on.

        :raises OSError: the kernel refuses, and everything is as before.
        """
        wanted = frozenset(numbers)
        if wanted == self.silent:
            return
        requests = [] if self._there else _table()
        for kind, changed in ((NFT_MSG_NEWSETELEM, wanted - self.silent), (NFT_MSG_DELSETELEM, self.silent - wanted)):
            if changed:
                requests.append((kind, _elements(changed)))
        self._exchange(requests)
        self._there, self.silent = True, wanted

    def _exchange(self, requests: list[tuple[int, bytes]]) -> None:
        """One transaction: all of it, or nothing."""
        batch = self._message(NFNL_MSG_BATCH_BEGIN, 0, 0, NFNL_SUBSYS_NFTABLES, b"")
        for kind, body in requests:
            flags = 0 if kind == NFT_MSG_DELSETELEM else NLM_F_CREATE
            batch += self._message(NFNL_SUBSYS_NFTABLES << 8 | kind, flags | NLM_F_ACK, NFPROTO_INET, 0, body)
        last = self._sequence
        batch += self._message(NFNL_MSG_BATCH_END, 0, 0, NFNL_SUBSYS_NFTABLES, b"")
        self._sock.send(batch)
        errors = [error for sequence, error in self._answers(last) if error]
        if errors:
            raise OSError(errors[0], os.strerror(errors[0]))

    def _message(self, kind: int, flags: int, family: int, resource: int, body: bytes) -> bytes:
        self._sequence += 1
        content = GENERIC.pack(family, 0, resource) + body
        return HEADER.pack(HEADER.size + len(content), kind, flags | NLM_F_REQUEST, self._sequence, 0) + content

    def _answers(self, last: int) -> Iterable[tuple[int, int]]:
        while True:
            try:
                data = self._sock.recv(65536, _socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            for kind, sequence, _port, body in messages(data):
                if kind == NLMSG_ERROR:
                    yield sequence, -ERROR.unpack_from(body)[0]
                    if sequence == last:
                        return


def _table() -> list[tuple[int, bytes]]:
    """Table, set, chain and rule: what would leave by an interface of the set is dropped."""
    hook = _number(1, NF_INET_LOCAL_OUT) + attribute(2, pack("!i", FILTER_PRIORITY))
    chain = attribute(1, TABLE) + attribute(3, CHAIN) + _nested(4, hook) + attribute(7, b"filter\0")
    members = attribute(1, TABLE) + attribute(2, SET) + _number(3, 0) + _number(4, TYPE_IFINDEX) + _number(5, 4)
    members += _number(10, 1) + attribute(13, HOST_ENDIAN)
    verdict = _nested(2, _nested(2, _number(1, NF_DROP)))
    rule = (
        _expression(b"meta\0", _number(1, NFT_REG_1) + _number(2, NFT_META_OIF))
        + _expression(b"lookup\0", attribute(1, SET) + _number(2, NFT_REG_1))
        + _expression(b"immediate\0", _number(1, NFT_REG_VERDICT) + verdict)
    )
    return [
        (NFT_MSG_NEWTABLE, attribute(1, TABLE) + _number(2, NFT_TABLE_F_OWNER)),
        (NFT_MSG_NEWSET, members),
        (NFT_MSG_NEWCHAIN, chain),
        (NFT_MSG_NEWRULE, attribute(1, TABLE) + attribute(2, CHAIN) + _nested(4, rule)),
    ]


def _elements(numbers: Iterable[int]) -> bytes:
    listed = b"".join(_nested(1, _nested(1, attribute(1, pack("=I", number)))) for number in sorted(numbers))
    return attribute(1, TABLE) + attribute(2, SET) + _nested(3, listed)


def _expression(name: bytes, data: bytes) -> bytes:
    return _nested(1, attribute(1, name) + _nested(2, data))


def _number(kind: int, value: int) -> bytes:
    return attribute(kind, pack("!I", value))


def _nested(kind: int, value: bytes) -> bytes:
    return attribute(NESTED | kind, value)
