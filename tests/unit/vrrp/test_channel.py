"""The agent's and the launcher's line to the engine: whole messages, nobody waits, nothing grows without bound."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from services.vrrp.channel import (
    MAX_MESSAGE,
    MAX_TRANSITIONS,
    Channel,
    ChannelClosed,
    Message,
    from_fd,
    load_configuration,
    pair,
    save_configuration,
)
from services.vrrp.config.resolve import Resolved
from services.vrrp.config.staging import Staging
from services.vrrp.election.schedule import Key
from services.vrrp.engine.outbox import Outbox

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def ends() -> Iterator[tuple[Channel, Channel]]:
    one, other = pair()
    mine, its = Channel(one), Channel(other)
    yield mine, its
    mine.close()
    its.close()


def test_messages_arrive_whole_and_in_order(ends: tuple[Channel, Channel]) -> None:
    mine, its = ends
    for n in range(3):
        assert mine.send({"n": n})
    assert its.receive() == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert its.receive() == []


def test_a_message_larger_than_a_packet_is_joined(ends: tuple[Channel, Channel]) -> None:
    mine, its = ends
    large = {"addresses": ["192.0.2.1"] * 100_000}
    mine.send(large)
    found: list[Message] = []
    while not found:
        found = its.receive()
        mine.flush()
    assert found == [large]


def test_a_reader_that_sleeps_never_blocks_the_writer_and_what_does_not_fit_is_counted(
    ends: tuple[Channel, Channel],
) -> None:
    mine, its = ends
    block = {"x": "y" * (1 << 20)}
    sent = sum(mine.send(block) for _ in range(64))
    assert mine.backlog
    assert mine.dropped == 64 - sent > 0
    assert not mine.send({"x": "y" * MAX_MESSAGE})
    received = 0
    while received < sent:
        received += len(its.receive())
        mine.flush()
    assert not mine.backlog


def test_a_descriptor_travels_with_its_message(ends: tuple[Channel, Channel]) -> None:
    mine, its = ends
    one, other = pair()
    with closing(one), closing(other):
        mine.send({"do": "agent"}, other.fileno())
        assert its.receive() == [{"do": "agent"}]
        with closing(from_fd(its.descriptors.popleft())) as passed:
            one.send(b".{}")
            assert Channel(passed).receive() == [{}]


def test_descriptors_that_nobody_took_are_closed(ends: tuple[Channel, Channel]) -> None:
    mine, its = ends
    reader, writer = os.pipe()
    mine.send({"do": "agent"}, writer)
    its.receive()
    os.close(writer)
    its.close()
    assert os.read(reader, 1) == b""
    os.close(reader)


def test_what_is_no_json_object_is_passed_over(ends: tuple[Channel, Channel]) -> None:
    one, other = pair()
    its = Channel(other)
    with closing(one):
        for part in (b".rubbish", b".[1]", b'.{"a":1}'):
            one.send(part)
        assert its.receive() == [{"a": 1}]
        assert its.dropped == 2
    its.close()


def test_an_oversized_message_is_passed_over() -> None:
    one, other = pair()
    its = Channel(other)
    with closing(one):
        for _ in range(MAX_MESSAGE // 60_000 + 1):
            one.send(b"+" + b" " * 60_000)
            assert its.receive() == []
        one.send(b".")
        one.send(b".{}")
        assert its.receive() == [{}]
        assert its.dropped == 1
    its.close()


def test_the_end_of_the_other_side_is_told_after_its_last_message(ends: tuple[Channel, Channel]) -> None:
    mine, its = ends
    mine.send({"last": True})
    mine.close()
    assert its.receive() == [{"last": True}]
    with pytest.raises(ChannelClosed):
        its.receive()


def test_what_is_sent_to_a_side_that_is_gone_is_discarded_with_its_descriptor(ends: tuple[Channel, Channel]) -> None:
    mine, its = ends
    while not its.backlog:
        its.send({"x": "y" * 50_000})
    reader, writer = os.pipe()
    its.send({"do": "agent"}, writer)
    os.close(writer)
    mine.close()
    assert its.flush()
    assert not its.backlog
    assert os.read(reader, 1) == b""
    os.close(reader)


def test_the_last_words_of_a_side_that_did_not_listen_to_the_end_are_heard(ends: tuple[Channel, Channel]) -> None:
    mine, its = ends
    its.send({"never": "read"})
    mine.send({"last": True})
    mine.close()
    assert its.receive() == [{"last": True}]
    with pytest.raises(ChannelClosed):
        its.receive()


def test_a_channel_is_watched_by_its_descriptor(ends: tuple[Channel, Channel]) -> None:
    assert ends[0].fileno() != ends[1].fileno()


def test_a_closed_channel_cannot_be_read(ends: tuple[Channel, Channel]) -> None:
    ends[0].close()
    with pytest.raises(ChannelClosed):
        ends[0].receive()


def test_the_last_good_configuration_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = str(tmp_path / "engine.json")
    objects = {("vrrp_instance", "a"): {"interface": "eth0"}, ("global", ""): {}}
    save_configuration(path, 7, objects)
    assert load_configuration(path) == (7, objects)
    assert os.listdir(tmp_path) == ["engine.json"]


def test_no_configuration_is_an_empty_one(tmp_path: Path) -> None:
    assert load_configuration(str(tmp_path / "none")) == (0, {})


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 9}', '{"format": 1, "objects": [1], "revision": 1}'])
def test_a_file_that_is_no_configuration_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "engine.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"."):
        load_configuration(str(path))


# -- what is still to be told


def told(outbox: Outbox, ends: tuple[Channel, Channel]) -> list[Message]:
    messages = []
    while outbox.pending:
        outbox.pump(ends[0])
        messages += ends[1].receive()
    return messages


def render(key: Key) -> Message | None:
    return {"view": key[1]} if key[0] == "instance" else None


def test_a_view_is_told_once_however_often_it_changed(ends: tuple[Channel, Channel]) -> None:
    outbox = Outbox(render)
    for _ in range(5):
        outbox.put(("instance", "a"))
        outbox.put(("nothing", "to say"))
    assert told(outbox, ends) == [{"view": "a"}]


def test_transitions_are_told_to_each_agent_until_one_acknowledges(ends: tuple[Channel, Channel]) -> None:
    outbox = Outbox(render)
    for n in (1, 2, 3):
        outbox.transition({"sequence": n})
    assert told(outbox, ends) == [{"sequence": 1}, {"sequence": 2}, {"sequence": 3}]
    outbox.acknowledge(2)
    outbox.transition({"sequence": 4})
    outbox.restart({"first": 1}, [("instance", "a")], {"last": 1})
    assert told(outbox, ends) == [{"first": 1}, {"sequence": 3}, {"sequence": 4}, {"view": "a"}, {"last": 1}]
    outbox.acknowledge(4)
    outbox.answer({"applied": 1})
    outbox.close_with({"synced": 1})
    assert told(outbox, ends) == [{"applied": 1}, {"synced": 1}]


def test_transitions_are_bounded_and_the_oldest_go(ends: tuple[Channel, Channel]) -> None:
    outbox = Outbox(render)
    for n in range(MAX_TRANSITIONS + 3):
        outbox.transition({"sequence": n})
    assert outbox.dropped == 3
    assert [m["sequence"] for m in told(outbox, ends)] == list(range(3, MAX_TRANSITIONS + 3))


def test_nothing_is_queued_on_an_agent_that_does_not_read(ends: tuple[Channel, Channel]) -> None:
    outbox = Outbox(lambda key: {"x": "y" * 50_000})
    while not ends[0].backlog:
        outbox.put(("instance", "a"))
        outbox.pump(ends[0])
    outbox.put(("instance", "a"))
    outbox.pump(ends[0])
    assert outbox.pending


# -- transactions


def committed(staging: Staging, revision: int = 1) -> tuple[Resolved, list[tuple[str, str]]]:
    result = staging.commit(revision)
    assert result is not None
    return result[0], [(problem.key, problem.field) for problem in result[1]]


GOOD = {"interface": "eth0", "virtual_router_id": 51}


def test_a_transaction_takes_effect_at_its_commit() -> None:
    staging = Staging()
    assert staging.commit(1) is None
    staging.put("vrrp_instance", "a", GOOD)
    staging.delete("vrrp_instance", "a")
    staging.begin(complete=True)
    staging.put("vrrp_instance", "a", GOOD)
    staging.put("unknown_kind", "a", {})
    assert staging.revision == 0
    resolved, problems = committed(staging, 5)
    assert (list(resolved.routers), problems, staging.revision) == (["a"], [], 5)


def test_a_transaction_changes_or_replaces_what_is_there() -> None:
    staging = Staging()
    staging.begin(complete=True)
    staging.put("vrrp_instance", "a", GOOD)
    committed(staging)
    staging.begin(complete=False)
    staging.put("vrrp_instance", "b", GOOD | {"virtual_router_id": 52})
    assert list(committed(staging)[0].routers) == ["a", "b"]
    staging.begin(complete=False)
    staging.delete("vrrp_instance", "a")
    assert list(committed(staging)[0].routers) == ["b"]
    staging.begin(complete=True)
    assert list(committed(staging)[0].routers) == []


def test_a_bad_object_keeps_its_last_good_value_and_is_named() -> None:
    staging = Staging()
    staging.begin(complete=True)
    staging.put("vrrp_instance", "a", GOOD)
    committed(staging)
    staging.begin(complete=True)
    staging.put("vrrp_instance", "a", GOOD | {"priority": 999})
    staging.put("vrrp_instance", "b", {})
    staging.put("global", "", {"vrrp_version": 9})
    resolved, problems = committed(staging)
    assert list(resolved.routers) == ["a"]
    assert problems == [
        ("config/vrrp_instance/a", "priority"),
        ("config/vrrp_instance/b", "virtual_router_id"),
        ("config/global", "vrrp_version"),
    ]


def test_what_is_put_again_unchanged_is_the_very_same_settings() -> None:
    staging = Staging()
    tracked = GOOD | {"track_script": [{"name": "s"}]}
    runs = []
    for script in ("/bin/true", "/bin/true", "/bin/false"):
        staging.begin(complete=True)
        staging.put("vrrp_instance", "a", GOOD | {"advert_int": 1_500_000_000})
        staging.put("vrrp_instance", "b", tracked | {"virtual_router_id": 52})
        staging.put("vrrp_script", "s", {"script": script})
        runs.append(committed(staging))
    (first, told), (second, told_again), (third, _) = runs
    assert first.routers["a"] is second.routers["a"] is third.routers["a"]
    assert first.routers["b"] is second.routers["b"]
    assert told == told_again == [("config/vrrp_instance/a", "advert_int")]


def test_new_global_settings_are_taken_up_by_every_instance() -> None:
    staging = Staging()
    for version in (2, 3):
        staging.begin(complete=False)
        staging.put("global", "", {"vrrp_version": version})
        staging.put("vrrp_instance", "a", GOOD)
        assert committed(staging)[0].routers["a"].version == version


def test_an_abandoned_transaction_never_happened() -> None:
    staging = Staging()
    staging.begin(complete=True)
    staging.put("vrrp_instance", "a", GOOD)
    staging.abandon()
    assert staging.commit(1) is None


# -- the engine's imports


def test_the_engine_imports_nothing_that_makes_it_late() -> None:
    program = (
        "import sys, services.vrrp.engine.process, services.vrrp.engine.agent_link, services.vrrp.views; print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(ROOT)},
    )
    loaded = set(done.stdout.split())
    heavy = {"grpc", "google", "asyncio", "opentelemetry", "etcd3", "pyroute2", "dataclasses", "ctypes", "socket", "ipaddress"}
    assert loaded & heavy == set()
