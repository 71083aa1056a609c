"""How are operators' orders carried out? Maintenance and switchovers kept, told to the engine, ended at their time. Shell.

What may be done is judged by `switchover`; what it means for an election is the engine's affair.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from services.common.errors import UnavailableError, VipkeeperError
from services.common.problems import Problem
from services.vrrp.agent import orders_file, switchover
from services.vrrp.agent.engine_link import EngineLink
from services.vrrp.agent.switchover import Peer, Switchover
from services.vrrp.election import offer, orders
from services.vrrp.election.orders import Maintenance
from services.vrrp.views import InstanceView

log = logging.getLogger(__name__)

SECOND = 1_000_000_000
KEPT = 100  # switchovers that are over, and shown
MARGIN_S = 2.0  # beyond a master's silence, for the news of it
SHORTEST_SLEEP_S, LONGEST_SLEEP_S = 0.1, 60.0  # the wall clock may be set meanwhile

Statuses = Callable[[], Awaitable[tuple[Mapping[str, Any] | None, str]]]


class Refused(VipkeeperError):
    """The order makes no sense as things are; the text says why and what to do."""


class Unknown(VipkeeperError):
    """There is nothing of that name."""


@dataclass(slots=True)
class Operator:
    """Orders of this node. `tell`: the engine is to hear of them; `statuses`: the peers' status keys, or why there are none.

    Belongs to the running loop.
    """

    path: Path
    node: str
    link: EngineLink
    statuses: Statuses
    tell: Callable[[], None]
    maintenance: dict[str, Maintenance] = field(default_factory=dict)
    switchovers: list[Switchover] = field(default_factory=list)
    trouble: Problem | None = None
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _seen: asyncio.Event = field(default_factory=asyncio.Event)
    _numbers: Any = field(default_factory=itertools.count)
    _busy: set[str] = field(default_factory=set)

    def recover(self) -> None:
        """Take up what an earlier agent was ordered."""
        try:
            self.maintenance, self.switchovers = orders_file.load(self.path)
        except UnavailableError as error:
            log.error("%s; orders for maintenance are lost", error)
            hint = "give the orders again"
            self.trouble = Problem("maintenance", "", f"an earlier agent's orders cannot be read: {error}", hint)

    def objects(self) -> dict[tuple[str, str], Mapping[str, Any]]:
        """Maintenance as the engine is told of it."""
        return {(orders.KIND, name): orders.encode(order) for name, order in self.maintenance.items()}

    def look(self) -> None:
        """An instance may have changed."""
        self._seen.set()

    async def run(self) -> None:
        """End what expires, begin what is scheduled. Never returns."""
        while True:
            now = time.time_ns()
            for order in orders.expired(self.maintenance.values(), now):
                log.info("maintenance of %s is over: its time has come", order.instance or "this node")
                self._end_quietly(order.instance)
            for scheduled in [s for s in self.switchovers if s.outcome == switchover.PENDING and s.at <= now]:
                known = self.link.up or now - scheduled.at > switchover.LATE  # the engine may not have spoken yet
                if known and scheduled.id not in self._busy:
                    await self._carry_out_scheduled(scheduled, now)
            pending = [s.at for s in self.switchovers if s.outcome == switchover.PENDING and s.id not in self._busy]
            expiry = orders.next_expiry(self.maintenance.values())
            due = min([*pending, *([expiry] if expiry is not None else [])], default=None)
            wait_s = (due - time.time_ns()) / SECOND if due is not None else LONGEST_SLEEP_S
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(max(wait_s, SHORTEST_SLEEP_S), LONGEST_SLEEP_S)):
                    await self._changed.wait()

    # -- maintenance

    def begin(self, instance: str, reason: str, until: int = 0) -> Maintenance:
        """From now on `instance` (empty: every one) stands back while any peer is there.

        :raises Refused, Unknown, InvalidValue, UnavailableError: it cannot.
        """
        self._must_exist(instance)
        now = time.time_ns()
        if until and until <= now:
            raise Refused("until: is in the past")
        self._must_survive(instance)
        known = self.maintenance.get(instance)
        order = Maintenance(instance, orders.reason_of(reason), known.since if known is not None else now, until)
        self._save({**self.maintenance, instance: order})
        log.info("maintenance of %s begins: %s", instance or "this node", order.reason)
        return order

    def end(self, instance: str) -> Maintenance:
        """The order of `begin` is taken back.

        :raises Unknown, UnavailableError: it cannot.
        """
        order = self.maintenance.get(instance)
        if order is None:
            what = f"vrrp_instance {instance!r}" if instance else "this node"
            others = ", ".join(name or "this node" for name in sorted(self.maintenance)) or "none"
            raise Unknown(f"there is no maintenance of {what} to end; there is: {others}")
        self._save({name: o for name, o in self.maintenance.items() if name != instance})
        log.info("maintenance of %s ends", instance or "this node")
        return order

    def _end_quietly(self, instance: str) -> None:
        try:
            self.end(instance)
        except UnavailableError as error:  # obeyed all the same; the file still has it, and it expires again
            log.error("%s", error)
            self.maintenance.pop(instance, None)
            self.tell()

    def _must_exist(self, instance: str) -> None:
        instances = self.link.told.instances
        if instance and instance not in instances:
            known = ", ".join(sorted(instances)) or "none"
            raise Unknown(f"no vrrp_instance {instance!r} runs here; there are: {known}")

    def _must_survive(self, instance: str) -> None:
        """An owner whose only address is a virtual one could never speak again once it had given that up."""
        for name, view in self.link.told.instances.items():
            own = {address.partition("/")[0] for address in view["addresses"]}
            if instance in ("", name) and view["source_address"] in own:
                reason = f"{name} sends its adverts from its own virtual address {view['source_address']}"
                raise Refused(f"{reason}, and could not speak once it had given that up: give the interface another address")

    def _save(self, maintenance: Mapping[str, Maintenance]) -> None:
        orders_file.save(self.path, maintenance, self.switchovers)
        self.maintenance = dict(maintenance)
        self.trouble = None
        self._changed.set()
        self.tell()

    # -- switchovers

    async def switch(self, instance: str, target: str, reason: str, at: int = 0, hold: bool = False) -> Switchover:
        """Hand `instance`, and its sync group, to `target` (empty: the best peer); the order with its outcome.

        :param at: Unix nanoseconds; 0: now. One for later is PENDING when this returns.
        :raises Refused, Unknown, InvalidValue, UnavailableError: it cannot.
        """
        self._must_exist(instance)
        now = time.time_ns()
        if at and at <= now:
            raise Refused("time: is in the past")
        number = next(self._numbers)
        order = Switchover(f"{now:016x}-{number}", instance, target, orders.reason_of(reason), at or now, hold)
        if any(s.outcome == switchover.PENDING and s.instance == instance for s in self.switchovers):
            raise Refused(f"a switchover of {instance} is pending already: cancel it first")
        if at:
            self._note(order)
            return order
        peers, refusal = await self._judge(order)
        if refusal:
            raise Refused(refusal)
        return await self._carry_out(order, peers)

    def cancel(self, identity: str) -> Switchover:
        """A pending switchover will not happen.

        :raises Unknown, Refused, UnavailableError: it cannot be.
        """
        order = next((s for s in self.switchovers if s.id == identity), None)
        if order is None:
            raise Unknown(f"there is no switchover {identity!r}")
        if order.outcome != switchover.PENDING or identity in self._busy:
            raise Refused(f"switchover {identity} is not pending: it is {order.outcome if order.outcome else 'running'}")
        return self._note(order._replace(outcome=switchover.CANCELLED, detail="by an operator", ended_at=time.time_ns()))

    async def _carry_out_scheduled(self, order: Switchover, now: int) -> None:
        late = now - order.at
        if late > switchover.LATE:
            detail = f"vrrp's agent was not there at its time, and came {late // SECOND} s late"
            self._finish(order, switchover.MISSED, detail)
            return
        try:
            peers, refusal = await self._judge(order)
            if refusal:
                self._finish(order, switchover.REFUSED, refusal)
            else:
                await self._carry_out(order, peers)
        except VipkeeperError as error:
            self._finish(order, switchover.FAILED, str(error))

    async def _judge(self, order: Switchover) -> tuple[dict[str, dict[str, Peer]] | None, str]:
        """The peers' word by instance of the sync group, and why the order cannot be carried out (empty: it can)."""
        self._must_exist(order.instance)
        if not self.link.up:
            return None, "the engine does not answer"
        statuses, unknown = await self.statuses()
        members = self.members(order.instance)
        peers = None
        if statuses is not None:
            peers = {name: switchover.peers_of(statuses, name, self.node) for name in members}
        reasons = {
            name: switchover.refusal(
                order._replace(instance=name), self._view(name), self.node, peers[name] if peers is not None else None, unknown
            )
            for name in members
            if name in self.link.told.instances
        }
        return peers, reasons[order.instance] or next((reason for reason in reasons.values() if reason), "")

    async def _carry_out(self, order: Switchover, peers: dict[str, dict[str, Peer]] | None) -> Switchover:
        cause = f"switchover to {order.target or 'a peer'}: {order.reason}"
        self._busy.add(order.id)
        log.info("%s: %s", order.instance, cause)
        try:
            if order.hold:
                self.begin(order.instance, cause)
            else:
                self.link.release(order.instance, cause)
            await self._settled(order.instance)
            view = self.link.told.instances.get(order.instance)
            own = peers[order.instance] if peers is not None else None
            outcome, detail = switchover.verdict(order, cast("InstanceView | None", view), own)
            if outcome == switchover.FAILED and order.hold and order.instance in self.maintenance:
                self._end_quietly(order.instance)
        finally:
            self._busy.discard(order.id)
        return self._finish(order, outcome, detail)

    async def _settled(self, instance: str) -> None:
        """Until another is master, or none has come forward."""
        view = self._view(instance)
        skew_s = 1.0 if view["version"] == 2 else view["advert_int_ns"] / SECOND
        offered = False
        try:
            async with asyncio.timeout(offer.silence(int(skew_s * SECOND)) / SECOND + MARGIN_S):
                while (now := self.link.told.instances.get(instance)) is not None and now["state"] == "MASTER":
                    offered = offered or bool(now["offering"])
                    if offered and not now["offering"]:
                        return
                    self._seen.clear()
                    await self._seen.wait()
        except TimeoutError:
            return

    def members(self, instance: str) -> tuple[str, ...]:
        """The instance and all others of its sync group."""
        group = self._view(instance)["group"]
        return tuple(self.link.told.groups[group]["members"]) if group in self.link.told.groups else (instance,)

    def _view(self, instance: str) -> InstanceView:
        return cast("InstanceView", self.link.told.instances[instance])

    def _finish(self, order: Switchover, outcome: str, detail: str) -> Switchover:
        over = order._replace(outcome=outcome, detail=detail, ended_at=time.time_ns())
        log.info("switchover of %s to %s: %s: %s", order.instance, order.target or "a peer", outcome, detail)
        try:
            return self._note(over)
        except UnavailableError as error:  # what happened has happened
            log.error("%s", error)
            self.switchovers = self._with(over)
            return over

    def _note(self, order: Switchover) -> Switchover:
        rows = self._with(order)
        orders_file.save(self.path, self.maintenance, rows)
        self.switchovers = rows
        self._changed.set()
        return order

    def _with(self, order: Switchover) -> list[Switchover]:
        rows = [s for s in self.switchovers if s.id != order.id] + [order]
        over = [s for s in rows if s.outcome != switchover.PENDING]
        forgotten = {s.id for s in over[: max(0, len(over) - KEPT)]}
        return [s for s in rows if s.id not in forgotten]
