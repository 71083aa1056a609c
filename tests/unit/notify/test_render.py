"""Programs and mails for an event are keepalived's: arguments, subjects, order and defaults (observed on 2.2.7)."""

from __future__ import annotations

import pytest

from services.notify.render import (
    Command,
    Delivery,
    Happening,
    Mail,
    QuorumChange,
    ServerChange,
    VrrpChange,
    deliveries,
    known,
    subject_of,
    subscribers,
)
from services.notify.settings import Book, Global, RealServer, Settings, SmtpServer, VirtualServer, Vrrp

MASTER = VrrpChange("vrrp_instance", "VI_1", "BACKUP", "MASTER", 150, "no advert for 3.4 s")
GROUP = VrrpChange("vrrp_sync_group", "VG", "BACKUP", "MASTER", 150)
DOWN = ServerChange("web", "a", False, "TCP_CHECK: connection\nrefused")
LOST = QuorumChange("web", False, 0, 2)
MAIL = Global(
    router_id="R1",
    notification_email=("a@b.c", "d@e.f"),
    notification_email_from="k@d",
    smtp_server=SmtpServer("127.0.0.1"),
    smtp_alert=True,
)
WEB = {
    ("virtual_server", "web"): VirtualServer("[10.9.0.9]:tcp:80", "tcp"),
    ("real_server", "web/a"): RealServer("10.9.0.1", 81),
}


def book(general: Global, objects: dict[tuple[str, str], Settings] | None = None) -> Book:
    return Book().after({("global", ""): general, **(objects or {})}, ())


def programs(happening: Happening, of: Book) -> list[tuple[str, str, tuple[str, ...]]]:
    found = deliveries(happening, of, "d1", {})
    return [(d.subscriber, d.keyword, d.what.words) for d in found if isinstance(d.what, Command)]


def mails(happening: Happening, of: Book) -> list[tuple[str, str]]:
    found = deliveries(happening, of, "d1", {})
    return [(d.what.subject, d.what.text.splitlines()[0]) for d in found if isinstance(d.what, Mail)]


@pytest.mark.parametrize("state", ["MASTER", "BACKUP", "FAULT", "STOP"])
def test_the_state_s_program_runs_before_notify_which_gets_four_arguments(state: str) -> None:
    own = {f"notify_{s}": ("/n", s) for s in ("master", "backup", "fault", "stop")} | {"notify": ("/any", "mine")}
    happening = VrrpChange("vrrp_instance", "VI_1", "INIT", state, 150)
    assert programs(happening, book(Global(), {("vrrp_instance", "VI_1"): Vrrp(own)})) == [
        ("script:vrrp_instance/VI_1", f"notify_{state.lower()}", ("/n", state.lower())),
        ("script:vrrp_instance/VI_1", "notify", ("/any", "mine", "INSTANCE", "VI_1", state, "150")),
    ]


def test_a_group_s_priority_is_always_0() -> None:
    of = book(Global(), {("vrrp_sync_group", "VG"): Vrrp({"notify": ("/any",)})})
    assert programs(GROUP, of) == [("script:vrrp_sync_group/VG", "notify", ("/any", "GROUP", "VG", "MASTER", "0"))]


def test_the_global_program_hears_of_every_instance_and_group_and_of_nothing_else() -> None:
    of = book(Global(notify=("/all",)))
    assert programs(MASTER, of) == [("script:global", "notify", ("/all", "INSTANCE", "VI_1", "MASTER", "150"))]
    assert programs(GROUP, of) == [("script:global", "notify", ("/all", "GROUP", "VG", "MASTER", "0"))]
    assert programs(DOWN, of) == programs(LOST, of) == []


def test_init_runs_nothing_and_mails_nothing() -> None:
    of = book(MAIL, {("vrrp_instance", "VI_1"): Vrrp({"notify": ("/any",)})})
    assert deliveries(VrrpChange("vrrp_instance", "VI_1", "STOP", "INIT", 1), of, "d1", {}) == ()


@pytest.mark.parametrize(("up", "word"), [(True, "up"), (False, "down")])
def test_servers_and_quorums_run_their_programs_without_arguments(up: bool, word: str) -> None:
    of = book(
        Global(),
        {
            ("virtual_server", "web"): VirtualServer(
                "x", "tcp", programs={"quorum_up": ("/q", "up"), "quorum_down": ("/q", "down")}
            ),
            ("real_server", "web/a"): RealServer("10.9.0.1", 81, {"notify_up": ("/r", "up"), "notify_down": ("/r", "down")}),
        },
    )
    assert programs(ServerChange("web", "a", up), of) == [("script:real_server/web/a", f"notify_{word}", ("/r", word))]
    assert programs(QuorumChange("web", up, 1, 1), of) == [("script:virtual_server/web", f"quorum_{word}", ("/q", word))]


def test_programs_find_what_they_are_given_in_their_environment() -> None:
    of = book(Global(notify=("/all",)))
    (delivery,) = deliveries(MASTER, of, "d1", {"VIPKEEPER_NODE": "d1", "A": "b"})
    assert delivery == Delivery(
        "script:global",
        "notify",
        Command(("/all", "INSTANCE", "VI_1", "MASTER", "150"), (("A", "b"), ("VIPKEEPER_NODE", "d1"))),
    )
    assert delivery.sink == "script"


@pytest.mark.parametrize(
    ("happening", "subject", "text"),
    [
        (MASTER, "[R1] VRRP Instance VI_1 - Entering MASTER state", "=> VRRP Instance is now owning VRRP VIPs <="),
        (
            VrrpChange("vrrp_instance", "VI_1", "MASTER", "FAULT", 150),
            "[R1] VRRP Instance VI_1 - Entering FAULT state",
            "=> VRRP Instance is no longer owning VRRP VIPs <=",
        ),
        (
            GROUP,
            "[R1] VRRP Group VG - Entering MASTER state",
            "=> All VRRP group instances are now in MASTER state <=",
        ),
        (
            DOWN,
            "[R1] Realserver [10.9.0.1]:tcp:81 of virtual server [10.9.0.9]:tcp:80 - DOWN",
            "=> CHECK failed on service <=",
        ),
        (
            ServerChange("web", "a", True),
            "[R1] Realserver [10.9.0.1]:tcp:81 of virtual server [10.9.0.9]:tcp:80 - UP",
            "=> CHECK succeed on service <=",
        ),
        (LOST, "[R1] Virtualserver [10.9.0.9]:tcp:80 - DOWN", "=> Lost quorum 2+0=2 <= 0 <="),
        (
            QuorumChange("web", True, 3, 2),
            "[R1] Virtualserver [10.9.0.9]:tcp:80 - UP",
            "=> Gained quorum 2+0=2 <= 3 <=",
        ),
        (
            ServerChange("gone", "b", False),
            "[R1] Realserver b of virtual server gone - DOWN",
            "=> CHECK failed on service <=",
        ),
        (QuorumChange("gone", True, 1, 1), "[R1] Virtualserver gone - UP", "=> Gained quorum 1+0=1 <= 1 <="),
    ],
)
def test_mails_say_what_keepalived_s_say(happening: Happening, subject: str, text: str) -> None:
    assert mails(happening, book(MAIL, dict(WEB))) == [(subject, text)]


def test_a_mail_tells_the_cause_on_one_line() -> None:
    (delivery,) = deliveries(DOWN, book(MAIL, dict(WEB)), "d1", {})
    assert isinstance(delivery.what, Mail)
    assert delivery.what.text == "=> CHECK failed on service <=\n\nTCP_CHECK: connection refused\n"
    assert (delivery.subscriber, delivery.sink, delivery.keyword) == ("smtp", "smtp", "mail")
    assert (delivery.what.sender, delivery.what.recipients) == ("k@d", ("a@b.c", "d@e.f"))


def test_router_id_and_sender_come_from_the_node_unless_given() -> None:
    general = Global(notification_email=("a@b",), smtp_server=SmtpServer("m"))
    (delivery,) = deliveries(DOWN, book(general), "d1", {})
    assert isinstance(delivery.what, Mail)
    assert (delivery.what.sender, delivery.what.subject[:5]) == ("keepalived@d1", "[d1] ")


@pytest.mark.parametrize(
    ("general", "own", "vrrp", "server", "quorum"),
    [
        ({}, None, False, True, False),
        ({}, True, True, True, True),
        ({}, False, False, False, False),
        ({"smtp_alert": True}, None, True, True, True),
        ({"smtp_alert": False}, None, False, False, False),
        ({"smtp_alert": False, "smtp_alert_vrrp": True}, None, True, False, False),
        ({"smtp_alert": False, "smtp_alert_checker": True}, None, False, True, True),
        ({"smtp_alert_vrrp": True, "smtp_alert_checker": True}, False, False, False, False),
    ],
)
def test_who_is_mailed_by_default_is_as_in_keepalived(
    general: dict[str, bool], own: bool | None, vrrp: bool, server: bool, quorum: bool
) -> None:
    of = book(
        Global(notification_email=("a@b",), smtp_server=SmtpServer("m"), **general),  # type: ignore[arg-type]
        {
            ("vrrp_instance", "VI_1"): Vrrp(smtp_alert=own),
            ("virtual_server", "web"): VirtualServer("x", "tcp", smtp_alert=own),
            ("real_server", "web/a"): RealServer("10.9.0.1", 81, smtp_alert=own),
        },
    )
    assert [bool(mails(h, of)) for h in (MASTER, DOWN, LOST)] == [vrrp, server, quorum]


@pytest.mark.parametrize("state", ["STOP", "INIT"])
def test_a_stop_is_not_mailed(state: str) -> None:
    assert mails(VrrpChange("vrrp_instance", "VI_1", "MASTER", state, 1), book(MAIL)) == []


@pytest.mark.parametrize("lacking", [{"notification_email": ()}, {"smtp_server": None}])
def test_no_mail_without_a_recipient_or_a_server(lacking: dict[str, object]) -> None:
    given = {"notification_email": ("a@b",), "smtp_server": SmtpServer("m"), "smtp_alert": True} | lacking
    of = book(Global(**given))  # type: ignore[arg-type]
    assert mails(MASTER, of) == []
    assert subscribers(of) == ()


def test_subscribers_are_whoever_is_configured() -> None:
    of = book(
        Global(notify=("/all",), notification_email=("a@b",), smtp_server=SmtpServer("m")),
        {("vrrp_instance", "VI_1"): Vrrp({"notify": ("/n",), "notify_stop": ("/n",)}), ("vrrp_instance", "VI_2"): Vrrp()},
    )
    assert subscribers(of) == ("script:global", "script:vrrp_instance/VI_1", "smtp")


def test_an_event_is_known_once_its_object_is() -> None:
    of = book(Global(), dict(WEB))
    assert [known(h, of) for h in (MASTER, DOWN, LOST)] == [False, True, True]
    assert [subject_of(h) for h in (GROUP, DOWN, LOST)] == [
        ("vrrp_sync_group", "VG"),
        ("real_server", "web/a"),
        ("virtual_server", "web"),
    ]
