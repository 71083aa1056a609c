"""notify reads who is to be told, with keepalived's words and defaults, and says what is wrong with what."""

from __future__ import annotations

from typing import Any

import pytest

from services.common.errors import InvalidValue
from services.notify.settings import (
    DECODERS,
    REMEMBERED,
    SECOND,
    Book,
    Global,
    RealServer,
    SmtpServer,
    VirtualServer,
    Vrrp,
)


def test_globals_have_keepalived_s_defaults() -> None:
    general = DECODERS["global"]("", {})
    assert general == Global()
    assert isinstance(general, Global)
    assert (general.smtp_connect_timeout, general.enable_script_security) == (30 * SECOND, True)


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("mail.example.org", SmtpServer("mail.example.org", 25)),
        ("192.0.2.1 2525", SmtpServer("192.0.2.1", 2525)),
        ("::1 25", SmtpServer("::1", 25)),
    ],
)
def test_the_mail_server_is_a_host_and_maybe_a_port(text: str, server: SmtpServer) -> None:
    general = DECODERS["global"]("", {"smtp_server": text})
    assert isinstance(general, Global)
    assert general.smtp_server == server


def test_a_connect_timeout_of_0_is_one_second_as_in_keepalived() -> None:
    assert DECODERS["global"]("", {"smtp_connect_timeout": 0}) == Global(smtp_connect_timeout=SECOND)


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"smtp_server": ""}, "smtp_server"),
        ({"smtp_server": "a b c"}, "smtp_server"),
        ({"smtp_server": "a 0"}, "smtp_server"),
        ({"smtp_server": "a 65536"}, "smtp_server"),
        ({"smtp_server": "a ²"}, "smtp_server"),
        ({"notification_email": ["a@b", "x y@z"]}, "notification_email[1]"),
        ({"notification_email": [""]}, "notification_email[0]"),
        ({"notification_email": ["a@b\r\nRCPT TO:<c>"]}, "notification_email[0]"),
        ({"notification_email": ["ä@b"]}, "notification_email[0]"),
        ({"notification_email_from": "<a@b>"}, "notification_email_from"),
        ({"router_id": "a\nSubject: b"}, "router_id"),
        ({"smtp_helo_name": "a\x7f"}, "smtp_helo_name"),
        ({"script_user": ""}, "script_user"),
        ({"script_user": "a b c"}, "script_user"),
        ({"notify": "  "}, "notify"),
        ({"notify": "''"}, "notify"),
        ({"notify": "/bin/x 'open"}, "notify"),
        ({"notify": "/bin/x a\0b"}, "notify"),
    ],
)
def test_a_bad_global_is_named_by_its_field(value: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        DECODERS["global"]("", value)
    assert caught.value.field == field


def test_command_lines_are_split_as_a_shell_would() -> None:
    wants = DECODERS["vrrp_instance"]("VI_1", {"notify_master": "/bin/x 'a b' c\\ d \"e f\"", "interface": "eth0"})
    assert wants == Vrrp({"notify_master": ("/bin/x", "a b", "c d", "e f")})


def test_virtual_servers_are_named_as_keepalived_names_them() -> None:
    decode = DECODERS["virtual_server"]
    web = decode("web", {"address": "10.9.0.9", "port": 80, "protocol": "tcp", "hysteresis": 1, "quorum_up": "/bin/x"})
    assert web == VirtualServer("[10.9.0.9]:tcp:80", "tcp", 1, {"quorum_up": ("/bin/x",)})
    assert decode("mark", {"fwmark": 7, "smtp_alert": True}) == VirtualServer("FWM 7", "none", smtp_alert=True)
    assert decode("bare", {}) == VirtualServer("[]:udp:0", "udp")


def test_real_servers_keep_their_programs() -> None:
    server = DECODERS["real_server"]("web/a", {"address": "10.0.0.1", "port": 80, "notify_down": "/bin/x down"})
    assert server == RealServer("10.0.0.1", 80, {"notify_down": ("/bin/x", "down")})


def test_what_was_removed_is_still_known_until_it_comes_back() -> None:
    identity, wants = ("vrrp_instance", "VI_1"), Vrrp({"notify_stop": ("/bin/x",)})
    book = Book().after({identity: wants}, ())
    gone = book.after({}, [identity, ("vrrp_instance", "never was")])
    assert (gone.find(identity), dict(gone.objects)) == (wants, {})
    assert gone.after({identity: Vrrp()}, ()).find(identity) == Vrrp()


def test_only_so_many_removed_objects_are_remembered() -> None:
    ids = [("vrrp_instance", f"VI_{n}") for n in range(REMEMBERED + 2)]
    book = Book().after({identity: Vrrp() for identity in ids}, ()).after({}, ids)
    assert [book.find(identity) is None for identity in (ids[1], ids[2])] == [True, False]


def test_every_program_of_the_configuration_is_listed() -> None:
    book = Book().after(
        {
            ("global", ""): Global(notify=("/bin/g",)),
            ("vrrp_instance", "VI_1"): Vrrp({"notify": ("/bin/i",)}),
            ("vrrp_instance", "VI_2"): Vrrp(),
        },
        (),
    )
    assert sorted(book.commands()) == [
        (("global", ""), "notify", ("/bin/g",)),
        (("vrrp_instance", "VI_1"), "notify", ("/bin/i",)),
    ]
    assert list(Book().after({("global", ""): Global()}, ()).commands()) == []
