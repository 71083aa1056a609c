"""The checker as a whole: configuration in a file, real servers, and an ipvs that writes down what it is told."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.kit import targets
from tests.kit.checker import Node, real, virtual
from tests.kit.wait import until, until_async
from vipkeeper.checker.v1 import checker_pb2


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    with tempfile.TemporaryDirectory(prefix="vk-") as folder:  # a socket's path must be short
        it = Node(Path(folder))
        await it.start_services()
        yield it
        await it.stop_services()
        assert it.ipvs.complaints == []


def workers_of(pid: int) -> set[int]:
    """Child processes that are probe workers."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    found = set()
    for child in children:
        with contextlib.suppress(OSError):
            if b"services.checker.worker" in Path(f"/proc/{child}/cmdline").read_bytes():
                found.add(int(child))
    return found


def runs(pid: int) -> bool:
    """There is such a process."""
    return Path(f"/proc/{pid}").exists()


def remembered(state: Path) -> dict[str, bool]:
    """What the file says of each server."""
    if not state.exists():
        return {}
    return {name: health[0] for _, name, health, _ in json.loads(state.read_text())["servers"] if health}


async def test_a_dying_server_is_reported_down_with_its_cause_and_up_again(node: Node) -> None:
    async with targets.target(targets.answer(targets.page(b"hi"))) as server, targets.target() as other:
        node.put({"virtual_server/v": virtual()})
        node.put({"real_server/v/a": real(server.port, "http_get", url=[{}])})
        node.put({"real_server/v/b": real(other.port)})
        with node.checker():
            await until_async(lambda: node.ipvs.up() == {"a": True, "b": True}, what="both up")
            server.behaviour = targets.answer(targets.page(b"", "503 Busy"))
            await until_async(lambda: node.ipvs.up() == {"a": False, "b": True}, what="a down")
            report = node.ipvs.health["v", "a"]
            assert report.cause == f"http_get http://127.0.0.1:{server.port}: status 503, expected 200-299"
            assert report.probed_at.seconds > 0
            server.behaviour = targets.answer(targets.page(b"hi"))
            await until_async(lambda: node.ipvs.up() == {"a": True, "b": True}, what="a up again")
            await until_async(lambda: node.notify.transitions() == [("a", False), ("a", True)], what="both events")


async def test_a_server_with_alpha_is_down_until_its_first_success(node: Node) -> None:
    with targets.refusing() as port:
        node.put({"virtual_server/v": virtual(alpha=True), "real_server/v/a": real(port)})
        with node.checker():
            await until_async(lambda: node.ipvs.reports, what="the snapshot")
            assert [(s.real_server, s.up) for s in node.ipvs.reports[0].servers] == [("a", False)]


async def test_a_server_without_results_is_not_spoken_of(node: Node) -> None:
    async with targets.target() as server:
        slow = virtual(delay_loop="3600s", warmup="3600s")
        node.put({"virtual_server/v": slow, "real_server/v/a": real(server.port)})
        node.put({"real_server/v/unchecked": {"address": "127.0.0.1", "port": 1}})
        with node.checker():
            await until_async(lambda: node.ipvs.reports, what="the snapshot")
            assert node.ipvs.up() == {"unchecked": True}
            async with node.api() as api:
                servers = (await api.ListServers(checker_pb2.ListServersRequest())).servers
                assert [(s.real_server, s.HasField("up"), s.checks) for s in servers] == [
                    ("a", False, 1),
                    ("unchecked", True, 0),
                ]
                checks = (await api.ListChecks(checker_pb2.ListChecksRequest())).checks
                assert [c.state for c in checks] == [checker_pb2.CHECK_STATE_WAITING]


async def test_a_killed_worker_changes_no_health_and_its_checks_go_on(node: Node) -> None:
    async with targets.target() as server:
        with targets.refusing() as port:
            node.put({"virtual_server/v": virtual()})
            node.put({f"real_server/v/up{i}": real(server.port, bindto=f"127.0.0.{i + 1}") for i in range(8)})
            node.put({f"real_server/v/down{i}": real(port, bindto=f"127.0.0.{i + 1}") for i in range(8)})
            with node.checker() as checker:
                expected = {**{f"up{i}": True for i in range(8)}, **{f"down{i}": False for i in range(8)}}
                await until_async(lambda: node.ipvs.up() == expected, what="everybody's health")
                told = len(node.ipvs.reports)
                before = workers_of(checker.pid)
                for pid in before:
                    os.kill(pid, signal.SIGKILL)
                await until_async(
                    lambda: len(now := workers_of(checker.pid)) == len(before) and not now & before, what="new workers"
                )
                seen = server.connections
                await until_async(lambda: server.connections > seen + 16, what="probes by the new workers")
                assert len(node.ipvs.reports) == told
                assert sorted(node.notify.transitions()) == [(f"down{i}", False) for i in range(8)]


async def test_a_hung_worker_is_replaced(node: Node) -> None:
    async with targets.target() as server:
        node.put({"virtual_server/v": virtual()})
        node.put({f"real_server/v/s{i}": real(server.port, bindto=f"127.0.0.{i + 1}") for i in range(8)})
        with node.checker() as checker:
            await until_async(lambda: len(node.ipvs.up()) == 8, what="everybody's health")
            before = workers_of(checker.pid)
            for pid in before:
                os.kill(pid, signal.SIGSTOP)
            await until_async(lambda: not workers_of(checker.pid) & before, what="new workers")
            seen = server.connections
            await until_async(lambda: server.connections > seen + 16, what="probes by the new workers")
            assert all(node.ipvs.up().values())


async def test_after_a_restart_the_snapshot_comes_from_memory(node: Node) -> None:
    """Kill -9 between two runs: the second one's first word is the health that the first one left."""
    async with targets.target() as server:
        with targets.refusing() as port:
            node.put({"virtual_server/v": virtual()})
            node.put({"real_server/v/good": real(server.port), "real_server/v/bad": real(port)})
            state = node.folder / "state" / "health.json"
            with node.checker() as checker:
                await until_async(lambda: node.ipvs.up() == {"good": True, "bad": False}, what="both known")
                await until_async(lambda: remembered(state) == {"good": True, "bad": False}, what="the memory")
                await until_async(node.notify.transitions, what="the event")
                checker.kill()
            epoch = node.ipvs.reports[-1].epoch
            node.put({"virtual_server/v": virtual(delay_loop="3600s", warmup="3600s")})
            told = len(node.ipvs.reports)
            with node.checker():
                await until_async(lambda: len(node.ipvs.reports) > told, what="the new snapshot")
                snapshot = node.ipvs.reports[told]
                assert snapshot.epoch != epoch
                assert {s.real_server: s.up for s in snapshot.servers} == {"good": True, "bad": False}
            assert node.notify.transitions() == [("bad", False)]


async def test_a_restarted_ipvs_gets_a_snapshot_of_everything(node: Node) -> None:
    async with targets.target() as server:
        with targets.refusing() as port:
            node.put({"virtual_server/v": virtual()})
            node.put({"real_server/v/good": real(server.port), "real_server/v/bad": real(port)})
            with node.checker():
                await until_async(lambda: node.ipvs.up() == {"good": True, "bad": False}, what="both known")
                await node.stop_services()
                node.ipvs.health.clear()
                seen = server.connections
                await until_async(lambda: server.connections > seen + 5, what="probes while ipvs is away")
                await node.start_services()
                await until_async(lambda: node.ipvs.up() == {"good": True, "bad": False}, what="the snapshot")
                assert node.ipvs.streams == 2


async def test_a_configuration_change_touches_only_its_check(node: Node) -> None:
    async with targets.target() as a, targets.target() as b, targets.target() as moved:
        slow = virtual(delay_loop="3600s")
        node.put({"virtual_server/v": slow, "real_server/v/a": real(a.port), "real_server/v/b": real(b.port)})
        with node.checker():
            await until_async(lambda: node.ipvs.up() == {"a": True, "b": True}, what="both up")
            assert (a.connections, b.connections) == (1, 1)
            node.put({"real_server/v/a": real(moved.port)})
            await until_async(lambda: moved.connections == 1, what="a probe of the new place")
            assert (a.connections, b.connections) == (1, 1)
            assert node.ipvs.up() == {"a": True, "b": True}
            node.put({"real_server/v/b": None})
            await until_async(lambda: node.ipvs.up() == {"a": True}, what="b gone")


async def test_new_timing_keeps_a_server_down(node: Node) -> None:
    with targets.refusing() as port:
        node.put({"virtual_server/v": virtual(), "real_server/v/a": real(port)})
        with node.checker():
            await until_async(lambda: node.ipvs.up() == {"a": False}, what="down")
            told = len(node.ipvs.reports)
            node.put({"real_server/v/a": real(port, delay_loop="0.2s")})
            node.put({"real_server/v/b": real(port)})
            await until_async(lambda: node.ipvs.up() == {"a": False, "b": False}, what="the other one")
            assert [s.real_server for r in node.ipvs.reports[told:] for s in r.servers] == ["b"]


async def test_a_dynamic_weight_is_an_adjustment_of_the_configured_one(node: Node) -> None:
    user = "root" if os.geteuid() == 0 else ""
    check = {"misc_path": "/bin/sh -c 'exit 12'", "misc_dynamic": True, "user": user}
    node.put({"virtual_server/v": virtual()})
    node.put({"real_server/v/a": {"address": "127.0.0.1", "port": 1, "weight": 3, "misc_check": [check]}})
    with node.checker():
        await until_async(lambda: node.ipvs.up() == {"a": True}, what="up")
        assert node.ipvs.health["v", "a"].weight_adjustment == 7
        node.put({"real_server/v/a": {"address": "127.0.0.1", "port": 1, "weight": 10, "misc_check": [check]}})
        await until_async(lambda: node.ipvs.health["v", "a"].weight_adjustment == 0, what="the new adjustment")


async def test_a_real_server_of_an_unknown_virtual_server_is_a_problem(node: Node) -> None:
    async with targets.target() as server:
        node.put({"real_server/v/a": real(server.port)})
        with node.checker() as checker:
            until(lambda: "config/real_server/v/a: virtual server v does not exist" in checker.output(), what="the problem")
            node.put({"virtual_server/v": virtual()})
            await until_async(lambda: node.ipvs.up() == {"a": True}, what="a checked")
            assert "resolved: config/real_server/v/a" in checker.output()
            await until_async(
                lambda: [e.configuration.resolved for e in node.notify.events] == [False, True], what="both events"
            )


async def test_the_api_tells_checks_and_follows_them(node: Node) -> None:
    async with targets.target() as server:
        node.put({"virtual_server/v": virtual(), "real_server/v/a": real(server.port)})
        node.put({"virtual_server/w": virtual(address="192.0.2.2"), "real_server/w/z": real(server.port)})
        with node.checker():
            await until_async(lambda: len(node.ipvs.up()) == 2, what="both known")
            async with node.api() as api:
                listed = (await api.ListChecks(checker_pb2.ListChecksRequest(virtual_server="v"))).checks
                assert [(c.virtual_server, c.real_server, c.name) for c in listed] == [("v", "a", "tcp_check[0]")]
                assert listed[0].target == f"127.0.0.1:{server.port}"
                assert listed[0].state == checker_pb2.CHECK_STATE_UP
                assert listed[0].HasField("last_probe")
                watch = api.WatchChecks(checker_pb2.WatchChecksRequest(real_server="a"))
                steps = [await watch.read(), await watch.read()]
                assert [s.WhichOneof("update") for s in steps] == ["check", "synced"]
                node.put({"real_server/v/a": None})
                last = await watch.read()
                assert (last.sequence, last.removed.real_server, last.removed.name) == (3, "a", "tcp_check[0]")
                watch.cancel()


async def test_services_that_ask_the_same_of_a_server_probe_it_once_and_all_hear_of_it(node: Node) -> None:
    services = [f"v{i}" for i in range(20)]
    async with contextlib.AsyncExitStack() as life, targets.target() as other:
        server = await life.enter_async_context(targets.target())
        for service in services:
            node.put({f"virtual_server/{service}": virtual(), f"real_server/{service}/a": real(server.port)})
        node.put({"virtual_server/w": virtual(), "real_server/w/b": real(other.port)})
        with node.checker():
            await until_async(lambda: len(node.ipvs.health) == 21, what="everybody's health")
            before, since = server.connections, other.connections
            await until_async(lambda: other.connections >= since + 20, what="twenty more probes of the other")
            assert server.connections - before < 5 * 20
            async with node.api() as api:
                checks = (await api.ListChecks(checker_pb2.ListChecksRequest())).checks
                assert [c.probe_users for c in checks] == [20] * 20 + [1]
            await life.aclose()
            await until_async(
                lambda: [h.up for (v, _), h in sorted(node.ipvs.health.items())] == [False] * 20 + [True], what="all 20 down"
            )
            await until_async(lambda: len(node.notify.transitions()) == 20, what="an event for each")


async def test_a_ceiling_of_probes_stretches_all_intervals_and_says_so(node: Node) -> None:
    async with targets.target() as server:
        node.put({"virtual_server/v": virtual(delay_loop="0.02s"), "real_server/v/a": real(server.port)})
        node.put({"global": {"max_probes_per_second": 5}})
        with node.checker() as checker:
            says = (
                "max_probes_per_second: checks ask for 50 probes a second: their intervals are 10 times as long as configured"
            )
            await until_async(lambda: says in checker.output(), what="the problem")
            await until_async(lambda: node.ipvs.up() == {"a": True}, what="a checked")
            node.put({"global": {"max_probes_per_second": 50}})
            await until_async(
                lambda: "resolved: warning: config/global: max_probes_per_second" in checker.output(), what="its end"
            )


async def test_ha_suspend_probes_only_where_the_address_is(node: Node) -> None:
    async with targets.target() as here, targets.target() as elsewhere:
        node.put({"virtual_server/h": virtual(address="127.0.0.1", ha_suspend=True), "real_server/h/a": real(here.port)})
        node.put({"virtual_server/e": virtual(ha_suspend=True), "real_server/e/b": real(elsewhere.port)})
        with node.checker():
            await until_async(lambda: here.connections > 5, what="probes of the service that is here")
            assert elsewhere.connections == 0
            assert node.ipvs.up() == {"a": True}


async def test_a_trace_leads_from_the_failed_probe_to_ipvs_and_notify(node: Node) -> None:
    """Also with a collector that is not there."""
    with targets.refusing() as port, targets.refusing() as collector:
        node.put({"virtual_server/v": virtual(), "real_server/v/a": real(port)})
        with node.checker(more=["--otlp-endpoint", f"127.0.0.1:{collector}"]):
            await until_async(lambda: node.ipvs.up() == {"a": False}, what="down")
            await until_async(lambda: node.notify.transitions(), what="the event")
            traceparent = node.ipvs.health["v", "a"].traceparent
            assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", traceparent)
            assert [e.traceparent for e in node.notify.events] == [traceparent]


async def test_metrics_count_probes_and_servers(node: Node, unused_tcp_port: int) -> None:
    async with targets.target() as server:
        node.put({"virtual_server/v": virtual(), "real_server/v/a": real(server.port)})
        with node.checker(more=["--metrics-listen", f"127.0.0.1:{unused_tcp_port}"]):
            await until_async(lambda: node.ipvs.up() == {"a": True}, what="up")

            async def scraped() -> str:
                reader, writer = await asyncio.open_connection("127.0.0.1", unused_tcp_port)
                writer.write(b"GET /metrics HTTP/1.0\r\n\r\n")
                text = (await reader.read()).decode()
                writer.close()
                await writer.wait_closed()
                return text if re.search(r"^\S*checker_probes_total\S* [1-9]", text, re.M) else ""

            text = await until_async(scraped, what="counted probes")
            assert re.search(r'^\S*checker_real_servers\S*health="up"\S* 1(\.0)?$', text, re.M)


async def test_workers_do_not_outlive_a_killed_agent(node: Node) -> None:
    async with targets.target() as server:
        node.put({"virtual_server/v": virtual(), "real_server/v/a": real(server.port)})
        with node.checker() as checker:
            await until_async(lambda: node.ipvs.up() == {"a": True}, what="up")
            workers = workers_of(checker.pid)
            os.kill(checker.pid, signal.SIGKILL)
            await until_async(lambda: not any(runs(pid) for pid in workers), what="the workers' end")


async def test_a_declared_stop_ends_all_processes(node: Node) -> None:
    async with targets.target() as server:
        node.put({"virtual_server/v": virtual(), "real_server/v/a": real(server.port)})
        with node.checker() as checker:
            await until_async(lambda: node.ipvs.up() == {"a": True}, what="up")
            workers = workers_of(checker.pid)
            checker.terminate()
            assert checker.wait() == 0
            assert [pid for pid in workers if runs(pid)] == []
            assert node.ipvs.up() == {"a": True}
            assert "Traceback" not in checker.output()


async def test_a_stop_is_quiet_though_nobody_takes_the_last_events(node: Node) -> None:
    with targets.refusing() as port:
        node.put({"virtual_server/v": virtual(), "real_server/v/a": real(port)})
        await node.stop_services()
        with node.checker() as checker:
            until(lambda: "real server a of v is down" in checker.output(), what="a transition")
            checker.terminate()
            assert checker.wait() == 0
            assert "Traceback" not in checker.output()
