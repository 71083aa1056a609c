"""How do VMACs and ipvlans come to be, and stay? What `links.Links` plans is carried out, quietness and frames along with it.

The engine's shell for links. All but removing takes the kernel less than a millisecond a link and is done at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, assert_never

from services.vrrp.links.link_netlink import open_links, remove_apart, tune
from services.vrrp.links.plan import Adjust, Blocked, Create, Links, Raise, Remove, SetConf, Step
from services.vrrp.links.silence import Silence
from services.vrrp.links.vmac import MACVLAN
from services.vrrp.netlink import Interface
from services.vrrp.wire.frames import FrameReceiver, FrameSender

if TYPE_CHECKING:
    from services.vrrp.config.resolve import Resolved, RouterSettings
    from services.vrrp.links.vmac import VirtualLink

ROUNDS = 5  # make, adjust, set up, base, and once more for what became known only then
TOLD = 60_000_000_000  # nanoseconds for which a repair stays among the problems
Interfaces = Mapping[str, Interface]


class Trouble(NamedTuple):
    """What is wrong with a link of an instance."""

    router: str
    field: str
    reason: str
    hint: str = ""


class VirtualLinks:
    """All links of the configuration. `look` reads what netlink said meanwhile and gives the interfaces as they are."""

    def __init__(self, look: Callable[[], Interfaces], clock: Callable[[], int], aside: bool = False) -> None:
        self.wanted: dict[str, VirtualLink] = {}
        self.receivers: dict[int, FrameReceiver] = {}  # by family
        self._heard: dict[int, dict[str, tuple[int, str]]] = {}  # by family and link: its number and its base
        self.senders: dict[str, FrameSender] = {}  # by the base's name
        self.failed: dict[str, str] = {}  # by the link's name, in words
        self._look, self._clock = look, clock
        self._aside = aside  # a successor before its turn: it looks, and changes nothing
        self._links = Links()
        self._requests = open_links()
        self._routers: dict[str, RouterSettings] = {}  # by the link's name
        self._sender_on: dict[str, int] = {}
        self._quiet: set[str] = set()
        self._silence: Silence | None = None
        self._noisy = ""  # why links cannot be kept quiet
        self._untuned: dict[str, str] = {}
        self._present: set[str] = set()
        self._made_again: dict[str, int] = {}  # when

    def configure(self, resolved: Resolved, interfaces: Interfaces) -> Interfaces:
        """These links from now on; gives the interfaces as they are then."""
        routers = resolved.routers.values()
        before = {name for name, router in self._routers.items() if name in router.quiet_links}
        self.wanted = {link.name: link for router in routers for link in router.links}
        self._routers = {link.name: router for router in routers for link in router.links}
        quiet = {name for router in routers for name in router.quiet_links}
        self._quiet = self._quiet & quiet | quiet - before
        self._present &= self.wanted.keys()
        for known in (self.failed, self._untuned, self._made_again):
            for name in known.keys() - self.wanted.keys():
                known.pop(name)
        return self.reconcile(interfaces)

    def reconcile(self, interfaces: Interfaces) -> Interfaces:
        """Everything as it must be, as far as that is possible now; gives the interfaces as they are then."""
        self._present = {name for name in self._present if self.wanted[name].base in interfaces}
        for _ in range(0 if self._aside else ROUNDS):
            changed = [self._carry_out(step) for step in self._links.plan(self.wanted, interfaces)]
            if not any(changed):
                break
            interfaces = self._look()
            self._keep_quiet(interfaces)  # as soon as a link is there, before it is set up: the kernel reports groups then
        self._present |= self.wanted.keys() & interfaces.keys()
        self._open(interfaces)
        self._keep_quiet(interfaces)
        return interfaces

    def carried(self) -> dict[str, Any]:
        """What is known of the links, for a successor's `take_up`."""
        silent = sorted(self._silence.silent) if self._silence is not None else []
        return {"quiet": sorted(self._quiet), "silent": silent, "failed": self.failed, "made_again": self._made_again}

    @property
    def table(self) -> int:
        """The descriptor that the table of silence belongs to, -1 where there is none."""
        return self._silence.fileno() if self._silence is not None else -1

    def take_up(self, told: Mapping[str, Any]) -> None:
        """What a living predecessor knew; it may go on itself, so nothing is changed yet."""
        self._quiet = self.wanted.keys() & set(told["quiet"])
        self.failed = {name: why for name, why in told["failed"].items() if name in self.wanted}
        self._made_again = {name: at for name, at in told["made_again"].items() if name in self.wanted}

    def take_over(self, table: int, silent: Iterable[int], interfaces: Interfaces) -> Interfaces:
        """The predecessor is gone, the links are ours, and `table` is its; gives the interfaces as they are then."""
        self._aside = False
        if table >= 0:
            self._silence = Silence(table, silent)
        return self.reconcile(interfaces)

    def stop(self, interfaces: Interfaces) -> None:
        """A declared stop: nothing is left behind. Returns when it is done, which may take the kernel a moment."""
        self.wanted.clear()  # nothing is repaired any more
        self._routers.clear()
        for known in (self.failed, self._untuned, self._made_again, self._quiet, self._present):
            known.clear()
        for step in self._links.plan({}, interfaces):
            if isinstance(step, SetConf):
                self._requests.set_conf(step)
            elif isinstance(step, Remove):
                self._requests.remove(step.numbers)

    def hush(self, names: Iterable[str], on: bool, interfaces: Interfaces) -> None:
        """These links send nothing of themselves from now on, or may again."""
        known = set(names) & self.wanted.keys()  # of an instance that is no longer configured there is nothing left
        self._quiet = self._quiet | known if on else self._quiet - known
        self._keep_quiet(interfaces)

    def troubles(self) -> list[Trouble]:
        """Everything that is wrong, in words."""
        found = [self._trouble(name, f"{name} is not as it must be: {why}") for name, why in self.failed.items() if why]
        hint = "see docs/migrating-from-keepalived.md, VMACs"
        found += [self._trouble(name, why, hint) for name, why in self._untuned.items() if why]
        until = self._clock() - TOLD
        for name, at in self._made_again.items():
            if at > until:
                found.append(self._trouble(name, f"{name} was removed by somebody else and has been made again"))
        if self._noisy:
            found += [self._trouble(name, f"{name} cannot be kept quiet as backup: {self._noisy}") for name in self._quiet]
        return found

    def _trouble(self, name: str, reason: str, hint: str = "") -> Trouble:
        field = "use_vmac" if self.wanted[name].kind == MACVLAN else "use_ipvlan"
        return Trouble(self._routers[name].name, field, reason, hint)

    def _carry_out(self, step: Step) -> bool:
        """Whether it changed something."""
        match step:
            case SetConf():
                return not self._requests.set_conf(step)
            case Remove():
                if step.first:
                    self._requests.remove(step.numbers)
                    return True
                self._links.leaving(step)
                remove_apart(step.numbers)
                return False
            case Create(link):
                reason = self._requests.create(step)
                if not reason and link.name in self._present:
                    self._made_again[link.name] = self._clock()
            case Adjust(link):
                reason = self._requests.adjust(step)
                if not reason:
                    self._links.adjusted(step)
                    self._untuned[link.name] = tune(link)
                    reason = self._requests.set_up(link, step.number)
            case Raise(link):
                reason = self._requests.set_up(link, step.number)
            case Blocked(link, why):
                reason = why
            case _:
                assert_never(step)
        self.failed[link.name] = reason
        return not reason

    def _open(self, interfaces: Interfaces) -> None:
        """What sends and hears frames, on the interfaces that are there now."""
        bases = {
            r.interface: interfaces[r.interface] for r in self._routers.values() if r.frame_mac and r.interface in interfaces
        }
        for name, number in list(self._sender_on.items()):
            if name not in bases or bases[name].number != number:
                self.senders.pop(name).close()
                del self._sender_on[name]
        for name, base in bases.items():
            if name not in self.senders:
                with suppress(OSError):
                    self.senders[name] = FrameSender.on(name)
                    self._sender_on[name] = base.number
        for family in (4, 6):
            self._hear(family, interfaces)

    def _hear(self, family: int, interfaces: Interfaces) -> None:
        """Adverts that the kernel hands to VMACs."""
        heard = {
            name: (interfaces[name].number, self.wanted[name].base)
            for name, router in self._routers.items()
            if router.own_link == name and self.wanted[name].mac and not router.peers and router.family == family
            if name in interfaces
        }
        if heard == self._heard.get(family, {}):
            return
        with suppress(OSError):
            receiver = self.receivers.get(family) or self.receivers.setdefault(family, FrameReceiver(family))
            receiver.watch(
                {name: base for name, (_number, base) in heard.items()}, [number for number, _base in heard.values()]
            )
            self._heard[family] = heard

    def _keep_quiet(self, interfaces: Interfaces) -> None:
        numbers = {interfaces[name].number for name in self._quiet if name in interfaces}
        if self._aside or (self._silence is None and not numbers):
            return
        try:
            self._silence = self._silence or Silence()
            self._silence.keep(numbers)
            self._noisy = ""
        except OSError as error:
            self._noisy = f"nftables: {error.strerror or error}"
            if self._silence is not None:  # a master's link must not be silent, whatever is wrong
                self._silence.close()
                self._silence = None
