"""What we write is what ipvsadm sees: every scheduler, method, flag and family; and refusals stay single."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.ipvs.kernel import Kernel, Refusal
from services.ipvs.model import (
    INET6,
    SCTP,
    UDP,
    Destination,
    Entry,
    Method,
    Service,
    ServiceKey,
    Table,
    Tunnel,
    table,
)
from services.ipvs.reconcile import (
    AddDestination,
    AddService,
    EditDestination,
    EditService,
    Operation,
    RemoveDestination,
    RemoveService,
    apply,
    plan,
)
from tests.kit.netns import Namespace
from tests.lab.judge import as_saved, clear, ipvsadm, saved, thresholds
from tests.unit.ipvs.tables import KNOWN, tables
from tests.unit.ipvs.words import key, mark, server, service

pytestmark = pytest.mark.lab


@pytest.fixture(autouse=True)
def own_table() -> Iterator[None]:
    """A network namespace of its own has an IPVS table of its own; before lo is up it takes no address for unicast."""
    namespace = Namespace("ipvs")
    namespace.ip("link set lo up")
    with namespace.entered():
        yield
    namespace.close()


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    line = Kernel()
    yield line
    line.close()


async def read(kernel: Kernel) -> dict[ServiceKey, Entry]:
    found = {}
    for k, seen in (await kernel.services()).items():
        found[k] = Entry(seen.service, {p: one.destination for p, one in (await kernel.destinations(k)).items()})
    return found


def same(a: Table, b: Table) -> bool:
    return {k: (e.service, dict(e.destinations)) for k, e in a.items()} == {
        k: (e.service, dict(e.destinations)) for k, e in b.items()
    }


FOUR = [
    server("10.0.1.2", 3, 8080),
    server("10.0.1.3", 0, method=Method.DR),
    server("10.0.1.4", 65535, method=Method.TUN),
    server("10.0.1.5", 1, upper_threshold=100, lower_threshold=50),
]
SIX = [server("2001:db8::2", 2), server("2001:db8::3", 1, method=Method.DR), server("10.0.1.9", 1, method=Method.TUN)]
EVERYTHING: list[tuple[Service, list[Destination]]] = [
    *((service(key(f"10.0.9.{i + 1}"), name), FOUR) for i, name in enumerate(KNOWN)),
    *((service(key(f"2001:db8:9::{i + 1}"), name), SIX) for i, name in enumerate(KNOWN)),
    (service(key("10.0.0.2", 53, UDP), "rr", ops=True), FOUR[:1]),
    (service(key("10.0.0.2", 36412, SCTP), "rr"), FOUR[:1]),
    (service(key("10.0.0.3"), "wrr", persistence=300, netmask=24), FOUR),
    (service(key("10.0.0.3", 0), "wrr", persistence=10), [server("10.0.1.2", 1, 0, Method.DR)]),
    (service(key("2001:db8::3"), "wrr", persistence=300, netmask=64), SIX),
    (service(mark(5), "wlc"), [server("10.0.1.2", 1, 0, Method.DR)]),
    (service(mark(5, INET6), "wlc"), [server("2001:db8::2", 1, 0, Method.DR)]),
    (service(mark(2**31 - 1), "sh", scheduler_flags=3), FOUR),
    (service(mark(6), "mh", scheduler_flags=2), FOUR),
    (service(mark(7), "rr", scheduler_flags=5), FOUR[:1]),
    (service(key("10.0.0.5", 5060, UDP), "rr", persistence=60, engine="sip"), FOUR[:1]),
    (
        service(key("10.0.0.4"), "rr"),
        [
            server("10.0.1.2", 1, method=Method.TUN, tunnel=Tunnel.GUE, tunnel_port=6080, tunnel_flags=1),
            server("10.0.1.3", 1, method=Method.TUN, tunnel=Tunnel.GRE),
            server("10.0.1.4", 1, method=Method.TUN, tunnel=Tunnel.GRE, tunnel_flags=1),
            server("10.0.1.5", 1, method=Method.TUN, tunnel=Tunnel.GUE, tunnel_port=6081, tunnel_flags=2),
            server("2001:db8::2", 1, method=Method.TUN),
        ],
    ),
]


async def test_everything_that_can_be_configured_is_in_the_kernel_as_ipvsadm_shows_it(kernel: Kernel) -> None:
    wanted = table(EVERYTHING)
    assert await kernel.carry_out(plan({}, wanted)) == []
    assert saved() == as_saved(wanted)
    assert thresholds() == {"10.0.1.5:80": (100, 50)}
    assert same(await read(kernel), wanted)


async def test_what_ipvsadm_wrote_needs_no_operation(kernel: Kernel) -> None:
    plain = [(s, [replace(d, upper_threshold=0, lower_threshold=0) for d in servers]) for s, servers in EVERYTHING]
    wanted = table(plain)
    ipvsadm("\n".join(as_saved(wanted)))
    assert plan(await read(kernel), wanted, wanted.keys()) == ()


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(tables(), min_size=1, max_size=4))
def test_after_any_sequence_of_tables_the_kernel_has_the_last(sequence: list[dict[ServiceKey, Entry]]) -> None:
    async def follow() -> None:
        kernel = Kernel()
        try:
            actual = await read(kernel)
            for wanted in sequence:
                operations = plan(actual, wanted, actual.keys())
                assert await kernel.carry_out(operations) == []
                actual = apply(actual, operations)
            assert same(await read(kernel), sequence[-1])
        finally:
            kernel.close()

    asyncio.run(follow())
    assert saved() == as_saved(sequence[-1])


def refused(refusals: list[Refusal]) -> list[tuple[Operation, int]]:
    return [(r.operation, r.error) for r in refusals]


async def test_one_refused_server_does_not_stop_the_batch(kernel: Kernel) -> None:
    good = [server(f"10.0.{i // 200}.{i % 200 + 1}") for i in range(300)]
    bad = server("255.255.255.255")
    operations: list[Operation] = [AddService(service()), *(AddDestination(key(), d) for d in (*good[:150], bad, *good[150:]))]
    (refusal,) = await kernel.carry_out(operations)
    assert (refusal.operation, refusal.error, refusal.field) == (AddDestination(key(), bad), errno.EINVAL, "address")
    assert "add server 255.255.255.255:80 (nat, weight 1) to tcp 10.0.0.1:80" in str(refusal)
    assert saved() == as_saved(table([(service(), good)]))


async def test_every_refusal_names_its_operation_and_says_what_to_do(kernel: Kernel) -> None:
    strange = service(key(port=81), "strange")
    d = server("10.0.1.2")
    operations: list[Operation] = [
        AddService(service()), AddService(strange), AddService(service()), RemoveService(strange.key),
        EditService(strange), AddDestination(strange.key, d), EditDestination(key(), d), RemoveDestination(key(), d),
        AddDestination(key(), d), AddDestination(key(), d),
    ]  # fmt: skip
    refusals = await kernel.carry_out(operations)
    assert refused(refusals) == [
        (operations[1], errno.ENOENT), (operations[2], errno.EEXIST), (operations[3], errno.ESRCH),
        (operations[4], errno.ESRCH), (operations[5], errno.ESRCH), (operations[6], errno.ENOENT),
        (operations[7], errno.ENOENT), (operations[9], errno.EEXIST),
    ]  # fmt: skip
    assert (refusals[0].field, "ip_vs_strange" in refusals[0].hint, refusals[0].table_differs) == ("lb_algo", True, False)
    assert all(r.table_differs for r in refusals[1:])


async def test_a_missing_persistence_engine_is_told_from_a_missing_scheduler(kernel: Kernel) -> None:
    (refusal,) = await kernel.carry_out([AddService(service(persistence=60, engine="strange"))])
    assert (refusal.field, "ip_vs_pe_strange" in refusal.hint) == ("persistence_engine", True)


async def test_a_server_of_another_family_needs_a_tunnel(kernel: Kernel) -> None:
    (refusal,) = await kernel.carry_out([AddService(service()), AddDestination(key(), server("2001:db8::2"))])
    assert (refusal.field, "tun" in refusal.hint) == ("address", True)


async def test_the_servers_of_a_service_that_is_not_there_are_none(kernel: Kernel) -> None:
    assert await kernel.destinations(key()) == {}
    assert await kernel.services() == {}


async def test_thousands_of_servers_are_read_back_whole(kernel: Kernel) -> None:
    many = [server(f"10.{i // 250}.{i % 250}.1") for i in range(3000)]
    wanted = table([(service(), many)])
    assert await kernel.carry_out(plan({}, wanted)) == []
    assert same(await read(kernel), wanted)


async def test_a_reading_that_was_cut_does_not_spoil_the_next(kernel: Kernel) -> None:
    wanted = table([(service(), [server(f"10.{i // 250}.{i % 250}.1") for i in range(1500)])])
    await kernel.carry_out(plan({}, wanted))
    task = asyncio.ensure_future(kernel.destinations(key()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert same(await read(kernel), wanted)


async def test_tables_of_two_namespaces_are_apart(kernel: Kernel) -> None:
    await kernel.carry_out([AddService(service())])
    other = Namespace("other")
    with other.entered():
        assert saved() == []
    other.close()
    clear()
    assert await kernel.services() == {}
