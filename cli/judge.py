"""Would the services take these objects? Form by the messages, then every service's own decoder, then across objects.

The same code that the services run judges here, so `vipctl check` and a service never disagree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from services.checker import settings as checker
from services.common import values
from services.common.errors import InvalidValue
from services.common.judges import DECODERS
from services.common.problems import WARNING, Problem
from services.ipvs import settings as ipvs
from services.vrrp.config import resolve as vrrp_resolve


@dataclass(slots=True)
class Verdict:
    """`accepted`: the objects that all services take, in canonical form. `refused`: why the others are not taken.

    `lost`: something of an accepted object leads nowhere. `doubts`: accepted, yet not quite what is written.
    """

    accepted: dict[str, dict[str, Any]] = field(default_factory=dict)
    refused: list[Problem] = field(default_factory=list)
    lost: list[Problem] = field(default_factory=list)
    doubts: list[Problem] = field(default_factory=list)


def judge(objects: Mapping[str, Mapping[str, Any]]) -> Verdict:
    """All objects of one node by key, such as `config/vrrp_instance/VI_1`."""
    verdict = Verdict()
    settings: dict[str, dict[tuple[str, str], Any]] = {service: {} for service in DECODERS}
    for key, value in objects.items():
        kind, _, name = key.removeprefix("config/").partition("/")
        try:
            plain = values.check(kind, value)
            decoded = {service: decoders[kind](name, plain) for service, decoders in DECODERS.items() if kind in decoders}
        except InvalidValue as e:
            verdict.refused.append(Problem(key, e.field, e.reason, e.hint))
            continue
        verdict.accepted[key] = values.render(kind, plain)
        for service, found in decoded.items():
            settings[service][kind, name] = found
    _judge_vrrp(settings["vrrp"], verdict)
    _judge_servers(settings, verdict)
    return verdict


def _judge_vrrp(settings: Mapping[tuple[str, str], Any], verdict: Verdict) -> None:
    for problem in vrrp_resolve.resolve(settings).problems:
        (verdict.doubts if problem.severity == WARNING else verdict.lost).append(problem)


def _judge_servers(settings: Mapping[str, Mapping[tuple[str, str], Any]], verdict: Verdict) -> None:
    """What needs a virtual server and its real server together. Those that do not fit are left out."""
    globals_ = settings["checker"].get(("global", ""), checker.decode_global("", {}))
    files = {name: found for (kind, name), found in settings["checker"].items() if kind == "track_file"}
    virtuals: dict[str, ipvs.VirtualServer] = {}
    servers = [(kind, name, found) for (kind, name), found in settings["ipvs"].items()]
    for kind, name, decoded in sorted(servers, key=lambda s: s[0] != "virtual_server"):
        key = f"config/{kind}/{name}"
        try:
            if kind == "virtual_server":
                virtuals[name] = _with_group(decoded, settings["ipvs"])
                ipvs.sorry_destination(virtuals[name])
            if kind != "real_server":
                continue
            owner, _, own_name = name.partition("/")
            virtual = virtuals.get(owner)
            if virtual is None and ("virtual_server", owner) in settings["ipvs"]:
                continue  # refused, and told so
            if virtual is None:
                verdict.lost.append(Problem(key, "", f"there is no virtual_server {owner!r}", "put it, or delete this key"))
                continue
            ipvs.resolve(virtual, decoded)
            virtual_check, real_check = settings["checker"]["virtual_server", owner], settings["checker"][kind, name]
            checker.checks_of(owner, virtual_check, own_name, real_check, globals_, files)
        except InvalidValue as e:
            verdict.refused.append(Problem(key, e.field, e.reason, e.hint))
            del verdict.accepted[key]


def _with_group(virtual: ipvs.VirtualServer, settings: Mapping[tuple[str, str], Any]) -> ipvs.VirtualServer:
    """A virtual server with the addresses of the group that it names.

    :raises InvalidValue: there is no such group, or the two do not fit.
    """
    if not virtual.group:
        return virtual
    group = settings.get(("virtual_server_group", virtual.group))
    if group is None:
        raise InvalidValue("group", f"there is no virtual_server_group {virtual.group!r}")
    return ipvs.with_front(virtual, group.front)
