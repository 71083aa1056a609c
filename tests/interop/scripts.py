"""The rows of the transition table as events: keepalived_protocol_facts, section 8; RFC 9568 section 6.4.

Each script is a function of a `Stage`. Those in EXACT are compared advert by advert: their router has the longest interval
and is an owner, so that each advert it sends answers something.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.interop.stage import HIGHER, LOWER, MORE, ROUTER, VIP, Router, Stage

LONG = 40.0  # seconds between adverts, so that none comes by itself


def start_with_a_fault(s: Stage) -> None:
    s.cable.unplug()
    s.start(VI_1=Router())
    s.reach("FAULT")
    s.cable.plug()
    s.reach("MASTER")


def start_with_a_failing_script(s: Stage) -> None:
    s.subject.script(False)
    s.start(VI_1=Router(script=0))
    s.reach("FAULT")
    s.subject.script(True)
    s.reach("MASTER")


def start_alone(s: Stage) -> None:
    s.start(VI_1=Router())
    s.reach("MASTER")


def start_as_master(s: Stage) -> None:
    s.start(VI_1=Router(master=True))
    s.reach("MASTER")


def start_beside_a_better_one(s: Stage) -> None:
    s.peer.speaks(150)
    s.start(VI_1=Router(master=True))
    s.reach("BACKUP")
    s.hears(10)


def backup_hears_priority_0(s: Stage) -> None:
    start_beside_a_better_one(s)
    s.peer.falls_silent()
    s.peer.says(0)
    s.reach("MASTER")


def backup_hears_nothing_more(s: Stage) -> None:
    start_beside_a_better_one(s)
    s.peer.falls_silent()
    s.reach("MASTER")


def backup_hears_an_equal(s: Stage) -> None:
    s.peer.speaks(100, source=LOWER)
    s.start(VI_1=Router())
    s.reach("BACKUP")
    s.hears(10)


def backup_hears_a_lower(s: Stage) -> None:
    s.peer.speaks(50)
    s.start(VI_1=Router())
    s.reach("MASTER_RX_LOWER_PRI")


def backup_hears_a_lower_with_nopreempt(s: Stage) -> None:
    s.peer.speaks(50)
    s.start(VI_1=Router(nopreempt=True))
    s.reach("BACKUP")
    s.hears(12)
    s.peer.falls_silent()
    s.reach("MASTER")


def backup_hears_a_lower_with_preempt_delay(s: Stage) -> None:
    s.peer.speaks(50)
    s.start(VI_1=Router(preempt_delay=3))
    s.reach("BACKUP")
    s.hears(8)
    s.reach("MASTER_RX_LOWER_PRI")


def backup_hears_an_invalid_advert(s: Stage) -> None:
    start_beside_a_better_one(s)
    s.peer.falls_silent()
    for _ in range(3):
        s.peer.says(200, broken=True)
    s.reach("MASTER")


def backup_learns_a_longer_interval(s: Stage) -> None:
    s.peer.speaks(150, interval=0.5)
    s.start(VI_1=Router(interval=0.3))
    s.reach("BACKUP")
    s.hears(3)
    s.peer.speaks(150, interval=0.5, every=1.4)  # more than the own master-down interval
    s.hears(4)
    s.peer.falls_silent()
    s.reach("MASTER")


def backup_gets_a_fault(s: Stage) -> None:
    start_beside_a_better_one(s)
    s.cable.unplug()
    s.reach("FAULT")
    s.cable.plug()
    s.reach("BACKUP")
    s.hears(10)


def backup_rises_above_the_master(s: Stage) -> None:
    s.subject.script(False)
    s.peer.speaks(120)
    s.start(VI_1=Router(script=50))
    s.reach("BACKUP")
    s.hears(10)
    s.subject.script(True)
    s.reach("MASTER_RX_LOWER_PRI")


def master_hears_a_higher(s: Stage) -> None:
    start_alone(s)
    s.peer.speaks(150)
    s.reach("BACKUP")
    s.hears(10)


def master_hears_an_equal_of_a_higher_address(s: Stage) -> None:
    start_alone(s)
    s.peer.speaks(100, source=HIGHER)
    s.reach("BACKUP")
    s.hears(10)


def master_hears_an_equal_of_a_lower_address(s: Stage) -> None:
    start_alone(s)
    s.advertises(100, 2)  # in the first interval it would be taken for the last word of one that yields, and not be told
    s.peer.says(100, source=LOWER)
    s.reach("MASTER_RX_LOWER_PRI")
    s.advertises(100, 3)


def master_hears_its_own_address(s: Stage) -> None:
    start_alone(s)
    for _ in range(3):
        s.peer.says(100, source=ROUTER)
    s.advertises(100, 5)


def master_gets_a_fault(s: Stage) -> None:
    start_alone(s)
    s.host.ip("link set eth0 down")
    s.reach("FAULT")
    s.host.ip("link set eth0 up")
    s.reach("MASTER")


def master_fails_its_script(s: Stage) -> None:
    s.start(VI_1=Router(script=0))
    s.reach("MASTER")
    s.subject.script(False)
    s.answers(0, 1)
    s.reach("FAULT")
    s.subject.script(True)
    s.reach("MASTER")


def master_loses_an_address(s: Stage) -> None:
    s.start(VI_1=Router(addresses=(VIP, MORE)))
    s.reach("MASTER")
    s.holds(VIP, MORE)
    s.host.ip(f"addr del {MORE}/32 dev eth0")
    s.answers(0, 1)
    s.advertises(100, 2)
    s.reach("MASTER")
    s.holds(VIP, MORE)


def master_sinks_below_a_peer(s: Stage) -> None:
    s.start(VI_1=Router(script=-60))
    s.reach("MASTER")
    s.subject.script(False)
    s.advertises(40, 2)
    s.subject.script(True)
    s.advertises(100, 2)
    s.subject.script(False)
    s.advertises(40, 2)
    s.peer.speaks(50)
    s.reach("BACKUP")
    s.hears(5)


def reload_changes_addresses(s: Stage) -> None:
    start_alone(s)
    s.subject.reload({"VI_1": Router(addresses=(VIP, MORE))})
    s.holds(VIP, MORE)
    s.subject.reload({"VI_1": Router(addresses=(MORE,))})
    s.holds(MORE)
    s.advertises(100, 3)


def reload_removes_a_router(s: Stage) -> None:
    s.start(VI_1=Router(), VI_2=Router(vrid=52, addresses=(MORE,)))
    s.reach("MASTER")
    s.reach("MASTER", "VI_2")
    s.holds(VIP, MORE)
    s.subject.reload({"VI_1": Router()})
    s.holds(VIP)
    s.advertises(100, 3)


def stop_as_master(s: Stage) -> None:
    start_alone(s)
    s.subject.stop()
    s.reach("STOP")


def stop_as_backup(s: Stage) -> None:
    start_beside_a_better_one(s)
    s.subject.stop()
    s.reach("STOP")


def a_group_moves_as_one(s: Stage) -> None:
    s.start(True, VI_1=Router(), VI_2=Router(vrid=52, addresses=(MORE,)))
    s.reach("MASTER")
    s.reach("MASTER", "VI_2")
    s.holds(VIP, MORE)
    s.peer.speaks(150, vrid=52)
    s.reach("BACKUP", "VI_2")
    s.reach("BACKUP")
    s.hears(10)
    s.peer.falls_silent()
    s.reach("MASTER")
    s.reach("MASTER", "VI_2")
    s.holds(VIP, MORE)


def a_group_waits_for_its_last_member(s: Stage) -> None:
    s.peer.speaks(150, vrid=52)
    s.start(True, VI_1=Router(), VI_2=Router(vrid=52, addresses=(MORE,)))
    s.reach("BACKUP")
    s.hears(15)
    s.peer.falls_silent()
    s.reach("MASTER")
    s.reach("MASTER", "VI_2")


def owner_starts_at_once(s: Stage) -> None:
    s.start(VI_1=Router(255, interval=LONG, master=True))
    s.reach("MASTER")


def owner_answers_priority_0(s: Stage) -> None:
    owner_starts_at_once(s)
    s.peer.says(0, interval=LONG)
    s.answers(255, 2)


def owner_hears_a_lower(s: Stage) -> None:
    s.start(VI_1=Router(255, master=True))
    s.reach("MASTER")
    s.advertises(255, 2)  # in the first interval it would be taken for the last word of one that yields, and not be told
    s.peer.says(150)
    s.reach("MASTER_RX_LOWER_PRI")
    s.advertises(255)


def owner_hears_an_owner_of_a_higher_address(s: Stage) -> None:
    s.start(VI_1=Router(255, master=True))
    s.reach("MASTER")
    s.peer.speaks(255)
    s.reach("BACKUP")
    s.hears(10)
    s.peer.falls_silent()
    s.reach("MASTER")


def owner_hears_an_owner_of_a_lower_address_once(s: Stage) -> None:
    s.start(VI_1=Router(255, master=True))
    s.reach("MASTER")
    s.advertises(255, 2)  # as above
    s.peer.says(255, source=LOWER)
    s.reach("MASTER_RX_LOWER_PRI")
    s.advertises(255, 5)
    s.holds(VIP)


def owner_gives_way_to_a_rogue_one(s: Stage) -> None:
    owner_hears_an_owner_of_a_lower_address_once(s)
    s.peer.speaks(255, source=LOWER)
    s.advertises(255, 2)
    s.reach("BACKUP")
    s.hears(10)
    s.peer.falls_silent()
    s.reach("MASTER")
    s.advertises(255)


def owner_ignores_adverts(s: Stage) -> None:
    s.start(VI_1=Router(255, interval=LONG, master=True, ignores=True))
    s.reach("MASTER")
    for priority in (0, 150, 255):
        s.peer.says(priority, interval=LONG)
    s.peer.speaks(255)
    s.hears(10)
    s.subject.stop()
    s.reach("STOP")


def owner_is_stopped(s: Stage) -> None:
    owner_starts_at_once(s)
    s.subject.stop()
    s.reach("STOP")


EXACT = {owner_starts_at_once, owner_answers_priority_0, owner_ignores_adverts, owner_is_stopped}
SCRIPTS: tuple[Callable[[Stage], None], ...] = (
    start_with_a_fault,
    start_with_a_failing_script,
    start_alone,
    start_as_master,
    start_beside_a_better_one,
    backup_hears_priority_0,
    backup_hears_nothing_more,
    backup_hears_an_equal,
    backup_hears_a_lower,
    backup_hears_a_lower_with_nopreempt,
    backup_hears_a_lower_with_preempt_delay,
    backup_hears_an_invalid_advert,
    backup_learns_a_longer_interval,
    backup_gets_a_fault,
    backup_rises_above_the_master,
    master_hears_a_higher,
    master_hears_an_equal_of_a_higher_address,
    master_hears_an_equal_of_a_lower_address,
    master_hears_its_own_address,
    master_gets_a_fault,
    master_fails_its_script,
    master_loses_an_address,
    master_sinks_below_a_peer,
    reload_changes_addresses,
    reload_removes_a_router,
    stop_as_master,
    stop_as_backup,
    a_group_moves_as_one,
    a_group_waits_for_its_last_member,
    owner_hears_a_lower,
    owner_starts_at_once,
    owner_answers_priority_0,
    owner_is_stopped,
)

# Two owners, and owner_ignore_adverts: what keepalived does since 2.2.7, which gives way to any owner at once, and says 254
# from then on. States told, addresses held, adverts sent.
NEWER: dict[Callable[[Stage], None], tuple[list[str], list[tuple[str, ...]], list[int]]] = {
    owner_hears_an_owner_of_a_lower_address_once: (["MASTER", "MASTER_RX_LOWER_PRI"], [(VIP,)] * 3, [255]),
    owner_hears_an_owner_of_a_higher_address: (["MASTER", "BACKUP", "MASTER"], [(VIP,), (), (), (VIP,)], [255]),
    owner_gives_way_to_a_rogue_one: (
        ["MASTER", "MASTER_RX_LOWER_PRI", "BACKUP", "MASTER"],
        [(VIP,), (VIP,), (VIP,), (), (), (VIP,)],
        [255],
    ),
    owner_ignores_adverts: (["MASTER", "STOP"], [(VIP,), (VIP,), ()], [255, 0]),
}
