"""What do the two directors read, and which pages do the real servers show?

The set-up of keepalived's guide with two active directors: four virtual routers in two sync groups, each director
master of one group; two virtual servers by NAT, one of them with checks of page digests and a sorry server. Checks come
every 2 s here instead of every 30 and 20 s, and a failure is repeated once after 1 s instead of three times after 2 s
each; otherwise a dying server would take longer to leave the table than the whole demo may.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

FRONT, BACK, MANAGEMENT = "192.168.200", "192.168.100", "10.255.0"
ADVERT_INTERVAL_S = 1.0
PROTECTED = (
    b"<HTML><HEAD><TITLE>Unauthorized</TITLE></HEAD>\r\n<BODY>This document is protected.  You must send\r\n"
    b"the proper authorization information to access it.</BODY></HTML>\r\n"
)
OWN_PAGE = b"<html><title>vipkeeper</title><p>This page is as it should be.</p></html>\n"
WEB = f"tcp-{FRONT}.10-80"
FIRST_SERVER = f"{BACK}.2-80"


def digest(page: bytes) -> str:
    """What a check compares: the MD5 of the body (as `vipctl genhash` prints it)."""
    return hashlib.md5(page, usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine of the set-up: interfaces with their addresses, and the default route if any."""

    name: str
    interfaces: tuple[tuple[str, str, str], ...]  # switch, interface, address/prefix
    gateway: str = ""


DIRECTORS = tuple(
    Machine(
        f"director{n}",
        (
            ("front", "eth0", f"{FRONT}.{250 + n}/24"),
            ("back", "eth1", f"{BACK}.{250 + n}/24"),
            ("management", "mgmt0", f"{MANAGEMENT}.{n}/24"),
        ),
    )
    for n in (1, 2)
)
REAL_SERVERS = tuple(
    Machine(name, (("back", "eth0", f"{BACK}.{host}/24"),), f"{BACK}.10")
    for name, host in (("web1", 2), ("web2", 3), ("sorry", 100))
)
CLIENT = Machine("client", (("front", "eth0", f"{FRONT}.5/24"),))
WIRE = Machine("wire", (("front", "eth0", f"{FRONT}.6/24"),))
MAIL = Machine("mail", (("front", "eth0", f"{FRONT}.20/24"),))
ETCD = Machine("etcd", (("management", "eth0", f"{MANAGEMENT}.10/24"),))
PAGES = {
    "web1": {"/testurl/test.jsp": PROTECTED, "/testurl2/test.jsp": OWN_PAGE},
    "web2": {"/testurl/test.jsp": OWN_PAGE},
    "sorry": {},
}

# instance: sync group's master, interface, virtual_router_id, addresses
INSTANCES = {
    "VI_1": (1, "eth0", 51, (f"{FRONT}.10", f"{FRONT}.11")),
    "VI_2": (1, "eth1", 52, (f"{BACK}.10",)),
    "VI_3": (2, "eth0", 53, (f"{FRONT}.12", f"{FRONT}.13")),
    "VI_4": (2, "eth1", 54, (f"{BACK}.11",)),
}


def addresses_of(director: int) -> dict[str, frozenset[str]]:
    """Virtual addresses by interface that this director holds while both are well."""
    held: dict[str, set[str]] = {"eth0": set(), "eth1": set()}
    for master, interface, _, addresses in INSTANCES.values():
        if master == director:
            held[interface].update(addresses)
    return {interface: frozenset(addresses) for interface, addresses in held.items()}


def keepalived_conf(director: int) -> str:
    """The configuration file of director 1 or 2."""
    return "\n".join((_GLOBAL, *(_instance(name, director) for name in INSTANCES), _SERVERS))


_GLOBAL = f"""\
global_defs {{
    notification_email {{
        admin@example.org
        pager@example.org
    }}
    notification_email_from keepalived@example.org
    smtp_server {FRONT}.20
    smtp_connect_timeout 30
    lvs_id LVS_MAIN
}}
vrrp_sync_group VG1 {{
    group {{
        VI_1
        VI_2
    }}
}}
vrrp_sync_group VG2 {{
    group {{
        VI_3
        VI_4
    }}
}}"""


def _instance(name: str, director: int) -> str:
    master, interface, router_id, addresses = INSTANCES[name]
    lines = "\n        ".join(addresses)
    return f"""\
vrrp_instance {name} {{
    state {"MASTER" if master == director else "BACKUP"}
    interface {interface}
    virtual_router_id {router_id}
    priority {150 if master == director else 100}
    advert_int {ADVERT_INTERVAL_S:g}
    authentication {{
        auth_type PASS
        auth_pass k@l!ve{name[-1]}
    }}
    virtual_ipaddress {{
        {lines}
    }}
}}"""


def _http_get(pages: dict[str, bytes]) -> str:
    urls = "".join(
        f"""
            url {{
                path {path}
                digest {digest(page)}
            }}"""
        for path, page in pages.items()
    )
    return f"""HTTP_GET {{{urls}
            connect_timeout 3
            retry 1
            delay_before_retry 1
        }}"""


_SERVERS = f"""\
virtual_server {FRONT}.10 80 {{
    delay_loop 2
    lb_algo wrr
    lb_kind NAT
    persistence_timeout 50
    protocol TCP
    sorry_server {BACK}.100 80
    real_server {BACK}.2 80 {{
        weight 2
        {_http_get(PAGES["web1"])}
    }}
    real_server {BACK}.3 80 {{
        weight 1
        {_http_get(PAGES["web2"])}
    }}
}}
virtual_server {FRONT}.12 443 {{
    delay_loop 2
    lb_algo rr
    lb_kind NAT
    persistence_timeout 360
    protocol TCP
    real_server {BACK}.2 443 {{
        weight 1
        TCP_CHECK {{
            connect_timeout 3
        }}
    }}
    real_server {BACK}.3 443 {{
        weight 1
        TCP_CHECK {{
            connect_timeout 3
        }}
    }}
}}
"""
