"""What must hold of a whole cluster once it has been quiet for long enough? Judged from the plan and the accidents alone.

One machine's own rules are checked by `machine` at every step: no address without mastership, one state for a sync group,
nopreempt, no late advert.
"""

from __future__ import annotations

from collections.abc import Collection

from services.vrrp.election.actions import State
from tests.simulation.machine import Machine, Violation
from tests.simulation.plan import Plan, Router
from tests.simulation.world import World


def check_quiet(world: World, plan: Plan, half: Collection[str], in_maintenance: Collection[str]) -> None:
    """Of each part of the lan: one master of each virtual router, the best eligible one, and it alone has the addresses.

    :raises Violation: it is not so.
    """
    for machine in world.machines:
        machine.overdue(world.now)
    parts = [[m for m in world.machines if (m.name in half) == inside] for inside in (True, False)]
    for part in parts:
        for router in plan.routers:
            _check_router(plan, router, part, world, in_maintenance)


def check_still(world: World, before: int) -> None:
    """Nothing has moved since `world.transitions` was `before`.

    :raises Violation: something has.
    """
    if world.transitions != before:
        raise Violation(f"{world.transitions - before} transitions while all was quiet")


def _check_router(plan: Plan, router: Router, part: list[Machine], world: World, in_maintenance: Collection[str]) -> None:
    eligible = [m for m in part if m.node is not None and not _faulty(plan, router, m, world)]
    masters = [m for m in part if m.state(router.name) is State.MASTER]
    names = [m.name for m in masters]
    if len(masters) != bool(eligible):
        raise Violation(f"{router.name}: masters are {names} of {[m.name for m in eligible]} that could be")
    for address in router.addresses:
        holders = [m.name for m in part if address in m.present]
        if holders != names:
            raise Violation(f"{router.name}: {holders} hold {address}, the master is {names}")
    if masters and masters[0] not in eligible:
        raise Violation(f"{router.name}: {names} is master, with a fault")
    if masters:
        _check_best(plan, router, masters[0], eligible, world, in_maintenance)


def _check_best(
    plan: Plan, router: Router, master: Machine, eligible: list[Machine], world: World, in_maintenance: Collection[str]
) -> None:
    ready = [m for m in eligible if m.name not in in_maintenance]
    if ready and master.name in in_maintenance:
        raise Violation(f"{router.name}: {master.name} is in maintenance and master, {[m.name for m in ready]} are there")
    if not ready:
        return
    together = plan.routers if plan.grouped else (router,)  # whoever is to be master must be better in all of them
    for other in ready:
        better = all(_priority(plan, each, other, world) > _priority(plan, each, master, world) for each in together)
        if better and not plan.nodes[world.machines.index(other)].nopreempt:
            own, theirs = _priority(plan, router, master, world), _priority(plan, router, other, world)
            raise Violation(f"{router.name}: {master.name} is master with {own}, {other.name} has {theirs}")


def _faulty(plan: Plan, router: Router, machine: Machine, world: World) -> bool:
    interfaces = {r.interface for r in plan.routers} if plan.grouped else {router.interface}
    down = any(not machine.carrier[interface] for interface in interfaces)
    node = plan.nodes[world.machines.index(machine)]
    return down or (not node.weight and not machine.scripts_ok)


def _priority(plan: Plan, router: Router, machine: Machine, world: World) -> int:
    """keepalived's arithmetic once more, for one script."""
    number = world.machines.index(machine)
    node, base = plan.nodes[number], plan.priority(number, router)
    if base == 255:
        return 255
    added = max(node.weight, 0) if machine.scripts_ok else min(node.weight, 0)
    return max(1, min(254, base + added))
