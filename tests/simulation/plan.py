"""What a seed makes: a cluster of 2 to 8 machines with all that may be configured, as objects of the store."""

from __future__ import annotations

from random import Random
from typing import Any, NamedTuple

from services.vrrp.config.settings import SECOND
from services.vrrp.election import orders
from tests.simulation.machine import Objects

MILLISECOND = 1_000_000
DAY = 86_400 * SECOND
V2_INTERVALS = [SECOND, 2 * SECOND, 10 * SECOND, 60 * SECOND, 255 * SECOND]
V3_INTERVALS = [10 * MILLISECOND, 20 * MILLISECOND, 100 * MILLISECOND, 500 * MILLISECOND, SECOND, 10 * SECOND, 40 * SECOND]
ORDER = {"reason": "new kernel", "since": 1, "until": 0}
NAMES = ("VI_1", "VI_2", "VI_3")


class Router(NamedTuple):
    """One virtual router, as all machines have it."""

    name: str
    interface: str
    vrid: int
    addresses: tuple[str, ...]


class Node(NamedTuple):
    """What one machine's configuration says beyond that. `weight`: of its script, 0 means FAULT."""

    priority: int
    nopreempt: bool
    master: bool
    preempt_delay: int
    weight: int


class Plan(NamedTuple):
    """A whole cluster. `others`: intervals that single machines have instead; VRRPv3 learns them.

    `mixed`: each virtual router has its priorities in another order. `least`: no edit makes the interval shorter, because
    delays and jitter have been chosen to fit it.
    """

    version: int
    family: int
    unicast: bool
    interval: int
    least: int
    others: tuple[int, ...]
    down_timer_adverts: int
    routers: tuple[Router, ...]
    grouped: bool
    nodes: tuple[Node, ...]
    startup_delay: int
    mixed: bool
    more: tuple[tuple[str, Any], ...]

    @property
    def longest(self) -> int:
        """The longest silence after which somebody takes over, nanoseconds."""
        interval = max((self.interval, *self.others))
        return self.down_timer_adverts * interval + (SECOND if self.version == 2 else interval)

    def priority(self, number: int, router: Router) -> int:
        """What machine `number` has in the configuration of a virtual router."""
        owned = any(node.priority == 255 for node in self.nodes)
        turn = self.routers.index(router) if self.mixed and not owned else 0
        return self.nodes[(number + turn) % len(self.nodes)].priority

    def objects(self, number: int, maintenance: bool = False) -> Objects:
        """The objects of machine `number`."""
        node, interval = self.nodes[number], self.others[number] if self.others else self.interval
        found: Objects = {
            ("global", ""): {"vrrp_startup_delay": self.startup_delay, "vrrp_version": self.version},
            ("vrrp_script", "chk"): {"script": "/bin/true", "interval": DAY, "timeout": DAY},
        }
        for router in self.routers:
            value: dict[str, Any] = {
                "interface": router.interface,
                "virtual_router_id": router.vrid,
                "virtual_ipaddress": [{"address": address} for address in router.addresses],
                "priority": self.priority(number, router),
                "version": self.version,
                "advert_int": interval,
                "down_timer_adverts": self.down_timer_adverts,
                "nopreempt": node.nopreempt,
                "preempt_delay": 0 if node.nopreempt else node.preempt_delay,
                "track_script": [{"name": "chk", "weight": node.weight}],
            }
            value |= {"state": "master"} if node.master else {}
            value |= dict(self.more)
            if self.unicast:
                ends = [self.address(other) for other in range(len(self.nodes))]
                value["unicast_peer"] = [{"address": address} for address in ends]
            found["vrrp_instance", router.name] = value
        if self.grouped:
            found["vrrp_sync_group", "G"] = {
                "group": [router.name for router in self.routers],
                "sync_group_tracking_weight": True,
            }
        if maintenance:
            found[orders.KIND, ""] = ORDER
        return found

    def address(self, number: int) -> str:
        """Where machine `number` is reached by unicast."""
        return f"192.168.200.{number + 1}" if self.family == 4 else f"fe80::{number + 1:x}"


def make(random: Random, long: bool) -> Plan:
    """A cluster at random; `long`: with the longest interval, of which an hour is cheap."""
    count = random.choices([2, 3, 4, 5, 6, 8], [30, 1, 0.1, 0.1, 0.1, 0.1] if long else [4, 4, 3, 2, 1, 1])[0]
    version = 2 if long else random.choice([2, 3])
    family = 4 if version == 2 else random.choice([4, 4, 6])
    interval = 255 * SECOND if long else random.choice(V2_INTERVALS if version == 2 else V3_INTERVALS)
    several = 0.02 if long else 0.5
    amount = random.choice([2, 3]) if random.random() < several else 1
    grouped = amount > 1 and random.random() < 0.6
    two_lans = random.random() < 0.5
    routers = tuple(_router(number, family, two_lans, random) for number in range(amount))
    others: tuple[int, ...] = ()
    if version == 3 and random.random() < 0.2:
        others = tuple(interval * random.choice([1, 1, 2]) for _ in range(count))
        others = tuple(min(other, 40 * SECOND) for other in others)
    more: list[tuple[str, Any]] = []
    for field in ("higher_prio_send_advert", "lower_prio_no_advert"):
        if random.random() < 0.3:
            more.append((field, True))
    return Plan(
        version,
        family,
        random.random() < 0.2,
        interval,
        interval,
        others,
        random.choice([3, 3, 3, 2, 5]),
        routers,
        grouped,
        _nodes(count, interval, random),
        random.choice([0, 0, 0, interval * 2]),
        amount > 1 and random.random() < 0.3,
        tuple(more),
    )


def changed(plan: Plan, random: Random) -> Plan:
    """The same cluster after an operator's edit."""
    match random.choice(["priorities", "addresses", "interval", "patience"]):
        case "priorities":
            return plan._replace(nodes=_nodes(len(plan.nodes), plan.interval, random))
        case "addresses":
            family, two_lans = plan.family, any(router.interface == "eth1" for router in plan.routers)
            routers = tuple(_router(number, family, two_lans, random) for number in range(len(plan.routers)))
            return plan._replace(routers=routers)
        case "interval" if plan.interval < 255 * SECOND:
            intervals = V2_INTERVALS[:4] if plan.version == 2 else V3_INTERVALS
            longer = [interval for interval in intervals if plan.least <= interval <= 20 * plan.least]
            return plan._replace(interval=random.choice(longer), others=())
        case _:
            return plan._replace(down_timer_adverts=random.choice([2, 3, 4]))


def _router(number: int, family: int, two_lans: bool, random: Random) -> Router:
    interface = "eth1" if two_lans and number % 2 else "eth0"
    numbers = range(100 + 10 * number, 101 + 10 * number + random.choice([0, 1, 3]))
    addresses = tuple(f"fe80::{n:x}" if family == 6 else f"192.168.200.{n}" for n in numbers)
    return Router(NAMES[number], interface, 51 + number, addresses)


def _nodes(count: int, interval: int, random: Random) -> tuple[Node, ...]:
    nopreempt = random.choice([0.0, 0.0, 0.5, 1.0])
    delays = random.random() < 0.2
    equal = random.random() < 0.1
    common = random.randint(1, 254)
    nodes = []
    for number in range(count):
        owner = number == 0 and random.random() < 0.05
        stays = random.random() < nopreempt
        nodes.append(
            Node(
                255 if owner else common if equal else random.randint(1, 254),
                stays and not owner,
                not stays and random.random() < 0.1,
                min(int(interval * random.random() * 4), 1000 * SECOND) if delays else 0,
                0 if owner else random.choice([0, -30, 20, -253]),
            )
        )
    return tuple(nodes)
