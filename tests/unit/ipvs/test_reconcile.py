"""A plan leads to what is wanted, does nothing when it is there, leaves others alone, and may be cut anywhere."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.ipvs.model import ServiceKey, Table, table
from services.ipvs.reconcile import (
    AddDestination,
    AddService,
    EditDestination,
    EditService,
    Operation,
    RemoveDestination,
    RemoveService,
    apply,
    apply_one,
    plan,
    plan_service,
)
from tests.unit.ipvs.tables import KEYS, tables
from tests.unit.ipvs.words import key, server, service


def same(a: Table, b: Table) -> bool:
    return {k: (e.service, dict(e.destinations)) for k, e in a.items()} == {
        k: (e.service, dict(e.destinations)) for k, e in b.items()
    }


@given(tables(), tables())
def test_a_plan_leads_to_what_is_wanted(a: Table, b: Table) -> None:
    assert same(apply(a, plan(a, b, a.keys())), b)


@given(tables())
def test_what_is_there_needs_no_plan(b: Table) -> None:
    assert plan(b, b, b.keys()) == ()


@given(tables(), tables(), st.sets(st.sampled_from(KEYS)))
def test_what_is_neither_wanted_nor_owned_is_left_alone(a: Table, b: Table, owned: set[ServiceKey]) -> None:
    after = apply(a, plan(a, b, owned))
    strangers = a.keys() - b.keys() - owned
    assert all(after[k] == a[k] for k in strangers)
    assert after.keys() - strangers == b.keys()


@given(tables(), tables(), st.data())
def test_a_plan_that_was_cut_anywhere_is_completed_by_the_next(a: Table, b: Table, data: st.DataObject) -> None:
    operations = plan(a, b, a.keys())
    halfway = apply(a, operations[: data.draw(st.integers(0, len(operations)))])
    assert same(apply(halfway, plan(halfway, b, a.keys())), b)


@given(tables(), tables())
def test_within_a_service_additions_come_before_edits_before_removals(a: Table, b: Table) -> None:
    order = {AddService: 0, EditService: 0, AddDestination: 1, EditDestination: 2, RemoveDestination: 3, RemoveService: 4}
    operations = plan(a, b, a.keys())
    for k in {o.key for o in operations}:
        ranks = [order[type(o)] for o in operations if o.key == k]
        assert ranks == sorted(ranks)
    removals = [isinstance(o, RemoveService) for o in operations]
    assert removals == sorted(removals)


@given(tables(), tables())
def test_a_pool_that_has_servers_before_and_after_never_is_empty(a: Table, b: Table) -> None:
    now = apply(a, ())
    for operation in plan(a, b, a.keys()):
        apply_one(now, operation)
        for k, entry in now.items():
            if k in a and k in b and a[k].destinations and b[k].destinations:
                assert entry.destinations


@given(tables(), tables())
def test_looking_at_some_servers_only_touches_no_others(a: Table, b: Table) -> None:
    for k in a.keys() & b.keys():
        some = list({*a[k].destinations, *b[k].destinations})[:2]
        operations = plan_service(a[k], b[k], some)
        assert all(o.destination.key in some for o in operations if not isinstance(o, EditService))  # type: ignore[union-attr]
        after = apply(a, operations)[k]
        assert all(after.destinations.get(p) == b[k].destinations.get(p) for p in some)


def test_operations_on_what_is_missing_do_nothing() -> None:
    k, d = key(), server("10.0.0.9")
    operations: list[Operation] = [
        EditService(service(k)), RemoveService(k), AddDestination(k, d), EditDestination(k, d), RemoveDestination(k, d),
    ]  # fmt: skip
    assert apply({}, operations) == {}


def test_operations_do_what_they_say() -> None:
    k, d = key(), server("10.0.0.9")
    added = apply({}, [AddService(service(k)), AddDestination(k, d)])
    assert same(added, table([(service(k), [d])]))
    edited = apply(added, [EditService(service(k, "rr")), EditDestination(k, server("10.0.0.9", 5))])
    assert same(edited, table([(service(k, "rr"), [server("10.0.0.9", 5)])]))
    assert same(apply(edited, [RemoveDestination(k, d)]), table([(service(k, "rr"), [])]))
    assert apply(edited, [RemoveService(k)]) == {}
    assert same(added, table([(service(k), [d])]))


def test_a_removal_of_what_is_not_there_is_not_planned() -> None:
    a, b = table([(service(), [])])[key()], table([(service(), [])])[key()]
    assert plan_service(a, b, [server("10.0.0.9").key]) == []
