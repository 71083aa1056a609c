"""What do engine and agent say to each other? The engine's side of `channel`: requests in, views and transitions out.

The engine runs on whether or not an agent is there, reads or answers.
"""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Mapping
from marshal import dumps
from typing import TYPE_CHECKING, Any

from services.vrrp.channel import MAX_TRANSITIONS, PROTOCOL, Channel, ChannelClosed, Message, from_fd
from services.vrrp.config.staging import Staging
from services.vrrp.election.actions import Transition
from services.vrrp.election.events import FileValue, ProcessResult, Release, ScriptResult
from services.vrrp.election.opening import first_words
from services.vrrp.election.schedule import Key
from services.vrrp.election.statics import OWNER
from services.vrrp.engine.outbox import Outbox
from services.vrrp.routing.routing import absence

if TYPE_CHECKING:
    from services.vrrp.engine.runtime import Runtime

__all__ = ["MAX_TRANSITIONS", "AgentLink"]

LISTED = 20  # lines of one field that problems name
AT_ONCE, IN_TURN = 16, 4  # instances whose counters are told in one second; seconds after which each has been,
MANY = 256  # unless there are so many in each of them
UNSEEN = ("process", "file")  # have no views of their own; the agent knows them, and instances' trackers show them


class AgentLink:
    """The present agent, if any, and what is to be told to it."""

    def __init__(self, runtime: Runtime, clock: Callable[[], int]) -> None:
        self.staging = Staging()
        self.scheduling = "normal"
        self.memory_locked = False
        self._runtime = runtime
        self._clock = clock
        self._outbox = Outbox(self._render)
        self._channel: Channel | None = None
        self._writing = False
        self._sequence = 0
        self._started = time.time_ns()
        self._boot = f"{clock():x}-{os.getpid()}"
        self._alive_at = 0
        self._told: dict[Key, int] = {}  # what the agent knows, by `_digest`: a thousand views would take megabytes
        self._turn = 0

    # -- for the runtime

    @property
    def ready_to_write(self) -> bool:
        """Something could be written now."""
        return self._channel is not None and not self._channel.backlog and self._outbox.pending

    @property
    def unsent(self) -> bool:
        """Something is still to be told to the present agent."""
        return self._channel is not None and (self._channel.backlog or self._outbox.pending)

    def adopt(self, descriptor: int) -> None:
        """A new agent; the old one's connection is closed."""
        self._drop()
        self._channel = Channel(from_fd(descriptor))
        self._runtime.watch(self._channel.fileno(), select.EPOLLIN)
        self._told.clear()
        self._outbox.restart(self._ready(), self._all_keys(), {"is": "synced", "id": 0})

    def changed(self, key: Key) -> None:
        if key[0] not in UNSEEN:
            self._outbox.put(key)
        self.recheck()

    def recheck(self) -> None:
        """What is wrong at run time, or would be said at a start, may have changed."""
        self._outbox.put(("problems", ""))
        self._outbox.put(("first_words", ""))

    def transition(self, action: Transition) -> None:
        self._sequence += 1
        self._outbox.transition(
            {
                "is": "transition",
                "boot": self._boot,
                "sequence": self._sequence,
                "kind": action.kind,
                "name": action.name,
                "from": action.before,
                "to": action.after,
                "priority": action.priority,
                "cause": action.cause,
                "at": time.time_ns(),
            }
        )

    def every_second(self) -> None:
        """Counters and statistics go out at most this often; in turn those of who hears or says what it always does."""
        if self._channel is not None:
            routers = self._runtime.node.routers
            turns = max(1, min(IN_TURN, len(routers) // AT_ONCE), len(routers) // MANY)
            self._turn = (self._turn + 1) % turns
            for at, (name, router) in enumerate(routers.items()):
                if at % turns == self._turn or not (router.in_routine or router.repeated):
                    self._outbox.put(("counters", name))
            self._outbox.put(("engine", ""))
            strangers = self._runtime.node.reception.strangers
            for stranger in strangers.take() if strangers is not None else ():
                self._outbox.answer({"is": "stranger", **stranger._asdict()})

    def serve(self, ready: set[int], hold: bool = False) -> None:
        """Read what came, write what fits; on `hold` only read: addresses are being moved, and the agent can wait."""
        channel = self._channel
        if channel is None:
            return
        try:
            if channel.fileno() in ready:
                channel.flush()
                for message in channel.receive():
                    self._take(message)
            if not hold:
                self._outbox.pump(channel)
        except ChannelClosed:
            self._drop()
            return
        if channel.backlog != self._writing:
            self._writing = channel.backlog
            self._runtime.rewatch(channel.fileno(), select.EPOLLIN | (select.EPOLLOUT if self._writing else 0))

    def _drop(self) -> None:
        if self._channel is not None:
            self._runtime.unwatch(self._channel.fileno())
            self._channel.close()
        self._channel, self._writing = None, False
        self.staging.abandon()

    def carried(self) -> dict[str, Any]:
        """What a successor needs so that its agent takes it for the same engine; JSON's types only."""
        return {"boot": self._boot, "sequence": self._sequence, "started": self._started, **self._outbox.carried()}

    def take_up(self, told: Mapping[str, Any]) -> None:
        """Go on where a living predecessor is, whose transitions have been numbered on."""
        self._boot, self._sequence, self._started = told["boot"], told["sequence"], told["started"]
        self._outbox.take_up(told)

    # -- requests

    def _take(self, message: Message) -> None:
        """One request; one that is not understood is passed over, as a newer agent's may be."""
        try:
            match message["do"]:
                case "script":
                    self._runtime.step(ScriptResult(str(message["name"]), bool(message["ok"])))
                case "process":
                    self._runtime.step(ProcessResult(str(message["name"]), bool(message["ok"])))
                case "file":
                    self._runtime.step(FileValue(str(message["name"]), int(message["value"])))
                case "release":
                    self._runtime.step(Release(str(message["name"]), str(message["cause"])))
                case "ack":
                    self._outbox.acknowledge(int(message["sequence"]))
                case "begin":
                    self.staging.begin(bool(message.get("complete")))
                case "put":
                    self.staging.put(message["kind"], message["name"], message["value"])
                case "delete":
                    self.staging.delete(message["kind"], message["name"])
                case "commit":
                    self._commit(int(message["revision"]))
                case "alive":
                    self._alive_at = time.time_ns()
                case "query":
                    self._told.clear()
                    for key in self._all_keys():
                        self._outbox.put(key)
                    self._outbox.close_with({"is": "synced", "id": message.get("id", 0)})
                case "stop":
                    self._runtime.stop()
        except (KeyError, TypeError, ValueError, AttributeError):
            return

    def _commit(self, revision: int) -> None:
        committed = self.staging.commit(revision)
        if committed is not None:
            resolved, problems = committed
            self._runtime.configure(resolved)
            rows = [problem.as_dict() for problem in problems]
            words = first_words(self._runtime.node)
            self._told["first_words", ""] = _digest(words)
            self._outbox.answer({"is": "applied", "revision": revision, "problems": rows, "first_words": words})

    # -- what is told

    def _ready(self) -> Message:
        return {
            "is": "ready",
            "protocol": PROTOCOL,
            "pid": os.getpid(),
            "boot": self._boot,
            "revision": self.staging.revision,
            "started": self._started,
            "scheduling": self.scheduling,
            "memory_locked": self.memory_locked,
            "resumed": self._runtime.resumed,
        }

    def _all_keys(self) -> list[Key]:
        node = self._runtime.node
        keys = [(kind, name) for name in node.routers for kind in ("instance", "counters")]
        keys += [("group", name) for name in node.groups]
        keys += [("script", name) for name in node.surroundings.scripts.states]
        keys += [("bfd", name) for name in node.surroundings.neighbors.states]
        return [*keys, ("problems", ""), ("first_words", ""), ("engine", "")]

    def _render(self, key: Key) -> Message | None:
        """The message of a key, or None where the agent knows it already."""
        from services.vrrp import views  # not needed before the first advert

        kind, name = key
        node = self._runtime.node
        body: Any = None
        if kind == "problems":
            body = self._problems()
            message: Message = {"is": "problems", "problems": body}
        elif kind == "first_words":
            body = first_words(node)
            message = {"is": "first_words", "words": body}
        elif kind == "engine":
            body = self._engine()
            message = {"is": "engine", "stats": body}
        elif kind == "counters":
            if name not in node.routers:
                return None
            node.routers[name].counters.gratuitous_arps_sent = self._runtime.jobs.announced.get(name, 0)
            counters = views.counters_view(node.routers[name].counters)
            body = counters, views.timers_view(node.routers[name], self._unix)
            message = {"is": "counters", "name": name, "counters": counters, "timers": body[1]}
        else:
            if kind == "instance" and name in node.routers:
                body = views.instance_view(node, name, self._unix)
            elif kind == "group" and name in node.groups:
                body = views.group_view(node, name, self._unix)
            elif kind == "script" and name in node.surroundings.scripts.states:
                body = views.script_view(node, name, self._unix)
            elif kind == "bfd" and name in node.surroundings.neighbors.states:
                link = self._runtime.bfd
                session, current = (link.views.get(name, {}), link.up) if link is not None else ({}, False)
                body = views.bfd_view(node, name, session, current, self._unix)
            message = {"is": kind, "name": name, "view": body}
            if body is None:
                self._told.pop(("counters", name), None)
        digest = _digest(body)
        if self._told.get(key) == digest:
            return None
        self._told[key] = digest
        return message

    def _unix(self, when: int | None) -> int:
        # Rounded to milliseconds, so that two readings of the clocks give the same number.
        return (when + time.time_ns() - self._clock() + 500_000) // 1_000_000 * 1_000_000 if when else 0

    def _problems(self) -> list[dict[str, str]]:
        runtime = self._runtime
        rows = []
        for name, router in sorted(runtime.node.routers.items()):
            key, interface = f"config/vrrp_instance/{name}", router.settings.interface
            known = runtime.node.surroundings.interfaces.get(interface)
            if known is None or not known.number:
                from services.vrrp.config.places import missing  # hardly ever, and the engine's start is in a hurry

                reason, hint = missing(interface), "the instance starts when it appears"
            elif trouble := known.trouble if router.settings.family == 4 else known.trouble6:
                reason, hint = f"interface {interface} cannot be used: {trouble}", "see the service's unit"
            else:
                continue
            rows.append({"key": key, "field": "interface", "reason": reason, "hint": hint})
        for key, field, reason in runtime.extras.troubles():
            rows.append({"key": key, "field": field, "reason": reason, "hint": ""})
        for name, session in sorted(runtime.bfd.views.items()) if runtime.bfd is not None else ():
            if session.get("trouble"):
                key = f"config/bfd_instance/{name}"
                rows.append({"key": key, "field": "neighbor_ip", "reason": session["trouble"], "hint": ""})
        for name, field, reason, hint in sorted(runtime.links.troubles() if runtime.links is not None else ()):
            rows.append({"key": f"config/vrrp_instance/{name}", "field": field, "reason": reason, "hint": hint})
        for (name, address), reason in sorted(runtime.jobs.troubles.items()):
            key, kind = _home(name)
            rows.append({"key": key, "field": f"{kind}_ipaddress", "reason": absence(address, reason), "hint": ""})
        return rows + self._routing_problems()

    def _routing_problems(self) -> list[dict[str, str]]:
        """The first of those of each field; thousands would make adverts wait."""
        counts: dict[tuple[str, str], int] = {}
        rows = []
        for (name, row), reason in self._runtime.jobs.routing_troubles.items():
            key, kind = _home(name)
            place = key, f"{kind}_{'routes' if hasattr(row, 'gateway') else 'rules'}"
            counts[place] = counts.get(place, 0) + 1
            if counts[place] <= LISTED:
                rows.append({"key": key, "field": place[1], "reason": absence(row.text, reason), "hint": ""})
        for (key, field), count in counts.items():
            if count > LISTED:
                text = f"{count - LISTED} more lines are not there"
                rows.append({"key": key, "field": field, "reason": text, "hint": "vipctl status --json lists them all"})
        return sorted(rows, key=lambda row: (row["key"], row["field"]))

    def _engine(self) -> dict[str, Any]:
        runtime, statistics = self._runtime, self._runtime.statistics
        rejected = dict(runtime.node.reception.rejected)
        return {
            "wakes": statistics.wakes,
            "timers": statistics.timers,
            "late_max_ns": statistics.late_max,
            "late_sum_ns": statistics.late_sum,
            "late_over_1ms": statistics.late_over_1ms,
            "late_over_10ms": statistics.late_over_10ms,
            "late_over_100ms": statistics.late_over_100ms,
            "transitions_dropped": self._outbox.dropped,
            "unknown_vrid": rejected.pop("unknown_vrid", 0),
            "rejected": rejected,
            "agent_last_alive_at": self._alive_at,
            "bfd_rejected": dict(runtime.bfd.rejected) if runtime.bfd is not None else {},
        }


def _digest(body: Any) -> int:
    """Equal for what is equal, made anew each time; of JSON's types."""
    return hash(dumps(body, 2))  # version 2 has no references, which would tell one text in two places from two


def _home(owner: str) -> tuple[str, str]:
    """The key of what holds a row, and how its fields begin."""
    return (f"config/{owner}", "static") if owner.startswith(OWNER) else (f"config/vrrp_instance/{owner}", "virtual")
