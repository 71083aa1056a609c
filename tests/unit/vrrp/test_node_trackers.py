"""What is tracked (scripts, files, processes) and what routers make of it."""

from __future__ import annotations

from typing import Any

from services.vrrp.config.settings import SECOND
from services.vrrp.election.events import (
    FileValue,
    InterfaceChanged,
    ProcessResult,
    ScriptResult,
)
from services.vrrp.election.snapshot import Saved
from tests.kit.core import (
    ETH0,
    T0,
    Objects,
    advance,
    configure,
    one,
    running,
    scripted,
    states,
    vrrp,
)

# -- scripts


def test_an_unweighted_script_holds_the_start_and_then_decides() -> None:
    node = running(scripted())
    assert states(node) == {"A": "INIT"}
    node.step(ScriptResult("chk", True), T0)
    assert states(node) == {"A": "BACKUP"}
    node.step(ScriptResult("chk", False), T0)
    assert node.routers["A"].inputs.faults == ("script chk failed",)


def test_a_script_that_reverses_faults_while_it_succeeds() -> None:
    objects = one(track_script=[{"name": "chk", "reverse": True}]) | {("vrrp_script", "chk"): {"script": "x"}}
    node = running(objects)
    node.step(ScriptResult("chk", True), T0)
    assert node.routers["A"].inputs.faults == ("script chk succeeded",)


def test_init_fail_counts_as_failed_until_the_script_has_risen() -> None:
    node = running(scripted(init_fail=True, rise=2))
    assert states(node) == {"A": "FAULT"}
    node.step(ScriptResult("chk", True), T0)
    assert states(node) == {"A": "FAULT"}
    node.step(ScriptResult("chk", True), T0)
    assert states(node) == {"A": "BACKUP"}


def test_a_result_of_an_unknown_script_does_nothing() -> None:
    assert running(one()).step(ScriptResult("nope", True), T0) == ()


def test_a_silent_runner_fails_the_script_after_its_limit() -> None:
    node = running(scripted())
    node.step(ScriptResult("chk", True), T0 + SECOND)
    advance(node, T0 + 11 * SECOND - 1)
    assert states(node) == {"A": "MASTER"}
    advance(node, T0 + 11 * SECOND)
    assert node.routers["A"].inputs.faults == ("script chk has given no result for too long",)
    node.step(ScriptResult("chk", True), T0 + 12 * SECOND)
    assert states(node) == {"A": "BACKUP"}


def test_a_script_that_never_reported_fails_after_the_limit_too() -> None:
    node = running(scripted(init_fail=True))
    advance(node, T0 + 10 * SECOND)
    assert node.surroundings.scripts.states["chk"].silent


def test_a_successor_knows_its_predecessors_scripts() -> None:
    saved = (
        Saved("instance", "A", "MASTER", last_advert=T0),
        Saved("script", "chk", "up"),
        Saved("script", "gone", "down"),
    )
    assert states(running(scripted(), saved=saved)) == {"A": "MASTER"}


def test_a_script_with_another_command_starts_anew_and_a_removed_one_is_forgotten() -> None:
    node = running(scripted(weight=-20))
    node.step(ScriptResult("chk", False), T0)
    assert node.routers["A"].inputs.priority == 80
    configure(node, scripted(weight=-20, rise=2))
    assert node.routers["A"].inputs.priority == 80
    configure(node, scripted(weight=-20) | {("vrrp_script", "chk"): {"script": "/bin/false", "weight": -20}})
    assert node.routers["A"].inputs.priority == 100
    configure(node, one())
    assert node.surroundings.scripts.states == {}


# -- files and processes


def filed(weight: int | None = None, **file: Any) -> Objects:
    row = {"name": "load"} if weight is None else {"name": "load", "weight": weight}
    return one(track_file=[row]) | {("track_file", "load"): {"file": "/run/load", **file}}


def watched(**process: Any) -> Objects:
    return one(track_process=[{"name": "web"}]) | {("vrrp_track_process", "web"): {"process": ["nginx"], **process}}


def test_the_number_of_a_file_changes_the_priority_at_once_and_without_end() -> None:
    node = running(filed())
    assert states(node) == {"A": "BACKUP"}
    for value, priority in ((5, 105), (-30, 70), (200, 254), (0, 100)):
        node.step(FileValue("load", value), T0)
        assert node.routers["A"].inputs.priority == priority
    advance(node, T0 + 3600 * SECOND)
    assert (states(node), node.routers["A"].inputs.priority) == ({"A": "MASTER"}, 100)


def test_an_unweighted_file_holds_the_start_until_it_is_told_or_counts_as_missing() -> None:
    node = running(filed(0))
    assert states(node) == {"A": "INIT"}
    advance(node, T0 + 10 * SECOND)
    assert states(node) == {"A": "BACKUP"}
    node.step(FileValue("load", -1), T0 + 10 * SECOND)
    assert node.routers["A"].inputs.faults == ("file load holds -1",)
    node.step(FileValue("load", 0), T0 + 10 * SECOND)
    assert states(node) == {"A": "BACKUP"}


def test_processes_decide_as_scripts_do_and_their_watcher_must_not_fall_silent() -> None:
    node = running(watched())
    assert states(node) == {"A": "INIT"}
    node.step(ProcessResult("web", True), T0)
    assert states(node) == {"A": "BACKUP"}
    node.step(ProcessResult("web", False), T0)
    assert node.routers["A"].inputs.faults == ("process web is not there as wanted",)
    node.step(ProcessResult("web", True), T0 + SECOND)
    advance(node, T0 + 11 * SECOND)
    assert node.routers["A"].inputs.faults == ("process web has not been looked for for too long",)


def test_a_process_that_reverses_faults_while_it_is_there() -> None:
    node = running(watched(reverse=True))
    node.step(ProcessResult("web", True), T0)
    assert node.routers["A"].inputs.faults == ("process web is there",)


def test_a_successor_knows_its_predecessors_files_and_processes() -> None:
    objects = (
        filed(0) | watched() | {("vrrp_instance", "A"): vrrp(track_file=[{"name": "load"}], track_process=[{"name": "web"}])}
    )
    saved = Saved("instance", "A", "MASTER", last_advert=T0), Saved("file", "load", "7"), Saved("process", "web", "up")
    node = running(objects, saved=saved)
    assert (states(node), node.routers["A"].inputs.priority) == ({"A": "MASTER"}, 107)
    assert node.surroundings.files.saved("load") == saved[1]
    assert node.surroundings.processes.saved("web") == saved[2]


def test_a_file_with_another_path_and_other_processes_start_anew_and_removed_ones_are_forgotten() -> None:
    node = running(filed() | watched(weight=10))
    node.step(FileValue("load", 5), T0)
    node.step(ProcessResult("web", True), T0)
    configure(node, filed(file="/run/other") | {("vrrp_track_process", "web"): {"process": ["caddy"]}})
    assert node.surroundings.files.saved("load") == Saved("file", "load", "")
    assert node.surroundings.processes.saved("web") == Saved("process", "web", "")
    configure(node, one())
    assert (node.surroundings.files.states, node.surroundings.processes.states) == ({}, {})
    assert node.step(FileValue("load", 5), T0) == ()
    assert node.step(ProcessResult("web", True), T0) == ()


def test_other_weights_and_delays_leave_what_is_known() -> None:
    node = running(watched(weight=10))
    node.step(ProcessResult("web", True), T0)
    configure(node, watched(weight=20, fork_delay=SECOND))
    assert node.routers["A"].inputs.priority == 120
    node = running(filed())
    node.step(FileValue("load", 5), T0)
    configure(node, filed(weight=None, reverse=True))
    assert node.routers["A"].inputs.priority == 95


def test_a_tracked_interface_that_does_not_exist_is_down_until_it_comes() -> None:
    node = running(one(track_interface=[{"name": "eth7"}]))
    assert node.routers["A"].inputs.faults == ("interface eth7 is down",)
    node.step(InterfaceChanged("eth7", 9, True, ()), T0)
    assert states(node) == {"A": "BACKUP"}


def test_without_track_primary_a_master_stays_while_its_own_interface_is_down() -> None:
    node = running(one(dont_track_primary=True))
    advance(node, T0 + 5 * SECOND)
    node.step(ETH0._replace(up=False), T0 + 5 * SECOND)
    assert states(node) == {"A": "MASTER"}


def test_what_a_group_tracks_is_a_fault_of_each_member_said_once() -> None:
    objects = {("vrrp_instance", name): vrrp(vrid) for name, vrid in (("A", 51), ("B", 52))}
    node = running(objects | {("vrrp_sync_group", "G"): {"group": ["A", "B"], "track_interface": [{"name": "eth7"}]}})
    assert {router.inputs.faults for router in node.routers.values()} == {("interface eth7 is down",)}


def test_what_a_successor_needs_of_a_script_is_its_state() -> None:
    node = running(scripted())
    saved = node.surroundings.scripts.saved
    assert saved("chk").state == ""
    node.step(ScriptResult("chk", True), T0)
    assert saved("chk").state == "up"
    node.step(ScriptResult("chk", False), T0)
    assert saved("chk").state == "down"
