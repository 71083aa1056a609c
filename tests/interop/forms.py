"""Every form that adverts can have, as vipkeeper and as keepalived are told of it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.kit.engine import Objects

ADDRESSES = {4: ("192.168.200.2", "192.168.200.3"), 6: ("2001:db8::2", "2001:db8::3")}  # ours, theirs
PASSWORD = "secret12"
SECONDS = {2: 1.0, 3: 0.9}  # between adverts, by version; with all forms at once keepalived does not keep up with less


class Form(NamedTuple):
    """What adverts are like. `number` is the VRID, and the last group of the addresses."""

    number: int
    version: int
    family: int
    unicast: bool
    auth: str
    link: str

    @property
    def name(self) -> str:
        words = (f"v{self.version}", f"ipv{self.family}", "unicast" if self.unicast else "multicast", self.auth, self.link)
        return "-".join(word for word in words if word)

    @property
    def addresses(self) -> list[str]:
        if self.family == 4:
            return [f"192.168.200.{self.number}"]
        return [f"fe80::1:{self.number}", f"2001:db8::1:{self.number}"]

    @property
    def xmit_base(self) -> bool:
        """In unicast keepalived needs it."""
        return bool(self.link) and (self.unicast or self.link == "xmit_base")


def forms() -> Iterator[Form]:
    """Those that exist: VRRPv2 is for IPv4 alone, and VRRPv3 has no authentication."""
    numbers = itertools.count(101)
    combinations = itertools.product((2, 3), (4, 6), (False, True), ("", "pass", "ah"), ("", "vmac", "xmit_base"))
    for version, family, unicast, auth, link in combinations:
        if (version == 2 and family == 6) or (version == 3 and auth) or (unicast and link == "xmit_base"):
            continue
        yield Form(next(numbers), version, family, unicast, auth, link)


FORMS = {form.name: form for form in forms()}


def ours(priority: int) -> Objects:
    """A virtual router of each form, for the engine."""
    return {("vrrp_instance", form.name): _ours(form, priority) for form in FORMS.values()}


def theirs(priority: int) -> str:
    """A virtual router of each form, for keepalived; on a busy machine its announcements are more than it has time for."""
    settings = "global_defs {\n vrrp_garp_master_delay 1\n vrrp_priority -20\n}\n"
    return settings + "".join(_theirs(form, priority) for form in FORMS.values())


def _ours(form: Form, priority: int) -> dict[str, Any]:
    value: dict[str, Any] = {
        "interface": "eth0",
        "virtual_router_id": form.number,
        "version": form.version,
        "priority": priority,
        "advert_int": round(SECONDS[form.version] * 1e9),
        "virtual_ipaddress": [{"address": address} for address in form.addresses],
        "garp_master_delay": 1_000_000_000,
    }
    if form.unicast:
        mine, peer = ADDRESSES[form.family]
        value |= {"unicast_src_ip": mine, "unicast_peer": [{"address": peer}]}
    if form.auth:
        value["authentication"] = {"auth_type": form.auth, "auth_pass": PASSWORD}
    if form.link:
        value |= {"use_vmac": {}, "vmac_xmit_base": form.xmit_base}
    return value


def _theirs(form: Form, priority: int) -> str:
    lines = ["interface eth0", f"virtual_router_id {form.number}", f"version {form.version}", f"priority {priority}"]
    lines += [f"advert_int {SECONDS[form.version]:g}"]
    if form.unicast:
        peer, mine = ADDRESSES[form.family]
        lines += [f"unicast_src_ip {mine}", f"unicast_peer {{\n {peer}\n }}"]
    if form.auth:
        lines += [f"authentication {{\n auth_type {form.auth.upper()}\n auth_pass {PASSWORD}\n }}"]
    if form.link:
        lines += ["use_vmac"] + ["vmac_xmit_base"] * form.xmit_base
    lines += ["virtual_ipaddress {", *form.addresses, "}"]
    return f"vrrp_instance {form.name} {{\n" + "\n".join(lines) + "\n}\n"
