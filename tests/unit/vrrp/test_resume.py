"""What a launcher hands to its own next program survives the way, and what cannot be understood is refused before it counts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from services.vrrp.launcher import resume
from services.vrrp.launcher.children import Adopted, Child, Kept, ending
from services.vrrp.launcher.resume import Resume

HELD = Resume(3, "handover-2", Kept(100, 4, 1), Kept(101, 5, 0), 6, (7, 8), 2, True)


def test_what_is_held_survives_the_way() -> None:
    assert resume.decode(HELD.encode()) == HELD
    assert set(HELD.descriptors) == {3, 4, 5, 6, 7, 8}
    assert set(HELD._replace(reception=-1).descriptors) == {3, 4, 5, 7, 8}


@pytest.mark.parametrize("text", ["", "{", "[]", "[2,3,4]", "null", "7", HELD.encode().replace("[1,", "[9,", 1)])
def test_what_cannot_be_understood_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  (whichever text json or this module has for it)
        resume.decode(text)


def test_a_program_that_is_not_resumed_inherits_nothing() -> None:
    assert resume.inherited() is None


def test_the_trial_of_a_new_program_says_whether_it_understands() -> None:
    command = [sys.executable, "-m", "services.vrrp", "--store", "file:/nowhere"]

    def trial(text: str) -> int:
        environment = {**os.environ, resume.RESUME: text, resume.TRIAL: "1"}
        return subprocess.run(command, env=environment, capture_output=True, check=False).returncode

    assert trial(HELD.encode()) == 0
    assert trial("[2]") != 0


def test_a_child_that_an_earlier_program_started_is_known_by_its_pid() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    adopted = Adopted(process.pid)
    assert adopted.poll() is None
    adopted.send_signal(signal.SIGKILL)
    assert adopted.wait() == -signal.SIGKILL
    assert adopted.poll() == -signal.SIGKILL
    adopted.send_signal(signal.SIGKILL)  # nobody is there any more
    assert process.stdin is not None
    process.stdin.close()
    process.returncode = adopted.returncode  # Popen cannot know


def test_a_child_that_is_nowhere_has_ended() -> None:
    assert Adopted(2**22 + 1).poll() == 0


def test_how_a_process_ended_is_said_in_words() -> None:
    assert ending(3) == "ended with status 3"
    assert ending(-9) == "was ended by SIGKILL"
    assert ending(-200) == "was ended by signal 200"


def test_there_is_nothing_to_keep_of_a_child_that_is_not_up() -> None:
    assert Child("engine", (8, 8)).kept() is None
