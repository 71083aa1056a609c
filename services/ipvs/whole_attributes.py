"""How do time-outs and sync daemons look as generic netlink messages? Bytes out and in, no socket.

Source: include/uapi/linux/ip_vs.h and net/netfilter/ipvs/ip_vs_ctl.c, as for `attributes`.
"""

from __future__ import annotations

import struct

from services.ipvs.attributes import ACK, DUMP, REQUEST, Note, attribute, each_attribute, message, nested, number, text_of
from services.ipvs.sync import Daemon, Timeouts

# IPVS_CMD_*
_NEW_DAEMON, _DEL_DAEMON, _GET_DAEMON, _SET_CONFIG, _GET_CONFIG, _FLUSH = 9, 10, 11, 12, 13, 17
# IPVS_CMD_ATTR_*
_DAEMON, _TCP, _TCP_FIN, _UDP = 3, 4, 5, 6
# IPVS_DAEMON_ATTR_*
_STATE, _INTERFACE, _ID, _MAXLEN, _GROUP, _GROUP6, _PORT, _TTL = range(1, 9)


def start(family: int, daemon: Daemon, sequence: int) -> bytes:
    """Start a sync daemon."""
    text = attribute(_STATE, _u32(daemon.state)) + attribute(_INTERFACE, daemon.interface.encode() + b"\0")
    text += attribute(_ID, _u32(daemon.id)) + attribute(_GROUP if len(daemon.group) == 4 else _GROUP6, daemon.group)
    text += attribute(_PORT, struct.pack("=H", daemon.port)) + attribute(_TTL, bytes((daemon.ttl,)))
    if daemon.maxlen:
        text += attribute(_MAXLEN, struct.pack("=H", daemon.maxlen))
    return message(family, _NEW_DAEMON, REQUEST | ACK, sequence, nested(_DAEMON, text))


def stop(family: int, state: int, sequence: int) -> bytes:
    """Stop the sync daemon of this state."""
    return message(family, _DEL_DAEMON, REQUEST | ACK, sequence, nested(_DAEMON, attribute(_STATE, _u32(state))))


def dump_daemons(family: int, sequence: int) -> bytes:
    """Ask for the daemons that run."""
    return message(family, _GET_DAEMON, REQUEST | DUMP, sequence)


def set_timeouts(family: int, timeouts: Timeouts, sequence: int) -> bytes:
    """Set those that are not 0."""
    given = ((_TCP, timeouts.tcp), (_TCP_FIN, timeouts.tcpfin), (_UDP, timeouts.udp))
    text = b"".join(attribute(kind, _u32(seconds)) for kind, seconds in given if seconds)
    return message(family, _SET_CONFIG, REQUEST | ACK, sequence, text)


def get_timeouts(family: int, sequence: int) -> bytes:
    """Ask for all three."""
    return message(family, _GET_CONFIG, REQUEST, sequence)


def flush(family: int, sequence: int) -> bytes:
    """Remove all services, whosoever."""
    return message(family, _FLUSH, REQUEST | ACK, sequence)


def daemon_seen(data: bytes, note: Note) -> Daemon:
    """A daemon out of one message of a dump."""
    for kind, first, end in each_attribute(data, note.start, note.end):
        if kind == _DAEMON:
            found = {k: data[s:e] for k, s, e in each_attribute(data, first, end)}
            group = found.get(_GROUP) or found.get(_GROUP6, b"")
            sizes = (number(found.get(kind, b"")) for kind in (_PORT, _TTL))
            maxlen = number(found.get(_MAXLEN, b""))
            return Daemon(number(found[_STATE]), text_of(found[_INTERFACE]), number(found[_ID]), maxlen, group, *sizes)
    raise ValueError("a dump of daemons without a daemon")


def timeouts_seen(data: bytes, note: Note) -> Timeouts:
    """The kernel's time-outs."""
    found = {kind: number(data[start:end]) for kind, start, end in each_attribute(data, note.start, note.end)}
    return Timeouts(found[_TCP], found[_TCP_FIN], found[_UDP])


def _u32(value: int) -> bytes:
    return struct.pack("=I", value)
