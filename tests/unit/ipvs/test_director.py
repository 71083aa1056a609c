"""The director: which places a change concerns, who holds a service, what is a problem, who is down."""

from __future__ import annotations

from typing import Any

from services.common.problems import Problem
from services.ipvs.director import Director, Flip, Report, Verdict, Work
from services.ipvs.model import INET6, Entry, ServiceKey, table
from services.ipvs.policy import Quorum
from services.ipvs.settings import RealServer, VirtualServer
from tests.unit.ipvs.words import key, mark, marked, place, real, server, service, virtual

SORRY = {"address": "10.0.9.9", "port": 80}


def put(director: Director, *objects: VirtualServer | RealServer, actual: dict[ServiceKey, Entry] | None = None) -> Work:
    upserts: dict[tuple[str, str], Any] = {}
    for o in objects:
        if isinstance(o, VirtualServer):
            upserts["virtual_server", o.name] = o
        else:
            upserts["real_server", f"{o.virtual_server}/{o.name}"] = o
    return director.configure(upserts, (), actual or {})


def delete(director: Director, *ids: tuple[str, str]) -> Work:
    return director.configure({}, ids, {})


def started(*objects: VirtualServer | RealServer, **more: Any) -> Director:
    director = Director(**more)
    put(director, *(objects or (virtual(), real("s2"), real("s3"))))
    return director


def wanted(director: Director) -> dict[str, dict[str, int]]:
    return {str(k): {str(p): d.weight for p, d in e.destinations.items()} for k, e in director.wanted().items()}


def test_a_virtual_server_and_its_servers_make_a_service() -> None:
    assert wanted(started()) == {"tcp 10.0.0.1:80": {"10.0.1.2:80": 1, "10.0.1.3:80": 1}}


def test_the_order_of_arrival_does_not_matter() -> None:
    director = Director()
    put(director, real("s2"))
    put(director, virtual())
    assert wanted(director) == {"tcp 10.0.0.1:80": {"10.0.1.2:80": 1}}


def test_a_new_service_is_compared_whole_and_a_changed_server_alone() -> None:
    director = Director()
    assert put(director, virtual(), real("s2")).places == {key(): None}
    assert put(director, real("s2", weight=5)).places == {key(): {place("10.0.1.2"): None}}


def test_a_server_that_is_deleted_is_no_longer_wanted() -> None:
    director = started()
    work = delete(director, ("real_server", "web/s2"))
    assert work.places == {key(): {place("10.0.1.2"): None}}
    assert wanted(director) == {"tcp 10.0.0.1:80": {"10.0.1.3:80": 1}}
    assert delete(director, ("real_server", "web/s2"), ("real_server", "nix/s2")).places == {key(): {}}


def test_a_virtual_server_that_is_deleted_releases_its_service() -> None:
    director = started()
    assert delete(director, ("virtual_server", "web")).released == {key()}
    assert (wanted(director), director.holder(key()), director.keys("web"), list(director.names)) == ({}, "", [], [])
    assert director.wanted_at(key()) is None


def test_a_virtual_server_that_moves_releases_its_old_service() -> None:
    director = started()
    work = put(director, virtual(port=81, lb_kind="nat"))
    assert (work.places, work.released) == ({key(port=81): None}, {key()})
    assert director.holder(key(port=81)) == "web"


def test_servers_without_their_virtual_server_are_problems_until_it_comes() -> None:
    director = started(real("s2"))
    (problem,) = director.problems
    assert (problem.key, "'web' does not exist" in problem.reason) == ("config/real_server/web/s2", True)
    put(director, virtual())
    assert director.problems == []
    delete(director, ("virtual_server", "web"), ("real_server", "web/s2"))
    assert director.problems == []


def test_servers_that_do_not_fit_are_problems_by_key_and_field() -> None:
    director = started(virtual(lb_kind="dr", sorry_server={"address": "2001:db8::9"}), real("s2", port=8080))
    assert [(p.key, p.field) for p in director.problems] == [
        ("config/real_server/web/s2", "port"),
        ("config/virtual_server/web", "sorry_server.address"),
    ]


def test_the_first_holds_a_service_and_the_other_waits() -> None:
    director = started(virtual("a"), virtual("b"), real("s2", of="a"), real("s3", of="b"))
    (problem,) = director.problems
    assert problem == Problem(
        "config/virtual_server/b",
        "address",
        "tcp 10.0.0.1:80 is already virtual server 'a'",
        "give one of them another address, port or protocol",
    )
    assert (director.holder(key()), director.keys("b")) == ("a", [])
    put(director, real("s4", of="b"))
    assert wanted(director) == {"tcp 10.0.0.1:80": {"10.0.1.2:80": 1}}


def test_who_waits_takes_over_when_the_place_is_free_and_nothing_is_removed() -> None:
    director = started(virtual("a"), virtual("b"), real("s2", of="a"), real("s3", of="b"))
    work = delete(director, ("virtual_server", "a"))
    assert (work.places, work.released) == ({key(): None}, set())
    assert (director.holder(key()), wanted(director)) == ("b", {"tcp 10.0.0.1:80": {"10.0.1.3:80": 1}})
    assert [p.key for p in director.problems] == ["config/real_server/a/s2"]


def test_who_waits_and_leaves_changes_nothing() -> None:
    director = started(marked("a"), marked("b"))
    assert director.problems[0].field == "fwmark"
    work = delete(director, ("virtual_server", "b"))
    assert (work.released, director.problems) == (set(), [])


def test_a_mark_changes_its_family_with_its_servers() -> None:
    director = started(marked(), real("a", "10.0.1.2", of="marked"))
    delete(director, ("real_server", "marked/a"))
    work = put(director, real("a", "2001:db8::2", of="marked"))
    assert (work.places, work.released) == ({mark(5, INET6): None}, {mark(5)})


def test_what_the_kernel_has_is_adopted_with_its_weights() -> None:
    director = Director()
    put(director, virtual(), real("s2"), real("s3"), actual=table([(service(), [server("10.0.1.2", 7)])]))
    assert wanted(director) == {"tcp 10.0.0.1:80": {"10.0.1.2:80": 7, "10.0.1.3:80": 1}}


def test_who_was_down_stays_out_of_the_table_at_the_start() -> None:
    director = started(was_down=[("web", "s2")])
    assert wanted(director) == {"tcp 10.0.0.1:80": {"10.0.1.3:80": 1}}
    assert director.down == {("web", "s2"): ""}


def test_health_changes_the_place_it_is_about() -> None:
    director = started()
    report = Report(False, cause="TCP_CHECK refused")
    work = director.report({("web", "s2"): report})
    assert (work.places, work.verdicts) == ({key(): {place("10.0.1.2"): None}}, [Verdict(("web", "s2"), report)])
    assert director.down == {("web", "s2"): "TCP_CHECK refused"}
    assert director.last_report(("web", "s2")) == report
    assert director.report({("web", "s2"): Report(True)}).verdicts
    assert director.down == {}


def test_a_report_that_says_nothing_new_is_no_verdict() -> None:
    work = started().report({("web", "s2"): Report(True)})
    assert work.verdicts == []


def test_a_lost_quorum_names_the_server_that_did_it() -> None:
    director = started()
    director.report({("web", "s2"): Report(False)})
    (flip,) = director.report({("web", "s3"): Report(False, cause="gone")}).flips
    assert (flip.name, flip.quorum, flip.cause) == (
        "web",
        Quorum(False, 0, 1, 0),
        Verdict(("web", "s3"), Report(False, cause="gone")),
    )


def test_a_quorum_lost_by_configuration_names_nobody() -> None:
    director = started()
    (flip,) = delete(director, ("real_server", "web/s2"), ("real_server", "web/s3")).flips
    assert (flip.quorum.up, flip.cause) == (False, None)


def test_health_that_came_before_the_server_counts() -> None:
    director = started()
    director.report({("web", "s9"): Report(False), ("later", "s2"): Report(False)})
    put(director, real("s9"), virtual("later", port=81), real("s2", of="later"))
    assert wanted(director) == {"tcp 10.0.0.1:80": {"10.0.1.2:80": 1, "10.0.1.3:80": 1}, "tcp 10.0.0.1:81": {}}


def test_a_snapshot_without_a_server_leaves_the_last_word() -> None:
    director = started()
    director.report({("web", "s2"): Report(False)})
    work = director.report({("web", "s3"): Report(True)}, snapshot=True)
    assert (work.verdicts, director.down) == ([], {("web", "s2"): ""})
    assert director.last_report(("web", "s2")) is None


def test_a_server_that_is_no_longer_checked_leaves_the_last_word() -> None:
    director = started()
    director.report({("web", "s2"): Report(False), ("gone", "x"): Report(True)})
    director.report({}, removed=[("web", "s2"), ("gone", "x")])
    assert wanted(director) == {"tcp 10.0.0.1:80": {"10.0.1.3:80": 1}}


def test_who_is_deleted_is_not_down() -> None:
    director = started()
    director.report({("web", "s2"): Report(False), ("web", "s3"): Report(False)})
    delete(director, ("real_server", "web/s2"))
    assert director.down == {("web", "s3"): ""}
    delete(director, ("virtual_server", "web"))
    assert director.down == {}


def test_new_settings_of_the_virtual_server_apply_at_once() -> None:
    director = started()
    director.report({("web", "s2"): Report(False)})
    put(director, virtual(weight=4, inhibit_on_failure=True))
    assert wanted(director) == {"tcp 10.0.0.1:80": {"10.0.1.2:80": 0, "10.0.1.3:80": 4}}


def test_servers_and_services_are_counted() -> None:
    assert started().real_servers == 2
    assert set(started().services) == {key()}
    assert started().pool("nix") is None


def test_places_to_look_at_add_up_and_the_whole_service_swallows_them() -> None:
    work = Work()
    work.look_at(key(), [place("10.0.1.2")])
    work.look_at(key(), [place("10.0.1.3")])
    assert work.places == {key(): {place("10.0.1.2"): None, place("10.0.1.3"): None}}
    work.look_at(key(), None)
    work.look_at(key(), [place("10.0.1.4")])
    assert work.places == {key(): None}


def test_the_sorry_server_is_wanted_with_the_quorum_lost() -> None:
    director = started(virtual(sorry_server=SORRY), real("s2"))
    director.report({("web", "s2"): Report(False)})
    assert wanted(director) == {"tcp 10.0.0.1:80": {"10.0.9.9:80": 1}}


def test_what_has_happened_reads_as_a_line() -> None:
    assert str(Verdict(("web", "s2"), Report(True, 3))) == "real server s2 of web is up, weight +3"
    assert str(Verdict(("web", "s2"), Report(False, 3, "refused"))) == "real server s2 of web is down: refused"
    assert str(Flip("web", Quorum(True, 3, 2, 0))) == "virtual server web: quorum gained (live weight 3, quorum 2)"
    assert str(Flip("web", Quorum(False, 0, 2, 0))) == "virtual server web: quorum lost (live weight 0, quorum 2)"
