"""notify killed, or its mail server dead: nobody waits, and no event is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit.mailbox import Mailbox
from tests.kit.netns import Net
from tests.kit.wait import until
from tests.must_hold.pair import CONFIGURATION, FIRST, PATIENCE_S, VI_1, VIP, Pair

pytestmark = [pytest.mark.netns, pytest.mark.timeout(300)]

MAIL_SERVER = "192.168.200.20"


@pytest.fixture
def notes(pair: Pair) -> Path:
    """Where a script notes what it is told: "INSTANCE VI_1 MASTER 150"."""
    file = pair.folder / "notes"
    script = pair.folder / "note"
    script.write_text(f'#!/bin/sh\necho "$1 $2 $3 $4" >>{file}\n')
    script.chmod(0o755)
    told = {
        **CONFIGURATION,
        "config/global": {
            "script_user": "root",
            "enable_script_security": False,
            "smtp_server": MAIL_SERVER,
            "smtp_connect_timeout": "2s",
            "notification_email": ["admin@example.org"],
        },
        "config/vrrp_instance/VI_1": {**VI_1, "notify": str(script), "smtp_alert": True},
    }
    pair.configure(pair.first, told)
    return file


def states(notes: Path) -> list[str]:
    """States the script was told, in order, repeats of one delivery aside."""
    found: list[str] = []
    for line in notes.read_text().splitlines() if notes.exists() else ():
        state = line.split()[2]
        if found[-1:] != [state]:
            found.append(state)
    return found


def fall_and_rise(pair: Pair) -> None:
    """MASTER -> FAULT -> BACKUP -> MASTER, by unplugging the cable; waits for vrrp alone."""
    pair.cables["first"].unplug()
    until(lambda: VIP not in pair.first.addresses("eth0"), PATIENCE_S, what=pair.first.logs)
    pair.cables["first"].plug()
    pair.wait_for_master(pair.first)


def test_vrrp_goes_on_without_notify_and_what_happened_is_delivered_in_order_later(pair: Pair, notes: Path) -> None:
    pair.first.start("vrrp", "notify")
    pair.wait_for_master(pair.first)
    until(lambda: states(notes)[-1:] == ["MASTER"], PATIENCE_S, what=pair.first.logs)
    before = states(notes)

    pair.first.kill("notify")
    fall_and_rise(pair)
    fall_and_rise(pair)
    assert states(notes) == before
    pair.first.start("notify")

    cycle = ["FAULT", "BACKUP", "MASTER"]
    until(
        lambda: states(notes) == [*before, *cycle, *cycle],
        PATIENCE_S,
        what=lambda: f"{states(notes)}\n{pair.first.logs()}",
    )


def test_a_dead_mail_server_delays_neither_vrrp_nor_scripts_and_gets_its_mail_later(
    pair: Pair, notes: Path, net: Net, request: pytest.FixtureRequest
) -> None:
    pair.first.start("vrrp", "notify")
    pair.wait_for_master(pair.first)
    fall_and_rise(pair)
    until(lambda: states(notes)[-4:] == ["MASTER", "FAULT", "BACKUP", "MASTER"], PATIENCE_S, what=pair.first.logs)
    pair.wait_for_adverts(FIRST, 1)

    post = net.host("post")
    pair.join(post, MAIL_SERVER)
    mailbox = Mailbox(post)
    request.addfinalizer(mailbox.close)

    def all_mailed() -> bool:
        return len(mailbox.subjects) >= len(states(notes))

    until(all_mailed, PATIENCE_S, what=lambda: f"{mailbox.subjects}\n{pair.first.logs()}")
