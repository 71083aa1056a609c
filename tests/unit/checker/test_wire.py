"""What agent and workers say to each other survives the way."""

from __future__ import annotations

import json

from services.checker import wire
from services.checker.kinds.dns import Dns
from services.checker.kinds.http import Http, Url
from services.checker.kinds.misc import Misc
from services.checker.kinds.ping import Ping
from services.checker.kinds.smtp import Smtp
from services.checker.kinds.target import Target
from services.checker.kinds.tcp import Tcp
from services.checker.kinds.udp import Udp
from services.checker.probing import Probing, Result, Update
from services.checker.schedule import Timing
from services.checker.streak import Phase, Streak

TIMING = Timing(30, 3, 1, 2, 0)
CHECKS = (
    Probing(1, "tcp_check", Tcp(Target("192.0.2.1", 80, "192.0.2.9", 5, "eth0", 7)), TIMING),
    Probing(
        2,
        "ssl_get",
        Http(
            Target("::1", 443),
            (Url("/", "h", "ab" * 16, ((200, 299), (301, 301))), Url("/ü", "h")),
            True,
            ("a.example", ""),
            "1.1",
            True,
        ),
        TIMING,
    ),
    Probing(3, "misc_check", Misc(("/bin/x", "a b"), 5, True, "nobody", False), TIMING),
    Probing(4, "dns_check", Dns(Target("192.0.2.1", 53), "a.example", 28), TIMING),
    Probing(5, "udp_check", Udp(Target("192.0.2.1", 53), "00ff", True, "x1", 1, 2), TIMING),
    Probing(6, "ping_check", Ping(Target("192.0.2.1", 0)), TIMING),
    Probing(7, "smtp_check", Smtp(Target("192.0.2.1", 25), "lb"), TIMING),
)
STATE = Result(Streak(Phase.RECOVERING, 2, 1, False), "gone", 5)


def test_checks_arrive_as_they_were_sent() -> None:
    updates = [Update(check, STATE) for check in CHECKS]
    (message,) = wire.start(updates)
    assert wire.read_starts(json.loads(message)) == updates


def test_reports_arrive_as_they_were_sent() -> None:
    rows = [wire.Report(7, Result(Streak(Phase.DOWN, 3), "no", None, 17, 4), 99), wire.Report(8, STATE, 0)]
    (message,) = wire.reports(rows)
    assert wire.read_reports(json.loads(message)) == rows


def test_a_message_of_one_kind_holds_nothing_of_another() -> None:
    message = json.loads(wire.beat(wire.Beat(1, 2, 3, 4, 5)))
    assert wire.read_beat(message) == wire.Beat(1, 2, 3, 4, 5)
    assert wire.read_starts(message) == []
    assert wire.read_reports(message) == []
    assert wire.read_beat(json.loads(wire.answered(3))) is None
    assert json.loads(wire.ask(4)) == {"ask": 4}


def test_many_rows_are_spread_over_messages_that_fit() -> None:
    numbers = range(10**6, 10**6 + 50_000)
    messages = list(wire.stop(numbers))
    assert len(messages) > 1
    assert max(map(len, messages)) < wire.LIMIT + 100
    assert [number for m in messages for number in json.loads(m)["stop"]] == list(numbers)
    assert list(wire.stop([])) == []
