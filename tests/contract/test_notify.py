"""The notify service as others meet it: a process with a socket, a disk that survives kill -9, programs and mails."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

from services.common.events import Composer, Publisher
from tests.kit.notify import Notify
from tests.kit.smtp import Smtp
from tests.kit.wait import until_async
from vipkeeper.common.v1 import event_pb2
from vipkeeper.notify.v1 import notify_pb2

COMPOSE = Composer("d1", "vrrp")
INSTANCE = {"interface": "eth0", "virtual_router_id": 51}


@pytest.fixture
def notify(open_folder: Path) -> Any:
    service = Notify(open_folder)
    yield service
    service.close()


@pytest.fixture
def writes(open_folder: Path) -> Callable[[str], str]:
    """A program that adds its arguments to a file: `writes("out")` is its command line."""
    program = open_folder / "writes.sh"
    program.write_text('#!/bin/sh\nout=$1\nshift\necho "$*" >> "$out"\n')
    program.chmod(0o755)
    return lambda name: f"{program} {open_folder / name}"


def master(name: str = "VI_1", priority: int = 100) -> event_pb2.Event:
    return COMPOSE.vrrp_instance(name, "BACKUP", "MASTER", priority, "no advert for 3.6 s")


def backup(name: str = "VI_1", priority: int = 100) -> event_pb2.Event:
    return COMPOSE.vrrp_instance(name, "MASTER", "BACKUP", priority, "higher priority")


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def until_lines(path: Path, expected: list[str]) -> Awaitable[bool]:
    return until_async(lambda: lines(path) == expected, what=lambda: f"{path.name} is {lines(path)}, not {expected}")


async def test_the_state_s_program_then_notify_with_keepalived_s_arguments(
    notify: Notify, writes: Callable[[str], str], open_folder: Path
) -> None:
    out = writes("out")
    notify.put(
        **{"global": {"notify": writes("all")}},
        vrrp_instance__VI_1={**INSTANCE, "notify_master": f"{out} master 'a b'", "notify": f"{out} any"},
        vrrp_sync_group__VG={"group": ["VI_1"], "notify": f"{out} group"},
    )
    notify.start()
    await notify.publish(master(priority=150))
    await until_lines(open_folder / "out", ["master a b", "any INSTANCE VI_1 MASTER 150"])
    await notify.publish(COMPOSE.vrrp_sync_group("VG", "BACKUP", "MASTER", ""))
    await until_lines(open_folder / "out", ["master a b", "any INSTANCE VI_1 MASTER 150", "group GROUP VG MASTER 0"])
    await until_lines(open_folder / "all", ["INSTANCE VI_1 MASTER 150", "GROUP VG MASTER 0"])


async def test_programs_of_servers_and_quorums_run(notify: Notify, writes: Callable[[str], str], open_folder: Path) -> None:
    out = writes("out")
    notify.put(
        virtual_server__web={
            "address": "10.0.0.1", "port": 80, "protocol": "tcp", "quorum_up": f"{out} qup", "quorum_down": f"{out} qdown",
        },
        real_server__web__a={"address": "10.0.0.2", "port": 80, "notify_up": f"{out} up", "notify_down": f"{out} down"},
    )  # fmt: skip
    notify.start()
    for up in (False, True):
        await notify.publish(COMPOSE.real_server("web", "a", up, "TCP_CHECK"))
        await until_async(lambda up=up: len(lines(open_folder / "out")) == (3 if up else 1))
        await notify.publish(COMPOSE.virtual_server("web", up, int(up), 1))
        await until_async(lambda up=up: len(lines(open_folder / "out")) == (4 if up else 2))
    assert lines(open_folder / "out") == ["down", "qdown", "up", "qup"]


async def test_an_event_that_comes_twice_is_told_once(notify: Notify, writes: Callable[[str], str], open_folder: Path) -> None:
    notify.put(vrrp_instance__VI_1={**INSTANCE, "notify": writes("out")})
    notify.start()
    event = master()
    await notify.publish(event, event)
    await notify.publish(event)
    await until_lines(open_folder / "out", ["INSTANCE VI_1 MASTER 100"])
    notify.stop()
    notify.start()
    await notify.publish(event, backup())
    await until_lines(open_folder / "out", ["INSTANCE VI_1 MASTER 100", "INSTANCE VI_1 BACKUP 100"])


async def test_killed_between_journal_and_delivery_everything_is_delivered_in_order(notify: Notify, open_folder: Path) -> None:
    gate, out = open_folder / "gate", open_folder / "out"
    program = open_folder / "gated.sh"
    program.write_text(f'#!/bin/sh\nwhile ! [ -e {gate} ]; do sleep 0.05; done\necho "$3 $4" >> {out}\n')
    program.chmod(0o755)
    notify.put(vrrp_instance__VI_1={**INSTANCE, "notify": str(program)})
    notify.start()
    for priority in range(5):
        await notify.publish((master, backup)[priority % 2](priority=priority))
    await until_async(lambda: busy(notify))
    notify.kill()
    gate.touch()
    notify.start()
    expected = [f"{('MASTER', 'BACKUP')[n % 2]} {n}" for n in range(5)]
    # The program of the killed service may end as well: at least once, and in order.
    await until_async(lambda: lines(out)[-5:] == expected, what=lambda: str(lines(out)))
    assert lines(out) in (expected, expected[:1] + expected)


async def busy(notify: Notify) -> bool:
    return (await notify.subscriber("script:vrrp_instance/VI_1")).backlog == 5


async def test_what_is_done_is_not_done_again_after_a_restart(
    notify: Notify, writes: Callable[[str], str], open_folder: Path
) -> None:
    notify.put(vrrp_instance__VI_1={**INSTANCE, "notify": writes("out")})
    notify.start()
    await notify.publish(master(), backup())
    await until_lines(open_folder / "out", ["INSTANCE VI_1 MASTER 100", "INSTANCE VI_1 BACKUP 100"])
    notify.stop()
    notify.start()
    await notify.publish(master(priority=7))
    await until_lines(open_folder / "out", ["INSTANCE VI_1 MASTER 100", "INSTANCE VI_1 BACKUP 100", "INSTANCE VI_1 MASTER 7"])
    assert [d.exit_status for d in await notify.deliveries()][:2] == [0, 0]


async def test_a_program_that_fails_is_tried_again_then_given_up_and_what_it_said_is_recorded(
    notify: Notify, open_folder: Path
) -> None:
    notify.put(vrrp_instance__VI_1={**INSTANCE, "notify_master": "/bin/sh -c 'echo out of paper; exit 3'"})
    notify.start()
    await notify.publish(master())
    delivery = (await until_async(notify.deliveries))[0]
    assert (delivery.result, delivery.attempts) == (notify_pb2.DELIVERY_RESULT_GIVEN_UP, 3)
    assert (delivery.exit_status, delivery.output) == (3, "out of paper\n")
    assert delivery.error == "/bin/sh exits with status 3"
    subscriber = await notify.subscriber("script:vrrp_instance/VI_1")
    assert (subscriber.configured, subscriber.backlog, subscriber.given_up) == (True, 0, 1)
    assert subscriber.last_error == delivery.error


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")
async def test_programs_run_as_an_unprivileged_user_with_a_clean_environment(notify: Notify) -> None:
    default = "nobody"
    with contextlib.suppress(KeyError):
        default = pwd.getpwnam("keepalived_script").pw_name
    notify.put(vrrp_instance__VI_1={**INSTANCE, "notify_master": "/bin/sh -c 'id -un; id -Gn; pwd; env | sort'"})
    os.environ["VIPKEEPER_TEST_SECRET"] = "yes"
    try:
        notify.start()
    finally:
        del os.environ["VIPKEEPER_TEST_SECRET"]
    event = master()
    await notify.publish(event)
    said = (await until_async(notify.deliveries))[0].output.splitlines()
    assert said[0] == default
    assert "root" not in said[1].split()
    assert said[2] == "/"
    names = {line.partition("=")[0] for line in said[3:]}
    assert names == {
        "HOME", "LANG", "LOGNAME", "PATH", "PWD", "SHELL", "USER",
        "VIPKEEPER_CAUSE", "VIPKEEPER_EVENT_ID", "VIPKEEPER_EVENT_TIME", "VIPKEEPER_NODE",
    }  # fmt: skip
    assert f"VIPKEEPER_EVENT_ID={event.id}" in said


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to run programs as root")
async def test_a_program_that_others_may_write_does_not_run_as_root(
    notify: Notify, writes: Callable[[str], str], open_folder: Path
) -> None:
    (open_folder / "writes.sh").chmod(0o777)
    os.chmod(open_folder, 0o755)
    notify.put(**{"global": {"script_user": "root"}}, vrrp_instance__VI_1={**INSTANCE, "notify_master": writes("out")})
    notify.start()
    await notify.publish(master())
    refused = (await until_async(notify.deliveries))[0]
    assert (refused.result, refused.attempts) == (notify_pb2.DELIVERY_RESULT_GIVEN_UP, 1)
    assert f"{open_folder}/writes.sh is writable by everybody" in refused.error
    assert f"chmod o-w {open_folder}/writes.sh" in refused.error
    problems = [e.event.configuration.problem for e in await notify.events() if e.event.HasField("configuration")]
    assert [(p.key, p.field) for p in problems] == [("config/vrrp_instance/VI_1", "notify_master")]
    (open_folder / "writes.sh").chmod(0o755)
    await notify.publish(backup(), master())
    await until_lines(open_folder / "out", [""])


async def test_news_of_an_object_waits_a_moment_for_its_configuration(
    notify: Notify, writes: Callable[[str], str], open_folder: Path
) -> None:
    notify.put()
    notify.start()
    await notify.publish(master())
    notify.put(vrrp_instance__VI_1={**INSTANCE, "notify": writes("out")})
    await until_lines(open_folder / "out", ["INSTANCE VI_1 MASTER 100"])


async def test_an_instance_that_left_the_configuration_still_reports_its_end(
    notify: Notify, writes: Callable[[str], str], open_folder: Path
) -> None:
    notify.put(vrrp_instance__VI_1={**INSTANCE, "notify": writes("out")})
    notify.start()
    await until_async(lambda: configured(notify))
    del notify.store["config/vrrp_instance/VI_1"]
    notify.put()
    await until_async(lambda: not_configured(notify))
    await notify.publish(COMPOSE.vrrp_instance("VI_1", "MASTER", "FAULT", 100, "no longer configured"))
    await until_lines(open_folder / "out", ["INSTANCE VI_1 FAULT 100"])


async def configured(notify: Notify) -> bool:
    return (await notify.subscriber("script:vrrp_instance/VI_1")).configured


async def not_configured(notify: Notify) -> bool:
    return not await configured(notify)


async def test_mails_reach_everybody_with_keepalived_s_subjects(notify: Notify) -> None:
    async with Smtp() as server:
        notify.put(
            **{
                "global": {
                    "router_id": "LVS_MAIN",
                    "notification_email": ["admin@example.org", "b@example.org"],
                    "notification_email_from": "keepalived@example.org",
                    "smtp_server": f"127.0.0.1 {server.port}",
                    "smtp_helo_name": "director.example.org",
                    "smtp_alert": True,
                }
            },
            vrrp_instance__VI_1=INSTANCE,
        )
        notify.start()
        event = master()
        await notify.publish(event, backup())
        await until_async(lambda: len(server.mails) == 2)
        first = server.mails[0]
        assert server.subjects == [
            "[LVS_MAIN] VRRP Instance VI_1 - Entering MASTER state",
            "[LVS_MAIN] VRRP Instance VI_1 - Entering BACKUP state",
        ]
        assert (first.sender, first.recipients) == ("keepalived@example.org", ["admin@example.org", "b@example.org"])
        assert first.message["To"] == "admin@example.org, b@example.org"
        assert first.message["Message-ID"] == f"<{event.id}@d1>"
        assert first.message.get_content().startswith("=> VRRP Instance is now owning VRRP VIPs <=")
        assert "HELO director.example.org" in server.hears


async def test_a_mail_server_that_is_away_holds_up_nobody_and_gets_everything_later(
    notify: Notify, writes: Callable[[str], str], open_folder: Path
) -> None:
    async with Smtp() as first:
        port = first.port
    notify.put(
        **{
            "global": {
                "notification_email": ["a@example.org"], "smtp_server": f"127.0.0.1 {port}", "smtp_alert": True
            }
        },
        vrrp_instance__VI_1={**INSTANCE, "notify": writes("out")},
    )  # fmt: skip
    notify.start()
    await notify.publish(master(), backup())
    await until_lines(open_folder / "out", ["INSTANCE VI_1 MASTER 100", "INSTANCE VI_1 BACKUP 100"])
    await until_async(lambda: mail_waits(notify))
    assert (await notify.subscriber("smtp")).last_error == f"127.0.0.1 port {port}: connection refused"
    notify.kill()
    async with Smtp(port) as server:
        notify.start()
        await until_async(lambda: len(server.mails) == 2)
        assert [subject[-12:] for subject in server.subjects] == ["MASTER state", "BACKUP state"]
    assert len(lines(open_folder / "out")) == 2


async def mail_waits(notify: Notify) -> bool:
    mail = await notify.subscriber("smtp")
    return mail.backlog == 2 and "port" in mail.last_error and mail.failures > 0 and mail.HasField("retry_time")


async def test_a_silent_mail_server_costs_its_time_limit_and_is_tried_again(notify: Notify) -> None:
    async with Smtp(silent=True) as server:
        general = {"notification_email": ["a@b"], "smtp_server": f"127.0.0.1 {server.port}", "smtp_connect_timeout": "0.2s"}
        notify.put(**{"global": general}, vrrp_instance__VI_1={**INSTANCE, "smtp_alert": True})
        notify.start()
        await notify.publish(master())
        await until_async(lambda: has_failed(notify))
        server.silent = False
        await until_async(lambda: len(server.mails) == 1)


async def has_failed(notify: Notify) -> bool:
    return (await notify.subscriber("smtp")).failures > 0


@pytest.mark.parametrize(
    ("refuse", "said"),
    [
        ({"MAIL": "550 not you"}, "answers 550 not you"),
        ({"RCPT": "550 no such user"}, "refuses every recipient: no such user"),
        ({".": "554 spam"}, "answers 554 spam"),
    ],
)
async def test_a_mail_that_is_refused_for_good_is_given_up_and_recorded(
    notify: Notify, refuse: dict[str, str], said: str
) -> None:
    async with Smtp(refuse=refuse) as server:
        general = {"notification_email": ["a@b"], "smtp_server": f"127.0.0.1 {server.port}"}
        notify.put(**{"global": general}, vrrp_instance__VI_1={**INSTANCE, "smtp_alert": True})
        notify.start()
        await notify.publish(master())
        delivery = (await until_async(notify.deliveries))[0]
        assert (delivery.result, delivery.attempts) == (notify_pb2.DELIVERY_RESULT_GIVEN_UP, 1)
        assert said in delivery.error
        assert server.mails == []


async def test_a_mail_that_is_refused_for_now_is_sent_later(notify: Notify) -> None:
    async with Smtp(refuse={"RCPT": "450 later"}) as server:
        general = {"notification_email": ["a@b"], "smtp_server": f"127.0.0.1 {server.port}"}
        notify.put(**{"global": general}, vrrp_instance__VI_1={**INSTANCE, "smtp_alert": True})
        notify.start()
        await notify.publish(master())
        await until_async(lambda: has_failed(notify))
        server.refuse.clear()
        await until_async(lambda: len(server.mails) == 1)


async def test_a_watch_is_a_snapshot_one_synced_and_then_the_news(notify: Notify) -> None:
    notify.put(vrrp_instance__VI_1={**INSTANCE, "notify": "/bin/true"})
    notify.start()
    first, second = master(), backup()
    await notify.publish(first)
    await until_async(notify.deliveries)
    async with notify.stub() as stub:
        call = stub.WatchEvents(notify_pb2.WatchEventsRequest())
        told = [await call.read(), await call.read()]
        await notify.publish(second)
        while not (told[-1].event.event.id == second.id and told[-1].event.deliveries):
            told.append(await asyncio.wait_for(call.read(), 30))
        call.cancel()
    assert [m.sequence for m in told] == list(range(1, len(told) + 1))
    assert [m.WhichOneof("what") for m in told[:3]] == ["event", "synced", "event"]
    assert (told[0].event.event.id, len(told[0].event.deliveries)) == (first.id, 1)


async def test_only_what_is_asked_for_is_listed(notify: Notify) -> None:
    notify.put()
    notify.start()
    compose = Composer("d1", "ipvs")
    events = [compose.virtual_server("web", True, n, 1) for n in range(5)]
    await notify.publish(*events)
    async with notify.stub() as stub:

        async def ids(**request: int) -> list[str]:
            answer = await stub.ListEvents(notify_pb2.ListEventsRequest(**request))
            return [e.event.id for e in answer.events]

        everything = await stub.ListEvents(notify_pb2.ListEventsRequest())
        middle = everything.events[1].sequence
        assert await ids(limit=2) == [e.id for e in events[3:]]
        assert await ids(after_sequence=middle) == [e.id for e in events[2:]]
        call = stub.WatchEvents(notify_pb2.WatchEventsRequest(after_sequence=everything.events[-1].sequence))
        assert (await call.read()).WhichOneof("what") == "synced"
        call.cancel()


@pytest.mark.parametrize("events", [[event_pb2.Event()], [event_pb2.Event(id="x" * 201)], [event_pb2.Event(id="a")] * 1001])
async def test_events_that_cannot_be_kept_apart_are_refused(notify: Notify, events: list[event_pb2.Event]) -> None:
    notify.put()
    notify.start()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await notify.publish(*events)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT


async def test_a_publisher_keeps_its_events_while_notify_is_away_and_their_order(notify: Notify) -> None:
    publisher = Publisher(notify.options)
    running = asyncio.ensure_future(publisher.run())
    events = [master(priority=n) for n in range(3)]
    for event in events:
        publisher.publish(event)
    await until_async(lambda: publisher.pending == 3)
    notify.put(vrrp_instance__VI_1=INSTANCE)
    notify.start()
    await until_async(lambda: publisher.published == 3)
    assert [e.event.id for e in await notify.events()] == [e.id for e in events]
    notify.kill()
    publisher.publish(late := backup())
    assert not await publisher.flush(0.2)
    notify.start()
    await until_async(lambda: publisher.published == 4)
    assert [e.event.id for e in await notify.events()][-1] == late.id
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await publisher.close()


async def test_a_publisher_drops_the_oldest_beyond_its_bound_and_counts(notify: Notify) -> None:
    publisher = Publisher(notify.options, limit=3)
    events = [master(priority=n) for n in range(5)]
    for event in events:
        publisher.publish(event)
    assert (publisher.pending, publisher.dropped) == (3, 2)
    notify.put(vrrp_instance__VI_1=INSTANCE)
    notify.start()
    assert await publisher.flush(30)
    assert [e.event.id for e in await notify.events()] == [e.id for e in events[2:]]
    await publisher.close()


async def test_one_malformed_event_does_not_hold_up_a_publisher(notify: Notify) -> None:
    publisher = Publisher(notify.options)
    good = master()
    for event in (event_pb2.Event(), good):
        publisher.publish(event)
    notify.put(vrrp_instance__VI_1=INSTANCE)
    notify.start()
    assert await publisher.flush(30)
    assert (publisher.published, publisher.refused, publisher.pending) == (1, 1, 0)
    assert [e.event.id for e in await notify.events()] == [good.id]
    await publisher.close()


def test_a_second_notify_on_the_same_folder_says_so_in_one_line(notify: Notify) -> None:
    notify.put()
    (notify.folder / "state" / "journal").mkdir(parents=True)
    import fcntl

    held = os.open(notify.folder / "state" / "journal", os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    notify.start()
    assert notify.process is not None
    assert notify.process.wait() == 1
    os.close(held)
    assert notify.process.output().strip().splitlines() == [
        f"vipkeeper-notify: another notify uses {notify.folder}/state/journal; stop it, or choose another --state-dir"
    ]
