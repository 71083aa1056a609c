"""Which words have nothing to do here, and why? What they are for is so always, is done in another way, or cannot go wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_FIREWALL: Final = "where no_accept asks for it, there is an nftables table of its own, inet vipkeeper"
_LATE: Final = "a master that was held up for too long listens before it speaks anyway"
_EVENTS: Final = "the buffer of process events has 1 MiB, and after an overrun the processes are read anew"
_RECEIVED: Final = "a socket of adverts has a buffer of 1 MiB, and is emptied before any timer is looked at"
_NETLINK: Final = "the buffer of the kernel's messages has 1 MiB, and after an overrun all is read anew"
_IPVS: Final = "answers of IPVS are read as they come, at most 64 at a time"
_NICE: Final = "the engine is in a real-time class (vrrp_rt_priority), where there are no nice values"
_ESCALATION: Final = "the engine is in a real-time class from the start (vrrp_rt_priority)"
_SWAP: Final = "the memory of what must be punctual is locked always"
_WATCHED: Final = "the launcher replaces an engine that hangs; the bfd process gives its class up before it could harm"
_BFD: Final = "the bfd process is in the engine's class, one priority below it (vrrp_rt_priority)"
_NAMES: Final = "processes are told apart by their command lines"
_IGMP: Final = "VMACs join no groups; for the other interfaces there is sysctl net.ipv4.igmp_link_local_mcast_reports"

GLOBAL: Final[Mapping[str, str]] = {
    "nftables": _FIREWALL,
    "nftables_priority": _FIREWALL,
    "nftables_counters": _FIREWALL,
    "nftables_ifindex": _FIREWALL,
    "vrrp_iptables": _FIREWALL,
    "vrrp_ipsets": _FIREWALL,
    "process_monitor_rcv_bufs": _EVENTS,
    "process_monitor_rcv_bufs_force": _EVENTS,
    "vrrp_rx_bufs_policy": _RECEIVED,
    "vrrp_rx_bufs_multiplier": _RECEIVED,
    "vrrp_netlink_cmd_rcv_bufs": _NETLINK,
    "vrrp_netlink_cmd_rcv_bufs_force": _NETLINK,
    "vrrp_netlink_monitor_rcv_bufs": _NETLINK,
    "vrrp_netlink_monitor_rcv_bufs_force": _NETLINK,
    "lvs_netlink_cmd_rcv_bufs": _IPVS,
    "lvs_netlink_cmd_rcv_bufs_force": _IPVS,
    "lvs_netlink_monitor_rcv_bufs": _NETLINK,
    "lvs_netlink_monitor_rcv_bufs_force": _NETLINK,
    "disable_local_igmp": _IGMP,
    "vrrp_priority": _NICE,
    "vrrp_no_swap": _SWAP,
    "vrrp_rlimit_rttime": _WATCHED,
    "vrrp_rlimit_rtime": _WATCHED,
    "max_auto_priority": _ESCALATION,
    "min_auto_priority_delay": _ESCALATION,
    "bfd_priority": _BFD,
    "bfd_rt_priority": _BFD,
    "bfd_no_swap": _SWAP,
    "bfd_rlimit_rttime": _WATCHED,
    "bfd_rlimit_rtime": _WATCHED,
    "process_names": _NAMES,
    "process_name": _NAMES,
    "vrrp_process_name": _NAMES,
    "bfd_process_name": _NAMES,
}

INSTANCE: Final[Mapping[str, str]] = {
    "timer_expired_backup": _LATE,
    "thread_timer_expired": _LATE,
    "kernel_rx_buf_size": _RECEIVED,
    "debug": "keepalived has never given it one",
}
