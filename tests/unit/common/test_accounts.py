"""Programs run as whom the configuration says, never with others' hands on what root runs."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from services.common.accounts import PATH, Account, account, environment, insecure
from services.common.capabilities import may_switch_user
from services.common.errors import InvalidValue

ROOT = Account("root", 0, 0, (), "/root", False)
NOBODY = Account("nobody", 65534, 65534, (), "/nonexistent", True)
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to own what it checks")


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A program that only root may write."""
    for parent in (tmp_path, *tmp_path.parents[:-1]):
        if parent != Path("/tmp") and parent.stat().st_uid == os.geteuid():
            parent.chmod(parent.stat().st_mode & ~0o022)
    path = tmp_path / "bin" / "check.sh"
    path.parent.mkdir(mode=0o755)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@as_root
def test_what_only_root_may_write_is_secure(program: Path) -> None:
    assert insecure(str(program), ROOT) is None


@as_root
@pytest.mark.parametrize(
    ("mode", "group", "why", "fix"),
    [
        (0o757, 0, "is writable by everybody", "chmod o-w"),
        (0o775, 1, "is writable by its group", "chmod g-w"),
    ],
)
@pytest.mark.parametrize("part", [".", ".."])
def test_a_component_that_others_may_write_is_named_with_what_to_do(
    program: Path, mode: int, group: int, why: str, fix: str, part: str
) -> None:
    component = program if part == "." else program.parent
    os.chown(component, 0, group)
    component.chmod(mode)
    refusal = insecure(str(program), ROOT)
    assert refusal is not None
    assert refusal.reason == f"{program} would run as root, but {component} {why}"
    assert refusal.hint == f"{fix} {component}, or set script_user to an unprivileged user"


@as_root
def test_a_component_of_another_user_is_named(program: Path) -> None:
    os.chown(program, 65534, 0)
    refusal = insecure(str(program), ROOT)
    assert refusal is not None
    assert f"{program} belongs to nobody" in refusal.reason
    assert refusal.hint.startswith(f"chown root {program}")
    os.chown(program, 4_000_000, 0)
    refusal = insecure(str(program), ROOT)
    assert refusal is not None
    assert "belongs to uid 4000000" in refusal.reason


@as_root
def test_root_s_own_group_may_write(program: Path) -> None:
    program.chmod(0o775)
    assert insecure(str(program), ROOT) is None


@as_root
def test_a_sticky_folder_lets_others_add_but_not_replace(program: Path) -> None:
    program.parent.chmod(0o1777)
    assert insecure(str(program), ROOT) is None


@as_root
def test_a_symbolic_link_is_followed_and_both_ways_are_looked_at(program: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(program)
    assert insecure(str(link), ROOT) is None
    program.parent.chmod(0o777)
    refusal = insecure(str(link), ROOT)
    assert refusal is not None
    assert f"{program.parent} is writable by everybody" in refusal.reason
    program.parent.chmod(0o755)
    os.chown(link, 65534, 0, follow_symlinks=False)
    refusal = insecure(str(link), ROOT)
    assert refusal is not None
    assert f"{link} belongs to nobody" in refusal.reason


def test_an_unprivileged_user_may_run_anything(program: Path) -> None:
    program.chmod(0o777)
    assert insecure(str(program), NOBODY) is None


def test_a_program_that_is_not_there_is_for_running_to_find_out() -> None:
    assert insecure("/no/such/program", ROOT) is None


@pytest.mark.parametrize(("user", "said"), [("no-such-user", "no user"), ("root no-such-group", "no group")])
def test_an_unknown_user_or_group_is_named(user: str, said: str) -> None:
    with pytest.raises(InvalidValue, match=said) as caught:
        account(user, "user")
    assert caught.value.field == "user"


@pytest.mark.skipif(not may_switch_user(), reason="needs root, to become another user")
def test_a_user_and_a_group_can_be_given() -> None:
    found = account("daemon nogroup")
    assert (found.name, found.uid, found.gid, found.switch) == (
        "daemon",
        pwd.getpwnam("daemon").pw_uid,
        65534,
        True,
    )
    assert 0 not in found.groups


@pytest.mark.skipif(not may_switch_user(), reason="needs root, to become another user")
def test_without_a_user_it_is_keepalived_s_or_nobody() -> None:
    assert account("").name in ("keepalived_script", "nobody")


def test_the_environment_is_made_for_the_user() -> None:
    found = environment(NOBODY, {"VIPKEEPER_NODE": "d1"})
    assert found == {
        "PATH": PATH,
        "LANG": "C.UTF-8",
        "HOME": "/nonexistent",
        "USER": "nobody",
        "LOGNAME": "nobody",
        "SHELL": "/bin/sh",
        "VIPKEEPER_NODE": "d1",
    }
