"""Two masters: which of the three kinds it is, when it is believed, that it stays one alarm, and when it is over."""

from __future__ import annotations

from typing import Any, cast

import pytest

from services.vrrp.agent import split_brain
from services.vrrp.agent.split_brain import CONFIRMED, MISMATCH, ONE_WAY, SECOND, SPLIT, STORED, Rival, SplitBrain
from services.vrrp.agent.switchover import elections
from services.vrrp.views import InstanceView

OURS, THEIRS, THIRD = "192.168.200.2", "192.168.200.3", "192.168.200.4"
T0 = 1_700_000_000 * SECOND


def view(**more: Any) -> InstanceView:
    found: dict[str, Any] = {
        "state": "MASTER",
        "since_at": T0 - 60 * SECOND,
        "offering": "",
        "maintenance": "",
        "virtual_router_id": 51,
        "version": 2,
        "effective_priority": 100,
        "source_address": OURS,
        "advert_int_ns": SECOND,
        "master_advert_int_ns": SECOND,
        **dict.fromkeys(("heard_at", "heard_priority", "refused_at", "refused_vrid"), 0),
        **dict.fromkeys(("heard_address", "refused_address", "refused_reason"), ""),
    }
    return cast("InstanceView", found | more)


def status(rival: Rival | None = None, **more: Any) -> dict[str, Any]:
    """What a peer at THEIRS says, that is master too unless `more` says otherwise."""
    rivals = {"VI_1": rival} if rival is not None else {}
    return {"state": {"engine": "up", "elections": elections({"VI_1": view(source_address=THEIRS, **more)}, rivals)}}


class Story:
    """A core, second by second. `heard`, `refused`: what comes from THEIRS each second."""

    def __init__(self, statuses: dict[str, Any] | None = None) -> None:
        self.core = SplitBrain("a")
        self.now = T0
        self.statuses = statuses

    def seconds(self, count: int, heard: bool = False, refused: str = "", **more: Any) -> str:
        """The kind of the alarm at the end, empty: none."""
        for _ in range(count):
            self.now += SECOND
            if heard:
                more |= {"heard_at": self.now, "heard_address": THEIRS, "heard_priority": 50}
            if refused:
                more |= {"refused_at": self.now, "refused_address": THEIRS, "refused_reason": refused, "refused_vrid": 51}
            self.core.look({"VI_1": view(**more)}, self.statuses, self.now)
        return self.kind()

    def kind(self) -> str:
        alarm = self.core.alarms.get("VI_1")
        return alarm.finding.kind if alarm is not None else ""

    def words(self) -> str:
        return self.core.alarms["VI_1"].finding.words


def test_a_rival_that_is_heard_for_three_intervals_is_a_one_way_link() -> None:
    story = Story()
    assert story.seconds(3, heard=True) == ""
    assert story.seconds(1, heard=True) == ONE_WAY
    assert story.words() == f"{THEIRS} is master too: this node hears it, and it does not hear this node"
    assert story.core.rivals == {"VI_1": Rival(THEIRS)}
    since = story.core.alarms["VI_1"].since
    assert story.seconds(30, heard=True) == ONE_WAY
    assert story.core.alarms["VI_1"].since == since


def test_the_moment_in_which_a_partition_heals_is_no_alarm() -> None:
    story = Story({"b": status()})
    assert story.seconds(1, heard=True) == ""
    story.statuses = {"b": status(state="BACKUP")}
    assert story.seconds(60) == ""


def test_long_intervals_take_longer() -> None:
    slow = {"advert_int_ns": 10 * SECOND}
    story = Story()
    assert story.seconds(30, heard=True, **slow) == ""
    assert story.seconds(1, heard=True, **slow) == ONE_WAY
    last = story.now
    assert story.seconds(29, heard_at=last, heard_address=THEIRS, heard_priority=50, **slow) == ONE_WAY
    assert story.seconds(1, heard_at=last, heard_address=THEIRS, heard_priority=50, **slow) == ""


def test_it_is_over_when_the_other_falls_silent_or_this_node_yields_or_is_no_longer_configured() -> None:
    story = Story()
    story.seconds(4, heard=True)
    last = {"heard_at": story.now, "heard_address": THEIRS, "heard_priority": 50}
    assert story.seconds(2, **last) == ONE_WAY
    assert story.seconds(1, **last) == ""
    assert story.core.rivals == {}
    assert story.seconds(4, heard=True) == ONE_WAY
    assert story.seconds(1, heard=True, state="BACKUP") == ""
    assert story.seconds(4, heard=True) == ONE_WAY
    assert story.core.look({}, None, story.now)
    assert not story.core.alarms
    assert not story.core.look({}, None, story.now)


def test_a_release_and_an_advert_from_before_this_node_was_master_are_no_rivals() -> None:
    story = Story()
    assert story.seconds(9, heard_at=T0 + 100 * SECOND, heard_address=THEIRS, heard_priority=0) == ""
    assert story.seconds(9, heard_at=T0, heard_address=THEIRS, heard_priority=50, since_at=T0 + 1) == ""
    assert story.seconds(9, heard=True, offering="switchover") == ""


REASONS = [*split_brain.WRONG, "unknown_vrid", "length"]


@pytest.mark.parametrize("reason", REASONS)
def test_adverts_that_are_refused_are_a_configuration_mismatch_that_says_what_differs(reason: str) -> None:
    story = Story()
    assert story.seconds(4, refused=reason) == MISMATCH
    words = {"unknown_vrid": "they have virtual_router_id 51, and the same addresses", "length": "they cannot be read (length)"}
    assert story.words() == f"{THEIRS} is master too, and its adverts are refused here: " + (
        words.get(reason) or split_brain.WRONG[reason]
    )


def test_a_refusal_says_more_than_what_is_heard() -> None:
    assert Story().seconds(5, heard=True, refused="auth_failure") == MISMATCH


def test_two_masters_by_the_store_alone_are_believed_once_a_dead_nodes_key_would_be_gone() -> None:
    story = Story({"b": status()})
    assert story.seconds(STORED // SECOND) == ""
    assert story.seconds(1) == SPLIT
    assert story.words() == f"b ({THEIRS}) is master too, by its status in the store, and neither of the two hears the other"
    story.statuses = {"b": status(state="BACKUP")}
    assert story.seconds(1) == ""


def test_a_peer_that_hears_this_node_unheard_is_a_one_way_link() -> None:
    story = Story({"b": status(Rival(OURS))})
    assert story.seconds(21) == ONE_WAY
    assert story.words() == f"b ({THEIRS}) is master too: it hears this node, and this node does not hear it"


def test_wire_and_store_together_are_one_alarm_that_names_the_node() -> None:
    story = Story({"b": status()})
    assert story.seconds(3 + CONFIRMED // SECOND, heard=True) == ""
    assert story.seconds(1, heard=True) == ONE_WAY
    assert story.words() == f"b ({THEIRS}) is master too: this node hears it, and it does not hear this node"


def test_what_the_peer_says_of_its_refusal_explains_why_it_does_not_yield() -> None:
    story = Story({"b": status()})
    story.seconds(5, heard=True)
    story.statuses = {"b": status(Rival(OURS, "checksum", 51))}
    assert story.seconds(4, heard=True) == MISMATCH
    words = f"b ({THEIRS}) is master too, and refuses this node's adverts: {split_brain.WRONG['checksum']}"
    assert story.words() == words


def test_a_refusal_that_only_the_peer_sees_is_a_mismatch_too() -> None:
    story = Story({"b": status(Rival(OURS, "source", 51))})
    assert story.seconds(21) == MISMATCH
    assert "refuses this node's adverts: their sender is not among unicast_peer" in story.words()


@pytest.mark.parametrize(("field", "theirs", "ours"), [("virtual_router_id", 52, 51), ("version", 3, 2)])
def test_what_differs_in_the_store_is_said(field: str, theirs: int, ours: int) -> None:
    story = Story({"b": status(**{field: theirs})})
    assert story.seconds(21) == MISMATCH
    assert story.words() == f"b ({THEIRS}) is master too: its {field} is {theirs}, here it is {ours}"


def test_two_that_hear_each_other_and_do_not_yield_and_two_with_one_address_are_mismatches() -> None:
    story = Story({"b": status(Rival(OURS))})
    assert story.seconds(5, heard=True) == MISMATCH
    assert story.words() == f"b ({THEIRS}) is master too: the two hear each other, and neither yields"
    story = Story()
    assert story.seconds(5, heard=True, source_address=THEIRS) == MISMATCH
    assert story.words() == f"another master sends its adverts from this node's own address {THEIRS}"


def test_a_heard_master_that_lists_other_addresses_is_a_mismatch() -> None:
    story = Story()
    assert story.seconds(4, heard=True, heard_list_differs=True) == MISMATCH
    assert "its adverts list other addresses than this node's" in story.words()


def test_with_the_store_gone_only_the_wire_raises_and_a_standing_alarm_stands() -> None:
    story = Story({"b": status()})
    assert story.seconds(10) == ""
    story.statuses = None
    assert story.seconds(60) == ""
    story.statuses = {"b": status()}
    assert story.seconds(21) == SPLIT
    story.statuses = None
    assert story.seconds(60) == SPLIT
    assert story.seconds(60, heard=True) == SPLIT
    story.statuses = {"b": status(state="BACKUP")}
    assert story.seconds(1) == ""


def test_an_alarm_changes_when_it_is_no_longer_true_and_when_more_is_known_and_never_splits() -> None:
    story = Story({"b": status()})
    story.seconds(21)
    since = story.core.alarms["VI_1"].since
    assert story.seconds(9, heard=True) == SPLIT
    assert story.seconds(1, heard=True) == ONE_WAY
    story.statuses = {"b": status(Rival(OURS, "ttl", 51))}
    assert story.seconds(4, heard=True) == MISMATCH
    assert story.core.alarms["VI_1"].since == since
    assert list(story.core.alarms) == ["VI_1"]


def test_of_several_others_the_first_stays_the_alarm() -> None:
    story = Story({"b": status()})
    story.seconds(21)
    story.statuses = {"aa": status(), "b": status()}
    assert story.seconds(60) == SPLIT
    assert story.words().startswith("b (")


@pytest.mark.parametrize(
    "statuses",
    [
        {"a": status()},
        {"b": {}},
        {"b": None},
        {"b": {"state": []}},
        {"b": {"state": {"engine": "down", "elections": {"VI_1": {"state": "MASTER"}}}}},
        {"b": {"state": {"engine": "up"}}},
        {"b": {"state": {"engine": "up", "elections": {"VI_1": "MASTER"}}}},
        {"b": {"state": {"engine": "up", "elections": {"VI_1": {"state": "MASTER", "source": THIRD}}}}},
    ],
)
def test_a_status_that_cannot_be_read_is_our_own_or_of_a_node_without_its_engine_says_nothing(statuses: dict[str, Any]) -> None:
    assert Story(statuses).seconds(60) == ""
