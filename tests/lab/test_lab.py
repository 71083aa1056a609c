"""The lab keeps its promises: status, streams, limits, nothing left behind, systemd, machines wired together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kit.wait import until
from tests.lab.guest_items import LAB, ROOT, lab_trouble
from tests.lab.guests import Guest, GuestError, Lan

if trouble := lab_trouble():
    pytest.skip(trouble, allow_module_level=True)

pytestmark = [pytest.mark.netns, pytest.mark.timeout(300)]


def lab(*words: str, cwd: Path = ROOT, timeout: int = 60, shell: str = "") -> subprocess.CompletedProcess[str]:
    command = ["sh", "-c", shell] if shell else []
    argv = [str(LAB), "run", "--timeout", str(timeout), *words, "--", *command]
    return subprocess.run(argv, cwd=cwd, capture_output=True, text=True, errors="replace", check=False, timeout=200)


def test_check_says_yes_where_labs_run() -> None:
    done = subprocess.run([LAB, "check"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_check_names_what_is_missing(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, LAB, "check"], env={"PATH": str(tmp_path)}, capture_output=True, text=True)
    assert done.returncode == 1
    assert "linux.uml" in done.stderr
    assert "apt-get install" in done.stderr


def test_status_and_both_streams_come_out_apart() -> None:
    done = lab(shell="echo out; echo err >&2; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, "out\n", "err\n")


def test_megabytes_come_through_whole() -> None:
    done = lab(shell="head -c 3000000 /dev/zero | tr '\\0' x")
    assert done.stdout == "x" * 3_000_000


def test_the_time_limit_ends_it_with_124() -> None:
    assert lab(shell="sleep 100", timeout=1).returncode == 124


def test_a_command_that_ignores_the_limit_is_killed() -> None:
    assert lab(shell="trap '' TERM; while :; do sleep 1; done", timeout=1).returncode == 137


def test_a_machine_that_dies_is_125_and_shows_its_console() -> None:
    done = lab(shell="echo c >/proc/sysrq-trigger")
    assert done.returncode == 125
    assert "the machine stopped before the command did" in done.stderr
    assert "panic" in done.stderr


def test_a_reboot_does_not_run_the_job_again(tmp_path: Path) -> None:
    done = lab("--out", str(tmp_path), shell="echo x >>$LAB_OUT/runs; echo b >/proc/sysrq-trigger; sleep 20")
    assert done.returncode == 125
    assert (tmp_path / "runs").read_text() == "x\n"


def test_only_lab_out_is_written_on_the_host(tmp_path: Path) -> None:
    probe = Path("/etc") / f"lab-probe-{os.getpid()}"
    done = lab("--out", str(tmp_path), shell=f"echo x >{probe} && cat {probe} && echo y >$LAB_OUT/kept")
    assert (done.returncode, done.stdout) == (0, "x\n")
    assert not probe.exists()
    assert (tmp_path / "kept").read_text() == "y\n"


def test_a_working_directory_below_tmp_stays_visible(tmp_path: Path) -> None:
    (tmp_path / "here").write_text("seen\n")
    assert lab(cwd=tmp_path, shell="cat here").stdout == "seen\n"


def test_variables_are_passed_by_name_and_by_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLOUR", "it's red")
    assert lab("--env", "COLOUR", "--env", "SIZE=1 2", shell='echo "$COLOUR|$SIZE"').stdout == "it's red|1 2\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_killed_lab_leaves_no_process(number: int, tmp_path: Path) -> None:
    argv = [str(LAB), "run", "--out", str(tmp_path), "--", "sh", "-c", "echo $$ >$LAB_OUT/up; sleep 100"]
    with subprocess.Popen(argv, cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        until((tmp_path / "up").exists, 60, "the guest runs its job")
        below = descendants(process.pid)
        assert len(below) > 2
        process.send_signal(number)
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in below), 30, "its processes are gone")


def descendants(pid: int) -> list[int]:
    children = [int(c) for c in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [*children, *(d for child in children for d in descendants(child))]


def test_systemd_is_pid_1_and_starts_units() -> None:
    done = lab(
        "--mode",
        "systemd",
        shell="cat /proc/1/comm; systemd-run --wait --pipe -q -p DynamicUser=yes -p LoadCredential=c:/etc/hostname"
        " sh -c 'cat $CREDENTIALS_DIRECTORY/c; id -u'; journalctl -q -n1 -o cat -u lab >/dev/null && echo journal",
    )
    comm, credential, user, journal = done.stdout.split()
    assert (done.returncode, comm, credential, journal) == (0, "systemd", "lab", "journal")
    assert int(user) > 60000


def test_machines_talk_over_a_lan_until_it_is_cut(tmp_path: Path) -> None:
    listen = (
        '/usr/bin/python3 -S -c \'import socket; s=socket.create_server(("", 7))\n'
        'while 1: s.accept()[0].sendall(b"hello")\' >/dev/null 2>&1 &'
    )
    ask = "/usr/bin/python3 -S -c 'import socket;print(socket.create_connection((\"10.9.0.2\",7),5).recv(9).decode())'"
    with Lan(tmp_path / "lan.pcap") as lan, Guest("a", lans=[lan]) as a, Guest("b", lans=[lan]) as b:
        for number, guest in enumerate((a, b), start=1):
            guest.wait_up().sh(f"ip addr add 10.9.0.{number}/24 dev vec0; ip link set vec0 up")
        b.sh(listen)
        assert until(lambda: a.attempt(ask)[1].strip() == "hello", 60, "a hears b")
        lan.cut(0, 1)
        with pytest.raises(GuestError, match=r"timed out|timeout"):
            a.sh(ask)
        b.power_off()
        assert lan.frames > 0
    assert (tmp_path / "lan.pcap").stat().st_size > 24 + 16


def test_what_happens_inside_is_reported_outside() -> None:
    environment = os.environ | {"LAB_FORCE": "1", "CI": ""}
    sample = "tests/lab/inside/sample.py"
    argv = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rA", sample]
    done = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=280)
    assert "3 passed, 1 skipped, 2 failed" in done.stdout or "2 failed, 3 passed, 1 skipped" in done.stdout
    assert f"PASSED {sample}::test_takes_parameters[2]" in done.stdout
    assert "{'found': 1} == {'wanted': 2}" in done.stdout
    assert "said before failing" in done.stdout
    assert "in the guest: because of a reason" in done.stdout
    assert "the guest ended before this test did" in done.stdout
