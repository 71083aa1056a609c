"""Does this very kernel have IPVS, and may we use it? Asked by the one question that counts: does netlink know IPVS?"""

from __future__ import annotations

import os
import socket
import struct

NETLINK_GENERIC = 16
GENL_ID_CTRL = 16
CTRL_CMD_GETFAMILY = 3
CTRL_ATTR_FAMILY_NAME = 2
NLM_F_REQUEST = 1
NLMSG_ERROR = 2


def ipvs_here() -> bool:
    """True when this kernel resolves the generic netlink family IPVS (asking loads the module where there is one)."""
    name = b"IPVS\0"
    attribute = struct.pack("=HH", 4 + len(name), CTRL_ATTR_FAMILY_NAME) + name.ljust(8, b"\0")
    length = 20 + len(attribute)
    request = struct.pack("=IHHIIBBH", length, GENL_ID_CTRL, NLM_F_REQUEST, 1, 0, CTRL_CMD_GETFAMILY, 1, 0) + attribute
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_GENERIC) as line:
        line.settimeout(5)
        line.send(request)
        answer = line.recv(65536)
    return int(struct.unpack_from("=H", answer, 4)[0]) != NLMSG_ERROR


def inside_a_guest() -> bool:
    """True in a machine of tests/lab/lab."""
    return "LAB_OUT" in os.environ


def runs_here() -> bool:
    """True when tests that need IPVS can run on this kernel as they are. LAB_FORCE=1 says: use a guest all the same."""
    return inside_a_guest() or (os.geteuid() == 0 and not os.environ.get("LAB_FORCE") and ipvs_here())
