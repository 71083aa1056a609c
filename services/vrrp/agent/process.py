"""What does vrrp's agent do? Configuration to the engine and the runner, the engine's state to gRPC, transitions to notify.

Started by the launcher as `python -m services.vrrp.agent` with `VIPKEEPER_CONTROL_FD` (see `services.vrrp.launcher`). The
engine runs on without it; its death or silence costs nothing but news.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from services.common import accounts, telemetry
from services.common.configuration import Configuration
from services.common.desired import Change
from services.common.errors import InvalidValue
from services.common.events import Composer
from services.common.options import Options
from services.common.problems import Problem
from services.common.serve import Server, serve
from services.common.telemetry import Telemetry
from services.common.watch_hub import WatchHub
from services.vrrp.agent.engine_link import EngineLink, View
from services.vrrp.agent.firewall import ruleset
from services.vrrp.agent.history_file import HistoryFile
from services.vrrp.agent.key_files import KeyFiles
from services.vrrp.agent.nft import Firewall
from services.vrrp.agent.operators import Operator
from services.vrrp.agent.peers import statuses
from services.vrrp.agent.publisher import Transitions
from services.vrrp.agent.runner_link import RunnerLink
from services.vrrp.agent.split_brain import KINDS
from services.vrrp.agent.split_watch import SplitWatch
from services.vrrp.agent.switchover import elections
from services.vrrp.channel import Channel, ChannelClosed, Message, from_fd
from services.vrrp.config.resolve import resolve
from services.vrrp.config.settings import DECODERS, Settings, TrackFile, TrackProcess, VrrpScript
from services.vrrp.launcher.process import CONTROL, FIRST, SUCCESSOR
from services.vrrp.runner.census import Sought
from services.vrrp.runner.process import split
from services.vrrp.views import InstanceView
from vipkeeper.vrrp.v1 import vrrp_pb2

log = logging.getLogger("services.vrrp.agent")

FLUSH_S = 3.0  # for the last events at a declared stop
LAST_WORDS_S = 4.0  # a signal of its own makes the agent wait so long for the launcher's order
COUNTERS = (
    ("adverts_sent", "{advert}", "Adverts sent"),
    ("adverts_received", "{advert}", "Valid adverts received"),
    ("became_master", "{transition}", "Times the instance became master"),
    ("released_master", "{transition}", "Times it stopped being master"),
    ("priority_zero_sent", "{advert}", "Adverts of priority 0 sent"),
    ("priority_zero_received", "{advert}", "Adverts of priority 0 received"),
    ("address_list_errors", "{advert}", "Adverts whose address list differs"),
    ("send_errors", "{advert}", "Adverts that could not be sent"),
    ("gratuitous_arps_sent", "{packet}", "Gratuitous ARPs sent"),
    ("address_errors", "{address}", "Addresses that could not be added or removed"),
)


@dataclass(frozen=True, slots=True)
class Configured:
    """One object as it is in force: its plain dict for the engine, its settings for the checks."""

    value: Mapping[str, Any]
    settings: Settings


def decoders() -> dict[str, Callable[[str, Mapping[str, Any]], Configured]]:
    """The engine's decoders, the plain dict kept beside what they make of it."""

    def keeping(kind: str) -> Callable[[str, Mapping[str, Any]], Configured]:
        decode = DECODERS[kind]
        return lambda name, value: Configured(value, decode(name, value))

    return {kind: keeping(kind) for kind in DECODERS}


class Agent:
    """Everything of the agent but its gRPC server.

    :raises StoreError: `--store` cannot be meant.
    """

    def __init__(self, options: Options, observed: Telemetry, control: Channel) -> None:
        self._control = control
        self._telemetry = observed
        self._compose = Composer(options.node, options.service)
        self._objects: dict[tuple[str, str], Configured] = {}
        self._revision: int | None = None
        self._transitions = Transitions(options, observed, self._acknowledge)
        self.history = HistoryFile(options.state_dir / "transitions.jsonl")
        self.configuration = Configuration(options, decoders(), self._on_problems)
        self._engine_json = options.state_dir / "engine.json"
        self.link = EngineLink(self._engine_json, self)
        self.operator = Operator(
            options.state_dir / "orders.json", options.node, self.link, lambda: statuses(options), self._tell_engine
        )
        self.runner = RunnerLink(self.link, self.trouble)
        self.firewall = Firewall(options.state_dir / "no_accept", self.trouble)
        self.keys = KeyFiles(self._tell_engine, self.trouble)
        self._declared = False  # the launcher said stop
        self.split = SplitWatch(options.node, self.link, lambda: statuses(options), self._split_brain)
        self._fresh = os.environ.pop(FIRST, "") == "1"  # what happens at the service's start happens now
        self._begun: set[str] = set()  # files whose start has been
        self.complaints: frozenset[Problem] = frozenset()  # of the launcher
        self.hub: WatchHub[str, vrrp_pb2.Instance] = WatchHub()
        self.server: Server | None = None
        self.stopped = asyncio.Event()
        self._observe()

    async def run(self) -> None:
        """Until the launcher says stop, or is gone."""
        self._transitions.recover()
        self.operator.recover()
        self.keys.recover(self._engine_json)
        asyncio.get_running_loop().add_reader(self._control.fileno(), self._hear_launcher)
        async with asyncio.TaskGroup() as tasks:
            work = [
                tasks.create_task(self.configuration.run(self._on_change)),
                tasks.create_task(self.runner.run()),
                tasks.create_task(self.firewall.run()),
                tasks.create_task(self.keys.run()),
                tasks.create_task(self.link.keep_copy()),
                tasks.create_task(self.operator.run()),
                tasks.create_task(self.split.run()),
                tasks.create_task(self._transitions.publisher.run()),
                tasks.create_task(self._live()),
            ]
            await self.stopped.wait()
            self.link.drain()
            for task in work:
                task.cancel()
        if self._declared:
            await self.firewall.remove()
        await self._transitions.finish(FLUSH_S)

    # -- launcher

    async def _live(self) -> None:
        """Say every second that the loop turns."""
        self._say({"is": "ready"})
        while True:
            self._say({"is": "alive"})
            self.link.alive()
            await asyncio.sleep(1)

    def _say(self, message: Message) -> None:
        with contextlib.suppress(ChannelClosed):  # heard of in `_hear_launcher`
            self._control.send(message)

    def _hear_launcher(self) -> None:
        try:
            messages = self._control.receive()
        except ChannelClosed:
            asyncio.get_running_loop().remove_reader(self._control.fileno())
            self.stopped.set()
            return
        for message in messages:
            if message.get("do") == "engine" and self._control.descriptors:
                self.link.adopt(self._control.descriptors.popleft())
            elif message.get("do") == "stop":
                self._declared = True
                self.stopped.set()
            elif message.get("do") == "leave":  # to a successor, which finds everything as it is
                self.stopped.set()
            elif message.get("do") == "complain":
                self._complain(str(message.get("reason", "")))

    def _complain(self, reason: str) -> None:
        """The last reload failed, or (no reason) did not."""
        before = self.complaints
        hint = "see the service's log; what ran before runs on"
        self.complaints = frozenset({Problem("reload", "", reason, hint)} if reason else ())
        self.trouble(before, self.complaints)

    # -- configuration

    def _on_change(self, change: Change) -> Iterable[Problem]:
        for identity in change.removals:
            self._objects.pop(identity, None)
        self._objects.update(change.upserts)
        self._revision = change.revision
        self._tell_engine()
        general = self._objects.get(("global", ""))
        user = general.value.get("script_user", "") if general is not None else ""
        security = general is None or general.value.get("enable_script_security", True)
        scripts = {name: o.settings for (_, name), o in self._objects.items() if isinstance(o.settings, VrrpScript)}
        self.runner.configure({name: _row(script, user) for name, script in scripts.items()}, security)
        self._track()
        self._summarise()
        resolved = resolve(self.settings())
        deaf = [router for router in resolved.routers.values() if not router.accept]
        self.firewall.want(ruleset(deaf), [router.name for router in deaf])
        return [*resolved.problems, *_script_problems(scripts, user, security)]

    def settings(self) -> dict[tuple[str, str], Settings]:
        """What is configured now."""
        return {identity: o.settings for identity, o in self._objects.items()}

    def _track(self) -> None:
        """Files and processes to the runner. A file is overwritten when the service starts, or later when it is new."""
        files = {name: o.settings for (_, name), o in self._objects.items() if isinstance(o.settings, TrackFile)}
        sought = {name: o.settings for (_, name), o in self._objects.items() if isinstance(o.settings, TrackProcess)}
        overwrite = {name for name, file in files.items() if file.overwrite and name not in self._begun}
        self.runner.track(
            {name: {"file": file.file, "init": file.init} for name, file in files.items()},
            {name: _process_row(process) for name, process in sought.items()},
            frozenset(overwrite if self._fresh else ()),
        )
        self._begun, self._fresh = set(files), True

    def _tell_engine(self) -> None:
        """What is configured and what operators ordered; nothing before there is a configuration."""
        if self._revision is not None:
            configured = self.keys.fill({identity: o.value for identity, o in self._objects.items()})
            self.link.configure(self._revision, configured | self.operator.objects())
            self._summarise()

    def _on_problems(self, new: frozenset[Problem], resolved: frozenset[Problem]) -> None:
        for event in self._compose.configuration(resolved, new):
            self._transitions.publish(event)

    # -- engine

    def instance(self, name: str, view: View | None) -> None:
        """A virtual router changed."""
        if view is None:
            self.hub.remove(name)
        else:
            self._put(name, view)
        self.operator.look()
        self._summarise()

    def group(self) -> None:
        """A sync group changed."""
        self._summarise()

    def bfd(self, name: str, before: View | None, now: View | None) -> None:
        """What is known of a BFD session changed."""
        text = _session_words(now)
        was, counts = (view["state"] if view is not None else "" for view in (before, now))
        if text and text != _session_words(before):
            log.log(logging.WARNING if (was, counts) == ("up", "down") else logging.INFO, "BFD session %s %s", name, text)
        if was != counts:
            self._summarise()

    def transition(self, message: Message) -> None:
        """A state changed."""
        self.history.take(message)
        self._transitions.take(message)

    def engine_up(self, up: bool) -> None:
        """The engine has told everything it knows, or is gone."""
        log.info("the engine %s", "is there" if up else "is gone")
        for name, view in self.link.told.instances.items():
            self._put(name, view)
        if up:
            self.runner.tell_again()
        if self.server is not None:
            self.server.set_serving(up)
        self._summarise()

    def trouble(self, before: frozenset[Problem], now: frozenset[Problem]) -> None:
        """What is wrong at run time has changed: interfaces that are missing, addresses that cannot be added, files."""
        for problem in sorted(now - before):
            log.warning("%s", problem)
        for problem in sorted(before - now):
            log.info("resolved: %s", problem)
        for event in self._compose.configuration(before, now):
            self._transitions.publish(event)
        self._summarise()

    def _split_brain(self, before: frozenset[Problem], names: Iterable[str]) -> None:
        """A second master has been found, or is gone, or this node hears one on the wire."""
        self.trouble(before, self.split.problems)
        for name in names:
            if name in self.link.told.instances:
                self._put(name, self.link.told.instances[name])

    def _put(self, name: str, view: View) -> None:
        from services.vrrp.agent.service import instance

        alarm = self.split.core.alarms.get(name)
        self.hub.put(name, instance(name, view, self.link.told.counters.get(name, {}), self.link.up, alarm))

    def _acknowledge(self, boot: str, sequence: int) -> None:
        self.link.acknowledge(boot, sequence)

    def _summarise(self) -> None:
        self.configuration.state_changed(self._summary)

    def _summary(self) -> dict[str, Any]:
        """For the status key."""
        told = self.link.told
        return {
            "engine": "up" if self.link.up else "down",
            "instances": {name: view["state"] for name, view in sorted(told.instances.items())},
            "elections": elections(cast("dict[str, InstanceView]", told.instances), self.split.core.rivals),
            "maintenance": {name: order.reason for name, order in sorted(self.operator.maintenance.items())},
            "sync_groups": {name: view["state"] for name, view in sorted(told.groups.items())},
            "bfd_sessions": {name: view["state"] for name, view in sorted(told.bfds.items())},
            "problems": [problem.as_dict() for problem in sorted(self._troubles())],
        }

    # -- being watched

    def _observe(self) -> None:
        def per_instance(field: str) -> Callable[[], list[tuple[int, Mapping[str, str]]]]:
            return lambda: [(c.get(field, 0), {"instance": name}) for name, c in self.link.told.counters.items()]

        def late_over(limit: str) -> Callable[[], int]:
            return lambda: int(self.link.told.engine.get(f"late_over_{limit}", 0))

        observe, told = self._telemetry.observe, self.link.told
        for field, unit, text in COUNTERS:
            observe(f"vrrp.{field}", per_instance(field), unit, text)
        observe("vrrp.rejected", self._rejected, "{packet}", "Packets thrown away")
        observe("vrrp.master", self._masters, "1", "1 if the instance is master", "gauge")
        observe("vrrp.split_brain", self._split_brains, "1", "1 while another master is known of, by kind", "gauge")
        observe("vrrp.priority", self._priorities, "1", "Effective priority", "gauge")
        observe("vrrp.engine_up", lambda: int(self.link.up), "1", "1 if the engine answers", "gauge")
        observe("vrrp.engine_losses", lambda: self.link.losses, "{process}", "Engines lost")
        observe("vrrp.runner_restarts", lambda: self.runner.restarts, "{process}", "Script runners replaced")
        observe("vrrp.timers", lambda: told.engine.get("timers", 0), "{timer}", "Timers served by the engine")
        observe("vrrp.timer_lateness", lambda: told.engine.get("late_sum_ns", 0) / 1e9, "s", "Sum of their lateness")
        for limit in ("1ms", "10ms", "100ms"):
            observe(f"vrrp.timers_late_over_{limit}", late_over(limit), "{timer}", f"Timers served more than {limit} late")
        observe("vrrp.bfd_up", self._bfd_up, "1", "1 if the BFD session counts as up", "gauge")
        publisher = self._transitions.publisher
        observe("vrrp.events_waiting", lambda: publisher.pending, "{event}", "Events that notify has not got", "gauge")
        observe("vrrp.events_dropped", lambda: publisher.dropped, "{event}", "Events lost while notify was away")
        observe("vrrp.problems", self._problems, "{problem}", "Problems now", "gauge")

    def _rejected(self) -> list[tuple[int, Mapping[str, str]]]:
        counters = self.link.told.counters.items()
        return [
            (count, {"instance": name, "reason": reason})
            for name, c in counters
            for reason, count in c.get("rejected", {}).items()
        ]

    def _masters(self) -> list[tuple[int, Mapping[str, str]]]:
        return [(int(v["state"] == "MASTER"), {"instance": name}) for name, v in self.link.told.instances.items()]

    def _bfd_up(self) -> list[tuple[int, Mapping[str, str]]]:
        return [(int(v["state"] == "up"), {"session": name}) for name, v in self.link.told.bfds.items()]

    def _split_brains(self) -> list[tuple[int, Mapping[str, str]]]:
        kinds = {name: alarm.finding.kind for name, alarm in self.split.core.alarms.items()}
        return [
            (int(kinds.get(name) == kind), {"instance": name, "kind": kind.replace(" ", "_")})
            for name in self.link.told.instances
            for kind in KINDS
        ]

    def _priorities(self) -> list[tuple[int, Mapping[str, str]]]:
        return [(v["effective_priority"], {"instance": name}) for name, v in self.link.told.instances.items()]

    def problems(self) -> frozenset[Problem]:
        """Everything that is wrong now, in the configuration and at run time."""
        own = {self.operator.trouble} if self.operator.trouble is not None else set()
        return frozenset(self.configuration.problems) | self._troubles() | own

    def _troubles(self) -> frozenset[Problem]:
        """What is wrong at run time."""
        own = self.runner.problems | self.firewall.problems | self.keys.problems | self.split.problems | self.complaints
        return self.link.told.problems | own

    def _problems(self) -> list[tuple[int, Mapping[str, str]]]:
        return self.configuration.problem_counts(self._troubles())


def _session_words(view: View | None) -> str:
    """A BFD session's state for the log, without what changes from second to second."""
    if view is None or not view["session"]:
        return ""
    session = view["session"]
    why = f" ({session['diagnostic']})" if session["diagnostic"] else ""
    return f"with {session['neighbor_ip']} is {session['state']}{why}, counts as {view['state']}"


def _row(script: VrrpScript, user: str) -> dict[str, Any]:
    """What the runner is told of a script."""
    return {
        "script": script.script,
        "interval_ns": script.interval,
        "timeout_ns": script.timeout,
        "user": script.user or user,
    }


def _process_row(process: TrackProcess) -> dict[str, Any]:
    """What the runner is told of a process tracker."""
    return {field: getattr(process, field) for field in Sought._fields}


def _script_problems(scripts: Mapping[str, VrrpScript], user: str, security: bool) -> Iterable[Problem]:
    """What can be said now about tracking scripts, before they are run."""
    for name, script in scripts.items():
        key = f"config/vrrp_script/{name}"
        try:
            words = split(script.script)
            who = accounts.account(script.user or user, "user" if script.user else "script_user")
        except InvalidValue as error:
            place = "config/global" if error.field == "script_user" else key
            yield Problem(place, error.field, error.reason, error.hint)
            continue
        if shutil.which(words[0], path=accounts.PATH) is None:
            yield Problem(key, "script", f"there is no program {words[0]}: it counts as failed", "give its whole path")
        elif security and (refusal := accounts.insecure(words[0], who)) is not None:
            yield Problem(key, "script", refusal.reason, refusal.hint)


async def main(options: Options, stop: asyncio.Event) -> None:
    """Serve until the launcher says stop."""
    from services.vrrp.agent.service import NAME, VrrpService
    from vipkeeper.vrrp.v1 import vrrp_pb2_grpc

    control = Channel(from_fd(int(os.environ.pop(CONTROL))))
    if os.environ.pop(SUCCESSOR, "") and not await _turn(control, stop):
        return
    observed = telemetry.start(options)
    agent = Agent(options, observed, control)
    service = VrrpService(agent.link, agent.runner, agent.hub, agent.history, agent.operator, agent.split, agent.settings)
    agent.server = await serve(
        options, lambda s: vrrp_pb2_grpc.add_VrrpServiceServicer_to_server(service, s), [NAME], agent.problems
    )
    agent.server.set_serving(False)  # until the engine has spoken
    impatience = asyncio.ensure_future(_last_words(agent, stop))
    try:
        await agent.run()
    finally:
        impatience.cancel()
        await agent.server.stop(0.5)
        await observed.close()


async def _turn(control: Channel, stop: asyncio.Event) -> bool:
    """Beside the agent that still runs: everything is loaded, nothing is touched; False: it shall never begin."""
    loop = asyncio.get_running_loop()
    turn: asyncio.Future[bool] = loop.create_future()

    def heard() -> None:
        try:
            orders = [message.get("do") for message in control.receive(limit=1)]
        except ChannelClosed:
            orders = ["stop"]
        if orders:
            loop.remove_reader(control.fileno())  # at once: what comes after it is the agent's
            turn.set_result(orders[0] == "begin")

    loop.add_reader(control.fileno(), heard)
    stopped = asyncio.ensure_future(stop.wait())
    with contextlib.suppress(ChannelClosed):
        control.send({"is": "prepared"})
    try:
        await asyncio.wait((turn, stopped), return_when=asyncio.FIRST_COMPLETED)
    finally:
        loop.remove_reader(control.fileno())
        stopped.cancel()
    return turn.done() and turn.result()


async def _last_words(agent: Agent, stop: asyncio.Event) -> None:
    """A signal to the whole process group reaches the agent too; the engine's last transitions are worth a moment."""
    await stop.wait()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LAST_WORDS_S):
            await agent.stopped.wait()
    agent.stopped.set()
